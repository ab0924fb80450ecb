// Calls whatsapp-otp with the client key, and shows the backend the proof.
const MESSAGES = {
  invalid_phone_number: "Check the number. It starts with + and the country code.",
  destination_not_allowed: "This number cannot be used.",
  send_failed: "WhatsApp refused the message. Check the number.",
  invalid_request: "Check what you entered.",
  code_incorrect: "That is not the code.",
  attempts_exhausted: "That is not the code. Request a new one.",
  verification_expired: "The code has expired. Request a new one.",
  verification_not_pending: "The code is no longer valid. Request a new one.",
  verification_not_found: "The code is no longer valid. Request a new one.",
  too_many_sends: "This number has received too many codes. Try again later.",
  too_many_failures: "There were too many wrong codes. Try again later.",
  proof_refused: "Something went wrong. Start again.",
};

const [numberForm, codeForm] = [document.querySelector("#number"), document.querySelector("#code")];
const say = (text) => (document.querySelector("#status").textContent = text);
let service, verification;

async function post(url, body, headers) {
  const init = { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
  const answer = await fetch(url, init);
  const json = await answer.json();
  if (answer.ok) return json;
  const wait = json.retry_after_seconds ? ` Try again in ${json.retry_after_seconds} s.` : "";
  throw new Error((MESSAGES[json.code ?? json.error] ?? "This does not work at the moment.") + wait);
}

// The Idempotency-Key makes it safe to repeat a call whose answer was lost, as browsers do on their own.
function otp(path, body) {
  const headers = { Authorization: `Bearer ${service.key}`, "Idempotency-Key": crypto.randomUUID() };
  return post(`${service.url}/v1/verifications${path}`, body, headers);
}

function on(element, event, action) {
  element.addEventListener(event, (happened) => {
    happened.preventDefault();
    action().catch((error) => say(error.message));
  });
}

on(numberForm, "submit", async () => {
  service = await post("/sign-in", { number: numberForm.elements.number.value });
  verification = await otp("", { to: service.number });
  codeForm.hidden = false;
  say(`The code is on its way to ${verification.to_masked}.`);
});

on(document.querySelector("#resend"), "click", async () => {
  verification = await otp(`/${verification.id}/resend`, {});
  say("The code was sent again.");
});

on(codeForm, "submit", async () => {
  const check = { code: codeForm.elements.code.value, proof: { nonce: service.nonce } };
  const { proof } = await otp(`/${verification.id}/check`, check);
  const { number } = await post("/sign-in/proof", { proof });
  numberForm.hidden = codeForm.hidden = true;
  say(`You are signed in as ${number}.`);
});
