"""The machine was off when files should have gone, and an alert fires for longer than they stay."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import fold, read

Monitored = Any
BREAKER = b'{"kind":"tick","risk":{"circuit_breaker_active":true}}\n'
DAY_SECONDS = 86_400


class Days:
    """The home's processes, so many days ago."""

    def __init__(self, monitored: Monitored, shim: dict[str, str]) -> None:
        self._monitored = monitored
        self._shim = shim
        self._runs = 0
        # A disk that is low for as long as it is looked at.
        settings = monitored.home.settings
        low = f"disk_warning_bytes = {1 << 60}"
        settings.write_text(settings.read_text().replace("disk_warning_bytes = 2", low))

    def live(self, days_ago: int) -> None:
        """Run both until the nightly purge, which is due at each start, is done; then they end."""
        home = self._monitored
        before = self._newest_log()
        Path(self._shim["SHIM_OFFSET"]).write_text(str(-days_ago * DAY_SECONDS * 1000))
        home.collector(**self._shim)
        home.wait(home.snapshots, "a snapshot")
        home.scheduler(**self._shim)
        home.wait(self._is_purged, "the purge that was missed")
        home.wait(lambda: "disk_low" in fold(home.home.alerts).states, "the alert that lasts")
        home.append("main.jsonl", BREAKER)  # the log of a date begins with the first news
        home.wait(lambda: self._newest_log() != before, "that date's log")
        assert set(home.stop()) == {0}
        self._date(days_ago)

    def _newest_log(self) -> str:
        return max((file.name for file in self._monitored.home.alerts.glob("*.jsonl")), default="")

    def _is_purged(self) -> bool:
        runs: int = self._monitored.state("scheduler").jobs["retention"].runs
        done, self._runs = runs > self._runs, max(runs, self._runs)
        return done

    def _date(self, days_ago: int) -> None:
        """Give the files the times that a kernel would have given them then."""
        then = time.time() - days_ago * DAY_SECONDS
        home = self._monitored.home
        for file in [*home.snapshots.iterdir(), *home.alerts.iterdir()]:
            os.utime(file, (then, then))


@pytest.mark.fault("P3", "A6")
@pytest.mark.long
def test_the_purge_is_caught_up_at_the_start_and_an_alert_outlives_its_file(
    monitored: Monitored, shim: dict[str, str]
) -> None:
    days = Days(monitored, shim)
    days.live(100)
    old = {*monitored.home.snapshots.iterdir(), *monitored.home.alerts.iterdir()}
    fired = monitored.firing("disk_low")
    days.live(99)
    assert not [file for file in old if not file.exists()], "it is not their time yet"

    days.live(0)
    assert not [file for file in old if file.exists()]
    folded = fold(monitored.home.alerts)
    assert (folded.states["disk_low"].id, folded.faults) == (fired.id, [])
    carried = [one for one in read(monitored.home.alerts) if one.kind == "carry"]
    assert (fired.id, fired.fired_at) in {(one.id, one.fired_at) for one in carried}
