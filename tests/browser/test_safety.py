"""Outside text stays text."""

import base64
import http.server
import json
import threading
import unittest

from playwright.sync_api import expect

from browser import PHONE, BrowserTest, call, fetch
from programs import Sandbox, Simulator

SCRIPT = "<script>window.hit=1</script>"
IMAGE = '"><img src=x onerror="window.hit=1">'
EVIL = SCRIPT + IMAGE + "'`${window.hit=1}"


class EvilService(http.server.BaseHTTPRequestHandler):
    """A service whose every answer is an attack."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = EVIL.encode()
        self.send_response(401)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Expose-Headers", "*")
        self.send_header("Content-Type", "text/html")
        self.send_header("X-Request-Id", IMAGE)
        self.send_header("Retry-After", IMAGE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def do_OPTIONS(self):
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Headers", "x-request-id, content-type, authorization, idempotency-key")
        self.end_headers()

    def log_message(self, *_):
        pass


def evil_proof():
    """A token of attacks, in the shape of a proof."""
    parts = {"alg": EVIL, "kid": EVIL}, {"iss": EVIL, EVIL: EVIL, "iat": EVIL, "exp": 1e300, "amr": [EVIL], "test": EVIL}
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


class EvilApi(EvilService):
    """A verification API whose every text is an attack."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, document = self.server.next
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Expose-Headers", "*")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer


def answering(lie):
    return lambda route: route.fulfill(json=lie)


class Safety(BrowserTest):
    api = "sample"

    def nothing_ran(self, page):
        self.assertIsNone(page.evaluate("window.hit ?? null"))
        self.assertEqual(page.locator("img").count(), 0)
        self.assertEqual(page.locator("script").count(), 1)

    def test_markup_in_a_message_is_shown_as_text(self):
        simulator = self.start(Simulator())
        page = self.open(simulator)
        send = lambda template, parameters, button: fetch(
            f"{simulator.page}/v24.0/{simulator.sender}/messages",
            "POST",
            {
                "messaging_product": "whatsapp",
                "to": "+16315551234",
                "type": "template",
                "biz_opaque_callback_data": EVIL,
                "template": {
                    "name": template,
                    "language": {"code": "en_US", "policy": "deterministic"},
                    "components": [{"type": "body", "parameters": [{"type": "text", "text": p} for p in parameters]}] + button,
                },
            },
            Authorization=f"Bearer {simulator.token}",
        )
        short = "<img src=x>"
        button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": short}]}
        send("otp_login", [short], [button])
        send("order_shipped", [SCRIPT, IMAGE], [])
        bubbles = page.locator("#messages .bubble-body")
        expect(bubbles.nth(0)).to_contain_text(short)
        expect(bubbles.nth(1)).to_contain_text(SCRIPT)
        expect(bubbles.nth(1)).to_contain_text(IMAGE)
        self.nothing_ran(page)

    def open_with(self, service):
        """Opens the page with a malicious service; returns both."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), service)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        service = f"http://127.0.0.1:{server.server_port}"
        simulator = self.start(Simulator("--service", service))
        simulator.service = service
        page = self.open(simulator)
        fetch(f"{simulator.page}/v24.0/300000000000001", Authorization=f"Bearer {simulator.token}")
        expect(page.locator("#forms")).to_be_visible()
        return server, page

    def test_markup_in_a_verification_is_shown_as_text(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        self.choose_api(page, "v1")
        body = {"to": f"+{PHONE}", "reference": SCRIPT, "metadata": {"image": IMAGE, SCRIPT: "x"}}
        fetch(f"{sandbox.service}/v1/verifications", "POST", body, Authorization=f"Bearer {sandbox.key}")
        self.send_code(page)
        self.answer_is(page, 200, "pending")
        document = json.loads(page.locator("#document-json").text_content())
        self.assertEqual((document["reference"], document["metadata"]), (SCRIPT, body["metadata"]))
        self.nothing_ran(page)

    def test_a_malicious_verification_api_cannot_run_code(self):
        server, page = self.open_with(EvilApi)
        self.choose_api(page, "v1")
        page.fill("#api-key", "any")
        verification = {
            "id": f"../{EVIL}", "status": EVIL, "to": EVIL, "resend_at": EVIL, "code_length": EVIL, "proof": evil_proof(),
            "metadata": {EVIL: EVIL}, "deliveries": [{EVIL: [EVIL]}], EVIL: None,
        }
        server.next = 201, verification
        page.click("#send")
        self.answer_is(page, 201, EVIL)
        expect(page.locator("#document-json")).to_contain_text("<script>")
        expect(page.locator("#proof-body")).to_contain_text("<script>")
        self.nothing_ran(page)
        server.next = 400, {"title": EVIL, "detail": EVIL, "code": EVIL, "type": "javascript:window.hit=1"}
        self.type_code(page, "123456")
        self.answer_is(page, 400, EVIL)
        expect(page.locator("#answer .answer-meaning")).to_have_text(EVIL)
        expect(page.locator("#answer .answer-code code")).to_have_text(EVIL)
        self.assertTrue(page.locator("#answer-text a").evaluate("link => link.href").startswith(f"http://127.0.0.1:{server.server_port}/problems/%3C"))
        self.nothing_ran(page)
        # Answers in an unexpected shape.
        nested = []
        for _ in range(900):
            nested = [nested]
        page.click("#change")
        for document in ([EVIL], EVIL, None, {"deep": nested}, {"proof": "."}, {"proof": f"{EVIL}.W10.x"}, {"id": 5, "status": []}):
            server.next = 201, document
            page.click("#send")
            expect(page.locator("#answer .status")).to_have_text("201")
            if page.locator("#change").is_visible():
                page.click("#change")
            expect(page.locator("#send")).to_have_text("Send code")
        self.nothing_ran(page)

    def test_a_malicious_service_cannot_run_code(self):
        _, page = self.open_with(EvilService)
        page.click("#send")
        self.answer_is(page, 401, EVIL)
        expect(page.locator("#number-says")).not_to_be_empty()
        self.nothing_ran(page)

    def test_typed_text_stays_text(self):
        page = self.open(self.start(Sandbox()))
        page.fill("#number", f"+{SCRIPT}")
        page.click("#send")
        self.answer_is(page, 400, "Invalid phone number.")
        expect(page.locator("#call-line")).to_contain_text("GET /otp/%3Cscript")
        self.nothing_ran(page)

    def test_even_a_malicious_simulator_cannot_run_code(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        genuine = call("GET", f"{sandbox.page}/page/settings.json")
        message = {
            "id": EVIL, "to": f"+{EVIL}", "status": "delivered", "code": EVIL, "template": EVIL, "language": EVIL,
            "button": "copy_code", "button_text": EVIL, "autofill_text": EVIL, "body": f"*{EVIL}* {EVIL}", "footer": EVIL,
            "code_expiration_minutes": 5, "biz_opaque_callback_data": EVIL, "received_at": "2026-11-22T15:00:00.000Z",
        }
        failed = {**message, "id": "2", "status": "failed", "failure": {"code": EVIL, "title": EVIL}}
        tapped = {**message, "id": "3", "button": "one_tap"}
        lies = {
            "**/page/settings.json": {**genuine, "business": {"name": EVIL, "phone": EVIL}, "limits": [{"name": EVIL, "value": EVIL}]},
            "**/inbox?limit=*": [tapped, failed, message],
            "**/orders": [{"kind": "error", "code": EVIL, "to": EVIL, "times": EVIL}, {"kind": EVIL, "times": 1}],
            "**/orders/errors": [{"code": EVIL, "http": 400, "title": EVIL}],
            "**/page/record/*": {
                "phone": EVIL, "limits": [{"name": EVIL, "count": EVIL, "retry_after_ms": 5}],
                "code": {"digest": EVIL, "attempts": 1, "max_attempts": 3, "expires_in_ms": 60_000},
            },
            "**/feed": [{
                "number": 1, "changes": 1, "about": "request", "at": "2026-11-22T15:00:00.000Z", "method": EVIL, "path": EVIL,
                "shown": EVIL, "status": 200, "took_ms": 1, "outcome": EVIL, "reason": EVIL, "phone": EVIL, "key": EVIL, "app": EVIL,
                "id": EVIL, "verification": EVIL, "request": {"headers": [["content-type", EVIL], [EVIL, EVIL]], "body": EVIL, "is_cut": False},
                "response": {"headers": [[EVIL, EVIL]], "body": EVIL, "is_cut": False},
                "steps": [{"kind": EVIL, "name": EVIL, "outcome": EVIL, "detail": EVIL, "is_good": False, "took_ms": 1}],
            }],
        }
        for pattern, lie in lies.items():
            page.route(pattern, answering(lie))
        page.reload()
        page.click("#feed summary")
        page.locator("#feed").get_by_role("button", name="Copy as Python").click()
        for place in ("#feed .story", "#feed .feed-snippet", "#business-name", "#chat-number", "#messages", "#pending", "#failure", "#record-body"):
            expect(page.locator(place)).to_contain_text(SCRIPT)
        self.nothing_ran(page)

    def test_scripts_cannot_turn_text_into_markup(self):
        page = self.open(self.start(Sandbox()))
        made = "() => { try { document.body.innerHTML = '<b>x</b>'; return 'made' } catch (error) { return error.name } }"
        self.assertEqual(page.evaluate(made), "TypeError")
        self.expected_complaints += ["TrustedHTML", "require-trusted-types-for"]


if __name__ == "__main__":
    unittest.main()
