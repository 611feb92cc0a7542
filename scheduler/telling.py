"""Each change of an alert also goes to the log and to stderr, marked as an alert."""

from __future__ import annotations

from evaluator.incident import Transition
from monitoring.log import alert_log


def tell(transition: Transition) -> None:
    """Log one transition: at its severity when a human is to be told, else as information.

    The end of an alert is information too, whether it is told or not.
    """
    incident = transition.incident
    level = "INFO"
    if incident.status == "firing" and transition.tells:
        level = incident.severity
    alert_log.bind(
        id=incident.id, rule=incident.rule, status=incident.status, notify=transition.notify
    ).log(
        level,
        "{} {}: {} ({})",
        incident.rule,
        incident.status,
        printable(incident.message),
        printable(incident.reason),
    )


def printable(text: str) -> str:
    """Return the text with its control characters as escapes: it may come from an engine."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
