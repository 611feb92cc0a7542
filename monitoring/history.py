"""The history index: numbers of every snapshot and of every five minutes, in SQLite.

Derived from the snapshot files: delete it and it is built again. One process writes it, readers
open it read-only. Two tables of the same shape: time (POSIX ms) → field → what it did then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from monitoring.snapshot import Snapshot, flatten

VERSION = 1
BUCKET_MS = 300_000
BATCH = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS snapshot (at_ms INTEGER PRIMARY KEY, name TEXT NOT NULL, doc BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS bucket (at_ms INTEGER PRIMARY KEY, doc BLOB NOT NULL);
"""


class Point(msgspec.Struct, array_like=True, frozen=True):
    """What one field did in one stretch of time; flags count as 0 and 1."""

    first: float
    last: float
    min: float
    max: float
    mean: float
    count: int


Doc = dict[str, Point]
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Doc).decode


class Series(msgspec.Struct, frozen=True):
    """One field over time: (start of the stretch in POSIX ms, what it did), oldest first."""

    field: str
    points: list[tuple[int, Point]]


def join(earlier: Point, later: Point) -> Point:
    """Return two adjoining stretches as one."""
    count = earlier.count + later.count
    mean = (earlier.mean * earlier.count + later.mean * later.count) / count
    return Point(
        earlier.first,
        later.last,
        min(earlier.min, later.min),
        max(earlier.max, later.max),
        mean,
        count,
    )


def doc_of(snapshot: Snapshot) -> Doc:
    """Return a snapshot's numbers; those of its window with their true extremes."""
    doc: Doc = {}
    for field, value in flatten(snapshot).items():
        if isinstance(value, bool | int | float) and not field.startswith("last."):
            number = float(value)
            doc[field] = Point(number, number, number, number, number, 1)
    for field, stats in snapshot.window.stats.items():
        if stats.min is not None and stats.max is not None and stats.last is not None:
            first = stats.last if stats.first is None else stats.first
            mean = stats.last if stats.mean is None else stats.mean
            doc[field] = Point(first, stats.last, stats.min, stats.max, mean, stats.count)
        elif stats.any is not None and stats.last is not None:
            low, high = float(bool(stats.all)), float(stats.any)
            doc[field] = Point(stats.last, stats.last, low, high, stats.last, stats.count)
    return doc


class History:
    """The writer's side of the index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._base: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the index; one that is damaged or of another version is made anew.

        Raises OSError or sqlite3.Error when that can't be done.
        """
        try:
            self._base = self._connect()
        except sqlite3.DatabaseError:
            self._remove()
            self._base = self._connect()

    def last_indexed(self) -> str | None:
        """Return the name of the newest snapshot in the index."""
        row = self._open().execute("SELECT name FROM snapshot ORDER BY at_ms DESC LIMIT 1")
        found = row.fetchone()
        return None if found is None else str(found[0])

    def add(self, rows: Iterable[tuple[str, Snapshot]]) -> int:
        """Index snapshots (name, content) in the order of their names; return how many were new."""
        base = self._open()
        added = 0
        for batch in _batches(rows):
            with base:
                added += self._add_batch(base, batch)
        return added

    def purge(self, before_ms: int) -> None:
        """Forget what is older than `before_ms`."""
        base = self._open()
        with base:
            base.execute("DELETE FROM snapshot WHERE at_ms < ?", (before_ms,))
            base.execute("DELETE FROM bucket WHERE at_ms < ?", (before_ms - BUCKET_MS,))

    def close(self) -> None:
        """Close the index."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def _open(self) -> sqlite3.Connection:
        if self._base is None:
            raise RuntimeError("open() the history first")
        return self._base

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
        try:
            version = base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"index version {version}")
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("PRAGMA synchronous=OFF")  # derived: a crash costs a rebuild, not data
            base.executescript(_SCHEMA)
            base.execute(f"PRAGMA user_version={VERSION}")
        except BaseException:
            base.close()
            raise
        return base

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _add_batch(self, base: sqlite3.Connection, rows: list[tuple[str, Snapshot]]) -> int:
        buckets: dict[int, Doc] = {}
        added = 0
        for name, snapshot in rows:
            doc = doc_of(snapshot)
            done = base.execute(
                "INSERT OR IGNORE INTO snapshot VALUES (?, ?, ?)",
                (snapshot.wall_ms, name, _ENCODE(doc)),
            )
            if not done.rowcount:
                continue
            added += 1
            start = snapshot.wall_ms - snapshot.wall_ms % BUCKET_MS
            if start not in buckets:
                row = base.execute("SELECT doc FROM bucket WHERE at_ms = ?", (start,)).fetchone()
                buckets[start] = {} if row is None else _DECODE(row[0])
            _join_docs(buckets[start], doc)
        base.executemany(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?)",
            [(start, _ENCODE(doc)) for start, doc in buckets.items()],
        )
        return added


def query(
    path: Path, fields: Sequence[str], since_ms: int, until_ms: int, every_ms: int
) -> list[Series]:
    """Return the fields in stretches of `every_ms` within [since, until).

    Whole multiples of five minutes are answered from the five-minute table. A missing index is an
    empty one; raises sqlite3.DatabaseError when it is damaged.
    """
    table = "bucket" if every_ms % BUCKET_MS == 0 else "snapshot"
    since_ms -= since_ms % every_ms
    series: dict[str, dict[int, Point]] = {field: {} for field in fields}
    decode = msgspec.msgpack.Decoder(_only(fields)).decode
    for at_ms, blob in _rows(path, table, since_ms, until_ms):
        start = at_ms - at_ms % every_ms
        doc = decode(blob)
        for field, points in series.items():
            point = getattr(doc, _attribute(field))
            if point is not None:
                points[start] = join(points[start], point) if start in points else point
    return [Series(field, sorted(points.items())) for field, points in series.items()]


def fields(path: Path, since_ms: int, until_ms: int) -> list[str]:
    """Return the names of all fields that have a value within [since, until), sorted."""
    names: set[str] = set()
    since_ms -= since_ms % BUCKET_MS
    for _, blob in _rows(path, "bucket", since_ms, until_ms):
        names.update(_DECODE(blob))
    return sorted(names)


def _rows(path: Path, table: str, since_ms: int, until_ms: int) -> Iterator[tuple[int, bytes]]:
    if not path.is_file():
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
        yield from base.execute(
            f"SELECT at_ms, doc FROM {table} WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms",  # noqa: S608 - one of our two names
            (since_ms, until_ms),
        )


def _attribute(field: str) -> str:
    return "f_" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in field)


def _only(names: Sequence[str]) -> type[msgspec.Struct]:
    """Return a type that decodes these fields of a doc and skips the others unbuilt."""
    attributes = {_attribute(name): name for name in names}
    return msgspec.defstruct(
        "Chosen",
        [(attribute, Point | None, None) for attribute in attributes],
        rename=attributes,
    )


def _join_docs(into: Doc, later: Doc) -> None:
    for field, point in later.items():
        earlier = into.get(field)
        into[field] = point if earlier is None else join(earlier, point)


def _batches(rows: Iterable[tuple[str, Snapshot]]) -> Iterator[list[tuple[str, Snapshot]]]:
    batch: list[tuple[str, Snapshot]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
