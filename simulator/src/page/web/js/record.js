// The code's record as operators see it, its time running down.

import { byId, element } from "./dom.js";
import * as simulator from "./simulator.js";
import { duration } from "./words.js";

export class RecordPanel extends EventTarget {
  #visible;
  #phone = null;
  #asking = false;
  #shown = null;

  /** `visible`: whether the simulator can look into the service's store. `phone` events tell how the service writes a number. */
  constructor(visible) {
    super();
    this.#visible = visible;
    if (visible) {
      setInterval(() => this.#tick(), 250);
    }
    this.#render(element("p", { className: "empty" }, visible ? "No code was asked for yet." : "This page cannot see the service’s store. Operators have a command for it:"),
      visible ? null : element("pre", { tabIndex: 0, role: "group", "aria-label": "Command" }, "whatsapp-otp inspect"));
  }

  /** The phone whose record is of interest, given by its digits. */
  set phone(phone) {
    this.#phone = phone;
    this.refresh();
  }

  /** Asks again, unless an answer is awaited already. */
  async refresh() {
    if (!this.#visible || this.#phone === null || this.#asking) {
      return;
    }
    this.#asking = true;
    const phone = this.#phone;
    try {
      const record = await simulator.record(phone);
      if (phone === this.#phone) {
        this.#show(record);
        this.#tellIfWrittenOtherwise(record.phone);
      }
    } catch (error) {
      this.#shown = null;
      this.#render(element("p", { className: "empty" }, error.message));
    } finally {
      this.#asking = false;
    }
    if (phone !== this.#phone) {
      this.refresh();
    }
  }

  /** The service drops what is only dialled within a country: `49 0151…` is `49151…` to it. */
  #tellIfWrittenOtherwise(phone) {
    const typed = this.#phone;
    if (phone !== typed) {
      this.#phone = phone;
      this.dispatchEvent(new CustomEvent("phone", { detail: { typed, phone } }));
    }
  }

  #show({ phone, code, limits }) {
    const rows = [row("Phone", phone)];
    if (code === null) {
      this.#shown = null;
      rows.push(row("Code", "none is active"));
    } else {
      const left = element("span", { className: "time-left" });
      this.#shown = { left, until: performance.now() + code.expires_in_ms };
      rows.push(
        row("Digest", element("code", {}, `${code.digest}…`)),
        row("Attempts", element("span", { className: "attempts" }, `${code.attempts} of ${code.max_attempts}`, dots(code))),
        row("Time left", left),
      );
    }
    this.#render(element("dl", { className: "record" }, ...rows, ...limitRows(limits)));
    this.#tick();
  }

  #tick() {
    if (this.#shown !== null) {
      const left = this.#shown.until - performance.now();
      this.#shown.left.textContent = left > 0 ? duration(left) : "expired";
    }
  }

  #render(...children) {
    byId("record-body").replaceChildren(...children.filter((child) => child !== null));
  }
}

function row(term, value) {
  return element("div", {}, element("dt", {}, term), element("dd", {}, value));
}

function dots({ attempts, max_attempts: most }) {
  const used = Math.min(attempts, most);
  return element("span", { className: "dots", "aria-hidden": "true" }, "●".repeat(Math.min(used, 10)) + "○".repeat(Math.min(most - used, 10)));
}

function limitRows(limits) {
  return limits.map(({ name, count, retry_after_ms: wait }) => row(
    element("code", {}, `limits.${name}`),
    wait > 0 ? `${count}, next in ${duration(wait)}` : `${count} counted`));
}
