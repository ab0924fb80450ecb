// The field for the code: one input, shown as a slot for each digit. The last digit completes the code.

import { byId, element } from "./dom.js";
import { digits } from "./words.js";

export class CodeField extends EventTarget {
  #input = byId("code");
  #slots = byId("slots");

  /** Fires `complete` when the last digit is typed, pasted or filled in by the browser. */
  constructor(length) {
    super();
    this.length = length;
    this.#input.addEventListener("input", () => {
      this.value = this.#input.value;
      if (this.isComplete) {
        this.dispatchEvent(new Event("complete"));
      }
    });
  }

  get length() {
    return this.#slots.children.length;
  }

  set length(length) {
    this.#slots.replaceChildren(...Array.from({ length }, () => element("span")));
    this.value = "";
  }

  get value() {
    return this.#input.value;
  }

  set value(code) {
    const typed = digits(code).slice(0, this.length);
    this.#input.value = typed;
    this.invalid = false;
    [...this.#slots.children].forEach((slot, index) => {
      slot.textContent = typed[index] ?? "";
      slot.toggleAttribute("data-next", index === typed.length);
    });
  }

  get isComplete() {
    return this.value.length === this.length;
  }

  set invalid(invalid) {
    this.#input.ariaInvalid = String(invalid);
  }

  focus() {
    this.#input.focus();
  }
}
