// Verifies an event with npm's standardwebhooks: the question as JSON on standard input, the answer as JSON on standard output.

import { readFileSync, writeSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const asked = JSON.parse(readFileSync(0, "utf8"));
let answer;
try {
  answer = { event: new Webhook(asked.secret).verify(asked.body, asked.headers) };
} catch (error) {
  answer = { refused: String(error) };
}
writeSync(1, JSON.stringify(answer));
