"""Runs the test modules in this folder, or those named, each in its own process and several at a time."""

import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from loopback import raise_loopback

HERE = pathlib.Path(__file__).parent
# One of them mostly waits for a code to expire.
AT_ONCE = 3
LONGEST = 300


def run(module):
    began = time.monotonic()
    command = [sys.executable, "-B", "-m", "unittest", "-v", module]
    try:
        ended = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LONGEST)
        passed, output = ended.returncode == 0, ended.stdout
    except subprocess.TimeoutExpired as expired:
        passed, output = False, f"{expired.output}\nnot done within {LONGEST} s\n"
    print(f"--- {module}: {time.monotonic() - began:.0f} s\n{output}", flush=True)
    return passed


raise_loopback()
modules = sys.argv[1:] or sorted(path.stem for path in HERE.glob("test_*.py"))
began = time.monotonic()
with ThreadPoolExecutor(AT_ONCE) as pool:
    results = list(pool.map(run, modules))
failed = [module for module, passed in zip(modules, results) if not passed]
print(f"tests in a browser: {time.monotonic() - began:.0f} s; " + (f"FAILED: {', '.join(failed)}" if failed else "all passed"))
sys.exit(1 if failed else 0)
