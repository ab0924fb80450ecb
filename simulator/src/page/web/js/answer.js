// The service's answer: its status, its meaning, the document as JSON, and the proof.

import { byId, element } from "./dom.js";
import { json } from "./json.js";
import { showProof } from "./proof.js";
import { idle } from "./readings.js";

/** Shows a reading of an answer from the service at `origin`. */
export function showAnswer(reading, origin) {
  showText(reading);
  showDocument(reading.document);
  showProof(reading.proof, origin);
}

/** Shows that there is no answer yet. What the last one contained stays. */
export function showWaiting() {
  showText(idle("…", "Waiting for the service."));
}

function showText({ tone, status, line, meaning, next, problem }) {
  byId("answer").dataset.tone = tone;
  byId("answer-text").replaceChildren(
    element("p", { className: "answer-line" },
      status === null ? null : element("span", { className: "status" }, String(status)),
      element("span", { className: "answer-body" }, line)),
    element("p", { className: "answer-meaning" }, meaning,
      ...(next === null ? [] : [" ", element("a", { href: next.href }, next.text), "."])),
    ...(problem === null ? [] : [codeOf(problem)]),
  );
}

function codeOf({ code, href }) {
  return element("p", { className: "answer-code" }, "Code: ", element("code", {}, code),
    ...(href === null ? [] : [" ", element("a", { href, target: "_blank", rel: "noopener" }, "What it means")]));
}

function showDocument(document) {
  byId("document").hidden = document === null;
  if (document !== null) {
    byId("document-title").textContent = document.title;
    byId("document-json").replaceChildren(...json(document.value));
  }
}
