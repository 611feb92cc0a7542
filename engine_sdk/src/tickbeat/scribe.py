"""The daemon thread that brings ticks, pulses and the close line of one writer id to its file."""

from __future__ import annotations

import _thread
import math
import os
import time
from typing import Any, NamedTuple

from tickbeat.intake import Intake
from tickbeat.lines import TickLines, header_line, now, record_line
from tickbeat.record import Close, Pulse
from tickbeat.report import Report
from tickbeat.segment import SegmentedFile

PULSE_SECONDS = 5.0
"""A pulse proves that the process lives when its loop does not."""

EXIT_SECONDS = 1.0
"""How long an exit that nobody planned may wait for the disk."""

_RETRY_SECONDS = 1.0
_BRISK_SECONDS = 0.02
_POLL_SECONDS = 0.002
_CHUNK_TICKS = 256  # checked in one call of C, which keeps the engine from running for 100 µs
_LONGEST_CLOSE_SECONDS = 3600.0
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class Place(NamedTuple):
    """Where and for whom is written: absolute folder, engine, its interval, size of a segment."""

    directory: str
    engine: str
    interval_seconds: float | None
    segment_bytes: int


class Planned(NamedTuple):
    """A stop that somebody meant, in his words; None of them is trusted to be of its type."""

    reason: object
    back_within_seconds: object


class Scribe:
    """Writer id, file and thread, in one process: a forked child needs a new one."""

    def __init__(self, place: Place, intake: Intake) -> None:
        self.writer = _random_id()
        self.report = Report()
        self.write_errors = 0
        self._place = place
        self._intake = intake
        self._lines = TickLines(self.writer, intake.encoding)
        self._file = SegmentedFile(
            place.directory, f"{place.engine}-{self.writer}", place.segment_bytes, self._header
        )
        self._pending: list[bytes] = []
        self._first_seq = 1
        self._ticks_at = 0.0
        self._brisk = False
        self._planned: Planned | None = None
        self._deadline: float | None = None
        self._running = False
        self._start_at = 0.0
        self._done = _thread.allocate_lock()
        self._done.acquire()

    @property
    def path(self) -> str:
        """The file that is written now."""
        return self._file.path

    @property
    def pending(self) -> int:
        """How many lines are taken from the queue, and not yet on disk."""
        return len(self._pending)

    def start(self) -> None:
        """Start the thread; when it can't be, or must not be, the next tick tries again."""
        if self._deadline is not None:
            self.report.closed()
            self._intake.discard()
        elif time.monotonic() >= self._start_at:
            try:
                # threading.Thread.start() would wait for the new thread's first breath.
                _thread.start_new_thread(self._run, ())
            except (RuntimeError, MemoryError) as error:
                self._start_at = time.monotonic() + _RETRY_SECONDS
                self.report.failed(error)
            else:
                self._running = True
                return
        self._intake.bell.append(self.start)

    def finish(self, timeout_seconds: Any, planned: Planned | None) -> None:
        """Write what is queued, with a close line if the stop is planned; wait at most so long."""
        if self._deadline is not None:
            return
        timeout = min(_seconds(timeout_seconds) or 0.0, _LONGEST_CLOSE_SECONDS)
        self._planned = planned
        self._deadline = time.monotonic() + timeout
        if self._running:
            self._intake.ring()
            self._done.acquire(timeout=timeout)

    def leave_to_parent(self) -> None:
        """Close the descriptor that a forked child has inherited."""
        try:
            self._file.close()
        except OSError as error:
            self.report.failed(error)

    def _run(self) -> None:
        try:
            while not self._written_to_the_end():
                time.sleep(_RETRY_SECONDS)
            self._file.close()
        except OSError as error:
            self.report.failed(error)
        finally:
            self._running = False
            self._intake.bell.append(self.start)
            self._done.release()

    def _written_to_the_end(self) -> bool:
        """Write until closed or out of time; False after a fault that is not the disk's.

        Lines that were not written then are tried again.
        """
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end monitoring
            self.report.failed(error)
            return self._out_of_time()
        return True

    def _write(self) -> None:
        pulse_at = time.monotonic() + PULSE_SECONDS
        last = False
        while True:
            closing = self._deadline is not None  # asked first: ticks before close() are written
            if not self._pending:
                self._compose_ticks()
                if time.monotonic() >= pulse_at:
                    pulse_at = time.monotonic() + PULSE_SECONDS
                    self._pending.append(self._pulse())
                last = closing and not self._intake.queued()
                if last and self._planned is not None:
                    self._pending.append(self._close_line(self._planned))
            if self._write_pending():
                if last:
                    return
                self._rest(pulse_at)
            elif self._out_of_time():
                return
            else:
                # The losses of the outage are told as soon as there is room again.
                pulse_at = 0.0
                self._pause()

    def _compose_ticks(self) -> None:
        batch = self._intake.take()
        self._first_seq = batch[0][0] if batch else self._intake.next_seq
        if not batch:
            return
        taken_at = time.monotonic()
        self._brisk = taken_at - self._ticks_at < _BRISK_SECONDS
        self._ticks_at = taken_at
        composed = 0
        try:
            for start in range(0, len(batch), _CHUNK_TICKS):
                chunk = batch[start : start + _CHUNK_TICKS]
                bodies = b"\n".join([entry[2] for entry in chunk])
                self._intake.count_nulls(chunk, bodies)
                self._pending += self._lines.compose(chunk, bodies)
                composed += len(chunk)
        finally:
            self._intake.dropped += len(batch) - composed  # by a fault of ours

    def _write_pending(self) -> bool:
        try:
            self._file.append(self._pending, self._first_seq, time.time_ns())
        except OSError as error:
            self.write_errors += 1
            self.report.failed(error)
            return False
        if self.report.fault is not None:
            self.report.works()
        return True

    def _rest(self, pulse_at: float) -> None:
        """Sleep until there is work: woken by the next tick, or looking often while they are many.

        Waking a sleeper costs the engine's thread as much as half an encode; a fast engine is
        spared that, and its ticks reach the disk a poll later.
        """
        while self._brisk and time.monotonic() - self._ticks_at < _BRISK_SECONDS:
            if self._intake.queued() > _CHUNK_TICKS or self._deadline is not None:
                return
            time.sleep(_POLL_SECONDS)
            if self._intake.queued():
                return
        self._intake.wait(pulse_at - time.monotonic())

    def _pause(self) -> None:
        until = time.monotonic() + _RETRY_SECONDS
        while self._deadline is None and time.monotonic() < until:
            time.sleep(_RETRY_SECONDS / 10)
        if self._deadline is not None:
            time.sleep(_RETRY_SECONDS / 20)

    def _out_of_time(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _header(self, segment: int, first_seq: int) -> bytes:
        engine, interval_seconds = self._place.engine, self._place.interval_seconds
        return header_line(engine, self.writer, segment, first_seq, interval_seconds)

    def _pulse(self) -> bytes:
        return record_line(
            Pulse(
                writer=self.writer,
                timestamp=now(),
                last_seq=self._intake.last_seq(),
                queued=self._intake.queued(),
                dropped=self._intake.lost(),
                nulled=self._intake.encoding.nulled,
                write_errors=self.write_errors,
            )
        )

    def _close_line(self, planned: Planned) -> bytes:
        return record_line(
            Close(
                writer=self.writer,
                timestamp=now(),
                last_seq=self._intake.last_seq(),
                dropped=self._intake.lost(),
                reason=_text(planned.reason),
                back_within_seconds=_seconds(planned.back_within_seconds),
            )
        )


def _random_id() -> str:
    """Return 8 letters and digits, 40 random bits: two writers hardly ever share a name."""
    value = int.from_bytes(os.urandom(5), "big")
    return "".join(_ID_LETTERS[value >> shift & 31] for shift in range(0, 40, 5))


def _text(value: object) -> str | None:
    try:
        return None if value is None else str(value).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - `__str__` of an engine's object may raise anything
        return None


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
