// The service's two calls, as any app would make them, recorded for the exchange.

const TIMEOUT = 60_000;
const SHOWN_HEADERS = ["content-type", "retry-after", "x-request-id"];

export class Service extends EventTarget {
  /** Calls the service at `origin`. Fires `exchange` after every call. */
  constructor(origin) {
    super();
    this.origin = origin;
    this.apiKey = "";
  }

  /** Requests a code. */
  request(phone) {
    return this.#call("GET", phone, null);
  }

  /** Verifies a code. */
  verify(phone, code) {
    return this.#call("POST", phone, JSON.stringify({ code }));
  }

  async #call(method, phone, body) {
    const path = `/otp/${encodeURIComponent(phone)}`;
    // This header makes browsers send a preflight, so a service that does not allow this page is never called.
    const headers = { "X-Request-Id": requestId() };
    if (body !== null) {
      headers["Content-Type"] = "application/json";
    }
    const shown = { ...headers };
    if (this.apiKey !== "") {
      headers.Authorization = `Bearer ${this.apiKey}`;
      shown.Authorization = "Bearer …";
    }
    const request = { phone, method, path, url: this.origin + path, headers: shown, body, withKey: this.apiKey !== "" };
    const began = performance.now();
    const answer = await answerTo(request.url, { method, headers, body });
    const exchange = { request, answer, at: Date.now(), milliseconds: Math.round(performance.now() - began) };
    this.dispatchEvent(new CustomEvent("exchange", { detail: exchange }));
    return answer;
  }
}

/** The status, headers and body; status 0 if there was no answer. */
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

function requestId() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => String.fromCharCode(97 + (byte % 26)));
  return `page-${letters.join("")}`;
}
