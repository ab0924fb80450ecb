import { createRemoteJWKSet, jwtVerify } from "jose";

export function verifier(jwksUrl, issuer, audience) {
  // Keeps the keys for five minutes, and fetches them again for an unknown one at most once a minute.
  const keys = createRemoteJWKSet(new URL(jwksUrl), { cacheMaxAge: 300_000, cooldownDuration: 60_000 });
  return async function verify(proof, nonce) {
    const { payload } = await jwtVerify(proof, keys, {
      algorithms: ["ES256"],
      typ: "otp-proof+jwt",
      issuer,
      audience,
      clockTolerance: 60,
      requiredClaims: ["exp", "iat", "nonce"],
    });
    if (payload.nonce !== nonce) throw new Error("the nonce is that of another session");
    return payload;
  };
}
