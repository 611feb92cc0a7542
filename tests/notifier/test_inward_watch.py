"""Collector and scheduler as real processes: one dies, and the notifier tells it."""

from __future__ import annotations

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
def test_a_collector_that_is_killed_is_told_within_30_seconds_and_its_return_too(
    desk: Desk, serve: Serve
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

    collector, _ = begin("collectors"), begin("scheduler")
    desk.start()

    def told(rule: str, status: str) -> bool:
        return (rule, status) in {(one.body["rule"], one.body["status"]) for one in server.requests}

    desk.wait(lambda: list(desk.home.snapshots.glob("*.json")), "the first snapshot")
    collector.kill()
    collector.wait()
    died = time.monotonic()
    rule = "notifier_sees_collector_dead"
    desk.wait(lambda: told(rule, "firing"), "the word of it")
    (first,) = [one for one in server.requests if one.body["rule"] == rule]
    assert first.at - died < 30
    begin("collectors")
    desk.wait(lambda: told(rule, "resolved"), "the word of its return")
    assert not told("notifier_sees_scheduler_dead", "firing")
