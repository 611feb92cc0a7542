"""All bots that are listened to, and the edits of what they sent: the process's one way to them.

One token is one bot, however many channels use it: Telegram refuses two who ask for its updates.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from evaluator.incident import Incident
from evaluator.instant import Instant
from monitoring.alert_fold import fold
from monitoring.alert_line import AlertLine
from monitoring.config import Channel
from monitoring.home import Home
from monitoring.settings import Settings
from monitoring.snapshot import Snapshot
from monitoring.troubles import Troubles
from notifier.bot_api import Bot
from notifier.conversation import Conversation
from notifier.deliveries import DeliveryLog
from notifier.records import Planned
from notifier.taken import Edits


class Bots:
    """The bots of the settings. One for whose channels nobody is listed is not listened to, and a
    drill listens to none: the real notifier does, and Telegram lets but one ask.
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        *,
        log: DeliveryLog,
        troubles: Troubles,
        wake: Callable[[], None],
        newest: Callable[[], Snapshot | None],
        listen: bool = True,
    ) -> None:
        self._home = home
        self._log = log
        self._edits = Edits(settings.config, newest, self._standing)
        self._bots = [
            Conversation(
                next(iter(channels)), Bot(base_url, token), channels, home=home,
                zone=ZoneInfo(settings.config.timezone), log=log, troubles=troubles, wake=wake,
                chance=random.random,
            )
            for (base_url, token), channels in (_by_bot(settings) if listen else {}).items()
        ]  # fmt: skip

    def turn(self, now: Instant) -> None:
        """Hear and answer."""
        for bot in self._bots:
            bot.turn(now)

    def of_line(self, line: AlertLine, now: Instant) -> Planned | None:
        """Answer whoever asked for what a line says, and return the edit that it leads to."""
        for bot in self._bots:
            bot.see(line)
        return self._edits.of_line(line, self._log.state.told, now)

    def seconds_left(self, now: Instant) -> float:
        """Return how long there is nothing to do."""
        return min((bot.seconds_left(now) for bot in self._bots), default=math.inf)

    def _standing(self) -> Mapping[str, Incident]:
        try:
            return fold(self._home.alerts).states
        except OSError:  # the follower says so too, and the edit is for looks
            return {}


def _by_bot(settings: Settings) -> dict[tuple[str, str], dict[str, Channel]]:
    found: dict[tuple[str, str], dict[str, Channel]] = {}
    for name, channel in settings.config.channels.items():
        if channel.kind == "telegram" and channel.users:
            bot = channel.base_url, settings.channels[name].get_secret_value()
            found.setdefault(bot, {})[name] = channel
    return found
