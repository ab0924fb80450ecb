"""The form with the sample server's calls: sending, reading, pasting, verifying, and every outcome."""

import hashlib
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest
from programs import Sandbox


class SampleCalls(BrowserTest):
    api = "sample"

    def test_a_code_is_sent_read_copied_pasted_and_verified(self):
        page = self.open(self.start(Sandbox()))
        expect(page.locator(".banner")).to_contain_text("Nothing is really sent")
        # The form is ready to send as it opens.
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .bubble")).to_have_count(1)
        expect(page.locator("#messages .bubble-body")).to_contain_text("For your security, do not share this code.")
        expect(page.locator("#messages .bubble-footer")).to_have_text("This code expires in 5 minutes.")
        expect(self.boxes(page).first).to_be_focused()
        code = self.code_on_phone(page)
        page.click("text=Copy code >> nth=-1")
        expect(page.locator("#phone-says")).to_contain_text("copied")
        self.assertEqual(page.evaluate("navigator.clipboard.readText()"), code)
        # A complete code goes to the first box, wherever it is pasted.
        self.boxes(page).nth(2).focus()
        page.keyboard.press("Control+V")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#answer")).to_contain_text("it works once")
        self.type_code(page, code)
        self.answer_is(page, 404, f"No active code for phone # {PHONE}")

    def test_three_wrong_codes_lock_out_the_correct_one(self):
        page = self.open(self.start(Sandbox()))
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .bubble")).to_have_count(1)
        code = self.code_on_phone(page)
        for left in (2, 1):
            self.type_code(page, self.wrong(code))
            self.answer_is(page, 401, f"Incorrect code. {left} attempt(s) remaining.")
            expect(page.locator("#record-body")).to_contain_text(f"{3 - left} of 3")
            expect(self.boxes(page).first).to_be_focused()
            self.assertEqual(self.boxes(page).first.get_attribute("aria-invalid"), "true")
        for guess in (self.wrong(code), code):
            self.type_code(page, guess)
            self.answer_is(page, 401, "Too many failed attempts, please request a new code.")
        expect(page.locator("#record-body")).to_contain_text("3 of 3")
        page.click("#resend")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .bubble")).to_have_count(2)
        self.type_code(page, self.code_on_phone(page))
        expect(page.locator("#answer")).to_contain_text("it works once")

    def test_digits_spread_over_the_boxes_and_keys_move_between_them(self):
        page = self.open(self.start(Sandbox()))
        boxes = self.boxes(page)
        expect(boxes).to_have_count(6)
        self.assertEqual(boxes.first.get_attribute("autocomplete"), "one-time-code")
        self.assertEqual({box.get_attribute("inputmode") for box in boxes.all()}, {"numeric"})
        values = lambda: [box.input_value() for box in boxes.all()]
        # Autofill puts the complete code into the first box; here it lacks the last digit.
        boxes.first.fill("12345")
        self.assertEqual(values(), ["1", "2", "3", "4", "5", ""])
        expect(boxes.nth(5)).to_be_focused()
        page.keyboard.press("Backspace")
        self.assertEqual(values(), ["1", "2", "3", "4", "", ""])
        expect(boxes.nth(4)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.keyboard.type("9")
        self.assertEqual(values(), ["1", "2", "9", "4", "", ""])
        page.keyboard.press("Home")
        expect(boxes.first).to_be_focused()
        page.keyboard.type("x")
        self.assertEqual(values(), ["", "2", "9", "4", "", ""])
        page.evaluate("navigator.clipboard.writeText('7 8')")
        page.keyboard.press("Control+V")
        self.assertEqual(values(), ["7", "8", "9", "4", "", ""])
        page.click("#verify")
        expect(page.locator("#answer")).to_contain_text("Fill in every digit")

    def test_the_form_has_as_many_boxes_as_the_code_has_digits(self):
        page = self.open(self.start(Sandbox(otp__code_length="10")), width=320, height=640)
        expect(self.boxes(page)).to_have_count(10)
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        self.type_code(page, self.code_on_phone(page))
        expect(page.locator("#answer")).to_contain_text("it works once")
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)

    def test_the_service_reports_invalid_numbers(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", "12")
        page.keyboard.press("Enter")
        self.answer_is(page, 400, "Invalid phone number.")
        self.assertEqual(page.locator("#number").get_attribute("aria-invalid"), "true")
        page.fill("#number", " ")
        page.click("#send")
        expect(page.locator("#answer")).to_contain_text("Type a phone number first")
        page.select_option("#country", label="Germany (+49)")
        page.fill("#number", "1512 3456789")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#chat-number")).to_have_text("to +4915123456789")

    def test_a_number_in_domestic_notation_is_the_same_phone(self):
        page = self.open(self.start(Sandbox()))
        page.select_option("#country", label="Germany (+49)")
        page.fill("#number", "01512 3456789")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#chat-number")).to_have_text("to +4915123456789")
        expect(page.locator("#messages .bubble")).to_have_count(1)
        self.type_code(page, self.code_on_phone(page))
        expect(page.locator("#answer")).to_contain_text("it works once")

    def test_a_limit_counts_down_until_another_code_may_be_sent(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="3s")))
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        page.click("#resend")
        expect(page.locator("#answer .status")).to_have_text("429")
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
        self.expected_complaints += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET"]
        sandbox.stop()
        expect(page.locator("#connection")).to_contain_text("Connection lost")
        page.click("#send")
        expect(page.locator("#answer")).to_contain_text("Not sent.")
        self.type_code(page, "123456")
        expect(page.locator("#answer")).to_contain_text("Is the service running")

    def test_an_api_key_is_requested_if_required(self):
        key = "a-key-for-this-test-alone"
        hashed = hashlib.sha256(key.encode()).hexdigest()
        page = self.open(self.start(Sandbox(auth__mode="api_key", keys__page__kind="server", keys__page__sha256=hashed)))
        page.click("#send")
        self.answer_is(page, 401, "Missing or invalid API key.")
        page.fill("#api-key", key)
        page.click("#send")
        self.answer_is(page, 200, "OK")
        self.type_code(page, self.code_on_phone(page))
        expect(page.locator("#answer")).to_contain_text("it works once")
        self.assertNotIn(key, page.content())


if __name__ == "__main__":
    unittest.main()
