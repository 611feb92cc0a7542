"""`monitor rules test`: run scenario files against the rules, without any home."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

FAILED, FAULTY = 1, 2


@click.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, one object a file.")
def test_files(files: tuple[Path, ...], as_json: bool) -> int:
    """Run scenario files (or all in a folder): do the rules say what they must, when they must?

    Exit code: 0 all as expected, 1 something is not, 2 a file is faulty or not there.
    """
    from scripts.cli import words  # noqa: PLC0415 -- all of it is slow, and `rules` has it too
    from scripts.cli.rules import fault_line  # noqa: PLC0415
    from scripts.cli.terminal import show, show_json, terminal_of, uncut  # noqa: PLC0415
    from scripts.scenario.library import Library, files_of  # noqa: PLC0415
    from scripts.scenario.parse import ScenarioErrors  # noqa: PLC0415
    from scripts.scenario.report import FileResult, faulty, lines_of, result_of  # noqa: PLC0415
    from scripts.scenario.run import run  # noqa: PLC0415

    terminal = uncut(terminal_of(sys.stdout, os.environ))
    library = Library()
    results: list[FileResult] = []
    for path in files_of(files):
        try:
            found = library.scenarios(path)
        except ScenarioErrors as errors:
            result = faulty(str(path), errors.faults)
        else:
            result = result_of(str(path), [run(one, found.rules) for one in found.scenarios])
        results.append(result)
        if not as_json:
            show([fault_line(one) for one in result.faults] or lines_of(result), terminal)
    if as_json:
        show_json(results)
    verdicts = [one.verdict for one in results]
    if not results:
        click.echo("There is no scenario file in there.", err=True)
        return FAULTY
    if "faulty" in verdicts:
        bad = sum(len(one.faults) for one in results)
        click.echo(f"{words.count(bad, 'fault')}: what is faulty was not run.", err=True)
        return FAULTY
    if "failed" in verdicts:
        click.echo(
            f"{verdicts.count('failed')} of {words.count(len(results), 'file')} failed.", err=True
        )
        return FAILED
    return 0
