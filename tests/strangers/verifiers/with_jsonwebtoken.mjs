import { createPublicKey } from "node:crypto";
import jwt from "jsonwebtoken";

export function verifier(jwksUrl, issuer, audience) {
  let keys = new Map();
  let fetchedAt = -Infinity;

  // Keeps the keys for five minutes, and fetches them again for an unknown one at most once a minute.
  async function keyOf(kid) {
    const age = Date.now() - fetchedAt;
    if (age > 300_000 || (age > 60_000 && !keys.has(kid))) {
      const published = await (await fetch(jwksUrl)).json();
      keys = new Map(published.keys.map((key) => [key.kid, createPublicKey({ key, format: "jwk" })]));
      fetchedAt = Date.now();
    }
    return keys.get(kid);
  }

  return async function verify(proof, nonce) {
    const header = jwt.decode(proof, { complete: true })?.header;
    if (header?.typ !== "otp-proof+jwt") throw new Error("this is no proof");
    const key = await keyOf(header.kid);
    if (!key) throw new Error("the key is unknown");
    return jwt.verify(proof, key, { algorithms: ["ES256"], issuer, audience, nonce, clockTolerance: 60 });
  };
}
