"""The documents show the code that the tests run."""

import pathlib
import unittest

HERE = pathlib.Path(__file__).parent
PROOFS = HERE.parent.parent / "docs" / "proofs.md"


class Documents(unittest.TestCase):
    def test_every_verifier_is_in_the_documents(self):
        text = PROOFS.read_text()
        verifiers = sorted((HERE / "verifiers").glob("with_*"))
        self.assertEqual(len(verifiers), 3)
        for verifier in verifiers:
            language = {".py": "python", ".mjs": "js"}[verifier.suffix]
            self.assertIn(f"```{language}\n{verifier.read_text()}```\n", text, f"docs/proofs.md does not show {verifier.name}")


if __name__ == "__main__":
    unittest.main()
