"""Which snapshots are still to be evaluated, and what rolling windows need of those that were."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evaluator.instant import Instant
from monitoring.alert_fold import Folded
from monitoring.course import Course
from monitoring.folder_watch import Arrivals
from monitoring.snapshot import Snapshot, file_wall_ms
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable
from monitoring.troubles import Troubles


class Reached(msgspec.Struct, frozen=True):
    """The last snapshot that was evaluated."""

    name: str
    number: int
    instant: Instant


class Feed:
    """Hands each snapshot to the course once, in the order of names, over restarts too."""

    def __init__(
        self, store: SnapshotStore, course: Course, troubles: Troubles, arrived: Arrivals
    ) -> None:
        self.reached: Reached | None = None
        self._arrived = arrived
        self._listed = False
        self._after: str | None = None
        self._store = store
        self._course = course
        self._troubles = troubles

    def resume(self, name: str | None, folded: Folded, window_seconds: float) -> None:
        """Go on after the snapshot `name` (None: not known) and after what the log shows.

        The log may be ahead of `name`, which is written after it. Rolling windows are filled from
        the snapshots of the `window_seconds` before.
        """
        names = self._store.names_after(name)
        before = len(names)
        while before and not self._was_evaluated(names[before - 1], folded):
            before -= 1
        self._after = names[before - 1] if before else name
        if self._after is not None:
            self._prime(self._after, window_seconds)

    def fresh(self) -> Iterator[Reached]:
        """Yield each snapshot not evaluated yet, after the course took it.

        To list two days of snapshots takes longer than to evaluate one. So what has just arrived
        is taken without, if its number says that there is none before it and the last listing went
        well.
        """
        complete = False
        while self._arrived and self._listed:
            name = self._arrived.popleft()
            if name is not None and self._is_no_news(name):
                continue
            following = None if name is None else self._following(name)
            if name is None or following is None:
                complete = False
                self._arrived.clear()  # these are in the folder's list
                break
            complete = True
            self._after = name
            yield self._take(name, following)
        if complete:
            return
        for name in self._names_after(self._after):
            snapshot = self._read(name)
            self._after = name
            if snapshot is not None:
                yield self._take(name, snapshot)

    def past(self, seconds: float) -> Iterator[Snapshot]:
        """Yield the snapshots of the last `seconds` up to the last one that was evaluated.

        Those that are evaluated while this is read come too: what has read it to its end knows
        as much as the course.
        """
        if self.reached is None:
            return
        start_ms = (file_wall_ms(self.reached.name) or 0) - round(seconds * 1000)
        while (end := self.reached.name) and (end_ms := file_wall_ms(end) or 0) >= start_ms:
            for _, snapshot in self._store.between(start_ms, end_ms):
                yield snapshot
            start_ms = end_ms + 1

    def restart_when_behind(self) -> None:
        """Notice that every snapshot left is older by name than the last one evaluated.

        Somebody deleted those that a wrong clock had dated years ahead. Without this, none that
        comes now would ever be evaluated.
        """
        names = self._names_after(None)
        if self._after is not None and names and names[-1] < self._after:
            known = Folded()
            if self.reached is not None:
                known.snapshot, known.at = self.reached.number, self.reached.instant
            self.resume(None, known, 0)

    def _is_no_news(self, name: str) -> bool:
        """Tell whether a file is no snapshot, or one that the folder's list has shown before."""
        return file_wall_ms(name) is None or name <= (self._after or "")

    def _following(self, name: str) -> Snapshot | None:
        """Return a snapshot if it is the next after the last one evaluated.

        None also when it can't be read: why is told when the folder is listed.
        """
        try:
            snapshot = self._store.read(name)
        except SnapshotUnreadable:
            return None
        if self.reached is None or snapshot.snapshot != self.reached.number + 1:
            return None
        self._troubles.note("snapshots", None)
        return snapshot

    def _names_after(self, name: str | None) -> list[str]:
        """Return the names of later snapshots; none while the folder can't be listed.

        The evaluation goes on without them, and tells by their age that nothing comes any more.
        """
        try:
            names = self._store.names_after(name)
        except OSError as error:
            words = f"{self._store.folder} can't be read: {error.strerror}"
            self._troubles.note("snapshot folder", words)
            self._listed = False
            return []
        self._troubles.note("snapshot folder", None)
        self._listed = True
        return names

    def _was_evaluated(self, name: str, folded: Folded) -> bool:
        """Tell whether the log shows that this snapshot, or a later one, was evaluated.

        The one whose own lines are the newest is evaluated again: a torn write may have lost some
        of them, and to evaluate a snapshot twice changes nothing.
        """
        snapshot = self._read(name)
        if snapshot is None or folded.at is None or snapshot.snapshot > folded.snapshot:
            return False
        if snapshot.snapshot == folded.snapshot and snapshot.instant == folded.at:
            return False
        return not _is_later(snapshot.instant, folded.at)

    def _prime(self, name: str, window_seconds: float) -> None:
        end_ms = file_wall_ms(name)
        if end_ms is None:
            return
        for found, snapshot in self._store.between(end_ms - round(window_seconds * 1000), end_ms):
            self._take(found, snapshot)

    def _take(self, name: str, snapshot: Snapshot) -> Reached:
        self.reached = Reached(name, snapshot.snapshot, snapshot.instant)
        self._course.take(snapshot)
        return self.reached

    def _read(self, name: str) -> Snapshot | None:
        try:
            snapshot = self._store.read(name)
        except SnapshotUnreadable as unreadable:
            self._troubles.note("snapshots", f"a snapshot was left out: {unreadable}")
            return None
        self._troubles.note("snapshots", None)
        return snapshot


def _is_later(one: Instant, other: Instant) -> bool:
    if one.boot_id == other.boot_id:
        return one.boottime_ns > other.boottime_ns
    return one.wall_ms > other.wall_ms
