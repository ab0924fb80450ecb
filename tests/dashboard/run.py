"""Asks a real Prometheus every query of the dashboard, while a service is under traffic, and fails for those without data.

The service runs with a Redis and a replica, and the simulated WhatsApp sends it webhooks. Prometheus also evaluates the
alerts, each of which must be free of errors.
"""

import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import math
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

PROGRAM = os.environ["WHATSAPP_OTP"]
CONFIG = pathlib.Path(__file__).parents[2] / "config"
LONGEST = 90
KEY = "otp_sk_" + "0123456789abcdef" * 3
# Each number's code is read from the simulated phone.
PEOPLE = 40
# The simulator refuses the first, lets the second fail later, delivers the third late, and says nothing about the last.
ORDERS = ["15550131026", "15550000190", "15551131026", "15552000002", "15552100000"]

# Queries that have no data here, by a part of each, with the reason.
WITHOUT_DATA = {
    "offset 1w": "there is no last week",
    "ALERTS{": "an alert fires after a minute or more",
}


class Services(contextlib.ExitStack):
    """Programs on free ports, until the end."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def start(self, name, *command, settings=None):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        for key, value in (settings or {}).items():
            environment["WHATSAPP_OTP__" + key.upper().replace(".", "__")] = value
        log = self.enter_context(open(self.folder / f"{name}.log", "wb"))
        process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.callback(process.wait)
        self.callback(process.kill)

    def logs(self):
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]) for log in self.folder.glob("*.log"))


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


def call(method, url, body=None, headers=None):
    """Returns the status and the JSON, if it is any."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | (headers or {})
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, None


def until(what, holds):
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if holds():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(0.1)


class Traffic:
    """What people and strangers do, again and again."""

    def __init__(self, service, simulator):
        self.service, self.simulator = service, simulator

    def api(self, path, body):
        return call("POST", f"{self.service}/v1/verifications{path}", body, {"authorization": f"Bearer {KEY}"})

    def person(self, phone):
        """Requests a code, mistypes it, and waits until it is on the phone."""
        status, created = self.api("", {"to": f"+{phone}"})
        assert status in (200, 201), f"{phone}: {status} {created}"
        _, message = call("GET", f"{self.simulator}/inbox/{phone}/latest")
        time.sleep(2)
        path = f"/{created['id']}/check"
        self.api(path, {"code": "000000"})
        if phone.endswith("9"):
            call("POST", f"{self.simulator}/inbox/messages/{message['id']}/did-not-request")
        else:
            self.api(path, {"code": message["code"]})

    def order(self, phone):
        self.api("", {"to": f"+{phone}"})

    def strangers(self):
        call("POST", f"{self.service}/webhooks/whatsapp", {}, {"x-hub-signature-256": "sha256=" + "0" * 64})
        call("POST", f"{self.service}/v1/verifications", {"to": "+15551234567"})
        self.api("", {"to": "+12"})
        host, port = self.service.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            connection.recv(1000)

    def closed_country(self):
        """Lets WhatsApp close a country, in which none of the people are."""
        order = {"kind": "fail_later", "code": 130497, "to": "4915123456789", "times": 1}
        assert call("POST", f"{self.simulator}/orders", order)[0] == 201
        self.order("4915123456789")

    def run(self, done):
        self.closed_country()
        rounds = 0
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            while not done.is_set():
                # New numbers each time: a pending verification would go on.
                people = [f"1555{6000000 + rounds * PEOPLE + n}" for n in range(PEOPLE)]
                work = [pool.submit(self.person, phone) for phone in people]
                work += [pool.submit(self.order, phone) for phone in ORDERS]
                work += [pool.submit(self.strangers)]
                for each in work:
                    each.result()
                rounds += 1


def expressions(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "expr":
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


class Prometheus:
    def __init__(self, url):
        self.url = url

    def get(self, path, **query):
        status, answer = call("GET", f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, f"{path} {query}: {status} {answer}"
        return answer["data"]

    def has_data(self, expression):
        query = expression.replace("$__rate_interval", "10s").replace("$instance", ".*")
        series = self.get("query", query=query)["result"]
        return any(not math.isnan(float(each["value"][1])) for each in series)


def proof_key(folder):
    """Returns the settings of a key for proofs."""
    path = folder / "proof.pem"
    subprocess.run([PROGRAM, "proof-key", "--out", str(path)], check=True, stdout=subprocess.DEVNULL)
    return {"proof.signing_key_files": str(path)}


def start(services):
    """Starts everything, and returns the addresses of the service, the simulator and Prometheus."""
    folder = services.folder
    redis, replica, public, ops, whatsapp, monitor = (free_port() for _ in range(6))
    for name, port, more in [("redis", redis, []), ("replica", replica, ["--replicaof", "127.0.0.1", str(redis)])]:
        (folder / name).mkdir()
        kept = ["--save", "", "--dir", str(folder / name), "--maxmemory", "100mb", "--repl-diskless-sync-delay", "0"]
        services.start(name, "redis-server", "--port", str(port), "--bind", "127.0.0.1", *kept, *more)
    service, simulator = f"http://127.0.0.1:{public}", f"http://127.0.0.1:{whatsapp}"
    secret = hashlib.sha256(os.urandom(32)).hexdigest()
    services.start(
        "simulator", PROGRAM, "simulator", "--listen", f"127.0.0.1:{whatsapp}", "--messages-per-second", "0", "--no-pair-limit",
        "--webhook", f"{service}/webhooks/whatsapp", "--app-secret", secret, "--write-info", str(folder / "info.json"),
    )  # fmt: skip
    until("the simulator runs", lambda: call("GET", f"{simulator}/healthz")[0] == 200)
    settings = {
        "server.listen": f"127.0.0.1:{public}",
        "server.public_url": service,
        "server.ops_listen": f"127.0.0.1:{ops}",
        "otp.secret": hashlib.sha256(os.urandom(32)).hexdigest(),
        "redis.url": f"redis://127.0.0.1:{redis}/0",
        "redis.min_replicas_ack": "1",
        "whatsapp.base_url": simulator,
        "whatsapp.info_file": str(folder / "info.json"),
        "whatsapp.app_secret": secret,
        "keys.tests.kind": "server",
        "keys.tests.sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        "events.url": f"{simulator}/events",
        "events.secret": "whsec_" + base64.b64encode(os.urandom(32)).decode(),
        "events.allow_networks": "127.0.0.0/8",
        "events.allow_http": "true",
        "limits.per_ip": "off",
        "limits.checks_per_ip": "off",
        "limits.per_phone": "off",
        "limits.failures_per_phone": "off",
        "limits.resend_cooldown": "1s",
    }
    settings |= proof_key(folder)
    services.start("service", PROGRAM, "serve", settings=settings)
    until("the service is ready", lambda: call("GET", f"http://127.0.0.1:{ops}/health/ready")[0] == 200)

    scraping = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "5s"},
        "rule_files": [str(CONFIG / "prometheus" / "alerts.yml")],
        "scrape_configs": [{"job_name": "whatsapp-otp", "static_configs": [{"targets": [f"127.0.0.1:{ops}"]}]}],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(scraping))
    services.start(
        "prometheus", "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{monitor}",
    )  # fmt: skip
    prometheus = Prometheus(f"http://127.0.0.1:{monitor}")
    until("Prometheus is ready", lambda: call("GET", f"{prometheus.url}/-/ready")[0] == 200)
    until("Prometheus reads the metrics", lambda: prometheus.has_data("whatsapp_otp_build_info"))
    return service, simulator, prometheus


def ask(prometheus):
    """Asks every query until it has had data, and returns those that have not."""
    queries = dict.fromkeys(expressions(json.loads((CONFIG / "grafana" / "whatsapp-otp.json").read_text())))
    assert len(queries) > 60, f"only {len(queries)} queries"
    assert not prometheus.has_data("whatsapp_otp_made_up_total"), "series that do not exist have data"
    reasons = {part for part in WITHOUT_DATA if any(part in query for query in queries)}
    assert reasons == set(WITHOUT_DATA), "WITHOUT_DATA names queries that the dashboard does not have"
    waiting = [query for query in queries if not any(part in query for part in WITHOUT_DATA)]
    began = time.monotonic()
    while waiting and time.monotonic() - began < LONGEST:
        waiting = [query for query in waiting if not prometheus.has_data(query)]
        time.sleep(1)
    print(f"dashboard: {len(queries)} queries, asked for {time.monotonic() - began:.0f} s", flush=True)
    return waiting


def faulty_alerts(prometheus):
    """Returns the alerts that Prometheus could not evaluate, with the reasons."""
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 20, f"only {len(rules)} alerts"
    return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] == "err"]


with tempfile.TemporaryDirectory(prefix="dashboard-") as folder, Services(pathlib.Path(folder)) as services:
    began = time.monotonic()
    try:
        service, simulator, prometheus = start(services)
        done = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            traffic = pool.submit(Traffic(service, simulator).run, done)
            try:
                without_data = ask(prometheus)
                faulty = faulty_alerts(prometheus)
            finally:
                done.set()
            traffic.result()
    except BaseException:
        print(services.logs())
        raise
    for query in without_data:
        print(f"no data: {query}")
    for alert in faulty:
        print(f"not evaluated: {alert}")
    if without_data:
        print(services.logs())
    print(f"test of the dashboard: {time.monotonic() - began:.0f} s; " + ("FAILED" if without_data or faulty else "passed"))
    sys.exit(1 if without_data or faulty else 0)
