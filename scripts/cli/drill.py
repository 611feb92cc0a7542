"""`monitor drill`: a marked alert through the real chain, and when it was where."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click

from monitoring.clock import SystemClock
from monitoring.delivery_line import DeliveryLine
from monitoring.drills import Drilled, note_drills
from monitoring.home import Home
from monitoring.state import read_state
from scripts.cli.channel_choice import NOT_SENT, channels_of
from scripts.cli.desk import Desk, desk
from scripts.cli.drill_home import DrillHome
from scripts.cli.drill_hops import Hop, Phase, Trace
from scripts.cli.drill_rule import CALM, DEFAULT, TRIPPED, Metrics, tripped
from scripts.cli.failure import Failure
from scripts.cli.terminal import Line, Span, show, show_json, uncut
from tickbeat import HeartbeatWriter

CHAIN_SECONDS = 30.0
"""From the tick to the plan."""
SETTLE_SECONDS = 0.3
"""The collector writes at once what changes, but no two such snapshots within 250 ms."""
CONFIRM_SECONDS = 30.0
"""For each channel, beside each other: longer than one attempt of any may take."""
ATTEMPTS = 2
"""Then it is not confirmed: a drill is to say so, and not to wait until it works again."""


@click.command()
@click.option("--rule", default=DEFAULT, metavar="NAME", help=f"The rule that fires.  [{DEFAULT}]")
@click.option("--channel", metavar="NAME", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a hop.")
def drill(rule: str, channel: str | None, as_json: bool) -> int:
    """Send an alert that is marked DRILL through the whole chain, and resolve it.

    A made-up tick in a home of its own goes through a collector, a scheduler and a notifier of its
    own to the channels of your settings; your own processes and logs are left alone.

    Exit code: 0 every channel confirmed both messages, 2 one did not.
    """
    here = desk()
    if rule not in TRIPPED:
        todo = f"A drill can trigger: {', '.join(TRIPPED)}."
        raise Failure(f"No single tick can trigger {rule}.", todo, code=NOT_SENT)
    settings, channels = channels_of(here.home, channel)
    if not as_json:
        show([_head(rule, settings.config.engine, channels)], uncut(here.terminal))
    missed: dict[str, str] = {}
    with DrillHome(here.home, settings, channels, rule) as stage:
        for hop in _play(stage, rule, channels):
            if not hop.reached:
                missed[hop.hop] = hop.reason
            _say(hop, here, as_json=as_json)
    now = here.clock()
    note_drills(here.home, {name: Drilled(now, missed.get(name, "")) for name in channels})
    return NOT_SENT if missed else 0


def _play(stage: DrillHome, rule: str, channels: tuple[str, ...]) -> Iterator[Hop]:
    """Trip the rule, then clear it; yield each hop when it was reached, or given up."""
    home = stage.home
    with HeartbeatWriter(home.heartbeat, engine=_engine(home), interval_seconds=1) as heartbeat:
        heartbeat.record_tick(CALM)
        stage.wait(lambda: _evaluated(home), "first evaluation")
        time.sleep(SETTLE_SECONDS)
        told = channels
        steps: tuple[tuple[Phase, Metrics], ...] = (("firing", tripped(rule)), ("resolved", CALM))
        for phase, metrics in steps:
            trace = Trace(home, rule, phase, SystemClock().now())
            heartbeat.record_tick(metrics)
            reached = []
            for hop in _follow(stage, trace, told):
                if hop.hop in channels and hop.reached:
                    reached.append(hop.hop)
                yield hop
            told = tuple(reached)
            time.sleep(SETTLE_SECONDS)
            if not told:  # nobody heard that it fires, so nobody is told of its end
                return


def _follow(stage: DrillHome, trace: Trace, channels: tuple[str, ...]) -> Iterator[Hop]:
    alert = stage.wait(trace.alert, "alert line", CHAIN_SECONDS)
    planned = stage.wait(lambda: trace.planned(alert.id), "plan of the message", CHAIN_SECONDS)
    yield from trace.on_the_way(alert, planned)
    left = list(channels)
    deadline = SystemClock().now().boottime_ns + CONFIRM_SECONDS * 1e9

    def known() -> list[Hop]:
        words = trace.outcomes(planned)
        late = SystemClock().now().boottime_ns > deadline
        hops = (_confirmed(trace, planned, one, words.get(one), late=late) for one in left)
        return [hop for hop in hops if hop is not None]

    while left:
        for hop in stage.wait(known, "channels", 2 * CONFIRM_SECONDS):
            left.remove(hop.hop)
            yield hop


def _confirmed(
    trace: Trace, planned: DeliveryLine, channel: str, word: DeliveryLine | None, *, late: bool
) -> Hop | None:
    """Return what became of the message to a channel, None while that is open."""
    if channel not in planned.channels:
        why = planned.passed.get(channel) or planned.reason or "it is not told of this"
        return trace.not_reached(channel, why)
    if word is not None and word.kind == "sent":
        return trace.hop(channel, word.at)
    if late or (word is not None and (word.kind == "dead" or word.attempts >= ATTEMPTS)):
        return trace.not_reached(channel, "no answer" if word is None else word.reason)
    return None


def _engine(home: Home) -> str:
    state = read_state(home.state, "collector")
    return "main" if state is None else state.config.engine


def _evaluated(home: Home) -> bool:
    state = read_state(home.state, "scheduler")
    return state is not None and bool(state.snapshot_number)


def _head(rule: str, engine: str, channels: tuple[str, ...]) -> Line:
    return [Span("DRILL", "strong"), Span(f" {rule} ({engine}) to {', '.join(channels)}")]


def _say(hop: Hop, here: Desk, *, as_json: bool) -> None:
    if as_json:
        show_json(hop, compact=True)
    else:
        word = Span("ok ", "good") if hop.reached else Span("NOT", "bad")
        took = hop.reason if hop.milliseconds is None else f"{hop.milliseconds:6} ms"
        line = [word, Span(f"  {hop.phase:<8}  {hop.hop:<12}  {took}")]
        show([line], uncut(here.terminal))
    sys.stdout.flush()
