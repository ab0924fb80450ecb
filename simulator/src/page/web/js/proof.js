// The signed proof, decoded. Whoever receives it verifies its signature; this page does not.

import { copied } from "./clipboard.js";
import { byId, element, say } from "./dom.js";
import { json } from "./json.js";

/** Shows a proof from the service at `origin`, or nothing if `proof` is null. */
export function showProof(proof, origin) {
  byId("proof").hidden = proof === null;
  if (proof === null) {
    return;
  }
  const [header, claims] = proof.split(".").slice(0, 2).map(decoded);
  const keys = `${origin}${claims?.test === true ? "/test" : ""}/.well-known/jwks.json`;
  const copyProof = async () => say(byId("call-says"), await copied(proof, "Proof copied."));
  byId("proof-body").replaceChildren(
    element("pre", {}, ...(claims === null ? ["The proof is not readable."] : json(claims))),
    element("p", { className: "hint" }, "Header ", element("code", {}, ...json(header)), ". Public keys: ",
      element("a", { href: keys, target: "_blank", rel: "noopener" }, keys)),
    element("button", { type: "button", className: "secondary small", onclick: copyProof }, "Copy proof"),
  );
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
