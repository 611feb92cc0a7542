"""What the collector's replay of tick files says, line by line, to who started it."""

from __future__ import annotations

import msgspec


class ReplayLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line: first the `span` of the ticks (POSIX ms), then a snapshot a line under its file
    name, in the order of time, at last the `notes` on what was odd, in words.
    """

    name: str = ""
    snapshot: msgspec.Raw = msgspec.Raw()
    span: tuple[int, int] | None = None
    notes: list[str] | None = None
