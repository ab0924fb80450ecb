// A message as WhatsApp shows it, depending on the kind of its template's button.

import { element, icon } from "./dom.js";
import { withBold } from "./notification.js";
import { timeOfDay } from "./words.js";

/**
 * The message as a list item. `status` is that of its delivery; `handed`: the app took the code on its own; `onCopy`,
 * `onFill` and `onDeny` are called when a button is pressed. Without `onDeny` there is no button to say that the person
 * did not ask; `denied`: they have said so.
 */
export function bubble(message, { status, handed, denied, onCopy, onFill, onDeny }) {
  if (message.status !== "delivered") {
    return ghost(message, status);
  }
  return element("li", { className: "bubble" },
    element("p", { className: "bubble-body" }, ...withBold(message.body)),
    message.footer === null ? null : element("p", { className: "bubble-footer" }, message.footer),
    meta(message, status),
    ...buttons(message, { handed, onCopy, onFill }),
    ...denial(message, denied, onDeny),
  );
}

/** Disables a bubble's buttons when the code has expired. */
export function age(item, { code_expiration_minutes: minutes, received_at: at }) {
  const note = item.querySelector(".bubble-life");
  if (minutes === null || note === null) {
    return;
  }
  const expired = Date.now() >= Date.parse(at) + minutes * 60_000;
  note.textContent = expired ? "The code has expired." : "";
  for (const button of item.querySelectorAll(".bubble-button:not(.denial)")) {
    button.disabled = expired;
  }
}

/** A message that never reached the phone: the sender knows of it, the recipient does not. */
function ghost(message, status) {
  const why = {
    failed: `It failed with ${message.failure?.code}: ${message.failure?.title}.`,
    on_its_way: "It has not arrived yet.",
  }[message.status] ?? "It never arrives, and the sender is not told.";
  return element("li", { className: "bubble ghost" },
    element("p", { className: "bubble-body" }, `WhatsApp accepted a message to this phone. ${why}`),
    meta(message, status));
}

function meta(message, status) {
  return element("p", { className: "bubble-meta" },
    element("time", { dateTime: message.received_at }, timeOfDay(message.received_at)), mark(status));
}

function buttons(message, { handed, onCopy, onFill }) {
  if (message.code === null || message.button === null) {
    return [];
  }
  const button = (label, onclick) => element("button", { type: "button", className: "bubble-button", onclick }, label);
  const copy = () => button(message.button_text ?? "Copy code", () => onCopy(message));
  const life = element("p", { className: "bubble-life" });
  switch (message.button) {
    case "one_tap": return [button(message.autofill_text ?? "Autofill", () => onFill(message)), life];
    case "zero_tap": return [element("p", { className: "bubble-note" }, handed ? "Zero-tap: the app took the code on its own." : "Zero-tap: no app was waiting for the code."), copy(), life];
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

const MARKS = { accepted: "sent", delivered: "delivered", read: "delivered", failed: "failed" };
const MEANINGS = { accepted: "Accepted", delivered: "Delivered", read: "Read", failed: "Failed" };

/** What became of a message: a key of the tables above. */
export function delivery(message, isRead) {
  if (message.status !== "delivered") {
    return message.status === "failed" ? "failed" : "accepted";
  }
  return isRead ? "read" : "delivered";
}

function mark(status) {
  return element("span", { className: "ticks", role: "img", "aria-label": MEANINGS[status], title: MEANINGS[status], "data-state": status }, icon(MARKS[status]));
}

/** Changes the mark of an item, and leaves the rest, so that a screen reader does not repeat it. */
export function remark(item, status) {
  const before = item.querySelector(".ticks");
  if (before.dataset.state !== status) {
    before.replaceWith(mark(status));
  }
}
