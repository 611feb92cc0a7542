"""The rules on their way through time: snapshots and moments in, lines for the alert log out.

The live evaluation, its catching up and a backtest are this same code.
"""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.evaluation import Evaluation
from evaluator.incident import Scalar, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import step
from evaluator.rules import RuleSet
from evaluator.verdict import Verdict
from monitoring.alert_entry import Notice
from monitoring.ambient import OwnHealth, ambient, limits
from monitoring.calendar import Calendar
from monitoring.config import Config
from monitoring.preflight import preflight_facts, seconds_to_close
from monitoring.rule_changes import closed_by, differing
from monitoring.snapshot import Snapshot, flatten


class Course:
    """Holds what one evaluation hands to the next: windows, open incidents, rules in error.

    `seen` are facts that were reported before what it is given, see `Evaluation`.

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
        seen: Iterable[str] = (),
    ) -> None:
        self.states: States = {} if states is None else states
        self.verdicts: list[Verdict] = []
        self.raw: dict[str, object] = {}
        self.facts: dict[str, Scalar | None] = {}
        self._evaluation = Evaluation(rules, seen)
        self._config = config
        self._sessions = sessions
        self._limits = limits(config)
        self._in_error = set(in_error)

    def use(self, sessions: Calendar) -> None:
        """Judge from now on by other sessions: the operator changed them."""
        self._sessions = sessions

    def take(self, snapshot: Snapshot) -> None:
        """Take the next snapshot; it is judged by the `judge` that follows."""
        self.raw = hand_over(snapshot, self._evaluation, self._config)

    def judge(
        self, at: Instant, snapshot_age_seconds: float, health: OwnHealth
    ) -> list[Transition | Notice]:
        """Judge every rule at an instant, and return what changed."""
        facts = self._limits | ambient(at, self._sessions, snapshot_age_seconds, health)
        stale = snapshot_age_seconds > self._config.snapshot_limit_seconds
        raw = dict.fromkeys(self.raw) if stale else self.raw
        if not facts["session.open"]:
            to_close = seconds_to_close(at.wall_ms, self._sessions)
            facts |= preflight_facts(raw | facts, self._config, to_close)
        self.verdicts = self._evaluation.verdicts(at, facts)
        self.states, transitions = step(
            self.states, self.verdicts, at, self._sessions, self._config.engine
        )
        transitions = [closed_by(self._evaluation.rules, one) for one in transitions]
        self._keep(raw, facts)
        return [*transitions, *self._errors()]

    def heir(self, rules: RuleSet) -> Evaluation:
        """Return an evaluation of other rules that knows what was ever seen, for `adopt`.

        It is handed the snapshots that its windows reach over, the newest one last.
        """
        return Evaluation(rules, self._evaluation.seen)

    def adopt(self, evaluation: Evaluation) -> None:
        """Judge by the rules of another evaluation from now on.

        The open incidents stay. The next `judge` closes those whose rules are gone, and counts
        what the others have held so far against the rules as they are now.
        """
        before = {rule.name: rule for rule in self._evaluation.rules.rules}
        for rule in evaluation.rules.rules:
            if rule.name not in before or differing(before[rule.name], rule):
                self._in_error.discard(rule.name)
        self._evaluation = evaluation

    @property
    def seen(self) -> frozenset[str]:
        """The facts of engine and collector that were ever reported."""
        return self._evaluation.seen

    @property
    def wanting(self) -> dict[str, tuple[str, ...]]:
        """The rules that can't hold, with the facts that were never reported."""
        return self._evaluation.wanting()

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


def hand_over(snapshot: Snapshot, evaluation: Evaluation, config: Config) -> dict[str, object]:
    """Let an evaluation take a snapshot, and return its raw facts by name.

    A window longer than a snapshot may be old has a time in it in which nobody watched, and
    covers no more than that.
    """
    raw, window = flatten(snapshot), snapshot.window
    seconds = min(window.seconds, config.snapshot_limit_seconds)
    evaluation.take(snapshot.instant, raw, window.stats, window.ticks, seconds)
    return raw
