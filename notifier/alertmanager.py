"""Alertmanager's body: the alerts of one channel as they are at this moment. Pure.

An Alertmanager takes what it is not told of any more for over. So it is told again and again of all
that fires, with an end in the near future, and for a while of what is over
(prometheus.io/docs/alerting/latest/alerts_api).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms
from notifier.ledger import REMEMBER_ENDED_MS, Ended, State
from notifier.letter import Letter
from notifier.message import advice_of
from notifier.records import Planned

AGAIN_SECONDS = 60.0
HOLDS_SECONDS = 4 * AGAIN_SECONDS
"""So long an alert holds without another word: three that are lost end nothing."""
TRIAL_MS = 120_000
"""Longer than an Alertmanager waits for more of a group, as it comes: it tells nobody of less."""


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert; its labels are what it is known by. Times are RFC 3339."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str


def alerts_of(state: State, channel: str, now: Instant) -> list[Alert]:
    """Return what fires and what was over lately, of all that a channel is told of."""
    found = {
        (one.planned.incident, one.severity): _alert(one.planned, one.severity, one.since)
        for one in _over(state, channel, now)
    }
    ends_ms = now.wall_ms + round(HOLDS_SECONDS * 1000)
    for known in state.told.values():
        if channel in known.channels and known.planned is not None and known.since is not None:
            one = known.planned
            found[one.incident, one.severity] = _alert(one, one.severity, known.since, ends_ms)
    return list(found.values())


def alert_of(letter: Letter) -> Alert:
    """Return one message as an alert that ends by itself: what a test sends."""
    labels = _labels(letter.rule, letter.severity, letter.engine, letter.incident)
    annotations = {"summary": letter.title, "description": letter.text}
    wall_ms = round(datetime.fromisoformat(letter.at).timestamp() * 1000)
    return Alert(labels, annotations, _time(wall_ms), _time(wall_ms + TRIAL_MS))


def _over(state: State, channel: str, now: Instant) -> Iterator[Ended]:
    """Yield what is over, once for each way it is known by: the later word counts."""
    for one in state.outstanding.values():
        planned = one.planned
        if one.channel == channel and planned.over:
            yield Ended(planned.severity, planned, planned.alert_at, (channel,))
    for ended in state.ended:
        lately = elapsed_ms(ended.planned.alert_at, now) < REMEMBER_ENDED_MS
        if lately and channel in ended.channels:
            yield ended


def _alert(
    planned: Planned, severity: Severity, since: Instant, ends_ms: int | None = None
) -> Alert:
    """Return an alert that ends when it was planned, if nothing else is said."""
    ends_ms = planned.alert_at.wall_ms if ends_ms is None else ends_ms
    annotations = {"summary": planned.title, "description": planned.text}
    _, page = advice_of(planned.rule)
    if page is not None:
        annotations["runbook"] = page
    return Alert(
        labels=_labels(planned.rule, severity, planned.engine, planned.incident),
        annotations=annotations,
        starts_at=_time(min(since.wall_ms, ends_ms)),  # a clock that was set back: else refused
        ends_at=_time(ends_ms),
    )


def _labels(rule: str, severity: str, engine: str, incident: str) -> dict[str, str]:
    return {
        "alertname": rule,
        "severity": severity.lower(),
        "engine": engine,
        "incident": incident,
    }


def _time(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(timespec="milliseconds")
