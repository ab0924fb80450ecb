"""The sandbox that all tests share, as `run.py` started it, and what they ask it for."""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request

# The address of the service, and that of its simulated phones.
URL = os.environ["OTP_URL"]
INBOX = os.environ["OTP_INBOX"]
# An API key of each kind, for every app.
KEYS = {kind: os.environ[f"OTP_{kind.upper()}_KEY"] for kind in ("server", "client", "test")}
# The code that a test key's verification has, as no message is sent.
TEST_CODE = "123456"
# The folder with npm's packages, and copies of our scripts for Node.
NODE = pathlib.Path(os.environ["OTP_NODE"])


def call(method, path, body=None, key="server", headers=None):
    """Returns the status and the JSON of an answer."""
    headers = {"Authorization": f"Bearer {KEYS[key]}", **(headers or {})}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def new_number():
    """Returns a number that no other test uses."""
    return f"+1212{secrets.randbelow(8_000_000) + 2_000_000}"


def code_on(number, patience=10):
    """Returns the code that arrived on a simulated phone."""
    url, deadline = f"{INBOX}/inbox/{number.lstrip('+')}/latest", time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return json.load(answer)["code"]
        except urllib.error.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def node(script, *arguments, text=""):
    """Runs one of our scripts for Node, and returns its output."""
    return _run(["node", NODE / script, *arguments], text)


def python(script, *arguments, text=""):
    """Runs one of our scripts for Python, and returns its output."""
    return _run([sys.executable, "-B", pathlib.Path(__file__).parent / script, *arguments], text)


def _run(command, text):
    ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
