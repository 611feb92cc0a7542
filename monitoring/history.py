"""The history index: numbers of every snapshot and of every five minutes, in SQLite.

Derived from the snapshot files: delete it and it is built again. One process writes it, readers
open it read-only. A field's place in a row (see `monitoring.points`) is its id in the table
`field`: they count up from 0.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from monitoring.history_file import FAULTS, Unsound, connect, ids_of, is_useless, reading, remove
from monitoring.points import (
    Doc,
    Point,
    Row,
    decode_row,
    doc_of,
    encode_row,
    join,
    join_rows,
    points_decoder,
    row_of,
)
from monitoring.snapshot import Snapshot, file_name, file_wall_ms

__all__ = [
    "BUCKET_MS", "History", "HistoryDamaged", "Point", "Series", "doc_of", "fields", "join",
    "last_indexed", "query",
]  # fmt: skip

BUCKET_MS = 300_000
BATCH = 500
_END_MS = 253_402_300_800_000
"""The year 10000, which no file name tells."""


class Series(msgspec.Struct, frozen=True):
    """One field over time: (start of the stretch in POSIX ms, what it did), oldest first."""

    field: str
    points: list[tuple[int, Point]]


class HistoryDamaged(Exception):
    """The index can't be read any more and was removed: the next `open` begins a new one."""


class History:
    """The writer's side of the index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._base: sqlite3.Connection | None = None
        self._ids: dict[str, int] = {}

    def open(self) -> str | None:
        """Open or create the index; return why an old one had to be removed, None when none had.

        Raises OSError or sqlite3.Error when it can't be opened or made.
        """
        reason = None
        try:
            self._base = connect(self._path)
            self._ids = ids_of(self._base)
        except FAULTS as fault:
            self.close()
            if not is_useless(fault):
                raise  # locked, or no access: what is in it is sound
            reason = f"the history index is made anew from the snapshots: {fault}"
            remove(self._path)
            self._base = connect(self._path)
            self._ids = {}
        return reason

    def last_indexed(self, up_to_ms: int | None = None) -> str | None:
        """Return the newest name in the index, of those up to a time in POSIX ms when it is given.

        Raises HistoryDamaged, other sqlite3.Error.
        """
        with self._sound() as base:
            return _last_name(base, up_to_ms)

    def add(self, rows: Iterable[tuple[str, Snapshot]]) -> int:
        """Index snapshots (name, content) in the order of their names; return how many were new.

        Raises HistoryDamaged, other sqlite3.Error.
        """
        added = 0
        for batch in _batches(rows):
            try:
                with self._sound() as base, base:
                    added += self._add_batch(base, batch)
            except BaseException:
                self._ids = {}  # ids given in a batch that was rolled back are no longer
                raise
        return added

    def purge(self, before_ms: int) -> None:
        """Forget what is older than `before_ms`, and look the whole index over.

        Raises HistoryDamaged, other sqlite3.Error.
        """
        with self._sound() as base, base:
            fault = base.execute("PRAGMA quick_check(1)").fetchone()[0]
            if fault != "ok":
                raise Unsound(fault)
            base.execute("DELETE FROM snapshot WHERE at_ms < ?", (before_ms,))
            base.execute("DELETE FROM bucket WHERE at_ms < ?", (before_ms - BUCKET_MS,))

    def close(self) -> None:
        """Close the index."""
        if self._base is not None:
            self._base.close()
            self._base = None

    @contextlib.contextmanager
    def _sound(self) -> Iterator[sqlite3.Connection]:
        """Give the open index; one that proves to be damaged is removed, with HistoryDamaged."""
        if self._base is None:
            raise RuntimeError("open() the history first")
        try:
            yield self._base
        except FAULTS as fault:
            if not is_useless(fault):
                raise
            self.close()
            remove(self._path)
            raise HistoryDamaged(
                f"the history index is damaged ({fault}) and was removed: "
                "the next run makes it anew"
            ) from fault

    def _add_batch(self, base: sqlite3.Connection, rows: list[tuple[str, Snapshot]]) -> int:
        buckets: dict[int, Row] = {}
        added = 0
        for name, snapshot in rows:
            row = self._row(base, doc_of(snapshot))
            at_ms = snapshot.wall_ms
            done = base.execute(
                "INSERT OR IGNORE INTO snapshot VALUES (?, ?, ?)",
                (file_wall_ms(name), at_ms, encode_row(row)),
            )
            if done.rowcount < 1:
                continue
            added += 1
            start = at_ms - at_ms % BUCKET_MS
            if start not in buckets:
                found = base.execute("SELECT doc FROM bucket WHERE at_ms = ?", (start,)).fetchone()
                buckets[start] = [] if found is None else decode_row(found[0])
            join_rows(buckets[start], row)
        base.executemany(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?)",
            [(start, encode_row(row)) for start, row in buckets.items()],
        )
        return added

    def _row(self, base: sqlite3.Connection, doc: Doc) -> Row:
        ids = self._ids or ids_of(base)
        self._ids = ids
        for field in doc:
            if field not in ids:
                ids[field] = len(ids)
                base.execute("INSERT INTO field VALUES (?, ?)", (ids[field], field))
        return row_of(doc, ids)


def last_indexed(path: Path) -> str | None:
    """Return the name of the newest snapshot in the index, None when it is empty or missing.

    Raises sqlite3.DatabaseError when it is damaged.
    """
    if not path.is_file():
        return None
    with reading(path) as base:
        return _last_name(base)


def query(
    path: Path, fields: Sequence[str], since_ms: int, until_ms: int, every_ms: int
) -> list[Series]:
    """Return what the fields did within [since, until), in stretches that begin at whole multiples
    of `every_ms`: the first and the last may be cut short.

    Multiples of five minutes are answered from the five-minute table. A missing index is an
    empty one; raises sqlite3.DatabaseError when it is damaged.
    """
    series: dict[str, dict[int, Point]] = {field: {} for field in fields}
    if path.is_file():
        with reading(path) as base:
            ids = ids_of(base)
            found = sorted((ids[field], field) for field in series if field in ids)
            points_of = points_decoder([place for place, _ in found])
            wanted = [series[field] for _, field in found]
            for at_ms, blob in _rows(base, since_ms, until_ms, every_ms):
                start = at_ms - at_ms % every_ms
                for stretches, point in zip(wanted, points_of(blob), strict=True):
                    if point is not None:
                        earlier = stretches.get(start)
                        stretches[start] = point if earlier is None else join(earlier, point)
    return [Series(field, sorted(stretches.items())) for field, stretches in series.items()]


def fields(path: Path, since_ms: int, until_ms: int) -> list[str]:
    """Return the names of all fields that have a value within [since, until), sorted.

    Raises sqlite3.DatabaseError when the index is damaged.
    """
    if not path.is_file():
        return []
    with reading(path) as base:
        names = list(ids_of(base))
        seen = {
            place
            for _, blob in _rows(base, since_ms, until_ms, BUCKET_MS)
            for place, stored in enumerate(decode_row(blob))
            if stored is not None
        }
        if max(seen, default=-1) >= len(names):
            raise Unsound("a row has more fields than there are names")
    return sorted(names[place] for place in seen)


def _last_name(base: sqlite3.Connection, up_to_ms: int | None = None) -> str | None:
    limit = 2**63 - 1 if up_to_ms is None else up_to_ms
    found = base.execute(
        "SELECT max(name_ms) FROM snapshot WHERE name_ms <= ?", (limit,)
    ).fetchone()[0]
    if found is not None and not 0 <= found < _END_MS:
        raise Unsound(f"it names a snapshot of the time {found}")
    return None if found is None else file_name(found)


def _rows(
    base: sqlite3.Connection, since_ms: int, until_ms: int, every_ms: int
) -> Iterator[tuple[int, bytes]]:
    """Return the rows that make up [since, until), oldest first; of five minutes where they fit."""
    first = since_ms + -since_ms % BUCKET_MS
    last = until_ms - until_ms % BUCKET_MS
    if every_ms % BUCKET_MS or first >= last:
        return _select(base, "snapshot", since_ms, until_ms)
    return chain(
        _select(base, "snapshot", since_ms, first),
        _select(base, "bucket", first, last),
        _select(base, "snapshot", last, until_ms),
    )


def _select(
    base: sqlite3.Connection, table: str, since_ms: int, until_ms: int
) -> Iterator[tuple[int, bytes]]:
    return base.execute(
        f"SELECT at_ms, doc FROM {table} WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms",  # noqa: S608 -- one of our two names
        (since_ms, until_ms),
    )


def _batches(rows: Iterable[tuple[str, Snapshot]]) -> Iterator[list[tuple[str, Snapshot]]]:
    batch: list[tuple[str, Snapshot]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
