"""Past days of snapshots, each packed into one gzip file.

One line a snapshot: its file name and its content as it was. A pack is written under a temporary
name, synced, read back, renamed, and the folder synced; only then do the loose files go. Killed at
any point, each snapshot is still there, and the next run completes the day.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path

import msgspec

from monitoring.atomic import FILE_MODE, sync_folder
from monitoring.snapshots import (
    UNREADABLE_PACK,
    PackedLine,
    SnapshotStore,
    SnapshotUnreadable,
    decode,
    read_pack,
)

GZIP_LEVEL = 6
_LEFTOVER = re.compile(r"\.metrics_\d{8}\.jsonl\.gz\.tmp", re.ASCII)


class PackReport(msgspec.Struct):
    """What one run did: days packed, snapshots in them, files left alone with the reason."""

    days: list[str] = []
    snapshots: int = 0
    left: list[str] = []


def pack_days(folder: Path, before: str) -> PackReport:
    """Pack every UTC day earlier than `before` (YYYYMMDD) that has loose snapshots.

    What is no snapshot stays and is named in the report, and so do the loose files of a day whose
    pack is damaged. The newest loose snapshot that can be read always stays, with what is newer:
    the collector starts from it. Memory is bounded by the names of a day. Raises OSError.
    """
    store = SnapshotStore(folder)
    report = PackReport()
    _clear_leftovers(folder)
    newest = store.newest()
    start = "" if newest is None else newest[0]
    names = store.names_before(min(start, f"metrics_{before}"))
    for day, loose in groupby(names, key=lambda name: name[8:16]):
        try:
            _pack_day(store, folder / f"metrics_{day}.jsonl.gz", list(loose), report)
        except _PackDamaged as fault:
            report.left.append(f"{fault}: the loose snapshots of that day stay as they are")
    return report


class _PackDamaged(Exception):
    """A pack can't be read back."""


def _pack_day(store: SnapshotStore, pack: Path, loose: list[str], report: PackReport) -> None:
    packed = {name: _digest(data) for name, data in _old(pack)}
    fresh: dict[str, bytes] = {}
    for name in loose:
        try:
            data = store.read_bytes(name)
            decode(name, data)
        except SnapshotUnreadable as fault:
            report.left.append(str(fault))
            continue
        if packed.get(name, _digest(data)) != _digest(data):
            report.left.append(f"{name}: differs from the one in {pack.name}")
            continue
        fresh[name] = _digest(data)
    new = {name: digest for name, digest in fresh.items() if name not in packed}
    if new:
        _replace(pack, store, new, packed | new)
        report.days.append(pack.name[8:16])
        report.snapshots += len(new)
    for name in fresh:
        (store.folder / name).unlink(missing_ok=True)
    if fresh:
        sync_folder(store.folder)


def _replace(
    pack: Path, store: SnapshotStore, new: Iterable[str], expected: dict[str, bytes]
) -> None:
    temporary = pack.with_name(f".{pack.name}.tmp")
    added = ((name, store.read_bytes(name)) for name in new)
    try:
        _write(temporary, merge(_old(pack), added, key=lambda line: line[0]))
        if {name: _digest(data) for name, data in _old(temporary)} != expected:
            raise _PackDamaged(f"{pack.name}: what was written reads back as something else")
        # As old as what is in it: packed late (the machine was off), it stays for no longer.
        modified_ns = max((store.folder / name).stat().st_mtime_ns for name in new)
        os.utime(temporary, ns=(modified_ns, modified_ns))
        os.rename(temporary, pack)
    finally:
        temporary.unlink(missing_ok=True)  # on a full disk above all it must not stay
    sync_folder(pack.parent)


def _write(temporary: Path, lines: Iterable[tuple[str, bytes]]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, FILE_MODE), "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=GZIP_LEVEL) as out:
            for name, data in lines:
                line = PackedLine(name, msgspec.Raw(_one_line(data)))
                out.write(msgspec.json.encode(line) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _one_line(data: bytes) -> bytes:
    """Return JSON without the line breaks that somebody's editor may have put between values.

    Inside strings JSON has none (RFC 8259, section 7).
    """
    return data.strip().replace(b"\n", b" ").replace(b"\r", b" ")


def _old(pack: Path) -> Iterator[tuple[str, bytes]]:
    try:
        yield from read_pack(pack)
    except FileNotFoundError:
        return
    except UNREADABLE_PACK as fault:
        raise _PackDamaged(f"{pack.name} can't be read ({fault})") from fault


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(_one_line(data), digest_size=16).digest()


def _clear_leftovers(folder: Path) -> None:
    """Remove what a packer that was killed left; there is one packer."""
    try:
        with os.scandir(folder) as entries:
            left = [entry.path for entry in entries if _LEFTOVER.fullmatch(entry.name)]
    except FileNotFoundError:
        return
    for path in left:
        with contextlib.suppress(OSError):  # a folder by that name is somebody else's
            os.unlink(path)
