// The meaning of the service's answers, and the look of the form after each.

/** Whole seconds until the next attempt is allowed, or null. */
export function retryAfter(answer) {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isInteger(seconds) && seconds > 0 ? seconds : null;
}

/** Returns true if the API key is missing or invalid. */
export function wantsKey(answer) {
  return answer.status === 401 && answer.body.startsWith("Missing or invalid API key");
}

/** The meaning of the answer to a request for a code. */
export function ofRequest(answer) {
  switch (answer.status) {
    case 200: return { ...good("The code is on its way."), next: { href: "#phone", text: "Read it on the phone" } };
    case 429: return bad("A limit was reached, most likely this number’s. Use another number, or start the sandbox with WHATSAPP_OTP__LIMITS__PER_PHONE=off.");
    case 500: return bad("WhatsApp refused the message or was unreachable. There is no code to guess, and the request does not count towards the limits.");
    case 503: return bad("The service is overloaded or its store is unreachable. Nothing was sent.");
    default: return ofAny(answer);
  }
}

/** The meaning of the answer to a code. */
export function ofVerification(answer) {
  if (answer.status === 401 && answer.body.startsWith("Incorrect")) {
    return bad("The guess was wrong, and counted. Try again, or see what happens when no attempts are left.");
  }
  if (answer.status === 401 && answer.body.startsWith("Too many")) {
    return bad("No attempts are left, so not even the correct code works now. Request a new one.");
  }
  if (answer.status === 401 && answer.body.startsWith("Code has expired")) {
    return bad("The code was correct, but it is too old. Request a new one.");
  }
  switch (answer.status) {
    case 200: return good("Signed in. The code has been used: it works once.");
    case 404: return bad("This number has no active code: none was sent, it was used, or it expired long ago.");
    case 429: return bad("Too many wrong guesses for this number, across all its codes.");
    case 503: return bad("The store is unreachable. The code stays valid: try again.");
    default: return ofAny(answer);
  }
}

function ofAny(answer) {
  if (answer.status === 0) {
    return bad(`Is the service running, and does its server.cors_origins allow ${location.origin}?`);
  }
  if (wantsKey(answer)) {
    return bad("The service requires an API key. `whatsapp-otp api-key` generates one.");
  }
  if (answer.status === 400) {
    return bad("The request is invalid: no country has such a number, or the code is missing.");
  }
  return bad("This page did not expect that answer.");
}

function good(meaning) {
  return { tone: "good", meaning };
}

function bad(meaning) {
  return { tone: "bad", meaning };
}
