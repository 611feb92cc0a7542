"""Who is told when of an alert that nobody takes: against tables that were written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from monitoring.config import Channel, Config
from tests.notifier.simulated import Simulated, play

Begin = Callable[..., Simulated]

ONCALL = """
[people.asha]
channels = ["phone", "mail"]
[people.ravi_k]
channels = ["ravi"]
[people.nina_p]
channels = ["nina"]

[[rotation]]
name = "desk"
people = ["asha", "ravi_k"]
every = "week"
weekday = "monday"
at = "09:00"
start = 2026-10-26

[[rotation]]
name = "night"
people = ["nina_p", "asha"]
every = "day"
at = "18:00"
timezone = "America/New_York"
start = 2026-10-26

[[override]]            # Asha's holiday
rotation = "desk"
person = "ravi_k"
from = 2026-10-28T00:00:00
to = 2026-10-30T00:00:00

[[policy]]
rule = "disk_low"
[[policy.step]]
whom = "mail"
after = "30m"

[[policy]]
severity = "CRITICAL"
[[policy.step]]
whom = "desk"
after = "2m"
[[policy.step]]
whom = ["desk", "night"]
after = "10m"
repeat = "15m"
"""
SWAP = """
[[override]]
rotation = "desk"
person = "nina_p"
from = 2026-11-06T13:00:00
to = 2026-11-06T14:00:00
"""

TOLD = """
Mon 26 10:00 new       breaker phone mail ravi nina
Mon 26 10:02 escalated breaker phone mail
Mon 26 11:04 repeat    breaker phone mail ravi nina
Mon 26 11:06 escalated breaker phone mail
Mon 26 11:10 resolved  breaker phone mail ravi nina
Wed 28 14:50 new       breaker phone mail ravi nina
Wed 28 14:52 escalated breaker ravi
Wed 28 15:00 escalated breaker ravi phone mail
Wed 28 15:15 escalated breaker ravi phone mail
Wed 28 15:20 resolved  breaker phone mail ravi nina
Thu 29 20:00 new       collector_stale phone mail ravi nina
Fri 30 07:45 escalated collector_stale phone mail
Fri 30 09:00 resolved  collector_stale phone mail ravi nina
Mon 02 03:50 new       disk_gone phone mail ravi nina
Mon 02 03:52 escalated disk_gone phone mail
Mon 02 04:00 escalated disk_gone phone mail
Mon 02 04:15 escalated disk_gone phone mail
Mon 02 04:30 escalated disk_gone phone mail nina
Mon 02 04:45 escalated disk_gone phone mail nina
Mon 02 04:50 resolved  disk_gone phone mail ravi nina
Tue 03 09:20 new       loss phone mail ravi nina
Tue 03 09:22 escalated loss ravi
Tue 03 09:30 escalated loss ravi phone mail
Tue 03 10:05 escalated loss ravi phone mail
Tue 03 10:15 escalated loss ravi phone mail
Tue 03 10:22 escalated loss ravi
Tue 03 10:25 resolved  loss phone mail ravi nina
Wed 04 11:00 new       disk_low phone mail ravi nina
Wed 04 11:30 escalated disk_low mail
Wed 04 13:30 repeat    disk_low phone mail ravi nina
Wed 04 14:00 resolved  disk_low phone mail ravi nina
Thu 05 12:00 new       breaker phone mail ravi nina
Thu 05 12:32 escalated breaker ravi
Thu 05 12:33 resolved  breaker phone mail ravi nina
Fri 06 13:00 new       model phone mail ravi nina
Fri 06 13:30 repeat    model phone mail ravi nina
Fri 06 13:40 changed   model phone mail ravi nina
Fri 06 13:42 escalated model nina
Fri 06 13:43 resolved  model phone mail ravi nina
Sun 08 18:10 new       breaker phone mail ravi nina
Sun 08 18:12 escalated breaker ravi
Sun 08 18:20 escalated breaker ravi nina
Sun 08 18:22 resolved  breaker phone mail ravi nina
"""
"""In India's time. The week's turn goes from Asha to Ravi on Monday 2 Nov at 09:00. Nina and Asha
change at 18:00 in New York, which is 03:30 in India to 1 Nov, and 04:30 after that."""

PASSED = """
Wed 28 14:52 repeat    breaker: it climbs instead (policy 2)
Thu 29 20:02 repeat    collector_stale: the market is closed, and no position is known to be open
Wed 04 11:30 repeat    disk_low: it climbs instead (policy 1)
Thu 05 12:01 suppressed breaker: silenced by asha
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Simulated] = []

    def make(moment: str, *channels: str, calendar: str = "XNSE") -> Simulated:
        at = datetime.fromisoformat(moment)
        begun.append(Simulated(tmp_path / "home", at, *channels, calendar=calendar))
        return begun[-1]

    yield make
    for one in begun:
        one.end()


@pytest.mark.parametrize("kills_to_one", [(0.0, 0.0), (0.001, 0.4)], ids=["alive", "killed"])
def test_over_a_fortnight_the_right_ones_are_told_at_the_right_times(
    begin: Begin, kills_to_one: tuple[float, float]
) -> None:
    story = begin("2026-10-26 09:00", "phone", "mail", "ravi", "nina")
    story.home.oncall.write_text(ONCALL)
    story.open_positions = 0.0
    story.restart()
    story.kills_to_one = kills_to_one

    def positions(count: float) -> None:
        story.open_positions = count

    def running(up: bool) -> None:
        story.up = up

    def swap() -> None:
        story.home.oncall.write_text(ONCALL + SWAP)

    play(
        story,
        {
            # Acknowledged it stops, and begins again when that has expired.
            "Mon 26 10:00": [lambda: story.fire("breaker")],
            "Mon 26 10:04": [lambda: story.ack("breaker")],
            "Mon 26 11:04": [lambda: story.ack_expires("breaker")],
            "Mon 26 11:10": [lambda: story.resolve("breaker")],
            # On a holiday somebody else is told. The scheduler's reminder is not told besides.
            "Wed 28 14:50": [lambda: story.fire("breaker")],
            "Wed 28 14:52": [lambda: story.remind("breaker", 2)],
            "Wed 28 15:20": [lambda: story.resolve("breaker")],
            # A night without positions is silent, and made up for in one message.
            "Thu 29 20:00": [lambda: story.fire("collector_stale")],
            "Thu 29 20:02": [lambda: story.remind("collector_stale", 2)],
            "Fri 30 07:50": [lambda: story.ack("collector_stale")],
            "Fri 30 09:00": [lambda: story.resolve("collector_stale")],
            # With positions it is not; and meanwhile clocks were set back in New York.
            "Sun 01 12:00": [lambda: positions(2.0)],
            "Mon 02 03:50": [lambda: story.fire("disk_gone")],
            "Mon 02 04:50": [lambda: story.resolve("disk_gone"), lambda: positions(0.0)],
            # What was missed while the notifier was down is made up for; who gives it back
            # starts it again.
            "Tue 03 09:20": [lambda: story.fire("loss")],
            "Tue 03 09:40": [lambda: running(False)],
            "Tue 03 10:05": [lambda: running(True), story.restart],
            "Tue 03 10:16": [lambda: story.ack("loss")],
            "Tue 03 10:20": [lambda: story.unack("loss")],
            "Tue 03 10:25": [lambda: story.resolve("loss")],
            # After the last step of a policy with an end, the reminders go on.
            "Wed 04 11:00": [lambda: story.fire("disk_low", "WARNING")],
            "Wed 04 11:30": [lambda: story.remind("disk_low", 2)],
            "Wed 04 13:30": [lambda: story.remind("disk_low", 3)],
            "Wed 04 14:00": [lambda: story.resolve("disk_low")],
            # Silenced it stands still, and begins again after that.
            "Thu 05 12:00": [lambda: story.fire("breaker")],
            "Thu 05 12:01": [
                lambda: story.step("breaker", "suppressed", suppressed_by="silenced by asha")
            ],
            "Thu 05 12:30": [lambda: story.step("breaker", "unsuppressed", suppressed_by=None)],
            "Thu 05 12:33": [lambda: story.resolve("breaker")],
            # An alert that gets graver climbs from then on; a swap was written meanwhile.
            "Thu 05 15:00": [swap],
            "Fri 06 13:00": [lambda: story.fire("model", "WARNING")],
            "Fri 06 13:30": [lambda: story.remind("model", 2)],
            "Fri 06 13:40": [lambda: story.step("model", "changed", severity="CRITICAL")],
            "Fri 06 13:43": [lambda: story.resolve("model")],
            # Muhurat trading is no Sunday night.
            "Sun 08 18:10": [lambda: story.fire("breaker")],
            "Sun 08 18:22": [lambda: story.resolve("breaker")],
        },
        until=datetime.fromisoformat("2026-11-08 19:00"),
    )
    assert story.told == TOLD.strip().splitlines()
    assert story.passed == PASSED.strip().splitlines()
    assert (story.kills > 30) == (kills_to_one[0] > 0)


def test_one_person_alone_is_told_again_on_two_channels_while_positions_are_open(
    begin: Begin,
) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail", "desk")
    story.open_positions = 3.0
    for minute, _ in enumerate(story.minutes(50)):
        if minute == 0:
            story.fire("breaker")
        if minute in {2, 5, 10, 25, 40}:
            story.remind("breaker", 2)
    assert story.escalated() == [
        f"10:{minute} phone mail" for minute in ("02", "05", "10", "25", "40")
    ]
    assert len(story.passed) == 5
    assert story.passed[0].endswith("it climbs instead (default)")


@pytest.mark.parametrize(
    ("positions", "fired", "climbs"),
    [
        (0.0, "2026-10-26 10:00", False),  # flat: the scheduler's reminders are enough
        (None, "2026-10-26 10:00", True),  # nobody knows: in a session that counts as open
        (3.0, "2026-10-26 22:00", True),
        (None, "2026-10-26 22:00", False),
        (0.0, "2026-10-31 11:00", False),
        (1.0, "2026-10-31 11:00", True),  # a Saturday
        (1.0, "2026-11-10 11:00", True),  # a holiday
        (0.0, "2026-11-10 11:00", False),
    ],
)
def test_alone_nights_and_holidays_are_silent_unless_positions_are_open(
    begin: Begin, positions: float | None, fired: str, climbs: bool
) -> None:
    story = begin(fired, "phone", "mail")
    story.open_positions = positions
    story.expired = True  # the engine is silent at night: its last word counts
    for minute, _ in enumerate(story.minutes(7)):
        if minute == 0:
            story.fire("breaker")
        if minute == 2:
            story.remind("breaker", 2)
    assert len(story.escalated()) == (2 if climbs else 0)
    reminded = any(" repeat " in line for line in story.told)
    assert reminded == (positions == 0.0 and "10-26" in fired)


def test_a_warning_and_a_rule_with_reminders_of_its_own_do_not_climb_by_themselves(
    begin: Begin,
) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    story.open_positions = 3.0
    story.home.state.mkdir(parents=True)
    story.home.rules_in_force.write_text('[[rule]]\nname = "breaker"\nremind = ["1m"]\n')
    for minute, _ in enumerate(story.minutes(7)):
        if minute == 2:
            story.fire("breaker")
            story.fire("model", "WARNING")
        if minute == 3:
            story.remind("breaker", 2)
    assert story.escalated() == []
    assert [line.split()[3:5] for line in story.told] == [
        ["new", "breaker"], ["new", "model"], ["repeat", "breaker"]
    ]  # fmt: skip


def test_a_policy_for_times_of_exposure_leaves_the_others_to_the_next_one(begin: Begin) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    story.open_positions = 0.0
    step = '[[policy.step]]\nwhom = "mail"\nafter = "{}m"\n'
    fast = f"[[policy]]\nexposed = true\n{step.format(1)}"
    story.home.oncall.write_text(f"{fast}[[policy]]\n{step.format(4)}")
    story.restart()
    for minute, _ in enumerate(story.minutes(9)):
        if minute == 0:
            story.fire("breaker")
    assert story.escalated() == ["10:04 mail"]


def test_what_holds_alone_wakes_on_channels_that_somebody_hears() -> None:
    kinds: dict[str, Channel] = {
        "desk": Channel(kind="file"),
        "mail": Channel(kind="apprise"),
        "phone": Channel(kind="telegram", severity="CRITICAL"),
        "stack": Channel(kind="alertmanager"),
    }
    assert Config(channels=kinds).waking == ("phone", "mail")


def test_an_alert_log_that_was_lost_leaves_nothing_climbing(begin: Begin) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    story.open_positions = 3.0
    for minute, _ in enumerate(story.minutes(30)):
        if minute == 0:
            story.fire("breaker")
        if minute == 3:
            story.lose_the_log()
            story.fire("loss")
            story.resolve("loss")
    assert story.escalated() == ["10:02 phone mail"]


def test_a_faulty_file_leaves_what_was_before_in_force_and_is_a_trouble(begin: Begin) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    policy = '[[policy]]\n[[policy.step]]\nwhom = "mail"\nafter = "{}m"\n'
    troubles: list[list[str]] = []
    for minute, _ in enumerate(story.minutes(12)):
        troubles.append(story.troubles.words)
        if minute == 0:
            story.fire("breaker")
            story.home.oncall.write_text(policy.format(4))
        if minute == 5:
            story.home.oncall.write_text(policy.format(9).replace("mail", "mial"))
        if minute == 8:
            story.home.oncall.write_text(policy.format(9))
    # In the first two minutes, when it was not looked at twice yet, the default is in force.
    assert story.escalated() == ["10:04 mail", "10:09 mail"]
    (said,) = troubles[7]
    assert "oncall.toml is not taken over, what was before is in force" in said
    assert "oncall.toml:3:1: policy 1: unknown person, rotation or channel mial" in said
    assert "did you mean mail?" in said
    assert troubles[5] == troubles[11] == []


@pytest.mark.parametrize(("process", "climbs"), [("scheduler", True), ("collector", False)])
def test_a_scheduler_that_is_dead_climbs_and_a_collector_has_an_alert_that_does(
    begin: Begin, process: str, climbs: bool
) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    story.open_positions = 3.0
    for minute, _ in enumerate(story.minutes(12)):
        if minute == 0:
            story.sees(f"notifier_sees_{process}_dead")
        if minute == 3:
            story.restart()
        if minute == 7:
            story.own.clear()
    expected = ["10:02 phone mail", "10:05 phone mail"] if climbs else []
    assert story.escalated() == expected


def test_a_market_that_the_operator_closed_is_silent_from_then_on(begin: Begin) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    for minute, _ in enumerate(story.minutes(15)):
        if minute == 0:
            story.fire("breaker")
        if minute == 4:
            story.close_the_market()
    assert story.escalated() == ["10:02 phone mail"]


def test_what_can_not_be_read_is_a_trouble(begin: Begin) -> None:
    story = begin("2026-10-26 10:00", "phone", "mail")
    said = []
    for minute, _ in enumerate(story.minutes(9)):
        if minute == 0:
            story.home.oncall.write_bytes(b"# \xff")
        if minute == 3:
            story.home.oncall.unlink()
            story.home.oncall.mkdir()
        if minute == 6:
            story.home.oncall.rmdir()
        said.append(" ".join(story.troubles.words))
    assert "it is not UTF-8 (byte 2)" in said[3]
    assert "it can't be read: Is a directory" in said[6]
    assert said[8] == ""
