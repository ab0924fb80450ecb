// The service's view of the messages: what became of each, as its API tells.

const ASK_EVERY = 1_000;
const PATIENCE = 10_000;
const LONGEST = 20_000;
/** The most verifications that are asked for at a time. */
const AT_ONCE = 4;
/** A message is asked for no longer than any code lives. */
const LONGEST_LIFE = 90 * 60_000;

export class Deliveries extends EventTarget {
  #origin;
  #key;
  #known = new Map();
  #over = new Set();
  #asking = false;

  /** Asks the service at `origin` with the key that `key()` returns. Fires `change` when a delivery has changed. */
  constructor(origin, key) {
    super();
    this.#origin = origin;
    this.#key = key;
  }

  /** Begins to follow the messages that `messages()` returns. */
  follow(messages) {
    setInterval(() => this.#ask(messages()), ASK_EVERY);
  }

  /**
   * The delivery of a message, `{ status, reason }`, with status `null` until the service has told; null if it cannot be
   * asked.
   */
  of(message) {
    const named = reference(message);
    if (named === null || this.#key() === "") {
      return null;
    }
    return this.#known.get(named.id)?.[named.number - 1] ?? { status: null, reason: null };
  }

  async #ask(messages) {
    if (this.#asking || document.visibilityState !== "visible" || this.#key() === "") {
      return;
    }
    this.#asking = true;
    const recent = messages.filter((message) => Date.now() - Date.parse(message.received_at) < LONGEST_LIFE);
    const ids = recent.map((message) => reference(message)?.id).filter((id) => id !== undefined && !this.#over.has(id));
    try {
      await Promise.all([...new Set(ids)].slice(-AT_ONCE).map((id) => this.#read(id)));
    } finally {
      this.#asking = false;
    }
  }

  async #read(id) {
    const verification = await this.#get(id);
    if (verification === null) {
      return;
    }
    const deliveries = Array.isArray(verification.deliveries) ? verification.deliveries : [];
    // What is over and read says nothing new.
    if (verification.status !== "pending" && deliveries.every(({ status }) => status === "read" || status === "failed")) {
      this.#over.add(id);
    }
    const before = JSON.stringify(this.#known.get(id));
    this.#known.set(id, deliveries);
    if (JSON.stringify(deliveries) !== before) {
      this.dispatchEvent(new CustomEvent("change"));
    }
  }

  /** The verification; null if there is no answer now. One that the service does not know is not asked for again. */
  async #get(id) {
    const options = {
      headers: { Authorization: `Bearer ${this.#key()}` },
      cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
    };
    try {
      const response = await fetch(`${this.#origin}/v1/verifications/${encodeURIComponent(id)}`, options);
      if (response.status === 404) {
        this.#over.add(id);
      }
      const body = response.ok ? await response.text() : "";
      return body === "" || body.length > LONGEST ? null : JSON.parse(body);
    } catch {
      return null;
    }
  }
}

/** The verification and the number of the delivery that a message belongs to; null if its sender did not say. */
function reference({ biz_opaque_callback_data: data }) {
  const found = /^v1\.([\w-]+)\.([1-9]\d?)$/.exec(data ?? "");
  return found === null ? null : { id: found[1], number: Number(found[2]) };
}
