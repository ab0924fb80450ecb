// The notification that slides in when a message arrives. A tap copies its code.

import { byId, element } from "./dom.js";

const SHOWN_FOR = 12_000;

export class Notification {
  #button = byId("notification");
  #message = null;
  #timer = null;
  #name;

  /** `name` is the sender's. Calls `onTap` with the message when the notification is tapped. */
  constructor(name, onTap) {
    this.#name = name;
    this.#button.addEventListener("click", () => {
      const message = this.#message;
      this.hide();
      onTap(message);
    });
  }

  /** Shows a message that has just arrived. On a wide screen the chat shows it as well, so it leaves after a while. */
  show(message) {
    clearTimeout(this.#timer);
    this.#message = message;
    this.#button.replaceChildren(
      element("span", { className: "mark", "aria-hidden": "true" }),
      element("span", { className: "from" }, `${this.#name} · now`),
      element("span", { className: "copy" }, "Tap to copy"),
      element("span", { className: "text" }, ...withBold(message.body.split(/(?<=[.!?]) /)[0])));
    this.#button.hidden = true;
    // The animation starts anew.
    requestAnimationFrame(() => { this.#button.hidden = this.#message !== message; });
    if (matchMedia("(min-width: 44rem)").matches) {
      this.#timer = setTimeout(() => this.hide(), SHOWN_FOR);
    }
  }

  hide() {
    this.#message = null;
    this.#button.hidden = true;
  }
}

/** Text with WhatsApp's *bold*. */
export function withBold(text) {
  return text.split(/\*([^*\n]+)\*/).map((part, index) => (index % 2 === 1 ? element("strong", {}, part) : part));
}
