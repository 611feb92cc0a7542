"""Which ticks were counted before, which are missing, and what is known of each writer.

Within one writer's life `seq` grows by one, so what never came is a range that can be named. A
tick that comes late, out of a range given up for lost, closes its gap; any other seq that is not
new is a duplicate, and is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from operator import attrgetter

import msgspec

from collectors.line_reader import digest
from collectors.tick_line import Line, Special
from evaluator.instant import Instant, elapsed_ms
from monitoring.snapshot import CollectorStatus, Gap, WriterMark
from tickbeat.record import MOST, Close, Header, Pulse

MAX_GAPS = 100
"""Gaps kept by name; the counters stay exact beyond."""

MAX_WRITERS = 1000
"""A file whose every line names another writer must not fill the memory."""

MAX_COUNTERS = 20_000
"""Counters that the marks of all writers hold together; each is a line's own choice of name."""

MAX_NAME_CHARACTERS = 128
MAX_REASON_CHARACTERS = 500
"""A line may be 1 MiB long, and what a mark holds is in every snapshot from then on."""

MOST_JUDGED = 16
"""An engine that was restarted a thousand times still has only so many that could be alive."""

FORGET_MS = 86_400_000
FORGET_SOON_MS = 3_600_000
"""A writer without files that was silent this long is forgotten: sooner when it is none of those
that a lapse is judged by.
"""

_seq_of = attrgetter("seq")


class Sequence:
    """Marks of all writers, gaps, and the counts that go with them."""

    def __init__(self, previous: CollectorStatus | None = None) -> None:
        self.marks: dict[str, WriterMark] = {}
        self.gaps: list[Gap] = []
        self.ticks_lost = 0
        self.ticks_duplicate = 0
        self.writer_dropped = 0
        if previous is not None:
            self.marks = {mark.writer: msgspec.structs.replace(mark) for mark in previous.writers}
            self.gaps = list(previous.gaps)
            self.ticks_lost = previous.ticks_lost
            self.ticks_duplicate = previous.ticks_duplicate
            self.writer_dropped = previous.writer_dropped

    def mark(self, writer: str) -> WriterMark:
        """Return what is known of a writer, new or not; an endless name is shortened."""
        if len(writer) > MAX_NAME_CHARACTERS:
            writer = f"{writer[:32]}…{digest(writer.encode())}"
        mark = self.marks.get(writer)
        if mark is None:
            if len(self.marks) >= MAX_WRITERS:
                del self.marks[min(self.marks.values(), key=_last_heard_ms).writer]
            mark = self.marks[writer] = WriterMark(writer=writer)
        return mark

    def admit(self, mark: WriterMark, ticks: list[Line]) -> list[Line]:
        """Return the ticks that were not counted before, noting gaps and duplicates.

        Ticks without a seq can't be told apart, and always count.
        """
        seqs = list(map(_seq_of, ticks))
        start = mark.next_seq
        if start is None:
            start = next((seq for seq in seqs if seq is not None), None)
            mark.next_seq = start
        if start is None or seqs == list(range(start, start + len(seqs))):
            mark.next_seq = None if start is None else start + len(seqs)
            return ticks
        return [tick for tick in ticks if tick.seq is None or self._is_new(mark, tick.seq)]

    def special(self, line: Special, at: Instant) -> None:
        """Take a header, pulse or close line that was received at `at`."""
        mark = self.mark(line.writer)
        if isinstance(line, Header):
            self._header(mark, line)
        elif isinstance(line, Pulse):
            hear_pulse(mark, at)
            self._drops(mark, line.dropped)
            mark.nulled = max(mark.nulled, line.nulled)
        else:
            self._close(mark, line, at)

    def bound_counters(self) -> None:
        """Let the writers silent for longest lose their counters while there are too many."""
        held = sum(len(mark.counters) for mark in self.marks.values())
        if held <= MAX_COUNTERS:
            return
        for mark in sorted(self.marks.values(), key=_last_heard_ms):
            held -= len(mark.counters)
            mark.counters = {}
            if held <= MAX_COUNTERS:
                return

    def forget(self, writers_with_files: set[str], now: Instant) -> None:
        """Drop the marks of writers that have no file any more and were silent for long."""
        judged = {mark.writer for mark in recent(self.marks.values())}
        for writer, mark in list(self.marks.items()):
            heard = last_heard(mark)
            if writer not in writers_with_files and (
                heard is None
                or elapsed_ms(heard, now) > (FORGET_MS if writer in judged else FORGET_SOON_MS)
            ):
                del self.marks[writer]

    def _is_new(self, mark: WriterMark, seq: int) -> bool:
        expected = mark.next_seq
        if expected is None or seq >= expected:
            if expected is not None:
                self._miss(mark.writer, expected, seq - 1)
            mark.next_seq = seq + 1
            return True
        for index, gap in enumerate(self.gaps):
            if gap.writer == mark.writer and gap.first <= seq <= gap.last:
                self.gaps[index : index + 1] = _without(gap, seq)
                self.ticks_lost -= 1
                return True
        self.ticks_duplicate += 1
        return False

    def _miss(self, writer: str, first: int, last: int) -> None:
        if last < first:
            return
        self.ticks_lost = min(MOST, self.ticks_lost + last - first + 1)
        self.gaps.append(Gap(writer, first, last))
        del self.gaps[:-MAX_GAPS]

    def _header(self, mark: WriterMark, header: Header) -> None:
        meet(mark, header)
        if mark.next_seq is None:
            # A first segment tells where the writer began (a forked one goes on from its parent's
            # seq); of a later one, the segments before were never seen.
            mark.next_seq = header.first_seq if header.segment <= 1 else 1
        if header.first_seq > mark.next_seq:
            self._miss(mark.writer, mark.next_seq, header.first_seq - 1)
            mark.next_seq = header.first_seq

    def _close(self, mark: WriterMark, close: Close, at: Instant) -> None:
        self._drops(mark, close.dropped)
        hear_close(mark, close, at)
        # Nothing is written after a close, so what it counts and did not come is lost.
        if mark.next_seq is not None and close.last_seq >= mark.next_seq:
            self._miss(mark.writer, mark.next_seq, close.last_seq)
            mark.next_seq = close.last_seq + 1

    def _drops(self, mark: WriterMark, dropped: int) -> None:
        self.writer_dropped = min(MOST, self.writer_dropped + max(0, dropped - mark.dropped))
        mark.dropped = max(mark.dropped, dropped)


def recent(marks: Iterable[WriterMark]) -> list[WriterMark]:
    """Return the writers that were heard of last: those that a lapse is judged by."""
    return nlargest(MOST_JUDGED, marks, key=_last_heard_ms)


def hear_tick(mark: WriterMark, at: Instant) -> None:
    """Note a tick received at `at`; whoever ticks after a close is not closed."""
    if mark.last_tick is None or elapsed_ms(mark.last_tick, at) > 0:
        if mark.closed is not None and elapsed_ms(mark.closed, at) > 0:
            mark.closed = mark.close_reason = mark.back_within_seconds = None
        mark.last_tick = at


def hear_pulse(mark: WriterMark, at: Instant) -> None:
    """Note a pulse received at `at`."""
    if mark.last_pulse is None or elapsed_ms(mark.last_pulse, at) > 0:
        mark.last_pulse = at


def hear_close(mark: WriterMark, close: Close, at: Instant) -> None:
    """Note a close received at `at`, unless the writer has ticked since."""
    if mark.last_tick is not None and elapsed_ms(at, mark.last_tick) > 0:
        return
    mark.closed = at
    mark.close_reason = None if close.reason is None else close.reason[:MAX_REASON_CHARACTERS]
    mark.back_within_seconds = close.back_within_seconds


def meet(mark: WriterMark, header: Header) -> None:
    """Note which process a writer is."""
    mark.pid = header.pid
    mark.pid_started = header.pid_started
    mark.boot_id = header.boot_id
    mark.interval_seconds = header.interval_seconds


def last_heard(mark: WriterMark) -> Instant | None:
    """Return the newest sign of life of a writer, None when there never was one."""
    signs = [sign for sign in (mark.last_tick, mark.last_pulse, mark.closed) if sign is not None]
    return max(signs, key=lambda sign: sign.wall_ms, default=None)


def _last_heard_ms(mark: WriterMark) -> int:
    heard = last_heard(mark)
    return heard.wall_ms if heard is not None else 0


def _without(gap: Gap, seq: int) -> list[Gap]:
    halves = (Gap(gap.writer, gap.first, seq - 1), Gap(gap.writer, seq + 1, gap.last))
    return [half for half in halves if half.first <= half.last]
