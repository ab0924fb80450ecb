// The code's record as operators see it, with a countdown.

import { byId, element } from "./dom.js";
import * as simulator from "./simulator.js";
import { clock, duration } from "./words.js";

export class RecordPanel extends EventTarget {
  #visible;
  #phone = null;
  #asking = false;
  #left = null;

  /** `visible`: the simulator can read the service's store. Fires `record` with `{ typed, record }`. */
  constructor(visible) {
    super();
    this.#visible = visible;
    setInterval(() => this.#tick(), 250);
    this.#render(visible ? "No code yet." : "This page cannot read the service’s store. `whatsapp-otp inspect` can.");
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
    const typed = this.#phone;
    try {
      const record = await simulator.record(typed);
      if (typed === this.#phone) {
        // The service's notation of the number may be another.
        this.#phone = record.phone;
        this.#show(record);
        this.dispatchEvent(new CustomEvent("record", { detail: { typed, record } }));
      }
    } catch (error) {
      this.#left = null;
      this.#render(error.message);
    } finally {
      this.#asking = false;
    }
    if (typed !== this.#phone) {
      this.refresh();
    }
  }

  #show({ phone, code, limits }) {
    const rows = [["Phone", phone]];
    if (code === null) {
      this.#left = null;
      rows.push(["Code", "none active"]);
    } else {
      this.#left = { line: element("span", { className: "time-left" }), until: performance.now() + code.expires_in_ms };
      rows.push(["Digest", `${code.digest}…`], ["Attempts", `${code.attempts} of ${code.max_attempts}`], ["Time left", this.#left.line]);
    }
    for (const { name, count, retry_after_ms: wait } of limits) {
      rows.push([`limits.${name}`, wait > 0 ? `${count}, next in ${duration(Math.ceil(wait / 1000))}` : `${count} counted`]);
    }
    this.#render(element("dl", { className: "record" }, ...rows.map(([term, value]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, value)))));
    this.#tick();
  }

  #tick() {
    if (this.#left !== null) {
      const left = this.#left.until - performance.now();
      this.#left.line.textContent = left > 0 ? clock(left) : "expired";
    }
  }

  #render(shown) {
    byId("record-body").replaceChildren(shown);
  }
}
