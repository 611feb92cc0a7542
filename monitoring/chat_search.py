"""What `monitor init` hands to `python -m notifier.find_chat`, and what that says in return."""

from __future__ import annotations

import msgspec


class ChatSearch(msgspec.Struct, frozen=True):
    """The bot to listen with: on stdin, where no other user can read its token."""

    base_url: str
    token: str

    def __repr__(self) -> str:
        return f"ChatSearch({self.base_url}, token hidden)"


class ChatWord(msgspec.Struct, frozen=True, kw_only=True):
    """One of: the bot's name, a chat that wrote to it (with who that is), what is wrong."""

    bot: str = ""
    chat: str = ""
    who: str = ""
    error: str = ""
