"""The marks of messages, which follow the service's view, and the button with which a person denies a request."""

import json
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, call, fetch
from programs import Sandbox


class Deliveries(BrowserTest):
    api = "v1"

    def ticks(self, page):
        return page.locator("#messages .ticks").last

    def is_marked(self, page, meaning, mark):
        expect(self.ticks(page)).to_have_attribute("aria-label", meaning)
        expect(self.ticks(page)).to_have_text(mark)

    def verification(self, sandbox):
        id = call("GET", f"{sandbox.page}/inbox")[0]["biz_opaque_callback_data"].split(".")[1]
        return json.loads(fetch(f"{sandbox.service}/v1/verifications/{id}", Authorization=f"Bearer {sandbox.key}"))

    def test_a_message_is_delivered_and_then_read_on_the_open_phone(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.is_marked(page, "Delivered", "✓✓")
        self.is_marked(page, "Read", "✓✓")
        self.assertEqual([d["status"] for d in self.verification(sandbox)["deliveries"]], ["read"])
        # The page asked on its own; the exchange shows what the user did.
        expect(page.locator("#exchanges > li")).to_have_count(1)

    def test_a_phone_that_is_not_open_does_not_read(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.is_marked(page, "Read", "✓✓")
        body = {"to": "+16315551234"}
        fetch(f"{sandbox.service}/v1/verifications", "POST", body, Authorization=f"Bearer {sandbox.key}")
        other = page.locator("#other-phones button")
        expect(other).to_contain_text("1 new")
        page.wait_for_timeout(2_500)
        self.assertEqual(self.verification(sandbox)["deliveries"][0]["status"], "delivered")
        other.click()
        self.is_marked(page, "Read", "✓✓")

    def test_what_does_not_arrive_is_marked(self):
        page = self.open(self.start(Sandbox(limits__per_ip="off")))
        for phone, meaning, mark in (
            ("15551131026", "Failed: not_on_whatsapp", "!"),
            ("15552100000", "Sent", "✓"),
            ("15552200000", "Accepted", "✓"),
            ("15552000003", "Sent", "✓"),
        ):
            self.send_code(page, phone)
            expect(page.locator("#chat-number")).to_have_text(f"to +{phone}")
            self.is_marked(page, meaning, mark)
        # It arrives after three seconds.
        expect(page.locator("#messages .ghost")).to_have_count(0)
        self.is_marked(page, "Read", "✓✓")

    def test_a_message_that_is_sent_again_has_a_mark_of_its_own(self):
        page = self.open(self.start(Sandbox(limits__resend_cooldown="0s")))
        self.send_code(page)
        self.is_marked(page, "Read", "✓✓")
        expect(page.locator("#resend")).to_have_attribute("aria-disabled", "false", timeout=40_000)
        page.click("#resend")
        expect(page.locator("#messages .bubble")).to_have_count(2)
        self.is_marked(page, "Read", "✓✓")

    def test_who_did_not_request_a_code_cancels_it(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        deny = page.locator("#messages .denial")
        expect(deny).to_have_text("I didn’t request a code")
        deny.click()
        expect(page.locator("#phone-says")).to_contain_text("did not ask for this code")
        expect(deny).to_be_disabled()
        page.click("#read")
        self.answer_is(page, 200, "canceled")
        self.assertEqual(call("GET", f"{sandbox.page}/inbox")[0]["to"], f"+{PHONE}")

    def test_messages_of_the_sample_calls_are_marked_too(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        fetch(f"{sandbox.service}/otp/{PHONE}")
        self.is_marked(page, "Delivered", "✓✓")
        self.is_marked(page, "Read", "✓✓")


if __name__ == "__main__":
    unittest.main()
