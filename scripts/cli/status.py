"""`monitor status`: one screen, once or again and again."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
import msgspec

from evaluator.incident import Incident
from evaluator.instant import Instant
from monitoring.home import Home
from monitoring.process_life import ProcTable
from scripts.cli import words
from scripts.cli.day_series import pnl_of_day
from scripts.cli.desk import Desk, desk
from scripts.cli.engine_state import engine_state
from scripts.cli.failure import Failure
from scripts.cli.look import Look, look
from scripts.cli.status_screen import market, screen
from scripts.cli.terminal import Line, Span, Terminal, show, show_json, terminal_of

WATCH_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[2J"


class StatusNow(msgspec.Struct, frozen=True, kw_only=True):
    """The screen as data, as `--json` prints it. Facts that are unknown are null."""

    engine: str
    state: str
    why: str
    home: str
    timestamp: str
    market: str
    stale: bool
    snapshot_age_seconds: float | None
    tick_age_seconds: float | None
    collector: str
    scheduler: str
    facts: dict[str, float | bool | str | None]
    incidents: list[Incident]


SHOWN = (
    "heartbeat.deadline_seconds", "heartbeat.cause", "heartbeat.uptime_seconds", "breeze.status",
    "pnl.daily", "risk.daily_loss_pct", "risk.circuit_breaker_active", "positions.count",
    "positions.total_value", "risk.max_position_value", "positions.without_stop",
    "orders.rejected",
)  # fmt: skip


@click.command()
@click.option("-w", "--watch", is_flag=True, help="Show it again every second; Ctrl-C ends.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write the screen as a picture."
)
def status(watch: bool, as_json: bool, svg: Path | None) -> None:
    """Show engine, money and alerts on one screen."""
    here = desk()
    seen = look(here.home, here.clock(), ProcTable())
    if as_json:
        show_json(status_now(seen))
    elif svg is not None:
        from scripts.cli.status_svg import WIDTH, svg_of  # noqa: PLC0415 - slow: rich

        picture = Terminal(colour=True, width=WIDTH, cut=True)
        svg.write_text(svg_of(screen(seen, pnl_of_day(seen), picture)), encoding="utf-8")
        click.echo(f"written: {svg}", err=True)
    else:
        show(screen(seen, pnl_of_day(seen), here.terminal), here.terminal)
        while watch:
            sys.stdout.flush()
            time.sleep(WATCH_SECONDS)
            _again(here)


def status_now(seen: Look) -> StatusNow:
    """Return the screen as data."""
    state = engine_state(seen)
    facts = {name: seen.facts.get(name) for name in SHOWN}
    return StatusNow(
        engine=seen.config.engine,
        state=state.word,
        why=state.why,
        home=str(seen.home.root),
        timestamp=words.local(seen.now.wall_ms, seen.zone).isoformat(timespec="milliseconds"),
        market=market(seen),
        stale=not seen.fresh,
        snapshot_age_seconds=seen.snapshot_age_seconds,
        tick_age_seconds=seen.tick_age_seconds,
        collector=seen.collector_life.word,
        scheduler=seen.scheduler_life.word,
        facts={
            name: value if isinstance(value, float | int | str) else None
            for name, value in facts.items()
        },
        incidents=seen.incidents,
    )


def _again(here: Desk) -> None:
    """Show the screen anew; a home that can't be read for a moment is said, not fatal."""
    terminal = terminal_of(sys.stdout, os.environ)
    try:
        lines = lines_now(here.home, here.clock(), terminal)
    except (Failure, OSError) as error:
        lines = [[Span(str(error), "bad")]]
    if terminal.colour:
        sys.stdout.write(CLEAR)
    show(lines, terminal)


def lines_now(home: Home, now: Instant, terminal: Terminal) -> list[Line]:
    """Return the screen of a home at an instant."""
    seen = look(home, now, ProcTable())
    return screen(seen, pnl_of_day(seen), terminal)
