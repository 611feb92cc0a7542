"""From a channel's settings to the function that sends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from monitoring.config import Channel
from notifier import (
    channel_alertmanager,
    channel_apprise,
    channel_file,
    channel_telegram,
    channel_webhook,
)
from notifier.alertmanager import alert_of
from notifier.bot_api import Bot
from notifier.http import prepare
from notifier.letter import Letter, Outcome

Send = Callable[[Letter], Outcome]


def sender(name: str, channel: Channel, secrets: Mapping[str, SecretStr], home: Path) -> Send:
    """Return what sends one message on a channel, and never raises for what the world does."""
    if channel.kind in {"webhook", "telegram", "alertmanager"}:
        prepare()
    hearing = any(user.role == "acknowledge" for user in channel.users)

    def send(letter: Letter) -> Outcome:
        secret = secrets[name].get_secret_value() if name in secrets else ""
        match channel.kind:
            case "webhook":
                return channel_webhook.send(secret, letter)
            case "telegram":
                bot = Bot(channel.base_url, secret)
                return channel_telegram.send(bot, channel.chat or "", letter, buttons=hearing)
            case "apprise":
                return channel_apprise.send(secret, letter)
            case "alertmanager":
                return channel_alertmanager.send(secret, [alert_of(letter)])
            case "file":
                return channel_file.send(home / (channel.path or ""), letter)

    return send
