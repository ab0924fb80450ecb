// The sample server's two calls, which answer with a sentence, and the meaning of each answer.

import { bad, good, TO_PHONE, unanswered } from "./readings.js";
import { retryAfter } from "./service.js";

const WANTS_KEY = "Missing or invalid API key";

export class SampleCalls {
  #service;

  /** The API key, if there is one. */
  key = "";

  /** Verifications of this API have no id, so there is none to read again. */
  canRead = false;

  constructor(service) {
    this.#service = service;
  }

  /** Requests a code. */
  async request(phone) {
    const answer = await this.#call("GET", phone, null);
    return { ...ofRequest(answer), ...common(answer), wait: retryAfter(answer) };
  }

  /** Requests another code, which replaces the one before. */
  resend(phone) {
    return this.request(phone);
  }

  /** Verifies a code. */
  async verify(phone, code) {
    const answer = await this.#call("POST", phone, { code });
    return { ...ofVerification(answer), ...common(answer) };
  }

  /** Forgets the last code; this API has nothing to forget. */
  forget() {}

  #call(method, phone, body) {
    return this.#service.call(method, `/otp/${encodeURIComponent(phone)}`, { phone, key: this.key, body });
  }
}

function common({ status, body }) {
  return { status: status === 0 ? null : status, wantsKey: status === 401 && body.startsWith(WANTS_KEY) };
}

function ofRequest(answer) {
  const { status, body } = answer;
  switch (status) {
    case 200: return good(body, "The code is on its way.", { next: TO_PHONE, isSent: true });
    case 429: return bad(body, "A limit was reached, most likely this number’s. Use another number, or start the sandbox with WHATSAPP_OTP__LIMITS__PER_PHONE=off.");
    case 500: return bad(body, "WhatsApp refused the message or was unreachable. There is no code to guess, and the request does not count towards the limits.");
    case 503: return bad(body, "The service is overloaded or its store is unreachable. Nothing was sent.");
    default: return ofAny(answer);
  }
}

function ofVerification(answer) {
  const { status, body } = answer;
  const wrong = { isWrong: true };
  if (status === 401 && body.startsWith("Incorrect")) {
    return bad(body, "The guess was wrong, and counted. Try again, or see what happens when no attempts are left.", wrong);
  }
  if (status === 401 && body.startsWith("Too many")) {
    return bad(body, "No attempts are left, so not even the correct code works now. Request a new one.", wrong);
  }
  if (status === 401 && body.startsWith("Code has expired")) {
    return bad(body, "The code was correct, but it is too old. Request a new one.", wrong);
  }
  switch (status) {
    case 200: return good(body, "Signed in. The code has been used: it works once.", { isApproved: true, isEnded: true });
    case 404: return bad(body, "This number has no active code: none was sent, it was used, or it expired long ago.");
    case 429: return bad(body, "Too many wrong guesses for this number, across all its codes.");
    case 503: return bad(body, "The store is unreachable. The code stays valid: try again.");
    default: return ofAny(answer);
  }
}

function ofAny(answer) {
  const { status, body } = answer;
  if (status === 0) {
    return unanswered(answer);
  }
  if (status === 401 && body.startsWith(WANTS_KEY)) {
    return bad(body, "The service requires an API key. `whatsapp-otp api-key` generates one.");
  }
  if (status === 400) {
    return bad(body, "The request is invalid: no country has such a number, or the code is missing.", { isNumberInvalid: true });
  }
  return bad(body, "This page did not expect that answer.");
}
