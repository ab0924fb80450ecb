"""Expired codes."""

import unittest

from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox


class Expiry(BrowserTest):
    def test_an_expired_code_is_refused(self):
        # The shortest lifetime. The store keeps the time, so the test has to wait.
        page = self.open(self.start(Sandbox(otp__code_lifetime="30s")))
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        code = self.code_on_phone(page)
        expect(page.locator(".time-left")).to_contain_text(" s")
        expect(page.locator(".time-left")).to_have_text("expired", timeout=45_000)
        self.type_code(page, code)
        self.answer_is(page, 401, "Code has expired, please request another.")
        page.click("#resend")
        self.answer_is(page, 200, "OK")


if __name__ == "__main__":
    unittest.main()
