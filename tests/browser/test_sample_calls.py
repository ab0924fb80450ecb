"""The form with the sample server's calls: every step and every outcome."""

import hashlib
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest
from programs import Sandbox


class SampleCalls(BrowserTest):
    api = "sample"

    def sent(self, page, messages=1):
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        return self.code_on_phone(page, messages)

    def test_a_code_is_sent_read_copied_pasted_and_verified(self):
        page = self.open(self.start(Sandbox()))
        expect(page.locator(".top")).to_contain_text("Nothing is really sent")
        # The form is ready to send as it opens.
        page.click("#send")
        self.answer_is(page, 200, "OK")
        code = self.code_on_phone(page)
        expect(page.locator("#messages .bubble-body")).to_contain_text("For your security, do not share this code.")
        expect(page.locator("#messages .bubble-footer")).to_have_text("This code expires in 5 minutes.")
        # The answers have neither; the record does.
        expect(page.locator("#expires-in")).to_contain_text("4:5")
        expect(page.locator("#attempts-left")).to_have_text("3 attempts left")
        page.click("#messages >> text=Copy code")
        expect(page.locator("#phone-says")).to_contain_text("copied")
        self.assertEqual(page.evaluate("navigator.clipboard.readText()"), code)
        expect(page.locator("#code")).to_be_focused()
        page.keyboard.press("Control+V")
        self.step_is(page, "done")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#answer")).to_contain_text("it works once")
        expect(page.locator("#proof")).to_be_hidden()

    def test_three_wrong_codes_lock_the_number_until_a_new_code_is_sent(self):
        page = self.open(self.start(Sandbox()))
        code = self.sent(page)
        for left in (2, 1):
            self.type_code(page, self.wrong(code))
            self.answer_is(page, 401, f"Incorrect code. {left} attempt(s) remaining.")
            expect(page.locator("#attempts-left")).to_contain_text(f"{left} attempt")
            expect(page.locator("#code")).to_be_focused()
            self.assertEqual(page.locator("#code").get_attribute("aria-invalid"), "true")
        self.type_code(page, self.wrong(code))
        self.answer_is(page, 401, "Too many failed attempts, please request a new code.")
        self.step_is(page, "locked")
        page.click("#go-on")
        self.answer_is(page, 200, "OK")
        self.type_code(page, self.code_on_phone(page, messages=2))
        self.step_is(page, "done")

    def test_a_code_that_is_gone_is_not_a_trap(self):
        page = self.open(self.start(Sandbox()))
        code = self.sent(page)
        # Somebody else uses it.
        page.route("**/otp/*", lambda route: route.fulfill(status=404, body=f"No active code for phone # {PHONE}", headers={"Access-Control-Allow-Origin": "*"}))
        self.type_code(page, code)
        self.step_is(page, "failed")
        expect(page.locator("#stopped-title")).to_have_text("There is no such code")
        page.unroute("**/otp/*")
        page.click("#go-on")
        self.step_is(page, "code")

    def test_digits_fill_the_slots(self):
        page = self.open(self.start(Sandbox()))
        code = self.sent(page)
        field, slots = page.locator("#code"), page.locator("#slots span")
        expect(slots).to_have_count(6)
        self.assertEqual(field.get_attribute("autocomplete"), "one-time-code")
        self.assertEqual(field.get_attribute("inputmode"), "numeric")
        # Only digits count.
        page.keyboard.type("1x 2-3")
        expect(slots).to_have_text(["1", "2", "3", "", "", ""])
        page.keyboard.press("Backspace")
        expect(slots).to_have_text(["1", "2", "", "", "", ""])
        page.click("#verify")
        expect(page.locator("#code-says")).to_have_text("Fill in every digit.")
        page.evaluate("code => navigator.clipboard.writeText(code)", f" {code[:3]} {code[3:]} ")
        page.keyboard.press("Control+A")
        page.keyboard.press("Control+V")
        self.step_is(page, "done")

    def test_the_form_has_as_many_slots_as_the_code_has_digits(self):
        page = self.open(self.start(Sandbox(otp__code_length="10")), width=320, height=640)
        code = self.sent(page)
        expect(page.locator("#slots span")).to_have_count(10)
        self.type_code(page, code[:9])
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
        page.keyboard.type(code[9:])
        self.step_is(page, "done")

    def test_the_service_reports_invalid_numbers(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", "12")
        page.keyboard.press("Enter")
        self.answer_is(page, 400, "Invalid phone number.")
        expect(page.locator("#number-says")).to_have_text("The number is not valid in any country.")
        self.assertEqual(page.locator("#number").get_attribute("aria-invalid"), "true")
        page.fill("#number", " ")
        page.click("#send")
        expect(page.locator("#number-says")).to_have_text("Type a phone number.")

    def test_a_number_in_domestic_notation_is_the_same_phone(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", "+49 (0) 1512 3456789")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#chat-number")).to_have_text("to +49 151 234 56789")
        self.type_code(page, self.code_on_phone(page))
        self.step_is(page, "done")

    def test_a_limit_counts_down_until_another_code_may_be_sent(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="3s")))
        self.sent(page)
        page.click("#resend")
        expect(page.locator("#answer .status")).to_have_text("429")
        expect(page.locator("#code-says")).to_contain_text("A limit was reached. Try again in")
        expect(page.locator("#resend")).to_contain_text("Send again in")
        expect(page.locator("#resend")).to_have_attribute("aria-disabled", "true")
        page.locator("#resend").click(force=True)
        expect(page.locator("#resend")).to_have_text("Send again")
        page.click("#resend")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .bubble")).to_have_count(2)

    def test_an_unreachable_service_is_reported(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        code = self.sent(page)
        self.expected_complaints += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET"]
        sandbox.stop()
        expect(page.locator("#connection")).to_contain_text("Connection lost")
        self.type_code(page, code)
        expect(page.locator("#code-says")).to_contain_text("Is the service running")
        page.click("#change")
        page.click("#send")
        expect(page.locator("#number-says")).to_have_text("The service may be sending through the real WhatsApp.")

    def test_an_api_key_is_requested_if_required(self):
        key = "a-key-for-this-test-alone"
        hashed = hashlib.sha256(key.encode()).hexdigest()
        page = self.open(self.start(Sandbox(auth__mode="api_key", keys__page__kind="server", keys__page__sha256=hashed)))
        page.click("#send")
        self.answer_is(page, 401, "Missing or invalid API key.")
        page.fill("#api-key", key)
        self.type_code(page, self.sent(page))
        self.step_is(page, "done")
        self.assertNotIn(key, page.content())


if __name__ == "__main__":
    unittest.main()
