"""Runs the test modules in this folder, or those named, against one sandbox: each in its own process, one after another."""

import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
LONGEST = 300

# The program's process, as in the tests in a browser.
sys.path.append(str(HERE.parent / "browser"))
from programs import Sandbox  # noqa: E402
from settings import settings_of  # noqa: E402


def run(module, environment):
    began = time.monotonic()
    command = [sys.executable, "-B", "-m", "unittest", "-v", module]
    try:
        ended = subprocess.run(command, cwd=HERE, env=environment, timeout=LONGEST)
        passed = ended.returncode == 0
    except subprocess.TimeoutExpired:
        passed = False
        print(f"not done within {LONGEST} s")
    print(f"--- {module}: {time.monotonic() - began:.0f} s", flush=True)
    return passed


began = time.monotonic()
packages = pathlib.Path(os.environ["OTP_NODE"])
for script in HERE.rglob("*.mjs"):
    copy = packages / script.relative_to(HERE)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(script, copy)

prefixes = {"server": "otp_sk_", "client": "otp_pk_", "test": "otp_test_"}
keys = {kind: prefix + secrets.token_hex(24) for kind, prefix in prefixes.items()}
sandbox = Sandbox(**settings_of(keys))
try:
    environment = os.environ | {"OTP_URL": sandbox.service, "OTP_INBOX": sandbox.page}
    environment["OTP_EVENT_SECRET"] = sandbox.printed(r"signed with (whsec_\S+)")
    environment |= {f"OTP_{kind.upper()}_KEY": key for kind, key in keys.items()}
    modules = sys.argv[1:] or sorted(path.stem for path in HERE.glob("test_*.py"))
    failed = [module for module in modules if not run(module, environment)]
finally:
    sandbox.stop()
print(f"tests with other people's clients: {time.monotonic() - began:.0f} s; " + (f"FAILED: {', '.join(failed)}" if failed else "all passed"))
sys.exit(1 if failed else 0)
