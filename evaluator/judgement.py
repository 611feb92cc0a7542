"""Three-valued truth: what a condition is worth when some of its facts are unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from evaluator.expression import Activation, Alternative, Compiler, Condition
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

    __slots__ = ("_activation", "_compiler", "known", "seen", "values")

    def __init__(
        self, compiler: Compiler, values: Mapping[str, Scalar], seen: AbstractSet[str]
    ) -> None:
        self.values = values
        self.known = values.keys()
        self.seen = seen
        self._compiler = compiler
        self._activation: Activation | None = None

    @property
    def activation(self) -> Activation:
        """The values as CEL takes them: made when it is first asked, since most never are."""
        if self._activation is None:
            self._activation = self._compiler.activation(self.values)
        return self._activation


def judge(condition: Condition, reading: Reading) -> Judgement:
    """Return the worth of a condition: true when one of its alternatives is.

    An alternative that needs a limit that isn't set, or a fact that was never reported, is left
    out as long as another one can be judged.
    """
    whole = condition.whole
    if whole.names <= reading.known:
        value = _value(whole, reading)
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


def lacks_choice(alternative: Alternative, known: AbstractSet[str]) -> bool:
    """Tell whether an alternative lacks a fact that is absent by choice."""
    return any(name.startswith(NOT_APPLICABLE) for name in alternative.names - known)


def is_off(condition: Condition, known: AbstractSet[str]) -> bool:
    """Tell whether a condition is off: each of its alternatives lacks what is absent by choice."""
    return not condition.whole.names <= known and all(
        lacks_choice(one, known) for one in condition.alternatives
    )


def _judge(alternative: Alternative, reading: Reading) -> Judgement:
    """Return the worth of one alternative of a condition some of whose facts are unknown."""
    absent = [name for name in alternative.ordered if name not in reading.known]
    unset = [name for name in absent if name.startswith(NOT_APPLICABLE)]
    if unset:
        return Judgement("off", _not_set(unset))
    # Evaluated all the same: `a && b` is false when one of them is, whatever the other.
    value = _unsure(alternative, reading) if absent else _value(alternative, reading)
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if not absent:
        return Judgement("error", str(value))
    if any(base_fact(name) not in reading.seen for name in absent):
        return Judgement("never", f"no data ever: {', '.join(absent)}")
    return Judgement("unknown", f"unknown: {', '.join(absent)}")


def _value(alternative: Alternative, reading: Reading) -> object:
    """Return what an alternative is worth when all that it reads is known."""
    if alternative.plain is not None:
        return alternative.plain.holds(reading.values)
    return _unsure(alternative, reading)


def _unsure(alternative: Alternative, reading: Reading) -> object:
    """Return what CEL says: a value, or an error that is one. It raises some, as when the budget of
    iterations is used up: those are the rule's errors too.
    """
    try:
        value: object = alternative.program.eval(reading.activation).value()
    except RuntimeError as fault:
        return fault
    return value


def _not_set(names: list[str]) -> str:
    limits = [name for name in names if name.startswith("limits.")]
    return f"limit not set: {', '.join(limits)}" if limits else f"no {', '.join(names)} now"
