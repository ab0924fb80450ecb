// The live messages of all phones.

import * as simulator from "./simulator.js";
import { follow } from "./stream.js";

const KEPT = 200;

export class Inbox extends EventTarget {
  #messages = new Map();
  #known = false;

  /** Fires `messages` with new ones in order, among them those that arrive late, and `connection` with `live` or `lost`. */
  connect() {
    const tell = (connection) => this.dispatchEvent(new CustomEvent("connection", { detail: connection }));
    follow("/inbox/events", {
      open: () => {
        tell("live");
        this.#catchUp();
      },
      lost: () => tell("lost"),
      message: (message) => this.#take([message], true),
    });
  }

  /** The messages to the phone with these digits, received or not, oldest first. */
  of(phone) {
    return [...this.#messages.values()].filter((message) => message.to === `+${phone}`);
  }

  /** The digits of the phones that messages went to, latest first. */
  get phones() {
    const latestFirst = [...this.#messages.values()].reverse();
    return [...new Set(latestFirst.map((message) => message.to.slice(1)))];
  }

  /** Fetches messages that were missed while disconnected. Those from before the page was opened are not news. */
  async #catchUp() {
    try {
      const listed = await simulator.messages(KEPT);
      this.#take(listed.reverse(), this.#known);
      this.#known = true;
    } catch {
      // The event stream will report that the connection is lost.
    }
  }

  #take(messages, news) {
    const fresh = messages.filter((message) => this.#messages.get(message.id)?.status !== message.status);
    for (const message of fresh) {
      this.#messages.set(message.id, message);
    }
    for (const id of [...this.#messages.keys()].slice(0, -KEPT)) {
      this.#messages.delete(id);
    }
    this.dispatchEvent(new CustomEvent("messages", { detail: { fresh, news } }));
  }
}
