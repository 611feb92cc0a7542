"""The rules on their way through time: snapshots and moments in, lines for the alert log out.

The live evaluation, its catching up and a backtest are this same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evaluator.evaluation import Evaluation
from evaluator.incident import Scalar, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import step
from evaluator.rules import RuleSet
from evaluator.stats import Stats
from evaluator.verdict import Verdict
from monitoring.alert_entry import Notice
from monitoring.ambient import OwnHealth, ambient, limits
from monitoring.calendar import Calendar
from monitoring.config import Config
from monitoring.snapshot import Snapshot, flatten

NOTHING: Mapping[str, object] = MappingProxyType({})


class Course:
    """Holds what one evaluation hands to the next: windows, open incidents, rules in error.

    `facts` and `verdicts` are those of the last evaluation; `raw` is the last snapshot, flat.
    """

    def __init__(
        self,
        rules: RuleSet,
        config: Config,
        sessions: Calendar,
        *,
        states: States | None = None,
        in_error: frozenset[str] = frozenset(),
    ) -> None:
        self.states: States = {} if states is None else states
        self.verdicts: list[Verdict] = []
        self.raw: dict[str, object] = {}
        self.facts: dict[str, Scalar | None] = {}
        self._evaluation = Evaluation(rules)
        self._config = config
        self._sessions = sessions
        self._limits = limits(config)
        self._in_error = set(in_error)

    def use(self, sessions: Calendar) -> None:
        """Judge from now on by other sessions: the operator changed them."""
        self._sessions = sessions

    def take(self, snapshot: Snapshot) -> None:
        """Take the next snapshot; it is judged by the `judge` that follows."""
        window = snapshot.window
        raw = flatten(snapshot)
        self.take_facts(snapshot.instant, raw, window.stats, window.ticks, window.seconds)

    def take_facts(
        self,
        at: Instant,
        raw: dict[str, object],
        stats: Mapping[str, Stats],
        ticks: int,
        seconds: float,
    ) -> None:
        """Take what a snapshot holds, flat; a scenario has no more than that."""
        self.raw = raw
        self._evaluation.take(at, raw, stats, ticks, seconds)

    def judge(
        self,
        at: Instant,
        snapshot_age_seconds: float,
        health: OwnHealth,
        given: Mapping[str, object] = NOTHING,
    ) -> list[Transition | Notice]:
        """Judge every rule at an instant, and return what changed.

        `given` stands in for facts about the monitor's surroundings, which a scenario makes up.
        """
        facts = self._limits | ambient(at, self._sessions, snapshot_age_seconds, health)
        facts |= given
        self.verdicts = self._evaluation.verdicts(at, facts)
        self.states, transitions = step(
            self.states, self.verdicts, at, self._sessions, self._config.engine
        )
        stale = snapshot_age_seconds > self._config.snapshot_limit_seconds
        self._keep(dict.fromkeys(self.raw) if stale else self.raw, facts)
        return [*transitions, *self._errors()]

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return what an enabled rule's conditions read when it was judged last."""
        return self._evaluation.reading(rule)

    def _keep(self, raw: dict[str, object], facts: dict[str, object]) -> None:
        self.facts = {
            name: value
            for name, value in (raw | facts).items()
            if value is None or isinstance(value, str | bool | int | float)
        }

    def _errors(self) -> list[Notice]:
        """Return a line for each rule that went into error now."""
        failing = {one.rule.name: one.why for one in self.verdicts if one.truth == "error"}
        new = [name for name in failing if name not in self._in_error]
        self._in_error = set(failing)
        return [Notice(kind="rule_error", rule=name, reason=failing[name]) for name in new]
