"""notify.toml under the notifier's real process: routes, groups, quiet hours, fallback, reload."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.records import Dead, Planned, Sent

Desk = Any
Serve = Callable[..., Any]


@pytest.fixture
def two(desk: Desk, serve: Serve) -> tuple[Any, Any]:
    """Return the servers of the channels phone and mail."""
    phone, mail = serve(), serve()
    desk.channel("phone", kind="webhook", url=phone.url)
    desk.channel("mail", kind="webhook", url=mail.url)
    return phone, mail


def titles(server: Any) -> list[str]:
    return [request.body["title"] for request in server.requests]


def test_routes_say_who_is_told_and_an_end_goes_to_whoever_was_told_of_the_beginning(
    desk: Desk, two: tuple[Any, Any]
) -> None:
    phone, mail = two
    desk.route(
        '[[route]]\nseverity = "CRITICAL"\nchannels = ["phone"]\n'
        '[[route]]\nrule = "b_*"\nchannels = ["mail"]\ngroup_wait = "1s"\n'
    )
    desk.start()
    desk.fire("a")
    desk.fire("b_1", "WARNING")
    desk.fire("b_2", "WARNING")
    desk.wait(lambda: phone.requests and mail.requests, "both messages")
    assert titles(phone) == ["CRITICAL a (main)"]
    assert titles(mail) == ["2 WARNING (main)"]
    assert [one["rule"] for one in mail.requests[0].body["alerts"]] == ["b_1", "b_2"]

    # A changed file is taken over; who was told before hears the end all the same.
    desk.route('[[route]]\nchannels = ["mail"]\n')
    desk.wait(lambda: "1 routes are in force" in desk.said(), "the new routes")
    desk.resolve("a")
    desk.fire("c")
    desk.wait(lambda: len(phone.requests) == 2 and len(mail.requests) == 2, "the end and the next")
    assert (titles(phone)[1], titles(mail)[1]) == ("RESOLVED a (main)", "CRITICAL c (main)")

    # A broken one leaves the old in force, and `health` says where the fault is.
    desk.route('[[route]]\nchannels = ["fon"]\n')
    desk.wait(lambda: desk.state().degraded, "the trouble")
    desk.fire("d")
    desk.wait(lambda: len(mail.requests) == 3, "the next by the old routes")
    assert len(phone.requests) == 2
    health = desk.monitor("health").stdout
    assert re.search(
        r"WARN +notifier +not taken over: notify.toml:2:13: unknown channel fon", health
    )
    desk.home.notify.unlink()
    desk.wait(lambda: not desk.state().degraded, "the end of the trouble")
    desk.fire("e", "WARNING")
    desk.wait(lambda: len(mail.requests) == 4 and len(phone.requests) == 3, "everybody told")


def test_killed_while_a_group_waits_it_loses_nothing_and_tells_it_once(
    desk: Desk, two: tuple[Any, Any]
) -> None:
    _, mail = two
    desk.route('[[route]]\nchannels = ["mail"]\ngroup_wait = "4s"\n')
    process = desk.start()
    desk.fire("a", "WARNING")
    desk.fire("b", "WARNING")
    desk.wait(lambda: len(desk.records(Planned)) == 2, "the records")
    process.kill()
    process.wait()
    assert mail.requests == []
    desk.fire("c", "WARNING")
    desk.start()
    desk.wait(lambda: desk.records(Sent), "the message")
    (request,) = mail.requests
    assert [one["rule"] for one in request.body["alerts"]] == ["a", "b", "c"]
    keys = [one["key"] for one in request.body["alerts"]]
    assert keys == [one.key("mail") for one in desk.records(Planned)[:3]]


def test_quiet_hours_hold_back_warnings_alone_and_end_with_one_message(
    desk: Desk, two: tuple[Any, Any]
) -> None:
    phone, _ = two
    now = datetime.now(ZoneInfo("Asia/Kolkata"))
    since, until = now - timedelta(minutes=1), now - timedelta(minutes=2)
    desk.route(f'[quiet_hours]\nfrom = "{since:%H:%M}"\nto = "{until:%H:%M}"\n')
    desk.start()
    desk.fire("mild_1", "WARNING")
    desk.fire("mild_2", "WARNING")
    desk.fire("grave")
    desk.resolve("mild_1")
    desk.wait(lambda: phone.requests, "the grave one")
    desk.wait(lambda: len(desk.records(Planned)) == 4, "the records")
    assert titles(phone) == ["CRITICAL grave (main)"]
    desk.route("")
    desk.wait(lambda: len(phone.requests) == 2, "the others")
    assert titles(phone)[1] == "1 WARNING, 1 RESOLVED (main)"
    assert [one["rule"] for one in phone.requests[1].body["alerts"]] == [
        "mild_1",
        "mild_2",
        "mild_1",
    ]


def test_what_a_channel_refuses_goes_to_its_fallback_with_the_reason(
    desk: Desk, two: tuple[Any, Any]
) -> None:
    phone, mail = two
    phone.always.code = 403
    desk.route('[[route]]\nchannels = ["phone"]\n[fallback]\nphone = "mail"\n')
    desk.start()
    desk.fire("a")
    desk.wait(lambda: mail.requests, "the message in its stead")
    desk.wait(lambda: desk.records(Dead), "the record of the refusal")
    assert mail.requests[0].body["text"].startswith("not told on phone: HTTP 403\na is so\n")
    desk.resolve("a")
    desk.wait(lambda: len(mail.requests) == 2, "the end")
    assert titles(mail)[1] == "RESOLVED a (main)"
    assert len(phone.requests) == 1  # who was not told of it
