"""Which values are let in as facts: those of their fact's type, and finite."""

from __future__ import annotations

import math
from collections.abc import Mapping

from evaluator.facts import FactType
from evaluator.incident import Scalar


class Admission:
    """Admits the values of some facts. `misfits` counts by fact those that were refused."""

    def __init__(self, types: Mapping[str, FactType], misfits: dict[str, int]) -> None:
        self.names = frozenset(types)
        self._types = types
        self._misfits = misfits
        self._numbers = [name for name, type_ in types.items() if type_ in ("number", "counter")]
        self._others = [name for name in types if name not in self._numbers]

    def admit(self, raw: Mapping[str, object]) -> dict[str, Scalar]:
        """Return the values that fit, by name. Absent and None are unknown, and not counted."""
        # Nearly all are floats: those are let in without a call for each.
        values = list(map(raw.get, self._numbers))
        admitted: dict[str, Scalar] = {
            name: value + 0.0  # of a negative zero that makes a zero: equal ones are the same
            for name, value in zip(self._numbers, values, strict=True)
            if type(value) is float and -math.inf < value < math.inf
        }
        if len(admitted) + values.count(None) < len(values):
            for name, value in zip(self._numbers, values, strict=True):
                if value is not None and name not in admitted:
                    self._fit(name, value, admitted)
        for name in self._others:
            if (value := raw.get(name)) is not None:
                self._fit(name, value, admitted)
        return admitted

    def _fit(self, name: str, value: object, admitted: dict[str, Scalar]) -> None:
        fitting = _fitting(value, self._types[name])
        if fitting is None:
            self._misfits[name] = self._misfits.get(name, 0) + 1
        else:
            admitted[name] = fitting


def _fitting(value: object, type_: FactType) -> Scalar | None:
    """Return the value as its type wants it, None when it is not of it.

    The compiler's library takes a bool for a number without a word and compares it wrongly.
    """
    if type_ == "text":
        return value if isinstance(value, str) else None
    if type_ == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number may have any length
        return None
    return number + 0.0 if math.isfinite(number) else None
