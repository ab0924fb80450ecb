"""The documents of the project, and what is in them."""

import dataclasses
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent.parent
FENCE = re.compile(r"(?ms)^( *)(```+)([^\n]*)\n(.*?)^ *\2 *$")
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
AUTOLINK = re.compile(r"<(https?://[^>\s]+)>")
HEADING = re.compile(r"(?m)^(#{1,6}) +(.*?)(?: +#*)?$")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block. `runs` says that it is marked with `<!-- runs -->` in the line before it."""

    language: str
    text: str
    line: int
    runs: bool


class Document:
    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text()
        self.blocks = list(self._blocks())
        # The text with blank lines in place of blocks, so that places keep their lines.
        self.prose = FENCE.sub(lambda block: "\n" * block.group().count("\n"), self.text)

    def _blocks(self):
        for found in FENCE.finditer(self.text):
            indent, _, language, text = found.groups()
            before = self.text[: found.start()].rstrip("\n").rsplit("\n", 1)[-1]
            text = re.sub(f"(?m)^{indent}", "", text)
            line = self.text.count("\n", 0, found.start()) + 1
            yield Block(language.split(" ")[0], text, line, before.strip() == "<!-- runs -->")

    def at(self, offset):
        """Names a place in the prose."""
        return f"{self.name}:{self.prose.count(chr(10), 0, offset) + 1}"

    def place(self, block):
        """Names the place of a block."""
        return f"{self.name}:{block.line}"

    @functools.cached_property
    def code(self):
        """The code within the prose, with its places."""
        return [(self.at(found.start()), " ".join(found.group(2).split())) for found in CODE.finditer(self.prose)]

    @functools.cached_property
    def links(self):
        """The targets of links and pictures, with their places."""
        without_code = CODE.sub(lambda code: "x" * len(code.group()) if "\n" not in code.group() else code.group(), self.prose)
        found = [*LINK.finditer(without_code), *AUTOLINK.finditer(without_code)]
        return [(self.at(link.start()), link.group(1)) for link in found]

    @functools.cached_property
    def anchors(self):
        """The anchors of headings, as GitHub makes them."""
        anchors = set()
        for _, heading in HEADING.findall(self.prose):
            words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            anchor = name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            number = 0
            while anchor in anchors:
                number += 1
                anchor = f"{name}-{number}"
            anchors.add(anchor)
        return anchors


@functools.cache
def documents():
    """Returns all documents, by name."""
    patterns = ["*.md", "docs/*.md", "setup/*.md", "benches/**/*.md", "examples/*/*.md"]
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern)} - {ROOT / "docs" / "SUMMARY.md"})
    return {document.name: document for document in map(Document, paths)}
