// Readings: what the form needs to know of an answer, whichever API it came from.

const NOTHING = {
  /** The HTTP status, or null if there was no answer. */
  status: null,
  /** The sentence for the person at the form; the meaning, unless there is a shorter one. */
  says: null,
  /** A message was requested with success, so the form waits for a code. */
  isSent: false,
  /** The code was right. */
  isApproved: false,
  /** The guess was wrong. */
  isWrong: false,
  /** The reason why the verification has stopped (see `steps.js`), or null. */
  stop: null,
  /** The service takes no such number. */
  isNumberInvalid: false,
  /** The API key is missing or invalid. */
  wantsKey: false,
  /** Seconds until another message can be requested, or null. */
  wait: null,
  /** The digits of the number as the service writes it, if the answer has them. */
  phone: null,
  /** The end of the code as `{ until, whole }` in milliseconds, if the answer has it. */
  life: null,
  /** The number of guesses left, if the answer has it. */
  attemptsLeft: null,
  /** The answer as an object, `{ title, value }`, if it is JSON. */
  document: null,
  /** The problem's code and page, `{ code, href }`. */
  problem: null,
  /** The signed proof, if there is one. */
  proof: null,
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
