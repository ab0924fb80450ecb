"""A preprocessor of mdBook: adds the documents outside this folder, and corrects the links that cross its border."""

import json
import pathlib
import posixpath
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
HERE = pathlib.Path(__file__).parent.name
CODE_OR_LINK = re.compile(
    r"(?ms)^ *```.*?^ *```$|(?P<image>!?)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:|#)(?P<target>[^)\s]+)\)|`[^`\n]+`"
)


def corrected(text, source, places, repository):
    """Returns a document's text with links as its place in the site needs them. Links to files that are not in the site go
    to the repository or, if it has no address, become plain text."""

    def link(found):
        image, words, target = found.group("image", "words", "target")
        if target is None:
            return found.group()
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        anchor = anchor and f"#{anchor}"
        if path in places:
            return f"{image}[{words}]({places[path]}{anchor})"
        if path.startswith(f"{HERE}/"):
            return f"{image}[{words}]({posixpath.relpath(path, HERE)}{anchor})"
        return f"[{words}]({repository}/blob/HEAD/{path}{anchor})" if repository else words

    return CODE_OR_LINK.sub(link, text)


def chapters(items):
    for item in items:
        if chapter := item.get("Chapter") if isinstance(item, dict) else None:
            yield chapter
            yield from chapters(chapter["sub_items"])


if len(sys.argv) > 1:
    sys.exit(0)  # `supports RENDERER`: all of them
context, book = json.load(sys.stdin)
config = context["config"]
outside = config["preprocessor"]["outside"]["chapters"]
repository = config["output"]["html"].get("git-repository-url", "").rstrip("/")
places = {source: place for place, source in outside.values()}
for chapter in chapters(book.get("items") or book["sections"]):
    if chapter["path"] is None:
        chapter["path"], source = outside[chapter["name"]]
        chapter["content"] = (ROOT / source).read_text()
    else:
        source = f"{HERE}/{chapter['path']}"
    chapter["content"] = corrected(chapter["content"], source, places, repository)
json.dump(book, sys.stdout)
