"""What a backtest found, as `--json` prints it: per rule, per session, and what two rule sets don't
share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import msgspec

from evaluator.instant import Sessions
from evaluator.rules import RuleSet
from monitoring.backtest import Backtested
from monitoring.episodes import Episode, Episodes
from scripts.cli.words import local

FLAP_MS = 600_000
"""An alert that fires again so soon after its end is one that flaps."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One incident. Times are ISO; `ended` null: open when the data ended."""

    rule: str
    id: str
    severity: str
    fired: str
    ended: str | None
    how: str | None
    seconds: float
    held_again: int
    from_start: bool
    suppressed_by: str | None
    message: str


class InSession(msgspec.Struct, frozen=True):
    """One trading day of a rule: incidents that fired, and seconds in alarm, open hours alone."""

    day: str
    incidents: int
    alarm_seconds: float
    open_seconds: float


class OfRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule over all the data. `flaps`: fired within ten minutes of its last end."""

    rule: str
    enabled: bool
    incidents: list[Happened]
    never_fired: int
    alarm_seconds: float
    longest_seconds: float
    flaps: int
    sessions: list[InSession]
    error: str | None


class Side(msgspec.Struct, frozen=True):
    """One rule set: where it came from, and its rules in its order."""

    rules_file: str
    rules: list[OfRule]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. With a candidate, `only_today` and `only_candidate` name the incidents
    for which the other side has none of that rule at that time.
    """

    source: str
    since: str | None
    until: str | None
    snapshots: int
    sessions: int
    took_seconds: float
    today: Side
    candidate: Side | None = None
    only_today: list[Happened] = []
    only_candidate: list[Happened] = []
    not_judged: list[str] = []
    notes: list[str] = []


class Maker:
    """Makes the parts of a report, with times in the trading timezone."""

    def __init__(self, sessions: Sessions, zone: tzinfo) -> None:
        self._sessions = sessions
        self._zone = zone

    def iso(self, wall_ms: int) -> str:
        """Return a time as ISO, to the millisecond."""
        return local(wall_ms, self._zone).isoformat(timespec="milliseconds")

    def side(
        self, name: str, rules: RuleSet, found: Episodes, wanted: Callable[[str], bool]
    ) -> Side:
        """Return one rule set's outcome, of the wanted rules alone."""
        episodes: dict[str, list[Episode]] = {}
        for one in found.all:
            episodes.setdefault(one.rule, []).append(one)
        return Side(
            name,
            [
                self._of_rule(rule.name, rule.enabled, episodes.get(rule.name, []), found)
                for rule in rules.rules
                if wanted(rule.name)
            ],
        )

    def days(self, done: Backtested) -> int:
        """Return how many trading days with open hours the data touches."""
        if done.first is None or done.last is None:
            return 0
        return sum(
            1
            for begin, end in self._pieces(done.first.wall_ms, done.last.wall_ms + 1)
            if self._sessions.open_ms(begin, end, "session") > 0
        )

    def happened(self, one: Episode) -> Happened:
        """Return one episode as it is printed."""
        return Happened(
            rule=one.rule,
            id=one.id,
            severity=one.severity,
            fired=self.iso(one.fired_at_ms),
            ended=None if one.ended_at_ms is None else self.iso(one.ended_at_ms),
            how=one.ended,
            seconds=one.lasted_ms / 1000,
            held_again=one.held_again,
            from_start=one.from_start,
            suppressed_by=one.suppressed_by,
            message=one.message,
        )

    def _of_rule(
        self, name: str, enabled: bool, episodes: Sequence[Episode], found: Episodes
    ) -> OfRule:
        return OfRule(
            rule=name,
            enabled=enabled,
            incidents=[self.happened(one) for one in episodes],
            never_fired=found.never_fired.get(name, 0),
            alarm_seconds=sum(one.lasted_ms for one in episodes) / 1000,
            longest_seconds=max((one.lasted_ms for one in episodes), default=0) / 1000,
            flaps=flaps(episodes),
            sessions=self._in_sessions(episodes),
            error=found.errors.get(name),
        )

    def _in_sessions(self, episodes: Iterable[Episode]) -> list[InSession]:
        days: dict[str, list[float]] = {}
        for one in episodes:
            fired = self._sessions.trading_day(one.fired_at_ms)
            days.setdefault(fired, [0, 0.0, 0.0])[0] += 1
            for begin, end in self._pieces(one.fired_at_ms, one.fired_at_ms + one.lasted_ms):
                sums = days.setdefault(self._sessions.trading_day(begin), [0, 0.0, 0.0])
                sums[1] += (end - begin) / 1000
                sums[2] += self._sessions.open_ms(begin, end, "session") / 1000
        return [
            InSession(day, int(count), alarm, open_)
            for day, (count, alarm, open_) in sorted(days.items())
        ]

    def _pieces(self, begin_ms: int, end_ms: int) -> Iterable[tuple[int, int]]:
        """Yield a stretch of time cut at each local midnight, where trading days change."""
        while begin_ms < end_ms:
            midnight = datetime.combine(
                local(begin_ms, self._zone).date() + timedelta(days=1),
                datetime.min.time(),
                self._zone,
            )
            cut = min(end_ms, round(midnight.timestamp() * 1000))
            yield begin_ms, cut
            begin_ms = cut


def flaps(episodes: Sequence[Episode]) -> int:
    """Return how often a rule fired again within ten minutes of its last end."""
    return sum(
        before.ended_at_ms is not None and after.fired_at_ms - before.ended_at_ms < FLAP_MS
        for before, after in pairwise(episodes)
    )


def missing(ones: Iterable[Episode], others: Iterable[Episode]) -> list[Episode]:
    """Return those of `ones` during which none of the others of that rule was firing."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for other in others:
        end = other.fired_at_ms + other.lasted_ms
        spans.setdefault(other.rule, []).append((other.fired_at_ms, end))
    found = []
    places = dict.fromkeys(spans, 0)  # both are in the order of time, and a rule's don't overlap
    for one in ones:
        theirs = spans.get(one.rule, [])
        place = places.get(one.rule, 0)
        while place < len(theirs) and theirs[place][1] < one.fired_at_ms:
            place += 1
        places[one.rule] = place
        if place == len(theirs) or theirs[place][0] > one.fired_at_ms + one.lasted_ms:
            found.append(one)
    return found
