"""Proofs, as verifiers that know nothing of the service see them."""

import base64
import json
import time
import unittest
import urllib.request

import jwt
import service
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

AUDIENCE = "https://shop.example.com"
NONCE = "n-0S6_WzA2Mj"
JWKS = service.URL + "/.well-known/jwks.json"
TEST_JWKS = service.URL + "/test/.well-known/jwks.json"
TEST_ISSUER = service.URL + "/test"
# The lifetime, and what verifiers allow for clocks.
TOO_LATE = 5 * 60 + 60 + 5

VERIFIERS = {
    "PyJWT": lambda text: service.python("verifiers/once.py", text=text),
    "jose": lambda text: service.node("verifiers/once.mjs", "./with_jose.mjs", text=text),
    "jsonwebtoken": lambda text: service.node("verifiers/once.mjs", "./with_jsonwebtoken.mjs", text=text),
}


def verify(number, key="server", checks=1):
    """Verifies a number, and returns the answers to that many checks with one idempotency key."""
    proof = {"audience": AUDIENCE, "nonce": NONCE}
    status, created = service.call("POST", "/v1/verifications", {"to": number, "proof": proof}, key)
    assert status == 201, created
    guess = {"code": service.TEST_CODE if key == "test" else service.code_on(number)}
    path, headers = f"/v1/verifications/{created['id']}/check", {"Idempotency-Key": f'"{created["id"]}"'}
    answers = [service.call("POST", path, guess, key, headers) for _ in range(checks)]
    assert all(status == 200 for status, _ in answers), answers
    return [answer for _, answer in answers]


def claims_of(proof):
    """Returns the claims, unverified."""
    return jwt.decode(proof, options={"verify_signature": False})


def answers(proof, **changes):
    """Returns what each verifier says."""
    asked = {"proof": proof, "jwks": JWKS, "issuer": service.URL, "audience": AUDIENCE, "nonce": NONCE, "ahead": 0, **changes}
    return {name: json.loads(verify(json.dumps(asked))) for name, verify in VERIFIERS.items()}


class Proofs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.number = service.new_number()
        began = int(time.time())
        [checked] = verify(cls.number)
        cls.meanwhile = range(began, int(time.time()) + 1)
        cls.proof, cls.id = checked["proof"], checked["id"]
        cls.header = jwt.get_unverified_header(cls.proof)
        cls.claims = claims_of(cls.proof)

    def accepted(self, proof, **changes):
        """Returns the claims that each verifier read."""
        read = answers(proof, **changes)
        for name, answer in read.items():
            self.assertIn("claims", answer, name)
        return [answer["claims"] for answer in read.values()]

    def refused(self, proof, reason, **changes):
        for name, answer in answers(proof, **changes).items():
            with self.subTest(name):
                self.assertRegex(answer.get("refused", "accepted"), reason)

    def forged(self, key, algorithm, **header):
        """Returns a token with the claims of the proof."""
        return jwt.encode(self.claims, key, algorithm, headers={"typ": self.header["typ"], "kid": self.header["kid"], **header})

    def test_a_proof_is_accepted(self):
        for claims in self.accepted(self.proof):
            self.assertEqual(claims, self.claims)
            self.assertEqual((claims["sub"], claims["phone_number"], claims["app"]), (self.id, self.number, "default"))
            self.assertIn(claims["iat"], self.meanwhile)
            self.assertNotIn("test", claims)

    def test_a_repeated_check_has_the_same_claims(self):
        first, second = [answer["proof"] for answer in verify(service.new_number(), checks=2)]
        self.accepted(first)
        self.accepted(second)
        self.assertEqual(claims_of(first), claims_of(second))

    def test_a_proof_for_another_audience_is_refused(self):
        self.refused(self.proof, "(?i)aud", audience="https://bank.example.com")

    def test_a_proof_of_another_issuer_is_refused(self):
        self.refused(self.proof, "(?i)iss", issuer="https://otp.example.com")

    def test_a_proof_for_another_session_is_refused(self):
        self.refused(self.proof, "nonce", nonce="another")

    def test_a_proof_expires(self):
        self.refused(self.proof, "(?i)expired|exp", ahead=TOO_LATE)

    def test_a_token_without_a_signature_is_refused(self):
        self.refused(self.forged(None, "none"), "(?i)alg|signature")

    def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(self):
        # PyJWT itself declines to make such a token.
        with urllib.request.urlopen(JWKS) as published:
            public = jwt.PyJWK(json.load(published)["keys"][0]).key
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        hs256 = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
        text = part({**self.header, "alg": "HS256"}) + b"." + part(self.claims)
        token = text + b"." + base64.urlsafe_b64encode(hs256.sign(text, pem)).rstrip(b"=")
        self.refused(token.decode(), "(?i)alg")

    def test_a_key_in_the_header_is_not_believed(self):
        own = ec.generate_private_key(ec.SECP256R1())
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
        self.refused(self.forged(own, "ES256", jwk=jwk), "(?i)signature")
        self.refused(self.forged(own, "ES256", jwk=jwk, kid="own"), "(?i)key")
        self.refused(self.forged(own, "ES256", jku="https://evil.example.com", kid="own"), "(?i)key")

    def test_a_proof_with_other_claims_is_refused(self):
        header, _, signature = self.proof.split(".")
        claims = json.dumps({**self.claims, "phone_number": "+15551234567"}).encode()
        claims = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
        self.refused(f"{header}.{claims}.{signature}", "(?i)signature")

    def test_a_test_proof_is_accepted_with_the_keys_for_tests_alone(self):
        number = service.new_number()
        [checked] = verify(number, "test")
        proof = checked["proof"]
        for claims in self.accepted(proof, jwks=TEST_JWKS, issuer=TEST_ISSUER):
            self.assertEqual((claims["phone_number"], claims["test"]), (number, True))
        self.refused(proof, "(?i)key", issuer=TEST_ISSUER)
        self.refused(proof, "(?i)iss", jwks=TEST_JWKS)
        self.refused(self.proof, "(?i)key", jwks=TEST_JWKS)


if __name__ == "__main__":
    unittest.main()
