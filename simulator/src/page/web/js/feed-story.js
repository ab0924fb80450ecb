// The story of a request: what was decided, the calls and webhooks that followed, the answer, and programs that repeat it.

import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import { snippets } from "./feed-snippets.js";

const KINDS = { decision: "Decision", send: "Message", call: "WhatsApp", webhook: "Webhook" };

/** The story of `entry`. `copied` is told what was copied; `before` is the story that this one replaces. */
export function story(entry, origin, copied, before) {
  const { about, id, verification, steps, reason } = entry;
  const made = element("div", { className: "story" },
    about === "request" ? null : remark(reason),
    steps.length === 0 ? null : element("ol", { className: "feed-steps" }, ...steps.map(step)),
    element("div", { className: "halves" },
      half("Request", `${entry.method} ${entry.path}`, entry.request),
      about === "webhook" ? null : half("Answer", answered(entry), entry.response)),
    names({ "Request ID": id, Verification: verification }),
    about === "webhook" ? null : programs(entry, origin, copied, before));
  restore(made, before);
  return made;
}

/** `< 0.1 ms`, `0.3 ms`, `12 ms`, `1.2 s`. */
export function milliseconds(took) {
  if (took >= 1000) {
    return `${(took / 1000).toFixed(1)} s`;
  }
  if (took < 0.05) {
    return "< 0.1 ms";
  }
  return `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
}

function remark(text) {
  return text ? element("p", { className: "feed-remark" }, text) : null;
}

function step({ kind, name, outcome, detail, is_good: isGood, took_ms: took }) {
  return element("li", {},
    element("span", { className: "feed-kind" }, KINDS[kind] ?? kind),
    element("span", { className: "feed-name" }, name),
    element("span", { className: "feed-status", "data-tone": took === null ? "" : isGood ? "good" : "bad" }, took === null ? "…" : outcome),
    took === null ? null : element("span", { className: "feed-took" }, milliseconds(took)),
    detail ? element("span", { className: "feed-detail" }, detail) : null);
}

function answered({ status, took_ms: took }) {
  if (took === null) {
    return "There is none yet.";
  }
  return status === null ? "None: the caller gave up." : `HTTP ${status}`;
}

function half(title, line, { headers, body, is_cut: isCut }) {
  const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\n");
  const text = [head, ...(body === "" ? [] : [indented(body)]), ...(isCut ? ["(not complete)"] : [])].join("\n\n");
  return element("div", { className: "feed-half" }, element("h3", {}, title),
    element("pre", { tabIndex: 0, role: "group", "aria-label": title }, text));
}

/** JSON on several lines, if it is JSON. */
function indented(body) {
  try {
    const value = JSON.parse(body);
    return value !== null && typeof value === "object" ? JSON.stringify(value, null, 2) : body;
  } catch {
    return body;
  }
}

function names(named) {
  const known = Object.entries(named).filter(([, value]) => value);
  return known.length === 0 ? null : element("p", { className: "feed-ids" },
    ...known.flatMap(([name, value], index) => [index === 0 ? `${name} ` : ` · ${name} `, element("code", {}, value)]));
}

function programs(entry, origin, copied, before) {
  const written = snippets(entry, origin);
  if (written === null) {
    return element("p", { className: "hint" }, "Its body was not kept whole, so no program can repeat it.");
  }
  const shown = before?.querySelector(".feed-snippet")?.dataset.of ?? "curl";
  const code = element("pre", { className: "feed-snippet", tabIndex: 0, role: "group", "aria-label": "As a program", "data-of": shown }, written[shown]);
  const buttons = Object.keys(written).map((name) => element("button", {
    type: "button", className: "secondary small",
    onclick: async () => {
      code.dataset.of = name;
      code.textContent = written[name];
      copied((await copy(written[name])) ? name : null);
    },
  }, `Copy as ${name}`));
  return element("div", { className: "feed-programs" }, element("div", { className: "feed-copy" }, ...buttons), code);
}

/** Gives the focus to the element that replaces the one that had it. */
function restore(made, before) {
  const focusable = (story) => [...story.querySelectorAll("button, pre")];
  const index = before === null ? -1 : focusable(before).indexOf(document.activeElement);
  if (index >= 0) {
    queueMicrotask(() => focusable(made)[index]?.focus());
  }
}
