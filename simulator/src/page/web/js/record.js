// The code's record as operators see it, with a countdown.

import { byId, element } from "./dom.js";
import * as simulator from "./simulator.js";
import { duration } from "./words.js";

export class RecordPanel extends EventTarget {
  #visible;
  #phone = null;
  #asking = false;
  #shown = null;

  /** `visible`: the simulator can read the service's store. Fires `phone` with the service's notation of a number. */
  constructor(visible) {
    super();
    this.#visible = visible;
    if (visible) {
      setInterval(() => this.#tick(), 250);
    }
    this.#render(element("p", { className: "empty" }, visible ? "No code has been requested yet." : "This page cannot read the service’s store. Operators can:"),
      visible ? null : element("pre", { tabIndex: 0, role: "group", "aria-label": "Command" }, "whatsapp-otp inspect"));
  }

  /** The digits of the phone whose record is shown. */
  set phone(phone) {
    this.#phone = phone;
    this.refresh();
  }

  /** Fetches the record, unless a request is in flight. */
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
        this.#tellIfNormalized(record.phone);
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

  /** The service drops prefixes for domestic calls: it reads `49 0151…` as `49151…`. */
  #tellIfNormalized(phone) {
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
      rows.push(row("Code", "none active"));
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
