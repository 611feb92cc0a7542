"""Everything that a snapshot keeps: made again from the newest one, and added to line by line."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from collectors.fold import Fold
from collectors.quarantine import Quarantine
from collectors.sequence import Sequence, hear_close, hear_pulse, hear_tick, meet
from collectors.tail import Slice, Tail
from collectors.tick_line import Line, Reject, parse
from evaluator.instant import Instant
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.snapshot import Snapshot
from tickbeat.record import Header, Pulse

_writer_of = attrgetter("writer")


class Book:
    """Cursors, marks, readings, window and counts. After any doubt it is thrown away, and a new one
    is made from the newest snapshot.
    """

    def __init__(self, home: Home, engine: str, previous: Snapshot | None) -> None:
        before = previous.collector if previous is not None else None
        self.previous = previous
        self.tail = Tail(
            home.heartbeat, engine, before.cursors if before else (), monitoring_log.warning
        )
        self.sequence = Sequence(before)
        self.fold = Fold(previous)
        self.number = previous.snapshot if previous else 0
        self.lines_read = before.lines_read if before else 0
        self.lines_rejected = before.lines_rejected if before else 0
        self.values_rejected = before.values_rejected if before else 0
        self.write_errors = before.write_errors if before else 0
        self._quarantine = Quarantine(home.quarantine)

    @property
    def fault(self) -> str | None:
        """Why rejected lines can't be kept, None when they can."""
        return self._quarantine.fault

    def take(self, part: Slice, now: Instant) -> None:
        """Count and fold what a slice of a file says."""
        if part.piece.oversize is not None:
            self.lines_read += 1
            self._reject(part, [Reject(part.piece.oversize, "longer than 1 MiB")], now)
        if not part.piece.data:
            return
        parsed = parse(part.piece.data)
        self.lines_read += parsed.lines
        self.values_rejected += parsed.values_rejected
        self._reject(part, parsed.rejects, now)
        for run in parsed.runs:
            if isinstance(run, list):
                self._take_ticks(part, run)
            else:
                self.sequence.special(run, part.received)

    def look_ahead(self, now: Instant) -> None:
        """Note who lives by the ends of the files, while what lies before is still unread.

        Nothing is counted: only the marks' signs of life change.
        """
        for end in self.tail.ends(now):
            for run in parse(end.data).runs:
                if isinstance(run, list):
                    for writer in set(map(_writer_of, run)):
                        name = writer or end.cursor.writer or end.stem
                        hear_tick(self.sequence.mark(name), end.received)
                elif isinstance(run, Header):
                    meet(self.sequence.mark(run.writer), run)
                elif isinstance(run, Pulse):
                    hear_pulse(self.sequence.mark(run.writer), end.received)
                else:
                    hear_close(self.sequence.mark(run.writer), run, end.received)

    def written(self, snapshot: Snapshot) -> None:
        """Begin the next window: this snapshot is on disk."""
        self.previous = snapshot
        self.number = snapshot.snapshot
        self.fold.next_window()
        self.sequence.forget(self.tail.writers, snapshot.instant)

    def _take_ticks(self, part: Slice, ticks: list[Line]) -> None:
        if len(set(map(_writer_of, ticks))) == 1:
            self._take_writers(part, ticks[0].writer, ticks)
            return
        for writer, run in groupby(ticks, _writer_of):
            self._take_writers(part, writer, list(run))

    def _take_writers(self, part: Slice, writer: str | None, ticks: list[Line]) -> None:
        owner = writer or part.cursor.writer
        mark = self.sequence.mark(owner or part.stem)
        # A seq without a writer starts anew with each process: it can't tell what was counted.
        fresh = self.sequence.admit(mark, ticks) if owner else ticks
        if fresh:
            hear_tick(mark, part.received)
            self.fold.take(fresh, part.received, mark.counters)
        if len(fresh) < len(ticks):
            monitoring_log.warning(
                "{}: {} ticks of writer {} had been counted before: left out",
                part.cursor.name,
                len(ticks) - len(fresh),
                mark.writer,
            )

    def _reject(self, part: Slice, rejects: list[Reject], now: Instant) -> None:
        if rejects:
            self.lines_rejected += len(rejects)
            self._quarantine.put(part.cursor.name, rejects, now)
