"""A TOML text with the places of all that is in it, or the one fault that makes it none."""

from __future__ import annotations

import re
import tomllib

from evaluator.rules import Fault, RuleErrors
from evaluator.toml_places import Places, find_places

_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_ENDLESS = re.compile(r"[0-9_]{4000,}")


def parse(text: str, file: str) -> tuple[dict[str, object], Places]:
    """Return the tables of a text, and where everything stands. Raises RuleErrors."""
    try:
        return tomllib.loads(text), find_places(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleErrors([_syntax_fault(str(error), text, file)]) from None
    except RecursionError:
        raise RuleErrors([Fault(file, 1, 1, None, "not TOML: nested too deeply")]) from None
    except ValueError:  # tomllib leaves int()'s refusal of thousands of digits as it is
        raise RuleErrors([_endless_number(text, file)]) from None


def _endless_number(text: str, file: str) -> Fault:
    found = _ENDLESS.search(text)
    line, column = Places(text).line_column(found.start() if found else 0)
    return Fault(file, line, column, None, "a number of thousands of digits")


def _syntax_fault(message: str, text: str, file: str) -> Fault:
    match = _SYNTAX.fullmatch(message)
    reason = f"not TOML: {message if match is None else match[1]}"
    if match is not None and match[2] is not None:
        return Fault(file, int(match[2]), int(match[3]), None, reason)
    last = text.rpartition("\n")[2]
    return Fault(file, text.count("\n") + 1, len(last) + 1, None, reason)
