"""Requests of any content in the spool, taken by a real scheduler that goes on judging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alert_fold import fold, read
from monitoring.config import Config
from monitoring.market_override import MarketOverride
from monitoring.spool import MAX_BYTES, Request, pending
from tests.fuzz.commands import DOCUMENTED, monitor, unprintable
from tests.fuzz.conftest import fewer
from tests.fuzz.garbage import BYTES, JSON, altered, encoded, spoilt
from tests.fuzz.records import plain
from tests.scheduler.conftest import BEGIN_MS, Rig

ID = "0f3c"
RULES = """
[[rule]]
name = "breaker"
severity = "CRITICAL"
clock = "wall"
when = ["window.risk.circuit_breaker_active.any"]
keep_firing_for = "0s"
message = "breaker"
"""
HOUR_MS = 3_600_000
ACK = Request(
    id=ID, action="ack", target="breaker", by="asha", reason="on it", at_ms=BEGIN_MS,
    until_ms=BEGIN_MS + HOUR_MS,
)  # fmt: skip
OVERRIDE = MarketOverride(
    id="m", action="halt", date="2025-10-13", ends_ms=0, from_ms=BEGIN_MS + 21 * HOUR_MS,
    until_ms=BEGIN_MS + 26 * HOUR_MS, by="asha",
)  # fmt: skip
REQUESTS: list[Any] = [
    plain(msgspec.structs.replace(ACK, action=action, target=target, market=market))
    for action, target, market in (
        ("ack", "breaker", None),
        ("unack", "breaker", None),
        ("silence", "breaker", None),
        ("silence", "CRITICAL", None),
        ("expire", "0f3c", None),
        ("market", "open", msgspec.structs.replace(OVERRIDE, action="open", date="2025-10-18")),
        ("market", "skip", msgspec.structs.replace(OVERRIDE, action="skip")),
        ("market", "extend", msgspec.structs.replace(OVERRIDE, action="extend")),
    )
]
CONTENT = st.one_of(
    st.sampled_from(REQUESTS).flatmap(altered).map(encoded),
    st.sampled_from(REQUESTS).flatmap(altered).map(encoded),
    st.sampled_from(REQUESTS).map(encoded),
    st.sampled_from(REQUESTS).map(encoded).flatmap(spoilt),
    JSON.map(encoded),
    BYTES,
    st.sampled_from([b" " * (MAX_BYTES + 1), b"{" * MAX_BYTES]),
)


class Desk:
    """One scheduler, and the numbers that requests get from it: what an example leaves behind (a
    silence, a skipped day) is there for the next, as on a real home.
    """

    def __init__(self, root: Path) -> None:
        self.rig = Rig(root, config=Config(), rules=RULES)
        self.number = 0
        self.held = False
        self.rig.start()

    def put(self, content: bytes) -> str:
        self.number += 1
        request = f"{ID}{self.number:06d}"
        named = content.replace(b'"id": "0f3c"', b'"id": "%s"' % request.encode())
        (self.rig.home.spool / f"{BEGIN_MS:013d}-{request}.json").write_bytes(named)
        return request

    def turn(self) -> None:
        """Let a breaker trip or clear, which must be told whatever lies in the spool."""
        self.held = not self.held
        self.rig.pass_seconds(1)
        self.rig.snapshot(risk__circuit_breaker_active=self.held)
        self.rig.turn()
        assert self.rig.told()[-1] == ("breaker", "firing" if self.held else "resolved")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("spool") / "home")
    yield made
    made.rig.end()


@fewer(5)
@given(contents=st.lists(CONTENT, min_size=1, max_size=3), restart=st.integers(0, 30))
def test_each_request_is_taken_or_refused_in_words_and_the_rules_go_on(
    contents: list[bytes], restart: int, desk: Desk
) -> None:
    asked = [desk.put(content) for content in contents]
    found = dict(pending(desk.rig.home.spool))
    assert len(found) == len(asked)
    assert all(found.values())
    before = fold(desk.rig.home.alerts).seq
    desk.turn()
    if restart == 0:
        desk.rig.start()
        desk.turn()

    lines = list(read(desk.rig.home.alerts, after_seq=before))
    answers = {line.request: line.reason for line in lines if line.request is not None}
    assert sorted(answers) == asked
    assert all(answers.values())
    assert list(desk.rig.home.spool.iterdir()) == []
    assert desk.rig.state().degraded == []
    for command in (("silence", "list"), ("tail", "--no-follow")):
        code, said = monitor(desk.rig.home.root, *command)
        assert code in DOCUMENTED
        assert unprintable(said) == set()


def test_after_all_that_the_market_is_shown_and_days_pass(desk: Desk) -> None:
    for _ in range(5):
        desk.rig.pass_seconds(86_400)
        desk.turn()
        for command in (("market", "show"), ("status",), ("report",), ("silence", "list")):
            code, said = monitor(desk.rig.home.root, *command)
            assert code in DOCUMENTED
            assert unprintable(said) == set()
