"""The digest after the close: what it says, when it is due, and that it comes once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from evaluator.incident import Ack
from evaluator.instant import Instant
from monitoring.calendar import calendar_of
from monitoring.config import Calendar, Config
from monitoring.snapshot import CollectorStatus, Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.trading_day import DayIncident
from notifier.deliveries import DeliveryLog, fold
from notifier.digest import Digest, session_over, text_of
from notifier.ledger import DeadLetter, State
from notifier.message import finished

Desk = Any
IST = ZoneInfo("Asia/Kolkata")
CONFIG = Config()


def at(clock: str, day: str = "2025-10-13") -> Instant:
    moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=IST)
    wall_ms = round(moment.timestamp() * 1000)
    return Instant(wall_ms, wall_ms * 1_000_000 % 10**17, "boot")


@pytest.mark.parametrize(
    ("clock", "day", "session"),
    [
        ("15:34", "2025-10-13", None),  # the close is at 15:30
        ("15:35", "2025-10-13", "2025-10-13"),
        ("03:00", "2025-10-14", "2025-10-13"),  # a notifier that was down meanwhile
        ("03:31", "2025-10-14", None),
        ("17:00", "2025-10-12", None),  # a Sunday
    ],
)
def test_it_is_due_five_minutes_after_the_close_and_for_half_a_day(
    clock: str, day: str, session: str | None
) -> None:
    found = session_over(calendar_of(CONFIG), at(clock, day).wall_ms, IST)
    assert (None if found is None else found.day) == session


def test_where_nothing_closes_midnight_ends_a_day() -> None:
    always = calendar_of(Config(calendar=Calendar(name="always")))
    found = session_over(always, at("00:05").wall_ms, IST)
    assert found is not None
    assert found.day == "2025-10-12"


class Spareless:
    def release(self) -> bool:
        return False


def test_it_says_what_fired_who_took_it_what_was_at_stake_and_what_was_not_delivered(
    desk: Desk,
) -> None:
    store = SnapshotStore(desk.home.snapshots)
    for number, (clock, count, value, pnl) in enumerate(
        [("10:41", 3.0, 1_460_000.0, -18_400.0), ("11:04", 0.0, 0.0, -21_000.0)]
    ):
        taken = at(clock)
        store.write(
            Snapshot(
                snapshot=number, timestamp="", wall_ms=taken.wall_ms,
                boottime_ns=taken.boottime_ns, boot_id="boot", engine="main", reason="interval",
                positions={"count": count, "total_value": value}, pnl={"daily": pnl},
                collector=CollectorStatus(app_version="0"),
            )
        )  # fmt: skip
    desk.fire("daily_loss_exceeded", at=at("10:42"))
    ack = Ack("asha", at("10:44").wall_ms)
    desk.step("daily_loss_exceeded", "acknowledged", ack=ack, at=at("10:44"))
    desk.resolve("daily_loss_exceeded", at=at("11:05"))
    desk.fire("disk_low", "WARNING", at=at("14:00"))

    log = DeliveryLog(desk.home.deliveries, IST, 90, Spareless())
    log.state.dead = [DeadLetter("phone", at("10:43"), "t", "HTTP 403")]
    digest, calendar = Digest(desk.home, CONFIG), calendar_of(CONFIG)
    assert digest.look(("mail",), calendar, log.state, at("15:34")) is None
    made = digest.look(("mail",), calendar, log.state, at("15:35"))
    assert made is not None
    assert (made.title, made.key("mail")) == ("DIGEST 13 Oct (main)", "digest.2025-10-13.mail")
    assert made.text == (
        "1 CRITICAL, 1 WARNING, 1 still firing\n"
        "10:42 CRITICAL daily_loss_exceeded: resolved after 23m, asha took it after 2m\n"
        "  3 open worth ₹14.6L, P&L −₹18,400 → 0 open worth ₹0, P&L −₹21,000\n"
        "14:00 WARNING disk_low: still firing, nobody took it\n"
        "  0 open worth ₹0, P&L −₹21,000\n"
        "not delivered on phone: 1 (HTTP 403)\n"
        "more: `monitor report --session 2025-10-13`"
    )

    # Once: also after a restart, and after it was sent.
    log.append([made])
    assert digest.look(("mail",), calendar, log.state, at("15:40")) is None
    log.close()
    state, _ = fold(desk.home.deliveries)
    assert Digest(desk.home, CONFIG).look(("mail",), calendar, state, at("18:00")) is None
    assert [*state.outstanding] == ["digest.2025-10-13.mail"]
    assert state.told == {}
    assert Digest(desk.home, CONFIG).look((), calendar, State(), at("18:00")) is None


def test_a_day_with_hundreds_of_alerts_fits_into_one_message() -> None:
    many = [
        DayIncident(
            id=str(n), rule=f"{'rule':_<90}{n}", severity="CRITICAL", message="", fired_ms=n * 1000,
            suppressed_by="inhibited by " + "x" * 100,
        )
        for n in range(500)
    ]  # fmt: skip
    text = text_of(many, [DeadLetter("a", at("10:00"), "t", "r" * 500)], IST)
    whole = finished(f"DIGEST\n{text}\nmore: `monitor report`", "k" * 60, at("15:35"), at("15:36"))
    assert len(whole.encode("utf-16-le")) // 2 <= 4096
    assert "and 492 more: " in text
    assert text_of([], [], IST) == "no alert fired"
