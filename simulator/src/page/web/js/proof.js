// The signed proof, decoded for people. Its signature is the backend's to verify.

import { copy } from "./clipboard.js";
import { byId, element, say } from "./dom.js";
import { json } from "./json.js";

const TIMES = ["iat", "nbf", "exp", "auth_time"];

/** Shows a proof from the service at `origin`, or nothing if `proof` is null. */
export function showProof(proof, origin) {
  const panel = byId("proof");
  panel.hidden = proof === null;
  byId("proof-body").replaceChildren();
  if (proof === null) {
    return;
  }
  panel.open = true;
  const [header, claims] = proof.split(".").slice(0, 2).map(decoded);
  const keys = `${origin}${claims?.test === true ? "/test" : ""}/.well-known/jwks.json`;
  byId("proof-body").append(
    element("p", { className: "hint" },
      "This page only decodes it. Your backend verifies the signature with the keys at ",
      element("a", { href: keys, target: "_blank", rel: "noopener" }, keys),
      ", and that it is for your app, your number and your session."),
    table("Header", header),
    table("Claims", claims),
    element("p", {}, element("button", { type: "button", className: "secondary", onclick: () => copyProof(proof) }, "Copy proof")),
    element("p", { className: "copy-says", id: "proof-says", role: "status" }),
  );
}

async function copyProof(proof) {
  say(byId("proof-says"), (await copy(proof)) ? "Proof copied." : "This browser does not allow the page to copy.");
}

function table(title, members) {
  if (members === null) {
    return element("p", {}, `${title}: not readable.`);
  }
  const rows = Object.entries(members).map(([name, value]) =>
    element("div", {}, element("dt", {}, element("code", {}, name)), element("dd", {}, ...shown(name, value))));
  return element("div", {}, element("p", { className: "proof-part" }, title), element("dl", { className: "record" }, ...rows));
}

function shown(name, value) {
  const date = TIMES.includes(name) && Number.isInteger(value) ? new Date(value * 1000) : null;
  if (date !== null && !Number.isNaN(date.getTime())) {
    return [element("time", { dateTime: date.toISOString(), title: String(value) }, date.toLocaleString())];
  }
  return typeof value === "string" ? [value] : [element("code", {}, ...json(value))];
}

/** The object in a part of a token: JSON in base64url without padding. */
function decoded(part) {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
