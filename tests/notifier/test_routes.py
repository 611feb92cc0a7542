"""The routes in force: over a restart with a faulty file, and the operator's word on the market."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.instant import Instant
from monitoring.alert_entry import LineMaker, Notice
from monitoring.config import Channel, Config
from monitoring.home import Home
from monitoring.market_override import MarketOverride
from notifier.routes import Routes

PHONE, MAIL = Channel(kind="file", path="phone"), Channel(kind="file", path="mail")
CONFIG = Config(channels={"phone": PHONE, "mail": MAIL})
TO_MAIL = '[[route]]\nwhen = "session"\nchannels = ["mail"]\n'
NOON = Instant(1_760_337_000_000, 10**15, "boot")  # Monday 2025-10-13 12:00 IST


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.state.mkdir(parents=True)
    home.notify.write_text(TO_MAIL)
    return home


def told(routes: Routes) -> list[str]:
    return [*routes.ways("CRITICAL", "a", NOON)]


def test_a_faulty_file_leaves_the_routes_from_before_in_force_over_a_restart(home: Home) -> None:
    assert told(Routes(home, CONFIG, {})) == ["mail"]
    home.notify.write_text("[[rote]]")
    restarted = Routes(home, CONFIG, {})
    assert told(restarted) == ["mail"]
    assert (restarted.trouble or "").startswith("not taken over: notify.toml:1:1: unknown table")


@pytest.mark.parametrize("kept", [None, b"{", b'{"routes": 3}', b"\xff"])
def test_without_routes_from_before_a_faulty_file_has_everybody_told(
    home: Home, kept: bytes | None
) -> None:
    home.notify.write_text("[[rote]]")
    if kept is not None:
        home.routes_in_force.write_bytes(kept)
    assert told(Routes(home, CONFIG, {})) == ["phone", "mail"]


def test_routes_to_a_channel_that_is_not_set_any_more_have_everybody_told(home: Home) -> None:
    Routes(home, CONFIG, {})
    assert told(Routes(home, Config(channels={"phone": PHONE}), {})) == ["phone"]


def test_the_operators_word_on_the_market_makes_it_night(home: Home) -> None:
    routes = Routes(home, CONFIG, {})
    assert told(routes) == ["mail"]
    skipped = MarketOverride(
        id="1", action="skip", date="2025-10-13", ends_ms=NOON.wall_ms + 10**8, by="asha",
        reason="", at_ms=NOON.wall_ms,
    )  # fmt: skip
    notice = Notice(kind="market", reason="skipped", market=skipped)
    routes.take(LineMaker("main", "Asia/Kolkata").entry(notice, NOON, 1, None))
    assert told(routes) == ["phone", "mail"]
