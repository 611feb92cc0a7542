"""The two pings: what they say, to whom, how often, and that neither depends on the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.config import Channel, Config
from monitoring.home import Home
from monitoring.settings import load
from monitoring.snapshot import CollectorStatus, Snapshot
from monitoring.state import ProcessState, write_state
from notifier.dead_man import DeadMan, body_of, unreached, with_path
from notifier.records import Passed

Serve = Callable[..., Any]
PATH = "/ping/CANARY"


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


def snapshot(seconds: float) -> Snapshot:
    taken = at(seconds)
    return Snapshot(
        snapshot=1, timestamp="2025-10-12T10:42:07+05:30", wall_ms=taken.wall_ms,
        boottime_ns=taken.boottime_ns, boot_id="boot", engine="main", reason="interval",
        positions={"count": 3.0, "total_value": 1_460_000.0}, pnl={"daily": -18_400.0},
        collector=CollectorStatus(app_version="0"),
    )  # fmt: skip


class Minutes:
    """A notifier's minutes: what is so in each, and what was pinged."""

    def __init__(self, root: Path, **urls: str) -> None:
        self.state = root / "state"
        environ = {f"MONITOR_DEAD_MAN__{name.upper()}_URL": url for name, url in urls.items()}
        environ |= {"MONITOR_CHANNELS__PHONE__KIND": "file", "MONITOR_CHANNELS__PHONE__PATH": "x"}
        settings = load(Home(root), environ)
        self.dead_man = DeadMan(settings, self.state, wake=lambda: None)
        self.snapshot: Snapshot | None = None
        self.failing: dict[str, str] = {}

    def evaluated(self, seconds: float, *, enabled: bool = True) -> None:
        state = ProcessState(
            process="scheduler", pid=os.getpid(), version="0", started=at(0), updated=at(seconds),
            home="/", config=Config(enabled=enabled),
        )  # fmt: skip
        self.state.mkdir(exist_ok=True)
        write_state(self.state, state)

    def look(self, seconds: float) -> dict[str, str | None]:
        return self.dead_man.look(at(seconds), lambda: self.snapshot, self.failing)

    def all_well(self, seconds: float) -> None:
        self.snapshot = snapshot(seconds - 4)
        self.evaluated(seconds - 1)
        self.failing = {}


def ways(server: Any) -> list[str]:
    """Return what stands behind the address in each request."""
    return [request.path.removeprefix(PATH) for request in server.requests]


def settled(minutes: Minutes, seconds: float, wanted: int, *servers: Any) -> None:
    """Look until each server has so many requests; the answer before may still be on its way."""
    until = time.monotonic() + 30
    while any(len(server.requests) < wanted for server in servers):
        assert time.monotonic() < until, [ways(server) for server in servers]
        minutes.look(seconds)
        time.sleep(0.005)


def test_it_starts_and_then_says_each_minute_that_all_is_well_and_what_is_at_stake(
    tmp_path: Path, serve: Serve
) -> None:
    chain, delivery = serve(), serve()
    minutes = Minutes(tmp_path, chain=f"{chain.url}{PATH}?create=1", delivery=delivery.url + PATH)
    for count, seconds in enumerate((0, 60, 120), 1):
        minutes.all_well(seconds)
        settled(minutes, seconds, count, chain, delivery)
        minutes.look(seconds + 59)
    assert ways(chain) == ["/start?create=1", "?create=1", "?create=1"]
    assert ways(delivery) == ["/start", "", ""]
    assert chain.requests[1].body == (
        "main: well\nopen 3, worth ₹14.6L, P&L −₹18,400\nsnapshot 4s old"
    )
    assert len(delivery.requests) == 3, "not twice a minute"


def test_each_ping_fails_for_its_own_reason_once_a_minute_and_is_well_again(
    tmp_path: Path, serve: Serve
) -> None:
    chain, delivery = serve(), serve()
    minutes = Minutes(tmp_path, chain=chain.url + PATH, delivery=delivery.url + PATH)
    said = []

    def minute(number: int, spoil: Callable[[], object] | None = None) -> None:
        minutes.all_well(60 * number)
        if spoil is not None:
            spoil()
        for second in range(3):
            settled(minutes, 60 * number + second, number + 1, chain, delivery)
        said.append([server.requests[-1].body.splitlines()[0] for server in (chain, delivery)])

    minute(0)
    minute(1, lambda: setattr(minutes, "snapshot", snapshot(60 - 36)))
    minute(2, lambda: minutes.evaluated(120 - 21))
    minute(3, lambda: minutes.evaluated(180, enabled=False))
    minute(4, (minutes.state / "scheduler.json").unlink)
    minute(5, lambda: setattr(minutes, "snapshot", None))
    minute(6, lambda: minutes.failing.update(phone="HTTP 403", gone="not set"))
    minute(7)
    assert ways(chain) == ["/start", *["/fail"] * 5, "", ""]
    assert ways(delivery) == ["/start", *[""] * 5, "/fail", ""]
    assert [chain_said for chain_said, _ in said[1:6]] == [
        "main: the newest snapshot is 36s old: see the collector",
        "main: the last evaluation was 21s ago: see the scheduler",
        "main: the scheduler is switched off (enabled = false)",
        "main: the scheduler never ran, or its state file can't be read",
        "main: there is no snapshot that can be read",
    ]
    assert said[6] == ["main: well", "main: phone: HTTP 403"]


def test_a_ping_server_that_hangs_or_refuses_is_a_trouble_that_delays_nothing(
    tmp_path: Path, serve: Serve
) -> None:
    chain, delivery = serve(), serve()
    chain.always.hang = True
    delivery.always.code, delivery.always.headers = 302, {"Location": chain.url}
    minutes = Minutes(tmp_path, chain=chain.url + PATH, delivery=delivery.url + PATH)
    minutes.all_well(0)
    began = time.monotonic()
    settled(minutes, 0, 1, chain, delivery)
    for number in range(1, 4):
        settled(minutes, 60 * number, number + 1, delivery)
    assert time.monotonic() - began < 9, "the deadline of the one that hangs is longer"
    said = minutes.look(185)
    while said["delivery ping"] is None and time.monotonic() - began < 9:
        said = minutes.look(185)
    assert said["chain ping"] == "the chain ping hangs"
    redirected = "redirected (HTTP 302), not followed"
    assert said["delivery ping"] == f"the delivery ping does not arrive: {redirected}"
    assert ways(chain) == ["/start"]


def test_the_real_process_pings_without_a_channel_too_and_writes_the_address_nowhere(
    desk: Any, serve: Serve
) -> None:
    chain, delivery = serve(), serve()
    desk.environ["MONITOR_DEAD_MAN__CHAIN_URL"] = chain.url + PATH
    desk.environ["MONITOR_DEAD_MAN__DELIVERY_URL"] = delivery.url + PATH
    delivery.always.code = 404
    desk.start()
    desk.wait(lambda: ways(chain) == ways(delivery) == ["/start"], "both pings")
    words = "the delivery ping does not arrive: HTTP 404"
    desk.wait(lambda: desk.state().degraded == [words], "the word of it")
    desk.fire("disk_low")
    desk.wait(lambda: desk.records(Passed)[1:], "why nobody is told")
    assert desk.records(Passed)[-1].reason == "no channel is set"
    health = desk.monitor("health").stdout
    (line,) = [line for line in health.splitlines() if " notifier " in line]
    assert line.startswith("WARN")
    assert words in line
    assert desk.stop() == 0
    files = [path for path in desk.home.root.rglob("*") if path.is_file()]
    assert not [path for path in files if b"CANARY" in path.read_bytes()]
    assert "CANARY" not in health


def test_without_a_channel_nobody_is_told_and_that_is_no_delivery() -> None:
    assert unreached({}, {}) == "no channel is set: nobody is told"


@pytest.mark.parametrize(
    ("failing", "said"),
    [({}, None), ({"phone": "HTTP 403"}, "phone: HTTP 403"), ({"trial": "full"}, None),
     ({"phone": "a", "mail": "b", "trial": "c"}, "phone: a; mail: b")],
)  # fmt: skip
def test_every_channel_is_required_that_is_not_said_not_to_be(
    failing: dict[str, str], said: str | None
) -> None:
    channels = {
        "phone": Channel(kind="telegram"), "mail": Channel(kind="apprise"),
        "trial": Channel(kind="file", required=False),
    }  # fmt: skip
    assert unreached(channels, failing) == said


def test_what_is_not_known_is_said_so() -> None:
    body = body_of("there is no snapshot that can be read", None, Config(), at(0))
    assert body.splitlines()[1:] == ["open unknown, worth unknown, P&L unknown", "no snapshot"]
    old = msgspec.structs.replace(snapshot(-600), pnl={})
    assert "P&L unknown (as of " in body_of(None, old, Config(), at(0))


@pytest.mark.parametrize(
    ("url", "whole"),
    [("https://x/u", "https://x/u/fail"), ("https://x/u/", "https://x/u/fail"),
     ("https://x/k/slug?create=1", "https://x/k/slug/fail?create=1"), ("https://x", "https://x/fail")],
)  # fmt: skip
def test_the_word_goes_behind_the_path(url: str, whole: str) -> None:
    assert with_path(url, "/fail") == whole
