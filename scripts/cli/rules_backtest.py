"""`monitor rules backtest`: what rules would have done with what was recorded."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backtest")
@click.option(
    "--rules", "candidate", type=FILE, metavar="FILE",
    help="A candidate rule file: both side by side, and what only one of them finds.",
)  # fmt: skip
@click.option("--since", metavar="WHEN", help="From: 30d (ago), yesterday, an ISO time.  [30d]")
@click.option(
    "--heartbeat", type=FILE, metavar="FILE", help="Judge tick files, this one and TICKS, instead."
)
@click.argument("ticks", nargs=-1, type=FILE)
@click.option("--rule", "names", metavar="NAME", multiple=True, help="Only this rule (repeatable).")
@click.option("--all", "every", is_flag=True, help="List every incident, not the first 40.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backtest_rules(
    *,
    candidate: Path | None,
    since: str | None,
    heartbeat: Path | None,
    ticks: tuple[Path, ...],
    names: tuple[str, ...],
    every: bool,
    as_json: bool,
) -> int:
    """Judge the past by today's rules, and by a candidate file beside them.

    The home's snapshots, or tick files (--heartbeat main-*.jsonl), go through the folding, the
    rules and the life of alerts that run live. Exit code: 0 done, 1 a rule file has faults, 2 no
    such rule, 3 nothing is recorded.
    """
    if ticks and heartbeat is None:
        raise click.UsageError(f"{ticks[0]}: tick files are named after --heartbeat.")
    if since is not None and heartbeat is not None:
        raise click.UsageError("--since chooses among the home's snapshots, not among tick files.")
    # Slow to import, and the other commands of the group need none of it.
    from scripts.cli.backtest_run import Asked, run  # noqa: PLC0415 - see above

    files = () if heartbeat is None else (heartbeat, *ticks)
    return run(
        Asked(candidate=candidate, since=since, ticks=files, names=names),
        every=every,
        as_json=as_json,
    )
