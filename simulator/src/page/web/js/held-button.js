// A button that is held while the service would refuse what it does.

import { hold, isHeld } from "./dom.js";
import { duration } from "./words.js";

export class HeldButton {
  #button;
  #timer = null;
  #label;

  /** Calls `onPress` when the button is pressed and not held. */
  constructor(button, onPress) {
    this.#button = button;
    this.#label = button.textContent;
    button.addEventListener("click", () => isHeld(button) || onPress());
  }

  /** Holds the button for that many seconds, or releases it if they are null. */
  wait(seconds, label = this.#label) {
    clearInterval(this.#timer);
    this.#label = label;
    const until = Date.now() + (seconds ?? 0) * 1000;
    const tick = () => {
      const left = until - Date.now();
      hold(this.#button, left > 0);
      this.#button.textContent = left > 0 ? `${label} in ${duration(Math.ceil(left / 1000))}` : label;
      if (left <= 0) {
        clearInterval(this.#timer);
      }
    };
    this.#timer = setInterval(tick, 250);
    tick();
  }
}
