"""What wakes a loop: files that arrive, and files that grow."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyFD, Mask

from monitoring.bell import Bell

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent, WatchDescriptor

_MOVED = Mask(InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_ONLYDIR)
_EDITED = Mask(
    _MOVED
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
)
_GROWN = Mask(_MOVED | InotifyConstants.IN_CREATE | InotifyConstants.IN_MODIFY)


Arrivals = deque[str | None]
"""Names of files that were moved in, in their order. None: some may be missing, so look."""

MOST_ARRIVALS = 1_000


class FolderWatch:
    """Rings when a file is moved into one of the folders, and adds its name to `arrived`.

    In those that are `edited` also when one is written or goes: a human's editor may do either. In
    those that are `grown` with each piece that is written to one: who appends to a file keeps it
    open.

    Its callback is the kernel reader's own thread. An observer of the same library would pass an
    event through three more threads (at ten ticks a second a sixth of all that the collector
    costs), and hold a rename from a temporary name back for half a second when it sees the first
    half of it before the second.
    """

    def __init__(
        self,
        bell: Bell,
        folders: Iterable[Path] = (),
        edited: Iterable[Path] = (),
        grown: Iterable[Path] = (),
    ) -> None:
        self._bell = bell
        self._masks = dict.fromkeys(folders, _MOVED) | dict.fromkeys(edited, _EDITED)
        self._masks |= dict.fromkeys(grown, _GROWN)
        self._watched: dict[Path, tuple[int, int, WatchDescriptor]] = {}
        self._gone: set[WatchDescriptor] = set()
        self._inotify: InotifyFD | None = None
        self._id = CallbackId(id(self))
        self.arrived: Arrivals = deque(maxlen=MOST_ARRIVALS)

    def renew(self) -> None:
        """Watch the folders, those too that were made, or made again, since the last time.

        Raises OSError when the system gives no inotify instance, no thread or no more watches.
        """
        if self._inotify is not None and not self._inotify.is_alive():
            self.close()
        inotify = self._inotify or self._begin()
        for folder, mask in self._masks.items():
            try:
                status = folder.stat()
            except FileNotFoundError:
                self._watched.pop(folder, None)
                continue
            device, inode, watch = self._watched.get(folder, (None, None, None))
            # A folder made again often gets the inode of the one that went, and never its watch.
            if (device, inode) != (status.st_dev, status.st_ino) or watch in self._gone:
                watch = inotify.add_callback(os.fsencode(folder), mask, self, self._id)
                self._watched[folder] = status.st_dev, status.st_ino, watch
                self._look()  # what came before the watch did

    def _begin(self) -> InotifyFD:
        self._watched.clear()
        self._gone.clear()
        self._inotify = inotify = InotifyFD()
        try:
            inotify.start()
        except RuntimeError as error:  # no more threads
            self._inotify = None
            inotify._close_resources()
            raise OSError(errno.EAGAIN, str(error)) from error
        return inotify

    def close(self) -> None:
        """Stop watching."""
        inotify, self._inotify = self._inotify, None
        if inotify is not None:
            with contextlib.suppress(OSError):  # its thread may have died half way
                inotify.stop()

    def on_event(self, event: InotifyEvent) -> None:
        """Ring, whatever it is: a name says where to look first, and never what is there."""
        self.arrived.append(os.fsdecode(event.name))
        self._bell.ring()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The folder went; `renew` finds the next of its name."""
        self._gone.add(wd)
        self._look()

    def on_queue_overflow(self) -> None:
        """The kernel lost events."""
        self._look()

    def _look(self) -> None:
        self.arrived.append(None)
        self._bell.ring()
