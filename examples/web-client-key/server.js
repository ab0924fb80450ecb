// The backend of a page that calls whatsapp-otp itself, with a client key. It believes the proof, and nothing else.
import { randomBytes } from "node:crypto";
import express from "express";
import session from "express-session";
import { verifier } from "./proof.js";

const { OTP_URL = "http://127.0.0.1:3000", OTP_CLIENT_KEY, SESSION_SECRET, PORT = 8004 } = process.env;
// What the service's settings say: proof.issuer, proof.audiences and the app of the key.
const { OTP_ISSUER = OTP_URL, OTP_AUDIENCE = "default", OTP_APP = "default" } = process.env;

const expected = { issuer: OTP_ISSUER, audience: OTP_AUDIENCE, app: OTP_APP };
const verify = verifier(`${OTP_URL}/.well-known/jwks.json`, expected);

const app = express();
app.use(express.json());
app.use(express.static(new URL("public", import.meta.url).pathname));
const secret = SESSION_SECRET || randomBytes(32).toString("hex");
app.use(session({ secret, resave: false, saveUninitialized: false, cookie: { sameSite: "lax", secure: "auto" } }));

// Starts a sign-in: what the page needs to call the service, and a nonce that ties the proof to this session.
app.post("/sign-in", (req, res) => {
  const number = String(req.body?.number ?? "").replace(/[\s().-]/g, "");
  req.session.asked = { number, nonce: randomBytes(16).toString("hex") };
  res.json({ ...req.session.asked, url: OTP_URL, key: OTP_CLIENT_KEY });
});

app.post("/sign-in/proof", async (req, res, next) => {
  const asked = req.session.asked;
  delete req.session.asked; // One nonce, one try.
  if (!asked) return res.status(409).json({ error: "not_started", message: "Enter your number first." });
  let claims;
  try {
    claims = await verify(String(req.body?.proof ?? ""), asked);
  } catch (error) {
    console.error("a proof was refused:", error.message);
    return res.status(401).json({ error: "proof_refused", message: "Something went wrong. Start again." });
  }
  req.session.regenerate((error) => { // A new session: nobody else may know its ID.
    if (error) return next(error);
    req.session.number = claims.phone_number;
    res.json({ number: claims.phone_number });
  });
});

app.get("/me", (req, res) => {
  if (!req.session.number) return res.status(401).json({ error: "not_signed_in", message: "Sign in first." });
  res.json({ number: req.session.number });
});

app.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
