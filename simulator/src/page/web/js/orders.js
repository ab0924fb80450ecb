// Orders for the simulated WhatsApp: failures of the next messages.

import { byId, element, say } from "./dom.js";
import * as simulator from "./simulator.js";
import { times } from "./words.js";

const USUAL_ERROR = 131026;

const HINTS = {
  error: "The service tries up to three times if the error may be temporary (such as 131000 or 131016): order it three times to see it give up.",
  slow: "The service waits until its time-out. After that, the message may or may not have been sent, so the code stays valid.",
  hang: "The service gives up after whatsapp.timeout. The message may have been sent, so it answers 200 and the code stays valid.",
  fail_later: "WhatsApp accepts the message, and a webhook tells later that it failed: the verification shows why.",
  deliver_late: "WhatsApp accepts the message and delivers it late. The code’s deadline stays.",
  undelivered: "WhatsApp accepts the message but never delivers it. A webhook tells that it was sent, and nothing follows.",
};

export class Orders extends EventTarget {
  #kind = byId("order-kind");
  #errors = new Map();
  #asking = false;
  #listed = null;

  /** Fills the panel. Fires `number` with a phone number that is itself an order, for the form. */
  async start() {
    this.#kind.addEventListener("change", () => this.#showFields());
    byId("order-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#give();
    });
    byId("clear-orders").addEventListener("click", () => this.#clear());
    byId("order-number").addEventListener("click", () => {
      this.dispatchEvent(new CustomEvent("number", { detail: this.#number() }));
    });
    ["order-error", "order-seconds"].forEach((id) => byId(id).addEventListener("input", () => this.#showFields()));
    for (const { code, title } of await simulator.errors()) {
      this.#errors.set(code, title);
      byId("order-error").append(element("option", { value: String(code), selected: code === USUAL_ERROR }, `${code} ${title}`));
    }
    this.#showFields();
    await this.refresh();
  }

  /** Fetches the waiting orders. */
  async refresh() {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    try {
      this.#show(await simulator.orders());
    } catch {
      // The phone shows that the connection is lost.
    } finally {
      this.#asking = false;
    }
  }

  #showFields() {
    byId("order-error-field").hidden = !this.#hasError;
    byId("order-seconds-field").hidden = !this.#hasSeconds;
    byId("order-hint").textContent = HINTS[this.#kind.value];
    // Numbers fail later only with WhatsApp's own errors.
    byId("order-number").hidden = this.#kind.value === "fail_later" && Number(byId("order-error").value) < 130_000;
    byId("order-number").textContent = `Or send to +1 ${this.#number().slice(1, 5)} ${this.#number().slice(5)}, a number with the same effect`;
  }

  /** The number with the same effect as the order. */
  #number() {
    const [code, seconds] = [byId("order-error").value, byId("order-seconds").value];
    const [range, last] = {
      error: [0, code],
      slow: [0, `9000${seconds.slice(0, 2).padStart(2, "0")}`],
      hang: [0, "911000"],
      fail_later: [1, code],
      deliver_late: [2, seconds.slice(0, 4)],
      undelivered: [2, "100000"],
    }[this.#kind.value];
    return `1555${range}${last.padStart(6, "0")}`;
  }

  get #hasError() {
    return ["error", "fail_later"].includes(this.#kind.value);
  }

  get #hasSeconds() {
    return ["slow", "deliver_late"].includes(this.#kind.value);
  }

  async #give() {
    const order = { kind: this.#kind.value, times: Number(byId("order-times").value) };
    if (this.#hasError) {
      order.code = Number(byId("order-error").value);
    } else if (this.#hasSeconds) {
      order.milliseconds = Math.round(Number(byId("order-seconds").value) * 1000);
    }
    await this.#tell(() => simulator.giveOrder(order), "Ordered.");
  }

  async #clear() {
    await this.#tell(() => simulator.clearOrders(), "Orders cleared.");
  }

  async #tell(call, done) {
    try {
      await call();
      say(byId("order-says"), done);
    } catch (error) {
      say(byId("order-says"), error.message);
    }
    await this.refresh();
  }

  #show(orders) {
    const listed = JSON.stringify(orders);
    if (listed === this.#listed) {
      return;
    }
    this.#listed = listed;
    const items = orders.map((order) => element("li", {}, this.#describe(order)));
    byId("pending").replaceChildren(...(items.length > 0 ? items : [element("li", { className: "empty" }, "No orders.")]));
  }

  #describe(order) {
    const to = order.to === undefined ? "" : ` to +${order.to}`;
    return `${this.#what(order)}${to}, ${times(order.times)}`;
  }

  #what(order) {
    switch (order.kind) {
      case "error": return `Error ${order.code} ${this.#errors.get(order.code) ?? ""}`.trimEnd();
      case "slow": return `Accepted after ${order.milliseconds / 1000} s`;
      case "hang": return order.taken ? "Delivered, never answered" : "Never answered";
      case "undelivered": return "Never delivered";
      case "deliver_late": return `Delivered after ${order.milliseconds / 1000} s`;
      case "fail_later": return `Accepted, then failed with ${order.code}`;
      default: return order.kind;
    }
  }
}
