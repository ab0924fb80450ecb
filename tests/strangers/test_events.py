"""Events, as the official libraries of Standard Webhooks see them."""

import base64
import json
import os
import time
import unittest
import urllib.request

import service

# The secret that the sandbox signs the events of its page with.
SECRET = os.environ["OTP_EVENT_SECRET"]
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()

VERIFIERS = {
    "PyPI": lambda text: service.python("verifiers/event_once.py", text=text),
    "npm": lambda text: service.node("verifiers/event_once.mjs", text=text),
}


def events_of(verification, types, patience=10):
    """Returns the requests about a verification once there is one of each of these types, by type."""
    deadline = time.monotonic() + patience
    while True:
        with urllib.request.urlopen(service.INBOX + "/events") as answer:
            received = json.load(answer)
        found = {}
        for request in received:
            event = json.loads(request["body"])
            if event["data"].get("id") == verification:
                found[event["type"]] = request
        if types <= found.keys():
            return found
        assert time.monotonic() < deadline, sorted(found)
        time.sleep(0.05)


def answers(request, **changes):
    """Returns what each library says."""
    asked = {"secret": SECRET, "headers": request["headers"], "body": request["body"], **changes}
    return {name: json.loads(verify(json.dumps(asked))) for name, verify in VERIFIERS.items()}


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        number = service.new_number()
        created = {"to": number, "reference": "Zoë 😀 a/b", "metadata": {"cart": "7 \u2028 7"}}
        status, verification = service.call("POST", "/v1/verifications", created)
        assert status == 201, verification
        guess = {"code": service.code_on(number)}
        status, checked = service.call("POST", f"/v1/verifications/{verification['id']}/check", guess)
        assert status == 200, checked
        types = {"verification.created", "verification.approved"}
        cls.requests = events_of(verification["id"], types)
        cls.approved = cls.requests["verification.approved"]

    def assert_refused(self, request, **changes):
        for name, answer in answers(request, **changes).items():
            self.assertIn("refused", answer, name)

    def test_genuine_events_are_accepted(self):
        for event_type, request in self.requests.items():
            for name, answer in answers(request).items():
                self.assertEqual(answer.get("event", {}).get("type"), event_type, (name, answer))
                self.assertEqual(answer["event"]["data"]["reference"], "Zoë 😀 a/b")

    def test_events_under_another_secret_are_refused(self):
        self.assert_refused(self.approved, secret=OTHER)

    def test_a_changed_body_is_refused(self):
        body = self.approved["body"]
        self.assert_refused(self.approved, body=body.replace('"approved"', '"pending"'))
        # The same content in other bytes.
        self.assert_refused(self.approved, body=json.dumps(json.loads(body)))

    def test_changed_headers_are_refused(self):
        headers = self.approved["headers"]
        stamp = int(headers["webhook-timestamp"])
        for change in (
            {"webhook-id": headers["webhook-id"][:-1] + "x"},
            {"webhook-timestamp": str(stamp + 1)},
            {"webhook-timestamp": str(stamp - 3600)},
            {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()},
        ):
            self.assert_refused(self.approved, headers=headers | change)


if __name__ == "__main__":
    unittest.main()
