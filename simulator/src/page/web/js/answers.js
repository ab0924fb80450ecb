// What the service's answers mean, and how the form should look after each.

/** Whole seconds until one may try again, or null. */
export function retryAfter(answer) {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isInteger(seconds) && seconds > 0 ? seconds : null;
}

/** Whether the service wants an API key, or another one. */
export function wantsKey(answer) {
  return answer.status === 401 && answer.body.startsWith("Missing or invalid API key");
}

/** What the answer to a request for a code means. */
export function ofRequest(answer) {
  switch (answer.status) {
    case 200: return { ...good("The code is on its way."), next: { href: "#phone", text: "Read it on the phone" } };
    case 429: return bad("A limit was reached, most likely that of this number: another one works, and so does WHATSAPP_OTP__LIMITS__PER_PHONE=off for a sandbox.");
    case 500: return bad("WhatsApp refused the message or could not be reached. There is no code to guess, and the limits are not charged.");
    case 503: return bad("The service is overloaded or its store is away. Nothing was sent.");
    default: return ofAny(answer);
  }
}

/** What the answer to a code means. */
export function ofVerification(answer) {
  if (answer.status === 401 && answer.body.startsWith("Incorrect")) {
    return bad("A wrong guess, and counted. Try again, or see what happens when the guesses are used up.");
  }
  if (answer.status === 401 && answer.body.startsWith("Too many")) {
    return bad("No guess is left, so not even the right code works now. Send a new one.");
  }
  if (answer.status === 401 && answer.body.startsWith("Code has expired")) {
    return bad("It was right once. Send a new one.");
  }
  switch (answer.status) {
    case 200: return good("Signed in. The code is used up: it works once.");
    case 404: return bad("There is no code for this number: none was sent, it was used already, or it is long expired.");
    case 429: return bad("Too many wrong guesses for this number, over all its codes.");
    case 503: return bad("The store is away. The code stays good: try again.");
    default: return ofAny(answer);
  }
}

function ofAny(answer) {
  if (answer.status === 0) {
    return bad(`Is the service running, and does its server.cors_origins allow ${location.origin}?`);
  }
  if (wantsKey(answer)) {
    return bad("The service wants an API key. `whatsapp-otp api-key` makes one.");
  }
  if (answer.status === 400) {
    return bad("The service did not understand this. No country has such a number, or the code is missing.");
  }
  return bad("An answer that this page does not expect.");
}

function good(meaning) {
  return { tone: "good", meaning };
}

function bad(meaning) {
  return { tone: "bad", meaning };
}
