"""The on-call set-up in force: over a restart while `oncall.toml` is faulty."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.config import Channel, Config
from monitoring.home import Home
from monitoring.oncall import OnCall
from monitoring.troubles import Troubles
from notifier.oncall_watch import OnCallWatch

ONCALL = """
[people.asha]
channels = ["phone_old", "mail"]
[people.ravi]
channels = ["ravi_phone"]
[people.nina]
channels = ["phone_old"]
[[rotation]]
name = "desk"
people = ["asha"]
every = "day"
at = "00:00"
start = 2026-01-01
[[policy]]
[[policy.step]]
whom = ["desk", "phone_old"]
after = "2m"
[[policy.step]]
whom = "nina"
after = "5m"
[[policy.step]]
whom = ["ravi", "nina"]
after = "10m"
"""
BEFORE = ("phone_old", "mail", "ravi_phone")
DEFAULT = "oncall.toml is not taken over, the default for one person is in force: "


class Rig:
    """A home whose notifier is started anew with these channels."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.state.mkdir(parents=True)
        self.troubles = Troubles()

    def start(self, *channels: str, oncall: str | None = None) -> OnCallWatch:
        if oncall is not None:
            self.home.oncall.write_text(oncall)
        self.troubles = Troubles()
        config = Config(channels={name: Channel(kind="webhook") for name in channels})
        return OnCallWatch(self.home, config, self.troubles)

    @property
    def said(self) -> str:
        (words,) = self.troubles.words
        return words


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def steps(watch: OnCallWatch) -> list[tuple[str, ...]]:
    """Return the channels of each step of the first policy."""
    (policy, *_) = watch.policies("breaker")
    return [watch.oncall.channels(step.whom, 1_790_000_000_000) for step in policy.steps]


def test_a_faulty_file_leaves_what_was_before_in_force_over_a_restart(rig: Rig) -> None:
    before = rig.start(*BEFORE, oncall=ONCALL)
    again = rig.start(*BEFORE, oncall=ONCALL.replace('whom = "nina"', 'whom = "nnia"'))
    assert again.oncall == before.oncall
    assert steps(again) == [("phone_old", "mail"), ("phone_old",), ("ravi_phone", "phone_old")]
    assert rig.said.startswith("oncall.toml is not taken over, what was before is in force: ")


def test_a_channel_that_was_renamed_is_left_out_and_all_others_are_told(rig: Rig) -> None:
    rig.start(*BEFORE, oncall=ONCALL)
    watch = rig.start("phone", *BEFORE[1:])
    assert steps(watch) == [("mail",), ("ravi_phone",)]
    assert "what was before is in force without phone_old: oncall.toml:3:" in rig.said
    mended = rig.start("phone", *BEFORE[1:], oncall=ONCALL.replace("phone_old", "phone"))
    assert steps(mended) == [("phone", "mail"), ("phone",), ("ravi_phone", "phone")]
    assert rig.troubles.words == []


@pytest.mark.parametrize("kept", [None, b"{", b'{"people": 3}', b"\xff"])
def test_without_any_from_before_the_default_is_in_force_and_is_said_to_be(
    rig: Rig, kept: bytes | None
) -> None:
    if kept is not None:
        rig.home.oncall_in_force.write_bytes(kept)
    watch = rig.start(*BEFORE, oncall="[[polcy]]")
    assert watch.oncall == OnCall()
    assert steps(watch)[0] == ("phone_old", "mail")
    assert rig.said.startswith(DEFAULT)


def test_where_no_channel_of_before_is_left_the_default_is_in_force(rig: Rig) -> None:
    rig.start(*BEFORE, oncall=ONCALL)
    assert steps(rig.start("phone", "desk_phone"))[0] == ("phone", "desk_phone")
    assert rig.said.startswith(DEFAULT)


def test_a_file_that_was_taken_away_does_not_come_back_with_a_faulty_one(rig: Rig) -> None:
    rig.start(*BEFORE, oncall=ONCALL)
    rig.home.oncall.unlink()
    rig.start(*BEFORE)
    assert rig.start(*BEFORE, oncall="[[polcy]]").oncall == OnCall()
    assert rig.said.startswith(DEFAULT)
