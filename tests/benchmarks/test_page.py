"""`make bench` writes its page anew and keeps what a human wrote below it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.__main__ import DOCS
from bench.page import MARK, page, written_by_hand
from bench.row import Row, spread

ROW = Row(what="a call", ours="1 µs", yardstick="2 µs", figure=0.5, budget=2, unit="×")


def test_what_was_written_by_hand_outlives_every_run(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(f"# old\n\n{MARK}\n## Why\n\n- by hand\n")
    for _ in range(2):
        path.write_text(page([ROW], ["writer"], "2026-01-01 on a machine", written_by_hand(path)))
    text = path.read_text()
    assert text.endswith(f"\n\n{MARK}\n## Why\n\n- by hand\n")
    assert "| a call | 1 µs | – | 2 µs | 0.5 × | ≤ 2 | holds |" in text
    assert "# old" not in text


def test_a_page_without_the_mark_is_refused_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text("# old\n")
    with pytest.raises(ValueError, match="no line"):
        written_by_hand(path)


def test_the_page_of_this_repository_has_the_mark() -> None:
    assert written_by_hand(DOCS / "benchmarks.md").startswith("\n## ")


@pytest.mark.parametrize(
    ("figure", "budget", "holds"),
    [(2.0, 2.0, True), (2.1, 2.0, False), (math.nan, 2.0, False), (99.0, None, True)],
)
def test_a_figure_above_its_budget_or_no_number_misses_it(
    figure: float, budget: float | None, holds: bool
) -> None:
    row = Row(what="", ours="", yardstick="", figure=figure, budget=budget, unit="")
    assert row.holds is holds


def test_the_spread_leaves_out_the_lowest_and_the_highest_tenth() -> None:
    assert spread([float(number) for number in range(101)], "ms") == "10–90 ms"
