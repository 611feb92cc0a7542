"""What a drill's messages look like: none may be mistaken for a real alert."""

from __future__ import annotations

import msgspec

from notifier.alertmanager import Alert
from notifier.channel import Send
from notifier.letter import Letter, Outcome

MARK = "DRILL"
NOTE = "This is a drill (`monitor drill`): nothing happened, and nothing is to be done."


def marked(send: Send, *, drill: bool) -> Send:
    """Return what sends the same messages, those of a drill marked for humans and for programs."""
    if not drill:
        return send

    def mark(letter: Letter) -> Outcome:
        title, text = f"{MARK} {letter.title}", f"{NOTE}\n{letter.text}"
        return send(msgspec.structs.replace(letter, title=title, text=text, drill=True))

    return mark


def of_drill(alert: Alert) -> Alert:
    """Return the same alert of an Alertmanager, marked; routes can tell it by its label."""
    told = alert.annotations
    marks = {
        "summary": f"{MARK} {told['summary']}",
        "description": f"{NOTE}\n{told['description']}",
    }
    return msgspec.structs.replace(
        alert, labels=alert.labels | {"drill": "true"}, annotations=told | marks
    )
