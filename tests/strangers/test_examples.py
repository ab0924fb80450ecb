"""The backends in `examples`: whole sign-ins, as people and as attackers."""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.request

import jwt
import service
from cryptography.hazmat.primitives.asymmetric import ec
from examples import Example, Person, free_port, install
from settings import settings_of

sys.path.append(str(pathlib.Path(__file__).parent.parent / "browser"))
from programs import Sandbox  # noqa: E402

AUDIENCES = "default,https://shop.example.com"
# Verifies a proof twice with the example's module.
VERIFY = """
const asked = JSON.parse(process.argv[1]);
const Now = Date;
globalThis.Date = class extends Now {
  constructor(...moment) { super(...(moment.length ? moment : [Date.now()])); }
  static now() { return Now.now() + asked.ahead * 1000; }
};
const { verifier } = await import("./proof.js");
const verify = verifier(asked.jwks, asked.expected);
const results = [];
for (const _ of [1, 2]) results.push(await verify(asked.proof, asked).then((claims) => claims.jti, String));
console.log(JSON.stringify(results));
"""


def wrong(code):
    """Returns another code."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def start_sandbox(**settings):
    """Starts a sandbox with the keys of the shared one."""
    return Sandbox(**{**settings_of(service.KEYS), "proof.audiences": AUDIENCES, **settings})


def setUpModule():
    global sandbox, web_port
    web_port = free_port()
    origin = f"http://127.0.0.1:{web_port}"
    sandbox = start_sandbox(**{"limits.resend_cooldown": "2s", "server.cors_origins": origin})
    service.URL, service.INBOX = sandbox.service, sandbox.page


def tearDownModule():
    sandbox.stop()


class Backends:
    """The tests of an example in which the backend calls the service."""

    @classmethod
    def setUpClass(cls):
        cls.example = Example(cls.name, OTP_URL=sandbox.service, OTP_KEY=service.KEYS["server"])
        cls.addClassCleanup(cls.example.stop)

    def setUp(self):
        self.person, self.phone = Person(self.example), service.new_number()

    def refused(self, answer, status, error):
        self.assertEqual((answer[0], answer[1]["error"]), (status, error))
        return answer

    def start(self):
        # As people write numbers.
        written = f"{self.phone[:2]} ({self.phone[2:5]}) {self.phone[5:8]}-{self.phone[8:]}"
        status, told, _ = self.person.call("/sign-in", {"number": written})
        self.assertEqual((status, told["to"]), (200, f"{self.phone[:5]}*****{self.phone[-2:]}"))
        return service.code_on(self.phone)

    def test_the_right_code_signs_in(self):
        code = self.start()
        self.assertIsNone(self.person.number())
        _, told, _ = self.refused(self.person.call("/sign-in/code", {"code": wrong(code)}), 422, "code_incorrect")
        self.assertEqual(told["attempts_left"], 2)
        self.assertIsNone(self.person.number())
        status, told, _ = self.person.call("/sign-in/code", {"code": code})
        self.assertEqual((status, told["number"], self.person.number()), (200, self.phone, self.phone))

    def test_wrong_codes_do_not_sign_in(self):
        code = self.start()
        for error in ("code_incorrect", "code_incorrect", "attempts_exhausted"):
            code = wrong(code)
            self.refused(self.person.call("/sign-in/code", {"code": code}), 422, error)
        self.refused(self.person.call("/sign-in/code", {"code": service.code_on(self.phone)}), 409, "verification_not_pending")
        self.refused(self.person.call("/sign-in/code", {"code": "letters"}), 400, "invalid_request")
        self.assertIsNone(self.person.number())

    def test_the_code_can_be_sent_again_after_a_while(self):
        code = self.start()
        _, told, wait = self.refused(self.person.call("/sign-in/resend", {}), 429, "resend_too_soon")
        self.assertEqual(str(told["retry_after_seconds"]), wait)
        time.sleep(int(wait))
        self.assertEqual(self.person.call("/sign-in/resend", {})[0], 200)
        self.assertEqual(self.person.call("/sign-in/code", {"code": code})[0], 200)

    def test_a_code_signs_in_only_the_person_who_asked(self):
        code, other = self.start(), Person(self.example)
        self.refused(other.call("/sign-in/code", {"code": code}), 409, "not_started")
        self.assertIsNone(other.number())

    def test_a_code_signs_in_once(self):
        code, other = self.start(), Person(self.example)
        other.call("/sign-in", {"number": self.phone})
        self.assertEqual(self.person.call("/sign-in/code", {"code": code})[0], 200)
        self.refused(other.call("/sign-in/code", {"code": code}), 409, "verification_not_pending")
        self.assertIsNone(other.number())

    def test_a_number_that_cannot_be_is_refused(self):
        self.refused(self.person.call("/sign-in", {"number": "+12"}), 400, "invalid_phone_number")

    def test_the_address_of_the_person_counts(self):
        strict = start_sandbox(**{"limits.checks_per_ip": "1/1h"})
        self.addCleanup(strict.stop)
        example = Example(self.name, OTP_URL=strict.service, OTP_KEY=service.KEYS["server"])
        self.addCleanup(example.stop)
        person = Person(example)
        person.call("/sign-in", {"number": self.phone})
        person.call("/sign-in/code", {"code": "000000"})
        self.refused(person.call("/sign-in/code", {"code": "000001"}), 429, "rate_limited")

    def test_without_the_service_nobody_is_signed_in(self):
        away = Example(self.name, OTP_URL=f"http://127.0.0.1:{free_port()}", OTP_KEY=service.KEYS["server"])
        self.addCleanup(away.stop)
        person = Person(away)
        _, _, wait = self.refused(person.call("/sign-in", {"number": self.phone}), 503, "unavailable")
        self.assertEqual(wait, "1")

    def test_a_wrong_key_is_not_told_to_people(self):
        foreign = Example(self.name, OTP_URL=sandbox.service, OTP_KEY="otp_sk_unknown")
        self.addCleanup(foreign.stop)
        self.refused(Person(foreign).call("/sign-in", {"number": self.phone}), 500, "internal_error")


class Node(Backends, unittest.TestCase):
    name = "node-express"


class Python(Backends, unittest.TestCase):
    name = "python-fastapi"


class Rust(Backends, unittest.TestCase):
    name = "rust-axum"


class WebPage(unittest.TestCase):
    """The example in which the page calls the service, and its backend verifies the proof."""

    @classmethod
    def setUpClass(cls):
        environment = {"OTP_URL": sandbox.service, "OTP_CLIENT_KEY": service.KEYS["client"]}
        cls.example = Example("web-client-key", web_port, **environment)
        cls.addClassCleanup(cls.example.stop)

    def setUp(self):
        self.person, self.phone = Person(self.example), service.new_number()
        self.service = self.start(self.person)

    def start(self, person):
        status, told, _ = person.call("/sign-in", {"number": self.phone})
        self.assertEqual((status, told["number"], told["url"], told["key"]), (200, self.phone, service.URL, service.KEYS["client"]))
        return told

    def proof(self, key="client", to=None, **proof):
        """Returns the proof that the page gets, by default."""
        to = to or self.phone
        status, created = service.call("POST", "/v1/verifications", {"to": to}, key)
        self.assertIn(status, (200, 201), created)
        code = "123456" if key == "test" else service.code_on(to)
        check = {"code": code, "proof": {"nonce": self.service["nonce"], **proof}}
        status, checked = service.call("POST", f"/v1/verifications/{created['id']}/check", check, key)
        self.assertEqual(status, 200, checked)
        return checked["proof"]

    def refused(self, proof, person=None):
        person = person or self.person
        status, told, _ = person.call("/sign-in/proof", {"proof": proof})
        self.assertEqual((status, told["error"]), (401, "proof_refused"))
        self.assertIsNone(person.number())

    def test_the_page_is_served_and_may_call_the_service(self):
        for file, part in {"/": "sign-in.js", "/sign-in.js": "/v1/verifications"}.items():
            with urllib.request.urlopen(self.example.url + file) as answer:
                self.assertIn(part, answer.read().decode())
        headers = {"Origin": self.example.url, "Access-Control-Request-Method": "POST"}
        headers["Access-Control-Request-Headers"] = "authorization,content-type,idempotency-key"
        request = urllib.request.Request(service.URL + "/v1/verifications", headers=headers, method="OPTIONS")
        with urllib.request.urlopen(request) as answer:
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], self.example.url)
            self.assertIn("idempotency-key", answer.headers["Access-Control-Allow-Headers"].lower())

    def test_a_proof_signs_in_once(self):
        proof = self.proof()
        self.assertIsNone(self.person.number())
        status, told, _ = self.person.call("/sign-in/proof", {"proof": proof})
        self.assertEqual((status, told["number"], self.person.number()), (200, self.phone, self.phone))
        again = Person(self.example)
        self.start(again)
        self.refused(proof, again)

    def test_a_page_that_is_loaded_again_goes_on_with_a_verification_and_gets_a_proof_of_its_own(self):
        status, _ = service.call("POST", "/v1/verifications", {"to": self.phone, "proof": {"nonce": "stale"}}, "client")
        self.assertEqual(status, 201)
        self.service = self.start(self.person)
        status, told, _ = self.person.call("/sign-in/proof", {"proof": self.proof()})
        self.assertEqual((status, told["number"]), (200, self.phone))

    def test_a_claim_without_a_proof_is_refused(self):
        for proof in (None, "", "verified", True):
            with self.subTest(proof):
                person = Person(self.example)
                self.start(person)
                self.refused(proof, person)

    def test_a_proof_from_another_session_is_refused(self):
        other = Person(self.example)
        self.start(other)
        self.refused(self.proof(), other)

    def test_a_proof_of_another_number_is_refused(self):
        self.refused(self.proof(to=service.new_number()))

    def test_a_proof_for_another_audience_is_refused(self):
        self.refused(self.proof("server", audience=AUDIENCES.split(",")[1]))

    def test_a_proof_from_a_test_key_is_refused(self):
        self.refused(self.proof("test"))

    def test_a_forged_proof_is_refused(self):
        proof = self.proof()
        claims, header = jwt.decode(proof, options={"verify_signature": False}), jwt.get_unverified_header(proof)
        own = ec.generate_private_key(ec.SECP256R1())
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
        forgeries = {
            "another key": lambda claims: jwt.encode(claims, own, "ES256", headers=header),
            "a key in the header": lambda claims: jwt.encode(claims, own, "ES256", headers={**header, "jwk": jwk}),
            "no signature": lambda claims: jwt.encode(claims, None, "none", headers={**header, "alg": "none"}),
        }
        for what, forge in forgeries.items():
            with self.subTest(what):
                person = Person(self.example)
                self.refused(forge({**claims, "nonce": self.start(person)["nonce"]}), person)
        text, signature = proof.rsplit(".", 1)
        self.refused(f"{text}.{signature[::-1]}")

    def test_the_module_refuses_a_proof_that_is_late_or_was_used(self):
        expected = {"issuer": service.URL, "audience": "default", "app": "default"}
        asked = {"jwks": service.URL + "/.well-known/jwks.json", "expected": expected, "proof": self.proof()}
        asked |= {"nonce": self.service["nonce"], "number": self.phone, "ahead": 0}
        _, folder = install("web-client-key")

        def results(**changes):
            command = ["node", "--input-type=module", "-e", VERIFY, json.dumps(asked | changes)]
            return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)

        claims = jwt.decode(asked["proof"], options={"verify_signature": False})
        self.assertEqual(results(), [claims["jti"], "Error: the proof was used before"])
        for changes, reason in [
            ({"ahead": 365}, "exp"),
            ({"expected": {**expected, "app": "payments"}}, "another app"),
            ({"expected": {**expected, "issuer": "https://otp.example.com"}}, "iss"),
            ({"nonce": "another"}, "nonce"),
            ({"number": "+12125550100"}, "number"),
        ]:
            with self.subTest(reason):
                self.assertRegex(results(**changes)[0], reason)


if __name__ == "__main__":
    unittest.main()
