"""Orders for the simulated WhatsApp, and their effect on the service."""

import time
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, call
from programs import Sandbox

REFUSED = "Error calling WhatsApp send message API"


class Orders(BrowserTest):
    api = "sample"

    def sandbox(self, **settings):
        return self.start(Sandbox(whatsapp__timeout="1s", limits__per_phone="off", **settings))

    def order(self, page, kind):
        page.select_option("#order-kind", kind)
        page.click("#order-form button[type=submit]")
        expect(page.locator("#order-says")).to_have_text("Ordered.")

    def nothing_waits(self, page):
        expect(page.locator("#pending")).to_have_text("No orders.")

    def test_an_error_is_chosen_by_its_code_and_title(self):
        page = self.open(self.sandbox())
        page.select_option("#order-error", label="131049 This message was not delivered to maintain healthy ecosystem engagement.")
        self.order(page, "error")
        expect(page.locator("#pending li")).to_contain_text("Error 131049 This message was not delivered")
        page.click("#send")
        self.answer_is(page, 500, REFUSED)
        self.nothing_waits(page)
        expect(page.locator("#messages .bubble")).to_have_count(0)
        expect(page.locator("#record-body")).to_contain_text("none active")
        page.click("#send")
        self.answer_is(page, 200, "OK")

    def test_a_temporary_error_has_to_be_ordered_for_every_attempt(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        page.select_option("#order-error", "131000")
        for times, status, line in (("1", 200, "OK"), ("3", 500, REFUSED)):
            page.fill("#order-times", times)
            self.order(page, "error")
            expect(page.locator("#pending li")).to_contain_text("once" if times == "1" else "3 times")
            page.click("#send")
            self.answer_is(page, status, line)
            self.nothing_waits(page)

    def test_the_service_waits_for_a_slow_answer(self):
        page = self.open(self.start(Sandbox()))
        page.select_option("#order-kind", "slow")
        page.fill("#order-seconds", "1")
        self.order(page, "slow")
        expect(page.locator("#pending li")).to_have_text("Accepted after 1 s, once")
        began = time.monotonic()
        page.click("#send")
        expect(page.locator("#send")).to_have_text("Sending…")
        expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
        self.answer_is(page, 200, "OK")
        self.assertGreater(time.monotonic() - began, 0.9)
        expect(page.locator("#send")).to_have_text("Send code")
        expect(page.locator("#messages .bubble")).to_have_count(1)

    def test_without_an_answer_the_code_stays_valid(self):
        page = self.open(self.sandbox())
        self.order(page, "hang")
        expect(page.locator("#pending li")).to_have_text("Never answered, once")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .bubble")).to_have_count(0)
        expect(page.locator("#record-body")).to_contain_text("0 of 3")
        self.nothing_waits(page)

    def test_an_undelivered_message_looks_delivered_to_the_service(self):
        page = self.open(self.sandbox())
        self.order(page, "undelivered")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        expect(page.locator("#messages .ghost")).to_contain_text("It never arrives, and the sender is not told.")
        expect(page.locator("#messages strong")).to_have_count(0)

    def test_orders_are_cleared(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        self.order(page, "error")
        self.order(page, "hang")
        expect(page.locator("#pending li")).to_have_count(2)
        page.click("#clear-orders")
        self.nothing_waits(page)
        self.assertEqual(call("GET", f"{sandbox.page}/orders"), [])
        page.click("#send")
        self.answer_is(page, 200, "OK")

    def test_the_refusal_of_an_invalid_order_says_why(self):
        page = self.open(self.sandbox())
        page.fill("#order-times", "0")
        page.click("#order-form button[type=submit]")
        expect(page.locator("#order-says")).to_contain_text("`times` must be a number")
        self.expected_complaints += ["400 (Bad Request)"]

    def test_orders_of_other_clients_are_shown(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        call("POST", f"{sandbox.page}/orders", {"kind": "slow", "milliseconds": 1500, "to": PHONE, "times": 2})
        expect(page.locator("#pending li")).to_have_text(f"Accepted after 1.5 s to +{PHONE}, 2 times")

    def test_a_number_can_be_an_order(self):
        page = self.open(self.sandbox())
        for kind, number, status, line in (
            ("error", "15550131026", 500, REFUSED),
            ("hang", "15550911000", 200, "OK"),
            ("undelivered", "15552100000", 200, "OK"),
        ):
            page.select_option("#order-kind", kind)
            page.click("#order-number")
            expect(page.locator("#number")).to_have_value(f"+{number}")
            expect(page.locator("#number")).to_be_focused()
            page.keyboard.press("Enter")
            self.answer_is(page, status, line)
            expect(page.locator("#chat-number")).to_have_text(f"to +{number}")


if __name__ == "__main__":
    unittest.main()
