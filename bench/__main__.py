"""Run every benchmark beside its yardstick: `python -m bench [--quick] [NAME …]`.

Exit 0 when each budget holds, 1 when one is missed, naming it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.row import Row

SUBJECTS = (
    "writer",
    "tailer",
    "exactly_once",
    "latency",
    "rules",
    "history",
    "backtest",
    "commands",
)


def main() -> int:
    """Run the chosen benchmarks; 1 when a budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, about a minute")
    parser.add_argument("subject", nargs="*", help=f"of {', '.join(SUBJECTS)} (default: all)")
    chosen = parser.parse_args()
    unknown = set(chosen.subject) - set(SUBJECTS)
    if unknown:
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for subject in chosen.subject or SUBJECTS:
        started = time.monotonic()
        print(f"{subject} …", file=sys.stderr, flush=True)
        found = importlib.import_module(f"bench.{subject}").run(quick=chosen.quick)
        print(f"{subject} took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        rows += found
    text = table(rows)
    print(text)
    missed = [row for row in rows if not row.holds]
    for row in missed:
        print(f"MISSED  {row.what}: {row.figure:.3g} {row.unit}, budget {row.budget:.3g}")
    if not chosen.quick and not chosen.subject:
        heading = (
            f"# Benchmarks\n\nMade by `make bench` on {datetime.now(UTC):%Y-%m-%d}. "
            "Each figure stands beside its yardstick, measured in the same run.\n\n"
        )
        Path("docs/benchmarks.md").write_text(heading + text + "\n")
    return 1 if missed else 0


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | ours | yardstick | figure | budget | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.ours} | {row.yardstick} | {row.figure:.3g} {row.unit} "
        f"| ≤ {row.budget:.3g} | {'holds' if row.holds else '**missed**'} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
