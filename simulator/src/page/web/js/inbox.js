// The messages of every phone, live.

import * as simulator from "./simulator.js";

const KEPT = 200;
const TRY_AGAIN = 3_000;

export class Inbox extends EventTarget {
  #messages = new Map();
  #known = false;

  /** `messages` events bring the ones that are new, in order; `connection` events `live` or `lost`. */
  connect() {
    const events = new EventSource("/inbox/events");
    events.addEventListener("message", (event) => this.#take([JSON.parse(event.data)], true));
    events.addEventListener("open", async () => {
      this.dispatchEvent(new CustomEvent("connection", { detail: "live" }));
      await this.#catchUp();
    });
    events.addEventListener("error", () => {
      this.dispatchEvent(new CustomEvent("connection", { detail: "lost" }));
      // Browsers try again by themselves, unless they were answered with something else.
      if (events.readyState === EventSource.CLOSED) {
        setTimeout(() => this.connect(), TRY_AGAIN);
      }
    });
  }

  /** What a phone, given by its digits, got or should have got; oldest first. */
  of(phone) {
    return [...this.#messages.values()].filter((message) => message.to === `+${phone}`);
  }

  /** The phones that messages went to, by their digits, the latest first. */
  get phones() {
    const latestFirst = [...this.#messages.values()].reverse();
    return [...new Set(latestFirst.map((message) => message.to.slice(1)))];
  }

  /** What was missed while there was no connection. What was there before the page is not news. */
  async #catchUp() {
    try {
      const listed = await simulator.messages(KEPT);
      this.#take(listed.reverse(), this.#known);
      this.#known = true;
    } catch {
      // The stream tells soon enough that the connection is lost.
    }
  }

  #take(messages, news) {
    const fresh = messages.filter((message) => !this.#messages.has(message.id));
    for (const message of fresh) {
      this.#messages.set(message.id, message);
    }
    for (const id of [...this.#messages.keys()].slice(0, -KEPT)) {
      this.#messages.delete(id);
    }
    this.dispatchEvent(new CustomEvent("messages", { detail: { fresh, news } }));
  }
}
