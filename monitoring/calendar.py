"""Trading sessions. Until the NSE schedule is in, the only calendar is `always`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


class AlwaysOpen:
    """A market that never closes: every clock runs all the time; days change at local midnight."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:  # noqa: ARG002 -- of Sessions
        """Return the open milliseconds in [start, end]: all of them."""
        return max(0, end_ms - start_ms)

    def is_open(self, wall_ms: int, clock: str) -> bool:  # noqa: ARG002 -- of Sessions
        """Tell whether the clock runs: always."""
        return True

    def opened_at_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it opened: at the beginning of time."""
        return 0

    def next_open_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it opens next: it is open."""
        return None

    def closes_at_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it closes: never."""
        return None

    def trading_day(self, wall_ms: int) -> str:
        """Return the local date (ISO)."""
        return datetime.fromtimestamp(wall_ms / 1000, self._zone).date().isoformat()
