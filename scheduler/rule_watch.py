"""When `rules.toml` was changed, and what it has become, once whoever writes it has let go of it.

Editors write in place, or put the old file aside and write a new one, or rename a finished one
over it. On the way the file may be gone, empty, or end in the middle of a rule, and all but the
last are sound files that would take every rule of the operator out of force. So a file counts
when nobody has touched it for a while, and its faults a little later.
"""

from __future__ import annotations

from pathlib import Path

from evaluator.instant import Instant, elapsed_ms
from monitoring.file_mark import mark_of
from scheduler.rulebook import Faulty, Sound, read_rules

QUIET_MS = 1_000
FAULTY_QUIET_MS = 2_000
"""Who is in the middle of mending a file is not told about it."""


class RuleWatch:
    """One rule file. `quiet_ms`: how long it must be left alone before it counts."""

    def __init__(self, path: Path, now: Instant, quiet_ms: int = QUIET_MS) -> None:
        self._path = path
        self._quiet_ms = quiet_ms
        self._mark = mark_of(path)
        self._since = now
        self._open = False
        self._faulty: Faulty | None = None

    def look(self, now: Instant) -> Sound | Faulty | None:
        """Return what the file has become, once for each change; None: nothing new, or not yet."""
        mark = mark_of(self._path)
        if mark != self._mark:
            self._mark, self._since, self._open, self._faulty = mark, now, True, None
        if not self._open or elapsed_ms(self._since, now) < self._quiet_ms:
            return None
        found = self._faulty or read_rules(self._path)
        if mark_of(self._path) != self._mark:
            return None  # written while it was read: the next look begins anew
        if isinstance(found, Faulty):
            self._faulty = found
            if elapsed_ms(self._since, now) < self._quiet_ms + FAULTY_QUIET_MS - QUIET_MS:
                return None
        self._open, self._faulty = False, None
        return found

    def seconds_left(self, now: Instant) -> float | None:
        """Return when to look again at the latest; None: when the file changes."""
        if not self._open:
            return None
        wait_ms = self._quiet_ms + (0 if self._faulty is None else FAULTY_QUIET_MS - QUIET_MS)
        return max(0.0, (wait_ms - elapsed_ms(self._since, now)) / 1000)
