"""The history index: numbers of every snapshot and of every five minutes, in SQLite.

Derived from the snapshot files: delete it and it is built again. One process writes it, readers
open it read-only. A row's `doc` is a msgpack array with a place for each known field (its id in
the table `field`): null, a bare number, or what the field did in that time as an array.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from monitoring.atomic import FILE_MODE, make_folder
from monitoring.snapshot import Snapshot, file_name, file_wall_ms, flatten

VERSION = 2
BUCKET_MS = 300_000
BATCH = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS snapshot
    (name_ms INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, doc BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS snapshot_at ON snapshot (at_ms);
CREATE TABLE IF NOT EXISTS bucket (at_ms INTEGER PRIMARY KEY, doc BLOB NOT NULL);
"""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Point(msgspec.Struct, array_like=True, frozen=True):
    """What one field did in one stretch of time; flags count as 0 and 1."""

    first: float
    last: float
    min: float
    max: float
    mean: float
    count: int


Doc = dict[str, Point]
Stored = Point | float | None
"""A bare number is one that stood still over one reading; most do."""

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[Stored]).decode


class Series(msgspec.Struct, frozen=True):
    """One field over time: (start of the stretch in POSIX ms, what it did), oldest first."""

    field: str
    points: list[tuple[int, Point]]


class HistoryDamaged(Exception):
    """The index can't be read any more and was removed: the next `open` begins a new one."""


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
            doc[field] = _still(float(value))
    for field, stats in snapshot.window.stats.items():
        if stats.last is None or stats.count < 1:
            continue
        if stats.min is not None and stats.max is not None:
            first = stats.last if stats.first is None else stats.first
            mean = stats.last if stats.mean is None else stats.mean
            doc[field] = Point(first, stats.last, stats.min, stats.max, mean, stats.count)
        elif stats.any is not None:
            low, high = float(bool(stats.all)), float(stats.any)
            doc[field] = Point(stats.last, stats.last, low, high, stats.last, stats.count)
    return doc


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
            self._base = self._connect()
            self._ids = dict(self._base.execute("SELECT name, id FROM field"))
        except sqlite3.DatabaseError as fault:
            self.close()
            if not _is_useless(fault):
                raise  # locked, or no access: what is in it is sound
            reason = f"the history index is made anew from the snapshots: {fault}"
            self._remove()
            self._base = self._connect()
            self._ids = {}
        return reason

    def last_indexed(self) -> str | None:
        """Return the name of the newest snapshot in the index."""
        return _last_name(self._open())

    def add(self, rows: Iterable[tuple[str, Snapshot]]) -> int:
        """Index snapshots (name, content) in the order of their names; return how many were new.

        Raises HistoryDamaged, other sqlite3.Error.
        """
        base = self._open()
        added = 0
        for batch in _batches(rows):
            try:
                with base:
                    added += self._add_batch(base, batch)
            except BaseException as fault:
                self._ids = {}  # ids given in a batch that was rolled back are no longer
                if isinstance(fault, sqlite3.DatabaseError) and _is_useless(fault):
                    self._give_up(fault)
                raise
        return added

    def purge(self, before_ms: int) -> None:
        """Forget what is older than `before_ms`. Raises HistoryDamaged, other sqlite3.Error."""
        base = self._open()
        try:
            with base:
                base.execute("DELETE FROM snapshot WHERE at_ms < ?", (before_ms,))
                base.execute("DELETE FROM bucket WHERE at_ms < ?", (before_ms - BUCKET_MS,))
        except sqlite3.DatabaseError as fault:
            if _is_useless(fault):
                self._give_up(fault)
            raise

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
        make_folder(self._path.parent)
        # SQLite would follow a symlink, and give the file whatever the umask leaves.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE))
        base = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
        try:
            version = base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise _OtherVersion(f"it is of version {version}, this one needs {VERSION}")  # noqa: TRY301 -- the same clean-up as for SQLite's own faults
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("PRAGMA synchronous=NORMAL")
            base.executescript(_SCHEMA)
            base.execute(f"PRAGMA user_version={VERSION}")
        except BaseException:
            base.close()
            raise
        return base

    def _give_up(self, fault: sqlite3.DatabaseError) -> None:
        self.close()
        self._remove()
        raise HistoryDamaged(
            f"the history index is damaged ({fault}) and was removed: the next run makes it anew"
        ) from fault

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _add_batch(self, base: sqlite3.Connection, rows: list[tuple[str, Snapshot]]) -> int:
        buckets: dict[int, list[Stored]] = {}
        added = 0
        for name, snapshot in rows:
            row = self._row(base, doc_of(snapshot))
            at_ms = snapshot.wall_ms
            done = base.execute(
                "INSERT OR IGNORE INTO snapshot VALUES (?, ?, ?)",
                (file_wall_ms(name), at_ms, _ENCODE(row)),
            )
            if done.rowcount < 1:
                continue
            added += 1
            start = at_ms - at_ms % BUCKET_MS
            if start not in buckets:
                found = base.execute("SELECT doc FROM bucket WHERE at_ms = ?", (start,)).fetchone()
                buckets[start] = [] if found is None else _DECODE(found[0])
            _join_rows(buckets[start], row)
        base.executemany(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?)",
            [(start, _ENCODE(row)) for start, row in buckets.items()],
        )
        return added

    def _row(self, base: sqlite3.Connection, doc: Doc) -> list[Stored]:
        ids = self._ids or dict(base.execute("SELECT name, id FROM field"))
        self._ids = ids
        for field in doc:
            if field not in ids:
                ids[field] = len(ids)
                base.execute("INSERT INTO field VALUES (?, ?)", (ids[field], field))
        row: list[Stored] = [None] * len(ids)
        for field, point in doc.items():
            row[ids[field]] = _compact(point)
        return row


def last_indexed(path: Path) -> str | None:
    """Return the name of the newest snapshot in the index, None when it is empty or missing.

    Raises sqlite3.DatabaseError when it is damaged.
    """
    if not path.is_file():
        return None
    with closing(_read_only(path)) as base:
        return _last_name(base)


def query(
    path: Path, fields: Sequence[str], since_ms: int, until_ms: int, every_ms: int
) -> list[Series]:
    """Return the fields in stretches of `every_ms` within [since, until).

    Whole multiples of five minutes are answered from the five-minute table. A missing index is an
    empty one; raises sqlite3.DatabaseError when it is damaged.
    """
    series: dict[str, dict[int, Point]] = {field: {} for field in fields}
    if path.is_file():
        with closing(_read_only(path)) as base:
            table = "bucket" if every_ms % BUCKET_MS == 0 else "snapshot"
            since_ms -= since_ms % every_ms
            ids = dict(base.execute("SELECT name, id FROM field"))
            found = [(ids[field], points) for field, points in series.items() if field in ids]
            decode = _decoder(sorted(index for index, _ in found))
            for at_ms, blob in _rows(base, table, since_ms, until_ms):
                start = at_ms - at_ms % every_ms
                row = decode(blob)
                for index, points in found:
                    stored = getattr(row, f"f{index}")
                    if stored is not None:
                        point = _whole(stored)
                        points[start] = join(points[start], point) if start in points else point
    return [Series(field, sorted(points.items())) for field, points in series.items()]


def fields(path: Path, since_ms: int, until_ms: int) -> list[str]:
    """Return the names of all fields that have a value within [since, until), sorted.

    Raises sqlite3.DatabaseError when the index is damaged.
    """
    if not path.is_file():
        return []
    with closing(_read_only(path)) as base:
        names = dict(base.execute("SELECT id, name FROM field"))
        rows = _rows(base, "bucket", since_ms - since_ms % BUCKET_MS, until_ms)
        seen = {
            index
            for _, blob in rows
            for index, stored in enumerate(_DECODE(blob))
            if stored is not None
        }
    return sorted(names[index] for index in seen)


class _OtherVersion(sqlite3.DatabaseError):
    """Made by another version of this program."""


def _is_useless(fault: sqlite3.DatabaseError) -> bool:
    code = getattr(fault, "sqlite_errorcode", 0)  # absent from what Python itself raises
    return isinstance(fault, _OtherVersion) or (code & 0xFF) in _DAMAGED


def _read_only(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    base = sqlite3.connect(uri, uri=True)
    try:
        base.execute("SELECT 1 FROM field")
    except sqlite3.OperationalError:
        base.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # In a folder that this user can't write to, SQLite can't make the files that WAL needs;
        # without a writer they aren't needed (sqlite.org/wal.html#read_only_databases).
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return base


def _last_name(base: sqlite3.Connection) -> str | None:
    found = base.execute("SELECT max(name_ms) FROM snapshot").fetchone()[0]
    return None if found is None else file_name(found)


def _rows(
    base: sqlite3.Connection, table: str, since_ms: int, until_ms: int
) -> Iterator[tuple[int, bytes]]:
    return base.execute(
        f"SELECT at_ms, doc FROM {table} WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms",  # noqa: S608 -- one of our two names
        (since_ms, until_ms),
    )


def _decoder(wanted: Sequence[int]) -> Any:
    """Return a decoder that builds these places of a row, as `f<index>`, and skips the others."""
    places: list[tuple[str, Any, Any]] = [
        (f"f{index}", Stored if index in wanted else msgspec.Raw, None)
        for index in range(max(wanted, default=-1) + 1)
    ]
    row = msgspec.defstruct("Row", places, array_like=True)
    return msgspec.msgpack.Decoder(row).decode


def _still(number: float) -> Point:
    return Point(number, number, number, number, number, 1)


def _whole(stored: Point | float) -> Point:
    return stored if isinstance(stored, Point) else _still(stored)


def _compact(point: Point) -> Stored:
    """Return the point as it is stored: as few bytes as it takes; whole numbers take few."""
    if point.count == 1 and point.min == point.max:
        return _short(point.last)
    return Point(
        _short(point.first),
        _short(point.last),
        _short(point.min),
        _short(point.max),
        _short(point.mean),
        point.count,
    )


def _short(number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _join_rows(into: list[Stored], later: list[Stored]) -> None:
    into += [None] * (len(later) - len(into))
    for index, stored in enumerate(later):
        earlier = into[index]
        if earlier is None:
            into[index] = stored
        elif stored is not None:
            into[index] = join(_whole(earlier), _whole(stored))


def _batches(rows: Iterable[tuple[str, Snapshot]]) -> Iterator[list[tuple[str, Snapshot]]]:
    batch: list[tuple[str, Snapshot]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
