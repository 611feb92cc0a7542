"""From a critical `record_tick` to the message at a channel: all four processes, one loopback."""

from __future__ import annotations

import http.client
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.latency import RULES, SETTINGS
from bench.panel import Curve, Line, Panel
from bench.processes import MODULES, monitors, until
from bench.row import Row, spread
from monitoring.home import Home
from monitoring.state import read_state
from tickbeat import HeartbeatWriter

CHANNEL = """
[channels.bench]
kind = "webhook"
url = "{}"
"""
LONGEST_SECONDS = 10.0
MESSAGE = b"x" * 900
"""About as long as one of ours."""


def run(*, quick: bool) -> list[Row | Panel]:
    """Measure how long a message takes to the channel, many times, beside a bare POST to it."""
    with tempfile.TemporaryDirectory(prefix="tickbeat-told-") as folder, _channel() as channel:
        home = Home(Path(folder))
        settings = SETTINGS + CHANNEL.format(f"http://127.0.0.1:{channel.port}/")
        with monitors(home, settings, RULES, MODULES | {"notifier": "notifier"}):
            writer = HeartbeatWriter(home.heartbeat, engine="main", interval_seconds=0.1)
            try:
                taken, bare = _messages(home, writer, channel, 40 if quick else 300)
            finally:
                writer.close()
    ordered = sorted(one * 1e3 for one in taken)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    rows: list[Row | Panel] = [
        Row(
            what=f"critical tick → request arrives at a loopback channel, {name}",
            ours=f"{figure:.2f} ms over {len(ordered)}",
            spread=spread(ordered, "ms"),
            yardstick=f"a bare POST there {statistics.median(bare) * 1e3:.2f} ms",
            figure=figure, budget=budget, unit="ms",
        )
        for name, figure, budget in (
            ("median", statistics.median(ordered), 100.0),
            ("p99", p99, 500.0),
        )
    ]  # fmt: skip
    shares = tuple((one, (n + 1) / len(ordered) * 100) for n, one in enumerate(ordered))
    title = "Critical tick → request at a channel: within what time"
    curve = Curve(title=title, x="ms", unit="% of messages", lines=(Line("", shares),))
    return [*rows, curve]


class _Channel:
    """The other side of a channel: says when a request was there, whole."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer._arrived.put((time.perf_counter(), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self.http.server_address[1]

    def wait_for(self, text: bytes) -> float:
        """Return when the next request with this in it was there. Raises TimeoutError."""
        deadline = time.perf_counter() + LONGEST_SECONDS
        while (left := deadline - time.perf_counter()) > 0:
            try:
                at, body = self._arrived.get(timeout=left)
            except queue.Empty:
                break
            if text in body:
                return at
        raise TimeoutError(f"no {text.decode()} within {LONGEST_SECONDS:g} s")


@contextmanager
def _channel() -> Iterator[_Channel]:
    channel = _Channel()
    threading.Thread(target=channel.http.serve_forever, daemon=True).start()
    try:
        yield channel
    finally:
        channel.http.shutdown()
        channel.http.server_close()


def _messages(
    home: Home, writer: HeartbeatWriter, channel: _Channel, times: int
) -> tuple[list[float], list[float]]:
    """Return the seconds from each tripping tick to its request, and of bare POSTs between."""
    well = {"risk": {"circuit_breaker_active": False, "daily_loss_pct": 0.1}}
    tripped = {"risk": {"circuit_breaker_active": True, "daily_loss_pct": 0.1}}
    writer.record_tick(well)
    until(lambda: _evaluated(home) > 0, "an evaluated snapshot", 60)
    taken: list[float] = []
    bare: list[float] = []
    for number in range(times):
        time.sleep(0.3 + number % 7 * 0.013)  # past what the collector lets through at once
        began = time.perf_counter()
        writer.record_tick(tripped)
        taken.append(channel.wait_for(b'"status":"firing"') - began)
        time.sleep(0.3)
        writer.record_tick(well)
        channel.wait_for(b'"status":"resolved"')
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", channel.port)
        connection.request("POST", "/", MESSAGE)
        bare.append(channel.wait_for(MESSAGE) - began)
        connection.getresponse().read()
        connection.close()
    return taken, bare


def _evaluated(home: Home) -> int:
    state = read_state(home.state, "scheduler")
    return (state and state.snapshot_number) or 0
