"""What `monitor notify test` hands to `python -m notifier.trial`, and what that says in return."""

from __future__ import annotations

import msgspec

from monitoring.config import Channel


class TrialTask(msgspec.Struct, frozen=True, kw_only=True):
    """The channels to try, with their secrets: on stdin, where no other user can read them."""

    home: str
    engine: str
    timezone: str
    channels: dict[str, Channel]
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"TrialTask({sorted(self.channels)}, secrets hidden)"


class TrialLine(msgspec.Struct, frozen=True):
    """Whether a channel took the message, else why not, and how long that took."""

    channel: str
    sent: bool
    reason: str
    seconds: float
