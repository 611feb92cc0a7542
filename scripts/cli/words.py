"""Numbers, amounts, ages and times as a tired human reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evaluator.incident import Ack
from evaluator.message import grouped
from evaluator.silence import Silence
from monitoring.money import MINUS, signed

BARS = "▁▂▃▄▅▆▇█"


def age(seconds: float | None) -> str:
    """Return a duration in two units at most: 0.4s, 38s, 4m12s, 1h27m, 3d4h; `?` if unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s" if whole % 60 else f"{whole // 60}m"
    minutes = whole // 60
    if minutes < 1440:
        return f"{minutes // 60}h{minutes % 60:02d}m" if minutes % 60 else f"{minutes // 60}h"
    hours = minutes // 60
    return f"{hours // 24}d{hours % 24}h" if hours % 24 else f"{hours // 24}d"


def percent(value: float, digits: int = 2) -> str:
    """Return −0.92%."""
    return f"{number(value, digits)}%"


def number(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals and a typographic minus sign; never −0."""
    text = f"{abs(value):.{digits}f}"
    return signed(text, value if float(text) else 0)


def figure(value: float) -> str:
    """Return any number in few characters: 4.2, 0.65, 1,50,000, 1.2e−07."""
    size = abs(value)
    if not math.isfinite(value):
        return "?"
    if size >= 1e15 or (size and size < 1e-4):
        return f"{value:.3g}".replace("-", MINUS)
    if size >= 1000:
        return signed(grouped(round(size)), value)
    text = f"{size:.4f}" if size < 1 else f"{size:.2f}"
    return signed(text.rstrip("0").rstrip(".") or "0", value)


def sparkline(values: Sequence[float | None], columns: int) -> str:
    """Return the values as bars, oldest left; a blank is a stretch without data."""
    if not values or columns <= 0:
        return ""
    columns = min(columns, len(values))
    means: list[float | None] = []
    for index in range(columns):
        start, end = index * len(values) // columns, (index + 1) * len(values) // columns
        part = [v for v in values[start:end] if v is not None and math.isfinite(v)]
        means.append(sum(part) / len(part) if part else None)
    seen = [mean for mean in means if mean is not None]
    if not seen:
        return ""
    low, high = min(seen), max(seen)
    step = (high - low) / (len(BARS) - 1)
    return "".join(
        " " if mean is None else BARS[round((mean - low) / step) if step > 0 else 3]
        for mean in means
    )


def local(wall_ms: int, zone: tzinfo) -> datetime:
    """Return a POSIX time in milliseconds as local time."""
    return datetime.fromtimestamp(wall_ms / 1000, zone)


def since(wall_ms: int, now_ms: int, zone: tzinfo) -> str:
    """Return a moment as 08:30 if it is of today, else 12 Oct 08:30."""
    then = local(wall_ms, zone)
    if then.date() == local(now_ms, zone).date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b %H:%M}"


def parsed(timestamp: str | None) -> datetime | None:
    """Return an ISO time with offset as a datetime, None when it is none."""
    if timestamp is None:
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def zone(name: str) -> ZoneInfo:
    """Return a timezone by its IANA name, UTC when this machine doesn't know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def count(number_: int, noun: str) -> str:
    """Return `1 fault`, `3 faults`."""
    return f"{number_} {noun}{'' if number_ == 1 else 's'}"


def taken(ack: Ack, now_ms: int, zone: tzinfo) -> str:
    """Return who has an alert, why, and until when: acked asha "retraining" until 12:42."""
    why = f' "{ack.reason}"' if ack.reason else ""
    until = "" if ack.until_ms is None else f" until {since(ack.until_ms, now_ms, zone)}"
    return f"acked {ack.by}{why}{until}"


def silenced(silence: Silence, zone: tzinfo) -> str:
    """Return what is silenced, until when, by whom and why."""
    why = f' "{silence.reason}"' if silence.reason else ""
    until = f"{local(silence.ends_ms, zone):%d %b %H:%M}"
    return f"{silence.target} until {until} by {silence.by}{why}  ({silence.id})"
