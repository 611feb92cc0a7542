"""Collector and scheduler as real processes: one dies or hangs, and the notifier tells it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

Desk = Any
Serve = Callable[..., Any]


@pytest.mark.long
@pytest.mark.fault("N5")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("which", ["collector", "scheduler"])
def test_one_that_is_killed_or_hangs_is_told_within_30_seconds_and_its_return_too(
    desk: Desk, serve: Serve, which: str, how: signal.Signals
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    desk.home.settings.write_text('[calendar]\nname = "always"\n')

    def begin(module: str) -> subprocess.Popen[bytes]:
        with (desk.home.root / f"{module}.out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=desk.home.root, env=desk.environ, stdout=out, stderr=out,
            )  # fmt: skip
        desk.running.append(process)
        return process

    victims = {"collector": begin("collectors"), "scheduler": begin("scheduler")}
    desk.start()

    def told(rule: str, status: str) -> bool:
        return (rule, status) in {(one.body["rule"], one.body["status"]) for one in server.requests}

    desk.wait(lambda: list(desk.home.snapshots.glob("*.json")), "the first snapshot")
    settle = time.monotonic() + 16  # so long the others have at the notifier's start
    desk.wait(lambda: time.monotonic() > settle, "the time of the others")
    victims[which].send_signal(how)
    died = time.monotonic()
    rule = f"notifier_sees_{which}_dead"
    desk.wait(lambda: told(rule, "firing"), "the word of it")
    (first,) = [one for one in server.requests if one.body["rule"] == rule]
    assert first.at - died < 30
    if how == signal.SIGSTOP:
        victims[which].send_signal(signal.SIGCONT)
    else:
        victims[which].wait()
        begin({"collector": "collectors"}.get(which, which))
    desk.wait(lambda: told(rule, "resolved"), "the word of its return")
    (other,) = {*victims} - {which}
    assert not told(f"notifier_sees_{other}_dead", "firing")
