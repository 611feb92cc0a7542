"""The child that sends one message through apprise: `python -m notifier.apprise_send`.

Takes a `Task` as JSON on stdin, and writes the `Outcome` as JSON to stdout.
"""

from __future__ import annotations

import logging
import re
import sys
from urllib.parse import unquote

import msgspec

from notifier.channel_apprise import Task
from notifier.letter import SENT, Letter, Outcome

SHORTEST_SECRET = 4
"""Shorter pieces of an address are words, and hiding them would hide the reason."""


def main() -> None:
    """Send what stdin says."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(_send(task.url, task.letter)))


def _send(url: str, letter: Letter) -> Outcome:
    import apprise  # noqa: PLC0415 -- the parent reads `Task` alone

    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    asset = apprise.AppriseAsset(app_id="Tickbeat", app_desc="Tickbeat", secure_logging=True)
    services = apprise.Apprise(asset=asset)
    if not services.add(url):
        return Outcome("refused", "apprise does not understand the address")
    kind = apprise.NotifyType.FAILURE
    if letter.status == "resolved":
        kind = apprise.NotifyType.SUCCESS
    elif letter.severity == "WARNING":
        kind = apprise.NotifyType.WARNING
    plain = apprise.NotifyFormat.TEXT
    if services.notify(body=letter.text, title=letter.title, notify_type=kind, body_format=plain):
        return SENT
    return Outcome("again", hidden("; ".join(said.words), url)[:200] or "apprise says no reason")


def hidden(text: str, url: str) -> str:
    """Return a text without the pieces of an address that may be secret."""
    pieces = {piece for piece in re.split(r"[:/@?&=,;]+", url) if len(piece) >= SHORTEST_SECRET}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, "…")
    return "".join(one if one.isprintable() else " " for one in text)


class _Said(logging.Handler):
    """Keeps what apprise warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


if __name__ == "__main__":
    main()
