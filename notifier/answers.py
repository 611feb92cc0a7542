"""What a bot says in answer: one call after another in a thread of its own.

Where Telegram asks for a little time, all wait for so long. What fails otherwise is logged and not
sent again: by then whoever asked has asked again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from evaluator.instant import Instant
from monitoring.aside import Aside
from monitoring.log import monitoring_log
from notifier.bot_api import AnswerCallbackQuery, Bot, Reply, SendMessage
from notifier.letter import SENT, Outcome
from notifier.telegram_orders import Order
from notifier.telegram_text import LONGEST_ANSWER, LONGEST_UNITS, beginning, monospaced

COMMAND_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_QUEUE = 50
"""Whoever asks for more at once gets no answer to it."""

_WORDS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_COMMANDS = {"status": ("status",), "health": ("health", "--quiet")}


class Answers:
    """The answers of one bot, in the order of asking."""

    def __init__(self, name: str, bot: Bot, home: Path, wake: Callable[[], None]) -> None:
        self._name = name
        self._bot = bot
        self._home = home
        self._aside: Aside[Outcome] = Aside(f"answers-{name}", wake)
        self._queue: deque[Callable[[], Outcome]] = deque()
        self._under_way: Callable[[], Outcome] = lambda: SENT
        self._due_ns = 0

    def say(self, order: Order, text: str, *, alert: bool = False) -> None:
        """Answer in words; `alert`: the window over a pressed button stays until it is closed."""
        if order.query is not None:
            pressed = AnswerCallbackQuery(
                callback_query_id=order.query, text=text[:LONGEST_ANSWER], show_alert=alert
            )
            self._put(lambda: self._bot.call(pressed).outcome)
            return
        reply = _reply(order, beginning(text, LONGEST_UNITS))
        self._put(lambda: self._bot.call(reply).outcome)

    def run(self, order: Order) -> None:
        """Answer with what a read command of `monitor` prints."""

        def work() -> Outcome:
            reply = _reply(order, monospaced(output(self._home, order.verb)))
            return self._bot.call(msgspec.structs.replace(reply, parse_mode="HTML")).outcome

        self._put(work)

    def turn(self, now: Instant) -> None:
        """Begin the next answer, if none is under way."""
        if self._aside.busy:
            return
        outcome = self._aside.take()
        if outcome is not None and outcome.word != "sent":
            monitoring_log.warning("{}: an answer was not sent: {}", self._name, outcome.reason)
            wait = outcome.wait_seconds
            if wait is not None and wait <= LONGEST_WAIT_SECONDS:
                self._queue.appendleft(self._under_way)
                self._due_ns = now.boottime_ns + round(wait * 1e9)
        due = now.boottime_ns >= self._due_ns
        if self._queue and due and self._aside.begin(self._queue[0]):
            self._under_way = self._queue.popleft()

    def _put(self, call: Callable[[], Outcome]) -> None:
        if len(self._queue) < LONGEST_QUEUE:
            self._queue.append(call)


def output(home: Path, verb: str) -> str:
    """Return what `monitor status` or `monitor health` says, without colours. Raises nothing."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
    environ |= {"MONITOR_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "60"}
    try:
        done = subprocess.run(  # noqa: S603 -- our own program, with one of two words
            [sys.executable, "-P", "-m", "scripts.monitor", *_COMMANDS[verb]],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"`monitor {verb}` has not answered within {COMMAND_SECONDS:g} s"
    except OSError as error:
        return f"`monitor {verb}` can't be run: {error.strerror}"
    said = done.stdout.decode(errors="replace").strip()
    if verb == "health":
        said = f"{_WORDS.get(done.returncode, 'UNKNOWN')}\n{said}".strip()
    return said or f"`monitor {verb}` ended with status {done.returncode} and said nothing"


def _reply(order: Order, text: str) -> SendMessage:
    return SendMessage(chat_id=order.chat, text=text, reply_parameters=Reply(order.message))
