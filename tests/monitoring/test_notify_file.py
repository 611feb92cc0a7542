"""notify.toml: what it says, or every fault in it at once; and which way an alert goes by it."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitoring.config import Channel
from monitoring.notify_file import Refused, of_text, read
from monitoring.routing import Routing, Subject, described, why_not

CHANNELS = {
    "phone": Channel(kind="file", path="phone", severity="CRITICAL"),
    "mail": Channel(kind="file", path="mail"),
}
IST = ZoneInfo("Asia/Kolkata")
WHOLE = """
[[route]]
severity = "CRITICAL"
channels = ["phone"]
continue = true

[[route]]
rule = "breeze_*"
when = "night"
channels = ["mail"]
group_wait = "1m"
group_interval = "10m"
repeat_interval = "4h"

[[route]]
when = "session"
channels = ["mail"]

[quiet_hours]
from = "22:00"
to = "07:00"

[fallback]
phone = "mail"

[digest]
channels = ["mail"]
"""


def routing_of(text: str) -> Routing:
    found = of_text(text, "notify.toml", CHANNELS)
    assert isinstance(found, Routing), found
    return found


def faults_of(text: str) -> list[str]:
    found = of_text(text, "notify.toml", CHANNELS)
    assert isinstance(found, Refused)
    return [str(fault).removeprefix("notify.toml:") for fault in found.faults]


def told(routing: Routing, severity: str, rule: str, *, open_: bool) -> list[str]:
    subject = Subject(severity, rule, "main", open_)  # type: ignore[arg-type]
    return [*routing.ways(subject, CHANNELS)]


def test_a_whole_file_says_what_stands_in_it() -> None:
    routing = routing_of(WHOLE)
    assert [described(route) for route in routing.routes] == [
        "CRITICAL → phone; and on to the next",
        "rule breeze_*, night → mail; WARNING grouped: 1m for the first, then every 10m; "
        "reminders at most every 4h",
        "session → mail; WARNING grouped: 30s for the first, then every 5m",
    ]
    assert (routing.fallback, routing.digest) == ({"phone": "mail"}, ("mail",))


def test_the_example_of_the_docs_is_sound() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
    (example,) = re.findall(r"```toml\n(\[\[route\]\].*?)```", page, re.DOTALL)
    assert len(routing_of(example).routes) == 3


def test_routes_are_tried_in_order_and_what_none_matches_goes_everywhere() -> None:
    routing = routing_of(WHOLE)
    assert told(routing, "CRITICAL", "disk_low", open_=True) == ["phone", "mail"]
    assert told(routing, "CRITICAL", "disk_low", open_=False) == ["phone"]
    assert told(routing, "WARNING", "breeze_rate_limited", open_=False) == ["mail"]
    assert told(routing, "WARNING", "disk_low", open_=False) == ["phone", "mail"]
    assert told(Routing(), "WARNING", "disk_low", open_=True) == ["phone", "mail"]


def test_without_continue_the_first_that_matches_is_the_last() -> None:
    first = '[[route]]\nengine = "ma*"\nchannels = ["phone"]\n'
    routing = routing_of(first + '[[route]]\nchannels = ["mail"]\n')
    assert told(routing, "CRITICAL", "a", open_=True) == ["phone"]
    (route, _) = routing.routes
    assert route.mismatch(Subject("CRITICAL", "a", "other", True)) == "the engine is other"


def test_why_a_channel_is_not_told_is_in_words() -> None:
    ways = dict.fromkeys(["phone"])
    assert why_not("mail", CHANNELS["mail"], "CRITICAL", ways) == "no route leads there"
    assert why_not("phone", CHANNELS["phone"], "WARNING", ways) == "is told of CRITICAL alone"
    assert why_not("phone", CHANNELS["phone"], "CRITICAL", ways) is None


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("22:00-07:00", "21:59", False), ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "06:59", True), ("22:00-07:00", "07:00", False),
        ("12:00-13:30", "12:00", True), ("12:00-13:30", "13:30", False),
        ("12:00-13:30", "11:59", False),
    ],
)  # fmt: skip
def test_quiet_hours_are_in_the_trading_timezone_and_may_go_over_midnight(
    hours: str, clock: str, quiet: bool
) -> None:
    since, until = hours.split("-")
    routing = routing_of(f'[quiet_hours]\nfrom = "{since}"\nto = "{until}"\n')
    moment = datetime.fromisoformat(f"2025-10-12T{clock}:00").replace(tzinfo=IST)
    assert routing.quiet(round(moment.timestamp() * 1000), IST) is quiet


def test_every_fault_is_told_at_once_with_its_place_and_what_was_meant() -> None:
    text = """
[[route]]
severity = "critical"
channels = ["phone", "mial"]
grop_wait = "3s"
group_wait = "3x"
repeat_interval = "2d"
[[route]]
when = "nigth"
rule = "a b"
continue = "yes"
[[route]]
channels = []
[[route]]
channels = ["mail"]
[[route]]
channels = ["mail"]
[quiet_hours]
from = "25:00"
[fallback]
phone = "phone"
x = 3
[digset]
"""
    assert faults_of(text) == [
        "3:1: severity must be one of CRITICAL, WARNING (did you mean CRITICAL?)",
        "4:22: unknown channel mial (there are: phone, mail) (did you mean mail?)",
        "5:1: unknown field grop_wait (did you mean group_wait?)",
        '6:1: group_wait must be a duration such as "30s", "5m" or "4h", at most a day',
        '7:1: repeat_interval must be a duration such as "30s", "5m" or "4h", at most a day',
        "8:1: a route needs channels",
        "9:1: when must be one of session, night (did you mean night?)",
        '10:1: rule must be a name, or a pattern of one with * and ?: "breeze_*"',
        "11:1: continue must be true or false, without quotes",
        '13:1: channels must be a list of at least one: ["phone"]',
        "16:1: is never reached: route 4 takes everything",
        "18:1: quiet_hours needs to",
        '19:1: from must be a time of day such as "22:00"',
        "21:1: phone can't stand in for itself",
        "22:1: unknown channel x (there are: phone, mail)",
        "22:1: unknown channel that is no text (there are: phone, mail)",
        "23:1: unknown table digset (did you mean digest?)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[route]", "1:8: not TOML: Expected ']]' at the end of an array declaration"),
        ("route = 3", "1:1: routes are written as [[route]], in double brackets"),
        ("fallback = 3", "1:1: fallback is a table: write [fallback]"),
        ("digest = 3", "1:1: digest is a table: write [digest]"),
        (
            '[quiet_hours]\nfrom = "09:00"\nto = "09:00"',
            "1:1: from and to are the same: it would never be quiet",
        ),
        ('[[route]]\nchannels = ["phone"]\n' * 201, "401:1: at most 200 routes can stand here"),
    ],
)
def test_what_is_not_written_as_it_should_be_is_refused(text: str, fault: str) -> None:
    assert fault in faults_of(text)


def test_a_digest_goes_to_no_alertmanager_and_one_may_have_a_fallback_or_be_it() -> None:
    channels = CHANNELS | {"stack": Channel(kind="alertmanager")}
    text = '[digest]\nchannels = ["mail", "stack"]'
    found = of_text(text, "notify.toml", channels)
    assert isinstance(found, Refused)
    assert [str(one) for one in found.faults] == [
        "notify.toml:2:1: stack is an Alertmanager: it takes alerts, and no messages"
    ]
    text = '[fallback]\nstack = "mail"\nphone = "stack"'
    assert isinstance(of_text(text, "notify.toml", channels), Routing)


def test_no_file_routes_nothing_and_one_that_can_not_be_read_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    assert read(path, CHANNELS) == Routing()
    path.mkdir()
    assert read(path, CHANNELS) == of_fault(path, "can't be read: Is a directory")
    path.rmdir()
    path.write_bytes(b"\xff")
    assert read(path, CHANNELS) == of_fault(path, "is not UTF-8 at byte 0")


def of_fault(path: Path, reason: str) -> Refused:
    found = of_text("[", path.name, {})
    assert isinstance(found, Refused)
    (fault,) = found.faults
    return Refused([type(fault)(path.name, 1, 1, None, reason)])
