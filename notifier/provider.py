"""Whose service a channel goes through: two of one provider are blocked together."""

from __future__ import annotations

from urllib.parse import urlsplit

from monitoring.config import Channel
from monitoring.settings import Settings

MAIL = {"mailto", "mailtos"}
TELEGRAM = {"tgram", "telegram"}


def providers_of(settings: Settings) -> dict[str, str]:
    """Return the provider of each channel of the settings."""
    secrets = settings.channels
    return {
        name: provider_of(channel, secrets[name].get_secret_value() if name in secrets else "")
        for name, channel in settings.config.channels.items()
    }


def provider_of(channel: Channel, secret: str) -> str:
    """Return the provider in a word or two that hold no secret; empty: nobody's, a file.

    Of what apprise sends, the host is shown of mail alone: it is a key of many other services.
    """
    match channel.kind:
        case "file":
            return ""
        case "telegram":
            return f"telegram {_host(channel.base_url)}"
        case "apprise":
            scheme = secret.partition(":")[0]
            if scheme in TELEGRAM:
                return f"telegram {_host(Channel(kind='telegram').base_url)}"
            return f"mail {_host(secret)}" if scheme in MAIL else scheme
        case kind:
            return f"{kind} {_host(secret)}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # a bracket in a password: apprise takes it, and knows the host
        return ""
