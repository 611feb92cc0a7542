"""One root alert is told; what it explains is logged, listed in it, and told to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.rules import RuleErrors, load
from evaluator.suppression import circle_through

Cast = Callable[..., Any]
ROOT = {"name": "root"}
LEAF = {"name": "leaf", "inhibited_by": ("root",)}


class Bell:
    """A market whose session is open on even seconds of its own say."""

    def __init__(self) -> None:
        self.session = True

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        return end_ms - start_ms

    def is_open(self, wall_ms: int, clock: str) -> bool:
        return clock == "wall" or self.session

    def opened_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def next_open_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def closes_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def trading_day(self, wall_ms: int) -> str:
        return "2025-10-12"


def test_a_consequence_of_what_fires_is_logged_listed_in_its_root_and_not_told(cast: Cast) -> None:
    here = cast(LEAF, ROOT)
    here.see(0, root="true")
    assert here.see(5, root="true", leaf="true") == {
        "leaf": ("firing", "suppressed"),
        "root": ("firing", "explains"),
    }
    assert here.states["leaf"].suppressed_by == "inhibited by root"
    assert here.states["root"].context == {"a.b": 1.0, "consequences": "leaf"}
    assert here.reason("root") == "explains leaf"
    assert here.see(6, root="true", leaf="true") == {}


def test_root_and_consequence_of_the_same_instant_are_one_telling(cast: Cast) -> None:
    here = cast(LEAF, ROOT)
    assert here.see(0, root="true", leaf="true") == {
        "leaf": ("firing", "suppressed"),
        "root": ("firing", "new"),
    }
    assert here.reason("root") == "condition held for 0s; explains leaf"


def test_what_still_fires_when_its_root_is_over_is_told_then_as_new(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.see(0, root="true", leaf="true")
    assert here.see(60, leaf="true") == {
        "root": ("resolved", "resolved"),
        "leaf": ("firing", "new"),
    }
    assert here.reason("leaf") == "no longer inhibited by root"
    assert here.changes["root"].incident.context["consequences"] == "leaf"


def test_a_consequence_that_was_told_before_its_root_is_told_resolved(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    assert here.see(0, leaf="true") == {"leaf": ("firing", "new")}
    assert here.see(3, root="true", leaf="true") == {
        "root": ("firing", "new"),
        "leaf": ("firing", "suppressed"),
    }
    assert here.see(60, root="true") == {"leaf": ("resolved", "resolved")}


def test_an_untold_consequence_waits_for_a_root_that_is_pending(cast: Cast) -> None:
    here = cast(ROOT | {"for_seconds": 15}, LEAF)
    here.see(0, root="true")
    assert here.see(5, root="true", leaf="true") == {"leaf": ("firing", "suppressed")}
    assert here.states["leaf"].suppressed_by == "waiting for root, which may be about to fire"
    assert here.see(15, root="true", leaf="true") == {
        "root": ("firing", "new"),
        "leaf": ("firing", "suppressed"),
    }
    assert here.reason("leaf") == "inhibited by root"


def test_a_root_that_clears_before_it_fires_lets_its_consequence_be_told(cast: Cast) -> None:
    here = cast(ROOT | {"for_seconds": 15}, LEAF)
    here.see(0, root="true", leaf="true")
    assert here.see(5, leaf="true") == {"root": ("inactive", "inactive"), "leaf": ("firing", "new")}


def test_nothing_waits_longer_than_a_minute_for_a_pending_root(cast: Cast) -> None:
    here = cast(ROOT | {"for_seconds": 3600}, LEAF)
    here.see(0, root="true", leaf="true")
    assert here.see(59.999, root="true", leaf="true") == {}
    assert here.see(60, root="true", leaf="true") == {"leaf": ("firing", "new")}


def test_nothing_waits_for_a_pending_root_that_can_not_be_judged(cast: Cast) -> None:
    here = cast(ROOT | {"for_seconds": 15}, LEAF)
    here.see(0, root="true", leaf="true")
    assert here.see(5, root="unknown", leaf="true") == {
        "root": ("pending", "no_data"),
        "leaf": ("firing", "new"),
    }


def test_what_was_told_is_not_suppressed_by_a_root_that_is_only_pending(cast: Cast) -> None:
    here = cast(ROOT | {"for_seconds": 15}, LEAF)
    here.see(0, leaf="true")
    assert here.see(1, root="true", leaf="true") == {"root": ("pending", "pending")}


def test_an_untold_consequence_waits_for_a_root_that_is_suspected(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    suspected = {"truth": "false", "suspected": True}
    assert here.see(0, root=suspected, leaf="true") == {"leaf": ("firing", "suppressed")}
    found = here.see(5, root="true", leaf="true")
    assert found == {"root": ("firing", "new"), "leaf": ("firing", "suppressed")}


def test_a_suspicion_that_passes_lets_the_alert_be_told(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.see(0, root={"truth": "false", "suspected": True}, leaf="true")
    assert here.see(5, leaf="true") == {"leaf": ("firing", "new")}


def test_a_suspicion_about_a_rule_whose_clock_is_closed_is_none(cast: Cast) -> None:
    bell = Bell()
    bell.session = False
    here = cast(ROOT, LEAF | {"clock": "wall"}, sessions=bell)
    suspected = {"truth": "false", "suspected": True}
    assert here.see(0, root=suspected, leaf="true") == {"leaf": ("firing", "new")}


def test_stale_prices_wait_for_a_heartbeat_that_is_half_way_to_its_deadline(
    world: Callable[..., Any],
) -> None:
    here = world()
    ticking = {
        "heartbeat.expected": True,
        "heartbeat.deadline_seconds": 30.0,
        "heartbeat.cause": "ticking",
        "last.positions.count": 2.0,
    }
    here.turn(
        0, ticking | {"heartbeat.age_seconds": 1.0, "market_data.update_age_seconds": 2.0}, []
    )
    here.turn(29, {"heartbeat.age_seconds": 29.5, "market_data.update_age_seconds": 30.5}, [])
    here.turn(30, {"heartbeat.age_seconds": 30.5, "market_data.update_age_seconds": 31.5}, [])
    about = [
        one for one in here.log if one.incident.rule in ("market_data_stale", "heartbeat_lapsed")
    ]
    assert [(one.incident.rule, one.notify, one.incident.suppressed_by) for one in about] == [
        (
            "market_data_stale",
            "suppressed",
            "waiting for heartbeat_lapsed, which may be about to fire",
        ),
        ("heartbeat_lapsed", "new", None),
        ("market_data_stale", "suppressed", "inhibited by heartbeat_lapsed"),
    ]


def test_over_a_chain_everything_is_listed_in_the_one_that_is_told(cast: Cast) -> None:
    here = cast(
        {"name": "end", "inhibited_by": ("middle", "root")},
        {"name": "tip", "inhibited_by": ("middle",)},
        {"name": "middle", "inhibited_by": ("root",)},
        ROOT,
    )
    found = here.see(0, root="true", middle="true", end="true", tip="true")
    assert [name for name, (_, why) in found.items() if why == "new"] == ["root"]
    assert here.states["root"].context["consequences"] == "end, tip, middle"
    assert here.states["end"].suppressed_by == "inhibited by root"
    assert here.states["tip"].suppressed_by == "inhibited by middle"
    assert "consequences" not in here.states["middle"].context


def test_a_root_takes_the_gravity_of_what_it_explains_and_gives_it_back(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.see(0, root="true")
    assert here.see(5, root="true", leaf={"severity": "CRITICAL"}) == {
        "root": ("firing", "changed"),
        "leaf": ("firing", "suppressed"),
    }
    assert here.states["root"].severity == "CRITICAL"
    assert here.reason("root") == "WARNING became CRITICAL for it explains leaf; explains leaf"
    assert here.see(6, root="true", leaf={"severity": "CRITICAL"}) == {}
    found = here.see(10, root="true")
    assert found == {"root": ("firing", "changed"), "leaf": ("resolved", "untold")}
    assert here.reason("root") == "CRITICAL became WARNING"
    assert here.states["root"].context["consequences"] == "leaf"


def test_what_fires_only_for_want_of_data_makes_its_root_no_graver(cast: Cast) -> None:
    here = cast(ROOT, LEAF | {"no_data": "alert"})
    here.see(0, root="true", leaf={"truth": "unknown", "severity": "CRITICAL"})
    assert here.states["root"].severity == "WARNING"


def test_a_silenced_root_still_explains(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.silence(0, 100, rule="root")
    found = here.see(1, root="true", leaf="true")
    assert found == {"root": ("firing", "suppressed"), "leaf": ("firing", "suppressed")}


def test_a_silenced_consequence_says_so_and_is_listed_all_the_same(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.silence(0, 100, rule="leaf")
    here.see(1, root="true", leaf="true")
    assert here.states["leaf"].suppressed_by == "silence s1 by asha: restarting"
    assert here.states["root"].context["consequences"] == "leaf"


def test_what_stands_still_since_the_close_explains_nothing(cast: Cast) -> None:
    bell = Bell()
    here = cast(ROOT, LEAF | {"clock": "wall"}, sessions=bell)
    here.see(0, root="true", leaf="true")
    bell.session = False
    assert here.see(5, root="true", leaf="true") == {"leaf": ("firing", "new")}


def test_a_removed_root_frees_its_consequence(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.see(0, root="true", leaf="true")
    del here.rules["root"]
    assert here.see(1, leaf="true") == {
        "leaf": ("firing", "new"),
        "root": ("resolved", "rule_removed"),
    }


def test_a_removed_rule_that_nobody_was_told_of_ends_untold(cast: Cast) -> None:
    here = cast(ROOT, LEAF)
    here.see(0, root="true", leaf="true")
    del here.rules["leaf"]
    assert here.see(1, root="true") == {"leaf": ("resolved", "untold")}


CIRCLE = """
[[rule]]
name = "a"
severity = "WARNING"
when = ["true"]
message = "m"
inhibited_by = ["b"]

[[rule]]
name = "b"
severity = "WARNING"
when = ["true"]
message = "m"
inhibited_by = ["network_down", "a"]
"""


def test_rules_that_would_silence_each_other_are_refused_once_with_their_place() -> None:
    with pytest.raises(RuleErrors) as refused:
        load(CIRCLE)
    assert [str(one) for one in refused.value.faults] == [
        "rules.toml:7:17: a: inhibition in a circle would silence all: a → b → a"
    ]


def test_a_circle_over_the_builtin_rules_is_refused_too() -> None:
    with pytest.raises(RuleErrors, match="collector_stale → sentiment_data_missing"):
        load('[[rule]]\nname = "collector_stale"\ninhibited_by = ["sentiment_data_missing"]')


def test_no_builtin_rule_is_in_a_circle_or_names_one_that_is_not_there() -> None:
    rules = {rule.name: rule for rule in BUILTIN_RULES}
    for rule in BUILTIN_RULES:
        for other in rule.inhibited_by:
            assert other in rules
            assert circle_through(rule.name, other, rules) == ()


def test_a_way_that_joins_again_is_no_circle() -> None:
    rules = {rule.name: rule for rule in load(DIAMOND).rules}
    assert circle_through("tip", "left", rules) == ()


DIAMOND = "\n".join(
    f'[[rule]]\nname = "{name}"\nseverity = "WARNING"\nwhen = ["true"]\nmessage = "m"\n'
    f"inhibited_by = {list(by)}"
    for name, by in {"tip": ["left", "right"], "left": ["low"], "right": ["low"], "low": []}.items()
)
