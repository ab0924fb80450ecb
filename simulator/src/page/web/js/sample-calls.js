// The sample server's two calls, which answer with a sentence, and the meaning of each answer.

import { bad, good, unanswered } from "./readings.js";
import { duration } from "./words.js";

export class SampleCalls {
  #service;

  /** The API key, if there is one. */
  key = "";

  constructor(service) {
    this.#service = service;
  }

  /** The request that asks for a code. */
  first(phone) {
    return this.#prepare("GET", phone, null);
  }

  /** Requests a code. */
  async request(phone) {
    const answer = await this.#service.call(this.first(phone));
    return { ...ofRequest(answer), ...common(answer) };
  }

  /** Requests another code, which replaces the one before. */
  resend(phone) {
    return this.request(phone);
  }

  /** Verifies a code. */
  async verify(phone, code) {
    const answer = await this.#service.call(this.#prepare("POST", phone, { code }));
    return { ...ofVerification(answer), ...common(answer) };
  }

  /** This API has nothing to end or to forget. */
  end() {}

  forget() {}

  #prepare(method, phone, body) {
    return this.#service.prepare(method, `/otp/${encodeURIComponent(phone)}`, { phone, key: this.key, body });
  }
}

function common({ status, wait }) {
  return { status: status === 0 ? null : status, wait };
}

function ofRequest(answer) {
  const { status, body } = answer;
  switch (status) {
    case 200: return good(body, "The code is on its way.", { isSent: true });
    case 429: return bad(body, later("A limit was reached.", answer));
    case 500: return bad(body, "WhatsApp did not take the message. There is no new code.", { stop: "refused" });
    case 503: return bad(body, "The service cannot send at the moment.");
    default: return ofAny(answer);
  }
}

function ofVerification(answer) {
  const { status, body } = answer;
  if (status === 401 && body.startsWith("Incorrect")) {
    return bad(body, "The guess used one attempt.", { says: "That is not the code.", isWrong: true, attemptsLeft: Number(/\d+/.exec(body)?.[0]) });
  }
  if (status === 401 && body.startsWith("Too many")) {
    return bad(body, "No attempts are left.", { stop: "locked" });
  }
  if (status === 401 && body.startsWith("Code has expired")) {
    return bad(body, "The code has expired.", { stop: "expired" });
  }
  switch (status) {
    case 200: return good(body, "Verified. The code has been used: it works once.", { isApproved: true });
    case 404: return bad(body, "This number has no active code.", { stop: "gone" });
    case 429: return bad(body, later("Too many wrong codes were entered.", answer), { stop: "locked" });
    case 503: return bad(body, "The code stays valid. Try again.");
    default: return ofAny(answer);
  }
}

function ofAny(answer) {
  const { status, body } = answer;
  if (status === 0) {
    return unanswered(answer);
  }
  if (status === 401) {
    return bad(body, "The service requires an API key. `whatsapp-otp api-key` generates one.", { wantsKey: true });
  }
  return status === 400
    ? bad(body, "The number is not valid in any country.", { isNumberInvalid: true })
    : bad(body, "This page did not expect that answer.");
}

function later(sentence, { wait }) {
  return wait === null ? sentence : `${sentence} Try again in ${duration(wait)}.`;
}
