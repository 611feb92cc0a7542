"""The SQLite file of the history index: made, opened to write or to read, found damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from monitoring.atomic import FILE_MODE, make_folder

VERSION = 2
PAGE_BYTES = 8192
"""A row of a busy engine is about 700 bytes: in SQLite's pages of 4096 a tenth would lie empty."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS snapshot
    (name_ms INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, doc BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS snapshot_at ON snapshot (at_ms);
CREATE TABLE IF NOT EXISTS bucket (at_ms INTEGER PRIMARY KEY, doc BLOB NOT NULL);
"""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
FAULTS = (sqlite3.DatabaseError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading a damaged index raises; SQLite itself notices only some of the damage."""


class Unsound(sqlite3.DatabaseError):
    """An index that SQLite can read and this version can't use."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the index to write it. Raises OSError, sqlite3.Error."""
    make_folder(path.parent)
    # SQLite would follow a symlink, and give the file whatever the umask leaves.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE))
    base = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        _check_version(base, 0, VERSION)  # 0: it is new
        base.execute(f"PRAGMA page_size={PAGE_BYTES}")  # heeded when it is new
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.executescript(_SCHEMA)
        base.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        base.close()
        raise
    return base


def remove(path: Path) -> None:
    """Delete the index with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def is_useless(fault: Exception) -> bool:
    """Tell whether one of FAULTS means that the index can only be thrown away."""
    if not isinstance(fault, sqlite3.DatabaseError):
        return True  # a row or a name that nobody wrote so
    if isinstance(fault, Unsound | sqlite3.IntegrityError):
        return True
    code = getattr(fault, "sqlite_errorcode", None)
    if code is None:  # not SQLite's but Python's own: of this kind for text that is no UTF-8
        return isinstance(fault, sqlite3.OperationalError)
    return (code & 0xFF) in _DAMAGED


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give the index as it is at one moment, whatever its writer does meanwhile.

    Raises sqlite3.DatabaseError, also for what is read from it inside.
    """
    try:
        with contextlib.closing(_read_only(path)) as base:
            base.execute("BEGIN")
            _check_version(base, VERSION)
            yield base
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise sqlite3.DatabaseError(f"{path.name} is damaged: {fault}") from fault


def ids_of(base: sqlite3.Connection) -> dict[str, int]:
    """Return the fields and their places, in the order of places. Raises Unsound."""
    found = dict(base.execute("SELECT name, id FROM field ORDER BY id"))
    if list(found.values()) != list(range(len(found))):
        raise Unsound("names of fields are missing from it")
    return found


def _check_version(base: sqlite3.Connection, *known: int) -> None:
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version not in known:
        raise Unsound(f"it is of version {version}, this one needs {VERSION}")


def _read_only(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    base = sqlite3.connect(uri, uri=True)
    try:
        base.execute("SELECT 1 FROM field")
    except BaseException as fault:
        base.close()
        alone = not path.with_name(f"{path.name}-wal").exists()
        if not isinstance(fault, sqlite3.OperationalError) or not alone:
            raise
        # In a folder that this user can't write to, SQLite can't make the files that WAL needs;
        # without a writer they aren't needed (sqlite.org/wal.html#read_only_databases).
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return base
