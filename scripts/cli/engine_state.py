"""The engine in one word, and why."""

from __future__ import annotations

from typing import Literal

import msgspec

from monitoring.advice import lapsed
from monitoring.calendar import calendar_of
from monitoring.schedule import ScheduleFault
from scripts.cli.look import Look
from scripts.cli.words import age

Word = Literal["LIVE", "LAPSED", "STOPPED", "UNKNOWN"]

CAUSES = {
    "process_gone": "its process is gone",
    "process_frozen": "its process is frozen: there, but it writes nothing",
    "loop_hung": "its loop hangs: the process lives, no turn of the loop ends",
    "machine_rebooted": "the machine was restarted",
    "stopped_cleanly": "it was stopped and is not back",
    "never_started": "it never wrote a tick",
    "unknown": "its files don't say why",
}
"""What `heartbeat.cause` means, for a human."""


class EngineState(msgspec.Struct, frozen=True):
    """`word` for the header; `why` in words (empty while LIVE)."""

    word: Word
    why: str = ""


def engine_state(look: Look) -> EngineState:
    """Judge the engine from a look: nothing old is ever called live."""
    if look.snapshot is None:
        return EngineState("UNKNOWN", "the collector has not written a snapshot yet")
    if not look.fresh:
        return EngineState("UNKNOWN", f"newest snapshot is {age(look.snapshot_age_seconds)} old")
    cause = look.text("heartbeat.cause") or "unknown"
    if look.flag("heartbeat.expected") is False:
        if cause == "never_started":
            return EngineState("STOPPED", CAUSES[cause])
        return EngineState("STOPPED", _stopped(look))
    tick, deadline = look.tick_age_seconds, look.number("heartbeat.deadline_seconds")
    if tick is None or deadline is None:
        return EngineState("UNKNOWN", "the snapshot holds no heartbeat")
    if tick > deadline:
        excuse = _not_due(look, deadline)
        if excuse is not None:
            return EngineState("STOPPED", f"no tick for {age(tick)}, and none is due: {excuse}")
        return EngineState("LAPSED", CAUSES.get(cause, "" if cause == "ticking" else cause))
    return EngineState("LIVE")


def engine_pid(look: Look) -> int | None:
    """Return the pid of the engine that ticked last and did not say good-bye."""
    marks = look.snapshot.collector.writers if look.snapshot else []
    heard = [
        (mark.last_tick.wall_ms, mark.pid) for mark in marks if mark.last_tick and not mark.closed
    ]
    return max(heard)[1] if heard else None


def lapse_todo(look: Look) -> str:
    """Return what to do with an engine that lapsed."""
    flat = look.number("last.positions.count") == 0
    return lapsed(look.text("heartbeat.cause"), engine_pid(look), flat=flat)


def _not_due(look: Look, deadline_seconds: float) -> str | None:
    """Return why no tick is due now, though the engine did not say good-bye; None: one is.

    The rule heartbeat_lapsed sees it the same way.
    """
    now_ms = look.now.wall_ms
    try:
        calendar = calendar_of(look.config, look.overrides)
    except ScheduleFault:
        return None
    opened_ms = calendar.opened_at_ms(now_ms)
    if opened_ms is None:
        return "the market is closed"
    if now_ms - opened_ms <= deadline_seconds * 1000:
        return "the market has only just opened"
    if look.number("last.positions.count") != 0:
        return None
    due_ms = calendar.outlook(now_ms).engine_due_ms
    if due_ms is None or now_ms - due_ms <= deadline_seconds * 1000:
        return f"flat, and its hours are {look.config.calendar.engine_window}"
    return None


def _stopped(look: Look) -> str:
    marks = look.snapshot.collector.writers if look.snapshot else []
    reasons = [mark for mark in marks if mark.closed is not None]
    if not reasons:
        return "stopped cleanly"
    last = max(reasons, key=lambda mark: mark.closed.wall_ms if mark.closed else 0)
    said = f' "{last.close_reason}"' if last.close_reason else ""
    back = last.back_within_seconds
    promise = f", back within {age(back)}" if back is not None else ""
    return f"stopped cleanly{said}{promise}"
