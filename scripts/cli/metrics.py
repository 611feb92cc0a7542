"""`monitor metrics`: any field over any time."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

import click

from evaluator.facts import BUILTIN_FACTS
from evaluator.message import grouped
from monitoring import history
from monitoring.history import doc_of
from monitoring.home import Home
from monitoring.snapshots import SnapshotStore
from scripts.cli import words
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.look import never_ran, newest_snapshot
from scripts.cli.metric_series import Found, Span, collect
from scripts.cli.metric_tables import Agg, csv_text, metrics_of, summary_lines, table_lines, unit_of
from scripts.cli.moments import DurationType, wanted_ms
from scripts.cli.tail import config_of
from scripts.cli.terminal import Span as Piece
from scripts.cli.terminal import show, show_json

USUAL = ("pnl.daily", "risk.daily_loss_pct", "positions.total_value", "heartbeat.age_seconds")
STEPS_MS = tuple(
    seconds * 1000 for seconds in (30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800)
)
MOST_STRETCHES = 72
NO_SUCH_FIELD = 2


@click.command()
@click.argument("fields", nargs=-1)
@click.option(
    "--since", default="1h", metavar="WHEN", help="From: 2h (ago), 09:15, an ISO time.  [1h]"
)
@click.option("--until", metavar="WHEN", help="To, as --since.  [now]")
@click.option(
    "--every",
    type=DurationType(),
    metavar="DURATION",
    help="Length of a stretch: 10s, 5m, 1d; also prints each one.  [fitting]",
)
@click.option(
    "--agg",
    type=click.Choice([agg.value for agg in Agg]),
    default="mean",
    help="What to take of each stretch.  [mean]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    help="How to print.  [table]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--list", "listed", is_flag=True, help="List the fields that have values, and end.")
def metrics(
    *,
    fields: tuple[str, ...],
    since: str,
    until: str | None,
    every: int | None,
    agg: str,
    format_: str,
    as_json: bool,
    listed: bool,
) -> int:
    """Show FIELDS over time: pnl.daily, 'risk.*', custom.spread_bps; without any, the usual ones.

    The table has a line a field with a sparkline, and with --every each stretch below.
    """  # fmt: skip
    here = desk()
    now_ms = here.clock().wall_ms
    zone = words.zone(config_of(here.home).timezone)
    since_ms = wanted_ms("--since", since, now_ms, zone) or 0
    until_ms = wanted_ms("--until", until, now_ms, zone)
    until_ms = now_ms + 1 if until_ms is None else until_ms
    if since_ms >= until_ms:
        raise click.BadParameter("it is not before --until.", param_hint="--since")
    span = Span(since_ms, until_ms, every or fitting_ms(until_ms - since_ms))
    known = known_fields(here.home)
    if listed or not all(matches(name, known) for name in fields):
        known = sorted({*known, *earlier_fields(here.home, span)})
    if listed:
        return _list(here, known, as_json=as_json or format_ == "json")
    chosen = choose(fields, known)
    found = _collect(here, chosen, span)
    answer = metrics_of(chosen, found.stretches, span, Agg(agg), zone)
    if as_json or format_ == "json":
        show_json(answer)
    elif format_ == "csv":
        sys.stdout.write(csv_text(answer))
    else:
        show(summary_lines(answer, here.terminal), here.terminal)
        if every is not None:
            show([[], *table_lines(answer)], here.terminal)
    return 0


def fitting_ms(length_ms: int) -> int:
    """Return the shortest usual stretch of which not too many make up the length."""
    fits = (step for step in STEPS_MS if length_ms <= step * MOST_STRETCHES)
    return next(fits, STEPS_MS[-1])


def known_fields(home: Home) -> list[str]:
    """Return the fields with a number in the newest snapshot. Raises `Failure` when there is
    neither a snapshot nor an index.
    """
    snapshot, _ = newest_snapshot(SnapshotStore(home.snapshots))
    if snapshot is None and not home.history.is_file():
        raise never_ran(home)
    return list(doc_of(snapshot)) if snapshot is not None else []


def earlier_fields(home: Home, span: Span) -> list[str]:
    """Return the fields with a number in the history index within the span."""
    try:
        return history.fields(home.history, span.since_ms, span.until_ms)
    except sqlite3.DatabaseError:
        return []  # what is wrong with it is told by the query


def matches(name: str, known: Sequence[str]) -> list[str]:
    """Return the known fields that a name or glob means."""
    return [field for field in known if fnmatchcase(field, name)]


def choose(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the fields that were asked for, globs spelt out. Raises `Failure` for unknown ones."""
    if not wanted:
        return [field for field in USUAL if field in known] or list(known[:4])
    chosen: dict[str, None] = {}
    for name in wanted:
        found = matches(name, known) or [fact for fact in _declared() if fact == name]
        if not found:
            raise _unknown(name, known)
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _declared() -> set[str]:
    return {fact.name for fact in BUILTIN_FACTS if fact.type != "text"}


def _unknown(name: str, known: Sequence[str]) -> Failure:
    from difflib import get_close_matches  # noqa: PLC0415 - only when failing

    near = get_close_matches(name, {*known, *_declared()}, n=3)
    todo = f"Did you mean {' or '.join(near)}?" if near else "`monitor metrics --list` names them."
    return Failure(f"There is no number field {name!r}.", todo, code=NO_SUCH_FIELD)


def _collect(here: Desk, chosen: Sequence[str], span: Span) -> Found:
    moving = sys.stderr.isatty()

    def progress(read: int) -> None:
        if moving:
            click.echo(f"\r{grouped(read)} snapshots read …", nl=False, err=True)

    found = collect(here.home, chosen, span, progress=progress)
    if found.note is not None:
        click.echo(f"{found.note}.", err=True)
    if not any(found.stretches.values()):
        click.echo("No values in that time: try an earlier --since.", err=True)
    return found


def _list(here: Desk, known: Sequence[str], *, as_json: bool) -> int:
    if as_json:
        show_json([{"name": name, "unit": unit_of(name)} for name in known])
    else:
        lines = [[Piece(f"{name}  "), Piece(unit_of(name), "dim")] for name in known]
        show(lines, here.terminal)
    return 0
