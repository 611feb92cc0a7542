"""One bot and the people that are listed for it: what they want is done, and answered.

What changes something goes through the spool, as `monitor ack` does it, under an id made from the
update's number: an update that comes again after a kill is the same request, which the scheduler
does once. No command reaches the engine or the broker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Incident
from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_fold import Folded, fold
from monitoring.alert_line import AlertLine
from monitoring.config import Channel
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.process_life import ProcTable, unanswered
from monitoring.spool import Request, submit
from monitoring.troubles import Troubles
from notifier.answers import Answers
from notifier.bot_api import Bot
from notifier.deliveries import DeliveryLog
from notifier.polling import Polling
from notifier.records import Heard
from notifier.telegram_orders import Order, Stranger, Update, order_of

ANSWER_MS = 2_000
"""So long an answer of the scheduler is waited for, as `monitor ack` does."""

LONGEST_SILENCE_SECONDS = 30 * 86_400
MOST_LISTED = 20
MOST_STRANGERS = 1_000
"""So many are named in the log, each once."""

HELP = """\
/status: engine, money, what fires
/health: what is not OK, and what to do
/ack [alert]: you have seen it and are on it; no reminder follows
/silence [alert] [30m]: nobody is told of it for a while (1h)
An alert is a rule's name, an id or its beginning; without one the only one that fires.
No command here can touch trading."""


class _Asked(msgspec.Struct, frozen=True):
    order: Order
    at: Instant


class Conversation:
    """One bot, by the name of the first of its channels. `log` keeps what it has heard."""

    def __init__(
        self,
        name: str,
        bot: Bot,
        channels: Mapping[str, Channel],
        *,
        home: Home,
        zone: ZoneInfo,
        log: DeliveryLog,
        troubles: Troubles,
        wake: Callable[[], None],
        chance: Callable[[], float],
    ) -> None:
        self._name = name
        self._channels = channels
        self._home = home
        self._zone = zone
        self._log = log
        self._troubles = troubles
        self._polling = Polling(name, bot, wake, chance)
        self._answers = Answers(name, bot, home.root, wake)
        self._asked: dict[str, _Asked] = {}
        self._strangers: set[Stranger] = set()

    def turn(self, now: Instant) -> None:
        """Do what was asked since the last time, answer, and ask for more."""
        updates = self._polling.updates(now)
        for update in updates:
            self._hear(update, now)
        if updates:
            newest = max(update.update_id for update in updates)
            self._log.append([Heard(at=now, channel=self._name, update=newest)])
        self._polling.begin(self._log.state.heard.get(self._name), now)
        self._troubles.note(f"updates of {self._name}", self._polling.trouble)
        for id_, asked in [*self._asked.items()]:
            if elapsed_ms(asked.at, now) >= ANSWER_MS:
                del self._asked[id_]
                why = unanswered(self._home.state, now, ProcTable())
                self._answers.say(asked.order, f"Queued: {why}.", alert=True)
        self._answers.turn(now)

    def see(self, line: AlertLine) -> None:
        """Answer whoever asked for what a line of the alert log says."""
        asked = self._asked.pop(line.request or "", None)
        if asked is not None:
            self._answers.say(asked.order, self._done(line), alert=line.kind == "request")

    def seconds_left(self, now: Instant) -> float:
        """Return how long there is nothing to do."""
        waits = [ANSWER_MS - elapsed_ms(asked.at, now) for asked in self._asked.values()]
        return min([self._polling.seconds_left(now), *(max(0, one) / 1000 for one in waits)])

    def _hear(self, update: Update, now: Instant) -> None:
        order = order_of(update, self._channels)
        if isinstance(order, Stranger):
            if order not in self._strangers and len(self._strangers) < MOST_STRANGERS:
                self._strangers.add(order)
                monitoring_log.warning(
                    "{}: account {} in chat {} is not listed, and not heard",
                    self._name, order.account, order.chat,
                )  # fmt: skip
        elif order is not None:
            self._obey(order, now)

    def _obey(self, order: Order, now: Instant) -> None:
        if not order.allowed:
            words = f"{order.by.name}, your role is `read`: you may look, and take nothing."
            self._answers.say(order, words, alert=True)
        elif order.verb in {"status", "health"}:
            self._answers.run(order)
        elif order.verb == "help":
            self._answers.say(order, HELP)
        elif order.verb == "silence" and order.seconds > LONGEST_SILENCE_SECONDS:
            self._answers.say(order, "A silence lasts 30d at most.")
        else:
            try:
                self._ask(order, now)
            except (OSError, ValueError) as error:  # ValueError: an update's number has no end
                monitoring_log.error("{}: a request failed: {}", self._name, error)
                why = error.strerror if isinstance(error, OSError) else "it is no request"
                words = f"That can't be handed to the scheduler: {why or error}."
                self._answers.say(order, words, alert=True)

    def _ask(self, order: Order, now: Instant) -> None:
        """Hand a request to the scheduler. Raises OSError."""
        folded = fold(self._home.alerts)
        id_ = f"{self._name}-{order.update}"
        if id_ in folded.requests:
            self._answers.say(order, "That is done already.")
            return
        if order.verb == "silence" and order.at_ms is None and not self._polling.fresh:
            # Of a pressed button Telegram does not say when: it may have been last night.
            self._answers.say(
                order, "That may have been pressed long ago: press again.", alert=True
            )
            return
        target = order.target or _only_one(folded, order)
        if target is None:
            self._answers.say(order, _choice(folded, order))
            return
        until_ms = None
        if order.verb == "silence":
            since_ms = now.wall_ms if order.at_ms is None else order.at_ms
            until_ms = since_ms + order.seconds * 1000
        request = Request(
            id=id_,
            action="silence" if order.verb == "silence" else "ack",
            target=target,
            by=order.by.name,
            reason=order.reason or ("from Telegram" if order.verb == "silence" else None),
            until_ms=until_ms,
            at_ms=now.wall_ms,
        )
        submit(self._home.spool, request)
        self._asked[id_] = _Asked(order, now)

    def _done(self, line: AlertLine) -> str:
        if line.silence is not None:
            return f"Silenced until {self._clock(line.silence.ends_ms)}: {line.silence.target}."
        if line.kind != "alert":
            over = line.reason.startswith("unknown target") and line.rule == ""
            return f"Not done: {line.reason}." + (" It may be over." if over else "")
        ack = line.clock.ack if line.clock is not None else None
        until = None if ack is None else ack.until_ms
        words = f"{line.rule} is yours"
        return f"{words}." if until is None else f"{words} until {self._clock(until)}."

    def _clock(self, wall_ms: int) -> str:
        return f"{datetime.fromtimestamp(wall_ms / 1000, self._zone):%H:%M on %d %b}"


def _open_for(folded: Folded, order: Order) -> list[Incident]:
    """Return the alerts that somebody may mean who names none."""
    firing = (one for one in folded.states.values() if one.status == "firing")
    return [one for one in firing if order.verb == "silence" or one.ack is None]


def _only_one(folded: Folded, order: Order) -> str | None:
    found = _open_for(folded, order)
    return found[0].id if len(found) == 1 else None


def _choice(folded: Folded, order: Order) -> str:
    found = _open_for(folded, order)
    if not found:
        return "Nothing fires that nobody took." if order.verb == "ack" else "Nothing fires."
    last = f" {in_words(order.seconds)}" if order.verb == "silence" else ""
    lines = [f"/{order.verb} {one.rule}{last}" for one in found[:MOST_LISTED]]
    more = f"\n… and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    return f"{len(found)} alerts fire. Which one?\n" + "\n".join(lines) + more
