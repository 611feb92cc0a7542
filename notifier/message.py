"""What a message says: a title that a lock screen shows whole, and the text below it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Scalar, Severity
from evaluator.instant import Instant, elapsed_ms
from monitoring.advice import TODO
from monitoring.log_sinks import printable
from monitoring.money import rupees, rupees_short
from monitoring.snapshot import Snapshot

LATE_SECONDS = 60.0
LONGEST_TITLE = 60
LONGEST_MESSAGE = 2000
LONGEST_DETAIL = 600
"""UTF-16 units, as Telegram counts. With what else stands in a text the whole stays below its
limit of 4096."""
PAGES = "docs/rules"

Values = Mapping[str, object]


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What happened: to which incident, why it is told, since when (POSIX ms) it is so.

    `todo` and `page` are what to do, and where more is said.
    """

    incident: str
    engine: str
    rule: str
    severity: Severity
    why: str
    over: bool
    message: str
    reason: str
    since_ms: int
    at: Instant
    context: Mapping[str, Scalar | None] = {}
    todo: str | None = None
    page: str | None = None


def advice_of(rule: str) -> tuple[str, str | None]:
    """Return what to do when a rule fires, and the page that says more (None: it has none)."""
    if rule not in TODO:
        return "the rule is your own: see your rules.toml", None
    return TODO[rule], f"{PAGES}/{rule}.md"


def title_of(news: News) -> str:
    """Return what stands on a lock screen."""
    head: str = "RESOLVED" if news.over else news.severity
    if news.why in {"repeat", "escalated"}:
        head = f"STILL {head}"
    return titled(f"{head} {news.rule}", news.engine)


def titled(what: str, engine: str) -> str:
    """Return a title that is no longer than a lock screen shows."""
    title = f"{what} ({engine})"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def text_of(news: News, exposure: str, zone: ZoneInfo) -> str:
    """Return the text without what depends on when it is sent."""
    message = bounded(news.message, LONGEST_MESSAGE) or news.rule
    lasted = in_words((news.at.wall_ms - news.since_ms) / 1000)
    when = "was so from" if news.over else "since"
    reason = bounded(news.reason, LONGEST_DETAIL)
    lines = [message, f"{when} {_clock(news.since_ms, zone)}, {lasted}: {reason}"]
    consequences = news.context.get("consequences")
    if isinstance(consequences, str):
        lines.append(f"explains {bounded(consequences, LONGEST_DETAIL)}")
    lines.append(exposure)
    if not news.over and news.todo is not None:
        lines.append(f"do: {news.todo}")
    if news.page is not None:
        lines.append(f"more: {news.page}")
    lines.append(f"id {news.incident}")
    return "\n".join(lines)


def exposure_of(
    context: Mapping[str, Scalar | None],
    snapshot: Snapshot | None,
    now: Instant,
    limit_seconds: float,
    zone: ZoneInfo,
) -> str:
    """Return the open positions, their value and the day's P&L: what the alert says of them, else
    the newest snapshot, with its time if it is no longer of the present. Unknown is said so.
    """
    aged = snapshot is not None and elapsed_ms(snapshot.instant, now) > limit_seconds * 1000
    figures: list[str] = []
    from_snapshot = False
    for name, label in (
        ("positions.count", "open"),
        ("positions.total_value", "worth"),
        ("pnl.daily", "P&L"),
    ):
        group, _, field = name.partition(".")
        value = _number(context.get(name))
        if value is None and snapshot is not None:
            value = _number(getattr(snapshot, group).get(field))
            from_snapshot = from_snapshot or value is not None
        figures.append(f"{label} {_amount(name, value)}")
    said = ", ".join(figures)
    if aged and from_snapshot and snapshot is not None:
        said += f" (as of {_clock(snapshot.wall_ms, zone)})"
    return said


def finished(text: str, key: str, alert_at: Instant, now: Instant) -> str:
    """Return the text as it is sent now: how late it is, and the key as its last line."""
    late_seconds = elapsed_ms(alert_at, now) / 1000
    head = f"late: {in_words(late_seconds)}\n" if late_seconds > LATE_SECONDS else ""
    return f"{head}{text}\nTickbeat-Key: {key}"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return None
    return float(value)


def _amount(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    if name == "positions.count":
        return f"{value:.15g}"
    return rupees_short(value) if name == "positions.total_value" else rupees(value)


def _clock(wall_ms: int, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromtimestamp(wall_ms / 1000, zone)
    except (
        ValueError,
        OverflowError,
        OSError,
    ):  # a line may say anything
        return "an unknown time"
    return f"{moment:%H:%M:%S} on {moment.day} {moment:%b}"


def bounded(text: str, units: int) -> str:
    """Return a text of an engine without what steers a terminal, and how to see the rest of it."""
    shown = printable(text).encode("utf-16-le")
    if len(shown) <= 2 * units:
        return shown.decode("utf-16-le")
    cut = shown[: 2 * units].decode("utf-16-le", errors="ignore")
    return f"{cut}… (all of it: `monitor tail`)"
