"""Reading `rules.toml`: the rules that it makes, or all of its faults; never waits or raises."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec

from evaluator.rules import Fault, RuleErrors, RuleSet, load
from monitoring.regular import RULES_BYTES, read_regular

_UNFIT = {
    errno.EINVAL: "is not a regular file",
    errno.EISDIR: "is not a regular file",
    errno.EFBIG: f"is larger than {RULES_BYTES} bytes",
}


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
        data = read_regular(path, RULES_BYTES, follow=True)
    except FileNotFoundError:
        return Sound(None, load(None))
    except OSError as error:
        return _one_fault(path, _UNFIT.get(error.errno or 0) or f"can't be read: {error.strerror}")
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


def _one_fault(path: Path, reason: str, line: int = 1, column: int = 1) -> Faulty:
    return Faulty([Fault(path.name, line, column, None, reason)])
