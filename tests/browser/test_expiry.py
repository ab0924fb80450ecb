"""Expired codes."""

import unittest

from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox


class Expiry(BrowserTest):
    def test_expired_codes_are_refused(self):
        # The shortest lifetime. The store keeps the time, so the test has to wait, once for both APIs.
        sandbox = self.start(Sandbox(otp__code_lifetime="30s"))
        verification = self.open(sandbox)
        self.send_code(verification, "16315551234")
        self.answer_is(verification, 201, "pending")
        id = verification.locator("#document-json").text_content().split('"')[3]
        page = self.open(sandbox)
        self.choose_api(page, "sample")
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        code = self.code_on_phone(page)
        expect(page.locator(".time-left")).to_contain_text(" s")
        expect(page.locator(".time-left")).to_have_text("expired", timeout=45_000)
        self.type_code(page, code)
        self.answer_is(page, 401, "Code has expired, please request another.")
        page.click("#resend")
        self.answer_is(page, 200, "OK")

        self.type_code(verification, self.code_on_phone(verification))
        self.answer_is(verification, 410, "The code has expired")
        expect(verification.locator("#answer .answer-code code")).to_have_text("verification_expired")
        expect(verification.locator("#resend")).to_have_text("Send again")
        verification.click("#resend")
        self.answer_is(verification, 201, "pending")
        self.assertNotIn(id, verification.locator("#document-json").text_content())


if __name__ == "__main__":
    unittest.main()
