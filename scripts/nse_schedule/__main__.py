"""`python -m scripts.nse_schedule`: make the schedule of NSE anew, and say every difference."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from monitoring.schedule import FOLDER, Schedule, check
from scripts.nse_schedule.build import Difference, build, differences
from scripts.nse_schedule.corrections import read_corrections

UNSETTLED = 1
MISSING = 2
REPORT = Path(__file__).with_name("differences.md")


def main() -> int:
    """Write the schedule and the report of differences; return the exit status."""
    try:
        from scripts.nse_schedule.libraries import ask  # noqa: PLC0415 -- heavy, and may be missing
    except ModuleNotFoundError as error:
        return _say(
            f"{error.name} is missing: install requirements/calendar.txt into an environment of "
            "its own, and run this with it",
            MISSING,
        )
    corrections = read_corrections()
    known = ask(corrections.begins, corrections.horizon)
    schedule = build(known, corrections)
    found = differences(known, corrections)
    faults = check(schedule)
    open_ = [one for one in found if one.settled is None]
    faults += [f"{one.date}: {one.what}; no correction settles it" for one in open_]
    nameless = [one for one in schedule.holidays if not one.name]
    faults += [f"{one.date}: a holiday without a name" for one in nameless]
    if faults:
        return _say("\n".join(faults), UNSETTLED)
    (FOLDER / "xnse.json").write_bytes(encoded(schedule))
    REPORT.write_text(report(found, known.versions), "utf-8")
    sys.stdout.write(report(found, known.versions))
    return 0


def encoded(schedule: Schedule) -> bytes:
    """Return the file's bytes: the same schedule is the same bytes."""
    return msgspec.json.format(msgspec.json.encode(schedule), indent=1) + b"\n"


def report(found: list[Difference], versions: dict[str, str]) -> str:
    """Return every difference as a page of Markdown."""
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    rows = [f"| {one.date} | {one.what} | {one.settled} |" for one in found]
    return "\n".join(
        [
            "# Where the sources on NSE's sessions differ",
            "",
            f"Written by `python -m scripts.nse_schedule` with {used}.",
            "",
            "| date | difference | settled in corrections.toml as |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _say(words: str, status: int) -> int:
    sys.stderr.write(f"nse_schedule: {words}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
