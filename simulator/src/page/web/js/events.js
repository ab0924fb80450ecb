// The events that the service sends, as an endpoint of your app would receive them.

import { copy } from "./clipboard.js";
import { quote } from "./curl.js";
import { byId, element, say } from "./dom.js";
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
      // The phone shows that the connection is lost.
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
      list.querySelector("details")?.removeAttribute("open");
      const item = entry(event);
      item.dataset.number = number;
      list.prepend(item);
    }
  }
  while (list.children.length > KEPT) {
    list.lastElementChild.remove();
  }
  byId("events-empty").hidden = list.children.length > 0;
}

function entry({ received_at: at, headers, body }) {
  const event = parsed(body);
  const [type, data] = event === null ? ["not JSON", null] : [String(event.type ?? "without a type"), event.data ?? null];
  const command = curl(headers, body);
  const copyCommand = async () => {
    say(byId("events-says"), (await copy(command)) ? "Command copied." : "This browser does not allow the page to copy.");
  };
  const signed = SIGNED.filter((name) => name in headers).map((name) => `${name}: ${headers[name]}`);
  return element("li", {},
    element("details", { open: true },
      element("summary", {},
        element("span", { className: "call" }, type),
        typeof data?.status === "string" ? element("span", { className: "took" }, data.status) : null,
        element("time", { dateTime: at }, new Date(at).toLocaleTimeString())),
      element("div", { className: "wire" },
        half("Headers", signed.length === 0 ? ["Not signed."] : [signed.join("\n")]),
        half("Data", data === null ? [body] : json(data))),
      element("div", { className: "command" },
        element("pre", { tabIndex: 0, "aria-label": "As a command", role: "group" }, element("code", { className: "curl" }, command)),
        element("button", { type: "button", className: "secondary", onclick: copyCommand }, "Copy curl"))));
}

function half(title, shown) {
  return element("div", { className: "half" }, element("h3", {}, title), element("pre", { tabIndex: 0, role: "group", "aria-label": title }, ...shown));
}

/** The command that sends the same event again, to this page. The signature stays valid, as the bytes are the same. */
function curl(headers, body) {
  const kept = [...SIGNED, "content-type"].filter((name) => name in headers);
  const words = kept.flatMap((name) => ["-H", quote(`${name}: ${headers[name]}`)]);
  return ["curl", "-i", quote(`${location.origin}/events`), ...words, "--data-raw", quote(body)].join(" ");
}

function parsed(body) {
  try {
    const value = JSON.parse(body);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
