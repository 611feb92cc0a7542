"""The lines of the alert log on their way into the notifier: each once, in their order."""

from __future__ import annotations

from monitoring.alert_fold import Folded, fold
from monitoring.alert_line import AlertLine
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.log_follower import LogFollower, Unreadable
from monitoring.troubles import Troubles
from notifier.records import Mark

SLICE_LINES = 200
"""A backlog is taken in by so many lines a turn, with one sync; what is due is sent in between."""


class Intake:
    """Follows the log. That it can't be read is a trouble, and so is a line that is no record."""

    def __init__(self, home: Home, troubles: Troubles) -> None:
        self._home = home
        self._troubles = troubles
        self._follower = LogFollower(home.alerts)
        self._waiting: list[AlertLine] = []

    @property
    def more(self) -> bool:
        """Tell whether lines wait for the next turn."""
        return bool(self._waiting)

    def begin(self, mark: Mark | None) -> Folded | None:
        """Go on behind the last line that was taken in. Raises OSError.

        A home that was never told of, and a log that was lost and begun anew, are taken up at
        their end: what stands there is returned.
        """
        lines = self._readable(self._follower.since(0 if mark is None else mark.seq))
        first = next(iter(lines), None)
        known = mark is not None and first is not None and first.seq >= mark.seq
        if known and mark is not None and first is not None and first.seq == mark.seq:
            known = mark.boottime_ns in (0, first.boottime_ns)
        if known and mark is not None:
            self._waiting = [line for line in lines if line.seq > mark.seq]
            return None
        folded = fold(self._home.alerts)
        lines += self._fresh()  # what came between the two readings is in the fold
        if mark is not None:
            monitoring_log.warning("the alert log is not the one of before: taken up at its end")
        self._waiting = [line for line in lines if line.seq > folded.seq]
        return folded

    def take(self) -> list[AlertLine]:
        """Return the next lines, as many as a turn takes in."""
        lines = [*self._waiting, *self._fresh()]
        self._waiting = lines[SLICE_LINES:]
        return lines[:SLICE_LINES]

    def _fresh(self) -> list[AlertLine]:
        try:
            found = self._follower.grown()
        except OSError as error:
            self._troubles.note("alert log", f"the alert log can't be read: {error.strerror}")
            return []
        self._troubles.note("alert log", None)
        return self._readable(found)

    def _readable(self, found: list[AlertLine | Unreadable]) -> list[AlertLine]:
        for line in found:
            if isinstance(line, Unreadable):
                monitoring_log.error(
                    "{}: the line at byte {} is no record: {}", line.file, line.offset, line.why
                )
        return [line for line in found if isinstance(line, AlertLine)]
