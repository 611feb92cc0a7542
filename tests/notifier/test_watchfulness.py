"""Each link of the chain is stopped for real: the right ping turns, and only that one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from monitoring.bell import Bell
from monitoring.clock import SystemClock
from monitoring.settings import load
from monitoring.supervisor import Supervisor
from notifier.process import Process

Desk = Any
Serve = Callable[..., Any]
SETTINGS = 'interval_seconds = 1\nevaluate_seconds = 0.5\n[calendar]\nname = "always"\n'
RULE = """
[[rule]]
name = "{}"
severity = "WARNING"
when = ["collector.disk_free_bytes > 0.0"]
message = "it is so"
"""


class Watched:
    """Collector and scheduler as processes, and a notifier that pings each second."""

    def __init__(self, desk: Desk, serve: Serve) -> None:
        self.desk = desk
        self.chain, self.delivery, self.hook = serve(), serve(), serve()
        desk.home.settings.write_text(SETTINGS)
        desk.environ["MONITOR_DEAD_MAN__CHAIN_URL"] = f"{self.chain.url}/ping"
        desk.environ["MONITOR_DEAD_MAN__DELIVERY_URL"] = f"{self.delivery.url}/ping"
        desk.channel("hook", kind="webhook", url=self.hook.url)
        self.rule("first")
        self.collector, self.scheduler = self._begin("collectors"), self._begin("scheduler")
        self._ending = threading.Event()
        self._bell = Bell()
        process = Process(
            desk.home, load(desk.home, desk.environ), self._bell, self._ending.is_set,
            SystemClock(), ping_seconds=1.0,
        )  # fmt: skip
        supervisor = Supervisor({}, time.monotonic_ns)
        self._thread = threading.Thread(target=process.run, args=(supervisor,))
        self._thread.start()

    def _begin(self, module: str) -> subprocess.Popen[bytes]:
        with (self.desk.home.root / f"{module}.out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=self.desk.home.root, env=self.desk.environ, stdout=out, stderr=out,
            )  # fmt: skip
        self.desk.running.append(process)
        return process

    def rule(self, *names: str) -> None:
        self.desk.home.rules.write_text("".join(RULE.format(name) for name in names))

    def until(self, server: Any, way: str, words: str = "") -> None:
        """Wait for a ping of today's kind: what was asked before does not count."""
        before = len(server.requests)

        def came() -> bool:
            return any(
                one.path == f"/ping{way}" and words in one.body for one in server.requests[before:]
            )

        self.desk.wait(came, f"{way or 'success'}: {words}")

    def end(self) -> None:
        self._ending.set()
        self._bell.ring()
        self._thread.join(30)


@pytest.fixture
def watched(desk: Desk, serve: Serve) -> Iterator[Watched]:
    one = Watched(desk, serve)
    yield one
    one.end()


@pytest.mark.fault("N8")
def test_each_link_that_stops_turns_its_own_ping_and_no_other(watched: Watched) -> None:
    chain, delivery = watched.chain, watched.delivery
    watched.desk.wait(lambda: chain.requests and delivery.requests, "the first pings")
    assert [one.requests[0].path for one in (chain, delivery)] == ["/ping/start"] * 2
    watched.until(chain, "", "main: well")
    watched.until(delivery, "", "main: well")

    watched.collector.send_signal(signal.SIGSTOP)
    watched.until(chain, "/fail", "see the collector")
    watched.collector.send_signal(signal.SIGCONT)
    watched.until(chain, "", "main: well")
    told = [one.path for one in delivery.requests[1:]]
    assert set(told) == {"/ping"}, "the delivery ping went on"

    alive = len(chain.requests)
    watched.hook.always.code = 503
    watched.rule("first", "second")
    watched.until(delivery, "/fail", "hook: HTTP 503")
    watched.hook.always.code = 200
    watched.until(delivery, "", "main: well")
    assert {one.path for one in chain.requests[alive:]} == {"/ping"}, "the chain ping went on"

    failed = len(delivery.requests)
    watched.scheduler.kill()
    watched.scheduler.wait()
    watched.until(chain, "/fail", "see the scheduler")
    assert {one.path for one in delivery.requests[failed:]} == {"/ping"}
