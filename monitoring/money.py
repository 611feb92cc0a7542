"""Amounts of money as a tired human reads them."""

from __future__ import annotations

from evaluator.message import grouped

MINUS = "−"
LAKH = 100_000
CRORE = 10_000_000


def signed(text: str, value: float) -> str:
    """Return the text with a minus sign (the typographic one) if the value is below zero."""
    return f"{MINUS}{text}" if value < 0 else text


def rupees(value: float) -> str:
    """Return an amount to the rupee: −₹18,400."""
    whole = round(abs(value))
    return signed(f"₹{grouped(whole)}", -1 if value < 0 and whole else 0)


def rupees_short(value: float) -> str:
    """Return an amount in lakh (L) and crore (Cr): ₹14.6L; below one lakh to the rupee."""
    size = abs(value)
    if size < LAKH - 0.5:
        return rupees(value)
    unit, name = (LAKH, "L") if size < CRORE - LAKH / 20 else (CRORE, "Cr")
    share = size / unit
    figure = f"{share:.1f}".removesuffix(".0") if share < 1000 else grouped(round(share))
    return signed(f"₹{figure}{name}", value)
