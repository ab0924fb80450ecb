// The phone: a chat with the business, the template's button, and other phones that received messages.

import { copy } from "./clipboard.js";
import { byId, element, say } from "./dom.js";
import { age, bubble } from "./message.js";
import * as simulator from "./simulator.js";

export class Phone extends EventTarget {
  #inbox;
  #shown = null;
  #read = new Set();
  #handed = new Set();
  #unread = new Map();
  #app = null;

  /** Fires `phone` when the user has chosen another phone. */
  constructor(inbox, business) {
    super();
    this.#inbox = inbox;
    byId("business-name").textContent = business.name;
    inbox.addEventListener("messages", ({ detail }) => this.#take(detail));
    inbox.addEventListener("connection", ({ detail }) => showConnection(detail));
    document.addEventListener("visibilitychange", () => this.#show());
    setInterval(() => this.#age(), 1000);
  }

  /** The app on this phone, which receives codes. */
  set app(app) {
    this.#app = app;
  }

  /** Shows the chat of the phone with these digits. */
  show(phone) {
    this.#shown = phone;
    this.#unread.delete(phone);
    this.#show();
  }

  #take({ fresh, news }) {
    for (const message of fresh) {
      const phone = message.to.slice(1);
      if (news && phone !== this.#shown && this.#shown !== null) {
        this.#unread.set(phone, (this.#unread.get(phone) ?? 0) + 1);
      }
      if (news) {
        this.#deliver(message, phone);
      }
    }
    if (this.#shown === null && this.#inbox.phones.length > 0) {
      this.#shown = this.#inbox.phones[0];
      this.#unread.delete(this.#shown);
      this.dispatchEvent(new CustomEvent("phone", { detail: this.#shown }));
    }
    this.#show();
  }

  #deliver(message, phone) {
    if (message.status !== "delivered" || message.code === null) {
      return;
    }
    this.#app?.expect(message.code);
    if (message.button === "zero_tap" && this.#app?.receive(message.code, phone)) {
      this.#handed.add(message.id);
      this.#say("Zero-tap: the app took the code on its own.");
    }
  }

  #show() {
    const phone = this.#shown;
    byId("chat-number").textContent = phone === null ? "no messages yet" : `to +${phone}`;
    const messages = phone === null ? [] : this.#inbox.of(phone);
    const seen = document.visibilityState === "visible";
    const list = byId("messages");
    const there = new Map([...list.children].map((item) => [item.dataset.id, item]));
    const items = messages.map((message) => {
      if (seen && message.status === "delivered") {
        this.#read.add(message.id);
      }
      const state = `${this.#read.has(message.id)} ${this.#handed.has(message.id)}`;
      const before = there.get(message.id);
      return before?.dataset.state === state ? before : this.#item(message, state);
    });
    // Only new items are inserted, so that a screen reader does not repeat the others.
    const same = items.length === list.children.length && items.every((item, index) => item === list.children[index]);
    if (!same) {
      list.replaceChildren(...items);
      const chat = byId("chat");
      chat.scrollTop = chat.scrollHeight;
    }
    byId("chat-empty").hidden = messages.length > 0;
    this.#age();
    this.#showOthers();
  }

  #item(message, state) {
    const item = bubble(message, {
      read: this.#read.has(message.id),
      handed: this.#handed.has(message.id),
      onCopy: () => this.#copy(message),
      onFill: () => this.#fill(message),
    });
    item.dataset.id = message.id;
    item.dataset.state = state;
    return item;
  }

  async #copy(message) {
    this.#say((await copy(message.code)) ? "Code copied. Paste it into the form." : "This browser does not allow the page to copy.");
  }

  #fill(message) {
    const taken = this.#app?.receive(message.code, message.to.slice(1)) ?? false;
    this.#say(taken ? "The app received the code." : "The app is waiting for a code to another number.");
  }

  #say(text) {
    say(byId("phone-says"), text);
  }

  #age() {
    const messages = this.#shown === null ? [] : this.#inbox.of(this.#shown);
    const items = byId("messages").children;
    messages.forEach((message, index) => age(items[index], message, Date.now()));
  }

  #showOthers() {
    const others = this.#inbox.phones.filter((phone) => phone !== this.#shown);
    byId("others").hidden = others.length === 0;
    byId("other-phones").replaceChildren(...others.map((phone) => this.#other(phone)));
  }

  #other(phone) {
    const messages = this.#inbox.of(phone);
    const last = messages[messages.length - 1];
    const unread = this.#unread.get(phone) ?? 0;
    const choose = () => {
      this.show(phone);
      byId("chat").focus();
      this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
    };
    return element("li", {},
      element("button", { type: "button", onclick: choose },
        element("span", { className: "other-number" }, `+${phone}`),
        element("span", { className: "other-preview" }, last.status === "delivered" ? last.body.replaceAll("*", "") : "never delivered"),
        unread === 0 ? null : element("span", { className: "unread" }, `${unread} new`)));
  }
}

/** Sets up the choice of the template's button, which makes no difference to the service. */
export async function chooseButton(template) {
  const kinds = [...byId("kinds").querySelectorAll("input")];
  const { button } = await simulator.template(template);
  kinds.forEach((kind) => {
    kind.checked = kind.value === button;
    kind.addEventListener("change", async () => {
      try {
        await simulator.setButton(template, kind.value);
        say(byId("phone-says"), `${kind.labels[0].textContent.trim()} from the next message on.`);
      } catch (error) {
        say(byId("phone-says"), error.message);
      }
    });
  });
}

function showConnection(state) {
  const line = byId("connection");
  line.dataset.state = state;
  line.textContent = state === "live" ? "Live" : "Connection lost. Reconnecting…";
}
