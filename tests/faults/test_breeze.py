"""Breeze on loopback hangs, or refuses, under real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring.atomic import SECRET_MODE, write_atomic
from tests.breeze_stub import APP_KEY, SESSION_KEY, Stub

Monitored = Any
BREAKER = b'{"kind":"tick","writer":"w1","seq":1,"risk":{"circuit_breaker_active":true}}\n'


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running


def ask(monitored: Monitored, url: str, every_seconds: int) -> dict[str, str]:
    """Let the home ask this Breeze; return the collector's environment."""
    settings = monitored.home.settings
    settings.write_text(
        f'{settings.read_text()}[breeze]\nbase_url = "{url}"\n'
        f"probe_interval_seconds = {every_seconds}\ndeadline_seconds = {every_seconds - 1}\n"
    )
    log_in(monitored, SESSION_KEY)
    return {"MONITOR_BREEZE__APP_KEY": APP_KEY}


def log_in(monitored: Monitored, key: str) -> None:
    path: Path = monitored.home.root / "data" / "breeze_session"
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, key.encode(), mode=SECRET_MODE, durable=False)


@pytest.mark.fault("B1")
def test_a_server_that_keeps_the_probe_waiting_delays_no_snapshot_and_no_alert(
    monitored: Monitored, stub: Stub
) -> None:
    monitored.collector(**ask(monitored, f"{stub.url}/drip", 60))
    monitored.scheduler()
    monitored.wait(stub.asked, "the question")
    before = monitored.snapshots()[-1].snapshot
    monitored.append("main-w1.jsonl", BREAKER)
    monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "the alert")
    monitored.wait(lambda: monitored.snapshots()[-1].snapshot > before + 3, "more snapshots")
    assert monitored.snapshots()[-1].breeze.detail == "not asked yet", (
        "the probe waits all the time"
    )
    assert monitored.stop() == [0, 0]


def refusals(monitored: Monitored) -> list[str]:
    """Return the words of each alert about the session that fired."""
    return [
        line.message
        for line in monitored.alerts()
        if (line.rule, line.status, line.notify) == ("breeze_session_expired", "firing", "new")
    ]


@pytest.mark.fault("B2")
@pytest.mark.long
def test_each_refusal_is_an_alert_that_says_which_key_is_wrong(
    monitored: Monitored, stub: Stub
) -> None:
    monitored.collector(**ask(monitored, f"{stub.url}/keys", 10))
    monitored.scheduler()
    monitored.wait(
        lambda: (found := monitored.snapshots()) and found[-1].breeze.status == "authenticated",
        "a valid session",
    )
    stub.expired_keys.add(SESSION_KEY)  # midnight
    monitored.wait(lambda: len(refusals(monitored)) == 1, "the alert about the old session")
    log_in(monitored, "typo")
    monitored.wait(lambda: len(refusals(monitored)) == 2, "the alert about the wrong session")
    stub.app_key = "another"
    log_in(monitored, "third")
    monitored.wait(lambda: len(refusals(monitored)) == 3, "the alert about the app key")
    assert refusals(monitored) == [
        f"Breeze refuses the session: {status}, 2 times in a row"
        for status in ("session expired", "bad session", "bad app key")
    ]
    assert monitored.stop() == [0, 0]
