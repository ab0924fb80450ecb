// The verification API, /v1: verifications as resources, and problems with stable codes.

import { bad, good, unanswered } from "./readings.js";
import { randomName } from "./service.js";
import { digits, duration } from "./words.js";

const LONGEST = 20_000;
const PATH = "/v1/verifications";
/** The problems after which a verification takes no more guesses. */
const STOPS = {
  __proto__: null,
  attempts_exhausted: "locked", too_many_failures: "locked", verification_expired: "expired",
  verification_not_found: "gone", send_failed: "refused",
};
/** How a verification had ended before. */
const ENDED = { __proto__: null, failed: "locked", expired: "expired", canceled: "canceled", approved: "gone" };

export class VerificationApi {
  #service;
  /** The verification in progress, as `{ id, phones, isPending }`. */
  #current = null;

  /** The API key. */
  key = "";

  /** The language of the next message, or an empty text for the service's own choice. */
  locale = "";

  constructor(service) {
    this.#service = service;
  }

  /** The request that asks for a code. */
  first(phone) {
    const body = this.locale === "" ? { to: `+${phone}` } : { to: `+${phone}`, locale: this.locale };
    return this.#prepare("POST", PATH, phone, body, true);
  }

  /** Creates a verification, or goes on with the pending one. */
  async request(phone) {
    const answer = await this.#service.call(this.first(phone));
    const meaning = answer.status === 201
      ? "Created. The code is on its way."
      : "The pending verification goes on, with the same code. A message that was just sent is not repeated.";
    return this.#read(answer, phone, meaning, { isSent: true });
  }

  /** Sends the same code again, or creates a verification if none is pending. */
  async resend(phone) {
    if (!this.#isAbout(phone) || !this.#current.isPending) {
      return this.request(phone);
    }
    const answer = await this.#call("POST", `${this.#path()}/resend`, phone, null, true);
    return this.#read(answer, phone, "The same code was sent again. Its deadline stays.", { isSent: true });
  }

  /** Checks a code. */
  async verify(phone, code) {
    const answer = await this.#call("POST", `${this.#path()}/check`, phone, { code });
    return this.#read(answer, phone, "Verified. The code has been used: it works once.", { isApproved: true });
  }

  /** The verification takes no more guesses. */
  end() {
    if (this.#current !== null) {
      this.#current.isPending = false;
    }
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

  #prepare(method, path, phone, body, isOnce = false) {
    // A fresh key for every click: only a repetition by the network or by curl is the same request.
    return this.#service.prepare(method, path, { phone, key: this.key, idempotencyKey: isOnce ? randomName() : null, body });
  }

  #call(...request) {
    return this.#service.call(this.#prepare(...request));
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
    const until = Date.parse(value.expires_at);
    this.#current = { id: text(value.id), phones: to === "" ? [phone] : [phone, to], isPending };
    return good(text(value.status), meaning, {
      status,
      stop: more.isApproved === true ? null : ENDED[value.status] ?? null,
      wait: isPending ? secondsUntil(value.resend_at) : null,
      phone: to === "" ? null : to,
      life: Number.isNaN(until) ? null : { until, whole: until - Date.parse(value.created_at) },
      attemptsLeft: Number.isInteger(value.attempts_left) ? value.attempts_left : null,
      document: { title: "The verification", value },
      proof: typeof value.proof === "string" ? value.proof : null,
      ...more,
    });
  }

  #readProblem(answer, value) {
    const code = text(value.code);
    const stop = STOPS[code] ?? (code === "verification_not_pending" ? ENDED[value.verification_status] ?? "gone" : null);
    if (stop !== null) {
      this.end();
    }
    const isWrong = code === "code_incorrect";
    return bad(text(value.title), text(value.detail), {
      status: answer.status,
      says: isWrong ? "That is not the code." : said(value, answer.wait),
      stop,
      isWrong,
      isNumberInvalid: code === "invalid_phone_number",
      wantsKey: code === "unauthenticated",
      wait: answer.wait,
      attemptsLeft: Number.isInteger(value.attempts_left) ? value.attempts_left : null,
      document: { title: "The problem", value },
      problem: { code, href: `${this.#service.origin}/problems/${encodeURIComponent(code)}` },
    });
  }
}

/** A problem for people: with minutes instead of hundreds of seconds. */
function said({ title, detail }, wait) {
  return wait === null
    ? text(detail) || text(title)
    : `${text(detail).replace(/ Try again in .*$/, "")} Try again in ${duration(wait)}.`;
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
