// Orders for the simulated WhatsApp: what goes wrong with the next message.

import { byId, element, say } from "./dom.js";
import * as simulator from "./simulator.js";
import { count } from "./words.js";

/** The commonest failures. */
const CHIPS = [
  ["Not on WhatsApp", { kind: "fail_later", code: 131026 }],
  ["Slow", { kind: "slow", milliseconds: 5000 }],
  ["Token expired", { kind: "error", code: 190 }],
  // The service makes up to three attempts.
  ["WhatsApp down", { kind: "error", code: 131016, times: 3 }],
  ["Never arrives", { kind: "undelivered" }],
];

/** WhatsApp's errors by whom they concern; the others are about the request. */
const GROUPS = {
  "The recipient": [130403, 130472, 131021, 131026, 131030, 131047, 131049, 131050, 131056, 137000],
  "Your account": [368, 130497, 131031, 131037, 131042, 131045, 131048, 131064, 134011],
  "Your number": [133000, 133004, 133005, 133006, 133008, 133009, 133010, 133015, 133016],
  "Your template": [131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 132069],
  "Your token and app": [0, 3, 4, 10, 104, 190, 200, 613, 80007, 80008, 130429, 131005],
  "WhatsApp itself": [1, 2, 131000, 131016, 131057, 135000],
};
const TEMPORARY = [2, 131000, 131016, 133004];

/** What else can happen to a message. */
const DELIVERY = [
  ["Never answered, not sent", { kind: "hang" }],
  ["Never answered, but sent", { kind: "hang", taken: true }],
  ["Arrives late", { kind: "deliver_late", milliseconds: 20_000 }],
  ["Fails after it was accepted", { kind: "fail_later", code: 131049 }],
  ["Answered with an HTML page", { kind: "html", http: 502 }],
];

export class Orders {
  #labels = [...CHIPS, ...DELIVERY];
  #asking = false;
  #listed = null;

  /** Fills the panel. */
  async start() {
    byId("chips").append(...CHIPS.map(([label, order]) => {
      const chip = element("button", { type: "button", onclick: () => this.#give(chip.ariaPressed === "true" ? null : order) }, label);
      return chip;
    }));
    byId("clear-orders").addEventListener("click", () => this.#give(null));
    byId("failure").addEventListener("change", ({ target }) => {
      this.#give(JSON.parse(target.value));
      target.value = "";
    });
    this.#fill(await simulator.errors());
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
      // The header shows that the connection is lost.
    } finally {
      this.#asking = false;
    }
  }

  #fill(errors) {
    const listed = Object.values(GROUPS).flat();
    const others = errors.map(({ code }) => code).filter((code) => !listed.includes(code));
    const group = (label, orders) => {
      this.#labels.push(...orders);
      return element("optgroup", { label }, ...orders.map(([name, order]) => element("option", { value: JSON.stringify(order) }, name)));
    };
    const named = (code) => [
      `${code} ${errors.find((error) => error.code === code)?.title ?? ""}`,
      { kind: "error", code, times: TEMPORARY.includes(code) ? 3 : 1 },
    ];
    byId("failure").append(group("Delivery", DELIVERY),
      ...Object.entries({ ...GROUPS, "The request": others }).map(([label, codes]) => group(label, codes.map(named))));
  }

  /** Gives one order in place of all others, or none. */
  async #give(order) {
    try {
      await simulator.clearOrders();
      if (order !== null) {
        await simulator.giveOrder(order);
      }
      say(byId("order-says"), "");
    } catch (error) {
      say(byId("order-says"), error.message, "bad");
    }
    await this.refresh();
  }

  #show(orders) {
    const listed = JSON.stringify(orders);
    if (listed === this.#listed) {
      return;
    }
    this.#listed = listed;
    byId("waiting").hidden = orders.length === 0;
    byId("pending").replaceChildren(...orders.map((order) => element("li", {}, this.#describe(order))));
    [...byId("chips").children].forEach((chip, index) => {
      const { kind, code } = CHIPS[index][1];
      chip.ariaPressed = String(orders.some((order) => order.kind === kind && order.code === code));
    });
  }

  #describe(order) {
    const isMeant = (known) => known.kind === order.kind && known.code === order.code && known.taken === order.taken;
    const [label] = this.#labels.find(([, known]) => isMeant(known)) ?? [`${order.kind} ${order.code ?? ""}`];
    const to = order.to === undefined ? "" : ` to +${order.to}`;
    return `Next${order.times === 1 ? "" : ` ${count(order.times, "attempt")}`}${to}: ${label}`;
  }
}
