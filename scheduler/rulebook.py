"""Reading `rules.toml`: the rules that it makes, or all of its faults; never waits or raises."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from evaluator.rules import Fault, RuleErrors, RuleSet, load
from monitoring.regular import RULES_BYTES


class Sound(msgspec.Struct, frozen=True):
    """Rules and the text that they come from; None: there is no file."""

    text: str | None
    rules: RuleSet


class Faulty(msgspec.Struct, frozen=True):
    """Everything wrong with a file."""

    faults: list[Fault]


def read_rules(path: Path) -> Sound | Faulty:
    """Return the built-in rules with those of the file at `path`. No file is no fault."""
    try:
        data = _read(path)
    except FileNotFoundError:
        return Sound(None, load(None))
    except OSError as error:
        return _one_fault(path, f"can't be read: {error.strerror or error}")
    if data is None:
        return _one_fault(path, "is not a regular file")
    if len(data) > RULES_BYTES:
        return _one_fault(path, f"is larger than {RULES_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        reason = f"is not UTF-8: {error.reason} at byte {error.start}"
        return _one_fault(path, reason, before.count(b"\n") + 1, column)
    try:
        return Sound(text, load(text.replace("\r\n", "\n"), path.name))
    except RuleErrors as errors:
        return Faulty(errors.faults)


def _read(path: Path) -> bytes | None:
    """Return the content, None of what is no regular file: to read a FIFO would wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:  # not fdopen: it fails on a folder, and leaves the descriptor open
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = b""
        while chunk := os.read(descriptor, RULES_BYTES + 1 - len(data)):
            data += chunk
        return data
    finally:
        os.close(descriptor)


def _one_fault(path: Path, reason: str, line: int = 1, column: int = 1) -> Faulty:
    return Faulty([Fault(path.name, line, column, None, reason)])
