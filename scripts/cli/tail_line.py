"""One line of the alert log as a human reads it."""

from __future__ import annotations

from monitoring.alert_line import AlertLine
from scripts.cli import words
from scripts.cli.terminal import Line, Span, Style

WORDS = {
    "acknowledged": "acked",
    "unacknowledged": "unacked",
    "repeat": "repeat",
    "explains": "explains",
    "clearing": "clearing",
    "no_data": "no data",
    "error": "error",
}
"""Lines that tell what happened, though the status stays what it was."""
REASONED = frozenset(
    {"inactive", "clearing", "held", "no_data", "data_back", "error", "changed", "explains"}
)
"""Lines whose message is that of the alert's beginning: the reason is what is new."""
SILENCE_WORDS = {"active": "silenced", "expired": "expired", "ended": "ended"}
STATUS_STYLES: dict[str, Style] = {
    "resolved": "good",
    "acked": "good",
    "clearing": "good",
    "inactive": "dim",
    "pending": "dim",
    "explains": "dim",
}


def tail_line(line: AlertLine) -> Line:
    """Return time, status, severity, rule, what is new, and who took it.

    What nobody is told of is dim, save for the severity of what fires.
    """
    if line.silence is not None:
        return _silence(line)
    severity_style: Style = "bad" if line.severity == "CRITICAL" else "warn"
    status = WORDS.get(line.notify or "", line.status or line.kind)
    firing = line.status == "firing" and status in {"firing", "repeat"}
    quiet = line.suppressed_by is not None or line.notify == "untold"
    style: Style = "dim" if quiet else STATUS_STYLES.get(status, severity_style)
    shown: Line = [
        Span(f"{_time(line.timestamp)}  ", "dim"),
        Span(f"{status.upper():<8}  ", style),
        Span(f"{line.severity or '':<8}  ", severity_style if firing else ""),
        Span(line.rule, "strong" if firing and not quiet else ""),
        Span(f"  {_news(line)}", "dim" if quiet else ""),
    ]
    if status == "repeat":
        shown.append(Span(f"  {line.reason}", "dim"))
    if line.clock is not None and line.clock.flapping:
        shown.append(Span("  flapping", "warn"))
    if line.acknowledged:
        shown.append(Span(f"  {_acked(line)}", "good"))
    if line.suppressed_by:
        shown.append(Span(f"  {line.suppressed_by}", "dim"))
    return shown


def _silence(line: AlertLine) -> Line:
    status = SILENCE_WORDS.get(line.status or "", line.kind)
    shown: Line = [
        Span(f"{_time(line.timestamp)}  ", "dim"),
        Span(f"{status.upper():<8}  ", "warn"),
        Span(f"{'':<8}  "),
        Span(line.message),
    ]
    if line.status == "ended":
        shown.append(Span(f"  {line.reason}", "dim"))
    if line.status == "active" and line.silence is not None:
        until = _until(line.timestamp, line.silence.ends_ms)
        shown.append(Span(f"  until {until}", "dim"))
    return shown


def _time(timestamp: str) -> str:
    moment = words.parsed(timestamp)
    return f"{moment:%d %b %H:%M:%S}" if moment is not None else timestamp


def _news(line: AlertLine) -> str:
    """Return what this line says that the one before did not."""
    if line.notify in {"held", "changed"}:
        return f"{line.message} ({line.reason})"
    if line.notify in REASONED or not line.message:
        return line.reason
    return line.message


def _acked(line: AlertLine) -> str:
    ack = line.clock.ack if line.clock is not None else None
    if ack is None:
        return "acked"
    until = "" if ack.until_ms is None else f" until {_until(line.timestamp, ack.until_ms)}"
    return f"acked {ack.by}" + (f' "{ack.reason}"' if ack.reason else "") + until


def _until(timestamp: str, end_ms: int) -> str:
    """Return a time in the timezone of the line's own timestamp."""
    moment = words.parsed(timestamp)
    if moment is None or moment.tzinfo is None:
        return "?"
    end = words.local(end_ms, moment.tzinfo)
    return f"{end:%H:%M}" if end.date() == moment.date() else f"{end:%d %b %H:%M}"
