"""What somebody wants who pressed a button or wrote to the bot: pure, from one update.

Heard is who is listed for a channel, in the chat of that channel. Nobody else is answered: an
answer would tell strangers that there is something here, and would take from the number of
messages that Telegram lets a bot send, which alerts need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from evaluator.durations import parse_seconds
from monitoring.config import Channel, User
from notifier.telegram_text import SILENCE_SECONDS

Verb = Literal["status", "health", "ack", "silence", "help"]
CHANGING = frozenset({"ack", "silence"})
"""What needs the role `acknowledge`."""


class Account(msgspec.Struct, frozen=True):
    """Who wrote or pressed."""

    id: int


class Chat(msgspec.Struct, frozen=True):
    """Where: `type` is private, group, supergroup or channel."""

    id: int
    type: str = ""
    username: str | None = None


class Message(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A message; `date` in POSIX seconds, 0 when it is no longer to be had."""

    message_id: int
    chat: Chat
    date: int = 0
    sender: Account | None = None
    text: str = ""


class CallbackQuery(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A pressed button, with the message that it is below."""

    id: str
    sender: Account
    message: Message | None = None
    data: str = ""


class Update(msgspec.Struct, frozen=True):
    """One update; `update_id` grows, and begins anew anywhere after a week without updates."""

    update_id: int
    message: Message | None = None
    callback_query: CallbackQuery | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one listed person wants. `target` is empty where none was named.

    `message` is what is answered, by a reply or (`query`) in a little window of the pressed button.
    `at_ms` is when it was written (POSIX ms), None for a button, of which Telegram does not say.
    """

    update: int
    verb: Verb
    by: User
    chat: str
    message: int
    target: str = ""
    seconds: int = SILENCE_SECONDS
    reason: str | None = None
    query: str | None = None
    at_ms: int | None = None

    @property
    def allowed(self) -> bool:
        """Tell whether this person may do that."""
        return self.verb not in CHANGING or self.by.role == "acknowledge"


class Stranger(msgspec.Struct, frozen=True):
    """Somebody who is not listed, or not in this chat."""

    account: int
    chat: int


def order_of(update: Update, channels: Mapping[str, Channel]) -> Order | Stranger | None:
    """Return what is wanted; None: nothing that is for us."""
    query = update.callback_query
    message = update.message if query is None else query.message
    sender = query.sender if query is not None else message.sender if message else None
    if message is None or sender is None:
        return None
    user = _listed(sender, message.chat, channels)
    if user is None:
        return Stranger(sender.id, message.chat.id)
    blank = Order(
        update=update.update_id, verb="help", by=user, chat=str(message.chat.id),
        message=message.message_id,
    )  # fmt: skip
    if query is not None:
        return _pressed(query, msgspec.structs.replace(blank, query=query.id))
    return _written(message, msgspec.structs.replace(blank, at_ms=message.date * 1000))


def _listed(sender: Account, chat: Chat, channels: Mapping[str, Channel]) -> User | None:
    names = {str(chat.id)} | ({f"@{chat.username}".lower()} if chat.username else set())
    for channel in channels.values():
        if (channel.chat or "").lower() in names:
            for user in channel.users:
                if user.id == sender.id:
                    return user
    return None


def _pressed(query: CallbackQuery, blank: Order) -> Order | None:
    """A client may send any data, whatever buttons there are."""
    verb, _, target = query.data.partition(":")
    if verb not in CHANGING or not target:
        return None
    return msgspec.structs.replace(blank, verb=verb, target=target)


def _written(message: Message, blank: Order) -> Order | None:
    words = message.text.split()
    verb = words[0].partition("@")[0].lower() if words else ""
    match verb:
        case "/status" | "/health":
            return msgspec.structs.replace(blank, verb=verb[1:])
        case "/ack":
            target, reason = _first(words[1:])
            return msgspec.structs.replace(blank, verb="ack", target=target, reason=reason)
        case "/silence":
            return _silence(words[1:], blank)
        case "/help" | "/start":
            return blank
    # In a group people talk to each other, and to other bots.
    return blank if message.chat.type == "private" else None


def _silence(words: list[str], blank: Order) -> Order:
    durations = [word for word in words[:2] if parse_seconds(word) is not None]
    target, reason = _first([word for word in words if word not in durations[:1]])
    seconds = parse_seconds(durations[0]) if durations else None
    return msgspec.structs.replace(
        blank, verb="silence", target=target, reason=reason,
        seconds=SILENCE_SECONDS if seconds is None else seconds,
    )  # fmt: skip


def _first(words: list[str]) -> tuple[str, str | None]:
    return (words[0] if words else "", " ".join(words[1:]) or None)
