// JSON in few lines and in colours.

import { element } from "./dom.js";

const LINE = 64;
const DEEPEST = 8;
const LONGEST = 120;

/** The nodes that show `value`. Long texts are shortened. */
export function json(value) {
  return nodes(value, "", 0);
}

function nodes(value, indent, depth) {
  if (value === null || typeof value !== "object") {
    return [scalar(value)];
  }
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0 || depth > DEEPEST) {
    return [entries.length === 0 ? open + close : `${open}…${close}`];
  }
  const isShort = (depth > 0 || Array.isArray(value)) && isFlat(value) && JSON.stringify(value).length <= LINE;
  const [inner, before, after] = isShort ? ["", "", ""] : [`${indent}  `, `\n${indent}  `, `\n${indent}`];
  const made = entries.flatMap(([name, member], index) => [
    index === 0 ? before : `,${isShort ? " " : before}`,
    ...(Array.isArray(value) ? [] : [span("name", shortened(name)), ": "]),
    ...nodes(member, inner, depth + 1),
  ]);
  return [open, ...made, after, close];
}

function isFlat(value) {
  return Object.values(value).every((member) => member === null || typeof member !== "object");
}

function scalar(value) {
  return typeof value === "string" ? span("string", shortened(value)) : span("literal", JSON.stringify(value));
}

function shortened(text) {
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, 24)}…` : text);
}

function span(kind, text) {
  return element("span", { className: `json-${kind}` }, text);
}
