"""The notifier's line in `monitor health`, `monitor notify test` and `monitor notify check`."""

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
from scripts.monitor import run

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


ROUTES = """
[[route]]
severity = "CRITICAL"
channels = ["phone"]
continue = true

[[route]]
rule = "breeze_*"
when = "night"
channels = ["mail"]
repeat_interval = "4h"

[[route]]
when = "session"
channels = ["mail"]
group_wait = "1m"

[quiet_hours]
from = "22:00"
to = "07:00"

[fallback]
phone = "mail"

[digest]
channels = ["mail"]
"""


@pytest.fixture
def routed(tmp_path: Path) -> Path:
    """A home with a phone for CRITICAL alone, a mail, and routes."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "monitor.toml").write_text(
        '[channels.phone]\nkind = "file"\npath = "phone"\nseverity = "CRITICAL"\n'
        '[channels.mail]\nkind = "file"\npath = "mail"\n'
    )
    (home / "notify.toml").write_text(ROUTES)
    return home


def test_the_routes_are_printed_in_words(monitor: Any, golden: Any, routed: Path) -> None:
    done = monitor("notify", "check")
    assert (done.returncode, done.stderr) == (0, "")
    golden("notify_check.txt", done.stdout.replace(str(routed), "/srv/monitor"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--severity", "critical", "--at", "2025-10-13T10:00"],
            "told  phone  route 1 (CRITICAL), at once\ntold  mail  route 3 (session), at once\n",
        ),
        (
            ["--severity", "WARNING", "--at", "2025-10-13T10:00"],
            "NOT   phone  no route leads there\n"
            "told  mail  route 3 (session), with its group, after 1m\n",
        ),
        (
            ["--severity", "WARNING", "--at", "2025-10-13T21:59"],
            "NOT   phone  is told of CRITICAL alone\ntold  mail  no route matches, at once\n",
        ),
        (
            ["--severity", "WARNING", "--at", "2025-10-13T23:00"],
            "NOT   phone  is told of CRITICAL alone\n"
            "told  mail  no route matches, when the quiet hours are over, 07:00\n",
        ),
    ],
)
def test_who_would_be_told_is_said_with_the_reason(
    routed: Path,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(routed))
    assert run(["notify", "check", "--rule", "disk_low", *options]) == 0
    assert capsys.readouterr().out == said


def test_every_fault_of_the_routes_is_named_and_a_rule_that_there_is_not(
    routed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(routed))
    (routed / "notify.toml").write_text('[[route]]\nchannels = ["phon"]\nwen = "night"\n')
    assert run(["notify", "check"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "notify.toml:2:13: unknown channel phon (there are: phone, mail) → did you mean phone?",
        "notify.toml:3:1: unknown field wen → did you mean when?",
    ]
    assert said.err == "2 faults: this file is not taken over.\n"
    (routed / "notify.toml").write_text('[[route]]\nchannels = ["mail"]\nrule = "disk_lo"\n')
    assert run(["notify", "check", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["ok"] is True
    assert run(["notify", "check"]) == 0
    hint = "route 1: no rule is called disk_lo (did you mean disk_low?)"
    assert hint in capsys.readouterr().err
