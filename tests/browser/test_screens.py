"""Every state of the form on a laptop and on a phone, in light and dark, and pictures of them.

With `SCREENSHOTS=FOLDER` the pictures are written there. With `UPDATE=1` the README's picture is written.
"""

import itertools
import os
import pathlib
import unittest

from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox

FOLDER = os.environ.get("SCREENSHOTS")
UPDATE = os.environ.get("UPDATE") == "1"
README_PICTURE = pathlib.Path(__file__).parents[2] / "docs/images/sandbox.png"
LARGEST = 200_000

LAPTOP, PHONE_SCREEN = (1366, 650), (390, 844)
MINUTE = 60_000


class Screens(BrowserTest):
    def setUp(self):
        self.numbers = (f"1555123{last}" for last in itertools.count(4567))

    def open_with_clock(self, sandbox, size, scheme, **context):
        page = self.open(sandbox, *size, color_scheme=scheme, **context)
        page.clock.install()
        page.reload()
        expect(page.locator("#connection")).to_have_text("Live")
        return page

    def states(self, page):
        """Brings the page into one state after the other, and yields its name."""
        self.step_is(page, "number")
        yield "number"
        self.send_code(page, next(self.numbers))
        expect(page.locator("#notification")).to_be_visible()
        yield "arrived"
        code = self.code_on_phone(page)
        page.clock.fast_forward(12_500)
        yield "code"
        self.type_code(page, self.wrong(code))
        expect(page.locator("#code-says")).to_have_text("That is not the code.")
        yield "wrong-code"
        self.type_code(page, code)
        self.step_is(page, "done")
        yield "done"
        self.send_code(page, next(self.numbers))
        code = self.code_on_phone(page)
        for guess in range(3):
            expect(page.locator("#verify")).to_have_attribute("aria-disabled", "false")
            self.type_code(page, self.wrong(code, guess))
        self.step_is(page, "locked")
        yield "locked"
        page.click("#other-number")
        page.click("#chips button:text-is('Not on WhatsApp')")
        expect(page.locator("#pending li")).to_have_count(1)
        self.send_code(page, next(self.numbers))
        self.step_is(page, "failed")
        yield "failed"
        # From here on the page's clock is ahead of the service's.
        self.send_code(page, next(self.numbers))
        self.step_is(page, "code")
        page.clock.fast_forward(5 * MINUTE)
        self.step_is(page, "expired")
        yield "expired"

    def test_every_state_is_whole_in_the_first_screen(self):
        sandbox = self.start(Sandbox(limits__per_ip="off"))
        schemes = ("light", "dark") if FOLDER else ("light",)
        for scheme, size in itertools.product(schemes, (LAPTOP, PHONE_SCREEN)):
            page = self.open_with_clock(sandbox, size, scheme)
            for state in self.states(page):
                with self.subTest(scheme=scheme, size=size, state=state):
                    # The driver scrolls before it clicks on what still moves.
                    page.evaluate("scrollTo(0, 0)")
                    shown = page.locator(".step:visible")
                    expect(shown).to_have_count(1)
                    expect(shown).to_be_in_viewport(ratio=1)
                    # One way on stands out.
                    expect(shown.locator(".primary")).to_have_count(1)
                    if FOLDER:
                        # Not in the middle of an animation.
                        page.evaluate("Promise.all(document.getAnimations().filter(one => one.effect.getTiming().iterations === 1).map(one => one.finished))")
                        page.screenshot(path=f"{FOLDER}/{state}-{size[0]}x{size[1]}-{scheme}.png")
            page.context.close()

    def test_the_picture_of_the_readme_is_small(self):
        if UPDATE:
            # The ports of the README.
            sandbox = self.start(Sandbox(server__listen="127.0.0.1:3000"))
            page = self.open_with_clock(sandbox, LAPTOP, "light", reduced_motion="reduce")
            for state in self.states(page):
                if state == "done":
                    page.mouse.move(0, 0)
                    page.screenshot(path=README_PICTURE)
                    break
        picture = README_PICTURE.read_bytes()
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        self.assertLessEqual(len(picture), LARGEST)


if __name__ == "__main__":
    unittest.main()
