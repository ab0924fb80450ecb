// Calls to the service, as any backend would make them.

const TIMEOUT = 60_000;

export class Service extends EventTarget {
  /** Calls the service at `origin`. Fires `exchange` after every call. */
  constructor(origin) {
    super();
    this.origin = origin;
  }

  /**
   * A request about `phone`, not yet made. `idempotencyKey` and `body`, an object, are optional; without a `key` it is
   * anonymous.
   */
  prepare(method, path, { phone, key = "", idempotencyKey = null, body = null }) {
    return {
      method, path, phone, key, idempotencyKey,
      url: this.origin + path,
      body: body === null ? null : JSON.stringify(body),
    };
  }

  /** Makes a request. Resolves to the status, the seconds of Retry-After, and the body; status 0 if there was no answer. */
  async call(request) {
    // This header makes browsers send a preflight, so a service that does not allow this page is never called.
    const headers = { "X-Request-Id": randomName() };
    if (request.idempotencyKey !== null) {
      headers["Idempotency-Key"] = request.idempotencyKey;
    }
    if (request.body !== null) {
      headers["Content-Type"] = "application/json";
    }
    if (request.key !== "") {
      headers.Authorization = `Bearer ${request.key}`;
    }
    const began = performance.now();
    const answer = await answerTo(request.url, { method: request.method, headers, body: request.body });
    const exchange = { request, answer, milliseconds: Math.round(performance.now() - began) };
    this.dispatchEvent(new CustomEvent("exchange", { detail: exchange }));
    return answer;
  }
}

/** A name that no other request has. */
export function randomName() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => String.fromCharCode(97 + (byte % 26)));
  return `page-${letters.join("")}`;
}

async function answerTo(url, options) {
  const fixed = { cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(TIMEOUT) };
  try {
    const response = await fetch(url, { ...fixed, ...options });
    return { status: response.status, wait: seconds(response.headers.get("retry-after")), body: await response.text() };
  } catch (error) {
    return { status: 0, wait: null, body: error.name === "TimeoutError" ? "No answer in time." : "No answer." };
  }
}

/** Whole seconds until the next attempt is allowed, or null. */
function seconds(text) {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : null;
}
