"""The rules on their way through time: snapshots and moments in, lines for the alert log out.

The live evaluation, its catching up and a backtest are this same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import get_args

from evaluator.evaluation import Evaluation, Memory
from evaluator.explanation import Examined
from evaluator.flapping import over
from evaluator.incident import Incident, Scalar, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import Standing, step
from evaluator.rules import Clock, RuleSet
from evaluator.silence import Silence, expired
from evaluator.stats import Stats
from evaluator.verdict import Verdict
from monitoring.alert_entry import Notice, of_silence
from monitoring.ambient import OwnHealth, ambient, limits
from monitoring.calendar import Calendar
from monitoring.config import Config
from monitoring.excerpt import Excerpt, Taken
from monitoring.preflight import preflight_facts, seconds_to_close, seconds_to_watch
from monitoring.rule_changes import closed_by, differing
from monitoring.snapshot import flatten

NOTHING: Mapping[str, object] = MappingProxyType({})


class Course:
    """Holds what one evaluation hands to the next: windows, open incidents, rules in error.

    `silences` are by id, `past` is by rule the last incident that fired and is over.
    `seen` are facts that were reported before what it is given, `terse` is for who wants episodes
    and not the lines of the alert log: see `Evaluation`.

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
        silences: dict[str, Silence] | None = None,
        past: dict[str, Incident] | None = None,
        seen: Iterable[str] = (),
        terse: bool = False,
    ) -> None:
        self.states: States = {} if states is None else states
        self.silences = {} if silences is None else dict(silences)
        self.past = {} if past is None else dict(past)
        self.verdicts: list[Verdict] = []
        self.raw: Mapping[str, object] = {}
        self._judged_on: tuple[Mapping[str, object], Mapping[str, object]] = {}, {}
        self.sessions = sessions
        self._evaluation = Evaluation(rules, seen, terse=terse)
        self._clocks = get_args(Clock) if terse else ()
        self._config = config
        self._limits = limits(config)
        self._in_error = set(in_error)

    def use(self, sessions: Calendar) -> None:
        """Judge from now on by other sessions: the operator changed them."""
        self.sessions = sessions

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self._evaluation.rules

    @property
    def exposed(self) -> bool:
        """Tell whether positions are open, or nobody can say that none are."""
        count = self.facts.get("last.positions.count")
        return not isinstance(count, int | float) or count > 0

    def heed(self, entry: Transition | Notice) -> None:
        """Take what the operator did into what stands: an incident, or a silence."""
        if isinstance(entry, Transition):
            self.states[entry.incident.rule] = entry.incident
        elif entry.silence is not None and entry.status == "active":
            self.silences[entry.silence.id] = entry.silence
        elif entry.silence is not None:
            self.silences.pop(entry.silence.id, None)

    def take(self, snapshot: Taken) -> None:
        """Take the next snapshot; it is judged by the `judge` that follows."""
        self.raw = hand_over(snapshot, self._evaluation, self._config)

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
        self._evaluation.take(at, raw, stats, ticks, _watched(seconds, self._config))

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
        return self.conclude(at, self.look(at, snapshot_age_seconds, health, given))

    def look(
        self,
        at: Instant,
        snapshot_age_seconds: float,
        health: OwnHealth,
        given: Mapping[str, object] = NOTHING,
    ) -> list[Verdict]:
        """Return what every rule says at an instant, the same list while nothing has changed.

        It depends on the snapshots taken and on the instant alone, not on what is open.
        """
        facts = self._limits | ambient(at, self.sessions, snapshot_age_seconds, health)
        facts |= given
        stale = snapshot_age_seconds > self._config.snapshot_limit_seconds
        raw = dict.fromkeys(self.raw) if stale else self.raw
        if seconds_to_watch(facts) is not None:
            to_close = seconds_to_close(at.wall_ms, self.sessions)
            facts |= preflight_facts({**raw, **facts}, self._config, to_close)
        self._judged_on = raw, facts
        still = [one for one in self._clocks if not self.sessions.is_open(at.wall_ms, one)]
        return self._evaluation.verdicts(at, facts, still)

    def conclude(self, at: Instant, verdicts: list[Verdict]) -> list[Transition | Notice]:
        """Return what the verdicts of an instant change."""
        self.verdicts = verdicts
        silences = self._expire(at)
        standing = Standing(tuple(self.silences.values()), self.past)
        self.states, transitions = step(
            self.states,
            verdicts,
            at,
            self.sessions,
            self._config.engine,
            standing=standing,
        )
        transitions = [closed_by(self._evaluation.rules, one) for one in transitions]
        self.past |= over(transitions)
        return [*silences, *transitions, *self._errors()]

    @property
    def at_rest(self) -> bool:
        """Tell whether nothing is open, silenced or in error: verdicts none of which begins
        anything (`evaluator.turn.begins`) change nothing then.
        """
        return not (self.states or self.silences or self._in_error)

    def _expire(self, at: Instant) -> list[Notice]:
        """Drop the silences whose time is over, and return a line for each."""
        ended = expired(self.silences.values(), at.wall_ms)
        for one in ended:
            del self.silences[one.id]
        return [of_silence(one, "expired", f"{one.words} is over") for one in ended]

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

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return what an enabled rule's conditions read when it was judged last."""
        return self._evaluation.reading(rule)

    def examined(self, rule: str) -> tuple[Examined, ...]:
        """Return each condition of an enabled rule as it was when it was judged last."""
        return self._evaluation.examined(rule)

    @property
    def facts(self) -> dict[str, Scalar | None]:
        """Every fact as the last evaluation read it."""
        raw, facts = self._judged_on
        return {
            name: value
            for name, value in {**raw, **facts}.items()
            if value is None or isinstance(value, str | bool | int | float)
        }

    @property
    def memory(self) -> Memory:
        """What is remembered of all snapshots so far, beyond the longest window."""
        return self._evaluation.memory

    def recall(self, memory: Memory) -> None:
        """Go on as if the snapshots that a memory is of had been taken before."""
        self._evaluation.recall(memory)

    def _errors(self) -> list[Notice]:
        """Return a line for each rule that went into error now."""
        failing = {one.rule.name: one.why for one in self.verdicts if one.truth == "error"}
        new = [name for name in failing if name not in self._in_error]
        self._in_error = set(failing)
        return [Notice(kind="rule_error", rule=name, reason=failing[name]) for name in new]


def hand_over(snapshot: Taken, evaluation: Evaluation, config: Config) -> Mapping[str, object]:
    """Let an evaluation take a snapshot, and return its raw facts by name."""
    window = snapshot.window
    seconds = _watched(window.seconds, config)
    if isinstance(snapshot, Excerpt):
        flat = snapshot.flat
        evaluation.take_fitting(snapshot.instant, flat, window.stats, window.ticks, seconds)
        return flat
    raw = flatten(snapshot)
    evaluation.take(snapshot.instant, raw, window.stats, window.ticks, seconds)
    return raw


def _watched(seconds: float, config: Config) -> float:
    """Return how much of a window counts.

    One longer than a snapshot may be old has a time in it in which nobody watched.
    """
    return min(seconds, config.snapshot_limit_seconds)
