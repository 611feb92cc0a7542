"""`monitor tail`: the last alerts, then each new one as it is written."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import click
import msgspec

from monitoring.alert_line import AlertLine
from monitoring.config import Config
from monitoring.home import Home
from monitoring.log_follower import LogFollower, Unreadable
from monitoring.state import read_state
from scripts.cli import words
from scripts.cli.desk import Desk, desk
from scripts.cli.look import never_ran
from scripts.cli.moments import wanted_ms
from scripts.cli.tail_line import tail_line
from scripts.cli.terminal import Span, at_words, show, show_json, wrap

POLL_SECONDS = 0.12
INDENT = 17
"""Where a line that is too long for the terminal goes on: past the time."""
QUIET_KINDS = frozenset({"carry", "carry_end", "healed", "request"})
"""Lines that tell nothing new: carried state and the outcome of requests without an effect."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines to show; None is any."""

    severity: str | None = None
    rule: str | None = None
    since_ms: int | None = None

    def holds(self, line: AlertLine) -> bool:
        """Tell whether a line is to be shown."""
        return (
            line.kind not in QUIET_KINDS
            and (self.severity is None or line.severity == self.severity)
            and (self.rule is None or line.rule == self.rule)
            and (self.since_ms is None or line_ms(line) >= self.since_ms)
        )


@click.command()
@click.option(
    "-n", "--lines", "count", type=click.IntRange(0), help="How many old lines first.  [10]"
)
@click.option(
    "--since", metavar="WHEN", help="Old lines since: 2h (ago), 09:15, yesterday, an ISO time."
)
@click.option(
    "--severity",
    type=click.Choice(["critical", "warning"], case_sensitive=False),
    help="Only these.",
)
@click.option("--rule", metavar="NAME", help="Only this rule's.")
@click.option(
    "--follow/--no-follow", default=True, help="Go on with new lines (the default), or end."
)
@click.option("--json", "as_json", is_flag=True, help="Print the log's own JSON, one line each.")
def tail(
    *,
    count: int | None,
    since: str | None,
    severity: str | None,
    rule: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the last alerts, and follow new ones as they are written, also across midnight."""
    here = desk()
    now = here.clock()
    config = config_of(here.home)
    zone = words.zone(config.timezone)
    since_ms = wanted_ms("--since", since, now.wall_ms, zone)
    wanted = Wanted(severity=severity.upper() if severity else None, rule=rule, since_ms=since_ms)
    follower = LogFollower(here.home.alerts)
    if not follower.files():
        _none_yet(here, follow=follow)
    elif count is None and since_ms is None:
        count = 10
    start = None
    if since_ms is not None:
        # a clock that was set back over midnight leaves lines in the file of the day after
        start = f"{words.local(since_ms, zone).date() - timedelta(days=1)}.jsonl"
    _print(_last(follower, wanted, count, start), here, as_json=as_json)
    while follow:
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)
        fresh = [
            line for line in follower.grown() if isinstance(line, Unreadable) or wanted.holds(line)
        ]
        _print(fresh, here, as_json=as_json)


def config_of(home: Home) -> Config:
    """Return the settings that a running or former process says it used, else the defaults."""
    for process in ("scheduler", "collector"):
        state = read_state(home.state, process)
        if state is not None:
            return state.config
    return Config()


def line_ms(line: AlertLine) -> int:
    """Return the POSIX milliseconds of a line's timestamp, 0 when it has none that can be read."""
    moment = words.parsed(line.timestamp)
    return round(moment.timestamp() * 1000) if moment is not None else 0


def _none_yet(here: Desk, *, follow: bool) -> None:
    ran = here.home.state.is_dir() and any(here.home.state.glob("*.json"))
    if not ran and not follow:
        raise never_ran(here.home)
    said = f"No alerts in {here.home.alerts} yet"
    said += "" if ran else ", and no process ever ran in this home"
    click.echo(f"{said}{'; waiting (Ctrl-C ends)' if follow else ''}.", err=True)


def _last(
    follower: LogFollower, wanted: Wanted, count: int | None, start: str | None
) -> list[AlertLine | Unreadable]:
    """Return the wanted lines of the past: from the file `start` on, or of as many as it takes."""
    names = follower.files()
    found = [
        line
        for line in follower.backlog(start)
        if isinstance(line, Unreadable) or wanted.holds(line)
    ]
    if count is None:
        return found
    older = names[:-1] if start is None else []
    while older and len(found) < count:
        past = follower.earlier(older.pop())
        found[:0] = [line for line in past if isinstance(line, AlertLine) and wanted.holds(line)]
    return found[len(found) - min(count, len(found)) :]


def _print(lines: list[AlertLine | Unreadable], here: Desk, *, as_json: bool) -> None:
    for line in lines:
        if isinstance(line, Unreadable):
            said = f"{line.file}: the line at byte {line.offset} can't be read: {line.why}"
            show([[Span(said, "warn")]], here.terminal, sys.stderr)
        elif as_json:
            show_json(line, compact=True)
        else:
            show(wrap(at_words(tail_line(line)), here.terminal, INDENT), here.terminal)
