"""The feed: the requests of any program, live, with their stories, and programs that repeat them."""

import http.server
import json
import os
import subprocess
import threading
import unittest
import urllib.error

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import PHONE, BrowserTest, fetch
from programs import Sandbox, Simulator


def create(sandbox, phone=PHONE, **headers):
    """Creates a verification, as a backend does."""
    body = {"to": f"+{phone}"}
    return json.loads(fetch(f"{sandbox.service}/v1/verifications", "POST", body, Authorization=f"Bearer {sandbox.key}", **headers))


def sample(sandbox, phone=PHONE):
    """Requests a code as the sample server's clients do, and returns the status."""
    try:
        fetch(f"{sandbox.service}/otp/{phone}")
        return 200
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def run(language, program, **environment):
    """Runs a copied program, and returns the status and the body of the answer that it prints."""
    commands = {
        "curl": ["sh", "-c", f"{program} -s"],
        "fetch": ["node", "--input-type=module", "--eval", program],
        "Python": ["python3", "-c", program],
    }
    environment = {"PATH": os.environ["PATH"], **environment}
    ended = subprocess.run(commands[language], env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, (language, program, ended.stderr)
    if language == "curl":
        head, body = ended.stdout.replace("\r", "").split("\n\n", 1)
        return int(head.split()[1]), body
    status, body = ended.stdout.rstrip("\n").split(" ", 1)
    return int(status), body


class Feed(BrowserTest):
    def entries(self, page):
        return page.locator("#feed .feed-list > li")

    def unfold(self, page, index=0):
        # By its time, as later ones are put before it.
        at = self.entries(page).nth(index).get_attribute("data-at")
        entry = page.locator(f'#feed .feed-list > li[data-at="{at}"]')
        entry.locator("summary").click()
        expect(entry.locator(".story")).to_be_visible()
        return entry

    def copied(self, page, entry, language):
        entry.get_by_role("button", name=f"Copy as {language}").click()
        expect(page.locator("#feed-says")).to_have_text(f"Copied as {language}.")
        program = page.evaluate("navigator.clipboard.readText()")
        self.assertEqual(program, entry.locator(".feed-snippet").text_content())
        return program

    def test_a_request_of_another_program_appears_and_unfolds_into_its_story(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        expect(page.locator("#feed")).to_contain_text("Nothing yet.")
        id = create(sandbox, **{"User-Agent": "an-app/1"})["id"]
        entry = self.entries(page).first
        summary = entry.locator("summary")
        for text in ("POST /v1/verifications", "1555*****67", "created", "sandbox-server · default", "201", " ms"):
            expect(summary).to_contain_text(text)
        expect(entry.locator(".story")).to_have_count(0)
        self.unfold(page)
        steps = entry.locator(".feed-steps")
        for step in ("Decisioncreatecreated", "WhatsAppPOST …/messages200", "Messagemessage 1accepted", "Webhooksent200", "Webhookdelivered200"):
            expect(steps).to_contain_text(step)
        story = entry.locator(".story")
        for text in ("user-agent: an-app/1", "authorization: Bearer …", f'"to": "+{PHONE}"', "HTTP 201", "ratelimit: ", f'"id": "{id}"'):
            expect(story).to_contain_text(text)
        self.assertNotIn(sandbox.key, page.content())

        # The next one is on top, and the open story stays open.
        self.assertEqual(sample(sandbox, "15550131026"), 500)
        expect(self.entries(page)).to_have_count(2)
        expect(self.entries(page).first.locator("summary")).to_contain_text("GET /otp/1555*****26")
        expect(self.entries(page).nth(1).locator(".story")).to_be_visible()
        expect(self.unfold(page).locator(".feed-steps")).to_contain_text("error 131026: ")
        # A page that is opened later shows the same.
        page.reload()
        expect(self.entries(page)).to_have_count(2)
        expect(self.entries(page).first.locator("summary")).to_contain_text("GET /otp/1555*****26")

    def test_copied_programs_repeat_the_request(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        id = create(sandbox, **{"Idempotency-Key": "one"})["id"]
        entry = self.unfold(page)
        for language in ("curl", "fetch", "Python"):
            program = self.copied(page, entry, language)
            self.assertNotIn(sandbox.key, program)
            status, body = run(language, program, OTP_KEY=sandbox.key)
            # The same Idempotency-Key, so it is not done again.
            self.assertEqual((status, json.loads(body)["id"]), (201, id), language)
            self.assertEqual(run(language, program, OTP_KEY="wrong")[0], 401, language)
        expect(page.locator("#messages > li")).to_have_count(1)

        self.assertEqual(sample(sandbox, "16315551234"), 200)
        entry = self.unfold(page)
        for language in ("curl", "fetch", "Python"):
            self.assertEqual(run(language, self.copied(page, entry, language)), (200, "OK"), language)

    def test_nothing_breaks_out_of_a_copied_program(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        evil = "'; touch /tmp/hit; $(touch /tmp/hit) `touch /tmp/hit` \\ \" ${x} \u2028 \u00fc \U0001f600 \n @/etc/passwd"
        for phone, body in ((PHONE, {"code": evil, evil: evil}), ("$(touch%20/tmp/hit)'%22[1-3]%7B", {"code": "1"})):
            with self.subTest(phone=phone):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    fetch(f"{sandbox.service}/otp/{phone}", "POST", body)
                expected = refused.exception.code, refused.exception.read().decode()
                refused.exception.close()
                expect(self.entries(page).first.locator("summary")).to_contain_text("POST /otp/")
                entry = self.unfold(page)
                for language in ("curl", "fetch", "Python"):
                    self.assertEqual(run(language, self.copied(page, entry, language)), expected, language)
        self.assertFalse(os.path.exists("/tmp/hit"))

    def test_the_feed_is_filtered_and_cleared(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        sample(sandbox, "15551234567")
        sample(sandbox, "15551234568")
        sample(sandbox, "15550131026")
        visible = page.locator("#feed .feed-list > li:visible")
        expect(visible).to_have_count(3)
        page.fill("#feed-text", " SEND_failed ")
        expect(visible).to_have_count(1)
        expect(visible).to_contain_text("1555*****26")
        page.fill("#feed-text", "15551234568")
        expect(visible).to_contain_text("1555*****68")
        page.fill("#feed-text", "")
        page.select_option("#feed-outcome", "good")
        expect(visible).to_have_count(2)
        page.select_option("#feed-outcome", "bad")
        expect(visible).to_have_count(1)
        page.fill("#feed-text", "nothing has this")
        expect(visible).to_have_count(0)
        expect(page.locator("#feed")).to_contain_text("No request matches the filter.")
        # A filter also applies to what comes later.
        sample(sandbox, "15551234569")
        page.fill("#feed-text", "15551234569")
        page.select_option("#feed-outcome", "")
        expect(visible).to_have_count(1)
        other = self.open(sandbox)
        expect(other.locator("#feed .feed-list > li")).to_have_count(4)
        page.click("#feed-clear")
        expect(page.locator("#feed-says")).to_have_text("Cleared.")
        for cleared in (page, other):
            expect(cleared.locator("#feed .feed-list > li")).to_have_count(0)
            expect(cleared.locator("#feed")).to_contain_text("Nothing yet.")

    def test_limits_are_named_and_reset(self):
        sandbox = self.start(Sandbox(limits__per_phone="1/1h"))
        page = self.open(sandbox)
        expect(page.locator("#feed")).to_contain_text("per_phone 1/1h, per_ip 300/1m")
        self.assertEqual([sample(sandbox), sample(sandbox)], [200, 429])
        expect(self.unfold(page)).to_contain_text("limits.per_phone, again in ")
        page.click("#reset-limits")
        expect(page.locator("#feed-says")).to_have_text("Limits reset.")
        self.assertEqual(sample(sandbox), 200)

    def test_a_request_under_way_is_shown_and_then_its_end(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        fetch(f"{sandbox.page}/orders", "POST", {"kind": "slow", "milliseconds": 1500, "times": 1})
        waiting = threading.Thread(target=sample, args=(sandbox,))
        waiting.start()
        summary = self.entries(page).first.locator("summary")
        expect(summary.locator(".feed-outcome")).to_have_text("…")
        expect(self.unfold(page)).to_contain_text("There is none yet.")
        expect(summary.locator(".feed-outcome")).to_have_text("sent")
        expect(self.entries(page).first).to_contain_text("HTTP 200")
        waiting.join()

    def test_a_simulator_alone_shows_the_calls_that_it_gets(self):
        simulator = self.start(Simulator())
        page = self.open(simulator)
        body = {
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": f"+{PHONE}", "type": "template",
            "template": {
                "name": "otp_login", "language": {"code": "en_US"},
                "components": [
                    {"type": "body", "parameters": [{"type": "text", "text": "482913"}]},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "482913"}]},
                ],
            },
        }
        fetch(f"{simulator.page}/v24.0/{simulator.sender}/messages", "POST", body, Authorization=f"Bearer {simulator.token}")
        summary = self.entries(page).first.locator("summary")
        for text in (f"POST /v24.0/{simulator.sender}/messages", "1555*****67", "accepted", "200"):
            expect(summary).to_contain_text(text)
        entry = self.unfold(page)
        expect(entry).to_contain_text('"message_status": "accepted"')
        expect(page.locator("#reset-limits")).to_have_count(0)
        for language in ("curl", "fetch", "Python"):
            status, answer = run(language, self.copied(page, entry, language), WHATSAPP_TOKEN=simulator.token)
            self.assertEqual((status, json.loads(answer)["messages"][0]["message_status"]), (200, "accepted"), language)

    def test_axe_finds_no_fault_and_nothing_is_too_wide(self):
        sandbox = self.start(Sandbox())
        create(sandbox)
        sample(sandbox, "15550131026")
        for scheme, width in (("light", 1280), ("dark", 320)):
            with self.subTest(scheme=scheme):
                page = self.open(sandbox, width, 800, color_scheme=scheme, reduced_motion="reduce")
                self.unfold(page, 0)
                self.unfold(page, 1)
                found = Axe().run(page).response["violations"]
                self.assertEqual([(f["id"], [node["html"] for node in f["nodes"]]) for f in found], [])
                self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                small = page.locator("#feed :is(button, select, input, summary):visible").evaluate_all(
                    "all => all.filter(one => Math.min(one.offsetHeight, one.offsetWidth) < 24).map(one => one.innerText)"
                )
                self.assertEqual(small, [])
                page.context.close()

    def test_the_feed_works_by_keyboard(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        create(sandbox)
        expect(self.entries(page)).to_have_count(1)
        page.locator("#feed-text").focus()
        reached = []
        for _ in range(14):
            page.keyboard.press("Tab")
            focused = page.evaluate("[document.activeElement.tagName, document.activeElement.innerText]")
            reached.append(focused[1] or focused[0])
            if focused[0] == "SUMMARY":
                page.keyboard.press("Enter")
                expect(self.entries(page).first.locator(".story")).to_be_visible()
            if focused[1] == "Copy as Python":
                page.keyboard.press("Enter")
                expect(page.locator("#feed-says")).to_have_text("Copied as Python.")
                # An update replaces the story, and the focus stays.
                fetch(f"{sandbox.page}/inbox/{PHONE}/read", "POST")
                expect(self.entries(page).first.locator(".feed-steps")).to_contain_text("Webhookread200")
                self.assertEqual(page.evaluate("document.activeElement.innerText"), "Copy as Python")
                return
        self.fail(f"Tab reached {reached}")


class LocalPages(BrowserTest):
    """Pages that are being developed on this machine may call the service."""

    def test_a_page_from_another_port_calls_both_apis(self):
        class Empty(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sandbox = self.start(Sandbox())
        context = self.browser.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        port = server.server_address[1]
        calls = """async ([service, key, phone]) => {
            const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json", "Idempotency-Key": phone };
            const created = await fetch(`${service}/v1/verifications`, { method: "POST", headers, body: JSON.stringify({ to: `+${phone}` }) });
            const sample = await fetch(`${service}/otp/16315551234`);
            return [created.status, (await created.json()).status, created.headers.get("ratelimit") !== null, sample.status, await sample.text()];
        }"""
        for index, host in enumerate(("localhost", "127.0.0.1")):
            page.goto(f"http://{host}:{port}/")
            answers = page.evaluate(calls, [sandbox.service, sandbox.key, f"1555123456{index}"])
            self.assertEqual(answers, [201, "pending", True, 200, "OK"], host)


if __name__ == "__main__":
    unittest.main()
