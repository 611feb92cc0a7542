"""The channels that a command is to use, by the settings as they are now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from monitoring.home import Home
from scripts.cli.failure import Failure

if TYPE_CHECKING:
    from monitoring.settings import Settings

NOT_SENT = 2


def channels_of(home: Home, wanted: str | None) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings and the names of all channels, or of the one wanted. Raises `Failure`."""
    from monitoring.settings import SettingsError, load  # noqa: PLC0415 - slow: pydantic

    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        what = "\n".join(error.faults)
        raise Failure(what, f"Correct {home.settings}.", code=NOT_SENT) from None
    known = settings.config.channels
    if not known:
        todo = "docs/notifications.md has a set-up to copy."
        raise Failure("No channel is set.", todo, code=NOT_SENT)
    if wanted is not None and wanted not in known:
        todo = f"There are: {', '.join(known)}."
        raise Failure(f"There is no channel {wanted}.", todo, code=NOT_SENT)
    return settings, tuple(known) if wanted is None else (wanted,)
