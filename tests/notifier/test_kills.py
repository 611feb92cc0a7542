"""kill -9 at any moment, the endpoints down a third of the time: nothing is lost, all in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.notifier.endpoint import Arrival
from tests.notifier.kills import Script, Told, audit, play

SEED = 20_261_129


@pytest.mark.fault("N2")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kills", "incidents"), [(4, 24), pytest.param(200, 1000, marks=pytest.mark.long)]
)
def test_killed_at_any_moment_with_its_channels_down_a_third_of_the_time_it_loses_nothing(
    tmp_path: Path, kills: int, incidents: int
) -> None:
    told = play(Script(SEED, kills, incidents), tmp_path / "home")
    assert (told.kills, len(told.expected)) == (kills, incidents * 2 * 2)
    assert [one for one in audit(told) if not one.holds] == []


def made(whys: str = "new resolved") -> Told:
    """Return how a run of one incident and one channel ends well, when it was told these."""
    arrived = [
        Arrival("desk", "i", why, f"i.{why}.desk", number)
        for number, why in enumerate(whys.split())
    ]
    return Told(
        expected=[("i", "new", "desk"), ("i", "resolved", "desk")], arrived=arrived, kills=1,
        dead=0, outstanding=0, status=0, down_share={}, requests=2, seconds=1.0,
    )  # fmt: skip


def test_a_message_that_comes_again_at_once_breaks_no_promise() -> None:
    assert all(one.holds for one in audit(made("new new resolved")))


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        (lambda: made("new"), "every (incident, transition, recipient) arrived"),
        (lambda: made("new resolved repeat"), "every (incident, transition, recipient) arrived"),
        (lambda: made("resolved new"), "each incident was told in its order"),
        (lambda: made("new resolved new"), "each incident was told in its order"),
        (lambda: made("new new new new resolved"), "a kill doubles at most"),
        (lambda: rekeyed(["a", "b", "c"]), "what came twice came with the same key"),
        (lambda: rekeyed(["a", "a", "a"]), "what came twice came with the same key"),
        (lambda: made()._replace(dead=1), "none was given up"),
        (lambda: made()._replace(outstanding=1), "the log knows that all is done"),
    ],
)
def test_the_audit_finds_each_harm(harm: Callable[[], Told], broken: str) -> None:
    assert broken in " ".join(one.promise for one in audit(harm()) if not one.holds)


def rekeyed(keys: list[str]) -> Told:
    told = made("new new resolved")
    pairs = zip(told.arrived, keys, strict=True)
    return told._replace(arrived=[one._replace(key=key) for one, key in pairs])
