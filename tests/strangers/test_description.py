"""Other people's programs that read the description of the API: does it hold, and can clients be made from it?"""

import json
import pathlib
import shutil
import subprocess
import sys
import unittest
import urllib.request

from openapi_spec_validator import validate

import service

HERE = pathlib.Path(__file__).parent
URL = f"{service.URL}/openapi.json"
# Seconds of made-up requests with each key.
BUDGET = 15
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
]


def run(*command, cwd=None):
    ended = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUDGET + 60)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


class Description(unittest.TestCase):
    def test_it_is_valid(self):
        with urllib.request.urlopen(URL) as answer:
            validate(json.load(answer))

    def test_no_answer_is_undocumented(self):
        for key in ("server", "test"):
            with self.subTest(key=key):
                settings = ["--config-file", HERE / "schemathesis.toml"]
                command = [sys.executable, "-m", "schemathesis.cli", *settings, "run", URL, "--header", f"Authorization: Bearer {service.KEYS[key]}"]
                command += ["--checks", ",".join(CHECKS), "--max-time", str(BUDGET), "--continue-on-failure", "--no-color"]
                command += ["--generation-database", "none", "--warnings", "off"]
                print(run(*command, cwd=service.NODE))

    def test_a_client_compiles_and_works(self):
        folder = service.NODE / "typescript"
        shutil.copytree(HERE / "typescript", folder, dirs_exist_ok=True)
        programs = service.NODE / "node_modules" / ".bin"
        run(programs / "openapi-typescript", URL, "--output", "api.ts", cwd=folder)
        run(programs / "tsc", cwd=folder)
        output = service.node("typescript/client.mjs", service.URL, service.KEYS["test"], service.new_number(), service.TEST_CODE)
        lines = ["code_incorrect, 2 left", "approved 77 with a proof", "invalid_phone_number #/to"]
        self.assertEqual(output.splitlines(), lines)


if __name__ == "__main__":
    unittest.main()
