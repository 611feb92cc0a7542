"""The hand-over from the engine's threads to the writer's: bounded, and nobody waits.

What a paced tick costs is mostly cold caches: the CPU slept since the last one, and each
object touched is a miss. So `record_tick` is a closure over C functions, not a method that
looks up six attributes (8 µs less of 45), and the writer's thread is woken only when it
sleeps (a futex call, 10 µs on a virtual machine; an eventfd costs 6 µs more).
"""

from __future__ import annotations

import _thread
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Protocol

from tickbeat.encode import MAX_BODY_BYTES, Encoding
from tickbeat.record import Tick

LARGE_BYTES = 1_024
"""Ticks up to this size are bounded by their number, larger ones by their bytes."""

FIRST_TO_COME = 0
"""`next_seq` of a forked child until its first tick: the parent may have been amid one."""

_LARGE_TOTAL_BYTES = 32 * 1024 * 1024
_QUIET_TICKS = 64
_IN_FLIGHT_MS = 5


Entry = tuple[int, int, bytes, bool]
"""A tick on its way: its seq, the wall time of the call in ns, its JSON, are its nulls counted."""


class RecordTick(Protocol):
    """Take one tick of the engine: encode it and hand it over."""

    def __call__(self, metrics: Mapping[str, object] | Tick | None = None, /) -> None:
        """Take `metrics` (groups of values, or a `Tick`, or None: alive, nothing new)."""


class Intake:
    """A queue that drops its oldest ticks when full, and a bell that wakes the writer.

    `bell` holds the one call that wakes whoever writes, while he needs waking; a list,
    because its pop() gives the call to exactly one of many ringing threads without a lock.
    """

    def __init__(self, encoding: Encoding, limit_ticks: int) -> None:
        self.bell: list[Callable[[], object]] = []
        self.record_tick: RecordTick
        self.next_seq = 1
        self.dropped = 0
        self.encoding = encoding
        self._queue: deque[tuple[int, int, bytes, bool]] = deque(maxlen=limit_ticks)
        self._limit_ticks = limit_ticks
        self._large_bytes = 0
        self._careful = [True]
        self._quiet = 0
        self._rung = False
        self._renew_lock()
        self.record_tick = self._make_record_tick()

    def _make_record_tick(self) -> RecordTick:
        encode, examine, salvage = self.encoding.encode, self._examine, self.encoding.salvage
        append, seq, now = self._queue.append, count(1).__next__, time.time_ns
        bell, careful = self.bell, self._careful

        def record_tick(metrics: Mapping[str, object] | Tick | None = None, /) -> None:
            """Take one tick: encode it, hand it over. Never raises, never waits."""
            try:
                counted = False
                try:
                    body = encode(metrics)
                    if careful or len(body) > LARGE_BYTES:
                        body = examine(metrics, body)
                        counted = True
                except Exception:  # noqa: BLE001 - an engine's object may raise anything
                    body = salvage(metrics)
                    counted = True
                append((seq(), now(), body, counted))
                if bell:
                    bell.pop()()
            except Exception:  # noqa: BLE001, S110 - trading goes on; another thread rang the bell,
                pass  # or memory or stack is at its end, and the gap in seq tells of the tick

        return record_tick

    def _examine(self, metrics: object, body: bytes) -> bytes:
        if b"null" in body and metrics is not None:
            self.encoding.count_lost(metrics)
        if len(body) > MAX_BODY_BYTES:
            body = self.encoding.salvage(metrics)
        if len(body) > LARGE_BYTES:
            if self._large_bytes + len(body) > _LARGE_TOTAL_BYTES:
                self.encoding.nulled += 1
                return b"{}"
            self._large_bytes += len(body)
        return body

    def queued(self) -> int:
        """Return how many ticks wait."""
        return len(self._queue)

    def last_seq(self) -> int:
        """Return the newest seq given out, as far as this thread can know."""
        taken = max(self.next_seq - 1, 0)
        try:
            return max(self._queue[-1][0], taken)
        except IndexError:
            return taken

    def lost(self) -> int:
        """Return how many ticks are lost for good, those still to be noticed included."""
        try:
            oldest = self._queue[0][0]
        except IndexError:
            return self.dropped
        unnoticed = 0 if self.next_seq == FIRST_TO_COME else oldest - self.next_seq
        return self.dropped + max(unnoticed, 0)

    def take(self) -> list[Entry]:
        """Return the next ticks in the order of their seq, and count those that are missing.

        A thread may be held between getting its seq and queueing its tick: such a tick is
        waited for; one that comes later still is already counted as dropped, and is left out.
        """
        overflowed = len(self._queue) == self._limit_ticks
        batch = self._pop()
        if not batch or (len(batch) == 1 and batch[0][0] == self.next_seq):
            self.next_seq += len(batch)
            return batch
        if self.next_seq == FIRST_TO_COME:
            self.next_seq = batch[0][0]
        patience = 0 if overflowed else _IN_FLIGHT_MS
        while patience and batch[-1][0] >= self.next_seq + len(batch):
            time.sleep(0.001)
            batch = sorted([*batch, *self._pop()])
            patience -= 1
        if batch[0][0] < self.next_seq:
            batch = [entry for entry in batch if entry[0] >= self.next_seq]
        if batch:
            self.dropped += batch[-1][0] + 1 - self.next_seq - len(batch)
            self.next_seq = batch[-1][0] + 1
        return batch

    def _pop(self) -> list[Entry]:
        queue = self._queue
        popped: list[Entry] = []
        while queue and len(popped) < self._limit_ticks:
            entry = queue.popleft()
            popped.append(entry)
            if len(entry[2]) > LARGE_BYTES:
                self._large_bytes -= len(entry[2])
        if not queue:
            # Large ticks that were dropped as the oldest have not been subtracted.
            self._large_bytes = 0
        popped.sort()
        return popped

    def count_nulls(self, entries: Sequence[Entry], bodies: bytes) -> None:
        """Count the nulls of ticks that were taken without looking; `bodies` joins their JSON.

        Looking costs half as much as encoding, so `record_tick` looks only for a while after
        a null was seen: then a NaN is told from the engine's own None. Here it can't be.
        """
        if b"null" not in bodies:
            self._quiet += len(entries)
        else:
            for _, _, body, counted in entries:
                self._quiet += 1
                if b"null" in body and body != b"null":
                    self._quiet = 0
                    self._careful[:] = [True]
                    self.encoding.nulled += 0 if counted else body.count(b"null")
        if self._quiet > _QUIET_TICKS:
            self._careful.clear()

    def wait(self, seconds: float) -> None:
        """Wait until a tick is queued or somebody rings, at most so long."""
        self.bell.append(self._release)
        idle = not self._queue and not self._rung
        self._rung = False
        if idle and self._lock.acquire(timeout=max(0.0, seconds)):
            return
        try:
            self.bell.pop()
        except IndexError:
            # A tick rings in this very moment: take its release, or the next wait is none.
            self._lock.acquire(timeout=1.0)

    def ring(self) -> None:
        """Wake the writer's thread; when it does not wait, its next wait is none."""
        self._rung = True
        with contextlib.suppress(IndexError):
            self.bell.pop()()

    def discard(self) -> None:
        """Drop what is queued: nobody will write it."""
        self.next_seq = self.last_seq() + 1
        self.dropped += self.queued()
        self._queue.clear()

    def renew(self, ring: Callable[[], object]) -> None:
        """Forget the queue of the parent process; `ring` is called by the next tick."""
        self._queue.clear()
        self.next_seq, self.dropped, self._large_bytes = FIRST_TO_COME, 0, 0
        self.encoding.nulled = 0
        self._renew_lock()
        self.bell[:] = [ring]

    def _renew_lock(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self._release = self._lock.release
