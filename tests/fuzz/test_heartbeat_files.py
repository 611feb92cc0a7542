"""Heartbeat files of any content, through the real tail, fold, assembly and rules."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.line_reader import MAX_LINE_BYTES
from collectors.quarantine import Entry
from collectors.tick_line import Parsed, Reject, parse
from evaluator.rules import load
from monitoring.ambient import OwnHealth
from monitoring.calendar import AlwaysOpen
from monitoring.course import Course
from monitoring.snapshot import Snapshot
from tests.collectors_core.conftest import Reader
from tests.fuzz.conftest import fewer
from tests.fuzz.ticks import LINE

MOST_SNAPSHOT_BYTES = 4 * 1024 * 1024
NAMES = st.sampled_from(["main.jsonl", "main-k3v9.jsonl", "main-k3v9.1.jsonl", "main-w2.jsonl"])
STEPS = st.lists(
    st.one_of(
        st.tuples(NAMES, st.lists(LINE, min_size=1, max_size=5)),
        st.sampled_from(["snapshot", "restart", "cut"]),
    ),
    min_size=1,
    max_size=6,
)


def specials(parsed: Parsed) -> int:
    return sum(not isinstance(run, list) for run in parsed.runs)


def ticks(parsed: Parsed) -> int:
    return sum(len(run) for run in parsed.runs if isinstance(run, list))


def _told(reject: Reject) -> tuple[bytes, str]:
    return reject.line, reject.reason


@fewer(2)
@given(st.lists(LINE, max_size=8))
def test_each_line_is_a_tick_a_special_line_or_kept_with_a_reason(lines: list[bytes]) -> None:
    parsed = parse(b"".join(line + b"\n" for line in lines))
    alone = [parse(line + b"\n") for line in lines]

    assert parsed.lines == len(lines)
    assert ticks(parsed) + specials(parsed) + len(parsed.rejects) == len(lines)
    assert all(reject.reason for reject in parsed.rejects)
    assert ticks(parsed) == sum(map(ticks, alone))
    assert sorted(map(_told, parsed.rejects)) == sorted(
        _told(reject) for one in alone for reject in one.rejects
    )


class Home:
    """A home that is read step by step, and what is expected of it."""

    def __init__(self, root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        self.reader = Reader(root)
        self.course = Course(load(None), self.reader.config, AlwaysOpen("Asia/Kolkata"))
        self.lines = self.specials = self.rejected = self.ticks = 0

    def append(self, name: str, lines: list[bytes]) -> None:
        # What is not a file of this engine is left alone, whole: that is another test's subject.
        self.reader.append(name, b"".join(line + b"\n" for line in lines))

    def snapshot(self) -> Snapshot:
        self.reader.pass_seconds(1.0)
        self.reader.read()
        snapshot = self.reader.snapshot()
        self.ticks += snapshot.window.ticks
        self.course.take(snapshot)
        self.course.judge(snapshot.instant, 0.0, OwnHealth(0, 0, 0, 0, None))
        return snapshot


@fewer(8)
@given(steps=STEPS)
def test_every_line_is_counted_once_whatever_it_holds_and_snapshots_stay_small(
    steps: list[tuple[str, list[bytes]] | str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(tmp_path_factory.getbasetemp() / "fuzzed")
    for step in steps:
        if step == "snapshot":
            home.snapshot()
        elif step == "restart":
            home.reader.restart()
        elif step == "cut":
            home.reader.append("main.jsonl", b'{"half')
        else:
            home.append(*step)
    last = home.snapshot()
    again = home.snapshot()

    size = max(file.stat().st_size for file in home.reader.home.snapshots.iterdir())
    assert size <= MOST_SNAPSHOT_BYTES
    assert again.collector.lines_read == last.collector.lines_read
    assert again.collector.bytes_behind == last.collector.bytes_behind
    written = [file.read_bytes() for file in home.reader.folder.iterdir()]
    lines = [line for data in written for line in data.split(b"\n")[:-1]]
    parsed = [parse(line + b"\n") for line in lines if len(line) < MAX_LINE_BYTES]
    oversize = len(lines) - len(parsed)
    counted = last.collector
    assert counted.lines_read == len(lines)
    assert counted.lines_rejected == sum(len(one.rejects) for one in parsed) + oversize
    assert home.ticks + counted.ticks_duplicate == sum(map(ticks, parsed))
    kept = home.reader.home.quarantine / "rejected.jsonl"
    if kept.exists():
        entries = [msgspec.json.decode(one, type=Entry) for one in kept.read_bytes().splitlines()]
        assert all(entry.reason and len(entry.reason) <= 300 for entry in entries)
        assert len(entries) <= counted.lines_rejected
