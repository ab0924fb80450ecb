// The app's form: asks for a number, then for the code, and says how it ended.

import { CodeField } from "./code-field.js";
import { byId, hold, say } from "./dom.js";
import { Expiry } from "./expiry.js";
import { HeldButton } from "./held-button.js";
import { bad } from "./readings.js";
import { SampleCalls } from "./sample-calls.js";
import * as simulator from "./simulator.js";
import { showStep, showStop } from "./steps.js";
import { VerificationApi } from "./verification-api.js";
import { count, duration, pretty } from "./words.js";

const USUAL_LENGTH = 6;
const NOT_ON_WHATSAPP = 131026;
const CHECK_AGAIN_AFTER = 3_000;

export class SignIn extends EventTarget {
  #backend;
  #settings;
  #apis;
  #api;
  #number = byId("number");
  #code;
  #send = byId("send");
  #verify = byId("verify");
  #resend = new HeldButton(byId("resend"), () => this.#request(byId("resend")));
  #goOn = new HeldButton(byId("go-on"), () => this.#leaveStop());
  #expiry = new Expiry(() => this.#stop("expired"));
  #step = "number";
  #action = null;
  #busy = false;
  #handed = null;
  #undelivered = null;
  #began = 0;
  #nextCheck = null;

  /** The digits of the number for which a code was last requested, or null. */
  phone = null;

  /** Fires `phone` when another number becomes current, and `step` when another step is shown. */
  constructor(service, backend, settings) {
    super();
    this.#backend = backend;
    this.#settings = settings;
    this.#apis = { v1: new VerificationApi(service), sample: new SampleCalls(service) };
    this.#code = new CodeField(settings.code_length ?? USUAL_LENGTH);
    this.#code.addEventListener("complete", () => this.#check());
    this.#number.addEventListener("input", () => {
      this.#number.ariaInvalid = "false";
      this.#preview();
    });
    byId("api-key").addEventListener("input", (event) => { this.#api.key = event.target.value.trim(); });
    byId("number-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#began = performance.now();
      this.#request(this.#send);
    });
    byId("code-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
    });
    for (const id of ["change", "other-number", "start-over"]) {
      byId(id).addEventListener("click", () => this.#startOver());
    }
    byId("api").addEventListener("change", ({ target }) => this.#choose(target.value));
    this.#takeKey(settings);
    this.#choose(settings.api_key === null ? "sample" : "v1");
    this.#open(settings.sends_here);
  }

  /** The language of the next message, or an empty text. */
  set locale(locale) {
    this.#apis.v1.locale = locale;
    this.#preview();
  }

  /** The form waits for a code to this number. */
  waitsFor(phone) {
    return this.#step === "code" && phone === this.phone;
  }

  /** Moves the focus to where the code goes. */
  focusCode() {
    this.#code.focus();
  }

  /** Receives a code from the phone. Returns true if the app was waiting for one to this number. */
  receive(code, phone) {
    if (phone !== this.phone || !(this.#step === "code" || this.#busy)) {
      return false;
    }
    // The message may arrive before the answer to the request.
    this.#handed = code;
    this.#takeHanded();
    return true;
  }

  /** Shows as many slots as this code has digits. */
  expect(code) {
    if (this.#code.value === "") {
      this.#fit(code.length);
    }
  }

  /** Takes note that the latest message to this number failed. */
  undelivered({ code, title }, phone) {
    if (this.waitsFor(phone) || this.#busy) {
      this.#undelivered = code === NOT_ON_WHATSAPP ? "This number is not on WhatsApp." : `WhatsApp says: ${code} ${title}.`;
      this.#takeHanded();
    }
  }

  /** Takes note that the person did not ask for the code. */
  denied(phone) {
    if (this.waitsFor(phone)) {
      this.#stop("canceled");
    }
  }

  /** Takes note of the code's record, which has what the answers of the sample server's calls lack. */
  know({ typed, record: { phone, code } }) {
    if (this.phone === typed && phone !== typed) {
      this.#setPhone(phone);
    }
    if (!this.waitsFor(phone) || code === null || this.#api !== this.#apis.sample) {
      return;
    }
    this.#showAttempts(code.max_attempts - code.attempts);
    if (code.expires_in_ms > 0) {
      this.#expiry.start(Date.now() + code.expires_in_ms);
    }
  }

  #takeHanded() {
    if (this.#busy || this.#step !== "code") {
      return;
    }
    if (this.#undelivered !== null) {
      this.#stop("undelivered", this.#undelivered);
    }
    if (this.#handed === null) {
      return;
    }
    const code = this.#handed;
    this.#handed = null;
    this.#fit(code.length);
    this.#code.value = code;
    this.#check();
  }

  #fit(length) {
    if (length !== this.#code.length && length >= 4 && length <= 10) {
      this.#code.length = length;
    }
  }

  /** Starts anew with one of the APIs. */
  #choose(name) {
    const isV1 = name === "v1";
    byId("api").hidden = false;
    byId("api").value = name;
    this.#api = this.#apis[name];
    byId("api-key").value = "";
    if (isV1 && this.#settings.api_key !== null) {
      byId("api-key-field").hidden = true;
    } else {
      this.#api.key = "";
      byId("api-key-field").hidden = !isV1 && !this.#settings.needs_api_key;
    }
    this.#startOver(false);
  }

  /** Takes the service's key for the verification API: a sandbox generates another when it starts. */
  #takeKey({ api_key: key }) {
    if (key !== null) {
      this.#apis.v1.key = key;
    }
  }

  /** The number without the punctuation that the service ignores; empty if there is none. */
  get #typed() {
    return this.#number.value.replace(/[\s().+-]/g, "");
  }

  #startOver(focus = true) {
    if (this.#busy) {
      return;
    }
    // A pending verification goes on if the number stays.
    if (this.#step !== "code") {
      this.#api.forget();
    }
    this.#go("number");
    this.#say("");
    this.#number.ariaInvalid = "false";
    this.#preview();
    if (focus) {
      this.#number.focus();
    }
  }

  #preview() {
    if (this.#step === "number") {
      this.#backend.showNext(this.#api.first(this.#typed));
    }
  }

  #go(step) {
    this.#step = step;
    if (step !== "code") {
      this.#expiry.start(null);
    }
    if (step !== "stopped") {
      showStep(step);
    }
    this.dispatchEvent(new CustomEvent("step", { detail: step }));
  }

  #stop(reason, lead = null) {
    this.#api.end();
    const stop = showStop(reason, lead);
    this.#action = stop.action;
    this.#goOn.wait(null, stop.button);
    this.#go("stopped");
    byId("stopped-title").focus();
  }

  /** The one way on from a verification that stopped. */
  #leaveStop() {
    if (this.#action === "number") {
      this.#startOver();
    } else {
      this.#began = performance.now();
      this.#request(byId("go-on"));
    }
  }

  /** Requests a first message, or another one. */
  async #request(button) {
    const isFirst = this.#step === "number";
    const phone = isFirst ? this.#typed : this.phone;
    if (phone === "") {
      this.#number.ariaInvalid = "true";
      this.#number.focus();
      this.#say("Type a phone number.");
      return;
    }
    const answer = await this.#call(button, "Sending…", async () => {
      if (!(await this.#isSimulated())) {
        return bad("Not sent.", "The service may be sending through the real WhatsApp.");
      }
      // The message may arrive before the answer.
      this.#handed = this.#undelivered = null;
      this.#setPhone(phone);
      return isFirst ? this.#api.request(phone) : this.#api.resend(phone);
    });
    if (answer === null) {
      return;
    }
    this.#number.ariaInvalid = String(answer.isNumberInvalid);
    if (answer.phone !== null && answer.phone !== this.phone) {
      this.#setPhone(answer.phone);
    }
    if (answer.isSent && answer.stop === null) {
      this.#waitForCode(answer);
    } else {
      this.#refused(answer);
    }
  }

  #waitForCode(answer) {
    const says = this.#step === "code" ? "Sent again." : "";
    byId("sent-to").textContent = pretty(this.phone);
    this.#code.value = "";
    this.#code.invalid = false;
    this.#showAttempts(answer.attemptsLeft);
    this.#resend.wait(answer.wait);
    this.#go("code");
    this.#say(says, "good");
    this.#expiry.start(answer.life?.until ?? null, answer.life?.whole);
    this.#code.focus();
    this.#takeHanded();
  }

  #refused(answer) {
    if (this.#step === "code") {
      this.#resend.wait(answer.wait);
    } else if (this.#step === "stopped") {
      this.#goOn.wait(answer.wait, byId("go-on").textContent);
    }
    if (answer.stop !== null) {
      this.#stop(answer.stop, answer.says);
    } else {
      this.#say(answer.says ?? answer.meaning);
      if (answer.isNumberInvalid) {
        this.#number.focus();
      }
    }
  }

  async #check() {
    if (!this.#code.isComplete) {
      this.#say("Fill in every digit.");
      this.#code.focus();
      return;
    }
    const answer = await this.#call(this.#verify, "Verifying…", () => this.#api.verify(this.phone, this.#code.value));
    if (answer === null) {
      return;
    }
    this.#code.value = "";
    if (answer.isApproved) {
      this.#finish();
    } else if (answer.stop !== null) {
      this.#stop(answer.stop);
    } else {
      this.#code.invalid = answer.isWrong;
      this.#showAttempts(answer.attemptsLeft);
      this.#say(answer.says ?? answer.meaning);
      this.#code.focus();
      this.#takeHanded();
    }
  }

  #finish() {
    const took = duration(Math.max(1, Math.round((performance.now() - this.#began) / 1000)));
    byId("done-title").textContent = `${pretty(this.phone)} verified in ${took}`;
    byId("done-lead").textContent = `Your backend has status 200${this.#api === this.#apis.v1 ? " and a signed proof" : ""}.`;
    this.#go("done");
    byId("done-title").focus();
  }

  /** Runs one call at a time and shows its answer. Resolves to null if one is in flight. */
  async #call(button, meanwhile, call) {
    if (this.#busy) {
      return null;
    }
    this.#busy = true;
    const label = button.textContent;
    button.textContent = meanwhile;
    const held = [this.#send, this.#verify, byId("go-on")];
    held.forEach((one) => hold(one, true));
    byId("api").disabled = true;
    this.#backend.showWaiting();
    try {
      const answer = await call();
      this.#backend.show(answer);
      if (answer.wantsKey) {
        byId("api-key-field").hidden = false;
      }
      return answer;
    } finally {
      this.#busy = false;
      button.textContent = label;
      held.forEach((one) => hold(one, false));
      byId("api").disabled = false;
    }
  }

  /** Says something in the step that is shown. */
  #say(text, tone = "bad") {
    say(byId(`${this.#step}-says`), text, tone);
  }

  #showAttempts(left) {
    const line = byId("attempts-left");
    if (left !== null) {
      line.textContent = `${count(left, "attempt")} left`;
      line.dataset.tone = left === 1 ? "bad" : "idle";
    }
  }

  #setPhone(phone) {
    this.phone = phone;
    this.dispatchEvent(new CustomEvent("phone", { detail: phone }));
  }

  /** Resolves to true if messages are known to be simulated. Asked before each one. */
  async #isSimulated() {
    const settings = await simulator.settings().catch(() => null);
    const simulated = settings?.service?.sends_here === true;
    if (settings?.service) {
      this.#takeKey(settings.service);
    }
    // The form stays as it is if the simulator does not answer: the header shows that the connection is lost.
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
