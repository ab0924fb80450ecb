// The sign-in form: requests a code, verifies it, and shows the service's answers.

import { ofRequest, ofVerification, retryAfter, wantsKey } from "./answers.js";
import { CodeBoxes } from "./code-boxes.js";
import { byId, element, hold, isHeld } from "./dom.js";
import { NumberField } from "./number.js";
import * as simulator from "./simulator.js";

const USUAL_LENGTH = 6;
const CHECK_AGAIN_AFTER = 3_000;

export class SignIn extends EventTarget {
  #service;
  #settings;
  #number = new NumberField();
  #boxes;
  #send = byId("send");
  #verify = byId("verify");
  #resend = byId("resend");
  #busy = false;
  #handed = null;
  #countdown = null;
  #nextCheck = null;

  /** The digits of the number for which a code was last requested, or null. */
  phone = null;

  /** Fires `phone` when another number becomes current. */
  constructor(service, settings) {
    super();
    this.#service = service;
    this.#settings = settings;
    this.#boxes = new CodeBoxes(byId("boxes"), settings.code_length ?? USUAL_LENGTH);
    byId("service-line").textContent = `A sign-in form as you would build it. It calls the service at ${service.origin}.`;
    byId("api-key-field").hidden = !settings.needs_api_key;
    byId("api-key").addEventListener("input", (event) => { service.apiKey = event.target.value.trim(); });
    byId("number-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#request();
    });
    byId("code-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
    });
    this.#boxes.addEventListener("complete", () => this.#check());
    this.#resend.addEventListener("click", () => this.#request());
    this.#open(settings.sends_here);
  }

  /** Fills in the number for the next code. */
  set number(phone) {
    this.#number.value = phone;
    this.#number.focus();
  }

  /** Receives a code from the phone. Returns true if the app was waiting for one to this number. */
  receive(code, phone) {
    if (phone !== this.phone) {
      return false;
    }
    // The message may arrive before the answer to the request.
    this.#handed = code;
    this.#takeHanded();
    return true;
  }

  /** Creates as many boxes as the code has digits, unless the settings name a number. */
  expect(code) {
    if (this.#settings.code_length === null && this.#boxes.value === "") {
      this.#fit(code.length);
    }
  }

  #takeHanded() {
    if (this.#handed === null || this.#busy) {
      return;
    }
    const code = this.#handed;
    this.#handed = null;
    this.#fit(code.length);
    this.#boxes.clear();
    this.#boxes.fill(code);
    this.#check();
  }

  #fit(length) {
    if (length !== this.#boxes.length && length >= 4 && length <= 10) {
      this.#boxes.length = length;
    }
  }

  async #request() {
    const phone = this.#number.value;
    if (phone === "") {
      this.#number.invalid = true;
      this.#number.focus();
      this.#show({ tone: "bad", line: "No number yet.", meaning: "Type a phone number first." });
      return;
    }
    if (isHeld(this.#resend) && this.#countdown?.phone === phone) {
      return;
    }
    const answer = await this.#call(this.#send, "Sending…", async () => {
      if (!(await this.#isSimulated())) {
        this.#show({ tone: "bad", line: "Not sent.", meaning: "The service may be sending through the real WhatsApp." });
        return null;
      }
      // The message may arrive before the answer.
      this.#handed = null;
      this.#setPhone(phone);
      return this.#service.request(phone);
    });
    if (answer === null) {
      return;
    }
    this.#number.invalid = answer.status === 400;
    this.#showAnswer(answer, ofRequest(answer));
    const seconds = retryAfter(answer);
    if (seconds !== null) {
      this.#countDown(seconds, phone);
    } else {
      this.#stopCountdown();
    }
    if (this.#handed !== null) {
      this.#takeHanded();
    } else if (answer.status === 200) {
      this.#boxes.clear();
      this.#boxes.focus();
    }
  }

  async #check() {
    const phone = this.phone ?? this.#number.value;
    if (phone === "" || !this.#boxes.isComplete) {
      const missing = phone === "" ? "Type a phone number first." : "Fill in every digit first.";
      this.#show({ tone: "bad", line: "No code yet.", meaning: missing });
      (phone === "" ? this.#number : this.#boxes).focus();
      return;
    }
    this.#setPhone(phone);
    const answer = await this.#call(this.#verify, "Verifying…", () => this.#service.verify(phone, this.#boxes.value));
    if (answer === null) {
      return;
    }
    this.#showAnswer(answer, ofVerification(answer));
    this.#boxes.clear();
    this.#boxes.invalid = answer.status === 401 && !wantsKey(answer);
    if (answer.status === 200) {
      byId("answer").scrollIntoView({ block: "nearest" });
      this.#resend.focus();
    } else {
      this.#boxes.focus();
    }
    this.#takeHanded();
  }

  /** Runs one call at a time. Resolves to null if one is in flight, or if `call` makes none. */
  async #call(button, meanwhile, call) {
    if (this.#busy) {
      return null;
    }
    this.#busy = true;
    const label = button.textContent;
    button.textContent = meanwhile;
    hold(this.#send, true);
    hold(this.#verify, true);
    this.#show({ tone: "idle", line: "…", meaning: "Waiting for the service." });
    try {
      const answer = await call();
      if (answer !== null && wantsKey(answer)) {
        byId("api-key-field").hidden = false;
      }
      return answer;
    } finally {
      this.#busy = false;
      button.textContent = label;
      hold(this.#send, false);
      hold(this.#verify, false);
    }
  }

  #setPhone(phone) {
    this.phone = phone;
    this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
  }

  #showAnswer(answer, meant) {
    const status = answer.status === 0 ? null : String(answer.status);
    this.#show({ status, line: answer.body, ...meant });
  }

  #show({ tone, status = null, line, meaning, next = null }) {
    byId("answer").dataset.tone = tone;
    byId("answer-text").replaceChildren(
      element("p", { className: "answer-line" },
        status === null ? null : element("span", { className: "status" }, status),
        element("span", { className: "answer-body" }, line)),
      element("p", { className: "answer-meaning" }, meaning,
        ...(next === null ? [] : [" ", element("a", { href: next.href }, next.text), "."])),
    );
  }

  #countDown(seconds, phone) {
    this.#stopCountdown();
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) {
        return this.#stopCountdown();
      }
      this.#resend.textContent = `Send again in ${left} s`;
    };
    this.#countdown = { phone, timer: setInterval(tick, 250) };
    hold(this.#resend, true);
    tick();
  }

  #stopCountdown() {
    clearInterval(this.#countdown?.timer);
    this.#countdown = null;
    hold(this.#resend, false);
    this.#resend.textContent = "Send again";
  }

  /** Resolves to true if messages are known to be simulated. Asked before each one. */
  async #isSimulated() {
    const settings = await simulator.settings().catch(() => null);
    const simulated = settings?.service?.sends_here === true;
    // The form stays as it is if the simulator does not answer: the phone shows that the connection is lost.
    this.#open(settings === null ? !byId("forms").hidden : simulated);
    return simulated;
  }

  /** Opens the form, or closes it and checks again until it can be opened. */
  #open(open) {
    byId("forms").hidden = !open;
    byId("elsewhere").hidden = open;
    clearTimeout(this.#nextCheck);
    if (!open) {
      this.#nextCheck = setTimeout(() => this.#isSimulated(), CHECK_AGAIN_AFTER);
    }
  }
}
