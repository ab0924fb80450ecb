// The time that a code has left, running down.

import { byId } from "./dom.js";
import { clock } from "./words.js";

export class Expiry {
  #until = null;
  #whole = 1;
  #onEnd;

  /** Calls `onEnd` when the time is over. */
  constructor(onEnd) {
    this.#onEnd = onEnd;
    setInterval(() => this.#tick(), 250);
  }

  /** Starts with a moment; without one nothing is shown. `whole` is the code's whole life, if it is known. */
  start(until, whole) {
    this.#whole = whole ?? (this.#until === null || until === null ? until - Date.now() : this.#whole);
    this.#until = until;
    byId("expiry").hidden = byId("life").hidden = until === null;
    this.#tick();
  }

  #tick() {
    if (this.#until === null) {
      return;
    }
    const left = this.#until - Date.now();
    byId("expires-in").textContent = clock(left);
    byId("life").value = Math.max(0, Math.min(1, left / this.#whole));
    if (left <= 0) {
      this.#until = null;
      this.#onEnd();
    }
  }
}
