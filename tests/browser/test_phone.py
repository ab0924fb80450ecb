"""The phone: messages by the kind of the template's button, and the choice of the phone."""

import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, call, fetch
from programs import Sandbox, Simulator

MINUTE = 60_000


class Phone(BrowserTest):
    api = "sample"

    def choose(self, page, kind):
        page.check(f"input[value={kind}]", force=True)
        expect(page.locator("#phone-says")).to_contain_text("from the next message on.")

    def test_one_tap_fills_the_form(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "one_tap")
        self.send_code(page)
        page.click("#messages button:has-text('Autofill')")
        expect(page.locator("#answer")).to_contain_text("it works once")
        expect(page.locator("#phone-says")).to_have_text("The app received the code.")

    def test_one_tap_fills_no_form_that_waits_for_another_number(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.choose(page, "one_tap")
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        self.send_code(page, "16315551234")
        expect(page.locator("#chat-number")).to_have_text("to +16315551234")
        expect(page.locator("#messages .bubble")).to_have_count(1)
        page.click(f"#other-phones button:has-text('+{PHONE}')")
        page.click("#messages button:has-text('Autofill')")
        expect(page.locator("#phone-says")).to_contain_text("another number")
        self.answer_is(page, 200, "OK")

    def test_zero_tap_needs_no_tap(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "zero_tap")
        self.send_code(page)
        expect(page.locator("#answer")).to_contain_text("it works once")
        expect(page.locator(".bubble-note")).to_contain_text("the app took the code on its own")

    def test_the_choice_of_the_button_survives_a_reload(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.choose(page, "zero_tap")
        page.reload()
        expect(page.locator("input[value=zero_tap]")).to_be_checked()

    def test_messages_to_other_phones_are_listed(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        fetch(f"{sandbox.service}/otp/16315551234")
        other = page.locator("#other-phones button")
        expect(other).to_have_count(1)
        expect(other).to_contain_text("+16315551234")
        expect(other).to_contain_text("1 new")
        other.click()
        expect(page.locator("#chat-number")).to_have_text("to +16315551234")
        expect(page.locator("#record-body")).to_contain_text("16315551234")
        expect(page.locator("#other-phones button")).to_contain_text(f"+{PHONE}")
        page.reload()
        expect(page.locator("#chat-number")).to_have_text("to +16315551234")
        expect(page.locator("#messages .bubble")).to_have_count(1)

    def test_a_button_expires_with_its_code(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        page.clock.install()
        page.reload()
        expect(page.locator("#connection")).to_have_text("Live")
        self.send_code(page)
        button = page.locator("#messages .bubble-button:not(.denial)")
        expect(button).to_be_enabled()
        page.clock.fast_forward(4 * MINUTE)
        expect(button).to_be_enabled()
        page.clock.fast_forward(1 * MINUTE)
        expect(button).to_be_disabled()
        expect(page.locator(".bubble-life")).to_contain_text("disabled")

    def test_ticks_show_the_delivery_of_a_message(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        ticks = page.locator("#messages .ticks")
        self.send_code(page)
        expect(ticks).to_have_attribute("aria-label", "Read")
        self.send_code(page, "15550930000")
        expect(ticks).to_have_attribute("aria-label", "Failed: not_on_whatsapp")
        expect(page.locator("#messages")).to_contain_text("131026: Message undeliverable")

    def test_messages_missed_while_disconnected_are_fetched(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.expected_complaints += ["ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED"]
        page.route("**/inbox/events", lambda route: route.abort())
        page.reload()
        expect(page.locator("#connection")).to_contain_text("Connection lost")
        self.expected_complaints += ["ERR_FAILED"]
        fetch(f"{sandbox.service}/otp/{PHONE}")
        page.unroute("**/inbox/events")
        expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)
        expect(page.locator("#messages .bubble")).to_have_count(1)


class SimulatorAlone(BrowserTest):
    api = "sample"

    def test_without_a_service_the_page_says_how_to_name_one(self):
        simulator = self.start(Simulator())
        page = self.open(simulator)
        expect(page.locator("#no-service")).to_contain_text("--service http://localhost:3000")
        expect(page.locator("#no-service")).to_contain_text(simulator.page)
        expect(page.locator("#forms")).to_be_hidden()
        expect(page.locator("#record-body")).to_contain_text("whatsapp-otp inspect")

    def test_the_form_is_closed_while_its_service_may_send_elsewhere(self):
        sandbox = self.start(Sandbox())
        simulator = self.start(Simulator("--service", sandbox.service))
        simulator.service = sandbox.service
        page = self.open(simulator)
        expect(page.locator("#elsewhere")).to_be_visible()
        expect(page.locator("#forms")).to_be_hidden()
        # A service reads its template.
        fetch(f"{simulator.page}/v24.0/300000000000001", Authorization=f"Bearer {simulator.token}")
        expect(page.locator("#forms")).to_be_visible()
        expect(page.locator("#elsewhere")).to_be_hidden()
        # This one does not allow the page, and browsers send a preflight first.
        self.expected_complaints += ["CORS policy", "ERR_FAILED"]
        page.click("#send")
        expect(page.locator("#answer")).to_contain_text("server.cors_origins")
        self.assertEqual(call("GET", f"{sandbox.page}/inbox"), [])


if __name__ == "__main__":
    unittest.main()
