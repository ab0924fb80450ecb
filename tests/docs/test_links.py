"""Links lead somewhere, and every document is linked."""

import os
import re
import unittest
from urllib.parse import urlsplit

from documents import ROOT, documents

EXTERNAL = re.compile(r"https://[\w.-]+\.\w+(/\S*)?|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?|mailto:\S+@\S+")


def target_of(document, link):
    """Returns the file that a relative link leads to."""
    return (document.path.parent / urlsplit(link).path) if urlsplit(link).path else document.path


class Links(unittest.TestCase):
    def test_links_lead_to_files_and_headings(self):
        faults = []
        for document in documents().values():
            for place, link in document.links:
                if urlsplit(link).scheme:
                    if not EXTERNAL.fullmatch(link):
                        faults.append(f"{place}: {link} is not the address of a public page")
                    continue
                target = target_of(document, link).resolve()
                name, anchor = os.path.relpath(target, ROOT), urlsplit(link).fragment
                if not target.exists():
                    faults.append(f"{place}: {link}: there is no {name}")
                elif anchor and anchor not in (documents()[name].anchors if name in documents() else ()):
                    faults.append(f"{place}: {link}: {name} has no such heading")
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_the_readme_and_the_site_lead_to_every_document(self):
        readme = documents()["README.md"]
        linked = {os.path.relpath(target_of(readme, link).resolve(), ROOT) for _, link in readme.links if not urlsplit(link).scheme}
        missing = {name for name in documents() if name.startswith("docs/")} - linked
        self.assertFalse(missing, "the README does not link them")
        summary = (ROOT / "docs" / "SUMMARY.md").read_text()
        missing = {name for name in documents() if name.startswith("docs/") and f"({name[5:]})" not in summary}
        self.assertFalse(missing, "docs/SUMMARY.md does not name them")


class Readme(unittest.TestCase):
    def test_the_readme_has_at_most_900_words(self):
        self.assertLessEqual(len(documents()["README.md"].text.split()), 900)
