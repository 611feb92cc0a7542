"""Amounts of money as the operator types them: 20L, 1.5Cr, 20,00,000, ₹500000."""

from __future__ import annotations

import re

import click

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(k|l|lakh|cr|crore)?")
_UNITS = {None: 1.0, "k": 1e3, "l": 1e5, "lakh": 1e5, "cr": 1e7, "crore": 1e7}


def amount(text: str) -> float | None:
    """Return the rupees that the text means, None when it is no amount above zero."""
    plain = (
        text.strip().lower().removeprefix("₹").replace(",", "").replace("_", "").replace(" ", "")
    )
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        return None
    value = float(found[1]) * _UNITS[found[2]]
    return value if 0 < value < 1e15 else None


class AmountType(click.ParamType[float]):
    """A click option that holds rupees."""

    name = "amount"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the rupees, or refuse the value in words."""
        found = float(value) if isinstance(value, float | int) else amount(str(value))
        if found is None:
            self.fail(f"{str(value)!r} is no amount: write 2000000, 20L or 1.5Cr.", param, ctx)
        return found
