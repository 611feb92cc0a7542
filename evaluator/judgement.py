"""Three-valued truth: what a condition is worth when some of its facts are unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from evaluator.expression import Activation, Alternative, Condition
from evaluator.incident import Scalar
from evaluator.names import base_fact

NOT_APPLICABLE = ("limits.", "session.")
"""Facts that are absent by choice: a limit that nobody set, an hour that isn't there."""

Worth = Literal["true", "false", "unknown", "never", "error", "off"]
_AMONG_ALTERNATIVES: dict[Worth, int] = {
    "true": 0, "error": 1, "unknown": 2, "false": 3, "never": 4, "off": 5,
}  # fmt: skip
_AMONG_TERMS: dict[Worth, int] = {
    "off": 0, "false": 1, "error": 2, "unknown": 3, "never": 4, "true": 5,
}  # fmt: skip


class Judgement(msgspec.Struct, frozen=True):
    """What a condition is worth, and the words that say why.

    `never`: unknown for want of a fact that nobody ever reported; `off`: a limit is not set.
    """

    worth: Worth
    why: str = ""


TRUE = Judgement("true")
FALSE = Judgement("false")


class Reading:
    """What is known at one instant: values by name, and the facts that were ever reported."""

    __slots__ = ("activation", "known", "seen", "values")

    def __init__(
        self, activation: Activation, values: Mapping[str, Scalar], seen: AbstractSet[str]
    ) -> None:
        self.activation = activation
        self.values = values
        self.known = values.keys()
        self.seen = seen


def judge(condition: Condition, reading: Reading) -> Judgement:
    """Return the worth of a condition: true when one of its alternatives is.

    An alternative that needs a limit that isn't set, or a fact that was never reported, is left
    out as long as another one can be judged.
    """
    whole = condition.whole
    if whole.names <= reading.known:
        value = whole.program.eval(reading.activation).value()
        if value is False:
            return FALSE
        return TRUE if value is True else Judgement("error", str(value))
    found: Judgement | None = None
    for alternative in condition.alternatives:
        one = _judge(alternative, reading)
        if one is TRUE:
            return TRUE
        if found is None or _AMONG_ALTERNATIVES[one.worth] < _AMONG_ALTERNATIVES[found.worth]:
            found = one
    return found or FALSE


def all_of(conditions: Iterable[Condition], reading: Reading) -> Judgement:
    """Return the worth of conditions that must all hold.

    A false one settles it, then one that errs, then an unknown one; if a limit is not set for
    any of them, they are off together.
    """
    found = TRUE
    for condition in conditions:
        one = judge(condition, reading)
        if _AMONG_TERMS[one.worth] < _AMONG_TERMS[found.worth]:
            found = one
    return found


def _judge(alternative: Alternative, reading: Reading) -> Judgement:
    """Return the worth of one alternative of a condition some of whose facts are unknown."""
    absent = [name for name in alternative.ordered if name not in reading.known]
    unset = [name for name in absent if name.startswith(NOT_APPLICABLE)]
    if unset:
        return Judgement("off", _not_set(unset))
    # Evaluated all the same: `a && b` is false when one of them is, whatever the other.
    value = alternative.program.eval(reading.activation).value()
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if not absent:
        return Judgement("error", str(value))
    if any(base_fact(name) not in reading.seen for name in absent):
        return Judgement("never", f"no data ever: {', '.join(absent)}")
    return Judgement("unknown", f"unknown: {', '.join(absent)}")


def _not_set(names: list[str]) -> str:
    limits = [name for name in names if name.startswith("limits.")]
    return f"limit not set: {', '.join(limits)}" if limits else f"no {', '.join(names)} now"
