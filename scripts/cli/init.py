"""`monitor init`: a few questions, a home, and the two lines that go into the engine."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from evaluator.message import grouped
from monitoring.atomic import make_folder, write_atomic
from monitoring.home import Home
from monitoring.money import rupees
from scripts.cli import words
from scripts.cli.amount import AmountType
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.heartbeat_peek import peek
from scripts.cli.init_channel import ask_for_channel
from scripts.cli.settings_text import Answers, settings_text
from scripts.cli.terminal import Line, Span, show, show_json, uncut

PROJECT = Path(__file__).parents[2]
POLL_SECONDS = 0.2
REFUSED = 1
LARGEST_SHARE = 0.25
"""Of the capital: the default for the most in one position."""


class EngineName(click.ParamType[str]):
    """A name that can be part of a file's name."""

    name = "name"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the name, or refuse it in words."""
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.]{0,63}", str(value)) is None:
            self.fail(
                f"{str(value)!r} can't name an engine: use letters, digits, _ and .", param, ctx
            )
        return str(value)


class Figure(click.FloatRange):
    """A number within limits; NaN, which no comparison refuses, is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse the value in words."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value!r} is no number.", param, ctx)
        return found


SECONDS = Figure(0.001, 86_400)
PERCENT = Figure(0.001, 100)
BROKER = click.Choice(["breeze", "none"])
MARKET = click.Choice(["CM", "CM-CAS", "FO", "always"])


@click.command()
@click.option(
    "--home",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    help="The home.  [MONITOR_HOME, else this folder]",
)
@click.option("--engine", type=EngineName(), help="The engine's name.  [main]")
@click.option(
    "--tick-interval", type=SECONDS, metavar="SECONDS", help="How often its loop turns.  [5]"
)
@click.option(
    "--capital",
    type=AmountType(),
    metavar="RUPEES",
    help="Trading capital: 1000000, 20L, 1.5Cr.  [10L]",
)
@click.option(
    "--daily-loss", type=PERCENT, metavar="PERCENT", help="Loss of the day that is too much.  [2]"
)
@click.option(
    "--largest-position",
    type=AmountType(),
    metavar="RUPEES",
    help="Most in one position.  [a quarter of the capital]",
)
@click.option("--broker", type=BROKER, help="Broker whose session is watched.  [none]")
@click.option(
    "--market", type=MARKET, metavar="HOURS", help="CM, CM-CAS or FO of NSE, or always.  [CM]"
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the defaults.")
@click.option("--force", is_flag=True, help="Overwrite a monitor.toml that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and don't wait.")
@click.option(
    "--wait/--no-wait", default=None,
    help="Wait for the engine's first tick.  [if a human watches]",
)  # fmt: skip
def init(
    *,
    root: Path | None,
    engine: str | None,
    tick_interval: float | None,
    capital: float | None,
    daily_loss: float | None,
    largest_position: float | None,
    broker: str | None,
    market: str | None,
    yes: bool,
    force: bool,
    as_json: bool,
    wait: bool | None,
) -> None:
    """Make a home for the monitor: a few questions, folders, and a commented monitor.toml.

    Prints the lines that go into the engine, asks on a terminal where alerts are told (it finds
    your Telegram chat), and waits for the first tick.
    """
    here = desk()

    def ask(given: Any, text: str, default: Any, type_: click.ParamType[Any]) -> Any:
        if given is not None:
            return given
        if yes:
            return type_.convert(default, None, None)
        return click.prompt(text, default=default, type=type_, err=True)

    folder = click.Path(file_okay=False, path_type=Path)
    root = ask(root, "Home of the monitor", os.environ.get("MONITOR_HOME") or ".", folder)
    home = Home(Path(os.path.abspath(Path(root).expanduser())))
    if home.settings.exists() and not force:
        raise Failure(
            f"{home.settings} is already there.",
            "Edit it, or overwrite it with --force.",
            code=REFUSED,
        )
    engine = ask(engine, "Name of the engine", "main", EngineName())
    interval = ask(tick_interval, "Seconds between its ticks", 5.0, SECONDS)
    capital = ask(capital, "Trading capital in ₹", "10L", AmountType())
    loss = ask(daily_loss, "Loss of the day that is too much, in %", 2.0, PERCENT)
    quarter = grouped(round(capital * LARGEST_SHARE))
    answers = Answers(
        engine=engine,
        tick_interval_seconds=interval,
        capital=capital,
        daily_loss_pct=loss,
        largest_position=ask(largest_position, "Most in one position in ₹", quarter, AmountType()),
        broker=ask(broker, "Broker to watch", "none", BROKER),
        market=ask(market, "Trading hours", "CM", MARKET),
    )
    text = settings_text(answers)
    check(text)
    make_home(home)
    write_atomic(home.settings, text.encode())
    if as_json:
        show_json(Made(home=str(home.root), heartbeat=str(home.heartbeat), answers=answers))
        return
    show(next_steps(home, answers), uncut(here.terminal))
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    if watched and not yes:
        ask_for_channel(home, here.terminal)
    if wait if wait is not None else watched:
        wait_for_first_tick(here, home, answers.engine)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The new home, as `--json` prints it."""

    home: str
    heartbeat: str
    answers: Answers


def check(text: str) -> None:
    """Refuse settings that the processes would refuse. Raises `Failure`."""
    from monitoring.settings import SettingsError, load  # noqa: PLC0415 - slow: pydantic

    with tempfile.TemporaryDirectory() as folder:
        trial = Home(Path(folder))
        trial.settings.write_text(text, encoding="utf-8")
        try:
            load(trial, {})
        except SettingsError as error:
            raise Failure(
                f"These answers can't be used: {'; '.join(error.faults)}.",
                "Run `monitor init` again.",
                code=REFUSED,
            ) from None


def make_home(home: Home) -> None:
    """Make the home's folders, the engine's included. Raises OSError."""
    for folder in (
        home.heartbeat,
        home.snapshots,
        home.quarantine,
        home.spool,
        home.state,
        home.alerts,
    ):
        make_folder(folder)


def next_steps(home: Home, answers: Answers) -> list[Line]:
    """Return what to do next: the engine's two lines, and how to start the processes."""
    interval = f"{answers.tick_interval_seconds:g}"
    folder = json.dumps(str(home.heartbeat), ensure_ascii=False)
    root = shlex.quote(str(home.root))
    started = (
        f"make -C {PROJECT} run MONITOR_HOME={root}"
        if (PROJECT / "Procfile").is_file()
        else f"MONITOR_HOME={root} python -P -m collectors   (and python -P -m scheduler beside it)"
    )
    writer = (
        f'heartbeat = HeartbeatWriter({folder}, engine="{answers.engine}", '
        f"interval_seconds={interval})"
    )
    limit = rupees(answers.capital * answers.daily_loss_pct / 100)
    return [
        [Span("done", "good"), Span(f": {home.settings}")],
        [Span(f"  daily loss limit {answers.daily_loss_pct:g} % = {limit}")],
        [],
        [Span("1. In the engine (pip install tickbeat's engine_sdk there):", "strong")],
        [Span("     from tickbeat import HeartbeatWriter")],
        [Span(f"     {writer}")],
        [Span("     heartbeat.record_tick(metrics)   # once per turn of the loop")],
        [Span("2. Start the monitor (development; a supervisor for real money):", "strong")],
        [Span(f"     {started}")],
        [Span("3. Look:", "strong")],
        [Span(f"     cd {root} && {_typed()} status")],
    ]


def _typed() -> str:
    """Return the command as it must be typed here: a fresh clone's is not on the PATH."""
    if shutil.which("monitor") is not None:
        return "monitor"
    return shlex.quote(str(Path(sys.executable).with_name("monitor")))


def wait_for_first_tick(here: Desk, home: Home, engine: str) -> None:
    """Return when the engine's first tick is in the heartbeat folder; Ctrl-C ends it before."""
    began = here.clock()
    moving = sys.stderr.isatty()
    click.echo(
        f"Waiting for the first tick in {home.heartbeat} (Ctrl-C ends, nothing is lost)", err=True
    )
    while True:
        now = here.clock()
        seen_ms = peek(home.heartbeat, engine, now.wall_ms).tick_ms
        if seen_ms is not None and seen_ms >= began.wall_ms - 1000:
            break
        if moving:
            waited = words.age((now.wall_ms - began.wall_ms) / 1000)
            click.echo(f"\r  {waited} …  ", nl=False, err=True)
        time.sleep(POLL_SECONDS)
    if moving:
        click.echo("\r", nl=False, err=True)
    show(
        [[Span("● first tick", "good"), Span(f" from engine {engine}: it is connected")]],
        here.terminal,
    )
