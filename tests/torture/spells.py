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

Spell = Callable[[], Callable[[], None]]
"""Begins a bad time; what it returns ends it."""

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


def _filled(disk: Path) -> Callable[[], None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        free = os.statvfs(disk)
        os.posix_fallocate(out.fileno(), 0, max(1, free.f_bavail * free.f_frsize - 65_536))
        out.seek(0, os.SEEK_END)
        while True:
            out.write(b"x" * 4096)
    return lambda: filler.unlink(missing_ok=True)


def _read_only(disk: Path) -> Callable[[], None]:
    # Busy for the moment in which a snapshot is written: then there is no spell.
    _run("mount", "-o", "remount,ro", disk)
    return lambda: _run("mount", "-o", "remount,rw", disk)


def _immutable(folder: Path) -> Callable[[], None]:
    files = list(folder.glob("*.jsonl"))
    _run("chattr", "+i", *files)
    return lambda: _run("chattr", "-i", *files)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=False, capture_output=True)


def chosen(spells: dict[str, Spell], dice: random.Random) -> str:
    """Return the name of one of them."""
    return dice.choice(sorted(spells))
