// The feed: the requests of any program, live, each of which unfolds into its story.

import { element, say } from "./dom.js";
import { milliseconds, story } from "./feed-story.js";
import * as simulator from "./simulator.js";

const KEPT = 200;
const RETRY_AFTER = 3_000;

export class Feed {
  #settings;
  /** The list's items by the number of their entry. */
  #items = new Map();
  #list = element("ol", { className: "feed-list" });
  #empty = element("p", { className: "hint" }, "Nothing yet. Call the service, from this page or from any program.");
  #unmatched = element("p", { className: "hint", hidden: true }, "No request matches the filter.");
  #says = element("p", { className: "says", id: "feed-says", role: "status" });
  #text = element("input", { type: "search", id: "feed-text", placeholder: "Filter", "aria-label": "Filter the requests by any text in them" });
  #outcome = element("select", { id: "feed-outcome", "aria-label": "Filter the requests by outcome" },
    element("option", { value: "" }, "All"), element("option", { value: "good" }, "Succeeded"), element("option", { value: "bad" }, "Failed"));

  constructor(section, settings) {
    this.#settings = settings;
    this.#text.addEventListener("input", () => this.#filter());
    this.#outcome.addEventListener("change", () => this.#filter());
    section.append(
      element("div", { className: "caption" }, element("h2", {}, "Requests"), element("p", {}, settings.sees_requests ? "of any program to the service" : "to the simulated WhatsApp, and its webhooks")),
      element("div", { className: "card" },
        element("div", { className: "feed-bar" }, this.#text, this.#outcome, button("feed-clear", "Clear", () => this.#clear())),
        this.#limits(), this.#says, this.#empty, this.#unmatched, this.#list));
  }

  /** Shows the entries so far and every change. */
  connect() {
    const stream = new EventSource("/feed/stream");
    stream.addEventListener("open", () => this.#refresh());
    stream.addEventListener("missed", () => this.#refresh());
    stream.addEventListener("cleared", () => this.#forget());
    stream.addEventListener("entry", ({ data }) => this.#show([JSON.parse(data)]));
    stream.addEventListener("error", () => {
      // Browsers reconnect, except after an answer that is no event stream.
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => this.connect(), RETRY_AFTER);
      }
    });
  }

  async #refresh() {
    try {
      const listed = await simulator.feed();
      const there = new Set(listed.map(({ number }) => number));
      for (const [number, item] of this.#items) {
        if (!there.has(number)) {
          this.#remove(item.element);
        }
      }
      this.#show(listed.reverse());
    } catch {
      // The header shows that the connection is lost.
    }
  }

  /** Shows these entries, the oldest first: new ones on top, those that are listed already in their place. */
  #show(entries) {
    for (const entry of entries) {
      const item = this.#items.get(entry.number);
      if (item === undefined) {
        const made = new Item(entry, (what) => this.#copied(what), this.#settings.service?.origin);
        this.#items.set(entry.number, made);
        // An update may overtake the list.
        this.#list.insertBefore(made.element, [...this.#list.children].find((older) => older.dataset.at <= entry.at) ?? null);
      } else if (entry.changes >= item.changes) {
        item.entry = entry;
      }
    }
    while (this.#list.children.length > KEPT) {
      this.#remove(this.#list.lastElementChild);
    }
    this.#filter();
  }

  #remove(element) {
    const [number] = [...this.#items].find(([, item]) => item.element === element);
    this.#items.delete(number);
    element.remove();
  }

  #filter() {
    const [text, outcome] = [this.#text.value.trim().toLowerCase(), this.#outcome.value];
    let shown = 0;
    for (const item of this.#items.values()) {
      const matches = item.text.includes(text) && (outcome === "" || item.tone === outcome);
      item.element.hidden = !matches;
      shown += Number(matches);
    }
    this.#empty.hidden = this.#items.size > 0;
    this.#unmatched.hidden = this.#items.size === 0 || shown > 0;
  }

  async #clear() {
    try {
      await simulator.clearFeed();
      this.#forget();
      say(this.#says, "Cleared.");
    } catch (error) {
      say(this.#says, error.message, "bad");
    }
  }

  #forget() {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#filter();
  }

  #copied(what) {
    say(this.#says, what === null ? "This browser does not allow the page to copy." : `Copied as ${what}.`, what === null ? "bad" : "good");
  }

  /** The limits in force, with a button that resets them. */
  #limits() {
    const { limits } = this.#settings;
    if (!Array.isArray(limits)) {
      return null;
    }
    const reset = async () => {
      try {
        await simulator.resetLimits();
        say(this.#says, "Limits reset.");
      } catch (error) {
        say(this.#says, error.message, "bad");
      }
    };
    const words = limits.flatMap(({ name, value }, index) => [index === 0 ? "Limits: " : ", ", element("code", {}, `${name} ${value}`)]);
    return element("div", { className: "feed-limits" }, element("p", { className: "hint" }, ...words),
      button("reset-limits", "Reset limits", reset));
  }
}

/** One entry of the list. */
class Item {
  #entry;
  #summary = element("summary");
  #details;
  #copied;
  #origin;

  constructor(entry, copied, origin) {
    this.#copied = copied;
    this.#origin = origin;
    this.#details = element("details", { ontoggle: () => this.#unfold() }, this.#summary);
    this.element = element("li", { "data-at": entry.at }, this.#details);
    this.entry = entry;
  }

  set entry(entry) {
    this.#entry = entry;
    this.changes = entry.changes;
    this.tone = tone(entry);
    this.text = JSON.stringify(entry).toLowerCase();
    this.#summary.replaceChildren(...heading(entry, this.tone));
    this.#unfold();
  }

  #unfold() {
    // Only what is looked at is built.
    if (this.#details.open) {
      const before = this.#summary.nextElementSibling;
      const made = story(this.#entry, this.#origin, this.#copied, before);
      before === null ? this.#details.append(made) : before.replaceWith(made);
    } else {
      this.#summary.nextElementSibling?.remove();
    }
  }
}

function heading(entry, tone) {
  const { about, method, shown, phone, outcome, reason, key, app, status, took_ms: took, at } = entry;
  const isOver = took !== null;
  const label = about === "webhook" ? "Webhook" : method;
  const span = (className, text, more = {}) => (text ? element("span", { className, ...more }, text) : null);
  return [
    span("feed-call", `${label} ${shown}`),
    // The path of the sample server's calls has the number already.
    span("feed-about", shown.includes(phone) ? "" : phone),
    span("feed-outcome", isOver ? [outcome, about === "request" ? reason : null].filter(Boolean).join(": ") : "…"),
    span("feed-who", [key, app].filter(Boolean).join(" · ")),
    span("feed-status", isOver ? String(status ?? "none") : "", { "data-tone": tone }),
    span("feed-took", isOver ? milliseconds(took) : ""),
    element("time", { dateTime: at }, new Date(at).toLocaleTimeString()),
  ].filter((part) => part !== null);
}

/** `good`, `bad`, or empty while it goes on. */
function tone({ status, took_ms: took, steps }) {
  if (took === null) {
    return "";
  }
  const failed = steps.some((step) => step.kind !== "decision" && step.took_ms !== null && (!step.is_good || step.name === "failed"));
  return status >= 200 && status < 400 && !failed ? "good" : "bad";
}

function button(id, text, onclick) {
  return element("button", { type: "button", className: "quiet", id, onclick }, text);
}
