"""The form with the verification API: every step, the verification as JSON, and the proof."""

import base64
import hashlib
import json
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, fetch, shown
from programs import Sandbox

SECOND = 1_000
OTHER = "16315551234"


class SignIn(BrowserTest):
    def document(self, page):
        """The latest answer as the page shows it; long texts are shortened."""
        return json.loads(page.locator("#document-json").text_content())

    def sent(self, page, phone=PHONE, messages=1):
        """Sends a code and returns it."""
        self.send_code(page, phone)
        self.answer_is(page, 201, "pending")
        self.chat_is_of(page, phone)
        return self.code_on_phone(page, messages)

    def call(self, sandbox, path, body=None):
        return json.loads(fetch(f"{sandbox.service}/v1/verifications{path}", "POST", body, Authorization=f"Bearer {sandbox.key}"))

    def test_one_step_at_a_time_until_the_number_is_verified(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.step_is(page, "number")
        expect(page.locator(".step:visible")).to_have_count(1)
        expect(page.locator("#api")).to_have_value("v1")
        expect(page.locator("#api-key-field")).to_be_hidden()
        code = self.sent(page)
        self.step_is(page, "code")
        expect(page.locator(".step:visible")).to_have_count(1)
        expect(page.locator("#sent-to")).to_have_text(shown(PHONE))
        expect(page.locator("#expires-in")).to_contain_text("4:5")
        expect(page.locator("#attempts-left")).to_have_text("3 attempts left")
        expect(page.locator("#resend")).to_contain_text("Send again in")
        expect(page.locator("#code")).to_be_focused()
        created = self.document(page)
        self.assertEqual((created["to"], created["attempts_left"], created["code_length"]), (f"+{PHONE}", 3, 6))
        expect(page.locator("#proof")).to_be_hidden()

        self.type_code(page, code)
        self.step_is(page, "done")
        self.assertRegex(page.text_content("#done-title"), r"^\+1 555 123 4567 verified in \d+ s$")
        expect(page.locator("#done-title")).to_be_focused()
        self.answer_is(page, 200, "approved")
        approved = self.document(page)
        self.assertEqual((approved["id"], approved["status"]), (created["id"], "approved"))

        claims = json.loads(page.text_content("#proof-body pre"))
        self.assertEqual((claims["sub"], claims["phone_number"], claims["phone_number_verified"], claims["amr"]), (created["id"], f"+{PHONE}", True, ["otp"]))
        self.assertLess(claims["iat"], claims["exp"])
        header = json.loads(page.text_content("#proof-body .hint code"))
        self.assertEqual((header["alg"], header["typ"]), ("ES256", "otp-proof+jwt"))
        # The link leads to the keys, and the proof's key is one of them.
        keys = json.loads(fetch(page.locator("#proof a").get_attribute("href")))["keys"]
        self.assertIn(header["kid"], [key["kid"] for key in keys])
        page.click("#proof button")
        expect(page.locator("#call-says")).to_have_text("Proof copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        self.assertEqual(json.loads(base64.urlsafe_b64decode(copied.split(".")[1] + "=="))["phone_number"], f"+{PHONE}")

        page.click("#start-over")
        self.step_is(page, "number")
        expect(page.locator("#number")).to_be_focused()
        expect(page.locator("#call-line")).to_have_text("POST /v1/verifications")

    def test_wrong_codes_lock_the_verification_and_a_new_code_opens_it(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="0s")))
        code = self.sent(page)
        for left in (2, 1):
            # The same wrong code twice would count once.
            self.type_code(page, self.wrong(code, left))
            self.answer_is(page, 422, "The code is wrong")
            self.step_is(page, "code")
            expect(page.locator("#code-says")).to_have_text("That is not the code.")
            expect(page.locator("#attempts-left")).to_have_text(f"{left} attempt{'s' if left > 1 else ''} left")
            expect(page.locator("#answer .answer-code code")).to_have_text("code_incorrect")
            expect(page.locator("#document-title")).to_have_text("The problem")
            self.assertEqual(self.document(page)["attempts_left"], left)
            expect(page.locator("#code")).to_be_focused()
            self.assertEqual(page.locator("#code").get_attribute("aria-invalid"), "true")
        self.type_code(page, self.wrong(code))
        self.step_is(page, "locked")
        expect(page.locator("#answer .answer-code code")).to_have_text("attempts_exhausted")
        expect(page.locator("#stopped-title")).to_have_text("Too many wrong codes")
        expect(page.locator("#stopped-title")).to_be_focused()
        page.click("#go-on")
        self.answer_is(page, 201, "pending")
        self.type_code(page, self.code_on_phone(page, messages=2))
        self.step_is(page, "done")

    def test_a_new_code_that_has_to_wait_says_for_how_long(self):
        page = self.open(self.start(Sandbox(limits__per_phone="1/1h")))
        code = self.sent(page)
        for guess in range(3):
            expect(page.locator("#verify")).to_have_attribute("aria-disabled", "false")
            self.type_code(page, self.wrong(code, guess))
        self.step_is(page, "locked")
        page.click("#go-on")
        expect(page.locator("#answer .status")).to_have_text("429")
        expect(page.locator("#stopped-says")).to_contain_text("Try again in 60 min.")
        expect(page.locator("#go-on")).to_have_text("Send a new code in 60 min")
        expect(page.locator("#go-on")).to_have_attribute("aria-disabled", "true")
        # Another number is always possible.
        page.click("#other-number")
        self.step_is(page, "number")

    def test_sending_again_repeats_the_code_after_the_cooldown(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="2s")))
        code = self.sent(page)
        created = self.document(page)
        expect(page.locator("#resend")).to_have_attribute("aria-disabled", "true")
        page.locator("#resend").click(force=True)
        expect(page.locator("#resend")).to_have_text("Send again")
        page.click("#resend")
        self.answer_is(page, 200, "pending")
        expect(page.locator("#code-says")).to_have_text("Sent again.")
        resent = self.document(page)
        self.assertEqual((resent["id"], resent["expires_at"]), (created["id"], created["expires_at"]))
        self.assertEqual(resent["sends_left"], created["sends_left"] - 1)
        self.assertEqual(self.code_on_phone(page, messages=2), code)

    def test_sending_again_too_soon_counts_down(self):
        page = self.open(self.start(Sandbox()))
        page.clock.install()
        page.reload()
        expect(page.locator("#connection")).to_have_text("Live")
        self.sent(page)
        # The clock of this page is ahead, so it asks too soon.
        page.clock.fast_forward(31 * SECOND)
        expect(page.locator("#resend")).to_have_text("Send again")
        page.click("#resend")
        expect(page.locator("#answer .status")).to_have_text("429")
        expect(page.locator("#answer .answer-code code")).to_have_text("resend_too_soon")
        expect(page.locator("#resend")).to_contain_text("Send again in")
        expect(page.locator("#code-says")).to_contain_text("Try again in")
        self.step_is(page, "code")
        expect(page.locator("#messages .bubble")).to_have_count(1)

    def test_long_waits_are_in_minutes(self):
        page = self.open(self.start(Sandbox(limits__per_phone="1/1h", limits__resend_cooldown="0s")))
        self.sent(page)
        page.click("#resend")
        expect(page.locator("#answer .status")).to_have_text("429")
        expect(page.locator("#resend")).to_have_text("Send again in 60 min")
        expect(page.locator("#code-says")).to_contain_text("Try again in 60 min.")

    def test_a_reloaded_page_goes_on_with_the_same_verification(self):
        page = self.open(self.start(Sandbox()))
        code = self.sent(page)
        created = self.document(page)["id"]
        page.reload()
        self.step_is(page, "number")
        self.send_code(page)
        self.answer_is(page, 200, "pending")
        expect(page.locator("#answer")).to_contain_text("The pending verification goes on")
        self.assertEqual(self.document(page)["id"], created)
        self.assertEqual(self.code_on_phone(page), code)
        self.type_code(page, code)
        self.step_is(page, "done")

    def test_the_number_can_be_changed(self):
        page = self.open(self.start(Sandbox()))
        self.sent(page)
        page.click("#change")
        self.step_is(page, "number")
        expect(page.locator("#number")).to_be_focused()
        code = self.sent(page, OTHER)
        expect(page.locator("#sent-to")).to_have_text(shown(OTHER))
        self.type_code(page, code)
        expect(page.locator("#done-title")).to_contain_text(shown(OTHER))

    def test_a_verification_that_another_program_canceled_is_not_a_trap(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        code = self.sent(page)
        self.call(sandbox, f"/{self.document(page)['id']}/cancel")
        self.type_code(page, code)
        self.answer_is(page, 409, "The verification has ended")
        self.step_is(page, "failed")
        expect(page.locator("#stopped-title")).to_have_text("The verification was canceled")
        page.click("#go-on")
        self.step_is(page, "number")

    def test_a_number_in_domestic_notation_is_the_same_phone(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", "+49 01512 3456789")
        page.click("#send")
        self.answer_is(page, 201, "pending")
        expect(page.locator("#sent-to")).to_have_text("+49 151 234 56789")
        expect(page.locator("#chat-number")).to_have_text("to +49 151 234 56789")
        self.type_code(page, self.code_on_phone(page))
        self.step_is(page, "done")

    def test_problems_are_explained(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page, "12")
        self.answer_is(page, 400, "The phone number is not valid")
        self.step_is(page, "number")
        expect(page.locator("#number-says")).to_contain_text("E.164")
        expect(page.locator("#number")).to_be_focused()
        expect(page.locator("#answer .answer-code code")).to_have_text("invalid_phone_number")
        link = page.locator("#answer .answer-code a")
        self.assertEqual(link.get_attribute("href"), f"{sandbox.service}/problems/invalid_phone_number")
        self.assertEqual(page.locator("#number").get_attribute("aria-invalid"), "true")
        self.send_code(page, "15550131026")
        expect(page.locator("#answer .answer-code code")).to_have_text("send_failed")
        self.step_is(page, "failed")
        expect(page.locator("#messages .bubble")).to_have_count(0)

    def test_a_message_can_sign_in_on_its_own(self):
        page = self.open(self.start(Sandbox()))
        page.select_option("#button-kind", "zero_tap")
        expect(page.locator("#phone-says")).to_contain_text("from the next message on.")
        self.send_code(page)
        self.step_is(page, "done")
        expect(page.locator("#proof")).to_be_visible()

    def test_both_apis_can_be_tried(self):
        page = self.open(self.start(Sandbox()))
        self.sent(page)
        self.choose_api(page, "sample")
        self.step_is(page, "number")
        expect(page.locator("#document")).to_be_hidden()
        expect(page.locator("#call-line")).to_have_text(f"GET /otp/{PHONE}")
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        self.step_is(page, "code")
        self.choose_api(page, "v1")
        self.send_code(page, OTHER)
        self.answer_is(page, 201, "pending")

    def test_a_key_is_typed_if_the_settings_have_one(self):
        key = "a-key-for-this-test-alone"
        hashed = hashlib.sha256(key.encode()).hexdigest()
        page = self.open(self.start(Sandbox(keys__page__kind="server", keys__page__sha256=hashed)))
        page.click("#send")
        self.answer_is(page, 401, "The API key is missing or unknown")
        expect(page.locator("#answer .answer-code code")).to_have_text("unauthenticated")
        page.fill("#api-key", key)
        self.sent(page)
        self.assertNotIn(key, page.content())


if __name__ == "__main__":
    unittest.main()
