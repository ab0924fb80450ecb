// A message as WhatsApp shows it, depending on the kind of its template's button.

import { element } from "./dom.js";
import { duration, timeOfDay } from "./words.js";

/** The time at which the message's button stops working, in milliseconds since 1970; null if it never does. */
function deadline(message) {
  const minutes = message.code_expiration_minutes;
  return minutes === null ? null : Date.parse(message.received_at) + minutes * 60_000;
}

/**
 * The message as a list item. `read`: it has been seen; `handed`: the app took the code on its own;
 * `onCopy` and `onFill` are called with the message.
 */
export function bubble(message, { read, handed, onCopy, onFill }) {
  if (message.status !== "delivered") {
    return ghost(message);
  }
  return element("li", { className: "bubble" },
    element("p", { className: "bubble-body" }, ...withBold(message.body)),
    message.footer === null ? null : element("p", { className: "bubble-footer" }, message.footer),
    element("p", { className: "bubble-meta" }, element("time", { dateTime: message.received_at }, timeOfDay(message.received_at)), ticks(read)),
    ...buttons(message, { handed, onCopy, onFill }),
  );
}

/** Enables or disables a bubble's buttons, and shows for how long they work. */
export function age(item, message, now) {
  const end = deadline(message);
  const note = item.querySelector(".bubble-life");
  if (end === null || note === null) {
    return;
  }
  const expired = now >= end;
  note.textContent = expired ? "The button is disabled: the code has expired." : `The button works for ${duration(end - now)}.`;
  for (const button of item.querySelectorAll("button")) {
    button.disabled = expired;
  }
}

/** A message that never reached the phone: the sender knows of it, the recipient does not. */
function ghost(message) {
  const why = message.status === "failed"
    ? `It failed with ${message.failure.code}: ${message.failure.title}.`
    : "It never arrives, and the sender is not told.";
  return element("li", { className: "bubble ghost" },
    element("p", { className: "bubble-body" }, `WhatsApp accepted a message to this phone. ${why}`),
    element("p", { className: "bubble-meta" }, element("time", { dateTime: message.received_at }, timeOfDay(message.received_at)), tick("✓", "accepted", "Accepted, not delivered")));
}

function buttons(message, { handed, onCopy, onFill }) {
  if (message.code === null || message.button === null) {
    return [];
  }
  const copy = () => element("button", { type: "button", className: "bubble-button", onclick: () => onCopy(message) }, message.button_text ?? "Copy code");
  const fill = () => element("button", { type: "button", className: "bubble-button", onclick: () => onFill(message) }, message.autofill_text ?? "Autofill");
  const life = element("p", { className: "bubble-life" });
  switch (message.button) {
    case "one_tap": return [fill(), life];
    case "zero_tap": return [element("p", { className: "bubble-note" }, handed ? "Zero-tap: the app took the code on its own." : "Zero-tap: no app here was waiting for the code, so it can be copied."), copy(), life];
    default: return [copy(), life];
  }
}

function ticks(read) {
  return read ? tick("✓✓", "read", "Read") : tick("✓✓", "delivered", "Delivered");
}

function tick(mark, state, meaning) {
  return element("span", { className: "ticks", role: "img", "aria-label": meaning, title: meaning, "data-state": state }, mark);
}

/** Text with WhatsApp's *bold*. */
function withBold(text) {
  return text.split(/\*([^*\n]+)\*/).map((part, index) => (index % 2 === 1 ? element("strong", {}, part) : part));
}
