"""Blocks that are marked with `<!-- runs -->` run as they are, and print what the documents say.

A block that starts a sandbox starts one for the rest of its document; the other blocks run in one shell after another,
with the variables of those before. Blocks of other languages whose first line is a comment with a file's name are
written to that file. What a reader replaces is replaced here: keys that end in an ellipsis, IDs, and codes. A question for
a code is answered with the one on the simulated phone.

If the next block is JSON, the output must have its members and values; if it is text, the same lines. Values that
differ each time, such as times, only need the same form.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from documents import documents
from programs import PROGRAMS

SANDBOX = re.compile(r"((?:\w+=\S+ )*)(?:cargo run --release -- |whatsapp-otp )(sandbox\b.*)")
ID = re.compile(r"\bver_[0-9a-z]{26}\b")
# What differs each time, and what stands for it.
FORMS = [
    (ID, "ver_…"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\beyJ[\w.…-]+"), "JWT"),
    (re.compile(r"\bwamid\.[\w+/=…-]+"), "wamid"),
    (re.compile(r"\b\d{6}\b"), "CODE"),
]
LONGEST = 20
# Saves the variables and functions of a shell for the next one.
SAVE = "{ declare -p | grep -v '^declare -[A-Za-z]*r'; declare -f; } > .state"


def form(text):
    for pattern, instead in FORMS:
        text = pattern.sub(instead, text)
    return text


def difference(shown, printed, place=""):
    """Returns where a printed value lacks what a document shows, or nothing."""
    if isinstance(shown, dict) and isinstance(printed, dict):
        for name, value in shown.items():
            if name not in printed:
                return f"{place}/{name} is missing"
            if found := difference(value, printed[name], f"{place}/{name}"):
                return found
        return None
    if isinstance(shown, list) and isinstance(printed, list) and len(shown) == len(printed):
        found = (difference(one, other, f"{place}/{index}") for index, (one, other) in enumerate(zip(shown, printed)))
        return next(filter(None, found), None)
    if isinstance(shown, str) and isinstance(printed, str):
        shown, printed = form(shown), form(printed)
    return None if shown == printed else f"{place} is {printed!r} and not {shown!r}"


class Reader:
    """Does what a document says, block by block."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.sandbox, self.keys, self.id = None, {}, ""
        self.numbers, self.message = set(), None
        (self.folder / ".state").touch()

    def stop(self):
        if self.sandbox:
            self.sandbox.kill()
            self.sandbox.wait()

    def start(self, variables, arguments):
        environment = dict(pair.split("=", 1) for pair in variables.split())
        log = self.folder / ".sandbox"
        with log.open("wb") as output:
            command = [PROGRAMS["whatsapp-otp"], *arguments.split()]
            self.sandbox = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        deadline = time.monotonic() + 20
        while "Open http://127.0.0.1:3001" not in (printed := log.read_text()):
            assert self.sandbox.poll() is None and time.monotonic() < deadline, printed
            time.sleep(0.02)
        self.keys = {found.group(1): found.group() for found in re.finditer(r"(otp_(?:sk|pk|test)_)\w+", printed)}

    def latest(self, number):
        """Returns the newest message on a simulated phone, or nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:3001/inbox/{number}/latest", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            return None

    def replaced(self, text):
        text = re.sub(r"(otp_(?:sk|pk|test)_)…", lambda key: self.keys[key.group(1)], text)
        text = ID.sub(lambda shown: self.id or shown.group(), text)
        if self.message:
            text = re.sub(r'("code": *")(?:\d{6}|…)"', lambda shown: f'{shown.group(1)}{self.message["code"]}"', text)
        return text

    def run(self, block):
        if found := SANDBOX.fullmatch(block.text.strip()):
            return self.start(*found.groups())
        script = self.replaced(block.text)
        files = "".join(path.read_text() for path in self.folder.iterdir() if not path.name.startswith("."))
        self.numbers |= set(re.findall(r"\+(\d{11,15})", script + files))
        before = {number: self.latest(number) for number in self.numbers}
        script = f"source ./.state 2>/dev/null\nset -euo pipefail\n{script}\n{SAVE}\n"
        errors = self.folder / ".errors"
        with errors.open("wb") as file:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": file, "text": True}
            shell = subprocess.Popen(["bash", "-c", script], cwd=self.folder, start_new_session=True, **pipes)
        person = threading.Thread(target=self.answer, args=(shell, before))
        person.start()
        limit = threading.Timer(LONGEST, os.killpg, (shell.pid, signal.SIGKILL))
        limit.start()
        printed = shell.stdout.read()
        shell.wait()
        limit.cancel()
        person.join()
        shell.stdin.close()
        shell.stdout.close()
        assert shell.returncode == 0, f"status {shell.returncode}\n{printed}\n{errors.read_text()}"
        if found := ID.search(printed):
            self.id = found.group()
        self.message = next(filter(None, map(self.latest, sorted(self.numbers))), None)
        return printed

    def answer(self, shell, before):
        """Types the code of the first new message."""
        while shell.poll() is None:
            for number, earlier in before.items():
                message = self.latest(number)
                if message and message != earlier:
                    with contextlib.suppress(BrokenPipeError):  # It asked for none.
                        os.write(shell.stdin.fileno(), f"{message['code']}\n".encode())
                    return
            time.sleep(0.05)

class Examples(unittest.TestCase):
    def read(self, document):
        with tempfile.TemporaryDirectory() as folder:
            reader = Reader(folder)
            try:
                self.follow(document, reader)
            finally:
                reader.stop()

    def follow(self, document, reader):
        printed = None
        for block in document.blocks:
            if block.runs:
                try:
                    printed = reader.run(block)
                except AssertionError as error:
                    self.fail(f"{document.place(block)}: {error}")
                continue
            if printed and block.language == "json":
                value, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
                self.assertIsNone(difference(json.loads(block.text), value), document.place(block))
            elif printed and block.language == "text":
                self.assertEqual(form(printed).split("\n"), form(block.text).split("\n"), document.place(block))
            printed = None
            if name := re.match(r"(?://|#) ([\w-]+\.\w+)\n", block.text):
                (reader.folder / name.group(1)).write_text(block.text)

    def test_marked_blocks_run(self):
        marked = [document for document in documents().values() if any(block.runs for block in document.blocks)]
        self.assertLessEqual({"README.md", "docs/integrate.md"}, {document.name for document in marked})
        for document in marked:
            with self.subTest(document.name):
                self.read(document)
