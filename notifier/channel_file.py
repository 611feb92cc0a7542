"""A file that messages are appended to: for trials, and to see what a message looks like."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from monitoring.atomic import FILE_MODE, make_folder
from notifier.letter import SENT, Letter, Outcome

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def send(path: Path, letter: Letter) -> Outcome:
    """Append one message and an empty line."""
    data = f"{letter.title}\n{letter.text}\n\n".encode(errors="backslashreplace")
    try:
        make_folder(path.parent)
        descriptor = os.open(path, _FLAGS, FILE_MODE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Outcome("again", "it is not a regular file")
            if os.write(descriptor, data) < len(data):
                return Outcome("again", "the disk has no room for all of it")
        finally:
            os.close(descriptor)
    except OSError as error:
        return Outcome("again", error.strerror or type(error).__name__)
    return SENT
