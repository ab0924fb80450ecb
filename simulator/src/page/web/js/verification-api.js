// The verification API, /v1: verifications as resources, and problems with stable codes.

import { bad, good, TO_PHONE, unanswered } from "./readings.js";
import { randomName, retryAfter } from "./service.js";
import { digits } from "./words.js";

const LONGEST = 20_000;
const PATH = "/v1/verifications";
// After these a verification takes no more guesses, and another message needs a new one.
const ENDED = ["verification_not_pending", "verification_expired", "verification_not_found", "attempts_exhausted"];
const WRONG = ["code_incorrect", "attempts_exhausted"];

export class VerificationApi {
  #service;
  /** The verification in progress, as `{ id, phones, isPending }`. */
  #current = null;

  /** The API key. */
  key = "";

  constructor(service) {
    this.#service = service;
  }

  /** There is a verification to read. */
  get canRead() {
    return this.#current !== null;
  }

  /** Creates a verification, or goes on with the pending one. Cancels the one of another number first. */
  async request(phone) {
    const isLeft = await this.#leave(phone);
    const answer = await this.#call("POST", PATH, phone, { to: `+${phone}` }, true);
    const meaning = answer.status === 201
      ? "The code is on its way."
      : "The same verification goes on, with the same code and deadline. A message that was sent moments ago is not repeated.";
    const reading = this.#read(answer, phone, meaning, { next: TO_PHONE, isSent: true });
    return isLeft ? { ...reading, meaning: `The verification of the other number was canceled. ${reading.meaning}` } : reading;
  }

  /** Sends the same code again, or creates a verification if none is pending. */
  async resend(phone) {
    if (!this.#isAbout(phone) || !this.#current.isPending) {
      return this.request(phone);
    }
    const answer = await this.#call("POST", `${this.#path()}/resend`, phone, null, true);
    return this.#read(answer, phone, "The same code is on its way again. Its deadline stays.", { next: TO_PHONE, isSent: true });
  }

  /** Checks a code. A page that was reloaded has no id, so it checks by the number. */
  async verify(phone, code) {
    const answer = this.#isAbout(phone)
      ? await this.#call("POST", `${this.#path()}/check`, phone, { code })
      : await this.#call("POST", `${PATH}/check`, phone, { to: `+${phone}`, code });
    return this.#read(answer, phone, "Signed in. The code has been used: it works once.", { isApproved: true, isEnded: true });
  }

  /** Reads the verification. */
  async read(phone) {
    const answer = await this.#call("GET", this.#path(), phone, null);
    return this.#read(answer, phone, "This is its state now.");
  }

  /** Forgets the verification in progress. */
  forget() {
    this.#current = null;
  }

  #isAbout(phone) {
    return this.#current?.phones.includes(phone) === true;
  }

  #path() {
    return `${PATH}/${encodeURIComponent(this.#current.id)}`;
  }

  /** Resolves to true if a pending verification of another number was canceled. */
  async #leave(phone) {
    if (this.#current === null || this.#isAbout(phone)) {
      return false;
    }
    const { isPending, phones } = this.#current;
    const answer = isPending ? await this.#call("POST", `${this.#path()}/cancel`, phones[0], null) : null;
    this.forget();
    return answer?.status === 200;
  }

  #call(method, path, phone, body, isOnce = false) {
    // A fresh key for every click: only a repetition by the network or by curl is the same request.
    const idempotencyKey = isOnce ? randomName() : null;
    return this.#service.call(method, path, { phone, key: this.key, idempotencyKey, body });
  }

  #read(answer, phone, meaning, more = {}) {
    if (answer.status === 0) {
      return unanswered(answer);
    }
    const value = parsed(answer.body);
    if (value === null) {
      return bad(answer.body, "This page did not expect that answer.", { status: answer.status });
    }
    return answer.status < 300
      ? this.#readVerification(answer, phone, value, meaning, more)
      : this.#readProblem(answer, value);
  }

  #readVerification({ status }, phone, value, meaning, more) {
    const isPending = value.status === "pending";
    const to = digits(text(value.to));
    this.#current = { id: text(value.id), phones: to === "" ? [phone] : [phone, to], isPending };
    return good(text(value.status), meaning, {
      status,
      wait: isPending ? secondsUntil(value.resend_at) : null,
      phone: to === "" ? null : to,
      codeLength: Number.isInteger(value.code_length) ? value.code_length : null,
      document: { title: "The verification", value },
      proof: typeof value.proof === "string" ? value.proof : null,
      ...more,
    });
  }

  #readProblem(answer, value) {
    const code = text(value.code);
    const isEnded = ENDED.includes(code);
    if (this.#current !== null && isEnded) {
      this.#current.isPending = false;
    }
    return bad(text(value.title), text(value.detail), {
      status: answer.status,
      isEnded,
      isWrong: WRONG.includes(code),
      isNumberInvalid: code === "invalid_phone_number",
      wantsKey: code === "unauthenticated",
      wait: retryAfter(answer),
      document: { title: "The problem", value },
      problem: { code, href: this.#pageOf(value.type) },
    });
  }

  /** The page about a problem, if it is one of the service's own. */
  #pageOf(type) {
    const url = URL.parse?.(text(type), this.#service.origin) ?? null;
    return url?.origin === this.#service.origin && url.pathname.startsWith("/problems/") ? url.href : null;
  }
}

/** The object that a body is, or null. Bodies that are far too long are not read. */
function parsed(body) {
  try {
    const value = body.length > LONGEST ? null : JSON.parse(body);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function text(value) {
  return typeof value === "string" ? value : "";
}

function secondsUntil(moment) {
  const left = Math.ceil((Date.parse(moment) - Date.now()) / 1000);
  return left > 0 ? left : null;
}
