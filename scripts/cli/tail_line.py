"""One line of the alert log as a human reads it."""

from __future__ import annotations

from monitoring.alert_line import AlertLine
from scripts.cli import words
from scripts.cli.terminal import Line, Span, Style

WORDS = {"acknowledged": "acked", "unacknowledged": "unacked"}
"""Lines that tell what the operator did, though the status stays what it was."""
STATUS_STYLES: dict[str, Style] = {
    "resolved": "good",
    "acked": "good",
    "inactive": "dim",
    "pending": "dim",
}


def tail_line(line: AlertLine) -> Line:
    """Return time, status, severity, rule, message, who took it, how long it lasted."""
    severity_style: Style = "bad" if line.severity == "CRITICAL" else "warn"
    status = WORDS.get(line.notify or "", line.status or line.kind)
    style = STATUS_STYLES.get(status, severity_style)
    shown: Line = [
        Span(f"{_time(line.timestamp)}  ", "dim"),
        Span(f"{status.upper():<8}  ", style),
        Span(f"{line.severity or '':<8}  ", style if status == "firing" else ""),
        Span(line.rule, "strong" if status == "firing" else ""),
        Span(f"  {line.message or line.reason}"),
    ]
    if line.status == "resolved":
        shown.append(Span(f"  after {_lasted(line)}", "good"))
    if line.notify == "rule_removed":
        shown.append(Span(f"  ({line.reason})"))
    if line.acknowledged:
        shown.append(Span(f"  {_acked(line)}", "good"))
    if line.suppressed_by:
        shown.append(Span(f"  suppressed by {line.suppressed_by}", "dim"))
    return shown


def _time(timestamp: str) -> str:
    moment = words.parsed(timestamp)
    return f"{moment:%d %b %H:%M:%S}" if moment is not None else timestamp


def _lasted(line: AlertLine) -> str:
    began, ended = words.parsed(line.fired_at or line.active_at), words.parsed(line.resolved_at)
    if began is None or ended is None:
        return "?"
    return words.age((ended - began).total_seconds())


def _acked(line: AlertLine) -> str:
    ack = line.clock.ack if line.clock is not None else None
    if ack is None:
        return "acked"
    return f"acked {ack.by}" + (f' "{ack.reason}"' if ack.reason else "")
