"""What wakes the loop: a bell that anybody may ring, and a watch on the heartbeat folder.

Events are wake-ups, never data: one that is lost costs a poll interval, not a tick.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    FileCreatedEvent,
    FileModifiedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from evaluator.instant import Instant, elapsed_ms

UNANNOUNCED_LOOKS = 2
"""After as many looks in a row that found what no event had announced, the watch is blind."""

RETRY_MS = 30_000

# No moves: watchdog holds a rename back for half a second to find its other half, and the events
# behind it too. What is renamed into the folder waits for the next poll.
_EVENTS: list[type[FileSystemEvent]] = [FileModifiedEvent, FileCreatedEvent]


class Bell:
    """Ends a wait from any thread and from a signal handler.

    It is a pipe because a `threading.Event` set in a signal handler can find its own lock taken by
    the very wait that was interrupted.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def ring(self) -> None:
        """End the wait that is under way, or the next one."""
        with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(self._write, b"\0")

    def wait(self, timeout_seconds: float) -> bool:
        """Return True when rung, False after the timeout. Rings in between count as one."""
        rung = bool(self._poll.poll(max(0.0, timeout_seconds) * 1000))
        if rung:
            with contextlib.suppress(BlockingIOError):
                while len(os.read(self._read, 4096)) == 4096:
                    pass
        return rung


class FolderWatch:
    """Calls `wake` on each change in a folder, as long as the system lets it.

    `check` must be called with each look at the folder: it arms the watch again when the folder is
    another one than before, when its threads have ended, and when it has gone blind.
    """

    def __init__(self, folder: Path, wake: Callable[[], None], warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._warn = warn
        self._observer: BaseObserver | None = None
        self._folder_id: tuple[int, int] | None = None
        self._events = 0
        self._events_before = 0
        self._unannounced = 0
        self._failed_at: Instant | None = None
        self.fault: str | None = None

    def check(self, now: Instant, *, found: bool, rung: bool) -> None:
        """See to it that the watch works; `found`: this look found something new, `rung`: it had
        been woken.
        """
        announced = rung or self._events != self._events_before
        self._events_before = self._events
        if announced:
            self._unannounced = 0
        elif found:
            self._unannounced += 1
        blind = self._unannounced >= UNANNOUNCED_LOOKS
        if self._observer is None:
            if self._failed_at is None or elapsed_ms(self._failed_at, now) >= RETRY_MS:
                self._arm(now)
        elif blind or not self._alive() or self._folder_id != _identity(self._folder):
            self.close()
            self._arm(now)

    def close(self) -> None:
        """Stop watching."""
        observer, self._observer = self._observer, None
        if observer is not None:
            with contextlib.suppress(OSError, RuntimeError, KeyError):  # it may be half dead
                observer.stop()

    def _alive(self) -> bool:
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and all(emitter.is_alive() for emitter in observer.emitters)
        )

    def _arm(self, now: Instant) -> None:
        self._unannounced = 0
        self._folder_id = _identity(self._folder)
        observer = Observer()
        try:
            observer.schedule(_Handler(self._heard), str(self._folder), event_filter=_EVENTS)
            observer.start()
        except (OSError, RuntimeError) as fault:  # RuntimeError: no more threads
            self._failed_at = now
            words = f"no file events for {self._folder} ({fault}): found by polling alone"
            if self.fault is None:
                self._warn(words)
            self.fault = words
            return
        self._observer = observer
        self._failed_at = self.fault = None
        self._wake()  # for what came before the watch did

    def _heard(self) -> None:
        self._events += 1
        self._wake()


class _Handler(FileSystemEventHandler):
    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def dispatch(self, event: FileSystemEvent) -> None:  # noqa: ARG002 -- what happened is read from the folder
        self._heard()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        there = folder.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino
