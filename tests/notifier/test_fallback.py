"""What a fallback channel is told, when and of what not: pure, from what is pending."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from monitoring.config import Channel, Config
from monitoring.home import Home
from monitoring.routing import NO_ROUTE, Routing
from notifier.alertmanager import alerts_of
from notifier.deliveries import DeliveryLog
from notifier.fallback import Fallbacks, overdue
from notifier.gathering import flush
from notifier.outbox import Outbox
from notifier.records import DIGEST, Dead, Planned
from notifier.routes import Routes
from tests.notifier.simulated import NoSpare
from tests.notifier.test_gathering import BOTH, FALLBACK, GROUP, Log, at, planned, warning


def of(channel: str, log: Log) -> list[Any]:
    return [(key, one) for key, one in log.pending if one.channel == channel]


def shown(records: list[Planned]) -> list[str]:
    return [f"{one.incident} {one.why}" for one in records]


def end(incident: str, seconds: float, **fields: Any) -> Planned:
    return planned(incident, seconds, over=True, step="2-resolved", **fields)


def test_a_fallback_that_hears_of_what_is_over_hears_the_end_at_once() -> None:
    log = Log(planned("x"), planned("y", 10), end("x", 20))
    told = overdue(of("a", log), FALLBACK, at(31))
    assert shown(told) == ["x new", "x resolved"]
    assert told[1].text.startswith("not told on a: nor was what came before it\n")
    log.take(*told)
    assert shown(overdue(of("a", log), FALLBACK, at(32))) == []
    assert [one.planned.why for _, one in of("b", log)] == ["new", "resolved"]


def test_what_is_refused_takes_the_end_that_waits_behind_it_along() -> None:
    log = Log(planned("x"), end("x", 1), planned("y", 1))
    ((key, _), *_) = log.pending
    assert shown(overdue(log.pending, FALLBACK, at(2), refused={key: "HTTP 400"})) == [
        "x new", "x resolved"
    ]  # fmt: skip


def test_an_end_that_the_fallback_is_told_of_anyway_is_not_told_there_twice_at_once() -> None:
    log = Log(planned("x"))
    log.take(*overdue(log.pending, FALLBACK, at(31)))
    log.take(end("x", 40, channels=("a", "b")))
    assert overdue(of("a", log), FALLBACK, at(50)) == []


def test_what_is_over_does_not_fire_again_since_a_fallback_heard_of_it() -> None:
    log = Log(planned("x"), end("x", 20))
    fire, _ = overdue(log.pending, FALLBACK, at(31))
    log.take(fire)
    assert log.state.told == {}
    log.take(Dead(at=at(32), key=fire.key("b"), attempts=1, reason="HTTP 403"))
    assert log.state.told == {}


def outbox_of(root: Path, kind: Any) -> tuple[Outbox, DeliveryLog]:
    """Return an outbox without a lane, of a channel of a kind whose fallback is a file."""
    home = Home(root)
    home.notify.write_text('[fallback]\na = "b"\n')
    channels = {"a": Channel(kind=kind), "b": Channel(kind="file", path="b")}
    log = DeliveryLog(home.deliveries, ZoneInfo("Asia/Kolkata"), 90, NoSpare())
    routes = Routes(home, Config(channels=channels), {})
    return Outbox(log, {}, channels, routes, exposure=lambda _: "open 3", now=at(0)), log


def test_before_a_refusal_stands_all_that_the_fallback_is_told_for_it(tmp_path: Path) -> None:
    outbox, log = outbox_of(tmp_path, "webhook")
    log.append([planned("x"), end("x", 1)])
    dead = Dead(at=at(2), key="x.1-new.a", attempts=1, reason="HTTP 400")
    *told, last = outbox.with_instead(dead)
    assert [one.step for one in told if isinstance(one, Planned)] == [
        "1-new-instead-of-a", "2-resolved-instead-of-a"
    ]  # fmt: skip
    assert last == dead
    log.close()


def test_an_alertmanager_that_is_not_reached_has_a_fallback_too(tmp_path: Path) -> None:
    outbox, log = outbox_of(tmp_path, "alertmanager")
    log.append([planned("x"), planned("y", severity="WARNING", groups={"a": GROUP})])
    outbox.turn(at(30))
    assert outbox.pending("b") == []
    outbox.turn(at(31))
    assert [one.planned.incident for _, one in outbox.pending("b")] == ["x"]
    outbox.turn(at(901))  # what waits in groups elsewhere, it is sent at once
    assert [one.planned.incident for _, one in outbox.pending("b")] == ["x", "y"]
    assert len(log.state.outstanding) == 4
    log.close()


def test_an_alertmanager_that_is_a_fallback_is_told_that_it_fires_and_when_it_ended() -> None:
    log = Log(planned("x"))
    log.take(*overdue(log.pending, FALLBACK, at(31)))
    (alert,) = alerts_of(log.state, "b", at(40))
    assert alert.ends_at > alert.starts_at
    log.take(end("x", 50, channels=("a", "b")))
    (alert,) = alerts_of(log.state, "b", at(60))
    assert alert.ends_at[14:19] == "12:57"


def test_a_fallback_that_is_told_of_critical_alone_hears_of_nothing_else_but_of_its_end() -> None:
    grave = BOTH | {"b": Channel(kind="file", path="b", severity="CRITICAL")}
    fallbacks = Fallbacks({"a": "b"}, grave)
    log = Log(warning("x", groups={}), warning("y", groups={}), planned("z"))
    log.take(warning("z", 10, step="2-changed", groups={}), end("z", 20, severity="WARNING"))
    refused = {log.pending[0][0]: "HTTP 403"}
    told = overdue(log.pending, fallbacks, at(2000), refused=refused)
    assert [(one.incident, one.step.partition("-instead")[0]) for one in told] == [
        ("z", "1-new"), ("z", "2-changed"), ("z", "2-resolved")
    ]  # fmt: skip


def test_in_quiet_hours_what_is_not_critical_waits_on_the_fallback_too() -> None:
    log = Log(planned("x"), warning("y", groups={}), warning("z", groups={}))
    quiet = Fallbacks({"a": "b"}, BOTH, quiet=True)
    log.take(*overdue(log.pending, quiet, at(901)))
    log.take(warning("own", 902, channels=("b",), groups={"b": NO_ROUTE}))
    on_b = of("b", log)
    assert [one.group for _, one in on_b] == [None, NO_ROUTE, NO_ROUTE, NO_ROUTE]
    tell = partial(flush, on_b, {}, Routing(), exposure=lambda _: "open 3")
    assert tell(quiet=True, now=at(1000)) == []
    (told,) = tell(quiet=False, now=at(9000))
    assert [one.incident for one in told.lists] == ["y", "z", "own"]
    assert not told.fell_back  # of one that it lists nobody else was told
    log.take(told)
    assert [one.planned.incident for _, one in of("b", log)] == ["x", "summary"]


def test_an_alertmanager_is_told_of_nothing_that_is_no_alert_in_anothers_stead() -> None:
    stack = Fallbacks({"a": "b"}, BOTH | {"b": Channel(kind="alertmanager")})
    digest = planned(DIGEST, over=True, severity="WARNING")
    log = Log(msgspec.structs.replace(digest, why=DIGEST))
    assert overdue(log.pending, stack, at(1000)) == []
    assert len(overdue(log.pending, FALLBACK, at(1000))) == 1
