"""What `python -m notifier.trial` says of each channel, one JSON line each, as it comes."""

from __future__ import annotations

import msgspec


class TrialLine(msgspec.Struct, frozen=True):
    """Whether a channel took the message, else why not, and how long that took."""

    channel: str
    sent: bool
    reason: str
    seconds: float
