"""Who writes to a Telegram bot: `python -m notifier.find_chat`, for `monitor init`.

Takes a `ChatSearch` as JSON on stdin, and writes a `ChatWord` a line to stdout: the bot's name,
then each chat once, as its messages come. It ends when it is killed, or when it can't go on.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

from monitoring.chat_search import ChatSearch, ChatWord
from monitoring.redaction import redacted
from notifier.http import AGAIN, DEADLINE_SECONDS, Page, post

POLL_SECONDS = 5
"""Telegram holds its answer back for so long while nobody writes."""
PAUSE_SECONDS = 1.0
LONGEST_SECONDS = 600.0


class _Chat(msgspec.Struct):
    id: int
    title: str = ""
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class _Message(msgspec.Struct):
    chat: _Chat


class _Update(msgspec.Struct):
    update_id: int
    message: _Message | None = None
    channel_post: _Message | None = None


class _Bot(msgspec.Struct):
    username: str = ""


class _Said(msgspec.Struct):
    """An answer of the Bot API (core.telegram.org/bots/api#making-requests)."""

    ok: bool
    description: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")


class _CanNotGoOn(Exception):
    """Telegram refused for a reason that does not pass."""


def main() -> None:
    """Say who the bot is, then who writes to it."""
    search = msgspec.json.decode(sys.stdin.buffer.read(), type=ChatSearch)
    until = time.monotonic() + LONGEST_SECONDS
    try:
        bot = None
        while bot is None:
            bot = _ask(search, "getMe", {}, _Bot)
        _say(ChatWord(bot=bot.username))
        offset, known = 0, set[int]()
        while time.monotonic() < until:
            asked = {"offset": offset, "timeout": POLL_SECONDS}
            for update in _ask(search, "getUpdates", asked, list[_Update]) or []:
                offset = max(offset, update.update_id + 1)
                message = update.message or update.channel_post
                if message is not None and message.chat.id not in known:
                    known.add(message.chat.id)
                    _say(ChatWord(chat=str(message.chat.id), who=_who(message.chat)))
    except _CanNotGoOn as error:
        _say(ChatWord(error=str(error)))


def _ask(search: ChatSearch, method: str, asked: dict[str, int], type_: type[Any]) -> Any:
    """Return the result; None when there is none for a reason that may pass, which is said.

    Raises `_CanNotGoOn` when the bot is refused.
    """
    url = f"{search.base_url}/bot{search.token}/{method}"
    page = post(url, msgspec.json.encode(asked), {}, POLL_SECONDS + DEADLINE_SECONDS)
    if isinstance(page, Page):
        try:
            said = msgspec.json.decode(page.body, type=_Said)
            if said.ok:
                return msgspec.json.decode(said.result, type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            reason = "the answer is not Telegram's"
        else:
            reason = redacted(f"Telegram says: {said.description[:120]}", (search.token,))
            if 400 <= page.code < 500 and page.code not in AGAIN:
                raise _CanNotGoOn(reason)
    else:
        reason = page.reason
    _say(ChatWord(error=reason))
    time.sleep(PAUSE_SECONDS)
    return None


def _who(chat: _Chat) -> str:
    name = chat.title or f"{chat.first_name} {chat.last_name}".strip()
    return f"{name} @{chat.username}".strip() if chat.username else name


def _say(word: ChatWord) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(word) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
