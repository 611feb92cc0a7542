"""The plot is a picture that any browser can show, with everything inside its frame."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from bench.panel import Bars, Curve, Line, Panel
from bench.plot import COLUMNS, PANEL_HEIGHT, PANEL_WIDTH, svg

GROWTH = Curve(
    title="Grows <quickly> & far",
    x="things",
    unit="ms",
    lines=(Line("ours", ((1, 3.0), (10, 4.0), (1000, 5.0))), Line("bare", ((1, 1.0), (1000, 2.0)))),
    budget=50,
)
FLAT = Curve(title="One point", x="things", unit="ms", lines=(Line("", ((7, 0.001),)),))
RIVALS = Bars(
    title="Rivals", unit="µs", bars=(("ours", 1.0), ("no-op", 0.1), ("slow", 65_000.0)), ours="ours"
)
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_every_title_unit_name_and_value_is_in_the_picture() -> None:
    said = [text.text for text in _all(svg([GROWTH, RIVALS]), "text")]
    for words in ("Grows <quickly> & far", "things", "ms", "ours", "bare", "budget", "0.1 µs"):
        assert words in said
    assert said.count("1k") == 1


@pytest.mark.parametrize("panels", [[GROWTH], [FLAT, RIVALS], [RIVALS, FLAT, GROWTH]])
def test_everything_lies_inside_its_panel(panels: list[Panel]) -> None:
    root = ET.fromstring(svg(panels))
    groups = root.findall(f"{NAMESPACE}g")
    assert len(groups) == len(panels)
    rows = -(-len(panels) // COLUMNS)
    assert root.get("viewBox") == f"0 0 {COLUMNS * PANEL_WIDTH} {rows * PANEL_HEIGHT}"
    for group in groups:
        for x, y in _places(group):
            assert 0 <= x <= PANEL_WIDTH
            assert 0 <= y <= PANEL_HEIGHT


def test_a_higher_figure_is_drawn_higher_and_the_budget_above_what_holds_it() -> None:
    root = svg([GROWTH])
    (ours, _) = _all(root, "polyline")
    heights = [float(pair.split(",")[1]) for pair in ours.get("points", "").split()]
    assert heights == sorted(heights, reverse=True)
    (budget,) = [line for line in _all(root, "line") if line.get("class") == "budget"]
    assert float(budget.get("y1", "nan")) < min(heights)


def test_bars_stand_in_order_and_ours_stands_out() -> None:
    bars = [one for one in _all(svg([RIVALS]), "rect") if one.get("class") != "card"]
    widths = [float(bar.get("width", "nan")) for bar in bars]
    assert widths == sorted(widths)
    assert [bar.get("class") for bar in bars] == ["other", "ours", "other"]


def _all(picture: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter(f"{NAMESPACE}{name}"))


def _places(group: ET.Element) -> Iterator[tuple[float, float]]:
    """Yield every point that is drawn, and where each text ends, at 6 px a letter."""
    for one in group.iter():
        have = one.attrib
        match one.tag.removeprefix(NAMESPACE):
            case "text":
                long = 6 * len(one.text or "")
                left = {"start": 0, "middle": -long / 2, "end": -long}[have["text-anchor"]]
                yield float(have["x"]) + left, float(have["y"])
                yield float(have["x"]) + left + long, float(have["y"])
            case "rect":
                x, y = float(have["x"]), float(have["y"])
                yield x, y
                yield x + float(have["width"]), y + float(have["height"])
            case "line":
                yield float(have["x1"]), float(have["y1"])
                yield float(have["x2"]), float(have["y2"])
            case "circle":
                yield float(have["cx"]), float(have["cy"])
            case "polyline":
                for pair in have["points"].split():
                    x, y = map(float, pair.split(","))
                    yield x, y
