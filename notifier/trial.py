"""A marked message on each channel that it is handed, at once: `python -m notifier.trial`.

It goes past the notifier and its log. Takes a `TrialTask` as JSON on stdin, and writes a
`TrialLine` for each channel to stdout, in the order in which they come to an end.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from pydantic import SecretStr

from monitoring.trial import TrialLine, TrialTask
from notifier.channel import sender
from notifier.letter import Letter


def main() -> None:
    """Try the channels beside each other: one that hangs holds up no other."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=TrialTask)
    now = datetime.now(ZoneInfo(task.timezone))
    threads = [threading.Thread(target=_try, args=(name, task, now)) for name in task.channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _try(name: str, task: TrialTask, now: datetime) -> None:
    secrets = {one: SecretStr(secret) for one, secret in task.secrets.items()}
    send = sender(name, task.channels[name], secrets, Path(task.home))
    began = time.monotonic()
    outcome = send(_letter(name, task.engine, now))
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


if __name__ == "__main__":
    main()
