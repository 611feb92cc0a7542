"""A marked message on the channels of the settings, at once: `python -m notifier.trial [NAME]`.

It goes past the notifier and its log. Writes a `TrialLine` for each channel to stdout, in the order
in which they come to an end; exit status 2 when there is nothing to try, the reason on stderr.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from monitoring.entry import REFUSED
from monitoring.home import Home, find_home
from monitoring.settings import Settings, SettingsError, load
from monitoring.trial_line import TrialLine
from notifier.channel import sender
from notifier.letter import Letter


def main(arguments: list[str]) -> int:
    """Try the channel that is named, or all."""
    home = find_home(os.environ, Path.cwd())
    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        return _refused("\n".join(error.faults))
    channels = settings.config.channels
    wanted = [name for name in channels if not arguments or name in arguments]
    if not channels:
        return _refused("No channel is set.\n→ docs/notifications.md has a set-up to copy")
    if not wanted:
        return _refused(f"There is no channel of that name.\n→ there are {', '.join(channels)}")
    now = datetime.now(ZoneInfo(settings.config.timezone))
    threads = [threading.Thread(target=_try, args=(name, settings, home, now)) for name in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def _try(name: str, settings: Settings, home: Home, now: datetime) -> None:
    config = settings.config
    send = sender(name, config.channels[name], settings.channels, home.root)
    began = time.monotonic()
    outcome = send(_letter(name, config.engine, now))
    seconds = round(time.monotonic() - began, 3)
    line = TrialLine(name, outcome.word == "sent", outcome.reason, seconds)
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _letter(channel: str, engine: str, now: datetime) -> Letter:
    key = f"test.{now:%Y%m%dT%H%M%S.%f}.{channel}"
    text = (
        "This is no alert: `monitor notify test` was typed, and this channel works.\n"
        f"sent {now:%H:%M:%S} on {now.day} {now:%b}\nTickbeat-Key: {key}"
    )
    return Letter(
        key=key, title=f"TEST ({engine})", text=text, incident="test", engine=engine, rule="test",
        severity="WARNING", status="test", why="test", at=now.isoformat(timespec="milliseconds"),
    )  # fmt: skip


def _refused(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
