"""Settings, metrics, calls and files that the documents name exist, and data in them is well-formed."""

import ast
import functools
import json
import re
import tomllib
import unittest

from documents import ROOT, documents
from programs import flags, help_of

# Files whose names look like settings.
FILES = re.compile(r".*\.(md|conf|toml|json|rs|py|js|mjs|lua|yml|pem|cfg|internal|properties|swift)")


@functools.cache
def settings():
    """Returns the keys in config/default.toml, which a test generates from the code."""
    keys, section = set(), ""
    for line in (ROOT / "config" / "default.toml").read_text().splitlines():
        if found := re.fullmatch(r"#?\[([\w.]+)\]", line):
            section = found.group(1)
        elif found := re.match(r"#?(\w+) = ", line):
            keys.add(f"{section}.{found.group(1)}")
    return keys


def is_setting(key):
    """Returns true for a setting, a secret's file, or a section."""
    parts = key.split(".")
    # What an app overrides, and its name.
    if parts[0] == "apps" and len(parts) > 1:
        parts = parts[2:] or ["otp"]
    if parts[0] in {"keys", "senders"}:
        return len(parts) < 3 or parts[2].removesuffix("_file") in {"apps", "kind", "sha256"}
    key = ".".join(parts)
    known = settings()
    return key in known or key.removesuffix("_file") in known or any(one.startswith(f"{key}.") for one in known)


@functools.cache
def members():
    """Returns the names of members in the description of the API."""
    names = set()

    def visit(value):
        if isinstance(value, dict):
            names.update(value.get("properties", {}))
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)

    visit(json.loads((ROOT / "docs" / "openapi.json").read_text()))
    return names


class Names(unittest.TestCase):
    def setUp(self):
        self.faults = []

    def tearDown(self):
        self.assertFalse(self.faults, "\n" + "\n".join(self.faults))

    def test_settings_exist(self):
        sections = {key.split(".")[0] for key in settings()} | {"apps", "keys"}
        # Attributes of traces look like settings.
        source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
        found = 0
        for document in documents().values():
            for place, code in document.code:
                key = re.fullmatch(r"\[?([a-z]\w*(?:\.\w+)+)\]?(?: *= *.*)?", code)
                if not key or FILES.fullmatch(key.group(1)) or key.group(1).split(".")[0] not in sections:
                    continue
                found += 1
                if not is_setting(key.group(1)) and not set(key.group(1).split(".")) <= members() and key.group(1) not in source:
                    self.faults.append(f"{place}: there is no setting {key.group(1)}")
        self.assertGreater(found, 250)

    def test_variables_exist(self):
        others = help_of("whatsapp-otp-setup") + help_of("whatsapp-otp", "sandbox") + (ROOT / "build.rs").read_text()
        for document in documents().values():
            for name in sorted(set(re.findall(r"\bWHATSAPP_OTP_\w+", document.text))):
                if name.startswith("WHATSAPP_OTP__"):
                    key = name.removeprefix("WHATSAPP_OTP__").lower().replace("__", ".")
                    known = is_setting(key) or key.strip("_") in {"", "section.key"}
                else:
                    # Each flag of the set-up has a variable of its name, which the help does not list.
                    flag = "--" + name.removeprefix("WHATSAPP_OTP_SETUP_").lower().replace("_", "-")
                    known = name == "WHATSAPP_OTP_CONFIG" or name in others or flag in flags("whatsapp-otp-setup")
                if not known:
                    self.faults.append(f"{document.name}: there is no variable {name}")

    def test_metrics_exist(self):
        metrics = set(re.findall(r'"(whatsapp_otp_\w+)"', (ROOT / "src" / "telemetry" / "metrics.rs").read_text()))
        self.assertGreater(len(metrics), 40)
        for document in documents().values():
            for name in sorted(set(re.findall(r"\bwhatsapp_otp_\w+", document.text))):
                if name not in metrics and re.sub("_(bucket|sum|count)$", "", name) not in metrics:
                    self.faults.append(f"{document.name}: there is no metric {name}")

    def test_calls_exist(self):
        folders = [ROOT / "src" / "http", ROOT / "simulator" / "src"]
        source = "".join(path.read_text() for folder in folders for path in folder.rglob("*.rs"))
        patterns = set(re.findall(r'pattern: "(/[^"]*)"', source)) | set(re.findall(r'route\("(/[^"]*)"', source))
        routes = [re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(pattern)) + "/?") for pattern in patterns]
        routes += [re.compile(pattern) for pattern in ("/v\\d+\\.\\d+/.*", "/docs.*")]
        for document in documents().values():
            for place, code in document.code:
                call = re.fullmatch(r"(?:GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)\S*", code)
                if call and not document.name.startswith("benches/") and not any(route.fullmatch(call.group(1)) for route in routes):
                    self.faults.append(f"{place}: there is no {code}")

    def test_files_exist(self):
        inside = re.compile(r"(?:src|config|scripts|docs|setup|tests|benches|examples|fuzz|simulator)/[\w./-]+")
        for document in documents().values():
            for place, code in document.code:
                if inside.fullmatch(code) and not (ROOT / code).exists() and code != "setup/whatsapp-info.json":
                    self.faults.append(f"{place}: there is no {code}")

    def test_data_is_well_formed(self):
        for document in documents().values():
            for block in document.blocks:
                try:
                    if block.language == "json":
                        json.loads(block.text)
                    elif block.language == "python":
                        ast.parse(block.text)
                    elif block.language == "toml":
                        self.check_settings(document, block, tomllib.loads(block.text))
                except (ValueError, SyntaxError) as error:
                    self.faults.append(f"{document.place(block)}: {error}")

    def check_settings(self, document, block, table):
        for section, entries in table.items():
            keys = [f"{section}.{key}" for key in entries] if isinstance(entries, dict) else [section]
            if section in {"apps", "keys"}:
                keys = [f"{section}.{name}.{key}" for name, inner in entries.items() for key in inner]
            for key in keys:
                if not is_setting(key):
                    self.faults.append(f"{document.place(block)}: there is no setting {key}")
