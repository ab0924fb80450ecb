// The events that the service sends, as an endpoint of your app would receive them.

import { byId, element } from "./dom.js";
import { json } from "./json.js";
import * as simulator from "./simulator.js";

const KEPT = 50;
const RETRY_AFTER = 3_000;
const SIGNED = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/** Shows the events so far and every new one, newest first. */
export function showEvents() {
  const stream = new EventSource("/events/stream");
  stream.addEventListener("open", async () => {
    try {
      show(await simulator.events());
    } catch {
      // The header shows that the connection is lost.
    }
  });
  stream.addEventListener("received", ({ data }) => show([JSON.parse(data)]));
  stream.addEventListener("error", () => {
    // Browsers reconnect, except after an answer that is no event stream.
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(showEvents, RETRY_AFTER);
    }
  });
}

/** Adds those that are not listed yet. `events` begins with the newest. */
function show(events) {
  const list = byId("events-list");
  for (const event of events.toReversed()) {
    const number = String(event.number);
    if (![...list.children].some((item) => item.dataset.number === number)) {
      const item = entry(event);
      item.dataset.number = number;
      list.prepend(item);
    }
  }
  while (list.children.length > KEPT) {
    list.lastElementChild.remove();
  }
  byId("events-empty").hidden = list.children.length > 0;
  byId("events-count").textContent = list.children.length || "";
}

function entry({ received_at: at, headers, body }) {
  const event = parsed(body);
  const signed = SIGNED.filter((name) => name in headers).map((name) => `${name}: ${headers[name]}`);
  return element("li", {},
    element("details", {},
      element("summary", {},
        element("code", {}, event === null ? "not JSON" : String(event.type ?? "without a type")),
        element("time", { dateTime: at }, new Date(at).toLocaleTimeString())),
      element("pre", {}, signed.length === 0 ? "Not signed." : signed.join("\n")),
      element("pre", {}, ...(event?.data === undefined ? [body] : json(event.data)))));
}

function parsed(body) {
  try {
    const value = JSON.parse(body);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
