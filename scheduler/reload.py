"""A changed `rules.toml` comes into force while the scheduler runs, or is refused with its faults.

The new rules are made ready beside the old ones: their windows are filled from the snapshots of
the past, a slice a turn, while the old ones go on judging. Then they change places between two
evaluations, and the next one makes of the open alerts what the new rules say.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evaluator.evaluation import Evaluation
from evaluator.incident import Scalar
from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_entry import Notice
from monitoring.clock import Clock
from monitoring.config import Config
from monitoring.course import Course, hand_over
from monitoring.rule_changes import changes
from monitoring.snapshot import Snapshot
from scheduler.feed import Feed
from scheduler.rule_watch import RuleWatch
from scheduler.rulebook import Faulty, Sound
from scheduler.rules_in_force import RulesInForce

SLICE_MS = 100
"""Longest time that the filling of windows takes from a turn."""
MOST_FAULTS = 20
"""So many are in the line of the log; `monitor rules check` shows all."""


class _Next(msgspec.Struct, frozen=True):
    """Rules that are being made ready: what their windows still lack comes out of `past`."""

    found: Sound
    evaluation: Evaluation
    past: Iterator[Snapshot]


class Reload:
    """Brings new rules into force. `ready`: there is nothing to do before the file changes."""

    def __init__(
        self,
        *,
        in_force: RulesInForce,
        file: RuleWatch,
        course: Course,
        feed: Feed,
        config: Config,
        clock: Clock,
    ) -> None:
        self._in_force = in_force
        self._file = file
        self._course = course
        self._feed = feed
        self._config = config
        self._clock = clock
        self._next: _Next | None = None

    def turn(self) -> Notice | None:
        """Do what is to be done, and return the line for the log when something came of it."""
        found = self._file.look(self._clock.now())
        if isinstance(found, Faulty):
            self._next = None
            return self._refuse(found)
        if found is not None:
            self._next = None
            if found.text == self._in_force.text:
                return self._as_before(found)
            self._next = self._begin(found)
        if self._next is None or not self._fill(self._next):
            return None
        taken, self._next = self._next, None
        return self._take(taken)

    def seconds_left(self) -> float | None:
        """Return when the next turn is due at the latest, None: when something happens."""
        if self._next is not None:
            return 0.0
        return self._file.seconds_left(self._clock.now())

    def _refuse(self, found: Faulty) -> Notice | None:
        if found.faults == self._in_force.faults:
            return None  # touched, or saved again as it was
        self._in_force.refuse(found)
        return refusal(self._in_force)

    def _as_before(self, found: Sound) -> Notice | None:
        if not self._in_force.faults:
            return None
        self._in_force.take(found)
        return Notice(kind="reload", reason="rules.toml is as before its faults: no rule changed")

    def _begin(self, found: Sound) -> _Next:
        span = found.rules.longest_window_seconds + self._config.snapshot_limit_seconds
        return _Next(found, self._course.heir(found.rules), self._feed.past(span))

    def _fill(self, coming: _Next) -> bool:
        """Fill the windows further; tell whether they are full."""
        began: Instant = self._clock.now()
        for snapshot in coming.past:
            hand_over(snapshot, coming.evaluation, self._config)
            if elapsed_ms(began, self._clock.now()) >= SLICE_MS:
                return False
        return True

    def _take(self, coming: _Next) -> Notice:
        changed = changes(self._in_force.rules, coming.found.rules)
        self._course.adopt(coming.evaluation)
        self._in_force.take(coming.found)
        rules = coming.found.rules.rules
        own = sum(not rule.builtin for rule in rules)
        gone = " (there is no such file any more)" if coming.found.text is None else ""
        return Notice(
            kind="reload",
            reason=f"rules.toml is taken over{gone}: {changed.words}",
            context={"rules": float(len(rules)), "own": float(own), "faults": 0.0},
        )


def refusal(in_force: RulesInForce) -> Notice:
    """Return the line that says that the file is refused, and why."""
    faults = in_force.faults
    context: dict[str, Scalar | None] = {"faults": float(len(faults))}
    for number, fault in enumerate(faults[:MOST_FAULTS], 1):
        context[f"fault {number}"] = str(fault)
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    reason = f"rules.toml is refused, and {in_force.words}: {faults[0]}{more}"
    return Notice(kind="reload", reason=reason, context=context)
