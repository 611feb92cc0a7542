"""`monitor silence`: for a while nobody is told of certain alerts. Their state goes on."""

from __future__ import annotations

import uuid

import click
import msgspec

from evaluator.silence import Silence
from monitoring.alert_fold import fold
from monitoring.alert_line import AlertLine
from monitoring.spool import Request
from scripts.cli import words
from scripts.cli.ack import Answer, Outcome, deliver, refused, say, unanswered, user
from scripts.cli.desk import Desk, desk
from scripts.cli.look import never_ran
from scripts.cli.moments import DurationType, duration_ms, wanted_ms
from scripts.cli.tail import config_of
from scripts.cli.terminal import Line, Span, show, show_json


class SilenceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A silence, as `--json` prints it. `over`: the scheduler has not dropped it yet."""

    id: str
    target: str
    by: str
    reason: str | None
    starts: str
    ends: str
    over: bool


@click.group()
def silence() -> None:
    """Be told nothing of some alerts for a while."""


@silence.command("add")
@click.argument("target")
@click.option("--for", "for_ms", type=DurationType(), metavar="DURATION", help="30m, 2h, 1d.")
@click.option("--until", metavar="TIME", help="15:30 (today), or 2025-10-12T15:30.")
@click.option("--reason", required=True, metavar="TEXT", help="Why nobody needs to know.")
@click.option("--by", metavar="NAME", help="Who silences it.  [$USER]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(
    *,
    target: str,
    for_ms: int | None,
    until: str | None,
    reason: str,
    by: str | None,
    as_json: bool,
) -> int:
    """Silence TARGET: a rule, WARNING or CRITICAL, or an incident's id or its beginning.

    Alerts still fire, show in status and are logged; nobody is told. What still fires when the
    silence ends is told then.

    Exit code: 0 done, 1 refused or no such target, 3 queued (done when the scheduler runs).
    """
    here = desk()
    now_ms = here.clock().wall_ms
    request = Request(
        id=uuid.uuid4().hex,
        action="silence",
        target=target,
        by=by or user(),
        reason=reason,
        until_ms=_until_ms(here, now_ms, for_ms, until),
        at_ms=now_ms,
    )
    return _ask(here, request, as_json=as_json)


@silence.command("expire")
@click.argument("silence_id", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--by", metavar="NAME", help="Who ends it.  [$USER]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def expire(silence_id: str, reason: str | None, by: str | None, as_json: bool) -> int:
    """End a silence before its time. ID is its id or the beginning of it."""
    here = desk()
    request = Request(
        id=uuid.uuid4().hex,
        action="expire",
        target=silence_id,
        by=by or user(),
        reason=reason,
        at_ms=here.clock().wall_ms,
    )
    return _ask(here, request, as_json=as_json)


@silence.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def list_(as_json: bool) -> None:
    """List the silences in force, the one that ends first on top."""
    here = desk()
    if not here.home.alerts.is_dir():
        raise never_ran(here.home)
    now_ms = here.clock().wall_ms
    zone = words.zone(config_of(here.home).timezone)
    found = sorted(fold(here.home.alerts).silences.values(), key=lambda one: one.ends_ms)

    def iso(wall_ms: int) -> str:
        return words.local(wall_ms, zone).isoformat(timespec="seconds")

    if as_json:
        show_json(
            [
                SilenceNow(
                    id=one.id,
                    target=one.target,
                    by=one.by,
                    reason=one.reason,
                    starts=iso(one.starts_ms),
                    ends=iso(one.ends_ms),
                    over=one.ends_ms <= now_ms,
                )
                for one in found
            ]
        )
        return
    lines: list[Line] = [
        [
            Span(f"{one.id}  ", "strong"),
            Span(f"{one.target}  until {words.local(one.ends_ms, zone):%d %b %H:%M}"),
            Span(f" ({_left(one, now_ms)})  by {one.by}"),
            Span(f'  "{one.reason}"' if one.reason else "", "dim"),
        ]
        for one in found
    ]
    show(lines or [[Span("no silence is in force")]], here.terminal)


def _left(one: Silence, now_ms: int) -> str:
    if one.ends_ms <= now_ms:
        return "over"
    return f"{words.age((one.ends_ms - now_ms) / 1000)} left"


def _until_ms(here: Desk, now_ms: int, for_ms: int | None, until: str | None) -> int:
    """Return the end that the options name. Raises click.UsageError."""
    if (for_ms is None) == (until is None):
        raise click.UsageError("Say when it ends: --for 1h, or --until 15:30.")
    if for_ms is not None:
        return now_ms + for_ms
    zone = words.zone(config_of(here.home).timezone)
    if until is not None and duration_ms(until) is not None:
        raise click.BadParameter(f"{until!r} is a duration: write --for.", param_hint="--until")
    end_ms = wanted_ms("--until", until, now_ms, zone) or 0
    if end_ms <= now_ms:
        raise click.BadParameter(f"{until!r} is over already.", param_hint="--until")
    return end_ms


def _ask(here: Desk, request: Request, *, as_json: bool) -> int:
    line = deliver(here, request)
    outcome, detail = _outcome(here, request, line)
    answer = Answer(
        request=request.id,
        action=request.action,
        outcome=outcome,
        incident=(line.silence.incident or "") if line is not None and line.silence else "",
        rule=line.rule if line is not None else "",
        detail=detail,
    )
    return say(here, answer, as_json=as_json)


def _outcome(here: Desk, request: Request, line: AlertLine | None) -> tuple[Outcome, str]:
    if line is None:
        return "queued", unanswered(here)
    if line.silence is None:
        return refused(line), line.reason
    if request.action == "expire":
        return "done", f"silence {line.silence.id} of {line.silence.target} {line.reason}"
    zone = words.zone(config_of(here.home).timezone)
    return "done", f"silenced {words.silenced(line.silence, zone)}"
