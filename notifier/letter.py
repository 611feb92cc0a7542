"""What one channel is handed to send, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.incident import Severity


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it is sent. `key` is the same each time that it is sent again.

    `text` is whole: it ends with the key. `why` is the reason of the alert's line (`Notify`).
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
    drill: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """`again`: it may work later, after `wait_seconds` if the other side named a time.

    `refused`: it never will. `reason` is in words, without secrets.
    """

    word: Literal["sent", "again", "refused"]
    reason: str = ""
    wait_seconds: float | None = None


SENT = Outcome("sent")
