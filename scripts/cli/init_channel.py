"""The last question of `monitor init`: where alerts are told. Asked on a terminal alone.

The token is typed unseen, or comes from the environment, and stands in `.env` afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from monitoring.chat_search import ChatSearch, ChatWord
from monitoring.config import Channel
from monitoring.dotenv_file import put
from monitoring.home import Home
from monitoring.log_sinks import printable
from scripts.cli.ack import user
from scripts.cli.notify import try_channels
from scripts.cli.terminal import Terminal

NAME = "phone"
VARIABLE = f"MONITOR_CHANNELS__{NAME.upper()}__"
TOKEN = f"{VARIABLE}TOKEN"
BASE_URL = f"{VARIABLE}BASE_URL"


class BotToken(click.ParamType[str]):
    """A bot's token as @BotFather hands it out; a wrong one is not shown."""

    name = "token"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the token, or refuse it in words."""
        if re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", str(value)) is None:
            self.fail("that is no token of a bot: it is like 123456:ABC…", param, ctx)
        return str(value)


def ask_for_channel(home: Home, terminal: Terminal) -> None:
    """Set up a channel if one is wanted, and try it. Raises OSError."""
    kinds = click.Choice(["telegram", "none"])
    what = "Tell alerts on (docs/notifications.md has more)"
    if click.prompt(what, "none", type=kinds, err=True) == "none":
        return
    token = os.environ.get(TOKEN) or click.prompt(
        "Token of your bot, from @BotFather (not shown)", hide_input=True, type=BotToken(), err=True
    )
    usual = Channel(kind="telegram").base_url
    base_url = os.environ.get(BASE_URL) or usual
    chat = _find_chat(ChatSearch(base_url, token))
    if chat is None:
        _say("No chat was found: docs/notifications.md says how to set it up by hand.")
        return
    variables = {f"{VARIABLE}KIND": "telegram", TOKEN: token, f"{VARIABLE}CHAT": chat}
    if not chat.startswith("-"):  # a private chat has the number of the account that is in it
        variables[f"{VARIABLE}USERS"] = f"{chat}:{_name()}:acknowledge"
    if base_url != usual:
        variables[BASE_URL] = base_url
    file = home.root / ".env"
    try:
        put(file, variables)
    except UnicodeDecodeError:
        _say(f"{file} is not UTF-8, so nothing was put into it.")
        return
    if chat.startswith("-"):
        _say(f"Who of that group may press buttons is yet to be said: {VARIABLE}USERS.")
    _say(f"It is set in {file}, for this user alone to read. A test is on its way:")
    if try_channels(home, terminal, NAME, as_json=False):
        _say("See what it says, and try again: `monitor notify test`")


def _find_chat(search: ChatSearch) -> str | None:
    """Return the chat that the operator says is theirs: anybody may write to a bot."""
    with _words(search) as words:
        for word in words:
            if word.bot:
                _say(f"Write a message to @{word.bot} now (Ctrl-C ends)")
            elif word.error:
                _say(word.error)
            elif _is_it(f"From {word.who}, chat {word.chat}: is that you?"):
                return word.chat
    return None


def _name() -> str:
    """Return the name that the alert log will have, of the letters that a setting takes."""
    return "".join(one for one in user() if one.isalnum() or one in "_-") or "operator"


def _is_it(question: str) -> bool:
    return click.confirm(printable(question), default=True, err=True)


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


@contextmanager
def _words(search: ChatSearch) -> Iterator[Iterator[ChatWord]]:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "notifier.find_chat"],
        env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Ctrl-C goes to both of us
    ) as child:
        try:
            if child.stdin is not None and child.stdout is not None:
                child.stdin.write(msgspec.json.encode(search))
                child.stdin.close()
                yield (msgspec.json.decode(line, type=ChatWord) for line in child.stdout)
        finally:
            child.kill()
