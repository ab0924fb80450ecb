// Requests and responses, each with the command that repeats it.

import { copy } from "./clipboard.js";
import { curl } from "./curl.js";
import { byId, element, say } from "./dom.js";

const KEPT = 20;

/** Shows every call to the service from now on. */
export function showExchanges(service) {
  service.addEventListener("exchange", ({ detail }) => {
    const list = byId("exchanges");
    byId("exchange-empty").hidden = true;
    list.querySelector("details")?.removeAttribute("open");
    list.prepend(entry(detail));
    while (list.children.length > KEPT) {
      list.lastElementChild.remove();
    }
  });
}

function entry({ request, answer, at, milliseconds }) {
  const command = curl(request);
  const tone = answer.status >= 200 && answer.status < 300 ? "good" : "bad";
  const copyCommand = async () => {
    say(byId("exchange-says"), (await copy(command)) ? "Command copied." : "This browser does not allow the page to copy.");
  };
  return element("li", {},
    element("details", { open: true },
      element("summary", {},
        element("span", { className: "call" }, `${request.method} ${request.path}`),
        element("span", { className: "status", "data-tone": tone }, answer.status === 0 ? "none" : String(answer.status)),
        element("span", { className: "took" }, `${milliseconds} ms`),
        element("time", { dateTime: new Date(at).toISOString() }, new Date(at).toLocaleTimeString())),
      element("div", { className: "wire" },
        half("Request", [`${request.method} ${request.path}`, ...lines(request.headers)], request.body),
        half("Response", [answer.status === 0 ? "(none)" : `HTTP ${answer.status}`, ...lines(answer.headers)], answer.body)),
      element("div", { className: "command" },
        element("pre", { tabIndex: 0, "aria-label": "As a command", role: "group" }, element("code", { className: "curl" }, command)),
        element("button", { type: "button", className: "secondary", onclick: copyCommand }, "Copy curl"))));
}

function half(title, head, body) {
  const text = body === null || body === "" ? head.join("\n") : `${head.join("\n")}\n\n${body}`;
  return element("div", { className: "half" }, element("h3", {}, title), element("pre", { tabIndex: 0, role: "group", "aria-label": title }, text));
}

function lines(headers) {
  return Object.entries(headers).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}
