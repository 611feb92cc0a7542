"""An alert that was told and that nobody takes climbs: who is told next, and when.

What is remembered is in the log of deliveries (`Clocked`, and `climb` of what is planned); what is
open, taken or suppressed now is the fold of the alert log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evaluator.durations import in_words
from evaluator.incident import Incident, Severity
from evaluator.instant import Instant, elapsed_ms
from evaluator.reminders import recovering
from monitoring.alert_fold import Folded, absorb
from monitoring.alert_line import AlertLine, incident_of
from monitoring.calendar import Calendar
from monitoring.oncall_policy import Due, Policy, due, policy_of
from monitoring.snapshot import Snapshot
from notifier.ledger import State
from notifier.message import News
from notifier.oncall_watch import OnCallWatch
from notifier.planning import Planner
from notifier.records import Climb, Clocked, Mark, Passed, Planned
from notifier.step_clock import clocked, held_by

SCHEDULER_DEAD = "notifier_sees_scheduler_dead"


class Escalation:
    """Follows the alert log beside the telling of its lines, and says what is due.

    `calendar` is the one in force, `newest` reads the newest snapshot, None when there is none.
    """

    def __init__(
        self,
        watch: OnCallWatch,
        folded: Folded,
        planner: Planner,
        calendar: Callable[[], Calendar],
        newest: Callable[[], Snapshot | None],
    ) -> None:
        self._watch = watch
        self._log = folded
        self._planner = planner
        self._newest = newest
        self._calendar = calendar
        self._taken = 0

    def take(self, line: AlertLine, state: State, now: Instant) -> Clocked | None:
        """Take a line in, after it was told or passed; return what it does to a step clock.

        Lines of before the start come again, and end in the same state.
        """
        if line.seq <= self._taken:  # the log was lost and begun anew: what was open is not known
            self._log = Folded()
        self._taken = line.seq
        absorb(self._log, line)
        known = state.told.get(line.id)
        incident = incident_of(line) if line.kind == "alert" else None
        if known is None or incident is None:
            return None
        news, changed = self._planner.standing(incident, now), line.notify == "changed"
        mark = Mark(line.seq, line.boottime_ns)
        return clocked(
            news, held_by(incident), known.clock, now, line.seq, changed=changed, mark=mark
        )  # fmt: skip

    def instead_of_repeat(self, line: AlertLine, state: State, now: Instant) -> Passed | None:
        """Return why nobody is told of the scheduler's reminder, None: it is told.

        One that says that an acknowledgement has expired always is, and so are those after the
        last step of a policy that has an end.
        """
        known = state.told.get(line.id)
        if line.kind != "alert" or line.notify != "repeat" or known is None:
            return None
        incident = incident_of(line)
        if incident is None or incident.told is None or incident.told.count < 2:
            return None
        reached = 0 if known.clock is None else known.clock.reached_seconds
        policy = self._policy(incident.severity, incident.rule)
        if not self._awake(now):
            reason = "the market is closed, and no position is known to be open"
        elif policy is not None and not policy.ended(reached):
            reason = f"it climbs instead ({policy.name})"
        else:
            return None
        mark = Mark(line.seq, line.boottime_ns)
        return Passed(at=now, mark=mark, reason=reason, incident=line.id, rule=line.rule,
                      why="repeat")  # fmt: skip

    def look(self, state: State, own: Mapping[str, News], now: Instant) -> list[Clocked | Planned]:
        """Return what is due, once every line that is there was taken in.

        `own` is what the notifier sees itself, by rule.
        """
        self._watch.look()
        records = [
            self._next(self._planner.standing(one, now), held_by(one), _ack(one), state, now)
            for one in self._log.states.values()
            if not recovering(one)
        ]
        # A dead collector has an alert of the scheduler besides: one of them is enough.
        if SCHEDULER_DEAD in own:
            records.append(self._next(own[SCHEDULER_DEAD], None, "its return", state, now))
        return [one for one in records if one is not None]

    def _next(
        self, news: News, held: str | None, stop: str, state: State, now: Instant
    ) -> Clocked | Planned | None:
        known = state.told.get(news.incident)
        if known is None:
            return None
        change = clocked(news, held, known.clock, now, self._log.seq)
        if change is not None or known.clock is None or known.clock.began is None:
            return change
        policy = self._policy(news.severity, news.rule)
        if policy is None:
            return None
        seconds = elapsed_ms(known.clock.began, now) / 1000
        step = due(policy, known.clock.reached_seconds, seconds)
        if step is None or not self._awake(now):
            return None
        reason = (
            f"nobody took it for {in_words(seconds)}: it climbs to "
            f"{', '.join(self._whom(step, now))} ({policy.name}); {stop} stops that"
        )
        channels = self._watch.oncall.channels(step.whom, now.wall_ms)
        climb = Climb(known.clock.began_seq, step.seconds)
        return self._planner.of_climb(news, reason, channels, climb, now)

    def _whom(self, step: Due, now: Instant) -> list[str]:
        oncall = self._watch.oncall
        people = [(name, oncall.person(name, now.wall_ms)) for name in step.whom]
        return [
            name if name == person else f"{person} (on call: {name})" for name, person in people
        ]

    def _policy(self, severity: Severity, rule: str) -> Policy | None:
        """Return the first policy that covers an alert and holds now."""
        policies = self._watch.policies(rule)
        return policy_of(
            (one for one in policies if not one.exposed or self._exposed() is not False),
            severity, rule,
        )  # fmt: skip

    def _awake(self, now: Instant) -> bool:
        """Tell whether somebody may be woken: nights and holidays are silent while flat."""
        return self._calendar().is_open(now.wall_ms, "preopen") or self._exposed() is True

    def _exposed(self) -> bool | None:
        """Tell whether positions are open by the engine's last word, None: it never gave one."""
        snapshot = self._newest()
        if snapshot is None:
            return None
        for readings in (snapshot.positions, snapshot.last.get("positions", {})):
            count = readings.get("count")
            if isinstance(count, float | int) and not isinstance(count, bool):
                return count > 0
        return None


def _ack(incident: Incident) -> str:
    return f"`monitor ack {incident.rule}`"
