"""What must be true afterwards, and whether it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitoring.alert_fold import fold, read
from monitoring.alert_line import AlertLine
from monitoring.home import Home
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from tests.torture.ledger import Ledger
from tests.torture.play import Played

FOR_EVER_MS = 253_402_300_799_999
EARLY_MS = 50
"""What is written to the file a moment later than its time is noted."""

MAY_FIRE = {"torture", "disk_low", "monitor_degraded", "network_down"}
"""Drops and write errors of a full disk are told, and so is a machine without a network."""


class Finding(NamedTuple):
    """One promise: what was counted, and whether it holds."""

    promise: str
    figure: str
    holds: bool


class Counted:
    """What the snapshots say, gathered from each one once."""

    def __init__(self, home: Home) -> None:
        self._store = SnapshotStore(home.snapshots)
        self._after: str | None = None
        self.ticks = 0
        self.sum_of_numbers = 0.0
        self.snapshots = 0
        self.newest: Snapshot | None = None

    def look(self) -> None:
        """Take the snapshots that are new."""
        for name in self._store.names_after(self._after):
            one = self._store.read(name)
            self._after, self.newest = name, one
            self.snapshots += 1
            self.ticks += one.window.ticks
            stats = one.window.stats.get("custom.n")
            if stats is not None and stats.mean is not None:
                self.sum_of_numbers += stats.mean * stats.count

    def has(self, ledger: Ledger) -> bool:
        """Tell whether the collector got to the end."""
        self.look()
        return self.ticks >= ledger.ticks


def audit(played: Played, home: Home) -> list[Finding]:
    """Return each promise with what was found."""
    counted = Counted(home)
    counted.look()
    return [
        *_ticks(played.ledger, counted),
        *_alerts(played, home),
        *_processes(played, home),
    ]


def _ticks(ledger: Ledger, counted: Counted) -> list[Finding]:
    newest = counted.newest
    if newest is None:
        return [Finding("there are snapshots", "none", holds=False)]
    lost = newest.collector.ticks_lost
    least = sum(len(ledger.missing(one, as_told=False)) for one in ledger.seqs)
    most = sum(len(ledger.missing(one, as_told=True)) for one in ledger.told)
    outside = [
        gap
        for gap in newest.collector.gaps
        if not set(range(gap.first, gap.last + 1)) <= ledger.missing(gap.writer, as_told=True)
    ]
    return [
        Finding(
            "every tick on disk is counted exactly once",
            f"{ledger.ticks:,} on disk, {counted.ticks:,} in {counted.snapshots:,} snapshots",
            ledger.ticks == counted.ticks,
        ),
        Finding(
            "and it is each of them: their numbers add up",
            f"{ledger.sum_of_numbers:,} and {counted.sum_of_numbers:,.0f}",
            abs(ledger.sum_of_numbers - counted.sum_of_numbers)
            <= 1e-9 * ledger.sum_of_numbers + 0.5,
        ),
        Finding(
            "what was not written lies in gaps, and nothing else does",
            f"{lost:,} in gaps, {least:,} to {most:,} missing, {len(outside)} gaps elsewhere",
            least <= lost <= most and not outside,
        ),
        Finding("no writer wrote a tick twice", f"{ledger.doubled} doubled", ledger.doubled == 0),
    ]


def _alerts(played: Played, home: Home) -> list[Finding]:
    lines = list(read(home.alerts))
    folded = fold(home.alerts)
    seqs = [line.seq for line in lines]
    fired = [line for line in lines if (line.kind, line.status, line.notify) == FIRING]
    ours = [line for line in fired if line.rule == "torture"]
    begun = [_active_ms(line) for line in ours]
    begins = [began - EARLY_MS for began, _ in played.conditions]
    # Of each incident, how many conditions had begun by then: its own was the last of them.
    belong = [bisect_right(begins, active) for active in begun]
    missed = set(range(1, len(begins) + 1)) - set(belong)
    healed, torn = sum(line.kind == "healed" for line in lines), _torn(home.alerts)
    others = sorted({line.rule for line in fired} - MAY_FIRE)
    return [
        Finding(
            "every condition has exactly one incident",
            f"{len(begins)} conditions, {len(ours)} incidents, {len(missed)} missed, "
            f"{len(belong) - len(set(belong) - {0})} false or doubled",
            belong == list(range(1, len(begins) + 1)),
        ),
        Finding(
            "every one of them is over",
            ", ".join(sorted(folded.states)) or "nothing is open",
            "torture" not in folded.states,
        ),
        Finding("nothing else fired", ", ".join(others) or "nothing", not others),
        Finding(
            "no alert line is torn or doubled",
            f"{len(lines)} lines, {len(folded.faults)} faults, {torn - healed} torn "
            f"({healed} that a full disk cut short were written again, whole)",
            not folded.faults and seqs == list(range(1, len(seqs) + 1)) and torn == healed,
        ),
    ]


FIRING = ("alert", "firing", "new")


def _torn(folder: Path) -> int:
    """Count the pieces of lines in the log. Each must have a `healed` line behind it."""
    torn = 0
    for file in folder.glob("*.jsonl"):
        for text in file.read_bytes().splitlines():
            try:
                msgspec.json.decode(text)
            except msgspec.DecodeError:
                torn += 1
    return torn


def _active_ms(line: AlertLine) -> int:
    return line.clock.active_at.wall_ms if line.clock is not None else 0


def _processes(played: Played, home: Home) -> list[Finding]:
    bad = [one for times in played.spells.values() for one in times]
    alone = [
        (name, status)
        for name, actor in played.actors.items()
        for at, status in actor.ends
        if not any(began - 1 <= at <= ended + 3 for began, ended in bad)
    ]
    internal = len(re.findall("internal error|Traceback", _said(home)))
    return [
        Finding("no process ended by itself on a sound disk", f"{alone or 'none did'}", not alone),
        Finding(
            "all ended well when they were asked",
            ", ".join(f"{name} {status}" for name, status in played.last.items()),
            set(played.last.values()) == {0},
        ),
        Finding("no traceback, no internal error", f"{internal} in the logs", internal == 0),
    ]


def _said(home: Home) -> str:
    return "".join(file.read_text(errors="replace") for file in (home.root / "logs").glob("*.log"))
