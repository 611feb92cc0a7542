"""What must be true afterwards, and whether it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitoring.alert_fold import fold, log_files, scan
from monitoring.alert_line import AlertLine
from monitoring.home import Home
from tests.torture.counted import Counted
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
    lost, again = newest.collector.ticks_lost, newest.collector.ticks_duplicate
    missing = sum(len(ledger.missing(one)) for one in ledger.seqs)
    outside = [
        gap
        for gap in newest.collector.gaps
        if not set(range(gap.first, gap.last + 1)) <= ledger.missing(gap.writer)
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
            # Its queue holds minutes of ticks, and no bad time of a disk lasts that long.
            "no writer lost a tick before one that it wrote",
            f"{missing:,} missing",
            missing == 0,
        ),
        Finding(
            "what was not written lies in gaps, and nothing else does",
            f"{lost:,} in gaps, {missing:,} missing, {len(outside)} gaps elsewhere",
            lost == missing and not outside,
        ),
        Finding(
            "no tick was written or read twice",
            f"{ledger.doubled} doubled, {again} told by the collector",
            ledger.doubled == again == 0,
        ),
    ]


def _alerts(played: Played, home: Home) -> list[Finding]:
    # Not `read`, which shows a line that was written twice once.
    lines = [line for file in log_files(home.alerts) for line in scan(file.read_bytes()).lines]
    lines.sort(key=lambda line: line.seq)
    folded = fold(home.alerts)
    asked, answered = played.requests, [line.request for line in lines if line.request]
    seqs = [line.seq for line in lines]
    fired = [line for line in lines if (line.kind, line.status, line.notify) == FIRING]
    lives = _lives(lines)
    begun = [_active_ms(life[0]) for life in lives if "new" in _moves(life)]
    begins = [began - EARLY_MS for began, _ in played.conditions]
    # Of each incident, how many conditions had begun by then: its own was the last of them.
    belong = [bisect_right(begins, active) for active in begun]
    missed = set(range(1, len(begins) + 1)) - set(belong)
    late = [
        active
        for active, one in zip(begun, belong, strict=True)
        if one and active > played.conditions[one - 1][1]
    ]
    odd = [_moves(life) for life in lives if _moves(life) not in (LIFE, CUT_SHORT)]
    healed, torn = sum(line.kind == "healed" for line in lines), _torn(home.alerts)
    others = sorted({line.rule for line in fired} - MAY_FIRE)
    return [
        Finding(
            "every condition has exactly one incident, which began while it held",
            f"{len(begins)} conditions, {len(begun)} incidents, {len(missed)} missed, "
            f"{len(belong) - len(set(belong) - {0})} false or doubled, {len(late)} too late",
            begins != [] and belong == list(range(1, len(begins) + 1)) and not late,
        ),
        Finding(
            "each was pending, told firing and resolved, once",
            f"{odd or 'all were'}",
            not odd,
        ),
        Finding(
            "every one of them is over",
            ", ".join(sorted(folded.states)) or "nothing is open",
            "torture" not in folded.states,
        ),
        Finding(
            "every request was answered once, in order, and is in force",
            f"{len(asked)} asked, {len(answered)} answers, {len(folded.silences)} in force",
            asked == answered and sorted(folded.silences) == asked,
        ),
        Finding("nothing else fired", ", ".join(others) or "nothing", not others),
        Finding(
            "no alert line is torn, doubled or missing",
            f"{len(lines)} lines, {len(folded.faults)} faults, {torn - healed} torn "
            f"({healed} that a full disk cut short were written again, whole)",
            not folded.faults and seqs == list(range(1, len(seqs) + 1)) and torn == healed,
        ),
    ]


FIRING = ("alert", "firing", "new")
LIFE = ["pending", "new", "resolved"]
CUT_SHORT = ["pending", "inactive"]


def _lives(lines: list[AlertLine]) -> list[list[AlertLine]]:
    """Return the lines of each incident of the run's rule, by when they began."""
    lives: dict[str, list[AlertLine]] = {}
    for line in lines:
        if (line.kind, line.rule) == ("alert", "torture"):
            lives.setdefault(line.id, []).append(line)
    return sorted(lives.values(), key=lambda life: _active_ms(life[0]))


def _moves(life: list[AlertLine]) -> list[str | None]:
    return [line.notify for line in life if line.notify != "clearing"]


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
    alone = [
        (name, status)
        for name, actor in played.actors.items()
        for at, status in actor.ends
        if not _on_a_bad_disk(played, at)
    ]
    internal = [text for at, text in _logged(home) if not _on_a_bad_disk(played, at)]
    internal += ["the engine's stderr"] * ("Traceback" in played.actors["engine"].said)
    return [
        Finding("no process ended by itself on a sound disk", f"{alone or 'none did'}", not alone),
        Finding(
            "all ended well when they were asked",
            ", ".join(f"{name} {status}" for name, status in played.last.items()),
            set(played.last.values()) == {0},
        ),
        Finding(
            "no traceback, no internal error on a sound disk",
            "; ".join(internal) or "none in the logs",
            not internal,
        ),
    ]


def _on_a_bad_disk(played: Played, at: float) -> bool:
    bad = [one for times in played.spells.values() for one in times]
    return any(began - 1 <= at <= ended + 3 for began, ended in bad)


def _logged(home: Home) -> Iterator[tuple[float, str]]:
    """Yield when an exception nobody expected was logged, and with what words."""
    for file in home.logs.glob("*.jsonl"):
        for text in file.read_bytes().splitlines():
            try:
                line: dict[str, str] = msgspec.json.decode(text)
            except msgspec.DecodeError:
                continue  # torn by a full disk or a kill
            if "exception" in line or "internal error" in line["message"]:
                yield datetime.fromisoformat(line["timestamp"]).timestamp(), line["message"]
