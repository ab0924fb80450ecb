// Verifies a proof with the module that the argument names: the question as JSON on standard input, the answer as JSON on
// standard output.

import { readFileSync, writeSync } from "node:fs";
import { webcrypto } from "node:crypto";

// Node 18 lacks it.
globalThis.crypto ??= webcrypto;

const asked = JSON.parse(readFileSync(0, "utf8"));
const Now = Date;
// The clock, ahead of time.
globalThis.Date = class extends Now {
  constructor(...moment) {
    super(...(moment.length ? moment : [Now.now() + asked.ahead * 1000]));
  }
  static now() {
    return Now.now() + asked.ahead * 1000;
  }
};

const { verifier } = await import(process.argv[2]);
let answer;
try {
  const verify = verifier(asked.jwks, asked.issuer, asked.audience);
  answer = { claims: await verify(asked.proof, asked.nonce) };
} catch (error) {
  answer = { refused: String(error) };
}
writeSync(1, JSON.stringify(answer));
