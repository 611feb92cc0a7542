"""`monitor health`: one line a subject, and an exit code that machines understand."""

from __future__ import annotations

import click

from monitoring.process_life import ProcTable
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.diagnosis import diagnose
from scripts.cli.findings import EXIT_CODES, Finding, Health, Level, worst
from scripts.cli.look import Look, look
from scripts.cli.terminal import (
    Line,
    Span,
    Style,
    Terminal,
    line_columns,
    show,
    show_json,
    uncut,
)

STYLES: dict[Level, Style] = {
    "OK": "good",
    "WARN": "warn",
    "CRIT": "bad",
    "UNKN": "bad",
    "n/a": "dim",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is not OK.")
def health(as_json: bool, quiet: bool) -> int:
    """Say how engine and monitor are, one line a subject.

    Exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (what Nagios, Docker and systemd expect).
    What was never reported is n/a and changes nothing.
    """
    here = desk()
    seen = look(here.home, here.clock(), ProcTable())
    answer = answer_of(seen)
    if as_json:
        show_json(answer)
    else:
        show(health_lines(answer.findings, here.terminal, quiet=quiet), uncut(here.terminal))
    return answer.exit_code


def answer_of(seen: Look) -> Health:
    """Return the whole answer for one look at a home."""
    findings = diagnose(seen)
    return Health(
        engine=seen.config.engine,
        home=str(seen.home.root),
        timestamp=words.local(seen.now.wall_ms, seen.zone).isoformat(timespec="milliseconds"),
        exit_code=EXIT_CODES[worst(finding.level for finding in findings)],
        findings=findings,
    )


def health_lines(findings: list[Finding], terminal: Terminal, *, quiet: bool = False) -> list[Line]:
    """Return one line a finding; with `quiet` only for those that want something done.

    What to do goes to a line of its own where a terminal is too narrow for both.
    """
    shown = [found for found in findings if not quiet or found.level not in {"OK", "n/a"}]
    wide = max((len(found.subject) for found in shown), default=0)
    lines: list[Line] = []
    for found in shown:
        line = [
            Span(f"{found.level:<6}", STYLES[found.level]),
            Span(f"{found.subject:<{wide}}  "),
            Span(found.what, "dim" if found.level == "n/a" else ""),
        ]
        advice = Span(f" → {found.todo}", "strong")
        if found.todo is None:
            lines.append(line)
        elif not terminal.cut or line_columns([*line, advice]) <= terminal.width:
            lines.append([*line, advice])
        else:
            lines += [line, [Span(" " * (7 + wide)), advice]]
    return lines
