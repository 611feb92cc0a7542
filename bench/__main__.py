"""Run every benchmark beside its yardstick: `python -m bench [--quick] [NAME …]`.

Exit 0 when each budget holds, 1 when one is missed, naming it. All of them at full size are written
into docs/benchmarks.md and docs/benchmarks.svg; a few, or --quick, only said (and drawn: --svg).
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import machine
from bench.page import page, table, written_by_hand
from bench.panel import Panel
from bench.plot import svg
from bench.row import Row

SUBJECTS = (
    "writer",
    "tailer",
    "exactly_once",
    "latency",
    "told",
    "hour",
    "rules",
    "history",
    "folder",
    "backtest",
    "commands",
)
LONG = ("soak", "backlog")
"""Run when they are named, and no part of the table."""
DOCS = Path(__file__).parents[1] / "docs"


def main() -> int:
    """Run the chosen benchmarks; 1 when a budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, a few minutes")
    parser.add_argument("--svg", type=Path, help="draw what was measured into this file")
    parser.add_argument(
        "subject", nargs="*", help=f"of {', '.join(SUBJECTS)} (default: all), {', '.join(LONG)}"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.subject) - {*SUBJECTS, *LONG}
    if unknown:
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}")
    whole = not chosen.quick and not chosen.subject
    # Both before anything is measured: a page that can't be kept, and how busy the machine was.
    notes = written_by_hand(DOCS / "benchmarks.md") if whole else ""
    on = f"{datetime.now(UTC):%Y-%m-%d} on {machine()}"
    rows: list[Row] = []
    panels: list[Panel] = []
    for subject in chosen.subject or SUBJECTS:
        started = time.monotonic()
        print(f"{subject} …", file=sys.stderr, flush=True)
        for found in importlib.import_module(f"bench.{subject}").run(quick=chosen.quick):
            if isinstance(found, Row):
                rows.append(found)
            else:
                panels.append(found)
        print(f"{subject} took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{on}\n\n{table(rows)}")
    missed = [row for row in rows if not row.holds]
    for row in missed:
        print(f"MISSED  {row.what}: {row.figure:.3g} {row.unit}, budget {row.budget:.3g}")
    if whole:
        (DOCS / "benchmarks.md").write_text(page(rows, SUBJECTS, on, notes))
        (DOCS / "benchmarks.svg").write_text(svg(panels))
    if chosen.svg is not None:
        chosen.svg.write_text(svg(panels))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
