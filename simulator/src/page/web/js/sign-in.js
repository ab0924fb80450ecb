// The sign-in form: requests a code, verifies it, and shows the service's answers.

import { showAnswer, showWaiting } from "./answer.js";
import { CodeBoxes } from "./code-boxes.js";
import { byId, hold } from "./dom.js";
import { NumberField } from "./number.js";
import { bad, idle } from "./readings.js";
import { ResendButton } from "./resend-button.js";
import { SampleCalls } from "./sample-calls.js";
import * as simulator from "./simulator.js";
import { VerificationApi } from "./verification-api.js";

const USUAL_LENGTH = 6;
const CHECK_AGAIN_AFTER = 3_000;

export class SignIn extends EventTarget {
  #service;
  #settings;
  #apis;
  #api;
  #number = new NumberField();
  #boxes;
  #send = byId("send");
  #verify = byId("verify");
  #readAgain = byId("read");
  #resend = new ResendButton(() => this.#requestAgain());
  #busy = false;
  #handed = null;
  #nextCheck = null;

  /** The digits of the number for which a code was last requested, or null. */
  phone = null;

  /** Fires `phone` when another number becomes current. */
  constructor(service, settings) {
    super();
    this.#service = service;
    this.#settings = settings;
    this.#apis = { v1: new VerificationApi(service), sample: new SampleCalls(service) };
    this.#boxes = new CodeBoxes(byId("boxes"), settings.code_length ?? USUAL_LENGTH);
    byId("service-line").textContent = `A sign-in form as you would build it. It calls the service at ${service.origin}.`;
    byId("api-key").addEventListener("input", (event) => { this.#api.key = event.target.value.trim(); });
    byId("number-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#request((phone) => this.#api.request(phone));
    });
    byId("code-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
    });
    this.#boxes.addEventListener("complete", () => this.#check());
    this.#readAgain.addEventListener("click", () => this.#read());
    for (const choice of byId("apis").querySelectorAll("input")) {
      choice.addEventListener("change", () => this.#choose(choice.value));
    }
    // On a narrow screen the phone comes after the answer, so that is short.
    byId("document").open = matchMedia("(min-width: 44rem)").matches;
    this.#takeKey(settings);
    this.#choose(settings.api_key === null ? "sample" : "v1");
    this.#open(settings.sends_here);
  }

  /** The key for the verification API, or an empty text. */
  get key() {
    return this.#apis.v1.key;
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

  /** Starts anew with one of the APIs. */
  #choose(name) {
    const isV1 = name === "v1";
    byId(`api-${name}`).checked = true;
    byId("api-hint").textContent = isV1
      ? "Verifications are resources in JSON, approved ones with a signed proof. In production your backend makes these calls, so that the key stays there."
      : "The two calls of WhatsApp’s sample server, which answer with a sentence.";
    byId("api-key-hint").textContent = isV1
      ? "The verification API always requires a key. It never leaves this page except to the service."
      : "The service has auth.mode = \"api_key\". The key never leaves this page except to the service.";
    this.#api = this.#apis[name];
    this.#api.forget();
    byId("api-key").value = "";
    if (isV1 && this.#settings.api_key !== null) {
      byId("api-key-field").hidden = true;
    } else {
      this.#api.key = "";
      byId("api-key-field").hidden = !isV1 && !this.#settings.needs_api_key;
    }
    this.#boxes.clear();
    this.#resend.wait(null, null);
    this.#show(idle("Nothing yet.", "Press “Send code” and watch the phone."));
  }

  /** Takes the service's key for the verification API: a sandbox draws another when it starts. */
  #takeKey({ api_key: key }) {
    if (key !== null) {
      this.#apis.v1.key = key;
    }
  }

  #requestAgain() {
    if (!this.#resend.isHeldFor(this.#number.value)) {
      this.#request((phone) => this.#api.resend(phone));
    }
  }

  async #request(call) {
    const phone = this.#number.value;
    if (phone === "") {
      this.#number.invalid = true;
      this.#number.focus();
      this.#show(bad("No number yet.", "Type a phone number first."));
      return;
    }
    const answer = await this.#call(this.#send, "Sending…", async () => {
      if (!(await this.#isSimulated())) {
        this.#show(bad("Not sent.", "The service may be sending through the real WhatsApp."));
        return null;
      }
      // The message may arrive before the answer.
      this.#handed = null;
      this.#setPhone(phone);
      return call(phone);
    });
    if (answer === null) {
      return;
    }
    this.#number.invalid = answer.isNumberInvalid;
    this.#show(answer);
    this.#resend.wait(answer.wait, phone);
    if (answer.phone !== null && answer.phone !== this.phone) {
      this.#setPhone(answer.phone);
    }
    if (this.#settings.code_length === null && answer.codeLength !== null) {
      this.#fit(answer.codeLength);
    }
    if (this.#handed !== null) {
      this.#takeHanded();
    } else if (answer.isSent) {
      this.#boxes.clear();
      this.#boxes.focus();
    }
  }

  async #check() {
    const phone = this.phone ?? this.#number.value;
    if (phone === "" || !this.#boxes.isComplete) {
      this.#show(bad("No code yet.", phone === "" ? "Type a phone number first." : "Fill in every digit first."));
      (phone === "" ? this.#number : this.#boxes).focus();
      return;
    }
    this.#setPhone(phone);
    const answer = await this.#call(this.#verify, "Verifying…", () => this.#api.verify(phone, this.#boxes.value));
    if (answer === null) {
      return;
    }
    this.#show(answer);
    this.#boxes.clear();
    this.#boxes.invalid = answer.isWrong;
    if (answer.isEnded) {
      this.#resend.wait(null, null);
    }
    if (answer.isApproved) {
      byId("answer-text").scrollIntoView({ block: "nearest" });
      this.#resend.focus();
    } else {
      this.#boxes.focus();
    }
    this.#takeHanded();
  }

  async #read() {
    const answer = await this.#call(this.#readAgain, "Reading…", () => this.#api.read(this.phone));
    if (answer !== null) {
      this.#show(answer);
    }
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
    byId("apis").disabled = true;
    showWaiting();
    try {
      const answer = await call();
      if (answer?.wantsKey) {
        byId("api-key-field").hidden = false;
      }
      return answer;
    } finally {
      this.#busy = false;
      button.textContent = label;
      hold(this.#send, false);
      hold(this.#verify, false);
      byId("apis").disabled = false;
    }
  }

  #setPhone(phone) {
    this.phone = phone;
    this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
  }

  #show(answer) {
    showAnswer(answer, this.#service.origin);
    this.#readAgain.hidden = !this.#api.canRead;
  }

  /** Resolves to true if messages are known to be simulated. Asked before each one. */
  async #isSimulated() {
    const settings = await simulator.settings().catch(() => null);
    const simulated = settings?.service?.sends_here === true;
    if (settings?.service) {
      this.#takeKey(settings.service);
    }
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
