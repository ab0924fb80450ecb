"""Runs the test modules in this folder, or those named, each in its own process and several at a time."""

import fcntl
import pathlib
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
# One of them mostly waits for a code to expire.
AT_ONCE = 3
LONGEST = 300


def raise_loopback():
    """Brings up loopback, which is down in a new network namespace."""
    get, put, up = 0x8913, 0x8914, 1  # netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack("16sh", fcntl.ioctl(any_socket, get, struct.pack("16sh", b"lo", 0)))
        if not flags & up:
            fcntl.ioctl(any_socket, put, struct.pack("16sh", name, flags | up))


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
