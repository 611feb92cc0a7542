"""`monitor preflight`: may trading begin? GO or NO-GO, and what to do."""

from __future__ import annotations

import os

import click
import msgspec

from evaluator.instant import elapsed_ms
from monitoring.ambient import OwnHealth, ambient, limits
from monitoring.calendar import Calendar, calendar_of
from monitoring.drills import read_drills
from monitoring.preflight import Check, Verdict, checks, seconds_to_close
from monitoring.process_life import ProcTable
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.look import Look, look
from scripts.cli.terminal import Line, Span, Style, show, show_json, uncut

NO_GO = 2
DRILL_MS = 7 * 86_400_000
"""A channel is to be drilled once a week."""
STYLES: dict[Verdict, Style] = {"go": "good", "caution": "warn", "no_go": "bad", "n/a": "dim"}
WORDS: dict[Verdict, str] = {"go": "GO", "caution": "CAUTION", "no_go": "NO-GO", "n/a": "n/a"}
ORDER: tuple[Verdict, ...] = ("no_go", "caution", "go", "n/a")


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, as `--json` prints it. Seconds are None where there is no open or close."""

    engine: str
    home: str
    timestamp: str
    go: bool
    seconds_to_open: float | None
    seconds_to_close: float | None
    checks: list[Check]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preflight(as_json: bool) -> int:
    """Say whether trading may begin: GO or NO-GO, one line a subject, and what to do.

    Exit code: 0 GO (a CAUTION is for you to know), 2 NO-GO, 3 nothing ever ran here.
    """
    here = desk()
    seen = look(here.home, here.clock(), ProcTable())
    answer = preflight_of(seen, calendar_of(seen.config, seen.overrides))
    if as_json:
        show_json(answer)
    else:
        show(preflight_lines(answer), uncut(here.terminal))
    return 0 if answer.go else NO_GO


def preflight_of(seen: Look, sessions: Calendar) -> Preflight:
    """Return the answer for one look at a home."""
    age = seen.snapshot_age_seconds
    now_facts = limits(seen.config) | ambient(seen.now, sessions, age or 0.0, OwnHealth())
    facts = seen.facts | {
        name: value for name, value in now_facts.items() if not name.startswith("scheduler.")
    }
    facts["collector.snapshot_age_seconds"] = age
    facts["heartbeat.age_seconds"] = seen.tick_age_seconds
    to_close = seconds_to_close(seen.now.wall_ms, sessions)
    found = [*checks(facts, seen.config, to_close), _scheduler(seen)]
    found += [_heartbeat_folder(seen), _drill(seen)]
    found.sort(key=lambda check: ORDER.index(check.verdict))
    opens_ms = sessions.next_open_ms(seen.now.wall_ms)
    is_open = sessions.is_open(seen.now.wall_ms, "session")
    return Preflight(
        engine=seen.config.engine,
        home=str(seen.home.root),
        timestamp=words.local(seen.now.wall_ms, seen.zone).isoformat(timespec="milliseconds"),
        go=all(check.verdict != "no_go" for check in found),
        seconds_to_open=(
            0.0 if is_open else None if opens_ms is None else (opens_ms - seen.now.wall_ms) / 1000
        ),
        seconds_to_close=to_close,
        checks=found,
    )


def preflight_lines(answer: Preflight) -> list[Line]:
    """Return the verdict, then what stands against it, then the rest."""
    verdict: Verdict = "go" if answer.go else "no_go"
    lines: list[Line] = [
        [Span(WORDS[verdict], STYLES[verdict]), Span(f"   {answer.engine}   {_when(answer)}")]
    ]
    wide = max(len(check.subject) for check in answer.checks)
    for check in answer.checks:
        line = [
            Span(f"{WORDS[check.verdict]:<8}", STYLES[check.verdict]),
            Span(f"{check.subject:<{wide}}  "),
            Span(check.what, "dim" if check.verdict == "n/a" else ""),
        ]
        if check.todo is not None:
            line.append(Span(f" → {check.todo}", "strong"))
        lines.append(line)
    return lines


def _when(answer: Preflight) -> str:
    if answer.seconds_to_open:
        return f"the market opens in {words.age(answer.seconds_to_open)}"
    if answer.seconds_to_open is None:
        return "no session is known"
    if answer.seconds_to_close is None:
        return "the market is always open"
    return f"the market is open, and closes in {words.age(answer.seconds_to_close)}"


def _scheduler(seen: Look) -> Check:
    life = seen.scheduler_life
    if life.good:
        return Check("scheduler", "go", life.why)
    todo = "start it: `make run`, or your supervisor"
    return Check("scheduler", "no_go", f"nothing is judged ({life.why})", todo)


def _heartbeat_folder(seen: Look) -> Check:
    folder = seen.home.heartbeat
    if not folder.is_dir():
        todo = "start the collector, which makes it, or correct the engine's path"
        return Check("heartbeat folder", "no_go", f"{folder} is not there", todo)
    if not os.access(folder, os.W_OK | os.X_OK):
        todo = "let the engine's user write to it"
        return Check("heartbeat folder", "no_go", f"{folder} can't be written by this user", todo)
    return Check("heartbeat folder", "go", str(folder))


def _drill(seen: Look) -> Check:
    """Return whether each channel confirmed a drill lately: trading does not hang on it."""
    todo = "run `monitor drill`"
    names = seen.config.channels
    if not names:
        return Check("drill", "n/a", "no channel is set: nobody is told")
    drilled = read_drills(seen.home)
    never = [name for name in names if name not in drilled]
    if never:
        return Check("drill", "caution", f"never on {', '.join(never)}", todo)
    for name in names:
        if drilled[name].reason:
            said = f"{name} did not confirm the last one: {drilled[name].reason}"
            return Check("drill", "caution", said, todo)
    oldest_ms = max(elapsed_ms(drilled[name].at, seen.now) for name in names)
    ago = f"{words.age(oldest_ms / 1000)} ago"
    if oldest_ms > DRILL_MS:
        return Check("drill", "caution", f"the last one was {ago}", todo)
    return Check("drill", "go", f"every channel confirmed, {ago}")
