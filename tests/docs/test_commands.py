"""Commands in the documents are commands that exist."""

import re
import subprocess
import unittest

from documents import ROOT, documents
from programs import PROGRAMS, fault_in, subcommands

SHELL = {"sh", "bash", "console"}
# A command ends at one of these.
END = re.compile(r"\s+#|\s--\s|&&|\|\||[|;&()<>\"`]|\n")
OURS = re.compile(r"(?<![\w./-])(?:\S*target/(?:release|debug)/)?(whatsapp-otp(?:-setup)?)(?![\w./-])")
CARGO = re.compile(r"\bcargo run\b[^\n|;&]*? -- ")
SCRIPT = re.compile(r"(?<![\w/.-])(scripts/[\w-]+)")


def arguments(text):
    """Returns the words up to the end of a command."""
    return re.split(END, text, maxsplit=1)[0].split()


def invocations(text):
    """Returns each call of our programs in a text, as a program and its arguments."""
    text = text.replace("\\\n", " ")
    # What follows the name of an image is for its entry point.
    text = re.sub(r"--entrypoint (\S+) whatsapp-otp\b", r"\1", text)
    for found in OURS.finditer(text):
        yield found.group(1), arguments(text[found.end() :])
    for found in CARGO.finditer(text):
        yield "whatsapp-otp", arguments(text[found.end() :])


class Commands(unittest.TestCase):
    def setUp(self):
        self.faults = []

    def tearDown(self):
        self.assertFalse(self.faults, "\n" + "\n".join(self.faults))

    def commands(self):
        """Returns the commands in blocks and in prose, with their places."""
        for document in documents().values():
            for block in document.blocks:
                if block.language in SHELL:
                    yield document.place(block), block.text
            yield from document.code

    def test_blocks_are_valid_shell(self):
        for document in documents().values():
            for block in document.blocks:
                if block.language in SHELL:
                    checked = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
                    if checked.returncode:
                        self.faults.append(f"{document.place(block)}: {checked.stderr.strip()}")

    def test_our_programs_have_the_commands_and_flags(self):
        found = 0
        for place, text in self.commands():
            for program, words in invocations(text):
                found += 1
                if fault := fault_in(program, words):
                    self.faults.append(f"{place}: {fault}")
        self.assertGreater(found, 50)

    def test_every_command_is_in_a_document(self):
        named = {(program, words[0]) for _, text in self.commands() for program, words in invocations(text) if words}
        for program in PROGRAMS:
            for command in subcommands(program) - {"help"}:
                if (program, command) not in named:
                    self.faults.append(f"no document names {program} {command}")

    def test_our_scripts_exist_and_have_the_flags(self):
        for place, text in self.commands():
            for script in SCRIPT.finditer(text):
                path = ROOT / script.group(1)
                if not path.is_file():
                    self.faults.append(f"{place}: there is no {script.group(1)}")
                    continue
                source = path.read_text()
                if "--bench service" in source:  # which parses the flags
                    fields = re.findall(r"(?m)^    (\w+): ", (ROOT / "benches" / "service" / "main.rs").read_text())
                    source += " ".join(f"--{field}" for field in fields)
                for word in arguments(text[script.end() :]):
                    if word.startswith("--") and word.split("=")[0] not in source:
                        self.faults.append(f"{place}: {script.group(1)} has no {word}")

    def test_compose_has_the_services_and_profiles(self):
        files = "".join((ROOT / name).read_text() for name in ("docker-compose.yml", "docker-compose.sentinel.yml"))
        services = set(re.findall(r"(?m)^  ([a-z][\w-]*):$", files))
        for place, text in self.commands():
            for call in re.finditer(r"docker compose ((?:-{1,2}\S+ (?:\S+\.yml )?)*)(\w+)", text.replace("\\\n", " ")):
                words = arguments(text[call.end() :])
                names = [word for word in words if re.fullmatch(r"[a-z][\w-]*", word)]
                if call.group(2) in {"exec", "run"}:
                    names = names[:1]
                if call.group(2) in {"exec", "run", "logs", "restart", "stop", "pause", "unpause", "kill"}:
                    self.faults += [f"{place}: there is no service {name}" for name in names if name not in services]
            for profile in re.findall(r"--profile (\w+)", text):
                if not re.search(rf"profiles: .*\b{profile}\b", files):
                    self.faults.append(f"{place}: there is no profile {profile}")

    def test_folders_that_are_entered_exist(self):
        for place, text in self.commands():
            for folder in re.findall(r"(?:^|&& )cd ([\w./-]+)", text):
                if not (ROOT / folder).is_dir():
                    self.faults.append(f"{place}: there is no folder {folder}")

    def test_the_programs_are_the_ones_just_built(self):
        for path in PROGRAMS.values():
            self.assertTrue(subprocess.run([path, "--version"], capture_output=True).returncode == 0, path)
