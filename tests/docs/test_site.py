"""The site builds, and its links lead somewhere: its anchors are not quite those of GitHub."""

import html.parser
import os
import pathlib
import subprocess
import unittest
from urllib.parse import unquote, urlsplit

from documents import ROOT

SITE = pathlib.Path(os.environ["SITE"])


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(attributes.get("id"))
        if link := attributes.get("href" if tag == "a" else "src" if tag == "img" else None):
            self.links.append(link)


class Site(unittest.TestCase):
    def test_the_site_builds_and_its_links_lead_somewhere(self):
        built = subprocess.run([os.environ["MDBOOK"], "build", "docs", "--dest-dir", SITE], cwd=ROOT, capture_output=True, text=True)
        said = built.stdout + built.stderr
        self.assertEqual(built.returncode, 0, said)
        self.assertNotIn("WARN", said)
        self.assertNotIn("ERROR", said)
        pages = {path: Page(path) for path in SITE.glob("*.html") if path.name not in {"404.html", "print.html", "toc.html"}}
        self.assertGreater(len(pages), 12)
        faults = []
        for path, page in pages.items():
            for link in page.links:
                parts = urlsplit(link)
                if parts.scheme or parts.netloc:
                    continue
                target = SITE / parts.path if parts.path else path
                if not target.exists():
                    faults.append(f"{path.name}: {link}: there is no such page")
                elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                    faults.append(f"{path.name}: {link}: no such heading")
        self.assertFalse(faults, "\n" + "\n".join(sorted(set(faults))))
