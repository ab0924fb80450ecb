"""The phone: messages by the kind of the template's button, the notification, the marks, and the choice of the phone."""

import json
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, call, fetch
from programs import Sandbox, Simulator

MINUTE = 60_000
OTHER = "16315551234"


class Phone(BrowserTest):
    def choose(self, page, kind):
        page.select_option("#button-kind", kind)
        expect(page.locator("#phone-says")).to_contain_text("from the next message on.")

    def verification(self, sandbox):
        id = call("GET", f"{sandbox.page}/inbox")[0]["biz_opaque_callback_data"].split(".")[1]
        return json.loads(fetch(f"{sandbox.service}/v1/verifications/{id}", Authorization=f"Bearer {sandbox.key}"))

    def test_a_notification_slides_in_and_a_tap_copies_the_code(self):
        page = self.open(self.start(Sandbox()))
        notification = page.locator("#notification")
        expect(notification).to_be_hidden()
        self.send_code(page)
        expect(notification).to_contain_text("is your verification code.")
        code = self.code_on_phone(page)
        expect(notification.locator("strong")).to_have_text(code)
        notification.click()
        expect(notification).to_be_hidden()
        expect(page.locator("#phone-says")).to_have_text("Code copied. Paste it into the form.")
        # The form has the focus, so that the code can be pasted at once.
        page.keyboard.press("Control+V")
        self.step_is(page, "done")

    def test_the_code_is_seen_without_scrolling(self):
        sandbox = self.start(Sandbox())
        for number, (width, height) in enumerate(((1366, 650), (390, 844), (1024, 700))):
            page = self.open(sandbox, width, height)
            self.send_code(page, f"1555123100{number}")
            self.step_is(page, "code")
            expect(page.locator("#notification strong")).to_be_in_viewport(ratio=1)
            expect(page.locator("#messages strong")).to_be_in_viewport(ratio=1)
            for shown in ("#code", "#verify", "#expiry", "#attempts-left"):
                expect(page.locator(shown)).to_be_in_viewport(ratio=1)
            # The chat starts at the top, and the whole handset fits next to the form.
            head, bubble = (page.locator(one).bounding_box() for one in (".chat-head", "#messages .bubble"))
            self.assertLess(bubble["y"] - head["y"] - head["height"], 30)
            if width > 400:
                expect(page.locator(".handset")).to_be_in_viewport(ratio=1)
            self.type_code(page, self.code_on_phone(page))
            self.step_is(page, "done")
            expect(page.locator("#done")).to_be_in_viewport(ratio=1)
            expect(page.locator("#notification")).to_be_hidden()
            if width == 1366:
                expect(page.locator("#proof-body")).to_contain_text("phone_number_verified")
                expect(page.locator("#proof-body pre span:text-is('\"phone_number_verified\"')")).to_be_in_viewport()
            page.context.close()

    def test_one_tap_fills_the_form(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "one_tap")
        self.send_code(page)
        page.click("#messages button:has-text('Autofill')")
        self.step_is(page, "done")
        expect(page.locator("#phone-says")).to_have_text("The app received the code.")

    def test_one_tap_fills_no_form_that_waits_for_another_number(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "one_tap")
        self.send_code(page)
        self.step_is(page, "code")
        self.send_code(page, OTHER)
        self.chat_is_of(page, OTHER)
        self.code_on_phone(page)
        page.click("#other-phones button:has-text('+1 555 123 4567')")
        page.click("#messages button:has-text('Autofill')")
        expect(page.locator("#phone-says")).to_have_text("No app is waiting for this code.")
        self.step_is(page, "code")

    def test_zero_tap_needs_no_tap(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "zero_tap")
        self.send_code(page)
        self.step_is(page, "done")
        expect(page.locator(".bubble-note")).to_contain_text("the app took the code on its own")

    def test_the_choice_of_the_button_survives_a_reload(self):
        page = self.open(self.start(Sandbox()))
        self.choose(page, "zero_tap")
        page.reload()
        expect(page.locator("#button-kind")).to_have_value("zero_tap")

    def test_the_next_message_is_in_the_language_that_is_chosen(self):
        page = self.open(self.start(Sandbox()))
        self.assertEqual(page.locator("#language option").all_text_contents()[0], "American English")
        page.select_option("#language", label="German")
        expect(page.locator("#call-body")).to_contain_text('"locale": "de"')
        self.send_code(page)
        expect(page.locator("#notification")).to_contain_text("ist dein Verifizierungscode.")
        expect(page.locator("#messages .bubble-footer")).to_have_text("Dieser Code läuft in 5 Minuten ab.")
        # The sample server's calls have no language.
        self.choose_api(page, "sample")
        expect(page.locator("#language")).to_be_hidden()

    def test_messages_to_other_phones_are_listed(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.step_is(page, "code")
        page.click("#pin")
        fetch(f"{sandbox.service}/otp/{OTHER}")
        other = page.locator("#other-phones button")
        expect(other).to_have_count(1)
        expect(other).to_have_text("+1 631 555 12341 new")
        other.click()
        self.chat_is_of(page, OTHER)
        expect(page.locator("#other-phones button")).to_have_text("+1 555 123 4567")
        page.reload()
        self.chat_is_of(page, OTHER)
        expect(page.locator("#messages .bubble")).to_have_count(1)

    def test_the_phone_follows_the_newest_message_unless_it_is_pinned(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.chat_is_of(page, PHONE)
        fetch(f"{sandbox.service}/otp/{OTHER}")
        self.chat_is_of(page, OTHER)
        expect(page.locator("#other-phones button")).to_have_text("+1 555 123 4567")
        page.locator("#pin").press("Enter")
        expect(page.locator("#pin")).to_have_attribute("aria-pressed", "true")
        fetch(f"{sandbox.service}/otp/{PHONE}")
        expect(page.locator("#other-phones button")).to_contain_text("1 new")
        self.chat_is_of(page, OTHER)
        page.click("#pin")
        fetch(f"{sandbox.service}/otp/{PHONE}")
        self.chat_is_of(page, PHONE)

    def test_a_button_expires_with_its_code(self):
        page = self.open(self.start(Sandbox()))
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
        expect(page.locator(".bubble-life")).to_have_text("The code has expired.")

    def test_ticks_show_the_delivery_and_the_service_learns_of_it(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        ticks = page.locator("#messages .ticks")
        self.send_code(page)
        expect(ticks).to_have_attribute("aria-label", "Delivered")
        self.assertEqual(ticks.locator("svg").count(), 1)
        expect(ticks).to_have_attribute("aria-label", "Read")
        self.assertEqual([d["status"] for d in self.verification(sandbox)["deliveries"]], ["read"])
        self.send_code(page, "15550930000")
        expect(ticks).to_have_attribute("aria-label", "Failed")
        expect(page.locator("#messages")).to_contain_text("131026: Message undeliverable")
        self.send_code(page, "15552100000")
        expect(ticks).to_have_attribute("aria-label", "Accepted")

    def test_a_phone_that_is_not_open_does_not_read(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        expect(page.locator("#messages .ticks")).to_have_attribute("aria-label", "Read")
        body = {"to": f"+{OTHER}"}
        page.click("#pin")
        fetch(f"{sandbox.service}/v1/verifications", "POST", body, Authorization=f"Bearer {sandbox.key}")
        other = page.locator("#other-phones button")
        expect(other).to_contain_text("1 new")
        page.wait_for_timeout(2_500)
        self.assertEqual(self.verification(sandbox)["deliveries"][0]["status"], "delivered")
        other.click()
        expect(page.locator("#messages .ticks")).to_have_attribute("aria-label", "Read")

    def test_who_did_not_request_a_code_cancels_it(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.send_code(page)
        self.step_is(page, "code")
        deny = page.locator("#messages .denial")
        expect(deny).to_have_text("I didn’t request a code")
        deny.click()
        expect(page.locator("#phone-says")).to_contain_text("did not request this code")
        expect(deny).to_be_disabled()
        self.step_is(page, "failed")
        expect(page.locator("#stopped-title")).to_have_text("The verification was canceled")
        self.assertEqual(self.verification(sandbox)["status"], "canceled")
        page.click("#go-on")
        self.step_is(page, "number")

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
        page.click("#tab-record")
        expect(page.locator("#record-body")).to_contain_text("whatsapp-otp inspect")

    def test_the_form_is_closed_while_its_service_may_send_elsewhere(self):
        # Any server that allows no page will do.
        service = self.start(Simulator())
        simulator = self.start(Simulator("--service", service.page))
        simulator.service = service.page
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
        expect(page.locator("#number-says")).to_contain_text("server.cors_origins")
        self.assertEqual({request["method"] for request in call("GET", f"{service.page}/feed")}, {"OPTIONS"})


if __name__ == "__main__":
    unittest.main()
