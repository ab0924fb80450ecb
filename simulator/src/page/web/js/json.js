// JSON in few lines and in colours.

import { element } from "./dom.js";

const LINE = 64;
const DEEPEST = 8;

/** The nodes that show `value`. Texts longer than `longest` are shortened. */
export function json(value, longest = 120) {
  return nodes(value, "", longest, 0);
}

function nodes(value, indent, longest, depth) {
  if (value === null || typeof value !== "object") {
    return [scalar(value, longest)];
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
    ...(Array.isArray(value) ? [] : [span("name", shortened(name, longest)), ": "]),
    ...nodes(member, inner, longest, depth + 1),
  ]);
  return [open, ...made, after, close];
}

function isFlat(value) {
  return Object.values(value).every((member) => member === null || typeof member !== "object");
}

function scalar(value, longest) {
  return typeof value === "string" ? span("string", shortened(value, longest)) : span("literal", JSON.stringify(value));
}

function shortened(text, longest) {
  return JSON.stringify(text.length > longest ? `${text.slice(0, 24)}…` : text);
}

function span(kind, text) {
  return element("span", { className: `json-${kind}` }, text);
}
