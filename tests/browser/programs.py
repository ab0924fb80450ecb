"""The programs under test, each in its own process on free ports."""

import os
import re
import subprocess
import threading

PROGRAM = os.environ["WHATSAPP_OTP"]


class Program:
    """A running `whatsapp-otp`, until `stop`."""

    def __init__(self, *arguments, settings=None):
        environment = {"PATH": os.environ["PATH"]}
        for key, value in (settings or {}).items():
            environment["WHATSAPP_OTP__" + key.upper().replace(".", "__")] = value
        self._lines = []
        self._more = threading.Condition()
        self._process = subprocess.Popen(
            [PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._more:
                self._lines.append(line)
                self._more.notify_all()

    def printed(self, pattern):
        """Waits for output that matches `pattern`, and returns the first group."""
        with self._more:
            found = None

            def search():
                nonlocal found
                found = re.search(pattern, "".join(self._lines))
                return found or self._process.poll() is not None

            self._more.wait_for(search, timeout=30)
            assert found, f"no {pattern!r} in {''.join(self._lines)}"
            return found.group(1)

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()


class Sandbox(Program):
    """`whatsapp-otp sandbox`: `page` is the address of its page, `service` the one that the page calls."""

    def __init__(self, **settings):
        own = {"server.listen": "127.0.0.1:0", "server.ops_listen": ""}
        own.update({key.replace("__", "."): value for key, value in settings.items()})
        super().__init__("sandbox", "--simulator-listen", "127.0.0.1:0", settings=own)
        self.page = self.printed(r"Open (http://\S+)\n")
        self.service = self.printed(r"curl (http://[^/]+)/")

    @property
    def key(self):
        """The server key that was drawn."""
        return self.printed(r"(otp_sk_\S+)")


class Simulator(Program):
    """`whatsapp-otp simulator` alone."""

    def __init__(self, *arguments):
        super().__init__("simulator", "--listen", "127.0.0.1:0", *arguments)
        self.page = self.printed(r"BASE_URL=(http://\S+)\n")
        self.sender = self.printed(r"PHONE_NUMBER_ID=(\S+)\n")
        self.token = self.printed(r"ACCESS_TOKEN=(\S+)\n")
