"""The outbox over minutes of a simulated clock: what a channel is told, and when."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.config import Channel, Config
from monitoring.home import Home
from notifier.deliveries import DeliveryLog
from notifier.fallback import Fallbacks, instead
from notifier.lane import Lane
from notifier.letter import SENT, Letter, Outcome
from notifier.outbox import Outbox
from notifier.records import Planned
from notifier.routes import Routes

CONFIG = Config(channels={"phone": Channel(kind="telegram", chat="1")})


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


class NoSpare:
    def release(self) -> bool:
        return False


class Desk:
    """One channel, and a clock that is stepped by hand: each attempt ends before the next step."""

    def __init__(self, root: Path) -> None:
        home = Home(root)
        self.answer: Callable[[Letter], Outcome] = lambda _: SENT
        self.letters: list[tuple[float, Letter]] = []
        self.log = DeliveryLog(home.deliveries, ZoneInfo("Asia/Kolkata"), 90, NoSpare())
        self.rung = threading.Event()
        self.lane = Lane("phone", self._send, wake=self.rung.set, chance=lambda: 0.0)
        routes = Routes(home, CONFIG, {})
        self.seconds = 0.0
        self.outbox = Outbox(
            self.log,
            {"phone": self.lane},
            CONFIG.channels,
            routes,
            exposure=lambda _: "open 3",
            now=at(0),
        )

    def _send(self, letter: Letter) -> Outcome:
        answer = self.answer(letter)
        if answer is SENT:
            self.letters.append((self.seconds, letter))
        return answer

    def plan(
        self, incident: str, rule: str, severity: str = "CRITICAL", group: str | None = None
    ) -> None:
        self.log.hold(self.planned(incident, rule, severity, group))

    def planned(
        self, incident: str, rule: str, severity: str = "CRITICAL", group: str | None = None
    ) -> Planned:
        now = at(self.seconds)
        return Planned(
            at=now, incident=incident, step="1-new", engine="main", rule=rule,
            severity=severity, why="new", over=False, alert_at=now,  # type: ignore[arg-type]
            title=f"{severity} {rule} (main)", text=f"{rule} is so", channels=("phone",),
            groups={} if group is None else {"phone": group},
        )  # fmt: skip

    def step(self, seconds: float) -> None:
        """Let so much time pass, and turn until nothing is to be done any more."""
        self.seconds += seconds
        now = at(self.seconds)
        while True:
            self.rung.clear()
            self.outbox.turn(now)
            if not self.lane.busy:
                return
            assert self.rung.wait(30)
            outcome = self.lane.outcome(now)
            assert outcome is not None
            for record in self.outbox.with_instead(outcome):
                self.log.hold(record)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_ten_thousand_incidents_within_a_minute_are_at_most_sixty_messages(desk: Desk) -> None:
    most = 0
    for number in range(10_000):
        desk.plan(f"i{number}", f"a_rule_of_some_{number % 1000:05}")
        if number % 40 == 39:
            desk.step(60 / 250)
            most = max(most, len(desk.outbox.pending("phone")))
    for _ in range(20):
        desk.step(1)
    assert desk.outbox.pending("phone") == []
    assert len(desk.letters) <= 60
    assert most <= 600
    alerts = [one.incident for _, letter in desk.letters for one in letter.alerts]
    singles = [letter.incident for _, letter in desk.letters if not letter.alerts]
    assert sorted(alerts + singles) == sorted(f"i{number}" for number in range(10_000))
    named = {name for _, letter in desk.letters for name in re.findall(r"\w+_\d{5}", letter.text)}
    assert len(named) == 1000
    assert desk.letters[0][0] < 0.25


def test_a_group_of_many_does_not_make_a_crowd_of_what_is_critical(desk: Desk) -> None:
    for number in range(20):
        desk.plan(f"i{number}", f"mild_{number}", "WARNING", group="a route that is gone")
    desk.plan("j", "grave")
    desk.step(0.1)
    titles = [letter.title for _, letter in desk.letters]
    assert titles == ["CRITICAL grave (main)", "20 WARNING (main)"]


def test_after_ten_minutes_offline_there_is_one_summary_and_what_comes_then_comes_at_once(
    desk: Desk,
) -> None:
    desk.answer = lambda _: Outcome("again", "ConnectError: Network is unreachable")
    for number in range(8):
        desk.plan(f"i{number}", f"rule_{number}", "WARNING")
        desk.step(75)
    desk.answer = lambda _: SENT
    for _ in range(61):
        desk.step(1)
    ((_, letter),) = desk.letters
    assert letter.text.startswith("late: 1")
    assert len(letter.alerts) == 8
    desk.plan("j", "rule_j")
    desk.step(0.1)
    assert desk.letters[1][1].title == "CRITICAL rule_j (main)"


def test_messages_that_fail_each_time_do_not_hold_up_another(desk: Desk) -> None:
    desk.answer = lambda letter: Outcome("again", "HTTP 500") if letter.rule == "bad" else SENT
    for number in range(3):
        desk.plan(f"bad{number}", "bad")
    desk.step(0.1)
    desk.plan("good", "good")
    for _ in range(10):
        desk.step(1)
    ((seconds, letter),) = desk.letters
    assert letter.rule == "good"
    assert seconds < 10


def test_a_summary_does_not_wait_behind_a_message_of_one_of_its_alerts_that_fails(
    desk: Desk,
) -> None:
    desk.answer = lambda letter: Outcome("again", "HTTP 500") if letter.rule == "bad" else SENT
    desk.plan("bad", "bad", "WARNING")
    desk.step(0)
    end = desk.planned("bad", "bad", "WARNING", group="a route that is gone")
    desk.log.hold(msgspec.structs.replace(end, step="2-resolved", over=True))
    desk.plan("other", "other", "WARNING", group="a route that is gone")
    for _ in range(40):
        desk.step(1)
    assert desk.outbox.pending("phone") == []
    told = [one.key for _, letter in desk.letters for one in letter.alerts]
    assert told.index("bad.1-new.phone") < told.index("bad.2-resolved.phone")


def test_two_channels_that_stand_in_for_each_other_come_to_an_end(desk: Desk) -> None:
    for number in range(12):
        desk.log.hold(
            msgspec.structs.replace(desk.planned(f"i{number}", f"rule_{number}"), instead_of="x")
        )
    desk.answer = lambda _: Outcome("again", "HTTP 500")
    desk.step(20)
    ((_, one),) = desk.outbox.pending("phone")
    assert len(one.planned.lists) == 12
    fallbacks = Fallbacks({"phone": "mail"}, {"mail": Channel(kind="file", path="mail")})
    assert instead("k", one, fallbacks, "HTTP 500", at(99)) == []
