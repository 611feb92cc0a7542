"""`monitor notify check`: whether notify.toml is in order, and who would be told of what."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import get_args

import click
import msgspec

from evaluator.durations import in_words
from evaluator.incident import Severity
from evaluator.names import nearest
from evaluator.rules import Fault
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.home import Home
from monitoring.notify_file import Refused, read
from monitoring.routing import Routing, Subject, described, why_not
from scripts.cli import words
from scripts.cli.channel_choice import channels_of
from scripts.cli.desk import Desk, desk
from scripts.cli.look import overrides_of
from scripts.cli.moments import wanted_ms
from scripts.cli.rule_source import rules_of
from scripts.cli.rules import fault_line
from scripts.cli.terminal import Line, Span, show, show_json, uncut

FAULTY = 1
OWN = ("notifier_sees_collector_dead", "notifier_sees_scheduler_dead")


class Told(msgspec.Struct, frozen=True):
    """Whether a channel would be told, and why, or why not."""

    channel: str
    told: bool
    why: str


class CheckedRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check, as `--json` prints it."""

    file: str
    ok: bool
    routes: list[str]
    faults: list[Fault]
    told: list[Told]


@click.command("check")
@click.option("--rule", metavar="NAME", help="Say who would be told of an alert of this rule.")
@click.option(
    "--severity",
    type=click.Choice(get_args(Severity), case_sensitive=False),
    default="CRITICAL",
    show_default=True,
    help="Of this severity.",
)
@click.option("--at", metavar="TIME", help="At this time.  [now]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(rule: str | None, severity: Severity, at: str | None, as_json: bool) -> int:
    """Check notify.toml, name every fault in it, and say in words whom alerts go to.

    Exit code: 0 in order, 1 faults, 2 no channel is set.
    """
    here = desk()
    config = channels_of(here.home, None)[0].config
    found = read(here.home.notify, config.channels)
    routing = found if isinstance(found, Routing) else None
    told = []
    if rule is not None and routing is not None:
        told = _told(here, config, routing, (severity, rule), at)
    checked = CheckedRoutes(
        file=str(here.home.notify),
        ok=routing is not None,
        routes=[] if routing is None else [described(route) for route in routing.routes],
        faults=found.faults if isinstance(found, Refused) else [],
        told=told,
    )
    if as_json:
        show_json(checked)
    elif routing is None:
        show([fault_line(fault) for fault in checked.faults], uncut(here.terminal))
        many = words.count(len(checked.faults), "fault")
        click.echo(f"{many}: this file is not taken over.", err=True)
    elif rule is None:
        show(_shown(here.home, config, routing), uncut(here.terminal))
        _say_unknown(routing, {one.name for one in rules_of(here.home, "Known are").rules})
    else:
        show([_line(one) for one in told], uncut(here.terminal))
    return 0 if checked.ok else FAULTY


def _shown(home: Home, config: Config, routing: Routing) -> list[Line]:
    absent = "" if home.notify.exists() else " (no such file)"
    count = words.count(len(routing.routes), "route")
    lines = [[Span("in order", "good"), Span(f": {home.notify}{absent}, {count}")]]
    said = [f"{number}. {described(one)}" for number, one in enumerate(routing.routes, 1)]
    said.append(f"what no route matches → {', '.join(config.channels)}; at once")
    if routing.quiet_hours is not None:
        said.append(f"quiet hours {routing.quiet_hours.words}: what is not CRITICAL waits")
    said += [f"fallback: {name} → {other}" for name, other in routing.fallback.items()]
    if routing.digest:
        said.append(f"digest after the close → {', '.join(routing.digest)}")
    return lines + [[Span(line)] for line in said]


def _say_unknown(routing: Routing, rules: Collection[str]) -> None:
    """Say on stderr which routes match no rule that there is."""
    known = {*rules, *OWN}
    for number, route in enumerate(routing.routes, 1):
        if not any(fnmatchcase(rule, route.rule) for rule in known):
            meant = nearest(route.rule, known)
            hint = "" if meant is None else f" (did you mean {meant}?)"
            click.echo(f"route {number}: no rule is called {route.rule}{hint}", err=True)


def _told(
    here: Desk, config: Config, routing: Routing, what: tuple[Severity, str], at: str | None
) -> list[Told]:
    now_ms = here.clock().wall_ms
    zone = words.zone(config.timezone)
    wanted = wanted_ms("--at", at, now_ms, zone)
    at_ms = now_ms if wanted is None else wanted
    is_open = calendar_of(config, overrides_of(here.home)).is_open(at_ms, "session")
    severity, rule = what
    ways = routing.ways(Subject(severity, rule, config.engine, is_open), config.channels)
    told = []
    for name, channel in config.channels.items():
        why = why_not(name, channel, severity, ways)
        if why is not None:
            told.append(Told(name, False, why))
            continue
        route = ways[name]
        by = "no route matches" if route is None else f"route {routing.routes.index(route) + 1}"
        by += "" if route is None else f" ({route.words})"
        if severity == "CRITICAL":
            when = "at once"
        elif routing.quiet(at_ms, zone) and routing.quiet_hours is not None:
            when = f"when the quiet hours are over, {routing.quiet_hours.until:%H:%M}"
        elif route is None:
            when = "at once"
        else:
            when = f"with its group, after {in_words(route.group_wait_seconds)}"
        told.append(Told(name, True, f"{by}, {when}"))
    return told


def _line(one: Told) -> Line:
    word = Span("told", "good") if one.told else Span("NOT ", "dim")
    return [word, Span(f"  {one.channel}  {one.why}")]
