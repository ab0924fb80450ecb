// The steps of the form, one at a time: the number, the code, and how it ended.

import { byId } from "./dom.js";

const STEPS = { number: ["number-form", 0], code: ["code-form", 1], done: ["done", 2] };

/** The reasons why a verification stops. Each has one way on: `action` is `send`, `number` or `again`. */
const STOPS = {
  locked: {
    state: "locked", icon: "lock", title: "Too many wrong codes",
    lead: "This code is locked: now even the right one is refused.", button: "Send a new code", action: "send",
  },
  expired: {
    state: "expired", icon: "clock", title: "The code has expired",
    lead: "It is too late to enter it.", button: "Send a new code", action: "send",
  },
  refused: {
    state: "failed", icon: "alert", title: "The message was not sent",
    lead: "WhatsApp refused it.", button: "Try again", action: "send",
  },
  undelivered: {
    state: "failed", icon: "alert", title: "The message was not delivered",
    lead: "WhatsApp could not deliver it.", button: "Use another number", action: "number",
  },
  canceled: {
    state: "failed", icon: "alert", title: "The verification was canceled",
    lead: "The person did not request it, or another program canceled it.", button: "Start over", action: "number",
  },
  gone: {
    state: "failed", icon: "alert", title: "There is no such code",
    lead: "It was used, canceled or deleted.", button: "Send a new code", action: "send",
  },
};

/** Shows a step: `number`, `code` or `done`. */
export function showStep(name) {
  show(name, ...STEPS[name]);
}

/** Shows why the verification stopped, with `lead` in place of the usual explanation. Returns what the button does. */
export function showStop(reason, lead) {
  const stop = STOPS[reason];
  byId("stopped-icon").setAttribute("href", `#i-${stop.icon}`);
  byId("stopped-title").textContent = stop.title;
  byId("stopped-lead").textContent = lead ?? stop.lead;
  byId("stopped-says").textContent = "";
  byId("other-number").hidden = stop.action === "number";
  show(stop.state, "stopped", 1);
  return stop;
}

function show(state, shown, reached) {
  byId("sign-in").dataset.state = state;
  for (const step of byId("forms").querySelectorAll(".step")) {
    step.hidden = step.id !== shown;
  }
  [...byId("forms").querySelectorAll(".progress li")].forEach((item, index) => {
    if (index > reached) {
      item.removeAttribute("data-state");
    } else {
      item.dataset.state = index < reached || state === "done" ? "past" : "now";
    }
    item.ariaCurrent = index === reached ? "step" : null;
  });
}
