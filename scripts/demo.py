"""`make demo`: a paper engine trades, freezes, recovers, loses and trips; the monitor tells.

Everything is real: the processes, the signals, the accounts, the alert log. What is changed for
the sake of a short demo is said at its start.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from scripts.demo_engine import Turn
from scripts.demo_story import InterruptError, Story
from scripts.paper.bars import BarsError, Day, read_days
from scripts.paper.stage import PROJECT, Stage, StageError
from scripts.paper.trader import Plan

LOSS_LIMIT_PCT = 2.0
WARNING_PCT = 1.0
HEARTBEAT_DEADLINE_SECONDS = 15.0
TOLD = "logs/told.txt"
"""The demo's channel: a file, where an operator's home has a phone."""

SETTINGS = f"""\
# The demo's home: wiped and written again by every `make demo`.
engine = "main"
interval_seconds = 2
evaluate_seconds = 1

[calendar]
name = "always"

[channels.phone]
kind = "file"
path = "{TOLD}"

[limits]
daily_loss_pct = {LOSS_LIMIT_PCT}
daily_loss_warning_pct = {WARNING_PCT}
"""

RULES = """\
# A demo of a minute can't wait as long as a trading day can: these clear after 2 s, not 1 m,
# and the early warning of a loss must hold for 2 s, not 30 s.
[[rule]]
name = "daily_loss_high"
for = "2s"
keep_firing_for = "2s"

[[rule]]
name = "daily_loss_exceeded"
keep_firing_for = "2s"

[[rule]]
name = "circuit_breaker_triggered"
keep_firing_for = "2s"
"""


def tell(stage: Stage, story: Story, bars: Path | None, day: Day | None) -> None:
    """Play the whole story; raises `StageError` when something that must happen doesn't."""
    story.say(
        f"The monitor starts: collector, scheduler and notifier under honcho, home {stage.home}"
    )
    (stage.home / "monitor.toml").write_text(SETTINGS)
    (stage.home / "rules.toml").write_text(RULES)
    story.say("   For the demo's sake its rules.toml lets alerts of losses and the breaker clear")
    story.say("   after 2 s, not 1 m, and warns of a loss after 2 s, not 30 s. The deadlines, and")
    story.say("   all else, are as shipped.")
    stage.start_monitor()
    state = stage.home / "data" / "state"
    running = [state / f"{name}.json" for name in ("collector", "scheduler", "notifier")]
    if not story.wait(lambda: all(file.is_file() for file in running), 60):
        raise StageError(f"the monitor did not come up within 60 s: see {stage.processes_log}")

    market = f"{day.date} from {day.source}" if day else "a made-up day that ends badly"
    story.say(f"The paper engine starts: {market}, 15 minutes of market a second")
    journal = stage.home / "logs" / "journal.jsonl"
    arguments = ["--journal", str(journal), "--days", "3"]
    if bars is not None and day is not None:
        arguments += ["--bars", str(bars), "--day", str(day.date)]
    for rule, what, limit_pct in (
        ("daily_loss_high", "the first tick past the warning", WARNING_PCT),
        ("daily_loss_exceeded", "the first tick past the limit", LOSS_LIMIT_PCT),
    ):
        story.because(rule, "firing", what, story.turn(_has_lost(limit_pct)))
    tripped = story.turn(lambda turn: turn.halted)
    story.because("circuit_breaker_triggered", "firing", "the tick that tripped it", tripped)
    stage.start_engine(*arguments)

    def holds_positions() -> bool:
        story.market()
        traded = len(story.turns) > 75
        return traded and story.turns[-1].positions > 0

    if not story.wait(holds_positions, 60):
        raise StageError("the paper engine took no position within 60 s")

    freeze_and_recover(stage, story)
    lose_and_trip(stage, story)
    next_morning(stage, story)

    story.say("The engine is stopped cleanly: that is no alarm.")
    stage.end_engine()


def freeze_and_recover(stage: Stage, story: Story) -> None:
    """Stop the engine's process as a debugger would, until the monitor notices; let it go on."""
    frozen_ns = time.monotonic_ns()
    stage.signal_engine(signal.SIGSTOP)
    held = _positions(story.turns[-1].positions)
    story.say(f"FREEZE: SIGSTOP to the engine, which holds {held}. It says nothing now, and")
    story.say(f"   {HEARTBEAT_DEADLINE_SECONDS:.0f} s after its last word it is called lapsed.")
    story.because("heartbeat_lapsed", "firing", "the freeze", lambda _: frozen_ns)
    story.expect("heartbeat_lapsed", "firing", 45)
    thawed_ns = time.monotonic_ns()
    stage.signal_engine(signal.SIGCONT)
    story.say("RECOVER: SIGCONT. The next tick says that it lives.")
    story.because("heartbeat_lapsed", "resolved", "the thaw", lambda _: thawed_ns)
    story.expect("heartbeat_lapsed", "resolved", 30)


def lose_and_trip(stage: Stage, story: Story) -> None:
    """Let the market fall until the loss limit, then the engine's own breaker, is reached."""
    story.say(
        f"The market goes on. The monitor's loss limit is {LOSS_LIMIT_PCT} %, the engine's breaker "
        f"trips at {Plan().breaker_pct} %."
    )

    def has_tripped() -> bool:
        story.market()
        return story.turns[-1].halted

    if not story.wait(has_tripped, 60):
        raise StageError("the market did not fall far enough to trip the breaker within 60 s")
    story.expect("daily_loss_exceeded", "firing", 30)
    alert = story.expect("circuit_breaker_triggered", "firing", 30)
    told = stage.home / TOLD
    what = f"CRITICAL {alert.rule}"
    if not story.wait(lambda: told.is_file() and what in told.read_text(), 30):
        raise StageError(f"no message of {alert.rule} came to {told} within 30 s")
    story.say(f"What is sent of it, on every channel that is set (here a file, {TOLD}):")
    show(next(one for one in told.read_text().split("\n\n") if one.startswith(what)))
    story.say(f'An operator takes it: monitor ack {alert.id} --reason "flat, watching"')
    show(stage.monitor("ack", alert.id, "--reason", "flat, watching"))
    story.say("And looks: monitor status")
    show(stage.monitor("status"))


def next_morning(stage: Stage, story: Story) -> None:
    """Begin the next trading day: the daily figures start anew, so the alerts end."""
    story.say("NEXT MORNING (skipped to): the day's P&L starts at zero, the breaker is reset.")
    began_ns = time.monotonic_ns()
    stage.signal_engine(signal.SIGUSR1)
    morning = story.turn(lambda turn: turn.at_ns > began_ns and not turn.halted)
    for rule in ("daily_loss_high", "daily_loss_exceeded", "circuit_breaker_triggered"):
        story.because(rule, "resolved", "the first tick of the morning", morning)
    for rule in ("daily_loss_exceeded", "circuit_breaker_triggered"):
        story.expect(rule, "resolved", 30, began_ns)


def _has_lost(limit_pct: float) -> Callable[[Turn], bool]:
    return lambda turn: turn.daily_pct <= -limit_pct


def _positions(count: int) -> str:
    return f"{count} position" if count == 1 else f"{count} positions"


def show(text: str) -> None:
    """Print what a command said, indented so that it stands apart from the story."""
    for line in text.rstrip().splitlines():
        print(f"        {line}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Play the demo: 0 when every expected alert came, 1 when not, 2 when it can't begin."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=PROJECT / ".demo")
    parser.add_argument("--bars", type=Path, metavar="DIR", help="folder of <SYMBOL>_1m.csv files")
    parser.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD")
    options = parser.parse_args(arguments)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    bars = options.bars.absolute() if options.bars else None
    try:
        day = read_days(bars, options.day)[0] if bars else None
        with Stage(options.home.absolute()) as stage:
            story = Story(stage, colour=colour)
            story.listen()
            tell(stage, story, bars, day)
            story.say("And a last look: monitor status")
            show(stage.monitor("status"))
        story.say(f"Every alert came. They are in {stage.home}/logs/alerts/")
    except (BarsError, StageError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2 if isinstance(error, BarsError) else 1
    except InterruptError as error:
        print("demo: interrupted; everything that it started has ended", file=sys.stderr)
        return 128 + int(error.args[0])
    command = Path(sys.executable).with_name("monitor")
    home, monitor = _near(options.home), _near(command)
    print(AFTERWARDS.format(home=home, monitor=monitor, told=TOLD), flush=True)
    return 0


AFTERWARDS = """
What to do next
  MONITOR_HOME={home} {monitor} tail -n 20 --no-follow
      the alerts of this demo, line by line
  MONITOR_HOME={home} {monitor} drill
      a marked alert through the whole chain, into {home}/{told}
  {monitor} init
      a home for your own engine, and the two lines to put into it
  make run
      its collector and scheduler
"""


def _near(path: Path) -> Path:
    """Return the path as seen from here, when it lies below."""
    here = Path.cwd()
    return path.absolute().relative_to(here) if path.absolute().is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
