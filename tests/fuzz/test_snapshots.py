"""Snapshots of any content: as the collector's checkpoint, for rules, backtests and the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.rules import load
from monitoring.ambient import OwnHealth
from monitoring.calendar import AlwaysOpen
from monitoring.config import Config
from monitoring.course import Course
from monitoring.excerpt import Excerpts
from monitoring.history import History, query
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotUnreadable, decode
from tests.collectors_core.conftest import Lines, Reader
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, altered, encoded, spoilt
from tests.fuzz.records import plain
from tests.fuzz.ticks import CLOSE, HEADER, PULSE, TICK

CONFIG = Config()
RULES = load(None)
EXCERPTS = Excerpts([RULES], CONFIG)


def at_work(root: Path) -> Reader:
    """Return a collector that has read lines of every kind, and has a gap behind it."""
    reader = Reader(root)
    lines = [HEADER, TICK, {**TICK, "seq": 9}, PULSE, CLOSE, {**TICK, "writer": None, "seq": None}]
    reader.append("main-k3v9.jsonl", b"".join(encoded(line) + b"\n" for line in lines))
    reader.append("main.jsonl", encoded(TICK) + b"\n")
    reader.pass_seconds(5)
    reader.read()
    return reader


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return plain(at_work(tmp_path_factory.mktemp("sound") / "home").snapshot())


def anything(sound: Any) -> st.SearchStrategy[bytes]:
    parts = st.sampled_from(["collector", "window", "last", "heartbeat", "breeze", "custom"])
    inner = parts.flatmap(lambda part: altered(sound[part]).map(lambda one: {**sound, part: one}))
    whole = altered(sound)
    return st.one_of(
        inner.map(encoded), inner.map(encoded), whole.map(encoded), spoilt(encoded(sound)), BYTES
    )


def decoded(data: bytes) -> Snapshot | None:
    try:
        return decode("metrics_x.json", data)
    except SnapshotUnreadable:
        return None


@fewer(4)
@given(data=st.data())
def test_a_collector_goes_on_from_it_or_from_the_one_before(
    data: st.DataObject, sound: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader = at_work(emptied(tmp_path_factory) / "home")
    reader.snapshot()
    reader.pass_seconds(1)
    reader.snapshot()
    newest = max(reader.home.snapshots.iterdir())
    newest.write_bytes(data.draw(anything(sound)))
    readable = decoded(newest.read_bytes()) is not None

    reader.restart()
    reader.append("main-n.jsonl", Lines.ticks(1, 3, "n"))
    for _ in range(2):
        reader.pass_seconds(1)
        reader.read()
        written = reader.snapshot()
        assert reader.store.newest() is not None
    if not readable:
        assert reader.store.skipped == []
        assert written.collector.lines_rejected == 0
    assert written.collector.writers


@fewer(3)
@given(data=st.data())
def test_rules_judge_it_and_a_backtest_reads_the_same(data: st.DataObject, sound: Any) -> None:
    content = data.draw(anything(sound))
    snapshot = decoded(content)
    if snapshot is None:
        return
    told = []
    for taken in (snapshot, EXCERPTS.decode("metrics_x.json", content)):
        course = Course(RULES, CONFIG, AlwaysOpen("Asia/Kolkata"))
        course.take(taken)
        course.judge(snapshot.instant, 0.0, OwnHealth())
        told.append([(one.rule.name, one.truth) for one in course.verdicts])
    assert told[0] == told[1]


@fewer(5)
@given(data=st.data())
def test_the_index_takes_it(
    data: st.DataObject, sound: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    snapshot = decoded(data.draw(anything(sound)))
    if snapshot is None:
        return
    path = emptied(tmp_path_factory) / "history.sqlite3"
    history = History(path)
    history.open()
    try:
        assert history.add([("metrics_20251012T070456.123Z.json", snapshot)]) == 1
    finally:
        history.close()
    assert query(path, ("pnl.daily", "collector.lines_read"), 0, 2**50, 300_000)
