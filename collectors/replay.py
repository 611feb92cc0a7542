"""Tick files of the past as the snapshots that the collector would have written: a process.

`python -m collectors.replay FILE…` takes the settings (a Config as JSON) on stdin and writes
`ReplayLine`s to stdout. Everything that makes a snapshot live makes it here: the reader of lines,
the fold, the judgement on a lapse, the watch that sees a change, the pace. Only the clock is that
of the ticks, and what no tick tells (disk, network, Breeze) is unknown.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from loguru import logger

from collectors.assemble import Note, assemble
from collectors.book import Book
from collectors.host import Disk
from collectors.known import Known
from collectors.lapse import CLOCK_TICK_NS, Process, judge
from collectors.line_reader import Piece
from collectors.pace import Pace
from collectors.reel import NoReel, Reel
from collectors.sequence import recent
from collectors.tail import Slice, Tail
from collectors.watch import Watch
from evaluator.instant import Instant
from monitoring.config import Config
from monitoring.home import Home
from monitoring.replay_line import ReplayLine
from monitoring.snapshot import BreezeStatus, Cursor, Snapshot, file_name
from tickbeat.record import Header

REFUSED = 1
SOONEST_MS = 1
"""A wait of less than a millisecond is one: instants have no finer time."""

_NO_BOOT = "replay"


class PastProcesses:
    """The process table of then: a writer lives until the last line that it ever wrote.

    So one that falls silent for good is gone, and one that goes on later was frozen.
    """

    def __init__(self, reels: Sequence[Reel]) -> None:
        self._files = Counter(one.header.pid for one in reels if one.header is not None)

    def end(self, reel: Reel) -> None:
        """Note that a file has no more lines."""
        if reel.header is not None:
            self._files[reel.header.pid] -= 1

    def look(self, pid: int) -> Process | None:
        """Return a process that runs, None when nothing of it is to come."""
        return Process(alive=True) if self._files[pid] > 0 else None


class PastClock:
    """Instants by wall time. The boot is that of the header passed last.

    CLOCK_BOOTTIME of then is not recorded; that a writer's header was written after its process
    began, whose time after boot it names, bounds it well.
    """

    def __init__(self, reels: Sequence[Reel]) -> None:
        self._begins_ms: dict[str, int] = {}
        self._boot = _NO_BOOT
        for reel in reels:
            header = reel.header
            if header is not None and header.boot_id and header.pid_started is not None:
                after_ms = header.pid_started * CLOCK_TICK_NS // 1_000_000
                begin_ms = reel.first_ms - after_ms
                known_ms = self._begins_ms.get(header.boot_id, begin_ms)
                self._begins_ms[header.boot_id] = min(known_ms, begin_ms)

    def pass_header(self, header: Header) -> None:
        """Note that a process of this boot wrote."""
        if header.boot_id:
            self._boot = header.boot_id

    def at(self, wall_ms: int) -> Instant:
        """Return the instant."""
        begin_ms = self._begins_ms.get(self._boot, 0)
        return Instant(wall_ms, max(0, wall_ms - begin_ms) * 1_000_000, self._boot)


class PastTail(Tail):
    """Stands for the tail in a book that is handed its lines: it knows who has files."""

    def __init__(self, reels: Sequence[Reel], folder: Path, engine: str) -> None:
        super().__init__(folder, engine, (), lambda _words: None)
        self._named = {one.stem for one in reels}
        self._named |= {one.header.writer for one in reels if one.header is not None}

    @property
    def writers(self) -> set[str]:
        """The writers that have files: what is known of them is never forgotten."""
        return self._named


class Replay:
    """The collector's turns at the times of the ticks. `write` takes each snapshot."""

    def __init__(
        self, reels: Sequence[Reel], config: Config, home: Home, write: Callable[[Snapshot], None]
    ) -> None:
        self.book = Book(home, config.engine, None)
        self.book.tail = PastTail(reels, home.heartbeat, config.engine)
        self._reels = reels
        self._config = config
        self._write = write
        self._clock = PastClock(reels)
        self._processes = PastProcesses(reels)
        self._pace = Pace(config.interval_seconds)
        self._watch = Watch(config.limits)
        self._version = version("tickbeat-monitor")
        self._wake_ms: int | None = None

    def run(self) -> None:
        """Replay all files to their ends. Raises OSError."""
        now_ms = 0
        for now_ms, reel, piece in merge(*map(self._lines, self._reels), key=lambda one: one[0]):
            self._pass_time(now_ms)
            self._take(reel, piece, now_ms)
            self._turn(now_ms)
        self._turn(now_ms, "stop")

    def _lines(self, reel: Reel) -> Iterator[tuple[int, Reel, Piece]]:
        for at_ms, piece in reel.lines():
            yield at_ms, reel, piece
        self._processes.end(reel)

    def _pass_time(self, until_ms: int) -> None:
        """Do the turns that fall due before the next line comes."""
        while self._wake_ms is not None and self._wake_ms < until_ms:
            self._turn(self._wake_ms)

    def _take(self, reel: Reel, piece: Piece, now_ms: int) -> None:
        header = reel.header
        if header is not None and piece.start == 0:
            self._clock.pass_header(header)
        now = self._clock.at(now_ms)
        cursor = Cursor(name=reel.path.name, inode=0, offset=piece.end, head="", tail="")
        if header is not None:
            cursor.writer, cursor.segment = header.writer, header.segment
        self.book.take(Slice(cursor, reel.stem, piece, now), now)

    def _turn(self, now_ms: int, reason: str | None = None) -> None:
        """Judge, and write a snapshot if one is due, as `Collector` does."""
        book, now = self.book, self._clock.at(now_ms)
        marks = recent(book.sequence.marks.values())
        known = Known(
            now=now,
            lapse=judge(marks, now, self._processes, self._config.heartbeat_interval_seconds),
            breeze=BreezeStatus(),
            network_up=None,
            disk=Disk(None, None),
            artifact_ages=None,
        )
        changed = self._watch.changed(book.fold, known)
        previous = None if book.previous is None else book.previous.instant
        reason = reason or self._pace.reason(changed, previous, now)
        if reason is not None:
            note = Note(reason=reason, app_version=self._version, degraded=[])
            snapshot = assemble(book, known, note, self._config)
            self._write(snapshot)
            self._watch.settle(book.fold, known)
            book.written(snapshot)
            changed, previous = None, now
        waits_ms = [self._pace.until_interval_ms(previous, now)]
        if known.lapse.due_in_seconds is not None:
            waits_ms.append(known.lapse.due_in_seconds * 1000)
        if changed is not None:
            waits_ms.append(self._pace.held_ms(now))
        self._wake_ms = now_ms + max(SOONEST_MS, round(min(waits_ms)))


def main() -> int:
    """Replay the files named as arguments; return the exit status."""
    logger.remove()  # the collector's own words on what it reads are not about the present
    try:
        config = msgspec.json.decode(sys.stdin.buffer.read(), type=Config)
        zone = ZoneInfo(config.timezone)
        reels = [Reel(Path(one), zone) for one in sys.argv[1:]]
        _check_engines(reels)
        _replay(reels, config)
    except NoReel as refused:
        print(f"{refused}\n→ {refused.todo}", file=sys.stderr)  # noqa: T201 -- what it is for
        return REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who reads has seen enough
    return 0


def _replay(reels: Sequence[Reel], config: Config) -> None:
    out = sys.stdout.buffer
    encode = msgspec.json.Encoder().encode
    span = min(one.first_ms for one in reels), max(one.last_ms for one in reels)
    out.write(encode(ReplayLine(span=span)) + b"\n")
    last_ms = 0

    def write(snapshot: Snapshot) -> None:
        nonlocal last_ms
        last_ms = max(snapshot.wall_ms, last_ms + 1)
        line = ReplayLine(name=file_name(last_ms), snapshot=msgspec.Raw(encode(snapshot)))
        out.write(encode(line) + b"\n")

    with tempfile.TemporaryDirectory() as folder:  # for lines that are rejected
        replay = Replay(reels, config, Home(Path(folder)), write)
        replay.run()
    out.write(encode(ReplayLine(notes=_notes(reels, replay.book))) + b"\n")
    out.flush()


def _check_engines(reels: Sequence[Reel]) -> None:
    engines = sorted({one.header.engine for one in reels if one.header is not None})
    if len(engines) > 1:
        raise NoReel(
            f"These are files of several engines: {', '.join(engines)}.", "Backtest one at a time."
        )
    if not reels:
        raise NoReel("No tick files are named.", "Name at least one.")


def _notes(reels: Sequence[Reel], book: Book) -> list[str]:
    """Return in words what was odd about the files."""
    notes = []
    for reel in reels:
        name = reel.path.name
        if reel.header is None:
            notes.append(
                f"{name} has no header: lost ticks and why ticks stopped can't be told from it"
            )
        if reel.set_back_ms:
            notes.append(
                f"{name}: the clock was set back by {reel.set_back_ms / 1000:g} s in all; what "
                "follows is taken to come right after"
            )
        if reel.doubtful:
            notes.append(f"{name}: {reel.doubtful} times far ahead of their neighbours, not used")
        if reel.unstamped:
            notes.append(f"{name}: {reel.unstamped} lines without a time, taken with those before")
    if book.lines_rejected:
        notes.append(f"{book.lines_rejected} lines were no tick lines")
    return notes


if __name__ == "__main__":
    sys.exit(main())
