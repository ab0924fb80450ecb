"""A browser for each module, and a page for each test, which fails if the page misbehaves."""

import json
import unittest
import urllib.request
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",  # tests may run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]
# Reports violations of the Content-Security-Policy as errors of the page.
TELL_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"

PHONE = "15551234567"

expect.set_options(timeout=15_000)


def fetch(url, method="GET", body=None, **headers):
    """The text of the answer to a request by the test itself."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=15) as response:
        return response.read().decode()


def call(method, url, body=None):
    """The JSON of an answer, if it has a body."""
    text = fetch(url, method, body)
    return json.loads(text) if text else None


def shown(phone):
    """A North American number as the page writes it."""
    return f"+1 {phone[1:4]} {phone[4:7]} {phone[7:]}"


class BrowserTest(unittest.TestCase):
    """Opens pages, and asserts of each that it has no errors, violates no policy and calls no other host."""

    # The API that the form uses, `v1` or `sample`.
    api = "v1"

    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        cls.addClassCleanup(cls.browser.close)

    def start(self, program):
        self.addCleanup(program.stop)
        return program

    def open(self, program, width=1280, height=900, **context):
        """Opens the page of a running program, and waits until it is live."""
        context.setdefault("locale", "en-US")
        context.setdefault("permissions", ["clipboard-read", "clipboard-write"])
        # A test that breaks the rules on purpose lists the answers that the browser reports as errors.
        self.complaints, self.called, self.expected_complaints = [], set(), []
        context = self.browser.new_context(viewport={"width": width, "height": height}, **context)
        self.addCleanup(context.close)
        context.add_init_script(TELL_VIOLATIONS)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.called.add(f"{urlsplit(request.url).scheme}://{urlsplit(request.url).netloc}"))
        self.addCleanup(self._judge, program)
        page.goto(program.page)
        expect(page.locator("#connection")).to_have_text("Live")
        if page.locator("#forms").is_visible():
            self.choose_api(page, self.api)
        return page

    def _listen(self, message):
        # The browser reports every answer from 400 up as an error; the service's answers are under test.
        answered = message.text.startswith("Failed to load resource: the server responded") and any(
            path in message.location["url"] for path in ("/otp/", "/v1/")
        )
        if message.type in ("error", "warning") and not answered:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _judge(self, program):
        mine = {program.page, getattr(program, "service", program.page)}
        self.assertEqual(self.called - mine, set(), "another host was called")
        complaints = [c for c in self.complaints if not any(expected in c for expected in self.expected_complaints)]
        self.assertEqual(complaints, [])

    # Actions and assertions of the tests.

    def choose_api(self, page, api):
        page.select_option("#api", api)

    def send_code(self, page, phone=PHONE):
        """Goes back to the number, and sends a code to it."""
        for way in ("#change", "#start-over", "#other-number", "#go-on"):
            if page.locator(way).is_visible():
                page.click(way)
                break
        page.fill("#number", f"+{phone}")
        page.click("#send")

    def step_is(self, page, step):
        """`number`, `code`, `done`, `locked`, `expired` or `failed`."""
        expect(page.locator("#sign-in")).to_have_attribute("data-state", step)

    def answer_is(self, page, status, line):
        expect(page.locator("#answer .status")).to_have_text(str(status))
        expect(page.locator("#answer .answer-body")).to_have_text(line)

    def chat_is_of(self, page, phone):
        expect(page.locator("#chat-number")).to_have_text(f"to {shown(phone)}")

    def code_on_phone(self, page, messages=1):
        """The code of the latest message on the screen, once there are that many."""
        expect(page.locator("#messages .bubble")).to_have_count(messages)
        return page.locator("#messages .bubble strong").last.text_content()

    def type_code(self, page, code):
        page.focus("#code")
        page.keyboard.type(code)

    def wrong(self, code, guess=0):
        """A code without a single digit of the right one. Another `guess` is another code."""
        return "".join(str((int(digit) + 1 + guess) % 10) for digit in code)
