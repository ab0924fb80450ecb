// The button that sends again, held while the service would refuse.

import { byId, hold, isHeld } from "./dom.js";

const LABEL = "Send again";

export class ResendButton {
  #button = byId("resend");
  #timer = null;
  #phone = null;

  /** Calls `onPress` when the button is pressed. */
  constructor(onPress) {
    this.#button.addEventListener("click", onPress);
  }

  /** Returns true while the service would refuse another message to `phone`. */
  isHeldFor(phone) {
    return isHeld(this.#button) && this.#phone === phone;
  }

  focus() {
    this.#button.focus();
  }

  /** Holds the button for that many seconds, or releases it if they are null. */
  wait(seconds, phone) {
    clearInterval(this.#timer);
    this.#phone = phone;
    const until = Date.now() + (seconds ?? 0) * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      hold(this.#button, left > 0);
      this.#button.textContent = left > 0 ? `${LABEL} in ${left} s` : LABEL;
      if (left <= 0) {
        clearInterval(this.#timer);
      }
    };
    this.#timer = setInterval(tick, 250);
    tick();
  }
}
