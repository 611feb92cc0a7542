"""The newest tick in the heartbeat files themselves: fresher than any snapshot.

A snapshot is up to an interval old, and with a dead collector far older; the engine's life is
worth a look at the source.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

END_BYTES = 65_536
FUTURE_MS = 2_000


class _Line(msgspec.Struct):
    kind: str = "tick"  # foreign writers leave it out
    timestamp: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


class Peek(msgspec.Struct, frozen=True):
    """When the newest tick and the newest line of any kind were received (POSIX ms), None if no
    file tells.
    """

    tick_ms: int | None = None
    line_ms: int | None = None


def peek(folder: Path, engine: str, now_ms: int) -> Peek:
    """Look at the ends of an engine's newest heartbeat files.

    Receipt is the file's mtime, less what the writer's own times say it wrote after that tick.
    A file dated in the future tells nothing.
    """
    ticks, lines = [], []
    for path, mtime_ms in _newest_files(folder, engine):
        if mtime_ms <= now_ms + FUTURE_MS:
            tick_ms, any_line = _last_tick_ms(path, mtime_ms)
            if any_line:
                lines.append(min(mtime_ms, now_ms))
            if tick_ms is not None:
                ticks.append(min(tick_ms, now_ms))
    return Peek(max(ticks, default=None), max(lines, default=None))


def _newest_files(folder: Path, engine: str, most: int = 4) -> list[tuple[Path, int]]:
    files = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                ours = entry.name == f"{engine}.jsonl" or entry.name.startswith(f"{engine}-")
                if ours and entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False):
                    files.append((Path(entry.path), entry.stat().st_mtime_ns // 1_000_000))
    except OSError:
        return []
    return sorted(files, key=lambda file: -file[1])[:most]


def _last_tick_ms(path: Path, mtime_ms: int) -> tuple[int | None, bool]:
    """Return the receipt of the file's last tick, and whether the file ends in a line at all."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - END_BYTES))
            lines = file.read(END_BYTES).split(b"\n")[:-1]  # the piece without a newline can wait
    except OSError:
        return None, False
    any_line = False
    newest: str | None = None
    for index, data in enumerate(reversed(lines)):
        try:
            line = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if index == 0:
            newest, any_line = line.timestamp, True
        if line.kind == "tick":
            at_ms = mtime_ms if index == 0 else _before(mtime_ms, line.timestamp, newest)
            return at_ms, any_line
    return None, any_line


def _before(mtime_ms: int, tick: str | None, newest: str | None) -> int | None:
    """Return the receipt of a tick that other lines of the same writer follow."""
    if tick is None or newest is None:
        return None
    try:
        later = datetime.fromisoformat(newest) - datetime.fromisoformat(tick)
    except (ValueError, TypeError):
        return None
    return mtime_ms - max(0, round(later.total_seconds() * 1000))
