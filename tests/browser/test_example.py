"""The page in `examples/web-client-key`, as a person and as a forger use it."""

import pathlib
import sys
import unittest

from playwright.sync_api import expect

from browser import BrowserTest, call
from programs import Sandbox

sys.path.append(str(pathlib.Path(__file__).parent.parent / "strangers"))
from examples import Example, free_port  # noqa: E402

NUMBER, DIGITS = "+1 (212) 555-0123", "12125550123"


class WebPage(BrowserTest):
    def setUp(self):
        port = free_port()
        self.sandbox = self.start(Sandbox(**{"server.cors_origins": f"http://127.0.0.1:{port}", "limits.resend_cooldown": "1s"}))
        environment = {"OTP_URL": self.sandbox.service, "OTP_CLIENT_KEY": self.sandbox.printed(r"(otp_pk_\w+)")}
        example = self.start(Example("web-client-key", port, **environment))
        context = self.browser.new_context()
        self.addCleanup(context.close)
        self.page, self.errors = context.new_page(), []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(example.url)

    def status_is(self, text):
        expect(self.page.get_by_role("status")).to_contain_text(text)
        self.assertEqual(self.errors, [])

    def ask(self):
        self.page.get_by_label("Your number").fill(NUMBER)
        self.page.get_by_role("button", name="Send the code").click()
        self.status_is("The code is on its way to +1212*****23.")
        return call("GET", f"{self.sandbox.page}/inbox/{DIGITS}/latest")["code"]

    def enter(self, code):
        self.page.get_by_label("The code").fill(code)
        self.page.get_by_role("button", name="Sign in").click()

    def signed_in(self):
        return self.page.evaluate("fetch('/me').then((answer) => answer.status)") == 200

    def test_a_person_signs_in(self):
        code = self.ask()
        self.enter("000000" if code != "000000" else "000001")
        self.status_is("That is not the code.")
        self.enter("12")
        self.status_is("Check what you entered.")
        # The page, loaded again, goes on with the same verification.
        self.page.reload()
        self.assertEqual(self.ask(), code)
        self.enter(code)
        self.status_is(f"You are signed in as +{DIGITS}.")
        self.assertTrue(self.signed_in())

    def test_the_code_can_be_sent_again(self):
        code = self.ask()
        again = self.page.get_by_role("button", name="Send it again")
        again.click()
        self.status_is("Try again in")
        self.page.wait_for_timeout(1_100)
        again.click()
        self.status_is("The code was sent again.")
        self.enter(code)
        self.status_is("You are signed in")

    def test_an_answer_that_somebody_changed_signs_nobody_in(self):
        self.page.route("**/check", lambda route: route.fulfill(json={"status": "approved", "proof": "e30.e30.e30"}, headers={"Access-Control-Allow-Origin": "*"}))
        self.ask()
        self.enter("000000")
        self.status_is("Something went wrong. Start again.")
        self.assertFalse(self.signed_in())


if __name__ == "__main__":
    unittest.main()
