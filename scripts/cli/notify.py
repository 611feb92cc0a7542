"""`monitor notify test`: a marked message on each channel, and whether it was taken."""

from __future__ import annotations

import subprocess
import sys

import click
import msgspec

from monitoring.trial_line import TrialLine
from scripts.cli.desk import desk
from scripts.cli.failure import Failure
from scripts.cli.terminal import Line, Span, show, show_json, uncut

NOT_SENT = 2


@click.group()
def notify() -> None:
    """Whom alerts are told to."""


@notify.command("test")
@click.option("--channel", metavar="NAME", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a channel.")
def test(channel: str | None, as_json: bool) -> int:
    """Send a message that is marked as a test on each channel of the settings, directly.

    Exit code: 0 every channel took it, 2 one did not (or there is none).
    """
    here = desk()
    sent = True
    with subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
        [sys.executable, "-P", "-m", "notifier.trial", *([channel] if channel else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        if child.stdout is None or child.stderr is None:
            return NOT_SENT
        for raw in child.stdout:
            line = msgspec.json.decode(raw, type=TrialLine)
            sent = sent and line.sent
            if as_json:
                show_json(line, compact=True)
            else:
                show([_shown(line)], uncut(here.terminal))
            sys.stdout.flush()
        said = child.stderr.read().decode(errors="replace").strip()
    if child.returncode:
        what, _, todo = said.partition("\n→ ")
        raise Failure(what or "The test could not be made.", todo, code=NOT_SENT)
    return 0 if sent else NOT_SENT


def _shown(line: TrialLine) -> Line:
    took = f"  {line.channel}  {line.seconds:.2f} s"
    if line.sent:
        return [Span("ok ", "good"), Span(took)]
    return [Span("NOT", "bad"), Span(f"{took}  {line.reason}")]
