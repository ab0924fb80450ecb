// The number field: a number in the chosen country, or a complete number that begins with +.

import { byId, element } from "./dom.js";
import { countries } from "./countries.js";
import { digits } from "./words.js";

export class NumberField {
  #country = byId("country");
  #number = byId("number");
  #callingCode = byId("calling-code");

  constructor() {
    for (const { id, name, code } of countries(document.documentElement.lang)) {
      this.#country.append(element("option", { value: code, selected: id === "US" }, `${name} (+${code})`));
    }
    this.#country.addEventListener("change", () => this.#show());
    this.#number.addEventListener("input", () => this.#show());
    this.#show();
  }

  /** The international number as typed, without the punctuation that the service ignores; empty if there is none. */
  get value() {
    const typed = this.#number.value.trim();
    const bare = typed.replace(/[\s().-]/g, "");
    if (bare === "" || bare === "+") {
      return "";
    }
    return this.#isComplete() ? bare.slice(1) : this.#country.value + bare;
  }

  /** Fills in a complete number. */
  set value(phone) {
    this.#number.value = `+${digits(phone)}`;
    this.#show();
  }

  focus() {
    this.#number.focus();
  }

  /** Marks the number as invalid or valid. */
  set invalid(invalid) {
    this.#number.setAttribute("aria-invalid", String(invalid));
  }

  #isComplete() {
    return this.#number.value.trimStart().startsWith("+");
  }

  #show() {
    this.#callingCode.textContent = `+${this.#country.value}`;
    this.#callingCode.hidden = this.#isComplete();
    this.invalid = false;
  }
}
