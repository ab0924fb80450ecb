// A sign-in by phone number: the browser calls this backend, and only this backend calls whatsapp-otp.
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import session from "express-session";

const { OTP_URL = "http://127.0.0.1:3000", OTP_KEY, SESSION_SECRET, PORT = 8001 } = process.env;

// For people, by the code of the problem. Any other code is a fault of this program or its settings.
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
  resend_too_soon: "The code is on its way. Wait a moment.",
  too_many_sends: "This number has received too many codes. Try again later.",
  too_many_failures: "There were too many wrong codes. Try again later.",
  rate_limited: "There were too many requests. Try again later.",
  unavailable: "This does not work at the moment. Try again.",
};

// Calls whatsapp-otp. The Idempotency-Key makes it safe to repeat a call whose answer was lost.
async function otp(path, body) {
  const headers = { authorization: `Bearer ${OTP_KEY}`, "content-type": "application/json", "idempotency-key": randomUUID() };
  for (let attempt = 1; attempt <= 3; attempt++, await sleep(1_000)) {
    try {
      const request = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(20_000) };
      const answer = await fetch(`${OTP_URL}/v1/verifications${path}`, request);
      const json = await answer.json();
      if (json.code !== "idempotency_in_progress") return { status: answer.status, json };
    } catch (error) {
      console.error("no answer from whatsapp-otp:", error.cause ?? error);
    }
  }
  return { status: 503, json: { code: "unavailable", retry_after_seconds: 1 } };
}

function refuse(res, { status, json: problem }) {
  const message = MESSAGES[problem.code];
  if (!message) {
    console.error("whatsapp-otp answered", status, problem);
    return res.status(500).json({ error: "internal_error", message: "Something went wrong." });
  }
  const { code, attempts_left, retry_after_seconds } = problem;
  if (retry_after_seconds) res.set("Retry-After", String(retry_after_seconds));
  res.status(status).json({ error: code, message, attempts_left, retry_after_seconds });
}

const app = express();
app.set("trust proxy", "loopback"); // Your reverse proxy: without it, all people seem to have its address.
app.use(express.json());
const secret = SESSION_SECRET || randomBytes(32).toString("hex");
app.use(session({ secret, resave: false, saveUninitialized: false, cookie: { sameSite: "lax", secure: "auto" } }));

app.post("/sign-in", async (req, res) => {
  const to = String(req.body?.number ?? "").replace(/[\s().-]/g, "");
  const answer = await otp("", { to, client: { ip: req.ip } });
  if (answer.status !== 201 && answer.status !== 200) return refuse(res, answer);
  req.session.verification = answer.json.id; // Kept here, so that nobody can enter codes for another's sign-in.
  res.json({ to: answer.json.to_masked, resend_at: answer.json.resend_at, expires_at: answer.json.expires_at });
});

app.use("/sign-in", (req, res, next) => {
  if (req.session.verification) return next();
  res.status(409).json({ error: "not_started", message: "Enter your number first." });
});

app.post("/sign-in/resend", async (req, res) => {
  const answer = await otp(`/${req.session.verification}/resend`, { client: { ip: req.ip } });
  if (answer.status !== 200) return refuse(res, answer);
  res.json({ to: answer.json.to_masked, resend_at: answer.json.resend_at, expires_at: answer.json.expires_at });
});

app.post("/sign-in/code", async (req, res, next) => {
  const code = String(req.body?.code ?? "");
  const answer = await otp(`/${req.session.verification}/check`, { code, client: { ip: req.ip } });
  if (answer.status !== 200) return refuse(res, answer); // 200 means that the code is right, and nothing else does.
  req.session.regenerate((error) => { // A new session: nobody else may know its ID.
    if (error) return next(error);
    req.session.number = answer.json.to;
    res.json({ number: answer.json.to });
  });
});

app.get("/me", (req, res) => {
  if (!req.session.number) return res.status(401).json({ error: "not_signed_in", message: "Sign in first." });
  res.json({ number: req.session.number });
});

app.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
