"""Which lines of the alert log change the message of an alert, and what it then says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from evaluator.acknowledgement import acknowledge, unacknowledge
from evaluator.incident import Ack, Countdown, Incident, Told, Transition
from evaluator.instant import Instant
from evaluator.silence import Silence
from monitoring.alert_entry import LineMaker, Notice, of_silence
from monitoring.alert_line import AlertLine
from monitoring.config import Channel, Config
from notifier.ledger import Known, State
from notifier.records import Planned, Sent
from notifier.taken import Edits

NOON_MS = 1_760_250_600_000  # 2025-10-12 12:00 IST
NOON = Instant(NOON_MS, 10**15, "boot")
TELEGRAM = Channel(kind="telegram", chat="5")
CONFIG = Config(
    channels={"phone": TELEGRAM, "desk": TELEGRAM, "mail": Channel(kind="apprise")}
)  # fmt: skip
FIRING = Incident(
    id="0199", rule="disk_low", status="firing", severity="WARNING", message="1.9 GB free",
    reason="condition held for 0s", context={}, day="2025-10-12", active_at=NOON, fired_at=NOON,
    held=Countdown(), told=Told(NOON, "WARNING"),
)  # fmt: skip
TOLD = {"0199": Known("disk_low", ["phone", "mail", "gone"])}
MAKER = LineMaker("main", "Asia/Kolkata")


def line_of(entry: Transition | Notice) -> AlertLine:
    line = MAKER.entry(entry, NOON, 1, None)
    line.seq = 17
    return line


def edit(entry: Transition | Notice, told: dict[str, Known] = TOLD) -> Planned | None:
    edits = Edits(CONFIG, lambda: None, lambda: {"disk_low": FIRING})
    return edits.of_line(line_of(entry), told, NOON)


def silence(**fields: Any) -> Notice:
    whole = {"id": "s1", "by": "ravi", "starts_ms": NOON_MS, "ends_ms": NOON_MS + 3_600_000}
    return of_silence(Silence(**(whole | fields)), "active", "for a while")


def test_the_message_says_who_took_it_when_until_when_and_why() -> None:
    ack = Ack("Asha", NOON_MS + 60_000, "cleaning", NOON_MS + 3_600_000)
    planned = edit(acknowledge(FIRING, ack, NOON))
    assert planned is not None
    assert (planned.channels, planned.step) == (("phone",), "17-acknowledged")
    assert planned.title == "WARNING disk_low (main)"
    first, second, *_ = planned.text.splitlines()
    assert first == "✓ taken by Asha at 12:01 on 12 Oct until 13:00 on 12 Oct: cleaning"
    assert second == "1.9 GB free"


def test_given_back_it_says_so_and_can_be_taken_again() -> None:
    taken = acknowledge(FIRING, Ack("Asha", NOON_MS), NOON).incident
    planned = edit(unacknowledge(taken, NOON))
    assert planned is not None
    assert planned.why == "unacknowledged"
    assert planned.text.startswith("given back: acknowledgement of Asha withdrawn\n")


@pytest.mark.parametrize("aim", [{"incident": "0199"}, {"rule": "disk_low"}])
def test_a_silence_of_it_is_said(aim: dict[str, str]) -> None:
    planned = edit(silence(**aim, reason="cleaning"))
    assert planned is not None
    assert planned.why == "silenced"
    assert planned.text.startswith("✓ silenced by ravi until 13:00 on 12 Oct: cleaning\n1.9 GB")


def test_whatever_else_happens_changes_no_message() -> None:
    taken = acknowledge(FIRING, Ack("Asha", NOON_MS), NOON)
    others = [
        Transition(FIRING, NOON, "repeat"),
        Notice(kind="request", reason="unknown target", id="0199"),
        silence(severity="WARNING"),  # of a storm it would be a thousand edits
        silence(incident="0200"),
        msgspec.structs.replace(silence(rule="disk_low"), status="expired"),
        msgspec.structs.replace(
            taken, incident=msgspec.structs.replace(taken.incident, status="pending")
        ),
    ]
    assert [edit(one) for one in others] == [None] * len(others)
    assert edit(taken, {}) is None
    assert edit(taken, {"0199": Known("disk_low", ["mail"])}) is None


def planned(seq: int, why: str, *, over: bool = False) -> Planned:
    return Planned(
        at=NOON, incident="0199", step=f"{seq}-{why}", engine="main", rule="disk_low",
        severity="WARNING", why=why, over=over, alert_at=NOON, title="t", text="x",
        channels=("phone", "mail"),
    )  # fmt: skip


def test_the_first_and_the_newest_message_of_an_alert_are_known_until_its_end() -> None:
    state = State()

    def about(record: Planned) -> list[tuple[int, ...]]:
        state.take(record)
        return [state.about(state.outstanding[record.key(name)]) for name in ("phone", "mail")]

    def sent(record: Planned, number: int | None) -> None:
        state.take(Sent(at=NOON, key=record.key("phone"), attempts=1, late_ms=0, message=number))
        state.take(Sent(at=NOON, key=record.key("mail"), attempts=1, late_ms=0))

    new, first, second = planned(1, "new"), planned(2, "repeat"), planned(3, "repeat")
    assert about(new) == [(), ()]
    sent(new, 41)
    assert about(first) == [(41,), ()]
    sent(first, 42)
    assert about(second) == [(41, 42), ()]
    sent(second, 43)
    taken = planned(4, "acknowledged")
    assert about(taken) == [(41, 43), ()]
    sent(taken, None)
    over = planned(5, "resolved", over=True)
    assert about(over) == [(41, 43), ()]
    sent(over, 44)
    assert state.messages == {}
    assert state.told == {}


def test_a_record_of_a_version_that_kept_no_number_is_still_read() -> None:
    old = {"kind": "sent", "at": NOON, "key": "k", "attempts": 1, "late_ms": 0, "timestamp": ""}
    assert msgspec.convert(msgspec.to_builtins(old), type=Sent).message is None
