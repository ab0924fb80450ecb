"""Accessibility: by keyboard alone, on any screen, in light and dark, with a screen reader."""

import itertools
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox

DESKTOP, PHONE_SCREEN, SMALLEST = (1280, 900), (390, 844), (320, 640)


class Access(BrowserTest):
    def setUp(self):
        self.numbers = (f"1555123{last}" for last in itertools.count(1000))

    def use_everything(self, page):
        """Fills every part of the page, with its own phones, as WhatsApp limits messages to one phone."""
        page.select_option("#order-kind", "undelivered")
        page.click("#order-form button[type=submit]")
        expect(page.locator("#pending li")).to_contain_text("Never delivered")
        for _ in range(3):
            number = next(self.numbers)
            self.send_code(page, number)
            expect(page.locator("#chat-number")).to_have_text(f"to +{number}")
            self.answer_is(page, 201, "pending")
        if not page.locator("#document-json").is_visible():
            page.click("#document-title")
        self.type_code(page, "000000")
        self.answer_is(page, 422, "The code is wrong")
        page.select_option("#order-kind", "error")
        page.click("#order-form button[type=submit]")
        expect(page.locator("#pending li")).to_contain_text("131026")
        expect(page.locator(".time-left")).to_contain_text(" s")

    def sign_in(self, page):
        """Shows a proof."""
        self.type_code(page, self.code_on_phone(page))
        self.answer_is(page, 200, "approved")
        expect(page.locator("#proof")).to_contain_text("phone_number_verified")

    def clear(self, page):
        page.click("#clear-orders")
        expect(page.locator("#pending")).to_have_text("No orders.")

    def test_axe_finds_no_fault(self):
        sandbox = self.start(Sandbox(limits__per_ip="off"))
        for scheme in ("light", "dark"):
            for width, height in (DESKTOP, SMALLEST):
                with self.subTest(scheme=scheme, width=width):
                    page = self.open(sandbox, width, height, color_scheme=scheme, reduced_motion="reduce")
                    for state in ("as it opens", "in use", "signed in"):
                        if state == "in use":
                            self.use_everything(page)
                        if state == "signed in":
                            self.sign_in(page)
                        found = Axe().run(page).response["violations"]
                        faults = [(f["id"], f["impact"], [node["html"] for node in f["nodes"]]) for f in found]
                        self.assertEqual(faults, [], state)
                    self.clear(page)
                    page.context.close()

    def test_nothing_is_wider_than_the_screen(self):
        sandbox = self.start(Sandbox(limits__per_ip="off"))
        for width, height in (SMALLEST, (768, 1024), DESKTOP):
            page = self.open(sandbox, width, height)
            self.use_everything(page)
            self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), width)
            self.sign_in(page)
            self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), width)
            # Large enough to tap (WCAG 2.2, 2.5.8).
            # All are measured at once, as the page goes on changing.
            sizes = page.locator("button:visible, select:visible, summary:visible").evaluate_all(
                "all => all.map(one => [one.innerText, one.getBoundingClientRect()])"
                ".map(([text, box]) => [text, Math.min(box.width, box.height)])"
            )
            self.assertGreater(len(sizes), 5)
            for text, size in sizes:
                self.assertGreaterEqual(size, 24, text)
            self.clear(page)
            page.context.close()

    def test_a_code_is_verified_on_a_narrow_screen(self):
        page = self.open(self.start(Sandbox()), *PHONE_SCREEN, has_touch=True, is_mobile=True)
        page.tap("#send")
        self.answer_is(page, 201, "pending")
        page.tap("#answer a")
        expect(page.locator("#phone-title")).to_be_in_viewport()
        page.tap("#messages button")
        self.boxes(page).first.tap()
        page.keyboard.press("Control+V")
        expect(page.locator("#answer")).to_contain_text("it works once")
        expect(page.locator("#answer-text")).to_be_in_viewport()
        expect(page.locator(".banner")).to_be_in_viewport()

    def tab_to(self, page, selector):
        """Presses Tab until the element has the focus, and asserts that the focus is visible."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                outline = page.evaluate("""() => {
                    const focused = document.activeElement;
                    const shown = focused.matches('.pills input') ? focused.nextElementSibling : focused;
                    return getComputedStyle(shown).outlineStyle;
                }""")
                self.assertNotEqual(outline, "none", selector)
                return
        self.fail(f"Tab never reaches {selector}")

    def test_everything_works_by_keyboard_alone(self):
        page = self.open(self.start(Sandbox()))
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.keyboard.press("Enter")
        self.tab_to(page, "#apis input")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#api-hint")).to_contain_text("sample server")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#api-v1")).to_be_checked()
        self.tab_to(page, "#send")
        page.keyboard.press("Space")
        self.answer_is(page, 201, "pending")
        # The focus is in the code's first box.
        page.keyboard.type("000000")
        self.answer_is(page, 422, "The code is wrong")
        self.tab_to(page, "#document summary")
        page.keyboard.press("Enter")
        expect(page.locator("#document-json")).to_be_hidden()
        page.keyboard.press("Enter")
        self.tab_to(page, "#read")
        page.keyboard.press("Enter")
        self.answer_is(page, 200, "pending")
        expect(page.locator("#read")).to_be_focused()
        self.tab_to(page, "#messages button")
        page.keyboard.press("Enter")
        expect(page.locator("#phone-says")).to_contain_text("copied")
        self.tab_to(page, "#order-kind")
        page.keyboard.press("End")
        expect(page.locator("#order-kind")).to_have_value("undelivered")
        self.tab_to(page, "#order-form button")
        page.keyboard.press("Enter")
        expect(page.locator("#pending li")).to_contain_text("Never delivered")
        self.tab_to(page, "#clear-orders")
        page.keyboard.press("Enter")
        expect(page.locator("#pending")).to_have_text("No orders.")
        self.tab_to(page, "#exchanges summary")
        page.keyboard.press("Enter")
        expect(page.locator("#exchanges details").first).not_to_have_attribute("open", "")
        page.keyboard.press("Enter")
        self.tab_to(page, ".command button")
        page.keyboard.press("Enter")
        expect(page.locator("#exchange-says")).to_contain_text("copied")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        self.tab_to(page, "#kinds input")
        page.keyboard.press("ArrowRight")
        expect(page.locator("input[value=one_tap]")).to_be_checked()
        expect(page.locator("#phone-says")).to_have_text("One-tap from the next message on.")

    def test_events_are_announced(self):
        page = self.open(self.start(Sandbox()))
        for region in ("#answer-text", "#connection", "#phone-says", "#order-says", "#exchange-says"):
            self.assertEqual(page.locator(region).get_attribute("role"), "status", region)
        self.assertEqual(page.locator("#chat").get_attribute("role"), "log")
        levels = [int(level) for level in page.eval_on_selector_all("h1, h2, h3", "all => all.map(h => h.tagName[1])")]
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels)

    def test_reduced_motion_is_respected(self):
        page = self.open(self.start(Sandbox()), reduced_motion="reduce")
        self.send_code(page)
        animation = page.locator("#messages .bubble").evaluate("bubble => getComputedStyle(bubble).animationName")
        self.assertEqual(animation, "none")


if __name__ == "__main__":
    unittest.main()
