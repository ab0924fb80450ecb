"""The exchange: requests, responses, and commands that repeat them."""

import hashlib
import json
import os
import subprocess
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest
from programs import Sandbox

KEY = "a-key-for-this-test-alone"


def run(command, key=KEY):
    """Runs `command` in a shell, as if pasted, and returns the status and body of its answer."""
    environment = {"PATH": os.environ["PATH"], "OTP_KEY": key}
    ended = subprocess.run(["sh", "-c", f"{command} -s"], env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, (command, ended.stderr)
    head, body = ended.stdout.replace("\r", "").split("\n\n", 1)
    return int(head.split()[1]), body


class Exchange(BrowserTest):
    api = "sample"

    def command(self, page):
        """The command of the latest exchange, copied by its button."""
        page.locator("#exchanges li").first.get_by_role("button", name="Copy curl").click()
        expect(page.locator("#exchange-says")).to_have_text("Command copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        self.assertEqual(copied, page.locator("#exchanges .curl").first.text_content())
        return copied

    def test_each_exchange_is_shown_and_its_command_repeats_it(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        latest = page.locator("#exchanges li").first
        self.send_code(page)
        self.answer_is(page, 200, "OK")
        expect(latest.locator("summary")).to_contain_text(f"GET /otp/{PHONE}")
        expect(latest).to_contain_text("x-request-id: page-")
        self.assertEqual(run(self.command(page)), (200, "OK"))
        expect(page.locator("#messages .bubble")).to_have_count(2)

        code = self.code_on_phone(page)
        self.type_code(page, self.wrong(code))
        self.answer_is(page, 401, "Incorrect code. 2 attempt(s) remaining.")
        expect(latest.locator("summary")).to_contain_text(f"POST /otp/{PHONE}")
        expect(latest).to_contain_text(f'{{"code":"{self.wrong(code)}"}}')
        self.assertEqual(run(self.command(page)), (401, "Incorrect code. 1 attempt(s) remaining."))
        self.type_code(page, code)
        self.answer_is(page, 200, "OK")
        self.assertEqual(run(self.command(page)), (404, f"No active code for phone # {PHONE}"))

    def test_typed_text_cannot_break_out_of_a_command(self):
        page = self.open(self.start(Sandbox()))
        for typed in ("'; touch /tmp/hit; '", "$(touch /tmp/hit)", '"`touch /tmp/hit`"', "a\\b!c", "-o/tmp/hit", "ü%41?#&"):
            page.fill("#number", f"+{typed}")
            page.click("#send")
            self.answer_is(page, 400, "Invalid phone number.")
            self.assertEqual(run(self.command(page)), (400, "Invalid phone number."))
        self.assertFalse(os.path.exists("/tmp/hit"))

    def test_commands_contain_no_api_key(self):
        hashed = hashlib.sha256(KEY.encode()).hexdigest()
        page = self.open(self.start(Sandbox(auth__mode="api_key", keys__page__kind="server", keys__page__sha256=hashed)))
        page.fill("#api-key", KEY)
        page.click("#send")
        self.answer_is(page, 200, "OK")
        command = self.command(page)
        self.assertIn("$OTP_KEY", command)
        self.assertEqual(run(command), (200, "OK"))
        self.assertNotIn(KEY, page.locator("#exchanges").inner_text())

    def test_calls_of_the_verification_api_are_repeated_with_the_key_of_the_environment(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.choose_api(page, "v1")
        latest = page.locator("#exchanges li").first
        self.send_code(page)
        self.answer_is(page, 201, "pending")
        expect(latest.locator("summary")).to_contain_text("POST /v1/verifications")
        expect(latest).to_contain_text("idempotency-key: page-")
        expect(latest).to_contain_text("authorization: Bearer …")
        created = self.command(page)
        self.assertIn('"Authorization: Bearer $OTP_KEY"', created)
        # It is the same request with the same key, so it is not done twice.
        status, again = run(created, sandbox.key)
        id = json.loads(again)["id"]
        self.assertEqual((status, json.loads(again)["sends_left"]), (201, 2))
        expect(page.locator("#messages .bubble")).to_have_count(1)

        self.type_code(page, self.wrong(self.code_on_phone(page)))
        self.answer_is(page, 422, "The code is wrong")
        expect(latest.locator("summary")).to_contain_text(f"POST /v1/verifications/{id}/check")
        status, problem = run(self.command(page), sandbox.key)
        self.assertEqual((status, json.loads(problem)["code"]), (422, "code_incorrect"))
        page.click("#read")
        self.answer_is(page, 200, "pending")
        self.assertEqual(json.loads(run(self.command(page), sandbox.key)[1])["id"], id)
        # The next clicks have keys of their own.
        self.send_code(page, "16315551234")
        self.answer_is(page, 201, "pending")
        self.assertNotEqual(self.command(page), created)
        self.assertEqual(json.loads(run(page.locator("#exchanges .curl").nth(1).text_content(), sandbox.key)[1])["status"], "canceled")
        self.assertNotIn(sandbox.key, page.content())

    def test_only_the_latest_exchanges_are_kept(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", "+1")
        for _ in range(23):
            page.click("#send")
            self.answer_is(page, 400, "Invalid phone number.")
            expect(page.locator("#send")).to_have_text("Send code")
        expect(page.locator("#exchanges > li")).to_have_count(20)
        expect(page.locator("#exchanges details[open]")).to_have_count(1)


if __name__ == "__main__":
    unittest.main()
