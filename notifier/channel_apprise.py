"""Email, Slack and every other service that apprise knows, in a process of its own for each send.

apprise sets timeouts that start anew with each byte, and can't be interrupted: a child can. Its
memory goes with it too. The address, which is secret, comes to the child on stdin.
"""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec

from notifier.letter import Letter, Outcome

DEADLINE_SECONDS = 20.0
"""With the start of the child and the several exchanges that a mail takes."""


class Task(msgspec.Struct, frozen=True):
    """What the child is to send, and where."""

    url: str
    letter: Letter


def send(url: str, letter: Letter) -> Outcome:
    """Send one message through a child; it is killed at the deadline."""
    task = msgspec.json.encode(Task(url, letter))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "notifier.apprise_send"],
            env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
            input=task,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's own words could hold the address
            check=False,
            timeout=DEADLINE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Outcome("again", f"not sent within {DEADLINE_SECONDS:g} s")
    except OSError as error:
        return Outcome("again", f"no process for it: {error.strerror}")
    try:
        return msgspec.json.decode(done.stdout, type=Outcome)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Outcome("again", f"its process ended with status {done.returncode}")
