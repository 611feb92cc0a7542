"""What a tired human reads: the title, the text, the exposure, how late it is."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.advice import TODO
from monitoring.snapshot import CollectorStatus, Snapshot
from notifier.message import News, advice_of, exposure_of, finished, text_of, title_of

IST = ZoneInfo("Asia/Kolkata")
AT = Instant(1_760_245_927_000, 90_000_000_000_000, "boot")  # 2025-10-12 10:42:07 IST
NEWS = News(
    incident="0199-a", engine="main", rule="daily_loss_exceeded", severity="CRITICAL", why="new",
    over=False, message="Daily loss −2.4% is past the limit of 2%", reason="condition held for 0s",
    since_ms=AT.wall_ms - 72_000, at=AT, todo="flatten or hedge",
    page="docs/rules/daily_loss_exceeded.md",
)  # fmt: skip


def changed(**fields: Any) -> News:
    return msgspec.structs.replace(NEWS, **fields)


def snapshot(seconds_ago: float = 1.0, **fields: Any) -> Snapshot:
    ago = round(seconds_ago * 1000)
    return Snapshot(
        snapshot=1, timestamp="", wall_ms=AT.wall_ms - ago,
        boottime_ns=AT.boottime_ns - ago * 1_000_000, boot_id="boot", engine="main",
        reason="interval", collector=CollectorStatus(app_version="0"), **fields,
    )  # fmt: skip


def test_a_message_says_what_since_when_how_exposed_what_to_do_and_who_it_is() -> None:
    exposure = "open 3, worth ₹14.6L, P&L −₹18,400"
    assert text_of(NEWS, exposure, IST).splitlines() == [
        "Daily loss −2.4% is past the limit of 2%",
        "since 10:40:55 on 12 Oct, 1m12s: condition held for 0s",
        "open 3, worth ₹14.6L, P&L −₹18,400",
        "do: flatten or hedge",
        "more: docs/rules/daily_loss_exceeded.md",
        "id 0199-a",
    ]


def test_a_line_with_a_time_that_is_none_is_told_all_the_same() -> None:
    assert "since an unknown time" in text_of(changed(since_ms=10**18), "open 0", IST)


def test_the_end_of_it_says_how_long_it_was_and_nothing_to_do() -> None:
    lines = text_of(changed(over=True, reason="clear for 1m"), "open 0", IST).splitlines()
    assert lines[1] == "was so from 10:40:55 on 12 Oct, 1m12s: clear for 1m"
    assert not any(line.startswith("do:") for line in lines)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "CRITICAL daily_loss_exceeded (main)"),
        ({"severity": "WARNING"}, "WARNING daily_loss_exceeded (main)"),
        ({"why": "repeat"}, "STILL CRITICAL daily_loss_exceeded (main)"),
        ({"over": True}, "RESOLVED daily_loss_exceeded (main)"),
    ],
)
def test_a_title_begins_with_how_grave_it_is(fields: dict[str, Any], title: str) -> None:
    assert title_of(changed(**fields)) == title


def test_a_lock_screen_shows_the_whole_title() -> None:
    longest = title_of(changed(rule="r" * 64, engine="e" * 64, why="repeat"))
    assert len(longest) == 60


def test_every_built_in_rule_leads_to_its_page_and_a_rule_of_ones_own_to_the_file() -> None:
    assert all(advice_of(rule) == (TODO[rule], f"docs/rules/{rule}.md") for rule in TODO)
    assert advice_of("mine") == ("the rule is your own: see your rules.toml", None)


def test_the_exposure_is_what_the_alert_says_else_what_the_newest_snapshot_says() -> None:
    newest = snapshot(
        positions={"count": 9.0, "total_value": 1_460_000.0}, pnl={"daily": -18_400.0}
    )
    said = exposure_of({"positions.count": 3.0}, newest, AT, 35, IST)
    assert said == "open 3, worth ₹14.6L, P&L −₹18,400"


def test_an_exposure_of_the_past_has_its_time() -> None:
    old = snapshot(100, positions={"count": 9.0})
    assert exposure_of({}, old, AT, 35, IST) == (
        "open 9, worth unknown, P&L unknown (as of 10:40:27 on 12 Oct)"
    )


@pytest.mark.parametrize("known", [None, snapshot(), snapshot(positions={"count": None})])
def test_what_is_not_known_of_the_exposure_is_said_to_be_unknown(known: Snapshot | None) -> None:
    said = exposure_of({"positions.count": True}, known, AT, 35, IST)
    assert said == "open unknown, worth unknown, P&L unknown"


@pytest.mark.parametrize(
    ("seconds", "head"), [(0, ""), (60, ""), (61, "late: 1m1s\n"), (720, "late: 12m\n")]
)
def test_a_message_says_how_late_it_is(seconds: int, head: str) -> None:
    now = Instant(AT.wall_ms - 5, AT.boottime_ns + seconds * 10**9, "boot")  # its clock was set
    assert finished("text", "k", AT, now) == f"{head}text\nTickbeat-Key: k"


@pytest.mark.parametrize("letter", ["x", "₹", "😱", "\x1b"])
def test_the_longest_message_fits_what_telegram_takes_and_keeps_id_and_key(letter: str) -> None:
    endless = letter * 9000
    news = changed(message=endless, reason=endless, context={"consequences": endless})
    key = f"{news.incident}.12345-rule_removed.{'c' * 32}"
    late = Instant(AT.wall_ms, AT.boottime_ns + 10**15, "boot")
    body = finished(text_of(news, "open unknown, " * 5, IST), key, AT, late)
    whole = f"{title_of(changed(rule='r' * 64))}\n{body}"
    assert len(whole.encode("utf-16-le")) // 2 <= 4096
    assert "(all of it: `monitor tail`)" in whole
    assert f"\nid {news.incident}\nTickbeat-Key: {key}" in whole
    assert "\x1b" not in whole
