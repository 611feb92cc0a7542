"""Durations and moments as the operator types them: 90s, 1d12h, 10:42, 2025-10-12, ISO times."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo

import click

from scripts.cli.words import local

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PARTS = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def duration_ms(text: str) -> int | None:
    """Return the milliseconds that 90s, 15m, 2h, 1d12h means; None for anything else."""
    compact = text.strip().lower()
    if not compact or _PARTS.sub("", compact):
        return None
    total = sum(float(count) * _UNITS[unit] for count, unit in _PARTS.findall(compact))
    return round(total * 1000) if 0 < total < 1e10 else None


def moment_ms(text: str, now_ms: int, zone: tzinfo) -> int | None:
    """Return the POSIX milliseconds of a moment: so long ago, a time of today, or an ISO time.

    A time without an offset is in the trading timezone. None for anything else.
    """
    stripped = text.strip()
    if stripped.lower() == "now":
        return now_ms
    ago = duration_ms(stripped)
    if ago is not None:
        return now_ms - ago
    today = local(now_ms, zone)
    if stripped.lower() in {"today", "yesterday"}:
        day = today.date() - timedelta(days=stripped.lower() == "yesterday")
        return _ms(datetime.combine(day, time(), zone))
    clock = _CLOCK.fullmatch(stripped)
    if clock:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return _ms(datetime.combine(today.date(), time(hour, minute, second), zone))
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        return None
    return _ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


class DurationType(click.ParamType[int]):
    """A click option that holds a duration, in milliseconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the milliseconds, or refuse the value in words."""
        if isinstance(value, int):
            return value
        found = duration_ms(str(value))
        if found is None:
            self.fail(f"{str(value)!r} is no duration: write 90s, 15m, 2h or 1d12h.", param, ctx)
        return found


def wanted_ms(option: str, text: str | None, now_ms: int, zone: tzinfo) -> int | None:
    """Return the moment an option names, None if it wasn't given. Raises click.BadParameter."""
    if text is None:
        return None
    found = moment_ms(text, now_ms, zone)
    if found is None:
        raise click.BadParameter(
            f"{text!r} is no moment: write 2h (ago), 10:42, yesterday or 2025-10-12T09:15.",
            param_hint=option,
        )
    return found
