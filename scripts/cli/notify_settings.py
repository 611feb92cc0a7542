"""The channels as the settings have them now, for commands that ask of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from monitoring.home import Home
from scripts.cli.failure import Failure

if TYPE_CHECKING:
    from monitoring.settings import Settings

NO_CHANNELS = 2


def settings_of(home: Home) -> Settings:
    """Return the settings, which name a channel at least. Raises Failure."""
    from monitoring.settings import SettingsError, load  # noqa: PLC0415 - slow: pydantic

    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        what = "\n".join(error.faults)
        raise Failure(what, f"Correct {home.settings}.", code=NO_CHANNELS) from None
    if not settings.config.channels:
        todo = "docs/notifications.md has a set-up to copy."
        raise Failure("No channel is set.", todo, code=NO_CHANNELS)
    return settings
