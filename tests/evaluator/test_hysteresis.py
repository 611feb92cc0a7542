"""`clear_when`: an alert that fires is not over at the first sign of relief."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evaluator.rules import RuleErrors, load

Cast = Callable[..., Any]
NOT_YET = {"truth": "false", "clear": "false"}
NOBODY_KNOWS = {"truth": "false", "clear": "unknown", "clear_why": "unknown: a.b"}
R = {"name": "r", "keep_firing_for_seconds": 30}

RULES = """
[[rule]]
name = "loss"
severity = "WARNING"
when = ["risk.daily_loss_pct <= -1.0"]
clear_when = ["risk.daily_loss_pct > -0.5"]
unless = ["market_data.halted"]
message = "loss {risk.daily_loss_pct}"

[[rule]]
name = "forgetful"
severity = "WARNING"
when = ["custom.skew > 3"]
clear_when = ["custom.skew < 1"]
no_data = "ok"
message = "m"

[[rule]]
name = "limited"
severity = "WARNING"
when = ["pnl.daily < 0"]
clear_when = ["pnl.daily > limits.positions_count"]
message = "m"

[facts]
custom.skew = { type = "number" }
"""


def test_an_alert_is_over_only_when_it_is_clear_enough(world: Callable[..., Any]) -> None:
    here = world(RULES)
    story = [(-1.0, "firing"), (-0.9, "firing"), (-0.5, "firing"), (-0.4, "resolved")]
    for seconds, (loss, status) in enumerate(story):
        here.turn(seconds, {"risk.daily_loss_pct": loss}, [])
        assert here.status("loss") == status
    here.turn(10, {"risk.daily_loss_pct": -0.9}, [])
    assert here.status("loss") == "none"


def test_an_excuse_ends_it_however_clear_it_is(world: Callable[..., Any]) -> None:
    here = world(RULES)
    here.turn(0, {"risk.daily_loss_pct": -1.0}, [])
    here.turn(1, {"risk.daily_loss_pct": -0.9, "market_data.halted": True}, [])
    assert here.status("loss") == "resolved"


def test_missing_data_clears_nothing_though_it_counts_as_false(world: Callable[..., Any]) -> None:
    here = world(RULES)
    here.turn(0, {"custom.skew": 4.0}, [])
    here.turn(1, {}, ["custom.skew"])
    assert here.status("forgetful") == "firing"
    assert here.states["forgetful"].reason == "stays firing: unknown: custom.skew"
    here.turn(2, {"custom.skew": 0.5}, [])
    assert here.status("forgetful") == "resolved"


def test_a_limit_that_is_not_set_asks_for_nothing(world: Callable[..., Any]) -> None:
    here = world(RULES)
    here.turn(0, {"pnl.daily": -1.0}, [])
    here.turn(1, {"pnl.daily": 1.0}, [])
    assert here.status("limited") == "resolved"


def test_relief_that_is_not_enough_any_more_stops_the_countdown_to_the_end(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    assert here.see(10, r=NOT_YET) == {}
    assert here.see(20) == {"r": ("firing", "clearing")}
    assert here.see(40, r=NOT_YET) == {"r": ("firing", "held")}
    assert here.reason("r") == "not clear enough yet"
    assert here.see(60) == {"r": ("firing", "clearing")}
    assert here.see(90) == {"r": ("resolved", "resolved")}


def test_the_countdown_to_the_end_stands_still_while_nobody_knows(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.see(20)
    assert here.see(30, r=NOBODY_KNOWS) == {"r": ("firing", "no_data")}
    assert here.see(300, r=NOBODY_KNOWS) == {}
    assert here.see(310) == {"r": ("firing", "clearing")}
    assert here.see(330) == {"r": ("resolved", "resolved")}


def test_data_that_come_back_not_clear_enough_are_said_to_be_back(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.see(10, r="unknown")
    assert here.see(20, r=NOT_YET) == {"r": ("firing", "data_back")}
    assert here.states["r"].message == "r it is"


def test_a_clear_when_that_errs_puts_the_alert_in_error(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    errs = {"truth": "false", "clear": "error", "clear_why": "boom"}
    assert here.see(10, r=errs) == {"r": ("firing", "error")}
    assert here.states["r"].error == "boom"


def test_a_pending_alert_does_not_wait_for_clear_when(cast: Cast) -> None:
    here = cast(R | {"for_seconds": 60})
    here.see(0, r="true")
    assert here.see(10, r=NOT_YET) == {"r": ("inactive", "inactive")}


def test_faults_of_clear_when_and_reminders_are_told_with_their_places() -> None:
    text = (
        '[[rule]]\nname = "daily_loss_high"\nclear_when = ["pnl.dialy > 1", ""]\n'
        'remind = ["5m", "x", "5m", ""]\n'
        '[[rule]]\nname = "disk_low"\nclear_when = []\nremind = "5m"\n'
    )
    with pytest.raises(RuleErrors) as refused:
        load(text)
    assert [str(one).removeprefix("rules.toml:") for one in refused.value.faults] == [
        "3:16: daily_loss_high: unknown fact pnl.dialy (did you mean pnl.daily?)",
        "3:32: daily_loss_high: clear_when must be a text that is not empty",
        '4:17: daily_loss_high: remind must be a duration such as "30s", "1m" or "1h30m"',
        "4:22: daily_loss_high: remind must be later than the one before it",
        "4:28: daily_loss_high: remind must be a text that is not empty",
        "7:1: disk_low: clear_when needs at least one condition",
        '8:1: disk_low: remind must be a list of texts: ["…"]',
    ]


def test_reminders_of_a_rule_are_read_as_seconds() -> None:
    rules = load('[[rule]]\nname = "disk_low"\nremind = ["2m", "1h"]\n').rules
    assert next(one for one in rules if one.name == "disk_low").remind_seconds == (120, 3600)
