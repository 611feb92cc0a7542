"""The heartbeat folder: which files are the engine's, and in which order they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Container
from pathlib import Path

import msgspec

from monitoring.atomic import FOLDER_MODE

_SEGMENT = re.compile(r"(?P<stem>.+)\.(?P<segment>\d{1,9})\.jsonl")


class Listed(msgspec.Struct, frozen=True):
    """One regular file. `stem` names its writer's files; `segment` is None for the current one."""

    name: str
    stem: str
    segment: int | None
    inode: int
    size: int
    mtime_ns: int


class Listing(msgspec.Struct, frozen=True):
    """The engine's files in the order of reading, and the names of files that aren't its own."""

    files: list[Listed]
    strangers: list[str]


def listing(folder: Path, engine: str, known: Container[int]) -> Listing:
    """Return what is in the folder, which is made if it is missing. Raises OSError.

    A file under a strange name whose inode is among the `known` ones was renamed by its writer:
    it is still the engine's. Symlinks, FIFOs and folders are nobody's, nor is a name that is not
    UTF-8: no snapshot could hold a cursor of that name.
    """
    files: list[Listed] = []
    strangers: list[str] = []
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        entries = os.scandir(folder)
    with entries:
        for entry in entries:
            ours = is_of(engine, entry.name)
            if not entry.is_file(follow_symlinks=False):
                continue
            if (not ours and entry.inode() not in known) or not _is_text(entry.name):
                if entry.name.endswith(".jsonl"):
                    strangers.append(entry.name)
                continue
            try:
                there = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            files.append(_listed(entry.name, there, ours=ours))
    return Listing(_in_order(files), strangers)


def is_of(engine: str, name: str) -> bool:
    """Tell whether this is a file name of the engine's: its own, or with a writer or segment."""
    return (
        name.startswith(engine)
        and name.endswith(".jsonl")
        and name[len(engine) : len(engine) + 1] in {"-", "."}
    )


def _is_text(name: str) -> bool:
    """Tell whether a file name is UTF-8 (of others, os.fsdecode makes surrogates)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(name: str, there: os.stat_result, *, ours: bool) -> Listed:
    segment: int | None = None
    stem = name.removesuffix(".jsonl")
    if match := _SEGMENT.fullmatch(name):
        stem, segment = match["stem"], int(match["segment"])
    elif not ours:  # renamed as logrotate does: main.jsonl.1
        stem, segment = name.partition(".jsonl")[0], 0
    return Listed(name, stem, segment, there.st_ino, there.st_size, there.st_mtime_ns)


def _in_order(files: list[Listed]) -> list[Listed]:
    """Per writer by segment, the current file last; the writer that wrote last comes last."""
    newest: dict[str, int] = {}
    for file in files:
        newest[file.stem] = max(newest.get(file.stem, 0), file.mtime_ns)

    def place(file: Listed) -> tuple[int, str, bool, int, int]:
        current = file.segment is None
        return newest[file.stem], file.stem, current, file.segment or 0, file.mtime_ns

    return sorted(files, key=place)
