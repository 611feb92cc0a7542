"""Telegram: a message with its buttons, a reply, or the edit of a message that was sent before."""

from __future__ import annotations

import msgspec

from notifier.bot_api import (
    Answer,
    Asked,
    Bot,
    EditMessageReplyMarkup,
    EditMessageText,
    Keyboard,
    Reply,
    SendMessage,
)
from notifier.letter import SENT, Letter, Outcome
from notifier.others import OWN_RULES
from notifier.records import EDITS, SUMMARY, last_words
from notifier.telegram_text import keyboard_of, marked_up, plain

LOOKS_SECONDS = 2.0
BAD_REQUEST = 400
BAD_MARKUP = "can't parse entities"


class _Message(msgspec.Struct):
    message_id: int


def send(bot: Bot, chat: str, letter: Letter, *, buttons: bool) -> Outcome:
    """Send one message to a chat, or edit what it is about.

    `buttons`: somebody is listed who may press them.
    """
    pressable = _pressable(letter) if buttons else None
    keyboard = None if pressable is None else keyboard_of(pressable)
    if letter.why in EDITS:
        return _edit(bot, chat, letter, keyboard if letter.why == "unacknowledged" else None)
    answer = _without_markup_if_refused(bot, _message(chat, letter, keyboard), plain(letter))
    if answer.code == BAD_REQUEST:  # no alert is lost for its looks, whatever is wrong with them
        answer = bot.call(SendMessage(chat_id=chat, text=plain(letter)))
    if answer.outcome is not SENT:
        return answer.outcome
    if buttons and letter.about:
        # Buttons are below the newest message alone, and below none at the end. That is for looks:
        # one that is pressed all the same is answered, and the next alert must not wait for it.
        bare = EditMessageReplyMarkup(chat_id=chat, message_id=letter.about[-1])
        bot.call(bare, LOOKS_SECONDS)
    try:
        number = msgspec.json.decode(answer.result, type=_Message).message_id
    except msgspec.MsgspecError:
        return SENT
    return Outcome("sent", message=number)


def _pressable(letter: Letter) -> str | None:
    """Return the incident that somebody may take: of several the only one that still fires.

    What the notifier sees itself is not in the alert log, and so can't be taken.
    """
    firing = [(letter.incident, letter.rule)] if letter.status == "firing" else []
    if letter.why == SUMMARY:
        last = last_words(letter.alerts)
        firing = [(one.incident, one.rule) for one in last if not one.over]
    incidents = [incident for incident, rule in firing if rule not in OWN_RULES]
    return incidents[0] if len(firing) == len(incidents) == 1 else None


def _message(chat: str, letter: Letter, keyboard: Keyboard | None) -> SendMessage:
    return SendMessage(
        chat_id=chat,
        text=marked_up(letter),
        parse_mode="HTML",
        reply_markup=msgspec.UNSET if keyboard is None else keyboard,
        reply_parameters=Reply(letter.about[0]) if letter.about else msgspec.UNSET,
    )


def _edit(bot: Bot, chat: str, letter: Letter, keyboard: Keyboard | None) -> Outcome:
    if not letter.about:  # the message was given up: there is nothing to edit
        return SENT
    asked = EditMessageText(
        chat_id=chat,
        message_id=letter.about[-1],
        text=marked_up(letter),
        parse_mode="HTML",
        reply_markup=msgspec.UNSET if keyboard is None else keyboard,
    )
    answer = _without_markup_if_refused(bot, asked, plain(letter))
    # It is there already, or the message is gone or too old: no alert was lost.
    return SENT if answer.code == BAD_REQUEST else answer.outcome


def _without_markup_if_refused(bot: Bot, asked: SendMessage | EditMessageText, text: str) -> Answer:
    """Ask, and at once again in plain text where Telegram does not understand the markup."""
    answer = bot.call(asked)
    if BAD_MARKUP not in answer.words:
        return answer
    again: Asked = msgspec.structs.replace(asked, text=text, parse_mode=msgspec.UNSET)
    return bot.call(again)
