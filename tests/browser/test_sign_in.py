"""The form with the verification API: every outcome, the verification as JSON, and the proof."""

import base64
import hashlib
import json
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, fetch
from programs import Sandbox

SECOND = 1_000


class SignIn(BrowserTest):
    def document(self, page):
        """The latest answer as the page shows it; long texts are shortened."""
        return json.loads(page.locator("#document-json").text_content())

    def sent(self, page, phone=PHONE, messages=1):
        """Sends a code and returns it."""
        self.send_code(page, phone)
        self.answer_is(page, 201, "pending")
        expect(page.locator("#chat-number")).to_have_text(f"to +{phone}")
        expect(page.locator("#messages .bubble")).to_have_count(messages)
        return self.code_on_phone(page)

    def call(self, sandbox, path, body=None):
        return json.loads(fetch(f"{sandbox.service}/v1/verifications{path}", "POST", body, Authorization=f"Bearer {sandbox.key}"))

    def test_a_sign_in_ends_with_a_proof(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        expect(page.locator("#api-v1")).to_be_checked()
        expect(page.locator("#api-key-field")).to_be_hidden()
        code = self.sent(page)
        expect(page.locator("#document-title")).to_have_text("The verification")
        created = self.document(page)
        self.assertEqual((created["to"], created["attempts_left"], created["code_length"]), (f"+{PHONE}", 3, 6))
        expect(page.locator("#proof")).to_be_hidden()
        expect(page.locator("#resend")).to_contain_text("Send again in")
        expect(self.boxes(page).first).to_be_focused()
        self.type_code(page, code)
        self.answer_is(page, 200, "approved")
        expect(page.locator("#answer")).to_contain_text("it works once")
        approved = self.document(page)
        self.assertEqual((approved["id"], approved["status"]), (created["id"], "approved"))

        proof = page.locator("#proof")
        row = lambda name: proof.locator(f"dl > div:has(dt code:text-is('{name}')) dd")
        expect(row("alg")).to_have_text("ES256")
        expect(row("typ")).to_have_text("otp-proof+jwt")
        expect(row("sub")).to_have_text(created["id"])
        expect(row("phone_number")).to_have_text(f"+{PHONE}")
        expect(row("phone_number_verified")).to_have_text("true")
        expect(row("amr")).to_have_text('["otp"]')
        times = [row(name).locator("time").get_attribute("datetime") for name in ("iat", "exp")]
        self.assertEqual(times[0][:19], approved["approved_at"][:19])
        self.assertLess(times[0], times[1])
        # The link leads to the keys, and the proof's key is one of them.
        expect(proof).to_contain_text("Your backend verifies the signature")
        keys = json.loads(fetch(proof.locator("a").get_attribute("href")))["keys"]
        self.assertIn(row("kid").text_content(), [key["kid"] for key in keys])
        page.click("#proof button")
        expect(page.locator("#proof-says")).to_have_text("Proof copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        claims = json.loads(base64.urlsafe_b64decode(copied.split(".")[1] + "=="))
        self.assertEqual(claims["phone_number"], f"+{PHONE}")

        self.type_code(page, code)
        self.answer_is(page, 409, "The verification has ended")
        expect(page.locator("#answer .answer-code code")).to_have_text("verification_not_pending")

    def test_each_wrong_code_says_what_is_left_until_none_is(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="0s")))
        code = self.sent(page)
        for left, text in ((2, "2 attempts left."), (1, "1 attempt left.")):
            # The same wrong code twice would count once.
            self.type_code(page, self.wrong(code, left))
            self.answer_is(page, 422, "The code is wrong")
            expect(page.locator("#answer .answer-meaning")).to_contain_text(text)
            expect(page.locator("#answer .answer-code code")).to_have_text("code_incorrect")
            expect(page.locator("#document-title")).to_have_text("The problem")
            self.assertEqual(self.document(page)["attempts_left"], left)
            expect(page.locator("#record-body")).to_contain_text(f"{3 - left} of 3")
            expect(self.boxes(page).first).to_be_focused()
            self.assertEqual(self.boxes(page).first.get_attribute("aria-invalid"), "true")
        self.type_code(page, self.wrong(code))
        expect(page.locator("#answer .answer-code code")).to_have_text("attempts_exhausted")
        locked = self.document(page)["id"]
        # Locked: the correct code does not open it, and sending again starts a new one.
        self.type_code(page, code)
        expect(page.locator("#answer .answer-code code")).to_have_text("verification_not_pending")
        page.click("#read")
        self.answer_is(page, 200, "failed")
        page.click("#resend")
        self.answer_is(page, 201, "pending")
        self.assertNotEqual(self.document(page)["id"], locked)
        expect(page.locator("#messages .bubble")).to_have_count(2)
        self.type_code(page, self.code_on_phone(page))
        self.answer_is(page, 200, "approved")

    def test_sending_again_repeats_the_code_after_the_cooldown(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="2s")))
        code = self.sent(page)
        created = self.document(page)
        expect(page.locator("#resend")).to_have_attribute("aria-disabled", "true")
        page.locator("#resend").click(force=True)
        expect(page.locator("#resend")).to_have_text("Send again")
        page.click("#resend")
        self.answer_is(page, 200, "pending")
        expect(page.locator("#answer")).to_contain_text("The same code is on its way again")
        resent = self.document(page)
        self.assertEqual((resent["id"], resent["expires_at"]), (created["id"], created["expires_at"]))
        self.assertEqual(resent["sends_left"], created["sends_left"] - 1)
        expect(page.locator("#messages .bubble")).to_have_count(2)
        self.assertEqual(self.code_on_phone(page), code)

    def test_sending_again_too_soon_counts_down(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
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
        expect(page.locator("#exchanges li").first).to_contain_text("retry-after:")
        expect(page.locator("#messages .bubble")).to_have_count(1)

    def test_a_reloaded_page_goes_on_with_the_same_verification(self):
        page = self.open(self.start(Sandbox()))
        code = self.sent(page)
        created = self.document(page)["id"]
        page.reload()
        expect(page.locator("#document")).to_be_hidden()
        self.send_code(page)
        self.answer_is(page, 200, "pending")
        expect(page.locator("#answer")).to_contain_text("The same verification goes on")
        self.assertEqual(self.document(page)["id"], created)
        expect(page.locator("#messages .bubble")).to_have_count(1)
        # Without an id, the code is checked by the number.
        page.reload()
        page.fill("#number", f"+{PHONE}")
        self.type_code(page, code)
        self.answer_is(page, 200, "approved")
        self.assertEqual(self.document(page)["id"], created)
        expect(page.locator("#exchanges li").first).to_contain_text("POST /v1/verifications/check")

    def test_another_number_cancels_the_pending_verification(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.sent(page)
        left = self.document(page)["id"]
        other = self.sent(page, "16315551234")
        expect(page.locator("#answer")).to_contain_text("The verification of the other number was canceled.")
        calls = page.locator("#exchanges .call")
        self.assertEqual(calls.all_text_contents()[:2], ["POST /v1/verifications", f"POST /v1/verifications/{left}/cancel"])
        stale = fetch(f"{sandbox.service}/v1/verifications/{left}", Authorization=f"Bearer {sandbox.key}")
        self.assertEqual(json.loads(stale)["status"], "canceled")
        self.type_code(page, other)
        self.answer_is(page, 200, "approved")

    def test_another_program_can_cancel(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        code = self.sent(page)
        self.call(sandbox, f"/{self.document(page)['id']}/cancel")
        page.click("#read")
        self.answer_is(page, 200, "canceled")
        self.type_code(page, code)
        self.answer_is(page, 409, "The verification has ended")
        self.assertEqual(self.document(page)["verification_status"], "canceled")

    def test_a_number_in_domestic_notation_is_the_same_phone(self):
        page = self.open(self.start(Sandbox()))
        page.select_option("#country", label="Germany (+49)")
        page.fill("#number", "01512 3456789")
        page.click("#send")
        self.answer_is(page, 201, "pending")
        expect(page.locator("#chat-number")).to_have_text("to +4915123456789")
        page.click("#send")
        self.answer_is(page, 200, "pending")
        self.type_code(page, self.code_on_phone(page))
        self.answer_is(page, 200, "approved")

    def test_problems_are_explained(self):
        sandbox = self.start(Sandbox(limits__resend_cooldown="0s"))
        page = self.open(sandbox)
        self.send_code(page, "12")
        self.answer_is(page, 400, "The phone number is not valid")
        expect(page.locator("#answer .answer-code code")).to_have_text("invalid_phone_number")
        link = page.locator("#answer .answer-code a")
        self.assertEqual(link.get_attribute("href"), f"{sandbox.service}/problems/invalid_phone_number")
        self.assertEqual(page.locator("#number").get_attribute("aria-invalid"), "true")
        # An ordered failure of WhatsApp.
        self.send_code(page, "15550131026")
        expect(page.locator("#answer .answer-code code")).to_have_text("send_failed")
        expect(page.locator("#messages .bubble")).to_have_count(0)

    def test_a_message_can_sign_in_on_its_own(self):
        page = self.open(self.start(Sandbox()))
        page.check("input[value=zero_tap]", force=True)
        expect(page.locator("#phone-says")).to_contain_text("from the next message on.")
        self.send_code(page)
        self.answer_is(page, 200, "approved")
        expect(page.locator("#proof")).to_be_visible()

    def test_both_apis_can_be_tried(self):
        page = self.open(self.start(Sandbox()))
        self.sent(page)
        self.choose_api(page, "sample")
        expect(page.locator("#document")).to_be_hidden()
        expect(page.locator("#answer")).to_contain_text("Nothing yet.")
        expect(page.locator("#resend")).to_have_text("Send again")
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        self.choose_api(page, "v1")
        self.send_code(page, "16315551234")
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
