"""From a transition, or a notice, to the line that the alert log keeps of it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from evaluator.incident import Incident, Scalar, Transition
from evaluator.instant import Instant
from evaluator.silence import Silence
from monitoring.alert_line import AlertLine, Clock, Kind, SilenceStatus
from monitoring.market_override import MarketOverride


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A line that changes no incident: what happened, to which rule, in words.

    One that tells of a silence has it, and what became of it.
    """

    kind: Kind
    reason: str
    message: str = ""
    rule: str = ""
    id: str = ""
    context: dict[str, Scalar | None] = {}
    market: MarketOverride | None = None
    silence: Silence | None = None
    status: SilenceStatus | None = None


def of_silence(silence: Silence, status: SilenceStatus, reason: str) -> Notice:
    """Return the line of a silence that begins, expires, or is ended by somebody."""
    return Notice(
        kind="silence",
        reason=reason,
        message=f"{silence.target}: {silence.words}",
        rule=silence.rule or "",
        id=silence.id,
        silence=silence,
        status=status,
    )


class LineMaker:
    """Makes the lines of one engine, with times in the trading timezone; `seq` is left at 0."""

    def __init__(self, engine: str, timezone: str) -> None:
        self._engine = engine
        self._zone = ZoneInfo(timezone)

    def entry(
        self, entry: Transition | Notice, at: Instant, snapshot: int, request: str | None
    ) -> AlertLine:
        """Return the line of something that happened at `at`, after snapshot number `snapshot`."""
        if isinstance(entry, Transition):
            line = self.incident("alert", entry.incident, at, snapshot)
            line.notify = entry.notify
        else:
            line = self._notice(entry, at, snapshot)
        line.request = request
        return line

    def incident(self, kind: Kind, incident: Incident, at: Instant, snapshot: int) -> AlertLine:
        """Return the line (`alert` or `carry`) of an incident as it is."""
        fired, resolved = incident.fired_at, incident.resolved_at
        return AlertLine(
            id=incident.id,
            seq=0,
            kind=kind,
            timestamp=self._iso(at),
            engine=self._engine,
            severity=incident.severity,
            rule=incident.rule,
            status=incident.status,
            reason=incident.reason,
            message=incident.message,
            context=incident.context,
            acknowledged=incident.ack is not None,
            suppressed_by=incident.suppressed_by,
            active_at=self._iso(incident.active_at),
            fired_at=None if fired is None else self._iso(fired),
            resolved_at=None if resolved is None else self._iso(resolved),
            snapshot=snapshot,
            boot_id=at.boot_id,
            boottime_ns=at.boottime_ns,
            clock=Clock(
                day=incident.day,
                active_at=incident.active_at,
                fired_at=fired,
                resolved_at=resolved,
                held=incident.held,
                clear=incident.clear,
                ack=incident.ack,
                error=incident.error,
                onset_ms=incident.onset_ms,
                blind=incident.blind,
                told=incident.told,
                refired=incident.refired,
                flapping=incident.flapping,
            ),
        )

    def silence(self, silence: Silence, at: Instant, snapshot: int) -> AlertLine:
        """Return the carry line of a silence in force."""
        line = self._notice(of_silence(silence, "active", silence.words), at, snapshot)
        line.kind = "carry"
        return line

    def _notice(self, notice: Notice, at: Instant, snapshot: int) -> AlertLine:
        return AlertLine(
            id=notice.id,
            seq=0,
            kind=notice.kind,
            timestamp=self._iso(at),
            engine=self._engine,
            severity=None,
            rule=notice.rule,
            status=notice.status,
            reason=notice.reason,
            message=notice.message,
            context=notice.context,
            acknowledged=False,
            suppressed_by=None,
            active_at=None,
            fired_at=None,
            resolved_at=None,
            snapshot=snapshot,
            boot_id=at.boot_id,
            boottime_ns=at.boottime_ns,
            market=notice.market,
            silence=notice.silence,
        )

    def _iso(self, at: Instant) -> str:
        moment = datetime.fromtimestamp(at.wall_ms / 1000, self._zone)
        return moment.isoformat(timespec="milliseconds")
