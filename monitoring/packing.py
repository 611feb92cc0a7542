"""Past days of snapshots, each packed into one gzip file."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from monitoring.atomic import FILE_MODE, sync_folder
from monitoring.snapshots import (
    PackedLine,
    SnapshotStore,
    SnapshotUnreadable,
    decode,
    read_pack,
)

GZIP_LEVEL = 6


class PackReport(msgspec.Struct):
    """What one run did: days packed, snapshots in them, files left alone with the reason."""

    days: list[str] = []
    snapshots: int = 0
    left: list[str] = []


class PackDamaged(Exception):
    """A pack does not hold what was put into it; the loose files were kept."""


def pack_days(folder: Path, before: str) -> PackReport:
    """Pack every UTC day earlier than `before` (YYYYMMDD) that has loose snapshots.

    A day's pack is written under a temporary name, read back, renamed and synced; only then are
    its loose files removed, so an interruption at any point leaves each snapshot readable and
    the next run completes it. Files that are no snapshot stay and are named; so does the newest
    loose file, which the collector starts from. Raises OSError, PackDamaged.
    """
    store = SnapshotStore(folder)
    report = PackReport()
    names = [name for name in store.names_after(None)[:-1] if name[8:16] < before]
    for day, loose in groupby(names, key=lambda name: name[8:16]):
        _pack_day(store, day, list(loose), report)
    return report


def _pack_day(store: SnapshotStore, day: str, loose: list[str], report: PackReport) -> None:
    pack = store.folder / f"metrics_{day}.jsonl.gz"
    temporary = store.folder / f".{pack.name}.tmp"
    packed = list(_packed_names(pack))
    fresh = []
    for name in loose:
        try:
            store.read(name)
            fresh.append(name)
        except SnapshotUnreadable as fault:
            report.left.append(str(fault))
    new = sorted(set(fresh) - set(packed))
    if new:
        _write(temporary, pack, store, sorted({*packed, *new}))
        if list(_packed_names(temporary)) != sorted({*packed, *new}):
            temporary.unlink(missing_ok=True)
            raise PackDamaged(f"{pack.name}: what was written can't be read back")
        os.rename(temporary, pack)
        sync_folder(store.folder)
    for name in fresh:
        (store.folder / name).unlink(missing_ok=True)
    if new:
        report.days.append(day)
        report.snapshots += len(new)


def _write(temporary: Path, pack: Path, store: SnapshotStore, names: list[str]) -> None:
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, FILE_MODE), "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=GZIP_LEVEL) as out:
            old = iter(read_pack(pack)) if pack.exists() else iter(())
            waiting = next(old, None)
            for name in names:
                if waiting is not None and waiting[0] == name:
                    data = waiting[1]
                    waiting = next(old, None)
                else:
                    data = (store.folder / name).read_bytes().strip()
                line = PackedLine(name, msgspec.Raw(data))
                out.write(msgspec.json.encode(line) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _packed_names(pack: Path) -> Iterable[str]:
    if pack.exists():
        for name, data in read_pack(pack):
            decode(name, data)
            yield name
