"""Orders for the simulated WhatsApp, and their effect on the service and the form."""

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

    def chip(self, page, label):
        return page.locator(f"#chips button:text-is('{label}')")

    def press(self, page, label):
        self.chip(page, label).click()
        expect(self.chip(page, label)).to_have_attribute("aria-pressed", "true")

    def choose(self, page, label):
        page.select_option("#failure", label=label)
        expect(page.locator("#pending li")).to_have_count(1)

    def nothing_waits(self, page):
        expect(page.locator("#waiting")).to_be_hidden()
        expect(page.locator("#chips [aria-pressed=true]")).to_have_count(0)

    def test_a_number_that_is_not_on_whatsapp(self):
        page = self.open(self.sandbox())
        self.press(page, "Not on WhatsApp")
        page.click("#send")
        self.step_is(page, "failed")
        expect(page.locator("#stopped-title")).to_have_text("The message was not delivered")
        expect(page.locator("#stopped-lead")).to_have_text("This number is not on WhatsApp.")
        expect(page.locator("#messages .ticks")).to_have_attribute("aria-label", "Failed")
        self.nothing_waits(page)
        page.click("#go-on")
        self.step_is(page, "number")
        expect(page.locator("#number")).to_be_focused()

    def test_a_slow_whatsapp(self):
        page = self.open(self.start(Sandbox()))
        self.press(page, "Slow")
        expect(page.locator("#pending li")).to_have_text("Next: Slow")
        began = time.monotonic()
        page.click("#send")
        expect(page.locator("#send")).to_have_text("Sending…")
        expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
        self.answer_is(page, 200, "OK")
        self.assertGreater(time.monotonic() - began, 4.5)
        self.step_is(page, "code")
        self.code_on_phone(page)

    def test_an_expired_token_and_a_whatsapp_that_is_down(self):
        page = self.open(self.sandbox())
        for label in ("Token expired", "WhatsApp down"):
            self.press(page, label)
            page.click("#send")
            self.answer_is(page, 500, REFUSED)
            self.step_is(page, "failed")
            expect(page.locator("#stopped-title")).to_have_text("The message was not sent")
            expect(page.locator("#stopped-title")).to_be_focused()
            self.nothing_waits(page)
            expect(page.locator("#messages .bubble")).to_have_count(0)
            page.click("#other-number")
            self.step_is(page, "number")
        # The one way on.
        self.press(page, "Token expired")
        page.click("#send")
        self.step_is(page, "failed")
        page.click("#go-on")
        self.answer_is(page, 200, "OK")
        self.step_is(page, "code")

    def test_a_message_that_never_arrives(self):
        page = self.open(self.sandbox())
        self.press(page, "Never arrives")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        self.step_is(page, "code")
        expect(page.locator("#messages .ghost")).to_contain_text("It never arrives, and the sender is not told.")
        expect(page.locator("#messages strong")).to_have_count(0)
        expect(page.locator("#notification")).to_be_hidden()

    def test_a_chip_takes_the_place_of_the_one_before_and_is_taken_back(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        self.press(page, "Slow")
        self.press(page, "Never arrives")
        expect(self.chip(page, "Slow")).to_have_attribute("aria-pressed", "false")
        self.assertEqual([order["kind"] for order in call("GET", f"{sandbox.page}/orders")], ["undelivered"])
        self.chip(page, "Never arrives").click()
        self.nothing_waits(page)
        self.press(page, "Slow")
        page.click("#clear-orders")
        self.nothing_waits(page)
        self.assertEqual(call("GET", f"{sandbox.page}/orders"), [])

    def test_the_other_failures_are_listed_by_whom_they_concern(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        groups = page.locator("#failure optgroup").evaluate_all("all => all.map(one => one.label)")
        self.assertEqual(groups, [
            "Delivery", "The recipient", "Your account", "Your number", "Your template", "Your token and app",
            "WhatsApp itself", "The request",
        ])
        listed = page.locator("#failure optgroup option").evaluate_all("all => all.map(one => JSON.parse(one.value))")
        codes = {order["code"] for order in listed if order["kind"] == "error"}
        self.assertEqual(codes, {error["code"] for error in call("GET", f"{sandbox.page}/orders/errors")})
        self.choose(page, "131049 This message was not delivered to maintain healthy ecosystem engagement.")
        expect(page.locator("#pending li")).to_contain_text("Next: 131049 This message was not delivered")
        page.click("#send")
        self.answer_is(page, 500, REFUSED)
        self.nothing_waits(page)

    def test_without_an_answer_the_code_stays_valid(self):
        page = self.open(self.sandbox())
        self.choose(page, "Never answered, but sent")
        page.click("#send")
        self.answer_is(page, 200, "OK")
        self.type_code(page, self.code_on_phone(page))
        self.step_is(page, "done")

    def test_account_and_template_can_be_switched_and_the_readiness_follows(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        readiness = page.locator("#readiness")
        expect(readiness).to_have_text("Readiness: ready.")
        page.select_option("#account", label="Account locked")
        page.click("#send")
        self.step_is(page, "failed")
        expect(readiness).to_contain_text("Readiness: ready, but account degraded: account suspended, WhatsApp")
        # Another program sets it back.
        call("PATCH", f"{sandbox.page}/switches", {"account": "active"})
        expect(page.locator("#account")).to_have_value("active")
        expect(readiness).to_have_text("Readiness: ready.", timeout=30_000)
        page.select_option("#template", label="Template paused")
        expect(readiness).to_contain_text("template suspended", timeout=30_000)
        page.select_option("#template", label="Template approved")
        expect(readiness).to_have_text("Readiness: ready.", timeout=30_000)
        page.click("#go-on")
        self.answer_is(page, 200, "OK")

    def test_orders_of_other_clients_are_shown(self):
        sandbox = self.sandbox()
        page = self.open(sandbox)
        call("POST", f"{sandbox.page}/orders", {"kind": "deliver_late", "milliseconds": 1500, "to": PHONE, "times": 2})
        expect(page.locator("#pending li")).to_have_text(f"Next 2 attempts to +{PHONE}: Arrives late")

    def test_a_number_can_be_an_order(self):
        page = self.open(self.sandbox())
        self.send_code(page, "15551131026")
        self.step_is(page, "failed")
        expect(page.locator("#stopped-lead")).to_have_text("This number is not on WhatsApp.")
        self.send_code(page, "15552000002")
        expect(page.locator("#messages .ghost")).to_contain_text("It has not arrived yet.")
        # It arrives after two seconds.
        self.type_code(page, page.locator("#messages strong").text_content())
        self.step_is(page, "done")


if __name__ == "__main__":
    unittest.main()
