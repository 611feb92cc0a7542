"""`monitor ack` and `monitor unack`: a request to the scheduler, and its answer."""

from __future__ import annotations

import os
import pwd
import time
import uuid
from collections.abc import Callable
from typing import Literal

import click
import msgspec

from evaluator.incident import Incident
from monitoring import process_life
from monitoring.alert_fold import fold
from monitoring.alert_line import AlertLine
from monitoring.home import Home
from monitoring.log_follower import LogFollower
from monitoring.process_life import ProcTable
from monitoring.spool import MAX_TEXT, Action, Request, submit
from scripts.cli import words
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.look import never_ran
from scripts.cli.moments import DurationType
from scripts.cli.tail import config_of
from scripts.cli.terminal import Span, Style, show, show_json, uncut

WAIT_SECONDS = 2.0
POLL_SECONDS = 0.02
UNKNOWN_TARGET = 1

Outcome = Literal["done", "refused", "unknown target", "queued"]
EXIT_CODES: dict[Outcome, int] = {
    "done": 0,
    "refused": 1,
    "unknown target": UNKNOWN_TARGET,
    "queued": 3,
}
OUTCOME_STYLES: dict[Outcome, Style] = {
    "done": "good",
    "refused": "bad",
    "unknown target": "bad",
    "queued": "warn",
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request, as `--json` prints it."""

    request: str
    action: Action
    outcome: Outcome
    incident: str
    rule: str
    detail: str


@click.command()
@click.argument("target")
@click.option("--by", metavar="NAME", help="Who takes it.  [$USER]")
@click.option("--reason", metavar="TEXT", help="Why it can wait, or what you do about it.")
@click.option(
    "--for", "for_ms", type=DurationType(), metavar="DURATION",
    help="How long: 30m, 2h. Without it an hour while positions are open.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ack(target: str, by: str | None, reason: str | None, for_ms: int | None, as_json: bool) -> int:
    """Take an alert. TARGET is a rule's name, an incident's id, or the beginning of one.

    It is yours for an hour while positions are open or unknown, else to its end, and never past
    the session; then it is told again.

    Exit code: 0 done, 1 refused or no such alert, 3 queued (done when the scheduler runs).
    """
    here = desk()
    now_ms = here.clock().wall_ms
    until_ms = None if for_ms is None else now_ms + for_ms
    request = Request(
        id=uuid.uuid4().hex,
        action="ack",
        target=target,
        by=by or user(),
        reason=reason,
        until_ms=until_ms,
        at_ms=now_ms,
    )
    return _ask(here, request, as_json=as_json)


@click.command()
@click.argument("target")
@click.option("--by", metavar="NAME", help="Who gives it back.  [$USER]")
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def unack(target: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Give an alert back, so that it counts as unattended again. TARGET as for ack."""
    here = desk()
    request = Request(
        id=uuid.uuid4().hex,
        action="unack",
        target=target,
        by=by or user(),
        reason=reason,
        at_ms=here.clock().wall_ms,
    )
    return _ask(here, request, as_json=as_json)


def user() -> str:
    """Return who types here."""
    named = os.environ.get("USER") or os.environ.get("LOGNAME")
    if named:
        return named
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not be in its passwd(5)
        return f"uid {os.getuid()}"


def _ask(here: Desk, request: Request, *, as_json: bool) -> int:
    """Hand the request to the scheduler, wait for its answer, and print it."""
    incident = find(here.home, request.target)
    request = msgspec.structs.replace(request, target=incident.id)
    answer = _answer(here, request, incident, deliver(here, request))
    return say(here, answer, as_json=as_json)


def deliver(here: Desk, request: Request) -> AlertLine | None:
    """Hand a request to the scheduler and return the line that it led to, None: none in time."""
    for text in (request.by, request.reason or "", request.target):
        if len(text) > MAX_TEXT:
            raise Failure(
                f"A name or reason of {len(text)} characters is too long.",
                f"Keep it below {MAX_TEXT}.",
                code=2,
            )
    follower = LogFollower(here.home.alerts)
    follower.backlog()
    submit(here.home.spool, request)
    return wait_for(follower, request.id, WAIT_SECONDS)


def say(here: Desk, answer: Answer, *, as_json: bool) -> int:
    """Print an answer and return the exit code that goes with it."""
    if as_json:
        show_json(answer)
    else:
        word = Span(answer.outcome, OUTCOME_STYLES[answer.outcome])
        show(
            [[word, Span(f": {answer.detail.removeprefix(f'{answer.outcome} ')}")]],
            uncut(here.terminal),
        )
    return EXIT_CODES[answer.outcome]


def unanswered(here: Desk) -> str:
    """Return in words why there is no answer yet."""
    return process_life.unanswered(here.home.state, here.clock(), ProcTable())


def refused(line: AlertLine) -> Outcome:
    """Return what kind of refusal a line of kind request is: one that names no rule found none."""
    unknown = not line.rule and line.reason.startswith(("unknown target", "ambiguous target"))
    return "unknown target" if unknown else "refused"


def find(home: Home, target: str) -> Incident:
    """Return the one open incident that the operator means. Raises `Failure`."""
    incidents = list(fold(home.alerts).states.values()) if home.alerts.is_dir() else []
    if not incidents and not any(home.state.glob("*.json")):
        raise never_ran(home)
    exact = [i for i in incidents if target in {i.rule, i.id}]
    found = exact or [i for i in incidents if target and i.id.startswith(target.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{i.rule} ({i.id})" for i in found)
        raise Failure(
            f"{target!r} begins the ids of {len(found)} open alerts: {names}.",
            "Name the rule instead.",
            code=UNKNOWN_TARGET,
        )
    known = ", ".join(sorted(i.rule for i in incidents))
    raise Failure(
        f"No open alert is called {target!r}.",
        f"Open now: {known}."
        if known
        else "No alert is open: `monitor tail --no-follow` shows what was.",
        code=UNKNOWN_TARGET,
    )


def wait_for(
    follower: LogFollower, request: str, seconds: float, tick: Callable[[], float] = time.monotonic
) -> AlertLine | None:
    """Return the line that a request led to, None when none came in time."""
    deadline = tick() + seconds
    while True:
        for line in follower.grown():
            if isinstance(line, AlertLine) and line.request == request:
                return line
        if tick() >= deadline:
            return None
        time.sleep(POLL_SECONDS)


def _answer(here: Desk, request: Request, incident: Incident, line: AlertLine | None) -> Answer:
    outcome: Outcome
    if line is None:
        outcome, detail = "queued", unanswered(here)
    elif line.kind == "request":
        outcome = "refused" if line.rule else "unknown target"
        detail = line.reason
    else:
        outcome = "done"
        taken = "acked" if request.action == "ack" else "given back"
        why = f' "{request.reason}"' if request.reason else ""
        detail = f"{incident.rule} {taken} by {request.by}{why}"
        ack = line.clock.ack if line.clock is not None else None
        if ack is not None and ack.until_ms is not None:
            zone = words.zone(config_of(here.home).timezone)
            detail += f" until {words.local(ack.until_ms, zone):%d %b %H:%M}"
            capped = request.until_ms is not None and ack.until_ms < request.until_ms
            detail += ", when the session ends" if capped else ""
    return Answer(
        request=request.id,
        action="ack" if request.action == "ack" else "unack",
        outcome=outcome,
        incident=incident.id,
        rule=incident.rule,
        detail=detail,
    )
