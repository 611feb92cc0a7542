"""docs/benchmarks.md: what was measured, and below it what was written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.row import Row

MARK = "<!-- Written by hand: `make bench` keeps what follows. -->\n"

_HEAD = """\
# Benchmarks

Made by `make bench` on {on}.

Each figure stands beside its yardstick, measured in the same run; figures are medians unless they
say otherwise. The spread is that of ours: four fifths of what was taken lie in it. A row without a
budget is there to be compared. `python -m bench NAME` runs a part: {subjects}.

![the same, drawn](benchmarks.svg)

"""


def page(rows: list[Row], subjects: Iterable[str], on: str, notes: str) -> str:
    """Return the page; `on` says when and on what machine, `notes` are by hand."""
    return f"{_HEAD.format(on=on, subjects=', '.join(subjects))}{table(rows)}\n\n{MARK}{notes}"


def written_by_hand(path: Path) -> str:
    """Return what follows the mark in a page. Raises ValueError when the page has no mark."""
    _, mark, notes = path.read_text().partition(MARK)
    if not mark:
        raise ValueError(f"{path} has no line {MARK.strip()!r}: what was written would be lost")
    return notes


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| what | ours | spread | yardstick | figure | budget | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(row) for row in rows]
    return "\n".join(lines)


def _line(row: Row) -> str:
    if row.budget is None:
        budget, verdict = "–", ""
    else:
        budget, verdict = f"≤ {row.budget:.3g}", "holds" if row.holds else "**missed**"
    return (
        f"| {row.what} | {row.ours} | {row.spread or '–'} | {row.yardstick} "
        f"| {row.figure:.3g} {row.unit} | {budget} | {verdict} |"
    )
