"""Fields over time: the history index, and the snapshots that are too new to be in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from monitoring.history import Point, doc_of, join, query
from monitoring.home import Home
from monitoring.snapshot import Snapshot, file_name
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable

Stretches = dict[str, dict[int, Point]]
"""field → start of the stretch (POSIX ms) → what the field did in it."""

EVERY_SNAPSHOT = "collector.lines_read"
"""A field that no snapshot lacks: its newest point says how far the index goes."""

INDEX_LAG_MS = 2 * 3600 * 1000


class Span(msgspec.Struct, frozen=True):
    """From `since_ms` to before `until_ms`, in stretches of `every_ms`."""

    since_ms: int
    until_ms: int
    every_ms: int


class Found(msgspec.Struct):
    """What was found; `note` says what could not be used, in words."""

    stretches: Stretches
    note: str | None = None


def collect(
    home: Home,
    fields: Sequence[str],
    span: Span,
    *,
    progress: Callable[[int], None] = lambda _read: None,
    most: int | None = None,
) -> Found:
    """Return the fields over a span of time. Without an index all snapshots are read, at most
    `most` of them; `progress` is told how many so far.
    """
    found = Found({field: {} for field in fields})
    newest: int | None = None
    try:
        for series in query(home.history, fields, span.since_ms, span.until_ms, span.every_ms):
            found.stretches[series.field].update(series.points)
        newest = _indexed_until(home, span)
    except sqlite3.DatabaseError as error:
        found.stretches = {field: {} for field in fields}
        found.note = f"the history index can't be used ({error}): reading the snapshots themselves"
    store = SnapshotStore(home.snapshots)
    later = _all(store, span) if newest is None else _newer(store, newest)
    try:
        for read, snapshot in enumerate(islice(later, most), 1):
            _add(found.stretches, fields, snapshot, span)
            if read % 500 == 0:
                progress(read)
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        found.note = f"not all snapshots can be read ({error})"
    return found


def _indexed_until(home: Home, span: Span) -> int | None:
    """Return the time of the newest snapshot in the index, None when it holds none lately."""
    start = max(0, span.until_ms - INDEX_LAG_MS)
    lately = query(home.history, (EVERY_SNAPSHOT,), start, span.until_ms, 1)
    points = lately[0].points
    return points[-1][0] if points else None


def _newer(store: SnapshotStore, newest_ms: int) -> Iterator[Snapshot]:
    for name in store.names_after(file_name(newest_ms)):
        try:
            snapshot = store.read(name)
        except SnapshotUnreadable:
            continue
        if snapshot.wall_ms > newest_ms:  # its name may be later than its time, see the store
            yield snapshot


def _all(store: SnapshotStore, span: Span) -> Iterator[Snapshot]:
    for _, snapshot in store.between(span.since_ms, span.until_ms):
        yield snapshot


def _add(stretches: Stretches, fields: Iterable[str], snapshot: Snapshot, span: Span) -> None:
    if not span.since_ms <= snapshot.wall_ms < span.until_ms:
        return
    doc = doc_of(snapshot)
    start = snapshot.wall_ms - snapshot.wall_ms % span.every_ms
    for field in fields:
        point = doc.get(field)
        if point is not None:
            earlier = stretches[field].get(start)
            stretches[field][start] = point if earlier is None else join(earlier, point)
