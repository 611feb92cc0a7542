"""The rules on their way through time: snapshots and moments in, lines for the alert log out.

The live evaluation, its catching up and a backtest are this same code.
"""

from __future__ import annotations

from collections.abc import Mapping

from evaluator.evaluation import Evaluation, Memory
from evaluator.incident import Scalar, States, Transition
from evaluator.instant import Instant, Sessions
from evaluator.lifecycle import step
from evaluator.rules import RuleSet
from evaluator.verdict import Verdict
from monitoring.alert_entry import Notice
from monitoring.ambient import OwnHealth, ambient, limits
from monitoring.config import Config
from monitoring.excerpt import Excerpt, Taken
from monitoring.snapshot import flatten


class Course:
    """Holds what one evaluation hands to the next: windows, open incidents, rules in error.

    `facts` and `verdicts` are those of the last evaluation; `raw` is the last snapshot, flat.
    """

    def __init__(
        self,
        rules: RuleSet,
        config: Config,
        sessions: Sessions,
        *,
        states: States | None = None,
        in_error: frozenset[str] = frozenset(),
    ) -> None:
        self.states: States = {} if states is None else states
        self.verdicts: list[Verdict] = []
        self.raw: Mapping[str, object] = {}
        self._judged_on: tuple[Mapping[str, object], Mapping[str, object]] = {}, {}
        self._evaluation = Evaluation(rules)
        self._config = config
        self._sessions = sessions
        self._limits = limits(config)
        self._in_error = set(in_error)

    def take(self, snapshot: Taken) -> None:
        """Take the next snapshot; it is judged by the `judge` that follows."""
        window, evaluation = snapshot.window, self._evaluation
        seen = window.stats, window.ticks, window.seconds
        if isinstance(snapshot, Excerpt):
            self.raw = snapshot.flat
            evaluation.take_fitting(snapshot.instant, snapshot.flat, *seen)
        else:
            self.raw = flatten(snapshot)
            evaluation.take(snapshot.instant, self.raw, *seen)

    def judge(
        self, at: Instant, snapshot_age_seconds: float, health: OwnHealth
    ) -> list[Transition | Notice]:
        """Judge every rule at an instant, and return what changed."""
        return self.conclude(at, *self.look(at, snapshot_age_seconds, health))

    def look(
        self, at: Instant, snapshot_age_seconds: float, health: OwnHealth
    ) -> tuple[list[Verdict], bool]:
        """Return what every rule says at an instant, and whether all that is quiet: nothing begins.

        It depends on the snapshots taken and on the instant alone, not on what is open.
        """
        facts = self._limits | ambient(at, self._sessions, snapshot_age_seconds, health)
        verdicts = self._evaluation.verdicts(at, facts, self.states)
        stale = snapshot_age_seconds > self._config.snapshot_limit_seconds
        self._judged_on = dict.fromkeys(self.raw) if stale else self.raw, facts
        return verdicts, self._evaluation.quiet

    def conclude(
        self, at: Instant, verdicts: list[Verdict], quiet: bool
    ) -> list[Transition | Notice]:
        """Return what verdicts change in the open incidents."""
        self.verdicts = verdicts
        if quiet and not self.states and not self._in_error:
            return []  # nothing is open, nothing begins
        self.states, transitions = step(
            self.states, verdicts, at, self._sessions, self._config.engine
        )
        return [*transitions, *self._errors()]

    @property
    def memory(self) -> Memory:
        """What is remembered of all snapshots so far, beyond the longest window."""
        return self._evaluation.memory

    def recall(self, memory: Memory) -> None:
        """Go on as if the snapshots that a memory is of had been taken before."""
        self._evaluation.recall(memory)

    @property
    def facts(self) -> dict[str, Scalar | None]:
        """Every fact as the last evaluation read it."""
        raw, facts = self._judged_on
        return {
            name: value
            for name, value in {**raw, **facts}.items()
            if value is None or isinstance(value, str | bool | int | float)
        }

    def _errors(self) -> list[Notice]:
        """Return a line for each rule that went into error now."""
        failing = {one.rule.name: one.why for one in self.verdicts if one.truth == "error"}
        new = [name for name in failing if name not in self._in_error]
        self._in_error = set(failing)
        return [Notice(kind="rule_error", rule=name, reason=failing[name]) for name in new]
