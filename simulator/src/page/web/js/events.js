// The events that the service sends, as an endpoint of your app would receive them.

import { byId, element } from "./dom.js";
import { json } from "./json.js";
import * as simulator from "./simulator.js";
import { follow } from "./stream.js";

const KEPT = 50;
const SIGNED = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/** Shows the events so far and every new one, newest first. */
export function showEvents() {
  follow("/events/stream", {
    // The header shows that the connection is lost.
    open: () => simulator.events().then(show, () => null),
    received: (event) => show([event]),
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
