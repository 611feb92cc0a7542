"""A webhook: the message and its parts as JSON, to an address of the operator's."""

from __future__ import annotations

import msgspec

from notifier.http import meaning, post
from notifier.letter import Letter, Outcome


def send(url: str, letter: Letter) -> Outcome:
    """Post one message. The key is in a header too, for who drops what came twice."""
    said = post(url, msgspec.json.encode(letter), {"Tickbeat-Key": letter.key})
    return said if isinstance(said, Outcome) else meaning(said)
