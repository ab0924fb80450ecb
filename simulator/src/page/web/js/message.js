// A message as WhatsApp shows it, depending on the kind of its template's button.

import { element } from "./dom.js";
import { duration, timeOfDay } from "./words.js";

/** The time at which the message's button stops working, in milliseconds since 1970; null if it never does. */
function deadline(message) {
  const minutes = message.code_expiration_minutes;
  return minutes === null ? null : Date.parse(message.received_at) + minutes * 60_000;
}

/**
 * The message as a list item. `tick` is the mark of its delivery; `handed`: the app took the code on its own; `onCopy`,
 * `onFill` and `onDeny` are called when a button is pressed. Without `onDeny` there is no button to say that the person
 * did not ask; `denied`: they have said so.
 */
export function bubble(message, { tick, handed, denied, onCopy, onFill, onDeny }) {
  if (message.status !== "delivered") {
    return ghost(message, tick);
  }
  return element("li", { className: "bubble" },
    element("p", { className: "bubble-body" }, ...withBold(message.body)),
    message.footer === null ? null : element("p", { className: "bubble-footer" }, message.footer),
    element("p", { className: "bubble-meta" }, element("time", { dateTime: message.received_at }, timeOfDay(message.received_at)), mark(tick)),
    ...buttons(message, { handed, onCopy, onFill }),
    ...denial(message, denied, onDeny),
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
  for (const button of item.querySelectorAll(".bubble-button:not(.denial)")) {
    button.disabled = expired;
  }
}

/** A message that never reached the phone: the sender knows of it, the recipient does not. */
function ghost(message, tick) {
  const why = {
    failed: `It failed with ${message.failure?.code}: ${message.failure?.title}.`,
    on_its_way: "It has not arrived yet.",
  }[message.status] ?? "It never arrives, and the sender is not told.";
  return element("li", { className: "bubble ghost" },
    element("p", { className: "bubble-body" }, `WhatsApp accepted a message to this phone. ${why}`),
    element("p", { className: "bubble-meta" }, element("time", { dateTime: message.received_at }, timeOfDay(message.received_at)), mark(tick)));
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

/** The button that says that the person did not ask for the code. */
function denial(message, denied, onDeny) {
  if (onDeny === null || message.code === null) {
    return [];
  }
  return [element("button", { type: "button", className: "bubble-button denial", disabled: denied, onclick: () => onDeny(message) },
    denied ? "You said that you didn’t request it" : "I didn’t request a code")];
}

const MARKS = { accepted: "✓", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };
const MEANINGS = { accepted: "Accepted", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Failed" };

/** The mark of a delivery with this `status`, and `reason` if it failed. */
function mark({ status, reason }) {
  const meaning = reason === null ? MEANINGS[status] : `${MEANINGS[status]}: ${reason}`;
  return element("span", { className: "ticks", role: "img", "aria-label": meaning, title: meaning, "data-state": status }, MARKS[status]);
}

/** Changes the mark of an item, and leaves the rest, so that a screen reader does not repeat it. */
export function remark(item, tick) {
  const before = item.querySelector(".ticks");
  if (before.dataset.state !== tick.status) {
    before.replaceWith(mark(tick));
  }
}

/** What the simulated WhatsApp itself knows of a message's delivery. */
export function ownTick(message, read) {
  if (message.status !== "delivered") {
    return { status: message.status === "failed" ? "failed" : "accepted", reason: null };
  }
  return { status: read ? "read" : "delivered", reason: null };
}

/** The mark of the delivery that the service tells of. */
export function toldTick({ status, reason }) {
  return { status: status in MARKS ? status : "accepted", reason: status === "failed" ? reason ?? null : null };
}

/** Text with WhatsApp's *bold*. */
function withBold(text) {
  return text.split(/\*([^*\n]+)\*/).map((part, index) => (index % 2 === 1 ? element("strong", {}, part) : part));
}
