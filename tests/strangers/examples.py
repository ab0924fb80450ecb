"""The programs in `examples`, installed under the target folder and started on free ports. Run, it installs those named."""

import hashlib
import http.cookiejar
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "examples"
# Where Cargo builds, which also gets what the examples need.
TARGET = pathlib.Path(os.environ["WHATSAPP_OTP"]).parent.parent


def free_port():
    """Returns a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def install(name):
    """Returns the command that starts an example, and the folder to start it in."""
    source = EXAMPLES / name
    if name == "rust-axum":
        # Built by scripts/test.
        return [TARGET / "debug" / "sign-in"], source
    needed = source / ("requirements.txt" if name == "python-fastapi" else "package-lock.json")
    folder = TARGET / f"example-{name}-{hashlib.sha256(needed.read_bytes()).hexdigest()[:12]}"
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", ".venv", "__pycache__"))
    python = folder / ".venv" / "bin" / "python"
    if not (folder / "complete").exists():
        if name == "python-fastapi":
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder / ".venv"], check=True)
            options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
            subprocess.run([python, "-m", "pip", "install", *options, "-r", needed], check=True)
        else:
            options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(["npm", "ci", *options], cwd=folder, check=True)
        (folder / "complete").touch()
    if name == "python-fastapi":
        return [python, "-B", "-m", "uvicorn", "--log-level", "warning", "server:app", "--port"], folder
    return ["node", "server.js"], folder


class Example:
    """A running example, until `stop`."""

    def __init__(self, name, port=None, **environment):
        command, folder = install(name)
        port = port or free_port()
        if name == "python-fastapi":
            command = [*command, str(port)]
        self.url = f"http://127.0.0.1:{port}"
        environment = os.environ | {"PORT": str(port), **environment}
        with open(TARGET / f"example-{name}.log", "ab") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                assert self._process.poll() is None and time.monotonic() < deadline, f"{name} does not start"
                time.sleep(0.05)

    def stop(self):
        self._process.kill()
        self._process.wait()


class Person:
    """A browser at an example, with its cookies."""

    def __init__(self, example):
        self._url = example.url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(self, path, body=None):
        """Returns the status, the JSON and the header `Retry-After` of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request) as answer:
                return answer.status, json.load(answer), None
        except urllib.error.HTTPError as answer:
            told = json.load(answer)
            # FastAPI's envelope.
            return answer.code, told.get("detail", told), answer.headers["Retry-After"]

    def number(self):
        """Returns the number that the person is signed in with."""
        status, told, _ = self.call("/me")
        return told["number"] if status == 200 else None


if __name__ == "__main__":
    for name in sys.argv[1:]:
        install(name)
