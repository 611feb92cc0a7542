"""The notifier's line in `monitor health`, and `monitor notify test`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.config import Channel, Config
from monitoring.state import ChannelState, read_state
from scripts.cli.findings import Finding
from scripts.cli.health import answer_of
from scripts.cli.look import look

CHANNELS = {"phone": Channel(kind="telegram", chat="1"), "mail": Channel(kind="apprise")}


class Day:
    """A good day in which channels may be set."""

    def __init__(self, house: Any, everyone: Any) -> None:
        self._house = house
        self._everyone = everyone
        house.good_day()
        state = read_state(house.home.state, "scheduler")
        assert state is not None
        self.at = house.at
        self._config = state.config

    def config(self, **channels: Channel) -> Config:
        return msgspec.structs.replace(self._config, channels=channels)

    def collector(self, **channels: Channel) -> None:
        self._house.process("collector", pid=4100, config=self.config(**channels))

    def notifier(self, **fields: Any) -> None:
        """Write a notifier's state file, all channels well unless said otherwise."""
        channels = {name: ChannelState(provider=name) for name in CHANNELS}
        given = {"pid": 4102, "config": self.config(**CHANNELS), "channels": channels}
        self._house.process("notifier", **(given | fields))

    def health(self, *dead: int) -> tuple[Finding, int]:
        """Return what health says of the notifier, and the exit code of the whole."""
        answer = answer_of(look(self._house.home, self.at, self._everyone(*dead)))
        (found,) = [one for one in answer.findings if one.subject == "notifier"]
        return found, answer.exit_code


@pytest.fixture
def day(house: Any, everyone: Any) -> Day:
    return Day(house, everyone)


def test_without_channels_it_is_not_applicable(day: Day) -> None:
    found, _ = day.health()
    assert (found.level, found.what) == ("n/a", "no channel is set: nobody is told")


def test_channels_that_work_are_ok(day: Day) -> None:
    day.notifier()
    found, _ = day.health()
    assert (found.level, found.what) == ("OK", "2 channels, 0 waiting, pid 4102")


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        (["telegram api.telegram.org"], "if telegram api.telegram.org fails, there is silence"),
        (["mail smtp.x", "mail smtp.x"], "only one provider tells you: if mail smtp.x fails"),
        (["webhook hooks.x", ""], "only one provider tells you: if webhook hooks.x fails"),
        ([""], "alerts go into a file alone: nobody hears them"),
    ],
)
def test_fewer_than_two_providers_are_a_warning(day: Day, providers: list[str], said: str) -> None:
    names = [f"channel_{number}" for number in range(len(providers))]
    day.notifier(
        config=day.config(**{name: Channel(kind="webhook") for name in names}),
        channels={
            name: ChannelState(provider=one) for name, one in zip(names, providers, strict=True)
        },
    )
    found, code = day.health()
    assert (found.level, code) == ("WARN", 1)
    assert said in found.what
    assert found.todo is not None
    assert "another provider" in found.todo


def test_of_a_notifier_from_before_that_named_no_provider_nothing_is_said(day: Day) -> None:
    day.notifier(channels={name: ChannelState() for name in CHANNELS})
    assert day.health()[0].level == "OK"


def test_a_notifier_that_only_pings_is_missed_too_and_its_failing_ping_is_said(day: Day) -> None:
    day.notifier(
        config=day.config(), channels={}, secrets_set=("dead_man.chain_url",),
        degraded=["the chain ping does not arrive: HTTP 404"],
    )  # fmt: skip
    found, _ = day.health()
    assert (found.level, found.what) == ("WARN", "the chain ping does not arrive: HTTP 404")
    found, code = day.health(4102)
    assert (found.level, code) == ("CRIT", 2)


def test_a_notifier_that_is_dead_while_channels_are_set_is_critical(day: Day) -> None:
    day.notifier()
    found, code = day.health(4102)
    assert (found.level, code) == ("CRIT", 2)
    assert "is not running (pid 4102 is no longer there)" in found.what
    assert found.todo == "start it again: `make run`, or your supervisor"


def test_channels_that_no_notifier_ever_ran_with_are_critical(day: Day) -> None:
    day.collector(**CHANNELS)
    found, code = day.health()
    assert (found.level, code) == ("CRIT", 2)
    assert "never ran" in found.what


def test_a_channel_that_the_running_notifier_does_not_know_wants_a_restart(day: Day) -> None:
    day.collector(**CHANNELS, new=Channel(kind="webhook"))
    day.notifier()
    found, _ = day.health()
    assert (found.level, found.todo) == ("WARN", "restart the notifier")
    assert found.what == "it does not know the channel new"


def test_dead_letters_and_a_channel_that_fails_say_since_when_and_what_to_do(day: Day) -> None:
    failing = ChannelState(outstanding=3, failing_since=day.at, failing_reason="timed out")
    dead = ChannelState(dead=2, dead_since=day.at, dead_reason="HTTP 403")
    day.notifier(channels={"phone": dead, "mail": failing})
    found, code = day.health()
    assert (found.level, code) == ("WARN", 1)
    assert found.what == (
        "phone: 2 messages given up since 10:42 (HTTP 403); "
        "mail: trying since 10:42, 3 waiting (timed out)"
    )
    assert found.todo == (
        "mend it, then `monitor notify test --channel phone` and "
        "`monitor notify test --channel mail`"
    )


def test_what_is_degraded_is_said(day: Day) -> None:
    day.notifier(degraded=["the deliveries log can't be written: No space left on device"])
    found, _ = day.health()
    assert found.level == "WARN"
    assert found.what == "the deliveries log can't be written: No space left on device"


def test_a_test_message_goes_to_every_channel_and_says_which_took_it(
    monitor: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "monitor.toml").write_text(
        '[channels.good]\nkind = "file"\npath = "told.txt"\n'
        '[channels.bad]\nkind = "file"\npath = "."\n'
    )
    done = monitor("notify", "test")
    assert done.returncode == 2, done.stderr
    assert sorted(line.split()[:2] for line in done.stdout.splitlines()) == [
        ["NOT", "bad"],
        ["ok", "good"],
    ]
    assert "Is a directory" in done.stdout
    told = (home / "told.txt").read_text()
    assert told.startswith("TEST (main)\nThis is no alert")
    one = monitor("notify", "test", "--channel", "good", "--json")
    assert one.returncode == 0
    assert msgspec.json.decode(one.stdout)["sent"] is True
    assert not (home / "logs" / "deliveries").exists()


@pytest.mark.parametrize(
    ("settings", "arguments", "said"),
    [
        ("", [], "No channel is set."),
        ('[channels.a]\nkind = "file"\npath = "x"\n', ["--channel", "b"], "→ There are: a."),
        ('[channels.a]\nkind = "file"\n', [], "a channel of kind file needs path"),
    ],
)
def test_what_can_not_be_tried_is_said(
    monitor: Any, tmp_path: Path, settings: str, arguments: list[str], said: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "monitor.toml").write_text(settings)
    done = monitor("notify", "test", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
