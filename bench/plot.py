"""The panels drawn as one SVG, two beside each other, on a card that is light or dark by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from bench.panel import Bars, Curve, Panel

COLUMNS = 2
PANEL_WIDTH, PANEL_HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 54, 24, 58, 46
"""Room around the area of a curve, for its scales and its title."""

INSET = 8
"""Its first and last point stand so far inside."""

CHARACTER_WIDTH = 6
"""Of the names of lines, about: no font is known before it is drawn."""

NAME_WIDTH, VALUE_WIDTH = 218, 76
"""Room for the names and the values of bars."""

STYLE = """
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a; }
.title { font-size: 13px; font-weight: 600; fill: #1f2328; }
.card { fill: #ffffff; stroke: #d0d7de; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.budget { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 4; }
text.budget { fill: #cf222e; stroke: none; }
.line0 { stroke: #0969da; } .line1 { stroke: #bc4c00; }
.line0, .line1 { fill: none; stroke-width: 2; }
.dot0 { fill: #0969da; } .dot1 { fill: #bc4c00; }
.ours { fill: #0969da; } .other { fill: #8c959f; }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1; }
.title { fill: #f0f6fc; }
.card { fill: #0d1117; stroke: #3d444d; }
.grid { stroke: #2a313c; }
.budget { stroke: #f85149; }
text.budget { fill: #f85149; }
.line0 { stroke: #4493f8; } .line1 { stroke: #f0883e; }
.dot0 { fill: #4493f8; } .dot1 { fill: #f0883e; }
.ours { fill: #4493f8; } .other { fill: #656c76; }
}
"""
DOTS_UP_TO = 12
"""A line of more points is a line, without a dot for each."""


def svg(panels: list[Panel]) -> str:
    """Return the picture of all panels."""
    width = COLUMNS * PANEL_WIDTH
    height = math.ceil(len(panels) / COLUMNS) * PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Benchmarks of Tickbeat</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % COLUMNS * PANEL_WIDTH, number // COLUMNS * PANEL_HEIGHT
        drawn = _bars(panel) if isinstance(panel, Bars) else _curve(panel)
        parts += [f'<g transform="translate({x} {y})">', _text(16, 26, panel.title, "title")]
        parts += [*drawn, "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(curve: Curve) -> Iterator[str]:
    xs = [x for line in curve.lines for x, _ in line.points]
    ys = [y for line in curve.lines for _, y in line.points]
    marks = _even_marks(max(*ys, curve.budget or 0))
    first, last = math.log(min(xs)), math.log(max(xs))
    wide, high = PANEL_WIDTH - LEFT - RIGHT, PANEL_HEIGHT - TOP - BOTTOM

    def at_x(x: float) -> float:
        return LEFT + INSET + (math.log(x) - first) / ((last - first) or 1) * (wide - 2 * INSET)

    def at_y(y: float) -> float:
        return TOP + high - y / marks[-1] * high

    for y in marks:
        yield _rule(LEFT, at_y(y), LEFT + wide, at_y(y), "grid")
        yield _text(LEFT - 6, at_y(y) + 4, _short(y), anchor="end")
    for x in _log_marks(min(xs), max(xs)):
        yield _rule(at_x(x), TOP + high, at_x(x), TOP + high + 4, "grid")
        yield _text(at_x(x), TOP + high + 17, _short(x), anchor="middle")
    yield _text(LEFT + wide, TOP + high + 34, curve.x, anchor="end")
    yield _text(16, 44, curve.unit)
    if curve.budget is not None:
        yield _rule(LEFT, at_y(curve.budget), LEFT + wide, at_y(curve.budget), "budget")
        yield _text(LEFT + wide, at_y(curve.budget) + 14, "budget", "budget", anchor="end")
    for number, line in enumerate(curve.lines):
        where = [(at_x(x), at_y(y)) for x, y in line.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        yield f'<polyline class="line{number}" points="{joined}"/>'
        if len(where) <= DOTS_UP_TO:
            yield from (_dot(x, y, number) for x, y in where)
    x = LEFT + wide
    for number, line in reversed(list(enumerate(curve.lines))):
        if line.name:
            yield _text(x, 44, line.name, anchor="end")
            x -= len(line.name) * CHARACTER_WIDTH + 10
            yield _dot(x, 40, number)
            x -= 16


def _bars(panel: Bars) -> Iterator[str]:
    values = [value for _, value in panel.bars]
    first = math.floor(math.log10(min(values)))  # each bar begins at the power of ten below all
    decades = math.log10(max(values)) - first
    wide = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH
    step = (PANEL_HEIGHT - TOP - 12) / len(panel.bars)
    yield _text(16, 44, f"{panel.unit}, drawn by the logarithm")
    for number, (name, value) in enumerate(sorted(panel.bars, key=lambda bar: bar[1])):
        y = TOP + number * step
        long = max(2.0, (math.log10(value) - first) / decades * wide)
        kind = "ours" if name == panel.ours else "other"
        yield _text(NAME_WIDTH - 8, y + step / 2 + 4, name, anchor="end")
        yield (
            f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y + 3:.1f}" width="{long:.1f}" '
            f'height="{step - 6:.1f}" rx="2"/>'
        )
        yield _text(NAME_WIDTH + long + 6, y + step / 2 + 4, f"{value:,.3g} {panel.unit}")


def _even_marks(most: float) -> list[float]:
    """Return 0 and round figures above it; the last is the end of the scale."""
    rough = most / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def _log_marks(least: float, most: float) -> list[float]:
    """Return the figures of 1, 2 and 5 within a range of several powers of ten."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    marks = [one * 10.0**power for power in powers for one in (1, 2, 5)]
    return [mark for mark in marks if least <= mark <= most]


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, number: int) -> str:
    return f'<circle class="dot{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    of_class = f' class="{kind}"' if kind else ""
    return f'<text{of_class} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
