"""What the plot shows: one thing that grows, or several things side by side."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True):
    """Points (x, y) from left to right, joined."""

    name: str
    points: tuple[tuple[float, float], ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure grows. x is drawn by its logarithm, y from 0; a budget is a dashed line."""

    title: str
    x: str
    unit: str
    lines: tuple[Line, ...]
    budget: float | None = None


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the same unit side by side, drawn by their logarithm; `ours` stands out."""

    title: str
    unit: str
    bars: tuple[tuple[str, float], ...]
    ours: str


Panel = Curve | Bars
