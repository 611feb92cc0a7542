"""Bad times for the disks: full, or read-only. Only root can make a disk of its own."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

End = Callable[[], None]
Spell = Callable[[], End | None]
"""Begins a bad time; what it returns ends it. None: it could not be begun."""

HOME_BYTES = 768 * 1024 * 1024


@contextmanager
def disks(home: Path, image: Path) -> Iterator[dict[str, Spell]]:
    """Mount a disk on the home and another on its snapshots; yield what can be done to them.

    Without root, or where nothing can be mounted, that is nothing.
    """
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        yield {}
        return
    with image.open("wb") as file:
        file.truncate(HOME_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, home], check=False).returncode:
        yield {}
        return
    snapshots = home / "data" / "monitoring"
    snapshots.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "none", snapshots], check=True)
    try:
        yield {
            "the home's disk is full": lambda: _filled(home),
            "the snapshots' disk is full": lambda: _filled(snapshots),
            "the snapshots' disk is read-only": lambda: _read_only(snapshots),
            "the alert log is immutable": lambda: _immutable(home / "logs" / "alerts"),
        }
    finally:
        for folder in (snapshots, home):
            subprocess.run(["umount", "--lazy", folder], check=False)


def _filled(disk: Path) -> End | None:
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
            free = os.statvfs(disk)
            os.posix_fallocate(out.fileno(), 0, max(1, free.f_bavail * free.f_frsize - 65_536))
            out.seek(0, os.SEEK_END)
            while True:
                out.write(b"x" * 4096)
    finally:
        full = os.statvfs(disk).f_bavail == 0
    if not full:
        filler.unlink(missing_ok=True)
        return None
    return lambda: filler.unlink(missing_ok=True)


def _read_only(disk: Path) -> End | None:
    # It is busy in the moment in which a snapshot is written.
    if not _ran("mount", "-o", "remount,ro", disk):
        return None
    return lambda: _must("mount", "-o", "remount,rw", disk)


def _immutable(folder: Path) -> End | None:
    files = list(folder.glob("*.jsonl"))
    if not files or not _ran("chattr", "+i", *files):
        return None
    return lambda: _must("chattr", "-i", *files)


def _ran(*command: str | Path) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _must(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def chosen(spells: dict[str, Spell], dice: random.Random) -> str:
    """Return the name of one of them."""
    return dice.choice(sorted(spells))
