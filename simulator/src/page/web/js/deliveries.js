// The service's view of the messages: what became of each, as its API tells.

const ASK_EVERY = 1_000;
/** Most of what happens to a message happens soon. Later, it is asked for less often. */
const SOON = 15_000;
const LATER_EVERY = 5_000;
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
  #asked = new Map();
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
    const ids = messages.filter((message) => this.#isDue(message)).map((message) => reference(message).id);
    try {
      await Promise.all([...new Set(ids)].slice(-AT_ONCE).map((id) => this.#read(id)));
    } finally {
      this.#asking = false;
    }
  }

  #isDue(message) {
    const [named, age] = [reference(message), Date.now() - Date.parse(message.received_at)];
    if (named === null || age > LONGEST_LIFE) {
      return false;
    }
    const isKnown = (this.#known.get(named.id)?.length ?? 0) >= named.number;
    const waited = Date.now() - (this.#asked.get(named.id) ?? 0);
    return !(isKnown && this.#over.has(named.id)) && (age < SOON || waited >= LATER_EVERY);
  }

  async #read(id) {
    this.#asked.set(id, Date.now());
    const verification = await this.#get(id);
    if (verification === null) {
      return;
    }
    const deliveries = Array.isArray(verification.deliveries) ? verification.deliveries : [];
    // Nothing follows `read`; and what failed may still arrive, but not after the end.
    const isOver = ({ status }) => status === "read" || (status === "failed" && verification.status !== "pending");
    if (deliveries.every(isOver)) {
      this.#over.add(id);
    } else {
      this.#over.delete(id);
    }
    const before = JSON.stringify(this.#known.get(id));
    this.#known.set(id, deliveries);
    if (JSON.stringify(deliveries) !== before) {
      this.dispatchEvent(new CustomEvent("change"));
    }
  }

  /** The verification; null if there is none, or no answer now. */
  async #get(id) {
    const options = {
      headers: { Authorization: `Bearer ${this.#key()}` },
      cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
    };
    try {
      const response = await fetch(`${this.#origin}/v1/verifications/${encodeURIComponent(id)}`, options);
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
