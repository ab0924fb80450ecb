// Calls to the service, as any app would make them, recorded for the exchange.

const TIMEOUT = 60_000;
const SHOWN_HEADERS = [
  "content-type", "location", "retry-after", "ratelimit", "ratelimit-policy", "idempotent-replayed", "x-request-id",
];

export class Service extends EventTarget {
  /** Calls the service at `origin`. Fires `exchange` after every call. */
  constructor(origin) {
    super();
    this.origin = origin;
  }

  /**
   * Makes a call about `phone`. Resolves to the status, headers and body; status 0 if there was no answer.
   * `idempotencyKey` and `body`, an object, are optional; without a `key` the call is anonymous.
   */
  async call(method, path, { phone, key = "", idempotencyKey = null, body = null }) {
    // This header makes browsers send a preflight, so a service that does not allow this page is never called.
    const headers = { "X-Request-Id": randomName() };
    if (idempotencyKey !== null) {
      headers["Idempotency-Key"] = idempotencyKey;
    }
    if (body !== null) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(body);
    }
    const shown = { ...headers };
    if (key !== "") {
      headers.Authorization = `Bearer ${key}`;
      shown.Authorization = "Bearer …";
    }
    const request = { phone, method, path, url: this.origin + path, headers: shown, body, withKey: key !== "", idempotencyKey };
    const began = performance.now();
    const answer = await answerTo(request.url, { method, headers, body });
    const exchange = { request, answer, at: Date.now(), milliseconds: Math.round(performance.now() - began) };
    this.dispatchEvent(new CustomEvent("exchange", { detail: exchange }));
    return answer;
  }
}

/** A name that no other request has. */
export function randomName() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => String.fromCharCode(97 + (byte % 26)));
  return `page-${letters.join("")}`;
}

/** Whole seconds until the next attempt is allowed, or null. */
export function retryAfter(answer) {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isInteger(seconds) && seconds > 0 ? seconds : null;
}

async function answerTo(url, options) {
  const fixed = { cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(TIMEOUT) };
  try {
    const response = await fetch(url, { ...fixed, ...options });
    const headers = SHOWN_HEADERS.map((name) => [name, response.headers.get(name)]).filter(([, value]) => value !== null);
    return { status: response.status, headers: Object.fromEntries(headers), body: await response.text() };
  } catch (error) {
    return { status: 0, headers: {}, body: error.name === "TimeoutError" ? "No answer in time." : "No answer." };
  }
}
