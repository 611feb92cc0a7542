"""The profit and loss of the day so far, for the sparkline of `monitor status`."""

from __future__ import annotations

from datetime import datetime, time

from monitoring.history import BUCKET_MS
from scripts.cli import words
from scripts.cli.look import Look
from scripts.cli.metric_series import Span, collect

FIELD = "pnl.daily"
FEW = 12
MOST_FILES = 600


def pnl_of_day(seen: Look) -> list[float | None]:
    """Return `pnl.daily` since local midnight, oldest first; stretches without data are None."""
    now_ms = seen.now.wall_ms
    today = words.local(now_ms, seen.zone).date()
    midnight_ms = round(datetime.combine(today, time(), seen.zone).timestamp() * 1000)
    coarse = _values(seen, Span(midnight_ms, now_ms + 1, BUCKET_MS))
    if not coarse or len(coarse) >= FEW:
        return coarse
    young_ms = max(midnight_ms, now_ms - len(coarse) * BUCKET_MS - BUCKET_MS)
    # two intervals, so that a snapshot that comes late leaves no hole
    fine_ms = max(1000, round(seen.config.interval_seconds * 2000))
    return _values(seen, Span(young_ms, now_ms + 1, fine_ms))


def _values(seen: Look, span: Span) -> list[float | None]:
    points = collect(seen.home, (FIELD,), span, most=MOST_FILES).stretches[FIELD]
    if not points:
        return []
    starts = range(min(points), max(points) + 1, span.every_ms)
    return [points[start].last if start in points else None for start in starts]
