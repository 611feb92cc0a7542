"""Deleting what is past its time, so that no wrong clock can empty the disk.

A file goes only when its name, its content and its mtime all say that it is too old. A run takes
at most two days' worth of a kind, the oldest first: a backlog after an outage goes in as many
nights. And while more than that is due, the clock must have a witness: snapshots that are kept
span at least a day. A clock that was set ahead has only those written since then, and the run
refuses.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from monitoring.alert_fold import FILE_NAME, fold, last_line, wall_ms
from monitoring.config import Config
from monitoring.home import Home
from monitoring.snapshot import file_wall_ms
from monitoring.snapshots import PACK_NAME, read_pack

DAY_MS = 86_400_000
DAYS_PER_RUN = 2


class RetentionRefused(Exception):
    """Nothing was deleted, and why, in words."""


class Swept(msgspec.Struct, frozen=True):
    """What one run removed, and how many days' worth it left for the next ones."""

    removed: tuple[str, ...]
    days_left: int


class _Taken(msgspec.Struct):
    """As little of a snapshot as tells its age."""

    wall_ms: int


class _Aged(msgspec.Struct, frozen=True):
    """A file whose name says its age: the day it belongs to, the end of what it holds (ms)."""

    folder: Path
    name: str
    day: str
    ends_ms: int
    content_ms: Callable[[Path], int | None]

    @property
    def path(self) -> Path:
        """Where it lies; made when it is asked for, as a day has thousands of files."""
        return self.folder / self.name


def sweep_snapshots(home: Home, config: Config, now_ms: int) -> Swept:
    """Delete snapshots, packed and loose, older than the setting. Raises RetentionRefused.

    The newest one stays whatever its age.
    """
    limit_ms = now_ms - config.retention.metrics_days * DAY_MS
    old, recent_ms = _parted(home.snapshots, limit_ms)
    return _sweep(old, [] if recent_ms else old[-1:], now_ms, limit_ms, recent_ms)


def sweep_alerts(home: Home, config: Config, now_ms: int) -> Swept:
    """Delete files of the alert log older than the setting. Raises RetentionRefused.

    The newest one, and all that the state of alerts is read from, stay whatever their age.
    """
    files = _alert_files(home.alerts, ZoneInfo(config.timezone))
    holding = set(fold(home.alerts).holding)
    kept = [file for file in files if file.name in holding] + files[-1:]
    limit_ms = now_ms - config.retention.alerts_days * DAY_MS
    _, recent_ms = _parted(home.snapshots, limit_ms)
    return _sweep(files, kept, now_ms, limit_ms, recent_ms)


def snapshot_files(folder: Path) -> Iterator[_Aged]:
    """Yield the snapshots by their names, packed and loose, in any order."""
    for name in _regular(folder):
        if (taken_ms := file_wall_ms(name)) is not None:
            yield _Aged(folder, name, name[8:16], taken_ms, _loose_ms)
        elif (pack := PACK_NAME.fullmatch(name)) and (day := _day(pack[1], "%Y%m%d")):
            end = day.replace(tzinfo=UTC) + timedelta(days=1)
            yield _Aged(folder, name, pack[1], _ms(end), _packed_ms)


def _parted(folder: Path, limit_ms: int) -> tuple[list[_Aged], list[int]]:
    """Return the snapshots that end before the limit by their names, oldest first, and of all
    others when they end: a day has thousands, which no night has to hold.
    """
    old, recent_ms = [], []
    for file in snapshot_files(folder):
        if file.ends_ms < limit_ms:
            old.append(file)
        else:
            recent_ms.append(file.ends_ms)
    return sorted(old, key=lambda file: file.ends_ms), recent_ms


def _alert_files(folder: Path, zone: ZoneInfo) -> list[_Aged]:
    found = []
    for name in _regular(folder):
        stem = name.removesuffix(".jsonl")
        if FILE_NAME.fullmatch(name) and (day := _day(stem, "%Y-%m-%d")):
            end = (day + timedelta(days=1)).replace(tzinfo=zone)
            found.append(_Aged(folder, name, stem, _ms(end), _logged_ms))
    return sorted(found, key=lambda file: file.day)


def _sweep(
    files: list[_Aged], kept: list[_Aged], now_ms: int, limit_ms: int, recent_ms: list[int]
) -> Swept:
    due = [file for file in files if file not in kept and _all_say_old(file, limit_ms)]
    days = sorted({file.day for file in due})
    if len(days) > DAYS_PER_RUN:
        _ask_witness(recent_ms, now_ms, len(days))
    removed = []
    for file in due:
        if file.day in days[:DAYS_PER_RUN]:
            file.path.unlink(missing_ok=True)
            removed.append(file.name)
    return Swept(tuple(removed), max(0, len(days) - DAYS_PER_RUN))


def _ask_witness(recent_ms: list[int], now_ms: int, days: int) -> None:
    if not recent_ms or max(recent_ms) - min(recent_ms) < DAY_MS:
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        raise RetentionRefused(
            f"{days} days' worth would be too old at once if today is {today}, and there is less "
            "than a day of snapshots that says so: is the clock right? Nothing was deleted; if it "
            "is, this goes on by itself once a day of snapshots is there"
        )


def _all_say_old(file: _Aged, limit_ms: int) -> bool:
    """Tell whether name, mtime and content are older; content that can't be read has no say."""
    try:
        if file.ends_ms >= limit_ms or file.path.lstat().st_mtime_ns // 1_000_000 >= limit_ms:
            return False
        content_ms = file.content_ms(file.path)
    except FileNotFoundError:
        return False
    return content_ms is None or content_ms < limit_ms


def _loose_ms(path: Path) -> int | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Taken).wall_ms
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _packed_ms(path: Path) -> int | None:
    newest = None
    try:
        for _, data in read_pack(path):
            newest = msgspec.json.decode(data, type=_Taken).wall_ms
    except (
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
    ):
        pass  # as far as it can be read
    return newest


def _logged_ms(path: Path) -> int | None:
    line = last_line(path)
    return None if line is None else wall_ms(line)


def _regular(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (one.name for one in entries if one.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return


def _day(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 -- the caller knows the timezone
    except ValueError:
        return None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
