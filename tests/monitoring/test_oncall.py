"""Who is on call at a moment, and what a file that says so may hold."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from evaluator.rules import Fault
from monitoring.oncall import OnCall
from monitoring.oncall_file import OnCallErrors, load
from monitoring.oncall_policy import Due, Policy, Step, due, policy_of

CHANNELS = ("phone", "mail")
PEOPLE = """
[people.asha]
channels = ["phone"]
[people.ravi]
channels = ["mail"]
"""


def rotation(**fields: str) -> str:
    given = {
        "name": '"desk"', "people": '["asha", "ravi"]', "every": '"day"', "at": '"09:00"',
        "start": "2026-03-02",
    }  # fmt: skip
    return "[[rotation]]\n" + "".join(f"{k} = {v}\n" for k, v in (given | fields).items())


def read(text: str) -> OnCall:
    return load(text, "oncall.toml", CHANNELS, "Asia/Kolkata", ("disk_low", "breaker"))


def faults(text: str) -> list[str]:
    with pytest.raises(OnCallErrors) as refused:
        read(text)
    return [str(fault).removeprefix("oncall.toml:") for fault in refused.value.faults]


def ms(moment: str, zone: str = "Asia/Kolkata") -> int:
    return round(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-03-02T08:59:59", "ravi"),
        ("2026-03-02T09:00:00", "asha"),
        ("2026-03-03T00:00:00", "asha"),
        ("2026-03-03T08:59:59", "asha"),
        ("2026-03-03T09:00:00", "ravi"),
        ("2026-02-28T12:00:00", "asha"),  # before its start the turns go on backwards
        ("2027-03-02T12:00:00", "ravi"),  # 365 turns later
    ],
)
def test_a_daily_turn_changes_at_its_hour(moment: str, person: str) -> None:
    assert read(PEOPLE + rotation()).person("desk", ms(moment)) == person


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-03-04T12:00:00", "asha"),  # its start, a Wednesday, lies in the first turn
        ("2026-03-06T17:59:59", "asha"),
        ("2026-03-06T18:00:00", "ravi"),
        ("2026-03-13T17:59:59", "ravi"),
        ("2026-03-13T18:00:00", "asha"),
        ("2026-02-27T17:59:59", "ravi"),
    ],
)
def test_a_weekly_turn_changes_on_its_weekday(moment: str, person: str) -> None:
    text = rotation(every='"week"', weekday='"friday"', at='"18:00"', start="2026-03-04")
    assert read(PEOPLE + text).person("desk", ms(moment)) == person


def test_a_hand_over_keeps_its_local_hour_over_a_change_of_clocks() -> None:
    text = rotation(at='"02:30"', timezone='"America/New_York"', start="2026-03-07")
    shifts = read(PEOPLE + text).shifts("desk", ms("2026-03-06T12:00", "America/New_York"))
    begins = [one.from_ms for one in islice(shifts, 1, 5)]
    # On 8 March there is no 02:30: it is what would have been 02:30, so 03:30.
    assert begins == [
        ms(moment, "America/New_York")
        for moment in (
            "2026-03-07T02:30", "2026-03-08T03:30", "2026-03-09T02:30", "2026-03-10T02:30"
        )
    ]  # fmt: skip
    hours = [(after - before) / 3_600_000 for before, after in pairwise(begins)]
    assert hours == [24, 23, 24]


def test_of_overrides_the_last_one_counts_and_its_end_gives_the_turn_back() -> None:
    override = '[[override]]\nrotation = "desk"\nperson = "{}"\nfrom = {}\nto = {}\n'
    oncall = read(
        PEOPLE
        + rotation()
        + override.format("ravi", "2026-03-02T10:00:00", "2026-03-03T12:00:00")
        + override.format("asha", "2026-03-02T20:00:00+05:30", '"2026-03-02T21:00"')
    )
    shifts = list(islice(oncall.shifts("desk", ms("2026-03-02T09:30")), 6))
    assert [(one.person, one.override, one.from_ms) for one in shifts] == [
        ("asha", False, ms("2026-03-02T09:00")),
        ("ravi", True, ms("2026-03-02T10:00")),
        ("asha", True, ms("2026-03-02T20:00")),
        ("ravi", True, ms("2026-03-02T21:00")),
        ("ravi", True, ms("2026-03-03T09:00")),
        ("ravi", False, ms("2026-03-03T12:00")),
    ]
    at = ms("2026-03-02T20:30")
    assert oncall.channels(("desk", "ravi", "mail", "phone"), at) == ("phone", "mail")


STEPS = (
    Step(whom=("a",), after_seconds=120),
    Step(whom=("b", "a"), after_seconds=600, repeat_seconds=900),
    Step(whom=("c",), after_seconds=700),
)


@pytest.mark.parametrize(
    ("reached", "elapsed", "expected"),
    [
        (0, 119.9, None),
        (0, 120, Due(("a",), 120)),
        (120, 599, None),
        (120, 600, Due(("b", "a"), 600)),
        (600, 700, Due(("c",), 700)),
        (700, 1499, None),
        (700, 1500, Due(("b", "a"), 1500)),
        (0, 3000, Due(("a", "b", "c"), 2400)),  # missed: all of them with one message
        (2400, 3299, None),
    ],
)
def test_a_step_is_due_once_and_what_was_missed_is_made_up_for(
    reached: int, elapsed: float, expected: Due | None
) -> None:
    policy = Policy(name="p", steps=STEPS)
    assert due(policy, reached, elapsed) == expected


def test_the_first_policy_that_covers_an_alert_is_its_policy() -> None:
    step = '[[policy.step]]\nwhom = "asha"\nafter = "2m"\n'
    policies = read(
        f'{PEOPLE}[[policy]]\nrule = ["disk_low"]\n{step}'
        f'[[policy]]\nseverity = "CRITICAL"\nexposed = true\n{step}'
    ).policies
    names = [
        found and found.name
        for found in (
            policy_of(policies, "CRITICAL", "disk_low"),
            policy_of(policies, "CRITICAL", "breaker"),
            policy_of(policies, "WARNING", "breaker"),
        )
    ]
    assert names == ["policy 1", "policy 2", None]
    assert [one.exposed for one in policies] == [False, True]


def test_every_fault_is_named_with_its_place_and_what_was_probably_meant() -> None:
    text = """[people.asha]
channels = ["phon"]
mail = 1
[people.phone]
channels = []
[peopel]
[[rotation]]
name = "desk"
people = ["asha", "rav"]
every = "weekly"
at = "9"
timezone = "Asia/Mars"
start = "x"
[[rotation]]
name = "desk"
people = ["asha"]
every = "day"
weekday = "monday"
at = "09:00"
start = 2026-01-01
[[override]]
rotation = "dsk"
person = "ravi"
from = 2026-11-02
to = 2026-11-02T10:00:00
[[override]]
rotation = "desk"
person = "asha"
from = 2026-11-02T10:00:00
to = 2026-11-02T10:00:00
[[policy]]
severity = "critical"
rule = "disk_lo"
exposed = "yes"
[[policy.step]]
whom = "mial"
[[policy]]
step = 3
[[policy]]
[[policy.step]]
whom = [7, "desk"]
after = "0s"
repeat = "40d"
"""
    assert faults(text) == [
        "2:13: people.asha: unknown channel phon (did you mean phone?)",
        "3:1: people.asha: unknown field mail",
        "4:1: people.phone: is the name of a channel too: call one of them otherwise",
        '5:1: people.phone: channels must be a list of names: ["asha", "ravi"]',
        "6:1: unknown table peopel (did you mean people?)",
        "9:19: rotation desk: unknown person rav (there are: asha, phone)",
        "10:1: rotation desk: every must be one of day, week (did you mean week?)",
        '11:1: rotation desk: at must be a time of day in quotes: "09:00"',
        "12:1: rotation desk: timezone is no timezone: give an IANA name such as Asia/Kolkata",
        "13:1: rotation desk: start must be a date: 2026-11-02",
        "15:1: rotation desk: a rotation of this name stands above",
        '18:1: rotation desk: weekday is for every = "week"',
        "22:1: override: unknown rotation dsk (did you mean desk?)",
        "23:1: override: unknown person ravi (there are: asha, phone)",
        "24:1: override: from must be a date with a time: 2026-11-09T09:00:00",
        "30:1: override: to is not after from",
        "32:1: policy 1: severity must be one of CRITICAL, WARNING (did you mean CRITICAL?)",
        "33:1: policy 1: unknown rule disk_lo (did you mean disk_low?)",
        "34:1: policy 1: exposed must be true or false, without quotes",
        "35:1: policy 1: needs after",
        "36:1: policy 1: unknown person, rotation or channel mial (did you mean mail?)",
        "38:1: policy 2: step is written as [[policy.step]], in double brackets",
        "41:9: policy 3: whom must be a name in quotes",
        '42:1: policy 3: after must be a duration such as "30s", "2m" or "1h30m", at most 30d',
        '43:1: policy 3: repeat must be a duration such as "30s", "2m" or "1h30m", at most 30d',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[people", "1:8: not TOML: "),
        ("people = 1", "1:1: people are written as [people.asha]"),
        ("people.asha = 1", '1:8: people.asha: is written as [people.asha] with channels = ["ph'),
        ("[people.Asha]\nchannels = ['mail']", "1:1: people.Asha: a name must be 1 to 32 lower"),
        ("[rotation]\n", "1:1: is written as [[rotation]], in double brackets"),
        ("[[rotation]]\n", "1:1: rotation: needs name"),
        ("[[rotation]]\nname = 'A'\n", "1:1: rotation A: needs people"),
        (PEOPLE + rotation(name='"asha"'), "7:1: rotation asha: is the name of a person or a"),
        ("[[override]]\n", "1:1: override: needs rotation"),
        ("[[policy]]\nstep = []\n", "2:1: policy 1: step is written as [[policy.step]], in doub"),
        ("[[policy]]\nrule = []\n", '1:1: policy 1: needs step'),
        (PEOPLE + rotation(start="1900-01-01"), "11:1: rotation desk: start must be a date: 2026"),
        (PEOPLE + rotation(timezone="7"), "12:1: rotation desk: timezone is no timezone: give an"),
    ],
)  # fmt: skip
def test_whatever_stands_there_is_a_fault_with_its_place(text: str, fault: str) -> None:
    assert faults(text)[0].startswith(fault)


def test_of_thousands_of_faults_the_first_are_named() -> None:
    assert len(faults("".join(f"x{number} = 1\n" for number in range(1000)))) == 200


VALUES = ("7", "1.5", "true", '"x"', '""', "[]", "[[1]]", "{}", "{a = 1}", "2026-11-02", "09:00:00")


def attempt(text: str) -> list[Fault] | None:
    """Return the faults of a text, None when it is taken."""
    try:
        read(text)
    except OnCallErrors as errors:
        return errors.faults
    return None


def test_whatever_value_stands_anywhere_the_file_is_read_or_refused_with_faults() -> None:
    text = (
        PEOPLE
        + rotation(every='"week"', weekday='"monday"', timezone='"UTC"')
        + '[[override]]\nrotation = "desk"\nperson = "asha"\n'
        + "from = 2026-11-02T10:00:00\nto = 2026-11-02T11:00:00Z\n"
        + '[[policy]]\nseverity = "CRITICAL"\nrule = "disk_low"\nexposed = true\n'
        + '[[policy.step]]\nwhom = ["desk"]\nafter = "2m"\nrepeat = "2m"\n'
    )
    assert attempt(text) is None
    lines = text.splitlines()
    found: list[list[Fault] | None] = []
    for number, line in enumerate(lines):
        key, equals, _ = line.partition(" = ")
        instead = [[f"{key} = {value}"] for value in VALUES] if equals else []
        found += [
            attempt("\n".join(lines[:number] + one + lines[number + 1 :])) for one in [[], *instead]
        ]
    assert all(faults is None or (faults and faults[0].line > 0) for faults in found)
    assert sum(faults is not None for faults in found) > 150
