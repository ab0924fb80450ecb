"""The backend's panel: the call, the command that repeats it, the answer, the proof, and the code's record."""

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


class Backend(BrowserTest):
    api = "sample"

    def command(self, page):
        """The command of the call on the screen, copied by its button."""
        page.click("#copy-curl")
        expect(page.locator("#call-says")).to_have_text("Command copied.")
        return page.evaluate("navigator.clipboard.readText()")

    def test_the_next_call_is_shown_before_it_is_made_and_its_command_repeats_it(self):
        page = self.open(self.start(Sandbox()))
        line = page.locator("#call-line")
        expect(line).to_have_text(f"GET /otp/{PHONE}")
        page.fill("#number", "+1 631 555 1234")
        expect(line).to_have_text("GET /otp/16315551234")
        self.assertEqual(run(self.command(page)), (200, "OK"))
        self.send_code(page, "16315551234")
        self.answer_is(page, 200, "OK")
        code = self.code_on_phone(page, messages=2)
        self.type_code(page, self.wrong(code))
        self.answer_is(page, 401, "Incorrect code. 2 attempt(s) remaining.")
        expect(line).to_have_text("POST /otp/16315551234")
        expect(page.locator("#call-body")).to_contain_text(f'"code": "{self.wrong(code)}"')
        self.assertEqual(run(self.command(page)), (401, "Incorrect code. 1 attempt(s) remaining."))
        self.type_code(page, code)
        self.answer_is(page, 200, "OK")
        self.assertEqual(run(self.command(page)), (404, "No active code for phone # 16315551234"))

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
        self.assertNotIn(KEY, page.content())

    def test_calls_of_the_verification_api_are_repeated_with_the_key_of_the_environment(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.choose_api(page, "v1")
        self.send_code(page)
        self.answer_is(page, 201, "pending")
        expect(page.locator("#call-line")).to_have_text("POST /v1/verifications")
        created = self.command(page)
        self.assertIn('"Authorization: Bearer $OTP_KEY"', created)
        # It is the same request with the same key, so it is not done twice.
        status, again = run(created, sandbox.key)
        id = json.loads(again)["id"]
        self.assertEqual((status, json.loads(again)["sends_left"]), (201, 2))
        self.type_code(page, self.wrong(self.code_on_phone(page)))
        self.answer_is(page, 422, "The code is wrong")
        expect(page.locator("#call-line")).to_have_text(f"POST /v1/verifications/{id}/check")
        status, problem = run(self.command(page), sandbox.key)
        self.assertEqual((status, json.loads(problem)["code"]), (422, "code_incorrect"))
        # The next click has a key of its own.
        self.send_code(page, "16315551234")
        self.answer_is(page, 201, "pending")
        self.assertNotEqual(self.command(page), created)
        self.assertNotIn(sandbox.key, page.content())

    def test_the_record_is_what_operators_see(self):
        page = self.open(self.start(Sandbox()))
        page.click("#tab-record")
        expect(page.locator("#record-body")).to_have_text("No code yet.")
        self.send_code(page)
        for row in ("Attempts0 of 3", "limits.per_phone1 counted", "Time left4:5"):
            expect(page.locator("#record-body")).to_contain_text(row)
        code = self.code_on_phone(page)
        self.type_code(page, self.wrong(code))
        expect(page.locator("#record-body")).to_contain_text("1 of 3")
        self.type_code(page, code)
        expect(page.locator("#record-body")).to_contain_text("none active")
        self.assertNotIn(code, page.locator("#record-body").inner_text())


if __name__ == "__main__":
    unittest.main()
