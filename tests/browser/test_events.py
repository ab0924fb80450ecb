"""The events panel: what the service tells an app, as its endpoint receives it."""

import base64
import hashlib
import hmac
import json
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, fetch
from programs import Sandbox, Simulator

HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1793800000", "webhook-signature": "v1,c2lnbmF0dXJl"}
EVENT = {
    "type": "verification.approved",
    "timestamp": "2026-11-25T10:00:21Z",
    "data": {"id": "ver_1", "status": "approved", "to_masked": "+1 ••• ••• 4567", "metadata": {"quote": "it's <b>bold</b>"}},
}


class Events(BrowserTest):
    def types(self, page):
        page.click("#tab-events")
        return page.locator("#events-list summary code")

    def test_an_event_is_shown_with_its_signature(self):
        simulator = self.start(Simulator())
        page = self.open(simulator)
        types = self.types(page)
        expect(page.locator("#events-empty")).to_be_visible()
        fetch(f"{simulator.page}/events", "POST", EVENT, **HEADERS)
        expect(types).to_have_text(["verification.approved"])
        expect(page.locator("#events-count")).to_have_text("1")
        expect(page.locator("#events-empty")).to_be_hidden()
        types.click()
        shown = page.locator("#events-list > li")
        for name, value in HEADERS.items():
            expect(shown).to_contain_text(f"{name}: {value}")
        expect(shown).to_contain_text("it's <b>bold</b>")

    def test_events_from_before_the_page_was_opened_are_listed_newest_first(self):
        simulator = self.start(Simulator())
        for number in range(3):
            fetch(f"{simulator.page}/events", "POST", {"type": f"verification.number{number}", "data": {}})
        page = self.open(simulator)
        types = self.types(page)
        expect(types).to_have_text([f"verification.number{number}" for number in (2, 1, 0)])
        types.first.click()
        expect(page.locator("#events-list li").first).to_contain_text("Not signed.")

    def test_anything_else_is_shown_as_it_came(self):
        simulator = self.start(Simulator())
        page = self.open(simulator)
        fetch(f"{simulator.page}/events", "POST", ["<script>alert(1)</script>"])
        fetch(f"{simulator.page}/events", "POST", "plain")
        expect(self.types(page)).to_have_text(["not JSON", "without a type"])
        expect(page.locator("#events-list li").last).to_contain_text("<script>alert(1)</script>")

    def test_a_sign_in_is_told_in_signed_events(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.answer_is(page, 201, "pending")
        expect(page.locator("#events-count")).to_have_text("2")
        code = self.code_on_phone(page)
        self.type_code(page, code)
        self.step_is(page, "done")
        expect(self.types(page)).to_have_text(["verification.approved", "verification.delivered", "verification.created"])

        key = base64.b64decode(sandbox.printed(r"signed with whsec_(\S+)"))
        for event in json.loads(fetch(f"{sandbox.page}/events")):
            headers, body = event["headers"], event["body"]
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
            signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
            self.assertEqual(headers["webhook-signature"], f"v1,{signature}")
            self.assertNotIn(code, body)
            self.assertNotIn(PHONE, body)


if __name__ == "__main__":
    unittest.main()
