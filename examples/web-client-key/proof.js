// Verifies proofs, with the keys that whatsapp-otp publishes.
import { webcrypto } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";

globalThis.crypto ??= webcrypto; // Node 18 lacks it.

// Returns a function that returns a proof's claims, or throws. `expected` has `issuer`, `audience` and `app`.
export function verifier(jwksUrl, expected) {
  // Keeps the keys for five minutes, and fetches them again for an unknown one at most once a minute.
  const keys = createRemoteJWKSet(new URL(jwksUrl), { cacheMaxAge: 300_000, cooldownDuration: 60_000 });
  const seen = new Map(); // The time until which each jti counts. With several instances, keep them in your database.

  return async function verify(proof, { nonce, number }) {
    const { payload } = await jwtVerify(proof, keys, {
      algorithms: ["ES256"],
      typ: "otp-proof+jwt",
      issuer: expected.issuer,
      audience: expected.audience,
      clockTolerance: 60,
      requiredClaims: ["exp", "iat", "jti", "nonce"],
    });
    if (payload.nonce !== nonce) throw new Error("the nonce is that of another session");
    if (payload.app !== expected.app) throw new Error("the proof is for another app");
    if (payload.phone_number !== number || payload.phone_number_verified !== true) throw new Error("the number is another");

    const now = Date.now();
    for (const [jti, until] of seen) if (until < now) seen.delete(jti);
    if (seen.has(payload.jti)) throw new Error("the proof was used before");
    seen.set(payload.jti, (payload.exp + 60) * 1_000);
    return payload;
  };
}
