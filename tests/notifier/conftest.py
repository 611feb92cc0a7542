"""A home with written alert lines, the notifier's real process on it, and servers on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.incident import Countdown, Incident, Severity, Status, Told, Transition
from evaluator.incident_id import incident_id
from evaluator.instant import Instant
from monitoring.alert_log import AlertLog
from monitoring.clock import SystemClock
from monitoring.config import Config
from monitoring.home import Home
from monitoring.state import ProcessState, read_state, write_state
from notifier.deliveries import fold
from notifier.ledger import Record, State

LONG = Config(interval_seconds=3600, evaluate_seconds=3600)


def wait(happened: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < until, f"{what} did not come within {seconds} s"
        time.sleep(0.01)
    return value


class Answer(msgspec.Struct):
    """What a server answers; `drip`: a byte now and then, without end; `hang`: nothing at all."""

    code: int = 200
    headers: dict[str, str] = {}
    body: bytes = b"{}"
    drip: bool = False
    hang: bool = False


class Request(msgspec.Struct):
    """What a server was asked, and when."""

    path: str
    headers: dict[str, str]
    body: Any
    at: float


class Server:
    """A loopback HTTP server that answers as it is told: from `answers` in turn, then `always`."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        self.down: Callable[[], bool] | None = None
        self.fails_on: Callable[[Any], bool] | None = None
        self.answers: list[Answer] = []
        self.always = Answer()
        self.ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = outer.answers.pop(0) if outer.answers else outer.always
                if outer.down is not None and outer.down():
                    answer = Answer(503)
                plain = self.headers.get("Content-Type", "").startswith("text/plain")
                body = raw.decode() if plain else json.loads(raw)
                if outer.fails_on is not None and outer.fails_on(body):
                    answer = Answer(500)
                request = Request(self.path, dict(self.headers), body, time.monotonic())
                outer.requests.append(request)
                if answer.code == 200:
                    outer.taken.append(request)
                if answer.hang:
                    outer.ending.wait(60)
                    return
                self.send_response(answer.code)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.drip:
                    self.end_headers()
                    while not outer.ending.wait(0.2):
                        try:
                            self.wfile.write(b" ")
                        except OSError:
                            return
                    return
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def told(self) -> list[tuple[str, str, str]]:
        """Return incident, why and key of all that was taken, also of what a summary lists."""
        alerts = [
            one for request in self.taken for one in request.body.get("alerts") or [request.body]
        ]
        return [(one["incident"], one["why"], one["key"]) for one in alerts]

    def count(self) -> int:
        """Return of how many messages it was told, each that a summary lists among them."""
        return sum(len(request.body.get("alerts", ())) or 1 for request in self.taken)

    def keys(self) -> list[str]:
        return [request.headers["Tickbeat-Key"] for request in self.requests]

    def end(self) -> None:
        self.ending.set()
        self._http.shutdown()
        self._http.server_close()


class Desk:
    """One home: alert lines to write, as the scheduler does, and the notifier to start and stop."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self.home = Home(root)
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        self.environ["MONITOR_HOME"] = str(root)
        self.running: list[subprocess.Popen[bytes]] = []
        self.clock = SystemClock().now
        self.home.settings.write_text("")
        self._log: AlertLog | None = None
        self._open: dict[str, Incident] = {}
        self.others_live()

    def channel(self, name: str, **parts: object) -> None:
        for part, value in parts.items():
            self.environ[f"MONITOR_CHANNELS__{name.upper()}__{part.upper()}"] = str(value)

    def others_live(self) -> None:
        """Let this process stand for collector and scheduler, and for long."""
        now = self.clock()
        for process in ("collector", "scheduler"):
            state = ProcessState(
                process=process, pid=os.getpid(), version="0", started=now, updated=now,
                home=str(self.home.root), config=LONG,
            )  # fmt: skip
            self.home.state.mkdir(parents=True, exist_ok=True)
            write_state(self.home.state, state)

    def write(self, *transitions: Transition, at: Instant | None = None) -> None:
        if self._log is None:
            self._log = AlertLog(self.home.alerts, "main", "Asia/Kolkata")
            self._log.open(self.clock())
        assert self._log.append(transitions, at or self.clock(), 1)

    def new(
        self, rule: str, now: Instant, severity: Severity = "CRITICAL", **fields: Any
    ) -> Transition:
        """Return the transition of a rule that begins to fire."""
        incident = Incident(
            id=incident_id("main", rule, now), rule=rule, status="firing", severity=severity,
            message=f"{rule} is so", reason="condition held for 0s", context={}, day="2026-01-01",
            active_at=now, fired_at=now, held=Countdown(), told=Told(now, severity),
        )  # fmt: skip
        return Transition(msgspec.structs.replace(incident, **fields), now, "new")

    def fire(self, rule: str, severity: Severity = "CRITICAL", **fields: Any) -> Incident:
        now = fields.pop("at", None) or self.clock()
        begun = self.new(rule, now, severity, **fields)
        self._open[rule] = begun.incident
        self.write(begun, at=now)
        return begun.incident

    def fire_many(self, rules: list[str], severity: Severity = "CRITICAL") -> list[Incident]:
        """Write the lines of many rules that begin to fire, in one evaluation."""
        now = self.clock()
        begun = [self.new(rule, now, severity) for rule in rules]
        self._open |= {one.incident.rule: one.incident for one in begun}
        self.write(*begun, at=now)
        return [one.incident for one in begun]

    def route(self, text: str) -> None:
        """Write notify.toml as an editor does: a new file in the place of the old."""
        new = self.home.root / "notify.new"
        new.write_text(text)
        new.replace(self.home.notify)

    def step(self, rule: str, notify: str, status: Status = "firing", **fields: Any) -> Incident:
        now = fields.pop("at", None) or self.clock()
        if status == "resolved":
            fields = {"resolved_at": now} | fields
        incident = msgspec.structs.replace(self._open[rule], status=status, **fields)
        self._open[rule] = incident
        self.write(Transition(incident, now, notify), at=now)
        return incident

    def resolve(self, rule: str, **fields: Any) -> Incident:
        return self.step(rule, "resolved", "resolved", **fields)

    def start(self, *wrapper: str, until_ready: bool = True) -> subprocess.Popen[bytes]:
        with (self.home.root / "notifier.out").open("ab") as out:
            process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "notifier"],
                cwd=self.home.root, env=self.environ, stdout=out, stderr=out,
            )  # fmt: skip
        self.running.append(process)
        if until_ready:
            wait(lambda: self._is_ready(process), f"the notifier; it said: {self.said()}")
        return process

    def ready(self) -> bool:
        """Tell whether the newest notifier has written its state."""
        return self._is_ready(self.running[-1])

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.said()
        state = self.state()
        return state is not None and state.pid == process.pid

    def state(self) -> ProcessState | None:
        return read_state(self.home.state, "notifier")

    def said(self) -> str:
        return (self.home.root / "notifier.out").read_text()

    def deliveries(self) -> State:
        return fold(self.home.deliveries)[0]

    def records(self, kind: type[Record] | None = None) -> list[Any]:
        found = []
        for file in sorted(self.home.deliveries.glob("*.jsonl")):
            for line in file.read_bytes().split(b"\n"):
                try:
                    found.append(msgspec.json.decode(line, type=Record))
                except msgspec.MsgspecError:
                    continue
        return [one for one in found if kind is None or isinstance(one, kind)]

    wait = staticmethod(wait)

    def pause(self, seconds: float) -> None:
        """Let a random time pass: it is what this test is about."""
        time.sleep(seconds)

    def forget(self) -> None:
        """Write a new log from now on."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def monitor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scripts.monitor", *arguments],
            cwd=self.home.root, env=self.environ, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip

    def stop(self) -> int:
        process = self.running[-1]
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        if self._log is not None:
            self._log.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path / "home")
    yield one
    one.end()


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path], None]]:
    """Return what puts a file system of 64 KiB on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def begin(port: int = 0) -> Server:
        servers.append(Server(port))
        return servers[-1]

    yield begin
    for server in servers:
        server.end()
