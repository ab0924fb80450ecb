// Readings: what the form needs to know of an answer, whichever API it came from.

const NOTHING = {
  // The HTTP status, or null if there was no answer.
  status: null,
  // The sentence for the person at the form, if it is not the meaning.
  says: null,
  // A message was sent; the code was right; the guess was wrong; no such number; no valid API key.
  isSent: false, isApproved: false, isWrong: false, isNumberInvalid: false, wantsKey: false,
  // The reason why the verification has stopped (see `steps.js`).
  stop: null,
  // Seconds until another message can be requested.
  wait: null,
  // The digits of the number as the service writes it.
  phone: null,
  // The end of the code as `{ until, whole }` in milliseconds, and the number of guesses left.
  life: null, attemptsLeft: null,
  // The answer as `{ title, value }` if it is JSON, the problem as `{ code, href }`, and the signed proof.
  document: null, problem: null, proof: null,
};

/** A reading of an answer that succeeded: `line` is what it says and `meaning` what that means. */
export function good(line, meaning, more = {}) {
  return { ...NOTHING, tone: "good", line, meaning, ...more };
}

/** A reading of an answer that failed. */
export function bad(line, meaning, more = {}) {
  return { ...NOTHING, tone: "bad", line, meaning, ...more };
}

/** A reading of a call that got no answer. */
export function unanswered(answer) {
  return bad(answer.body, `Is the service running, and does its server.cors_origins allow ${location.origin}?`);
}
