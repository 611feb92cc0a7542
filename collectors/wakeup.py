"""What wakes the loop: a watch on the heartbeat folder.

Events are wake-ups, never data: one that is lost costs a poll interval, not a tick.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyFD, Mask

from evaluator.instant import Instant, elapsed_ms

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent, WatchDescriptor

UNANNOUNCED_LOOKS = 2
"""After as many looks in a row that found what no event had announced, the watch is blind."""

RETRY_MS = 30_000

CHECK_MS = 500

_EVENTS = Mask(
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_ONLYDIR
)


class FolderWatch:
    """Calls `wake` on each change in a folder, as long as the system lets it.

    `check` must be called with each look at the folder: it arms the watch again when the folder was
    removed or is another one than before, when its thread has ended, and when it has gone blind.
    `fault` says why there is no watch, None when there is one.

    It is the kernel reader of watchdog's observer without the observer, which would hand each
    event through two more threads: at ten ticks a second a sixth of all that the collector costs.
    """

    def __init__(self, folder: Path, wake: Callable[[], None], warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._warn = warn
        self._inotify: InotifyFD | None = None
        self._folder_id: tuple[int, int] | None = None
        self._dropped = False
        self._events = 0
        self._events_before = 0
        self._unannounced = 0
        self._checked_at: Instant | None = None
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
        if self._checked_at is not None and elapsed_ms(self._checked_at, now) < CHECK_MS:
            return
        self._checked_at = now
        if self._inotify is None:
            if self._failed_at is None or elapsed_ms(self._failed_at, now) >= RETRY_MS:
                self._arm(now)
        elif (
            self._dropped
            or self._unannounced >= UNANNOUNCED_LOOKS
            or not self._inotify.is_alive()
            or self._folder_id != _identity(self._folder)
        ):
            self.close()
            self._arm(now)

    def close(self) -> None:
        """Stop watching."""
        inotify, self._inotify = self._inotify, None
        if inotify is not None:
            with contextlib.suppress(OSError):  # its thread may have died half way
                inotify.stop()

    def on_event(self, event: InotifyEvent) -> None:  # noqa: ARG002 -- what happened is read from the folder
        """Wake: called in the reader's thread."""
        self._events += 1
        self._wake()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:  # noqa: ARG002 -- there is but one
        """Note that the kernel has dropped the watch: the folder is gone. A new one may have the
        old one's inode, so that its identity does not tell.
        """
        if self._inotify is not None:  # else we are closing it
            self._dropped = True
            self._wake()

    def on_queue_overflow(self) -> None:
        """Wake: events were lost, what they told of is in the folder."""
        self._wake()

    def _arm(self, now: Instant) -> None:
        self._unannounced = 0
        self._dropped = False
        self._folder_id = _identity(self._folder)
        try:
            inotify = InotifyFD()
            self._inotify = inotify
            inotify.start()  # first: one that never ran keeps its descriptors when it is closed
            inotify.add_callback(os.fsencode(self._folder), _EVENTS, self, CallbackId(id(self)))
        except (OSError, RuntimeError) as fault:  # RuntimeError: no more threads
            self.close()
            self._failed_at = now
            if self.fault is None:
                self._warn(f"no file events for {self._folder} ({fault}): found by polling alone")
            self.fault = f"no file events: {fault}"
            return
        self._failed_at = self.fault = None
        self._wake()  # for what came before the watch did


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        there = folder.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino
