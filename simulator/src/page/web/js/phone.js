// The phone: a chat with the business, the template's button, and other phones that received messages.

import { copied } from "./clipboard.js";
import { byId, element, say } from "./dom.js";
import { age, bubble, delivery, remark } from "./message.js";
import { Notification } from "./notification.js";
import * as simulator from "./simulator.js";
import { pretty } from "./words.js";

/** A message is read when its chat has been open for that long. */
const READ_AFTER = 2_000;

export class Phone extends EventTarget {
  #inbox;
  #shown = null;
  #read = new Set();
  #denied = new Set();
  #reading = null;
  #canDeny;
  #handed = new Set();
  #unread = new Map();
  #app = null;
  #notification;

  /** Fires `phone` when the user has chosen another phone. */
  constructor(inbox, { business, webhooks }) {
    super();
    this.#inbox = inbox;
    // Without webhooks the service does not learn of it.
    this.#canDeny = webhooks;
    this.#notification = new Notification(business.name, (message) => this.#copy(message));
    byId("business-name").textContent = business.name;
    inbox.addEventListener("messages", ({ detail }) => this.#take(detail));
    inbox.addEventListener("connection", ({ detail }) => showConnection(detail));
    byId("pin").addEventListener("click", ({ currentTarget: pin }) => {
      pin.ariaPressed = String(pin.ariaPressed === "false");
    });
    document.addEventListener("visibilitychange", () => this.#show());
    setInterval(() => this.#age(), 1000);
  }

  /** The app on this phone, which receives codes. */
  set app(app) {
    this.#app = app;
    app.addEventListener("step", ({ detail }) => {
      if (detail !== "code") {
        this.#notification.hide();
      }
    });
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
        this.#follow(phone);
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

  /** Shows the phone that got the newest message, unless one is pinned. */
  #follow(phone) {
    if (this.#shown !== null && phone !== this.#shown && byId("pin").ariaPressed === "false") {
      this.show(phone);
      this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
    }
  }

  #deliver(message, phone) {
    if (message.status === "failed") {
      this.#app?.undelivered(message.failure, phone);
    }
    if (message.status !== "delivered" || message.code === null) {
      return;
    }
    this.#app?.expect(message.code);
    if (message.button === "zero_tap" && this.#app?.receive(message.code, phone)) {
      this.#handed.add(message.id);
      this.#say("Zero-tap: the app took the code on its own.");
    } else if (this.#shown === null || phone === this.#shown) {
      this.#notification.show(message);
    }
  }

  #show() {
    const phone = this.#shown;
    byId("chat-number").textContent = phone === null ? "no messages yet" : `to ${pretty(phone)}`;
    const messages = phone === null ? [] : this.#inbox.of(phone);
    const list = byId("messages");
    const there = new Map([...list.children].map((item) => [item.dataset.id, item]));
    const items = messages.map((message) => {
      const status = delivery(message, this.#isRead(message));
      const state = `${message.status} ${this.#handed.has(message.id)} ${this.#denied.has(message.id)}`;
      const before = there.get(message.id);
      if (before?.dataset.state !== state) {
        return this.#item(message, status, state);
      }
      remark(before, status);
      return before;
    });
    // Only new items are inserted, so that a screen reader does not repeat the others.
    const grown = items.length !== list.children.length;
    const same = items.length === list.children.length && items.every((item, index) => item === list.children[index]);
    if (!same) {
      const focused = list.contains(document.activeElement) ? document.activeElement : null;
      list.replaceChildren(...items);
      focused?.focus();
      const chat = byId("chat");
      chat.scrollTop = grown ? chat.scrollHeight : chat.scrollTop;
    }
    byId("chat-empty").hidden = messages.length > 0;
    this.#age();
    this.#showOthers();
    this.#open();
  }

  /** Opens the chat, which marks its messages as read once they have been on the screen for a while. */
  #open() {
    clearTimeout(this.#reading);
    const phone = this.#shown;
    const unread = this.#inbox.of(phone).filter((message) => message.status === "delivered" && !this.#isRead(message));
    if (document.visibilityState === "visible" && unread.length > 0) {
      this.#reading = setTimeout(async () => {
        // If the call fails, the next message opens the chat again.
        await simulator.read(phone).catch(() => null);
        unread.forEach((message) => this.#read.add(message.id));
        this.#show();
      }, READ_AFTER);
    }
  }

  #isRead(message) {
    return this.#read.has(message.id) || message.read_at !== undefined;
  }

  #item(message, status, state) {
    const item = bubble(message, {
      status,
      handed: this.#handed.has(message.id),
      onCopy: () => this.#copy(message),
      onFill: () => this.#fill(message),
      denied: this.#denied.has(message.id),
      onDeny: this.#canDeny ? () => this.#deny(message) : null,
    });
    item.dataset.id = message.id;
    item.dataset.state = state;
    return item;
  }

  /** Copies the code. The form that waits for it gets the focus, so that it can be pasted at once. */
  async #copy(message) {
    this.#notification.hide();
    this.#say(await copied(message.code, "Code copied. Paste it into the form."));
    if (this.#app?.waitsFor(message.to.slice(1))) {
      this.#app.focusCode();
    }
  }

  #fill(message) {
    const taken = this.#app?.receive(message.code, message.to.slice(1)) ?? false;
    this.#say(taken ? "The app received the code." : "No app is waiting for this code.");
  }

  async #deny(message) {
    try {
      await simulator.deny(message.id);
      this.#denied.add(message.id);
      this.#app?.denied(message.to.slice(1));
      this.#say("WhatsApp tells the service that you did not request this code.");
      this.#show();
    } catch (error) {
      this.#say(error.message);
    }
  }

  #say(text) {
    say(byId("phone-says"), text);
  }

  #age() {
    const messages = this.#shown === null ? [] : this.#inbox.of(this.#shown);
    const items = byId("messages").children;
    messages.forEach((message, index) => age(items[index], message));
  }

  #showOthers() {
    const others = this.#inbox.phones.filter((phone) => phone !== this.#shown);
    byId("other-phones").replaceChildren(...others.map((phone) => this.#other(phone)));
  }

  #other(phone) {
    const unread = this.#unread.get(phone) ?? 0;
    const choose = () => {
      this.show(phone);
      byId("chat").focus();
      this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
    };
    return element("li", {},
      element("button", { type: "button", onclick: choose }, pretty(phone),
        unread === 0 ? null : element("span", { className: "unread" }, `${unread} new`)));
  }
}

/** Sets up the choice of the button of the template, in each of its languages. It makes no difference to the service. */
export async function chooseButton(templates) {
  const kinds = byId("button-kind");
  kinds.value = (await simulator.template(templates[0].id)).button;
  kinds.addEventListener("change", async () => {
    try {
      await Promise.all(templates.map(({ id }) => simulator.setTemplate(id, { button: kinds.value })));
      say(byId("phone-says"), `${kinds.selectedOptions[0].text}: from the next message on.`);
    } catch (error) {
      say(byId("phone-says"), error.message);
    }
  });
}

/** Sets up the choice of the language that the app asks for. The first is the service's own choice. */
export function chooseLanguage(templates, app) {
  const names = new Intl.DisplayNames(["en"], { type: "language" });
  const list = byId("language");
  list.append(...templates.map(({ language }, index) =>
    element("option", { value: index === 0 ? "" : language }, names.of(language.replace("_", "-")))));
  list.addEventListener("change", () => { app.locale = list.value; });
  list.hidden = templates.length < 2;
}

function showConnection(state) {
  const line = byId("connection");
  line.dataset.state = state;
  line.textContent = state === "live" ? "Live" : "Connection lost. Reconnecting…";
}
