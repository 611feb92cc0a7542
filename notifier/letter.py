"""What one channel is handed to send, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.incident import Severity
from notifier.records import Listed


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as it is sent. `key` is the same each time that it is sent again.

    `text` is whole: it ends with the key. `why` is the reason of the alert's line (`Notify`).
    `alerts` are those that a summary tells of.
    `about` are the channel's own numbers of the first and the newest message that told of the
    same firing alert, where it has numbers: the first is replied to, the newest is edited.
    `drill`: it is of `monitor drill`, and nothing happened.
    """

    key: str
    title: str
    text: str
    incident: str
    engine: str
    rule: str
    severity: Severity
    status: str
    why: str
    at: str
    alerts: tuple[Listed, ...] = ()
    about: tuple[int, ...] = ()
    drill: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """`again`: it may work later, after `wait_seconds` if the other side named a time.

    `refused`: it never will. `reason` is in words, without secrets. `message` is the channel's own
    number of what was sent, where it has one.
    """

    word: Literal["sent", "again", "refused"]
    reason: str = ""
    wait_seconds: float | None = None
    message: int | None = None


SENT = Outcome("sent")
BROKEN = Outcome("again", "the sender ended with an error, see the log")
"""What became of a thread that ended without a word."""
