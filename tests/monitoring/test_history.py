"""The history index: what the snapshots say, quicker; lost, it is made again from them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.stats import Stats
from monitoring.history import (
    BUCKET_MS,
    History,
    HistoryDamaged,
    Point,
    fields,
    last_indexed,
    query,
)
from monitoring.snapshot import CollectorStatus, Snapshot, Window, file_name

NOON_MS = 1_760_250_600_000 - 1_760_250_600_000 % BUCKET_MS
Row = tuple[str, Snapshot]


def row(seconds: int, daily: float | None = None, worst: float | None = None) -> Row:
    """Return a snapshot; `worst` is what its window saw besides what is last."""
    wall_ms = NOON_MS + seconds * 1000
    stats = {}
    if daily is not None:
        low = daily if worst is None else min(daily, worst)
        high = daily if worst is None else max(daily, worst)
        mean = daily if worst is None else (daily + worst) / 2
        count = 1 if worst is None else 2
        first = daily if worst is None else worst
        stats["pnl.daily"] = Stats(
            count=count, first=first, last=daily, min=low, max=high, mean=mean
        )
    snapshot = Snapshot(
        snapshot=seconds, timestamp="", wall_ms=wall_ms, boottime_ns=1, boot_id="b", engine="main",
        reason="interval", pnl={"daily": daily}, window=Window(ticks=1, seconds=1.0, stats=stats),
        collector=CollectorStatus(app_version="test"),
    )  # fmt: skip
    return file_name(wall_ms), snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    history = History(path)
    assert history.open() is None
    yield history
    history.close()


def daily(path: Path, every_ms: int = 1000) -> list[tuple[int, float]]:
    (series,) = query(path, ["pnl.daily"], NOON_MS, NOON_MS + 10**9, every_ms)
    return [((start - NOON_MS) // 1000, point.last) for start, point in series.points]


def test_snapshots_are_indexed_once_and_in_their_order(history: History, path: Path) -> None:
    rows = [row(seconds, float(seconds)) for seconds in range(0, 100, 10)]
    assert history.add(rows[:6]) == 6
    assert history.last_indexed() == rows[5][0] == last_indexed(path)
    assert history.add(rows) == 4
    assert daily(path) == [(seconds, float(seconds)) for seconds in range(0, 100, 10)]


def test_what_a_window_saw_for_a_moment_is_in_its_extremes(history: History, path: Path) -> None:
    history.add([row(0, -1.0, worst=-5.5), row(10, -1.0)])
    (series,) = query(path, ["pnl.daily"], NOON_MS, NOON_MS + BUCKET_MS, BUCKET_MS)
    assert series.points == [(NOON_MS, Point(-5.5, -1.0, -5.5, -1.0, pytest.approx(-2.5), 3))]


def test_null_is_no_number(history: History, path: Path) -> None:
    history.add([row(0, 1.0), row(10, None), row(20, 3.0)])
    assert daily(path) == [(0, 1.0), (20, 3.0)]
    assert "pnl.daily" in fields(path, NOON_MS, NOON_MS + 10**6)


NUMBERS = st.none() | st.integers(-1000, 1000).map(float)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), NUMBERS, NUMBERS), max_size=30),
    st.sampled_from([10_000, 60_000, BUCKET_MS, 2 * BUCKET_MS]),
    st.integers(1, 7),
)
def test_an_answer_is_that_of_the_snapshots_themselves(
    steps: list[tuple[int, float | None, float | None]], every_ms: int, batch: int
) -> None:
    rows, seconds = [], 0
    expected: dict[int, list[float]] = {}
    for gap, number, worst in steps:
        seconds += gap
        rows.append(row(seconds, number, worst))
        if number is not None:
            start = NOON_MS + seconds * 1000
            start -= start % every_ms
            expected.setdefault(start, []).extend([number] if worst is None else [worst, number])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        history = History(path)
        history.open()
        for first in range(0, len(rows), batch):
            history.add(rows[first : first + batch])
        history.close()
        (series,) = query(path, ["pnl.daily"], NOON_MS, NOON_MS + 10**9, every_ms)
    assert [start for start, _ in series.points] == sorted(expected)
    for start, point in series.points:
        seen = expected[start]
        assert (point.first, point.last, point.min, point.max, point.count) == (
            seen[0], seen[-1], min(seen), max(seen), len(seen),
        )  # fmt: skip
        assert point.mean == pytest.approx(sum(seen) / len(seen), rel=1e-6, abs=1e-3)


def test_a_missing_index_is_an_empty_one(path: Path) -> None:
    assert last_indexed(path) is None
    assert fields(path, 0, 10**14) == []
    assert daily(path) == []


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, None])
def test_an_index_that_is_none_is_made_anew(path: Path, content: bytes | None) -> None:
    path.parent.mkdir()
    if content is None:  # of another version
        with sqlite3.connect(path) as base:
            base.execute("PRAGMA user_version = 99")
            base.execute("CREATE TABLE snapshot (x)")
    else:
        path.write_bytes(content)
    history = History(path)
    reason = history.open()
    assert (reason is None) is (content == b"")
    assert history.add([row(0, 1.0)]) == 1
    history.close()
    assert daily(path) == [(0, 1.0)]


def damage(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def test_an_index_that_rotted_is_made_anew(path: Path) -> None:
    history = History(path)
    history.open()
    history.add([row(seconds, 1.0) for seconds in range(2000)])
    history.close()
    damage(path)
    assert "malformed" in (history.open() or "")
    assert history.add([row(0, 1.0)]) == 1
    history.close()


def test_an_index_that_rots_while_it_is_open_is_given_up_and_begun_again(path: Path) -> None:
    history = History(path)
    history.open()
    history.add([row(seconds, 1.0) for seconds in range(20_000)])
    history.close()
    history.open()
    damage(path)
    with pytest.raises(HistoryDamaged):
        history.add([row(20_000 + seconds, 1.0) for seconds in range(2000)])
    assert history.open() is None
    assert history.add([row(0, 1.0)]) == 1
    history.close()


def test_what_is_old_is_purged_and_the_rest_stays(history: History, path: Path) -> None:
    history.add([row(seconds, 1.0) for seconds in range(0, 3600, 100)])
    history.purge(NOON_MS + 1_800_000)
    assert min(seconds for seconds, _ in daily(path)) == 1800


def test_readers_read_while_the_writer_writes(history: History, path: Path) -> None:
    history.add([row(0, 0.0)])
    for seconds in range(1, 50):
        history.add([row(seconds, float(seconds))])
        assert len(daily(path)) == seconds + 1


def test_an_index_of_a_month_stays_small(history: History, path: Path) -> None:
    groups = {f"x{number}": float(number) for number in range(40)}
    rows = []
    for seconds in range(0, 20_000, 10):
        name, one = row(seconds, float(seconds))
        one.custom.update(groups)
        rows.append((name, one))
    history.add(rows)
    history.close()
    assert path.stat().st_size / len(rows) < 1_100  # bytes a snapshot: 285 MB in 30 days
