// The code's record as operators see it.

import { byId, element } from "./dom.js";
import * as simulator from "./simulator.js";
import { clock, duration } from "./words.js";

export class RecordPanel extends EventTarget {
  #visible;
  #phone = null;
  #asking = false;

  /** `visible`: the simulator can read the service's store. Fires `record` with `{ typed, record }`. */
  constructor(visible) {
    super();
    this.#visible = visible;
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
      this.#render(error.message);
    } finally {
      this.#asking = false;
    }
    if (typed !== this.#phone) {
      this.refresh();
    }
  }

  #show({ phone, code, limits }) {
    const about = code === null ? [["Code", "none active"]] : [
      ["Digest", `${code.digest}…`],
      ["Attempts", `${code.attempts} of ${code.max_attempts}`],
      ["Time left", code.expires_in_ms > 0 ? clock(code.expires_in_ms) : "expired"],
    ];
    const uses = limits.map(({ name, count, retry_after_ms: wait }) =>
      [`limits.${name}`, wait > 0 ? `${count}, next in ${duration(Math.ceil(wait / 1000))}` : `${count} counted`]);
    this.#render(element("dl", { className: "record" }, ...[["Phone", phone], ...about, ...uses].map(([term, value]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, value)))));
  }

  #render(shown) {
    byId("record-body").replaceChildren(shown);
  }
}
