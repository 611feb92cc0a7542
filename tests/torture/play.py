"""The play: dice decide who is hurt and when, and when the condition of the run's rule holds."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from monitoring.alert_fold import fold
from monitoring.home import Home
from monitoring.spool import Request, submit
from tests.torture.cast import Actor, cast
from tests.torture.counted import Counted
from tests.torture.ledger import Ledger
from tests.torture.spells import Spell, chosen

SETTINGS = """\
interval_seconds = 1
evaluate_seconds = 1

[calendar]
name = "always"

[limits]
disk_warning_bytes = 2
disk_critical_bytes = 1
inodes_critical_pct = 0.000001
"""
RULES = """\
[facts]
"custom.alarm" = { type = "number" }
"custom.n" = { type = "number" }

[[rule]]
name = "torture"
severity = "CRITICAL"
when = ["custom.alarm >= 1.0"]
for = "1s"
keep_firing_for = "1s"
clock = "wall"
message = "the condition of the torture holds"
"""
VICTIMS = ("engine", "collector", "collector", "scheduler", "scheduler")
MEAN_PAUSE_SECONDS = 0.3
LONGEST_SECONDS = 2.0
"""Of a SIGSTOP or a spell of the disk: shorter than the deadlines of lapses and staleness."""

SPARED_MS = 3_000
"""After so long without a snapshot nothing is done to who makes them, until there is one: on a slow
machine they would never get so far, and it would be right to say that they are dead.
"""

ASK_SECONDS = 0.5
DAY_MS = 86_400_000
SHOWN_SECONDS = 60.0
"""A condition that the snapshots did not show by then is given up: the audit will miss it."""


class Script(NamedTuple):
    """How long it is, and how the condition goes: it holds and is clear for so long, by turns.

    Each time it goes on until snapshots have shown it for longer than the rule asks: so a machine
    that is slow makes the play longer, and no incident doubtful.
    """

    seed: int
    kills: int
    most_seconds: float
    hold_seconds: float


class Ground(NamedTuple):
    """Where it is played: the home, a sound disk beside it, and what can be done to the home's."""

    home: Path
    outputs: Path
    spells: dict[str, Spell]


class Played(NamedTuple):
    """What was done."""

    actors: dict[str, Actor]
    ledger: Ledger
    conditions: list[tuple[int, int]]
    requests: list[str]
    spells: dict[str, list[tuple[float, float]]]
    pauses: int
    seconds: float
    last: dict[str, int | None]


def play(
    script: Script,
    ground: Ground,
    counted: Counted,
    say: Callable[[str], None],
) -> Played:
    """Torture three processes on a home, let them come to rest, and end them."""
    home, outputs = ground.home, ground.outputs
    (home / "monitor.toml").write_text(SETTINGS)
    (home / "rules.toml").write_text(RULES)
    condition = outputs / "condition"
    condition.write_text("0")
    ledger = Ledger(home / "data" / "heartbeat")
    actors = cast(home, condition, outputs)
    scene = _Scene(actors, ledger, counted, ground, script)
    began = time.monotonic()
    try:
        told = began
        while scene.kills < script.kills and time.monotonic() - began < script.most_seconds:
            scene.step()
            if time.monotonic() - told > 30:
                told = time.monotonic()
                say(f"{scene.kills} kills, {ledger.ticks:,} ticks, {told - began:.0f} s")
        scene.calm()
        condition.with_name("stop").touch()
        until = time.monotonic() + 90
        engine = actors["engine"].process
        last: dict[str, int | None] = {"engine": engine.wait(60) if engine else None}
        ledger.enter()
        spool = Home(home).spool
        while time.monotonic() < until and not (
            counted.has(ledger) and not any(spool.glob("*.json"))
        ):
            for name in ("collector", "scheduler"):
                actors[name].watch()
            time.sleep(0.2)
        last |= {name: actors[name].end() for name in ("collector", "scheduler")}
    finally:
        scene.end_spell()
        for actor in actors.values():
            actor.end_hard()
    return Played(
        actors, ledger, scene.conditions, scene.requests, scene.spelt, scene.pauses,
        time.monotonic() - began, last,
    )  # fmt: skip


class _Scene:
    """What goes on at the moment."""

    def __init__(
        self,
        actors: dict[str, Actor],
        ledger: Ledger,
        counted: Counted,
        ground: Ground,
        script: Script,
    ) -> None:
        dice, spells = random.Random(script.seed), ground.spells
        self.conditions: list[tuple[int, int]] = []
        self.requests: list[str] = []
        self.spelt: dict[str, list[tuple[float, float]]] = {name: [] for name in spells}
        self.pauses = 0
        self._actors = actors
        self._ledger = ledger
        self._counted = counted
        self._home = Home(ground.home)
        self._asks_at = 0.0
        self._condition = ground.outputs / "condition"
        self._script = script
        self._dice = dice
        self._spells = spells
        self._holds_since_ms: int | None = None
        self._turned_ms = 0
        self._turns_at = time.monotonic() + script.hold_seconds / 2
        self._spell: tuple[str, float, Callable[[], None]] | None = None
        self._spell_turns_at = time.monotonic() + dice.uniform(2, 6)
        self._paused: dict[str, float] = {}

    @property
    def kills(self) -> int:
        return sum(actor.kills for actor in self._actors.values())

    def step(self) -> None:
        """Wait a little, and hurt somebody."""
        until = time.monotonic() + self._dice.expovariate(1 / MEAN_PAUSE_SECONDS)
        while True:
            self._tend()
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, 0.05))
        name = self._dice.choice(VICTIMS)
        if name in self._paused or (name != "scheduler" and self._is_silent()):
            return
        if self._dice.random() < 0.1:
            self._actors[name].pause(on=True)
            self._paused[name] = time.monotonic() + self._dice.uniform(0.1, LONGEST_SECONDS)
            self.pauses += 1
        elif self._actors[name].kill():
            if name == "engine":
                self._ledger.enter()
            self._actors[name].start()

    def calm(self) -> None:
        """End all that goes on, and let a condition that holds hold long enough, one at least."""
        self.end_spell()
        for name in list(self._paused):
            self._actors[name].pause(on=False)
            del self._paused[name]
        until = time.monotonic() + self._script.hold_seconds
        while time.monotonic() < until or self._holds_since_ms is not None or not self.conditions:
            self._tend(spells=False)
            time.sleep(0.05)
        self._turns_at = math.inf
        until = time.monotonic() + SHOWN_SECONDS
        while "torture" in fold(self._home.alerts).states and time.monotonic() < until:
            self._tend(spells=False)
            time.sleep(0.05)

    def end_spell(self) -> None:
        if self._spell is not None:
            name, began, end = self._spell
            end()
            self.spelt[name].append((began, time.time()))
            self._spell = None

    def _tend(self, *, spells: bool = True) -> None:
        """Do what is due: a condition turns, a spell or a pause ends, a process is started, the
        operator asks for something.
        """
        now = time.monotonic()
        for actor in self._actors.values():
            actor.watch()
        for name, until in list(self._paused.items()):
            if now >= until:
                self._actors[name].pause(on=False)
                del self._paused[name]
        if now >= self._asks_at:
            self._ask()
            self._asks_at = now + ASK_SECONDS
        if now >= self._turns_at and (self._is_shown() or now >= self._turns_at + SHOWN_SECONDS):
            self._turn()
            self._turns_at = now + self._script.hold_seconds * self._dice.uniform(1.0, 1.4)
        if spells and self._spells and now >= self._spell_turns_at:
            if self._spell is not None:
                self.end_spell()
                self._spell_turns_at = now + self._dice.uniform(3, 10)
            elif not self._is_silent():
                name = chosen(self._spells, self._dice)
                began, end = time.time(), self._spells[name]()
                self._spell = None if end is None else (name, began, end)
                self._spell_turns_at = now + self._dice.uniform(0.2, LONGEST_SECONDS)

    def _is_silent(self) -> bool:
        return self._counted.silent_ms(time.time_ns() // 1_000_000) > SPARED_MS

    def _ask(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        request = Request(
            id=f"{len(self.requests):08d}", action="silence", target="disk_low", by="torture",
            at_ms=now_ms, until_ms=now_ms + DAY_MS,
        )  # fmt: skip
        with contextlib.suppress(OSError):  # of a full disk; its id is that of the next one
            submit(self._home.spool, request)
            self.requests.append(request.id)

    def _is_shown(self) -> bool:
        first = not self._turned_ms
        return first or self._counted.shown(
            float(self._holds_since_ms is not None), self._turned_ms
        )

    def _turn(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._condition.write_text("0" if self._holds_since_ms is not None else "1")
        if self._holds_since_ms is not None:
            self.conditions.append((self._holds_since_ms, now_ms))
            self._holds_since_ms = None
        else:
            self._holds_since_ms = now_ms
        self._turned_ms = now_ms
