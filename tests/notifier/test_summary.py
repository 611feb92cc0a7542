"""What a summary says when many messages are about few alerts, and of whom its number is."""

from __future__ import annotations

from evaluator.instant import Instant
from notifier.gathering import gathered
from notifier.ledger import State
from notifier.records import Planned, Sent

REASON = "4 messages that could not be sent before"


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


def planned(incident: str, why: str, seconds: float = 0) -> Planned:
    over = why == "resolved"
    head = {"new": "CRITICAL", "escalated": "STILL CRITICAL", "resolved": "RESOLVED"}[why]
    text = f"{incident} is so\nsince 10:00\nopen 2" + ("" if over else f"\ndo: look at {incident}")
    return Planned(
        at=at(seconds), incident=incident, step=f"1-{why}-{seconds:g}s", engine="main",
        rule=f"rule_{incident}", severity="CRITICAL", why=why, over=over, alert_at=at(seconds),
        title=f"{head} rule_{incident} (main)", text=text, channels=("a",),
    )  # fmt: skip


def climbing(incident: str) -> list[Planned]:
    climbs = [planned(incident, "escalated", seconds) for seconds in (120, 300, 600)]
    return [planned(incident, "new"), *climbs]


def summed_up(state: State, *records: Planned) -> Planned:
    """Return the one summary of all that waits."""
    for record in records:
        state.take(record)
    pending = [*state.outstanding.items()]
    (told,) = gathered(pending, REASON, at(601), exposure=lambda _: "open 3")
    state.take(told)
    return told


def sent(told: Planned, message: int) -> Sent:
    return Sent(at=at(602), key=told.key("a"), attempts=1, late_ms=0, message=message)


def test_many_messages_of_one_alert_become_its_last_word_with_what_to_do() -> None:
    told = summed_up(State(), *climbing("x"))
    assert told.title == "CRITICAL rule_x (main)"
    assert told.text.splitlines() == [
        REASON, "STILL CRITICAL rule_x: x is so", "do: look at x", "open 3", "more: `monitor tail`"
    ]  # fmt: skip
    assert [one.why for one in told.lists] == ["new", "escalated", "escalated", "escalated"]


def test_so_it_does_when_the_summary_could_not_be_sent_either() -> None:
    state = State()
    summed_up(state, *climbing("x"))
    told = summed_up(state, *(planned("x", "escalated", 600 + 900 * step) for step in range(1, 9)))
    assert (told.title, len(told.lists)) == ("CRITICAL rule_x (main)", 12)
    assert told.text.splitlines()[1:3] == ["STILL CRITICAL rule_x: x is so", "do: look at x"]


def test_an_alert_that_is_over_is_told_as_that() -> None:
    told = summed_up(State(), *climbing("x"), planned("x", "resolved", 601))
    assert told.title == "RESOLVED rule_x (main)"
    assert told.text.splitlines()[1:-2] == ["RESOLVED rule_x: x is so"]


def test_of_several_alerts_each_has_one_line() -> None:
    told = summed_up(
        State(), *climbing("x"), planned("y", "new", 10), planned("x", "resolved", 601)
    )
    assert told.title == "1 CRITICAL, 1 RESOLVED (main)"
    assert told.text.splitlines()[1:-2] == [
        "CRITICAL rule_y: y is so", "RESOLVED rule_x: x is so"
    ]  # fmt: skip
    assert len(told.lists) == 6


def test_its_number_is_that_of_the_one_alert_so_that_an_edit_and_the_end_find_it() -> None:
    state = State()
    first = planned("x", "new")
    state.take(first)
    state.take(sent(first, 7))
    told = summed_up(state, *climbing("x")[1:])
    assert state.about(state.outstanding[told.key("a")]) == (7,)
    state.take(sent(told, 8))
    end = planned("x", "resolved", 700)
    state.take(end)
    assert state.about(state.outstanding[end.key("a")]) == (7, 8)
    state.take(sent(end, 9))
    assert state.messages == {}


def test_no_number_is_kept_of_one_that_is_over_or_of_several() -> None:
    for records in (
        [planned("x", "new"), planned("x", "resolved", 1)],
        [planned("x", "new"), planned("y", "new")],
    ):
        state = State()
        state.take(sent(summed_up(state, *records), 7))
        assert state.messages == {}
