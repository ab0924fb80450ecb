"""Expired codes."""

import json
import unittest

from playwright.sync_api import expect

from browser import BrowserTest, fetch
from programs import Sandbox


class Expiry(BrowserTest):
    def test_an_expired_code_is_said_to_be_expired_and_a_new_one_is_one_click_away(self):
        # The shortest lifetime. The store keeps the time, so the test has to wait, once for both APIs.
        sandbox = self.start(Sandbox(otp__code_lifetime="30s"))
        verification = self.open(sandbox)
        self.send_code(verification, "16315551234")
        self.answer_is(verification, 201, "pending")
        id = json.loads(verification.locator("#document-json").text_content())["id"]
        page = self.open(sandbox)
        self.choose_api(page, "sample")
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        code = self.code_on_phone(page)
        for one in (page, verification):
            expect(one.locator("#expires-in")).to_contain_text("0:")
        for one in (page, verification):
            expect(one.locator("#stopped-title")).to_have_text("The code has expired", timeout=45_000)
            self.step_is(one, "expired")
            expect(one.locator("#stopped-title")).to_be_focused()
        key = {"Authorization": f"Bearer {sandbox.key}"}
        self.assertEqual(json.loads(fetch(f"{sandbox.service}/v1/verifications/{id}", **key))["status"], "expired")

        # The phone follows the newest message, so the one that is read comes last.
        for one, status, line in ((verification, 201, "pending"), (page, 200, "OK")):
            expect(one.locator("#go-on")).to_have_text("Send a new code")
            one.click("#go-on")
            self.answer_is(one, status, line)
            self.step_is(one, "code")
        self.assertNotEqual(json.loads(verification.locator("#document-json").text_content())["id"], id)
        self.assertNotEqual(code, self.code_on_phone(page, messages=2))
        self.type_code(page, self.code_on_phone(page, messages=2))
        self.step_is(page, "done")

    def test_the_service_has_the_last_word_about_an_expired_code(self):
        page = self.open(self.start(Sandbox()))
        self.send_code(page)
        self.answer_is(page, 201, "pending")
        gone = {"type": "about:blank", "title": "The code has expired", "status": 410, "code": "verification_expired"}
        page.route("**/check", lambda route: route.fulfill(status=410, json=gone, headers={"Access-Control-Allow-Origin": "*"}))
        self.type_code(page, "123456")
        self.step_is(page, "expired")
        expect(page.locator("#answer .answer-code code")).to_have_text("verification_expired")


if __name__ == "__main__":
    unittest.main()
