"""`monitor oncall`: who is on call, and who takes somebody's place for a while."""

from __future__ import annotations

import os
import stat
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from evaluator.builtin import BUILTIN_RULES
from evaluator.rules import Fault
from monitoring.atomic import FILE_MODE, write_atomic
from monitoring.config import Config
from monitoring.home import Home
from monitoring.oncall import OnCall
from monitoring.oncall_file import MOST_BYTES, OnCallErrors, load
from monitoring.oncall_policy import default_policies
from monitoring.regular import RULES_BYTES, read_regular
from monitoring.state import read_state
from scripts.cli import words
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.oncall_text import Listed, alone, now_of, now_screen, period, week_of, week_screen
from scripts.cli.rules import fault_line
from scripts.cli.terminal import Span, show, show_json, uncut

REFUSED = 1
CANT = 3


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `check` found, as `--json` prints it."""

    file: str
    ok: bool
    people: int
    rotations: int
    policies: int
    faults: list[Fault]


@click.group()
def oncall() -> None:
    """Who is on call, and whom an alert climbs to that nobody takes (oncall.toml)."""


@oncall.command("now", short_help="Who is on call, until when, and who is next.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def now_(as_json: bool) -> int:
    """Show who is on call, until when, who is next, and to whom alerts climb.

    Exit code: 0 shown, 1 oncall.toml has faults, 3 it can't be read.
    """
    here = desk()
    config = _said_config(here.home)
    found = _loaded(here.home, config)
    shown = now_of(found, default_policies(config.waking), here.clock().wall_ms)
    if as_json:
        show_json(shown)
    else:
        first = alone(here.home.oncall) if not found.rotations else []
        show([*now_screen(shown), *first], uncut(here.terminal))
    return 0


@oncall.command("week", short_help="The shifts of the next seven days.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def week(as_json: bool) -> int:
    """Show the shifts of the next seven days. Exit codes as for now."""
    here = desk()
    found = _loaded(here.home, _said_config(here.home))
    shown = week_of(found, here.clock().wall_ms)
    if as_json:
        show_json(shown)
    elif found.rotations:
        show(week_screen(shown), uncut(here.terminal))
    else:
        show(alone(here.home.oncall), uncut(here.terminal))
    return 0


@oncall.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(as_json: bool) -> int:
    """Check oncall.toml against the settings and the rules, and name every fault in it.

    Exit code: 0 in order, 1 faults, 3 it can't be read.
    """
    here = desk()
    text = _text(here.home.oncall)
    faults: list[Fault] = []
    found = OnCall()
    try:
        config = _set_config(here.home)
        if text is not None:
            found = load(
                text, str(here.home.oncall), tuple(config.channels), config.timezone,
                _rule_names(here.home),
            )  # fmt: skip
    except OnCallErrors as errors:
        faults = errors.faults
    checked = Checked(
        file=str(here.home.oncall), ok=not faults, people=len(found.people),
        rotations=len(found.rotations), policies=len(found.policies), faults=faults,
    )  # fmt: skip
    if as_json:
        show_json(checked)
    elif faults:
        show([fault_line(fault) for fault in faults], uncut(here.terminal))
        count = words.count(len(faults), "fault")
        click.echo(f"{count}: what was in force before stays so.", err=True)
    elif text is None:
        show(alone(here.home.oncall), uncut(here.terminal))
    else:
        counts = ", ".join((
            f"{checked.people} {'person' if checked.people == 1 else 'people'}",
            words.count(checked.rotations, "rotation"),
            f"{checked.policies} {'policy' if checked.policies == 1 else 'policies'}",
        ))  # fmt: skip
        said = [Span("in order", "good"), Span(f": {here.home.oncall}, {counts}")]
        show([said], uncut(here.terminal))
    return REFUSED if faults else 0


@oncall.command(short_help="Somebody else is on call for a while.")
@click.argument("person")
@click.option("--from", "from_", metavar="WHEN", default="now", help="From then on.  [now]")
@click.option("--to", metavar="WHEN", required=True, help="Until then.")
@click.option("--rotation", metavar="NAME", help="In this one.  [the only one]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def override(person: str, from_: str, to: str, rotation: str | None, as_json: bool) -> int:
    """Put PERSON on call from one moment to another, whoever's turn it is: a holiday, a swap.

    It is appended to oncall.toml, and in force within two seconds. WHEN is 2026-11-09T09:00, or a
    date (--from its beginning, --to its end), now, today or tomorrow, in the rotation's timezone.

    Exit code: 0 done, 1 refused, 3 oncall.toml can't be read.
    """
    here = desk()
    text = _text(here.home.oncall)
    config = _set_config(here.home)
    found = _loaded(here.home, config)
    name = _rotation(found, rotation, here.home)
    zone = ZoneInfo(found.rotations[name].timezone)
    now = datetime.fromtimestamp(here.clock().wall_ms // 1000, zone)
    begin, end = _moment("--from", from_, now), _moment("--to", to, now, end=True)
    if end <= now:
        raise Failure(f"{end:%d %b %H:%M} is past.", "Give a --to that is to come.", code=REFUSED)
    block = (
        f'[[override]]\nrotation = "{name}"\nperson = "{person}"\n'
        f"from = {begin.isoformat()}\nto = {end.isoformat()}\n"
    )
    written = f"{(text or '').rstrip()}\n\n{block}"
    try:
        load(written, here.home.oncall.name, tuple(config.channels), config.timezone)
    except OnCallErrors as errors:
        what = f"{errors.faults[0].reason}".capitalize()
        hint = errors.faults[0].hint
        raise Failure(
            f"{what}.", f"Did you mean {hint}?" if hint else "Nothing was written.", code=REFUSED
        ) from None
    _write(here, written)
    done = Listed(
        rotation=name, person=person, override=True, since=begin.isoformat(), until=end.isoformat(),
        timezone=zone.key,
    )  # fmt: skip
    if as_json:
        show_json(done)
    else:
        words_ = f": {person} is on call in {name}, {period(done)}"
        show([[Span("done", "good"), Span(words_)]], uncut(here.terminal))
    return 0


def _write(here: Desk, text: str) -> None:
    path = Path(os.path.realpath(here.home.oncall))
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else FILE_MODE
    write_atomic(path, text.encode(), mode=mode)


def _rotation(found: OnCall, given: str | None, home: Home) -> str:
    if not found.rotations:
        todo = f"Write one into {home.oncall}: docs/notifications.md has one to copy."
        raise Failure("There is no rotation.", todo, code=REFUSED)
    names = ", ".join(found.rotations)
    if given is None and len(found.rotations) > 1:
        raise Failure(f"There are several rotations: {names}.", "Name one with --rotation.",
                      code=REFUSED)  # fmt: skip
    if given is not None and given not in found.rotations:
        raise Failure(f"There is no rotation {given}.", f"There are: {names}.", code=REFUSED)
    return given or next(iter(found.rotations))


def _moment(option: str, text: str, now: datetime, *, end: bool = False) -> datetime:
    """Return a moment in the timezone of `now`; of a date its beginning, or its end."""
    if text == "now":
        return now
    days = {"today": 0, "tomorrow": 1}.get(text)
    try:
        if days is not None:
            day = now.date() + timedelta(days=days)
        elif len(text) > 10:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
        else:
            day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=end), time(), now.tzinfo)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is no moment: write 2026-11-09, 2026-11-09T09:00, now, today or tomorrow.",
            param_hint=option,
        ) from None


def _loaded(home: Home, config: Config) -> OnCall:
    """Return what oncall.toml says, nothing when there is none. Raises `Failure`."""
    text = _text(home.oncall)
    if text is None:
        return OnCall()
    try:
        return load(text, home.oncall.name, tuple(config.channels), config.timezone)
    except OnCallErrors as errors:
        more = "" if len(errors.faults) == 1 else f" (and {len(errors.faults) - 1} more)"
        raise Failure(
            f"{errors.faults[0]}{more}.",
            "Run `monitor oncall check`; what was in force before stays so meanwhile.",
            code=REFUSED,
        ) from None


def _text(path: Path) -> str | None:
    try:
        return read_regular(path, MOST_BYTES, follow=True).decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.", code=CANT
        ) from None


def _said_config(home: Home) -> Config:
    """Return the settings of a process that runs or ran, else those that are written."""
    for process in ("notifier", "scheduler", "collector"):
        state = read_state(home.state, process)
        if state is not None:
            return state.config
    return _set_config(home)


def _set_config(home: Home) -> Config:
    from monitoring.settings import SettingsError  # noqa: PLC0415 - slow: pydantic
    from monitoring.settings import load as load_settings  # noqa: PLC0415 - as above

    try:
        return load_settings(home, os.environ).config
    except SettingsError as error:
        what = "\n".join(error.faults)
        raise Failure(what, f"Correct {home.settings}.", code=CANT) from None


def _rule_names(home: Home) -> list[str]:
    """Return every rule that there is; of a rule file that is no TOML the built-in ones alone."""
    import tomllib  # noqa: PLC0415 - for `check` alone

    names = [rule.name for rule in BUILTIN_RULES]
    try:
        tables = tomllib.loads(read_regular(home.rules, RULES_BYTES, follow=True).decode())
    except (OSError, ValueError, RecursionError):
        return names
    own = tables.get("rule", [])
    return names + [str(one.get("name")) for one in own if isinstance(one, dict)]
