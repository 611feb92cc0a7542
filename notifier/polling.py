"""Asking Telegram again and again what people told the bot, in a thread of its own."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.log import monitoring_log
from notifier.bot_api import Answer, Bot, GetUpdates
from notifier.lane import HANGS_MS
from notifier.letter import BROKEN
from notifier.records import Heard
from notifier.retry import pause_seconds
from notifier.telegram_orders import Update

POLL_SECONDS = 25
"""Telegram answers at once when there is something, else after so long."""

DEADLINE_SECONDS = POLL_SECONDS + 10.0
SHORTEST_NS = 1_000_000_000
"""Between two polls that brought nothing, where a server does not wait."""

KEPT_MS = 86_400_000
"""So long Telegram keeps an update that was not confirmed: what is older can't come back. And
after a week without one, their numbers begin anew anywhere, maybe below the last."""


_STRANGE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Numbered(msgspec.Struct):
    update_id: int


FRESH_MS = 60_000
"""What a poll brings that began later than this after the one before may be a day old."""


class Polling:
    """One long poll at a time. `trouble` says why it does not work, None: it does.

    `fresh` tells of the newest updates whether nobody can have asked for them long ago.
    """

    def __init__(
        self, name: str, bot: Bot, wake: Callable[[], None], chance: Callable[[], float]
    ) -> None:
        self.trouble: str | None = None
        self.fresh = False
        self._name = name
        self._bot = bot
        self._chance = chance
        self._aside: Aside[Answer] = Aside(f"updates-{name}", wake)
        self._began: Instant | None = None
        self._answered: Instant | None = None
        self._failures = 0
        self._due_ns = 0

    def updates(self, now: Instant) -> list[Update]:
        """Return what came since the last time; none of it is confirmed before the next poll."""
        if self._began is None:
            return []
        if self._aside.busy:
            if elapsed_ms(self._began, now) > HANGS_MS:
                self.trouble = f"{self._name}: asking for updates has hung for minutes"
            return []
        answer = self._aside.take() or Answer(BROKEN)
        began, self._began = self._began, None
        if answer.outcome.word != "sent":
            self._failures += 1
            pause = pause_seconds(self._failures, answer.outcome.wait_seconds, self._chance())
            self._due_ns = now.boottime_ns + round(pause * 1e9)
            self.trouble = f"{self._name} can't hear: {answer.outcome.reason}"
            return []
        self._failures, self.trouble = 0, None
        before, self._answered = self._answered, now
        self.fresh = before is not None and elapsed_ms(before, began) < FRESH_MS
        updates = _read(answer.result)
        if not updates:
            self._due_ns = began.boottime_ns + SHORTEST_NS
        return updates

    def begin(self, heard: Heard | None, now: Instant) -> None:
        """Ask for what comes after that, if nothing is under way and it is time."""
        if self._began is not None or now.boottime_ns < self._due_ns:
            return
        asked = GetUpdates(timeout=POLL_SECONDS)
        if heard is not None and elapsed_ms(heard.at, now) < KEPT_MS:
            asked = msgspec.structs.replace(asked, offset=heard.update + 1)
        if self._aside.begin(lambda: self._bot.call(asked, DEADLINE_SECONDS)):
            self._began = now
        else:
            self._due_ns = now.boottime_ns + SHORTEST_NS

    def seconds_left(self, now: Instant) -> float:
        """Return how long to wait for the next poll; one that is under way rings by itself."""
        if self._began is not None:
            return math.inf
        return max(0.0, (self._due_ns - now.boottime_ns) / 1e9)


def _read(result: bytes) -> list[Update]:
    """Return the updates; one that can't be understood is passed over, and counts as heard."""
    updates = []
    try:
        found = msgspec.json.decode(result, type=list[msgspec.Raw])
    except _STRANGE as error:
        monitoring_log.error("the updates can't be understood: {}", error)
        return []
    for one in found:
        try:
            updates.append(msgspec.json.decode(one, type=Update))
        except _STRANGE as error:
            monitoring_log.warning("an update can't be understood: {}", error)
            with contextlib.suppress(*_STRANGE):
                updates.append(Update(msgspec.json.decode(one, type=_Numbered).update_id))
    return updates
