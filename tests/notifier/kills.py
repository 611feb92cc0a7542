"""`python -m tests.notifier.kills [--kills 200] [--incidents 1000] [--seed N]`

Kills the notifier -9 at random moments, while each of two channels is down a third of the time.
Exit 0 when every promise held, 1 when one did not: the home is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from evaluator.incident import Incident, Transition
from notifier.records import Dead
from tests import unmeasured
from tests.notifier.conftest import Desk
from tests.notifier.endpoint import Arrival, Endpoint

CHANNELS = ("desk", "phone")
DRAIN_SECONDS = 120.0
NEVER_CALLED_SECONDS = 2.0
"""Killed is then without a request: the channel was down, or there was nothing to send."""


class Script(NamedTuple):
    """How long it is. The same seed makes the same choices; the machine makes the moments."""

    seed: int
    kills: int
    incidents: int


class Told(NamedTuple):
    """What was to be told (incident, transition, channel), what arrived, and how it all ended."""

    expected: list[tuple[str, str, str]]
    arrived: list[Arrival]
    kills: int
    dead: int
    outstanding: int
    status: int
    down_share: dict[str, float]
    requests: int
    seconds: float


class Finding(NamedTuple):
    """One promise: what was counted, and whether it holds."""

    promise: str
    figure: str
    holds: bool


def play(script: Script, root: Path) -> Told:
    """Write the alert log, kill the notifier again and again, then let it come to rest."""
    dice = random.Random(script.seed)
    began = time.monotonic()
    arrived: list[Arrival] = []
    endpoints = [Endpoint(name, arrived, random.Random(dice.random())) for name in CHANNELS]
    desk = Desk(root)
    desk.environ = {k: v for k, v in unmeasured.environ().items() if not k.startswith("MONITOR_")}
    desk.environ["MONITOR_HOME"] = str(root)
    for one in endpoints:
        desk.channel(one.channel, kind="webhook", url=f"http://127.0.0.1:{one.port}/")
    try:
        desk.start()  # before there is any alert: it would be told as one that stood
        market = _Market(desk, dice, script.incidents)
        kills = 0
        for number in range(script.kills):
            share = script.incidents * (number + 1) // script.kills
            market.move(until=share - dice.randrange(3))
            if number:
                desk.start(until_ready=False)
            _live(desk, endpoints, dice, lambda share=share: market.move(until=share))
            process = desk.running[-1]
            process.kill()
            kills += process.wait() == -9
        for one in endpoints:
            one.become("up")
        market.close()
        desk.start()
        desk.wait(lambda: not _left(desk, market), "all that is left to tell", DRAIN_SECONDS)
        outstanding = len(desk.deliveries().outstanding)
        status = desk.stop()
        return Told(
            expected=[(id_, why, name) for id_, why in market.told for name in CHANNELS],
            arrived=arrived, kills=kills, dead=len(desk.records(Dead)),
            outstanding=outstanding, status=status,
            down_share={one.channel: one.down_share for one in endpoints},
            requests=sum(one.requests for one in endpoints), seconds=time.monotonic() - began,
        )  # fmt: skip
    finally:
        desk.end()
        for one in endpoints:
            one.end()


def _live(
    desk: Desk, endpoints: list[Endpoint], dice: random.Random, news: Callable[[], None]
) -> None:
    """Let it live: for less than a start takes, for a while, or until it is about to send."""
    kind = dice.choice(("at its start", "any time", "any time", "in a send"))
    seconds = dice.uniform(0, 0.6) if kind == "at its start" else NEVER_CALLED_SECONDS
    if kind == "any time":
        while not desk.ready():
            _turn(endpoints)
            time.sleep(0.005)
        seconds = dice.uniform(0, 0.8)
    news()
    called = _calls(endpoints)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _turn(endpoints)
        if kind == "in a send" and _calls(endpoints) > called:
            time.sleep(dice.uniform(0, 0.004))
            return
        time.sleep(0.001)


def _turn(endpoints: list[Endpoint]) -> None:
    for one in endpoints:
        one.turn()


def _calls(endpoints: list[Endpoint]) -> int:
    return sum(one.requests for one in endpoints)


def _left(desk: Desk, market: _Market) -> bool:
    state = desk.deliveries()
    return state.mark is None or state.mark.seq < market.lines or bool(state.outstanding)


class _Market:
    """Makes incidents begin and end, at random; `told` is what somebody must hear of them."""

    def __init__(self, desk: Desk, dice: random.Random, incidents: int) -> None:
        self._desk = desk
        self._dice = dice
        self._most = incidents
        self._open: list[Incident] = []
        self._begun = 0
        self.told: list[tuple[str, str]] = []

    @property
    def lines(self) -> int:
        return len(self.told)

    def move(self, *, until: int) -> None:
        """Let incidents begin until there were so many, and about as many end; all in one write."""
        transitions = []
        now = self._desk.clock()
        while self._begun < min(until, self._most):
            transition = self._desk.new(f"rule_{self._begun:04}", now)
            self._begun += 1
            self._open.append(transition.incident)
            transitions.append(transition)
            if self._dice.random() < 0.7:
                transitions.append(self._end(self._dice.randrange(len(self._open))))
        self._write(transitions)

    def close(self) -> None:
        """Let the rest begin, and all end."""
        self.move(until=self._most)
        self._write([self._end(0) for _ in range(len(self._open))])

    def _end(self, index: int) -> Transition:
        now = self._desk.clock()
        ended = msgspec.structs.replace(self._open.pop(index), status="resolved", resolved_at=now)
        return Transition(ended, now, "resolved")

    def _write(self, transitions: list[Transition]) -> None:
        if transitions:
            self._desk.write(*transitions)
            self.told += [(one.incident.id, one.notify or "") for one in transitions]


def audit(told: Told) -> list[Finding]:
    """Return each promise with what was found."""
    expected, arrived = (
        set(told.expected),
        [(one.incident, one.why, one.channel) for one in told.arrived],
    )
    missing, foreign = expected - set(arrived), set(arrived) - expected
    keys: dict[tuple[str, str, str], set[str]] = {}
    for one in told.arrived:
        keys.setdefault((one.incident, one.why, one.channel), set()).add(one.key)
    several = sum(len(found) > 1 for found in keys.values())
    shared = sum(map(len, keys.values())) - len(set().union(*keys.values())) if keys else 0
    twice = len(_repeating(told.arrived))
    disordered = _disordered(told)
    return [
        Finding(
            "every (incident, transition, recipient) arrived, and nothing else",
            f"{len(expected):,} to tell, {len(missing)} missing, {len(foreign)} foreign",
            not missing and not foreign and bool(expected),
        ),
        Finding(
            "what came twice came with the same key, which is no other's",
            f"{twice} came again, {several} with another key, {shared} keys of several",
            not several and not shared,
        ),
        Finding(
            "a kill doubles at most what was under way: one message a channel",
            f"{twice} came again, {told.kills} kills, {len(CHANNELS)} channels",
            twice <= told.kills * len(CHANNELS),
        ),
        Finding(
            "each incident was told in its order",
            f"{len(disordered)} were not",
            not disordered,
        ),
        Finding("none was given up", f"{told.dead} were", told.dead == 0),
        Finding(
            "the log knows that all is done, and the notifier ended well",
            f"{told.outstanding} outstanding, status {told.status}",
            told.outstanding == 0 and told.status == 0,
        ),
    ]


def _repeating(arrived: Iterable[Arrival]) -> set[int]:
    """Return the messages that tell what their channel had heard before, by number."""
    heard: dict[tuple[str, str], int] = {}
    return {
        one.message for one in arrived
        if heard.setdefault((one.channel, one.key), one.message) != one.message
    }  # fmt: skip


def _disordered(told: Told) -> list[tuple[str, str]]:
    """Return of which incidents a channel heard otherwise than it was.

    What one message says of an incident is in order, and none leaves a channel knowing less of it
    than the message before. A summary that comes again says all of it again.
    """
    was: dict[tuple[str, str], list[str]] = {}
    for incident, why, channel in told.expected:
        was.setdefault((incident, channel), []).append(why)
    heard: dict[tuple[str, str], dict[int, list[int]]] = {}
    for one in told.arrived:
        place = one.incident, one.channel
        whys = was.get(place, [])
        known = whys.index(one.why) if one.why in whys else -1
        heard.setdefault(place, {}).setdefault(one.message, []).append(known)
    return [key for key, messages in heard.items() if not _is_in_order([*messages.values()])]


def _is_in_order(messages: list[list[int]]) -> bool:
    lasts = [said[-1] for said in messages]
    return lasts == sorted(lasts) and all(said == sorted(said) for said in messages)


def report(told: Told) -> str:
    """Return in words what was done and found."""
    down = ", ".join(f"{name} {share:.0%}" for name, share in told.down_share.items())
    head = (
        f"{told.kills} kills in {told.seconds:.0f} s, {told.requests:,} requests, "
        f"{len(told.arrived):,} taken; down: {down}"
    )
    found = [f"{'ok    ' if f.holds else 'BROKEN'}  {f.promise}: {f.figure}" for f in audit(told)]
    return "\n".join([head, *found])


def main() -> int:
    """Read the arguments, run, and say how to run it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.notifier.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--incidents", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = parser.parse_args()
    script = Script(chosen.seed, chosen.kills, chosen.incidents)
    print(f"seed {chosen.seed}", flush=True)  # noqa: T201 -- a program's output
    folder = Path(tempfile.mkdtemp(prefix="tickbeat-kills-"))
    told = play(script, folder / "home")
    print(report(told), flush=True)  # noqa: T201 -- as above
    if all(one.holds for one in audit(told)):
        shutil.rmtree(folder)
        return 0
    print(f"what is left of it is in {folder}", flush=True)  # noqa: T201 -- as above
    return 1


if __name__ == "__main__":
    sys.exit(main())
