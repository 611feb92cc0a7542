"""`monitor notify test`: a marked message on each channel, and whether it was taken."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import msgspec

from monitoring.home import Home
from monitoring.trial import TrialLine, TrialTask
from scripts.cli.channel_choice import NOT_SENT, channels_of
from scripts.cli.desk import desk
from scripts.cli.notify_check import check
from scripts.cli.terminal import Line, Span, Terminal, show, show_json, uncut


@click.group()
def notify() -> None:
    """Whom alerts are told to."""


notify.add_command(check)


@notify.command("test")
@click.option("--channel", metavar="NAME", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a channel.")
def test(channel: str | None, as_json: bool) -> int:
    """Send a message that is marked as a test on each channel of the settings, directly.

    Exit code: 0 every channel took it, 2 one did not (or there is none).
    """
    here = desk()
    return try_channels(here.home, here.terminal, channel, as_json=as_json)


def try_channels(home: Home, terminal: Terminal, channel: str | None, *, as_json: bool) -> int:
    """Send a test on all channels or on one, and say what came of it. Raises `Failure`."""
    task = _task(home, channel)
    untold = {*task.channels}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "notifier.trial"],
        env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        if child.stdin is None or child.stdout is None:
            return NOT_SENT
        child.stdin.write(msgspec.json.encode(task))
        child.stdin.close()
        for raw in child.stdout:
            line = msgspec.json.decode(raw, type=TrialLine)
            if line.sent:
                untold.discard(line.channel)
            if as_json:
                show_json(line, compact=True)
            else:
                show([_shown(line)], uncut(terminal))
            sys.stdout.flush()
    return NOT_SENT if untold else 0


def _task(home: Home, channel: str | None) -> TrialTask:
    """Return what is to be tried. Raises `Failure`."""
    settings, names = channels_of(home, channel)
    config = settings.config
    return TrialTask(
        home=str(home.root),
        engine=config.engine,
        timezone=config.timezone,
        channels={name: config.channels[name] for name in names},
        secrets={
            name: settings.channels[name].get_secret_value()
            for name in names
            if name in settings.channels
        },
    )


def _shown(line: TrialLine) -> Line:
    took = f"  {line.channel}  {line.seconds:.2f} s"
    if line.sent:
        return [Span("ok ", "good"), Span(took)]
    return [Span("NOT", "bad"), Span(f"{took}  {line.reason}")]
