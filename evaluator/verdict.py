"""What a rule says at one instant."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.incident import Scalar, Severity
from evaluator.rules import Rule

NOT_JUDGED = "can't be judged"
"""Stands in the message of an alert that fires for want of data, not for what data says."""

DOES_NOT_APPLY = "does not apply"
"""Begins the words for a condition that is excused (`unless`)."""

Truth = Literal["true", "false", "unknown", "error"]


class Verdict(msgspec.Struct, frozen=True):
    """The truth of one rule at one instant, and why.

    `why` is empty when the facts are all there and the condition is false. `never_seen`: unknown
    for want of a fact that nobody ever reported. `off`: false because a limit is not set.
    `clear`: whether a false one may be over, which `clear_when` decides, and `clear_why` not.
    `suspected`: not true, but it may be about to be.
    """

    rule: Rule
    truth: Truth
    severity: Severity
    message: str
    context: dict[str, Scalar | None]
    why: str = ""
    never_seen: bool = False
    off: bool = False
    clear: Truth = "true"
    clear_why: str = ""
    suspected: bool = False
