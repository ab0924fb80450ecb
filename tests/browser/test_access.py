"""Accessibility: by keyboard alone, on any screen, in light and dark, with a screen reader."""

import itertools
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox

DESKTOP, LAPTOP, TABLET, PHONE_SCREEN, SMALLEST = (1280, 900), (1366, 650), (768, 1024), (390, 844), (320, 640)


class Access(BrowserTest):
    def setUp(self):
        # Each part of a test has its own phones, as WhatsApp limits the messages to one phone.
        self.numbers = (f"1555123{last}" for last in itertools.count(1000))

    def states(self, page):
        """Brings the page into one state after the other, and yields its name."""
        yield "number"
        self.send_code(page, next(self.numbers))
        self.step_is(page, "code")
        code = self.code_on_phone(page)
        yield "code"
        self.type_code(page, self.wrong(code))
        expect(page.locator("#code-says")).not_to_be_empty()
        yield "wrong code"
        self.type_code(page, code)
        self.step_is(page, "done")
        yield "done"
        page.click("#tab-events")
        yield "events"
        page.click("#tab-record")
        yield "record"
        page.click("#tab-answer")
        page.click("#chips button:text-is('Not on WhatsApp')")
        expect(page.locator("#pending li")).to_have_count(1)
        yield "ordered"
        self.send_code(page, next(self.numbers))
        self.step_is(page, "failed")
        yield "failed"

    def test_axe_finds_no_fault(self):
        sandbox = self.start(Sandbox(limits__per_ip="off"))
        for scheme, (width, height) in (("light", DESKTOP), ("dark", DESKTOP), ("light", SMALLEST), ("dark", SMALLEST)):
            page = self.open(sandbox, width, height, color_scheme=scheme, reduced_motion="reduce")
            for state in self.states(page):
                with self.subTest(scheme=scheme, width=width, state=state):
                    found = Axe().run(page).response["violations"]
                    faults = [(f["id"], f["impact"], [node["html"] for node in f["nodes"]]) for f in found]
                    self.assertEqual(faults, [])
            page.context.close()

    def test_nothing_is_wider_than_the_screen_and_all_can_be_tapped(self):
        sandbox = self.start(Sandbox(limits__per_ip="off"))
        for width, height in (SMALLEST, TABLET, LAPTOP):
            page = self.open(sandbox, width, height)
            for state in self.states(page):
                with self.subTest(width=width, state=state):
                    self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    # Large enough to tap (WCAG 2.2, 2.5.8). All are measured at once, as the page goes on changing.
                    sizes = page.locator("button:visible, select:visible, summary:visible").evaluate_all(
                        "all => all.map(one => [one.innerText, one.getBoundingClientRect()])"
                        ".map(([text, box]) => [text, Math.min(box.width, box.height)])"
                    )
                    self.assertGreater(len(sizes), 5)
                    self.assertEqual([(text, size) for text, size in sizes if size < 24], [])
            page.context.close()

    def test_a_code_is_verified_on_a_narrow_screen_without_scrolling(self):
        page = self.open(self.start(Sandbox()), *PHONE_SCREEN, has_touch=True, is_mobile=True)
        page.tap("#send")
        notification = page.locator("#notification")
        expect(notification).to_be_in_viewport(ratio=1)
        notification.tap()
        expect(page.locator("#code")).to_be_focused()
        page.keyboard.press("Control+V")
        expect(page.locator("#done")).to_be_in_viewport(ratio=1)
        # What was earned comes before the phone.
        backend, phone = (page.locator(one).bounding_box()["y"] for one in ("#backend", "#phone"))
        self.assertLess(backend, phone)
        expect(page.locator(".top")).to_be_in_viewport()

    def tab_to(self, page, selector):
        """Presses Tab until the element has the focus, and asserts that the focus is visible."""
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                outline = page.evaluate("""() => {
                    const focused = document.activeElement;
                    const shown = focused.id === 'code' ? document.querySelector('[data-next]') : focused;
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
        self.tab_to(page, "#send")
        page.keyboard.press("Space")
        self.answer_is(page, 201, "pending")
        # The focus is in the field of the code.
        page.keyboard.type("000000")
        self.answer_is(page, 422, "The code is wrong")
        self.tab_to(page, "#messages button")
        page.keyboard.press("Enter")
        expect(page.locator("#phone-says")).to_contain_text("copied")
        expect(page.locator("#code")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        self.tab_to(page, "#code")
        self.tab_to(page, "#button-kind")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#phone-says")).to_have_text("One-tap button: from the next message on.")
        self.tab_to(page, "#tab-answer")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#events")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#record")).to_be_visible()
        page.keyboard.press("ArrowRight")
        self.tab_to(page, "#api")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#api")).to_have_value("sample")
        page.keyboard.press("ArrowUp")
        expect(page.locator("#api")).to_have_value("v1")
        self.tab_to(page, "#copy-curl")
        page.keyboard.press("Enter")
        expect(page.locator("#call-says")).to_contain_text("copied")
        self.tab_to(page, "#chips button")
        page.keyboard.press("Enter")
        expect(page.locator("#pending li")).to_have_count(1)
        self.tab_to(page, "#clear-orders")
        page.keyboard.press("Enter")
        expect(page.locator("#waiting")).to_be_hidden()
        self.tab_to(page, "#failure")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#pending li")).to_have_count(1)
        self.tab_to(page, "#account")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#account")).to_have_value("locked")

    def test_what_happens_is_announced(self):
        page = self.open(self.start(Sandbox()))
        for region in ("#number-says", "#code-says", "#stopped-says", "#connection", "#phone-says", "#waiting", "#call-says"):
            self.assertEqual(page.locator(region).get_attribute("role"), "status", region)
        self.assertEqual(page.locator("#chat").get_attribute("role"), "log")
        levels = [int(level) for level in page.eval_on_selector_all("h1, h2, h3", "all => all.map(h => h.tagName[1])")]
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels)
        expect(page.locator(".progress [aria-current=step]")).to_have_text("Number")
        self.send_code(page)
        expect(page.locator(".progress [aria-current=step]")).to_have_text("Code")

    def test_reduced_motion_is_respected(self):
        page = self.open(self.start(Sandbox()), reduced_motion="reduce")
        self.send_code(page)
        self.code_on_phone(page)
        for one in ("#messages .bubble", "#notification", "#code-form"):
            animation = page.locator(one).evaluate("one => getComputedStyle(one).animationName")
            self.assertEqual(animation, "none", one)


if __name__ == "__main__":
    unittest.main()
