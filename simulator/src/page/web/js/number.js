// The number field. The service accepts any punctuation.

import { byId } from "./dom.js";

export class NumberField {
  #input = byId("number");

  /** Calls `onChange` when the number has changed. */
  constructor(onChange) {
    this.#input.addEventListener("input", () => {
      this.invalid = false;
      onChange();
    });
  }

  /** The international number as typed, without the punctuation that the service ignores; empty if there is none. */
  get value() {
    return this.#input.value.replace(/[\s().+-]/g, "");
  }

  focus() {
    this.#input.focus();
  }

  /** Marks the number as invalid or valid. */
  set invalid(invalid) {
    this.#input.ariaInvalid = String(invalid);
  }
}
