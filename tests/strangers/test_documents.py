"""The documents show the code that the tests run."""

import pathlib
import re
import unittest

import service

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
PROOFS = ROOT / "docs" / "proofs.md"
INTEGRATE = ROOT / "docs" / "integrate.md"
EXAMPLES = {
    "node-express/server.js": "js",
    "python-fastapi/server.py": "python",
    "rust-axum/src/main.rs": "rust",
    "web-client-key/proof.js": "js",
}


class Documents(unittest.TestCase):
    def test_every_verifier_is_in_the_documents(self):
        text = PROOFS.read_text()
        verifiers = sorted((HERE / "verifiers").glob("with_*"))
        self.assertEqual(len(verifiers), 3)
        for verifier in verifiers:
            language = {".py": "python", ".mjs": "js"}[verifier.suffix]
            self.assertIn(f"```{language}\n{verifier.read_text()}```\n", text, f"docs/proofs.md does not show {verifier.name}")

    def test_all_code_is_that_of_an_example(self):
        sources = {name: (ROOT / "examples" / name).read_text() for name in EXAMPLES}
        shown = set()
        for language, code in re.findall(r"```(js|python|rust)\n(.*?)```\n", INTEGRATE.read_text(), re.DOTALL):
            holders = [name for name, source in sources.items() if code in source and EXAMPLES[name] == language]
            self.assertTrue(holders, f"not in examples: {code}")
            shown.update(holders)
        self.assertEqual(shown, set(EXAMPLES))

    def test_every_code_of_a_problem_is_explained(self):
        table = INTEGRATE.read_text().split("## Errors and repetitions")[1].split("## ")[0]
        ours = {"not_found", "method_not_allowed", "request_timeout", "content_too_large", "unsupported_media_type"}
        pages = {page.stem for page in (ROOT / "src" / "http" / "v1" / "problems").glob("*.md")}
        self.assertEqual(set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))) - {"code"}, pages - ours)

    def test_each_test_number_does_what_its_row_says(self):
        rows = re.findall(r"^\| (\+1 555 555 01\d\d) \| (.*) \|$", INTEGRATE.read_text(), re.MULTILINE)
        self.assertEqual(len(rows), 8)
        for number, row in rows:
            with self.subTest(number):
                status, answer = service.call("POST", "/v1/verifications", {"to": number.replace(" ", "")}, "test")
                refused = re.search(r"`(send_failed|too_many_sends|unavailable)`", row)
                if refused:
                    self.assertEqual(answer["code"], refused[1])
                    continue
                self.assertEqual(status, 201, answer)
                path = f"/v1/verifications/{answer['id']}"
                status, shown = service.call("GET", path, key="test")
                delivery = {"delivered": "delivered", "never": "accepted", "undeliverable": "failed", "unclear": "unclear"}
                expected = next((delivery[word] for word in ("never", "undeliverable", "unclear") if word in row), "delivered")
                self.assertEqual(shown["deliveries"][0]["status"], expected)
                status, checked = service.call("POST", path + "/check", {"code": "123456"}, "test")
                if "verification_expired" in row:
                    self.assertEqual(checked["code"], "verification_expired")
                else:
                    self.assertEqual((status, checked["test"]), (200, True))


if __name__ == "__main__":
    unittest.main()
