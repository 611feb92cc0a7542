"""What waits in groups and quiet hours, and what of a crowd is told as one: pure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.config import Channel
from monitoring.routing import NO_ROUTE, QuietHours, Route, Routing
from notifier.fallback import Fallbacks, instead, overdue
from notifier.gathering import BURST, LATE_BURST, a_minute, crowd, flush, gathered, tangled
from notifier.ledger import Outstanding, State
from notifier.message import finished
from notifier.records import Dead, Failed, Mark, Planned, Sent
from notifier.summary import Pending, listed_of

ROUTE = Route(channels=("a",), severity="WARNING")
GROUP = ROUTE.words
ROUTING = Routing(routes=(ROUTE,))


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


def planned(incident: str, seconds: float = 0, *, over: bool = False, **fields: Any) -> Planned:
    why = "resolved" if over else "new"
    severity = fields.get("severity", "CRITICAL")
    given: dict[str, Any] = {
        "at": at(seconds), "incident": incident, "step": f"1-{why}", "engine": "main",
        "rule": f"rule_{incident}", "severity": severity, "why": why, "over": over,
        "alert_at": at(seconds), "title": f"{severity} rule_{incident} (main)",
        "text": f"{incident} is so\nsince 10:00", "channels": ("a",),
    }  # fmt: skip
    return Planned(**(given | fields))


def warning(incident: str, seconds: float = 0, *, over: bool = False, **fields: Any) -> Planned:
    groups = {"severity": "WARNING", "groups": {"a": GROUP}}
    return planned(incident, seconds, over=over, **(groups | fields))


class Log:
    """A state that records are added to, as the deliveries log does."""

    def __init__(self, *records: Planned | Sent | Failed | Dead) -> None:
        self.state = State()
        self.take(*records)

    def take(self, *records: Planned | Sent | Failed | Dead) -> None:
        for record in records:
            self.state.take(record)

    @property
    def pending(self) -> list[Pending]:
        return [*self.state.outstanding.items()]

    def flush(
        self, seconds: float, *, quiet: bool = False, routing: Routing = ROUTING
    ) -> list[Any]:
        records = flush(
            self.pending, self.state.flushed.get("a", {}), routing,
            quiet=quiet, exposure=lambda _: "open 3", now=at(seconds),
        )  # fmt: skip
        self.take(*records)
        return records

    def gather(self, seconds: float) -> list[Planned]:
        records = gathered(self.pending, "too many", at(seconds), exposure=lambda _: "open 3")
        self.take(*records)
        return records


def test_what_comes_within_group_wait_is_one_message_and_what_comes_after_waits_for_the_interval() -> (  # noqa: E501 -- a sentence
    None
):
    log = Log(warning("x"), warning("y", 20))
    assert log.flush(29.9) == []
    (first,) = log.flush(30)
    assert [one.incident for one in first.lists] == ["x", "y"]
    assert first.text == (
        "2 messages that waited for each other\nWARNING rule_x: x is so\nWARNING rule_y: y is so\n"
        "open 3\nmore: `monitor tail`"
    )
    assert first.title == "2 WARNING (main)"
    assert [key for key, _ in log.pending] == [first.key("a")]
    log.take(Sent(at=at(30), key=first.key("a"), attempts=1, late_ms=0), warning("z", 40))
    assert log.flush(329) == []
    (second,) = log.flush(330)
    assert (second.incident, second.key("a")) == ("z", "z.1-new.a")
    assert [one.group for _, one in log.pending] == [None]


def test_after_a_quiet_interval_the_group_begins_anew() -> None:
    log = Log(warning("x"))
    log.flush(30)
    log.take(warning("y", 600))
    assert log.flush(629) == []
    assert [one.incident for one in log.flush(630)] == ["y"]


def test_a_group_whose_route_is_gone_waits_no_longer() -> None:
    assert [one.incident for one in Log(warning("x")).flush(0, routing=Routing())] == ["x"]


def test_two_routes_with_the_same_matchers_are_a_group_on_each_channel() -> None:
    fast = Route(channels=("a",), group_wait_seconds=30, continues=True)
    slow = Route(channels=("b",), group_wait_seconds=3600)
    assert fast.words == slow.words
    groups = {"a": fast.words, "b": slow.words}
    log = Log(warning("x", channels=("a", "b"), groups=groups))
    routing = Routing(routes=(fast, slow))
    for channel, told in (("a", ["x"]), ("b", [])):
        pending = [one for one in log.pending if one[1].channel == channel]
        records = flush(pending, {}, routing, quiet=False, exposure=lambda _: "", now=at(31))
        assert [one.incident for one in records] == told


def test_an_edit_is_no_delivery_neither_when_it_is_refused_nor_when_it_comes_through() -> None:
    log = Log(planned("x"), Failed(at=at(1), key="x.1-new.a", attempts=1, reason="401", again_ms=0))
    for number in (2, 3):
        log.take(planned("x", number, why="acknowledged", step=f"{number}-acknowledged"))
    log.take(
        Sent(at=at(4), key="x.2-acknowledged.a", attempts=1, late_ms=0),
        Dead(at=at(4), key="x.3-acknowledged.a", attempts=1, reason="400"),
    )
    assert (log.state.failing, log.state.dead) == ({"a": "401"}, [])


def test_who_was_refused_the_firing_and_took_a_reminder_hears_its_end() -> None:
    log = Log(planned("x"), planned("x", 60, why="repeat", step="2-repeat"))
    log.take(
        Dead(at=at(61), key="x.1-new.a", attempts=1, reason="403"),
        Sent(at=at(62), key="x.2-repeat.a", attempts=1, late_ms=0),
    )
    assert log.state.told["x"].channels == ["a"]


def test_quiet_hours_hold_what_is_not_critical_and_tell_it_at_their_end_in_one() -> None:
    waits = {"severity": "WARNING", "groups": {"a": NO_ROUTE}}
    log = Log(planned("x", **waits), warning("y"), planned("x", 60, over=True, **waits))
    night = Routing(routes=(ROUTE,), quiet_hours=QuietHours(*[None] * 2))  # type: ignore[list-item]
    assert log.flush(3600, quiet=True, routing=night) == []
    (told,) = log.flush(7200, routing=night)
    assert [(one.incident, one.over) for one in told.lists] == [
        ("x", False), ("y", False), ("x", True)
    ]  # fmt: skip
    assert told.title == "1 WARNING, 1 RESOLVED (main)"
    assert finished(told.text, "k", told.alert_at, at(7200)).startswith("late: 2h\n")


def test_an_edit_of_what_waits_does_not_make_it_ring_in_quiet_hours() -> None:
    log = Log(warning("x"), planned("x", 5, why="acknowledged", step="2-acknowledged"))
    assert log.flush(5, quiet=True) == []


def test_an_edit_that_fails_makes_no_crowd_of_what_its_alert_is_a_part_of() -> None:
    log = Log(*(planned(name) for name in "xy"))
    log.gather(1)
    log.take(planned("x", 2, why="acknowledged", step="2-acknowledged"))
    (edit,) = (one for _, one in log.pending if one.planned.why == "acknowledged")
    edit.attempts = 1
    assert tangled([(key, one) for key, one in reversed(log.pending)]) is None


def test_what_waits_gives_way_to_a_critical_message_of_the_same_incident() -> None:
    log = Log(warning("x"), warning("y"), planned("x", 5, why="changed", step="2-changed"))
    (first,) = log.flush(5, quiet=True)
    assert (first.incident, first.severity) == ("x", "WARNING")
    free = [(one.planned.incident, one.planned.why) for _, one in log.pending if one.group is None]
    assert free == [("x", "new"), ("x", "changed")]


def test_an_end_in_another_group_does_not_come_before_the_beginning() -> None:
    other = Route(channels=("a",), when="night", group_wait_seconds=0)
    routing = Routing(routes=(ROUTE, other))
    log = Log(warning("x"), warning("x", 1, over=True, groups={"a": other.words}))
    (told,) = log.flush(1, routing=routing)
    assert [one.why for one in told.lists] == ["new", "resolved"]


def crowd_of(count: int, lately: int = 0, seconds: float = 0) -> str | None:
    pending = Log(*(planned(f"i{number}") for number in range(count))).pending
    return crowd(pending, lately, a_minute("telegram"), at(seconds))


def test_a_crowd_is_more_than_so_many_at_once_or_within_a_minute_and_less_if_they_are_late() -> (
    None
):
    assert crowd_of(BURST) is None
    assert crowd_of(BURST + 1) == "11 messages at once"
    assert crowd_of(3, 17) is None
    assert crowd_of(3, 18) == "more than 20 messages within a minute"
    assert a_minute("webhook") == 240
    assert crowd_of(LATE_BURST, seconds=61) is None
    assert crowd_of(LATE_BURST + 1, seconds=61) == "4 messages that could not be sent before"
    assert crowd_of(0, 21) is None


def test_of_thousands_of_incidents_every_rule_is_named_in_messages_that_telegram_takes() -> None:
    log = Log(
        *(
            planned(f"i{number:05}", rule=f"{'rule':_<40}{number % 1000:03}", over=number % 7 == 0)
            for number in range(2000)
        )
    )
    parts = log.gather(90)
    assert len(parts) == 21
    text = "".join(one.text for one in parts)
    assert all(f"{'rule':_<40}{number:03}" in text for number in range(1000))
    assert sum(len(one.lists) for one in parts) == 2000
    for one in parts:
        whole = f"{one.title}\n{finished(one.text, one.key('a'), one.alert_at, at(86_000))}"
        assert len(whole.encode("utf-16-le")) // 2 <= 4096
    assert [key for key, _ in log.pending] == [one.key("a") for one in parts]
    assert len({one.key("a") for one in parts}) == 21


def test_torn_anywhere_between_the_parts_of_a_summary_nothing_is_lost() -> None:
    plans = [planned(f"i{number}", rule=f"{'rule':_<90}{number:03}") for number in range(100)]
    parts = gathered(Log(*plans).pending, "too many", at(1), exposure=lambda _: "open 3")
    assert len(parts) == 4
    for cut in range(len(parts) + 1):
        log = Log(*plans, *parts[:cut])
        held = {one.key for pending in log.pending for one in listed_of(*pending)}
        assert held == {one.key("a") for one in plans}
        assert len(log.pending) == (4 if cut == 4 else 100 + cut)
        log.gather(2)
        again = {one.key for pending in log.pending for one in listed_of(*pending)}
        assert again == held


def test_a_summary_that_could_not_be_sent_is_part_of_the_next_and_has_another_key() -> None:
    log = Log(*(planned(f"i{number}") for number in range(12)))
    (first,) = log.gather(10)
    log.take(planned("late", 20), planned("i3", 21, over=True))
    (second,) = log.gather(30)
    assert first.key("a") != second.key("a")
    assert [key for key, _ in log.pending] == [second.key("a")]
    assert len(second.lists) == 14
    assert second.text.splitlines()[1:3] == [
        "CRITICAL: rule_i0, rule_i1, rule_i10, rule_i11, rule_i2, rule_i4, rule_i5, rule_i6, "
        "rule_i7, rule_i8, rule_i9, rule_late",
        "CRITICAL, over: rule_i3",
    ]
    assert second.due_at == at(0)  # when it is given up counts from the first


def test_who_was_not_told_for_a_summary_was_refused_needs_no_end_of_it() -> None:
    log = Log(planned("x"), planned("y"))
    (told,) = log.gather(1)
    log.take(Dead(at=at(2), key=told.key("a"), attempts=1, reason="HTTP 400"))
    assert [known.channels for known in log.state.told.values()] == [[], []]


BOTH = {name: Channel(kind="file", path=name) for name in "ab"}
FALLBACK = Fallbacks({"a": "b", "b": "a"}, BOTH)
NO_FALLBACK = Fallbacks({}, BOTH)


@pytest.mark.parametrize(("severity", "seconds"), [("CRITICAL", 30), ("WARNING", 900)])
def test_what_could_not_be_sent_in_time_goes_to_the_fallback_once_with_the_reason(
    severity: Any, seconds: float
) -> None:
    log = Log(planned("x", severity=severity, mark=Mark(7, 7)))
    log.pending[0][1].reason = "HTTP 503"
    assert overdue(log.pending, FALLBACK, at(seconds)) == []
    (told,) = overdue(log.pending, FALLBACK, at(seconds + 1))
    assert told.channels == ("b",)
    assert told.text.splitlines()[0].startswith("not told on a: not for ")
    assert told.text.splitlines()[0].endswith(": HTTP 503")
    log.take(told)
    assert overdue(log.pending, FALLBACK, at(seconds + 100_000)) == []
    assert [key for key, _ in log.pending] == ["x.1-new.a", "x.1-new-instead-of-a.b"]
    assert log.state.told["x"].channels == ["a", "b"]


def test_the_longest_message_fits_what_telegram_takes_in_another_channels_stead_too() -> None:
    name = "c" * 32
    longest = planned("x", title="t" * 60, text="😱" * 1_750, channels=(name,))
    one = Outstanding(planned=longest, channel=name)
    other = "d" * 32
    fallbacks = Fallbacks({name: other}, {other: Channel(kind="telegram", chat="1")})
    (told,) = instead(longest.key(name), one, fallbacks, "r" * 200, at(1))
    text = finished(told.text, told.key(other), told.alert_at, at(86_000))
    assert len(f"{told.title}\n{text}".encode("utf-16-le")) // 2 <= 4096


def test_what_is_refused_goes_to_the_fallback_and_its_end_too() -> None:
    log = Log(planned("x"))
    (told,) = instead(*log.pending[0], FALLBACK, "HTTP 403", at(1))
    assert told.text.startswith("not told on a: HTTP 403\nx is so")
    log.take(told, Dead(at=at(1), key="x.1-new.a", attempts=1, reason="HTTP 403"))
    assert log.state.told["x"].channels == ["b"]
    assert instead("k", log.pending[0][1], FALLBACK, "HTTP 403", at(2)) == []
    assert instead("k", log.pending[0][1], NO_FALLBACK, "HTTP 403", at(2)) == []


def test_what_a_fallback_was_told_of_is_not_told_there_again_as_part_of_a_summary() -> None:
    log = Log(*(planned(f"i{number}") for number in range(4)))
    log.take(*overdue(log.pending[:2], FALLBACK, at(31)))
    of_a = [(key, one) for key, one in log.pending if one.channel == "a"]
    records = gathered(of_a, "late", at(40), exposure=lambda _: "")
    assert [[one.incident for one in record.lists] for record in records] == [
        ["i0", "i1"], ["i2", "i3"]
    ]  # fmt: skip
    log.take(*records)
    of_a = [(key, one) for key, one in log.pending if one.channel == "a"]
    assert [one.lists[0].incident for one in overdue(of_a, FALLBACK, at(50))] == ["i2"]


def test_a_record_of_the_version_before_is_read_as_one_that_is_told_at_once() -> None:
    old = msgspec.json.decode(msgspec.json.encode(planned("x")))
    for field in ("groups", "lists", "replaces", "since", "flushes", "instead_of", "fell_back"):
        del old[field]
    log = Log(msgspec.convert(old, Planned))
    assert [(key, one.group) for key, one in log.pending] == [("x.1-new.a", None)]
    assert listed_of(*log.pending[0])[0].incident == "x"
