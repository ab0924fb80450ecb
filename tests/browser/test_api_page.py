"""The page that shows the API, and the pages of problems."""

import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import BrowserTest
from programs import Sandbox


class ApiPage(BrowserTest):
    def test_the_api_is_shown_without_any_other_host(self):
        sandbox = self.start(Sandbox())
        page = self.open(sandbox)
        page.goto(f"{sandbox.service}/docs")
        expect(page.locator(".opblock")).to_have_count(8)
        page.click("#operations-verifications-createVerification .opblock-summary-control")
        expect(page.locator(".opblock-body")).to_contain_text("invalid_phone_number")

    def test_a_problem_has_a_page_without_faults(self):
        sandbox = self.start(Sandbox())
        for scheme in ("light", "dark"):
            page = self.open(sandbox, width=320, height=640, color_scheme=scheme)
            page.goto(f"{sandbox.service}/problems/code_incorrect")
            expect(page.locator("h1")).to_have_text("The code is wrong")
            self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
            found = Axe().run(page).response["violations"]
            self.assertEqual([(f["id"], [node["html"] for node in f["nodes"]]) for f in found], [])
            page.context.close()


if __name__ == "__main__":
    unittest.main()
