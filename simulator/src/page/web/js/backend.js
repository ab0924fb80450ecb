// What a backend does and gets: the latest call, the answer to it, and the proof.

import { copied } from "./clipboard.js";
import { curl } from "./curl.js";
import { byId, element, say } from "./dom.js";
import { json } from "./json.js";
import { showProof } from "./proof.js";

export class Backend {
  #service;
  #request = null;
  #took = null;

  /** Follows the calls to `service`. */
  constructor(service) {
    this.#service = service;
    service.addEventListener("exchange", ({ detail: { request, milliseconds } }) => {
      this.#took = milliseconds;
      this.#showRequest(request);
    });
    byId("service-origin").textContent = service.origin;
    byId("copy-curl").addEventListener("click", async () => {
      say(byId("call-says"), await copied(curl(this.#request), "Command copied."));
    });
  }

  /** Shows the request that comes next. */
  showNext(request) {
    this.#showRequest(request);
    byId("answer").dataset.tone = "idle";
    byId("answer-text").replaceChildren(element("p", { className: "answer-meaning" }, "Press “Send code” to make this call."));
    byId("document").hidden = byId("proof").hidden = true;
  }

  /** Shows that there is no answer yet. What the last one contained stays. */
  showWaiting() {
    byId("answer-text").replaceChildren(element("p", { className: "answer-meaning" }, "Waiting for the service…"));
  }

  /** Shows the answer to the latest call. */
  show({ tone, status, line, meaning, document, problem, proof }) {
    byId("answer").dataset.tone = tone;
    byId("answer-text").replaceChildren(
      element("p", { className: "answer-line" },
        status === null ? null : element("span", { className: "status", "data-tone": tone }, String(status)),
        element("span", { className: "answer-body" }, line),
        status === null || this.#took === null ? null : element("span", { className: "took" }, `${this.#took} ms`)),
      element("p", { className: "answer-meaning" }, meaning),
      ...(problem === null ? [] : [codeOf(problem)]),
    );
    byId("document").hidden = document === null;
    if (document !== null) {
      byId("document").open = proof === null;
      byId("document-title").textContent = document.title;
      byId("document-json").replaceChildren(...json(document.value));
    }
    showProof(proof, this.#service.origin);
    byId("answer").scrollTop = 0;
  }

  #showRequest(request) {
    this.#request = request;
    byId("call-line").textContent = `${request.method} ${request.path}`;
    byId("call-body").hidden = request.body === null;
    byId("call-body").replaceChildren(...(request.body === null ? [] : json(JSON.parse(request.body))));
  }
}

function codeOf({ code, href }) {
  return element("p", { className: "answer-code" }, "Code: ", element("code", {}, code),
    " ", element("a", { href, target: "_blank", rel: "noopener" }, "What it means"));
}
