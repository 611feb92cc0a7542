"""One line of the alert log as a human reads it."""

from __future__ import annotations

from monitoring.alert_line import AlertLine
from scripts.cli import words
from scripts.cli.terminal import Line, Span, Style

WORDS = {
    "acknowledged": "acked",
    "unacknowledged": "unacked",
    "clearing": "clearing",
    "no_data": "no data",
    "error": "error",
}
"""Lines that tell what happened, though the status stays what it was."""
REASONED = frozenset({"inactive", "clearing", "held", "no_data", "data_back", "error", "changed"})
"""Lines whose message is that of the alert's beginning: the reason is what is new."""
STATUS_STYLES: dict[str, Style] = {
    "resolved": "good",
    "acked": "good",
    "clearing": "good",
    "inactive": "dim",
    "pending": "dim",
}


def tail_line(line: AlertLine) -> Line:
    """Return time, status, severity, rule, what is new, and who took it."""
    severity_style: Style = "bad" if line.severity == "CRITICAL" else "warn"
    status = WORDS.get(line.notify or "", line.status or line.kind)
    style = STATUS_STYLES.get(status, severity_style)
    shown: Line = [
        Span(f"{_time(line.timestamp)}  ", "dim"),
        Span(f"{status.upper():<8}  ", style),
        Span(f"{line.severity or '':<8}  ", style if status == "firing" else ""),
        Span(line.rule, "strong" if status == "firing" else ""),
        Span(f"  {_news(line)}"),
    ]
    if line.acknowledged:
        shown.append(Span(f"  {_acked(line)}", "good"))
    if line.suppressed_by:
        shown.append(Span(f"  suppressed by {line.suppressed_by}", "dim"))
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
    return f"acked {ack.by}" + (f' "{ack.reason}"' if ack.reason else "")
