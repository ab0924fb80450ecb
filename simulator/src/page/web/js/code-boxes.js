// One box for each digit. Pasted or autofilled codes spread over them; the last digit completes the code.

import { element } from "./dom.js";
import { digits } from "./words.js";

export class CodeBoxes extends EventTarget {
  #container;
  #boxes = [];

  /** Fires `complete` when the user has filled the last empty box. */
  constructor(container, length) {
    super();
    this.#container = container;
    this.length = length;
  }

  get length() {
    return this.#boxes.length;
  }

  set length(length) {
    this.#boxes = Array.from({ length }, (_, index) => this.#box(index, length));
    this.#container.replaceChildren(...this.#boxes);
  }

  /** The digits typed so far. */
  get value() {
    return this.#boxes.map((box) => box.value).join("");
  }

  get isComplete() {
    return this.#boxes.every((box) => box.value !== "");
  }

  /** Fills in a complete code. */
  fill(code) {
    this.#spread(0, code);
  }

  clear() {
    this.#boxes.forEach((box) => { box.value = ""; });
  }

  focus() {
    (this.#boxes.find((box) => box.value === "") ?? this.#boxes[0]).focus();
  }

  set invalid(invalid) {
    this.#boxes.forEach((box) => box.setAttribute("aria-invalid", String(invalid)));
  }

  #box(index, length) {
    const box = element("input", {
      type: "text",
      inputMode: "numeric",
      pattern: "[0-9]*",
      // Phones offer the code of a message to a field with this value; one such field is enough.
      autocomplete: index === 0 ? "one-time-code" : "off",
      "aria-label": `Digit ${index + 1} of ${length}`,
      "aria-describedby": "code-hint",
    });
    box.addEventListener("input", () => this.#typed(index));
    box.addEventListener("paste", (event) => this.#pasted(event, index));
    box.addEventListener("keydown", (event) => this.#pressed(event, index));
    box.addEventListener("focus", () => box.select());
    return box;
  }

  #typed(index) {
    const typed = digits(this.#boxes[index].value);
    this.#boxes[index].value = "";
    if (typed !== "") {
      this.#spread(index, typed);
      this.#tellIfComplete();
    }
  }

  #pasted(event, index) {
    event.preventDefault();
    const pasted = digits(event.clipboardData.getData("text"));
    if (pasted !== "") {
      // A complete code goes to the first box, wherever it is pasted.
      this.#spread(pasted.length >= this.length ? 0 : index, pasted);
      this.#tellIfComplete();
    }
  }

  #spread(from, code) {
    const taken = [...code].slice(0, this.length - from);
    taken.forEach((digit, offset) => { this.#boxes[from + offset].value = digit; });
    this.invalid = false;
    const next = this.#boxes[Math.min(from + taken.length, this.length - 1)];
    next.focus();
    next.select();
  }

  #tellIfComplete() {
    if (this.isComplete) {
      this.dispatchEvent(new Event("complete"));
    }
  }

  #pressed(event, index) {
    const go = (to) => {
      event.preventDefault();
      this.#boxes[Math.max(0, Math.min(to, this.length - 1))].focus();
    };
    switch (event.key) {
      case "ArrowLeft": return go(index - 1);
      case "ArrowRight": return go(index + 1);
      case "Home": return go(0);
      case "End": return go(this.length - 1);
      case "Backspace":
        if (this.#boxes[index].value === "" && index > 0) {
          this.#boxes[index - 1].value = "";
          go(index - 1);
        }
    }
  }
}
