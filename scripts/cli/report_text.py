"""A trading day as text: for the terminal, and as Markdown."""

from __future__ import annotations

import re
from datetime import date, tzinfo

from evaluator.message import grouped
from monitoring.money import rupees, rupees_short
from monitoring.trading_day import Day, DayIncident, Exposure, Report, Stretch, stake
from scripts.cli import words
from scripts.cli.terminal import Line, Span, Style, clean

MANY = 12
"""Gaps that are listed one by one; more are counted."""

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def as_lines(report: Report, zone: tzinfo) -> list[Line]:
    """Return the page for a terminal."""
    day, incidents = report.day, report.incidents
    lines: list[Line] = [
        [Span(f"{report.engine}  {_title(report)}", "strong"), Span(f"   home {report.home}")],
        *([Span(line)] for line in _figures(day, zone)),
        _heading("heartbeat", day.heartbeat_gaps, "gap"),
        *_stretches(day.heartbeat_gaps, zone),
    ]
    if day.unwatched:
        lines += [_heading("unwatched", day.unwatched, "stretch"), *_stretches(day.unwatched, zone)]
    lines.append(_sum_of(incidents))
    for one in incidents:
        lines += _incident_lines(one, zone)
    return lines


def as_markdown(report: Report, zone: tzinfo) -> str:
    """Return the page as Markdown; what an engine said is escaped in it."""
    day, incidents = report.day, report.incidents
    parts = [f"# {_safe(report.engine)}: {_title(report)}", ""]
    parts += [f"- {_safe(line)}" for line in _figures(day, zone)]
    for name, stretches in (("Heartbeat gaps", day.heartbeat_gaps), ("Unwatched", day.unwatched)):
        if stretches:
            parts += ["", f"## {name}", "", "| from | to | open time | why |", "|---|---|---|---|"]
            parts += [
                f"| {_clock(one.begin_ms, zone)} | {_clock(one.end_ms, zone)} "
                f"| {words.age(one.open_seconds)} | {_safe(_words(one.why))} |"
                for one in stretches
            ]
    parts += ["", "## Incidents", ""]
    if not incidents:
        return "\n".join([*parts, "None.", ""])
    parts += [
        "| fired | severity | rule | lasted | end | at firing | at the end | taken by | message |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in incidents:
        taken = "; ".join(_taken(ack, zone) for ack in _takers(one)) or "nobody"
        cells = (
            _clock(one.fired_ms, zone), one.severity, one.rule, _lasted(one), one.end,
            stake(one.at_firing), stake(one.at_end), taken, one.message,
        )  # fmt: skip
        parts.append(f"| {' | '.join(_safe(cell) for cell in cells)} |")
    return "\n".join([*parts, ""])


def _title(report: Report) -> str:
    day = date.fromisoformat(report.session)
    return f"{day:%a} {day.day} {day:%b %Y}{'' if report.over else ', so far'}"


def _figures(day: Day, zone: tzinfo) -> list[str]:
    """Return money, reading and Breeze, a line each; what nobody reported is said to be so."""
    money = [f"P&L {_money(day.closing)}"]
    if day.worst_return_pct is not None:
        worst = day.worst_return_pct
        money.append(f"worst {words.percent(worst.value)} at {_clock(worst.at_ms, zone)}")
    if day.largest_value is not None:
        largest = day.largest_value
        shown = rupees_short(largest.value)
        money.append(f"largest exposure {shown} at {_clock(largest.at_ms, zone)}")
    watched = [
        f"watched {words.age(day.watched_seconds)} of {words.age(day.open_seconds)} open",
        f"{grouped(day.ticks)} ticks, {grouped(round(day.ticks_lost))} lost",
    ]
    if day.worst_latency_ms is None:
        watched.append("tick latency never reported")
    else:
        slow = day.worst_latency_ms
        at = _clock(slow.at_ms, zone)
        watched.append(f"worst tick latency {words.figure(slow.value)} ms at {at}")
    return [", ".join(money), ", ".join(watched), _breeze(day)]


def _money(closing: Exposure | None) -> str:
    if closing is None or closing.pnl is None:
        return "never reported"
    share = "" if closing.return_pct is None else f" ({words.percent(closing.return_pct)})"
    return rupees(closing.pnl) + share


def _breeze(day: Day) -> str:
    asked = {name: seconds for name, seconds in day.breeze_seconds.items() if name != "off"}
    total = sum(asked.values())
    if not total:
        return "Breeze not watched"
    up = asked.get("authenticated", 0.0)
    rest = [
        f"{name} {words.age(seconds)}"
        for name, seconds in sorted(asked.items(), key=lambda one: -one[1])
        if name != "authenticated"
    ]
    return ", ".join([f"Breeze up {100 * up / total:.1f}% of {words.age(total)}", *rest])


def _heading(name: str, stretches: list[Stretch], noun: str) -> Line:
    if not stretches:
        return [Span("no gap in the heartbeat", "good")]
    missing = sum(one.open_seconds for one in stretches)
    plural = {"stretch": "stretches"}.get(noun, f"{noun}s")
    count = f"{len(stretches)} {noun if len(stretches) == 1 else plural}"
    return [Span(f"{name}: {count}, {words.age(missing)} in all", "warn")]


def _stretches(stretches: list[Stretch], zone: tzinfo) -> list[Line]:
    longest = sorted(stretches, key=lambda one: -one.open_seconds)[:MANY]
    lines: list[Line] = [
        [
            Span(
                f"  {_clock(one.begin_ms, zone)}  {words.age(one.open_seconds):<7}"
                f"  {_words(one.why)}"
            )
        ]
        for one in sorted(longest, key=lambda one: one.begin_ms)
    ]
    if len(stretches) > MANY:
        lines.append([Span(f"  and {len(stretches) - MANY} shorter ones", "dim")])
    return lines


def _sum_of(incidents: list[DayIncident]) -> Line:
    if not incidents:
        return [Span("no incidents", "good")]
    critical = sum(one.severity == "CRITICAL" for one in incidents)
    open_ = sum(one.end == "open" for one in incidents)
    said = f"{words.count(len(incidents), 'incident')}, {critical} CRITICAL, "
    return [
        Span(said, "bad" if critical else "warn"),
        Span(f"{open_} still firing" if open_ else "none still firing", "bad" if open_ else ""),
    ]


def _incident_lines(one: DayIncident, zone: tzinfo) -> list[Line]:
    style: Style = "bad" if one.severity == "CRITICAL" else "warn"
    stakes = [f"at firing {stake(one.at_firing)}"]
    if one.ended_ms is not None:
        stakes.append(f"at the end {stake(one.at_end)}")
    end = {"resolved": "resolved after", "closed": "closed after", "open": "fires since"}[one.end]
    since = _clock(one.fired_ms, zone) if one.end == "open" else _lasted(one)
    lines: list[Line] = [
        [
            Span(f"  {_clock(one.fired_ms, zone)}  ", "dim"),
            Span(f"{one.severity:<8}  ", style),
            Span(one.rule, "strong"),
            Span(f"  {end} {since}"),
            Span(f"  suppressed: {one.suppressed_by}" if one.suppressed_by else "", "dim"),
        ],
        [Span(f"            {one.message}")],
        [Span(f"            {'; '.join(stakes)}", "dim")],
    ]
    lines += [[Span(f"            {_taken(ack, zone)}", "good")] for ack in _takers(one)]
    return lines


def _takers(one: DayIncident) -> list[tuple[str, int, str | None]]:
    return [(ack.by, ack.at_ms, ack.reason) for ack in one.taken]


def _taken(ack: tuple[str, int, str | None], zone: tzinfo) -> str:
    by, at_ms, reason = ack
    why = f' "{reason}"' if reason else ""
    return f"acked {_clock(at_ms, zone)} by {by}{why}"


def _lasted(one: DayIncident) -> str:
    if one.ended_ms is None:
        return "still firing"
    return words.age((one.ended_ms - one.fired_ms) / 1000)


def _clock(wall_ms: int, zone: tzinfo) -> str:
    return f"{words.local(wall_ms, zone):%H:%M:%S}"


def _words(cause: str) -> str:
    """Return a code like process_frozen in words."""
    return cause.replace("_", " ")


def _safe(text: str) -> str:
    """Return the text with what Markdown, or a terminal, might take for markup escaped."""
    return _MARKS.sub(r"\\\1", clean(text))
