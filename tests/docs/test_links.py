"""Links lead somewhere, and every document is linked."""

import os
import re
import unittest
from urllib.parse import urlsplit

from documents import ROOT, documents

EXTERNAL = re.compile(r"https://[\w.-]+\.\w+(/\S*)?|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?|mailto:\S+@\S+")
# Files that may name documents.
SOURCES = {".rs", ".toml", ".yml", ".cfg", ".conf", ".json", ".py", ".lua", ".js", ".html", ".sh"}


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

    def test_files_that_name_a_document_name_one_that_exists(self):
        files = [path for pattern in ("*.yml", "Dockerfile", ".env.example", "Cargo.toml", "scripts/*", ".ci/*") for path in ROOT.glob(pattern)]
        for folder in ("src", "setup", "simulator", "config", "benches", "examples"):
            files += [path for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES and "node_modules" not in path.parts]
        faults, found = [], 0
        for path in files:
            for name, anchor in re.findall(r"\b(docs/[\w-]+\.md|setup/README\.md|SECURITY\.md)(?:#([\w-]+))?", path.read_text()):
                found += 1
                document = documents().get(name)
                if not document:
                    faults.append(f"{path.relative_to(ROOT)}: there is no {name}")
                elif anchor and anchor not in document.anchors:
                    faults.append(f"{path.relative_to(ROOT)}: {name} has no heading #{anchor}")
        self.assertGreater(found, 20)
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
        shown = re.sub("<!--.*?-->", "", documents()["README.md"].text)
        self.assertLessEqual(len(shown.split()), 900)
