"""Who took an alert, gave it back or silenced it: the edit of the message that told of it.

Told is what the alert log says, whoever asked for it there: a button, or `monitor ack`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from evaluator.incident import Incident
from evaluator.instant import Instant
from evaluator.silence import Silence
from monitoring.alert_fold import wall_ms
from monitoring.alert_line import AlertLine, incident_of
from monitoring.config import Config
from monitoring.log_sinks import printable
from monitoring.snapshot import Snapshot
from notifier.ledger import Known
from notifier.message import News, advice_of, exposure_of, text_of, title_of
from notifier.records import EDITS, Mark, Planned

LONGEST_WORDS = 300


class Edits:
    """Makes the records of edits.

    `newest` reads the newest snapshot, `standing` the open incidents by rule, as the alert log has
    them. Only Telegram can edit.
    """

    def __init__(
        self,
        config: Config,
        newest: Callable[[], Snapshot | None],
        standing: Callable[[], Mapping[str, Incident]],
    ) -> None:
        self._config = config
        self._newest = newest
        self._standing = standing
        self._zone = ZoneInfo(config.timezone)

    def of_line(self, line: AlertLine, told: Mapping[str, Known], now: Instant) -> Planned | None:
        """Return the edit that a line leads to; None: it takes, gives back and silences nothing
        that somebody was told of on a channel that can edit.
        """
        found = self._silenced(line, told) if line.silence is not None else _taken(line)
        if found is None or found[0].id not in told:
            return None
        incident, why = found
        kinds = self._config.channels
        channels = tuple(
            name
            for name in told[incident.id].channels
            if name in kinds and kinds[name].kind == "telegram"
        )
        if not channels:
            return None
        at = Instant(wall_ms(line), line.boottime_ns, line.boot_id)
        began = incident.fired_at or incident.active_at
        todo, page = advice_of(incident.rule)
        news = News(
            incident=incident.id, engine=line.engine, rule=incident.rule,
            severity=incident.severity, why=why, over=False, message=incident.message,
            reason=incident.reason, since_ms=began.wall_ms, at=at, context=incident.context,
            todo=todo, page=page,
        )  # fmt: skip
        limit = self._config.snapshot_limit_seconds
        exposure = exposure_of(news.context, self._newest(), now, limit, self._zone)
        words = printable(_words(incident, line.silence, self._zone))[:LONGEST_WORDS]
        return Planned(
            at=now, incident=incident.id, step=f"{line.seq}-{why}", engine=line.engine,
            rule=incident.rule, severity=incident.severity, why=why, over=False, alert_at=at,
            title=title_of(news), text=f"{words}\n{text_of(news, exposure, self._zone)}",
            channels=channels, mark=Mark(line.seq, line.boottime_ns),
        )  # fmt: skip

    def _silenced(self, line: AlertLine, told: Mapping[str, Known]) -> tuple[Incident, str] | None:
        """Return the one incident that a silence is about; one of a severity is about no one."""
        silence = line.silence
        if silence is None or line.status != "active" or silence.severity is not None:
            return None
        aimed = (
            one.rule
            for id_, one in told.items()
            if id_ == silence.incident or one.rule == silence.rule
        )
        rule = next(aimed, None)
        incident = None if rule is None else self._standing().get(rule)
        if incident is None or incident.status != "firing" or not silence.covers(incident):
            return None
        return incident, "silenced"


def _taken(line: AlertLine) -> tuple[Incident, str] | None:
    incident = incident_of(line)
    if line.kind != "alert" or incident is None or incident.status != "firing":
        return None
    return (incident, line.notify) if line.notify in EDITS else None


def _words(incident: Incident, silence: Silence | None, zone: tzinfo) -> str:
    if silence is not None:
        why = f": {silence.reason}" if silence.reason else ""
        return f"✓ silenced by {silence.by} until {_clock(silence.ends_ms, zone)}{why}"
    ack = incident.ack
    if ack is None:
        return f"given back: {incident.reason}"
    until = "" if ack.until_ms is None else f" until {_clock(ack.until_ms, zone)}"
    why = f": {ack.reason}" if ack.reason else ""
    return f"✓ taken by {ack.by} at {_clock(ack.at_ms, zone)}{until}{why}"


def _clock(wall_ms: int, zone: tzinfo) -> str:
    try:
        return f"{datetime.fromtimestamp(wall_ms / 1000, zone):%H:%M on %d %b}"
    except (ValueError, OverflowError, OSError):  # a line may say anything
        return "an unknown time"
