"""`monitor facts`: what is known, how old it is, and why it is not."""

from __future__ import annotations

from evaluator.facts import BUILTIN_FACTS
from monitoring.snapshot import CollectorStatus
from scripts.cli.fact_now import FactNow, fact_lines, fact_now
from scripts.cli.facts import own_facts
from scripts.cli.look import look
from scripts.cli.terminal import PLAIN, Terminal, render

NARROW = Terminal(colour=False, width=80, cut=True)


def facts(house, everyone) -> dict[str, FactNow]:
    seen = look(house.home, house.at, everyone())
    return {fact.name: fact_now(fact, seen) for fact in BUILTIN_FACTS}


def of_groups(found: dict[str, FactNow], *groups: str) -> list[FactNow]:
    return [fact for name, fact in found.items() if name.partition(".")[0] in groups]


def test_facts_have_a_value_or_a_reason_and_an_age(house, everyone, golden) -> None:
    house.good_day()
    found = of_groups(facts(house, everyone), "risk", "sentiment", "artifacts")
    lines = fact_lines(found, PLAIN)
    golden("facts.txt", "".join(render(line, PLAIN) + "\n" for line in lines))


def test_the_figures_are_whole_at_80_columns(house, everyone) -> None:
    house.good_day()
    found = facts(house, everyone)
    for line in fact_lines(list(found.values()), NARROW):
        name, shown = line[0].text.strip(), render(line, NARROW)
        assert len(shown) <= 80
        if name in found and len(name) <= 33:
            assert f"  {found[name].source} " in shown


def test_expired_unknown_and_never_seen_are_three_things(house, everyone) -> None:
    house.good_day()
    hour_ago = type(house.at)(
        house.at.wall_ms - 3_600_000, house.at.boottime_ns - 3600 * 10**9, house.at.boot_id
    )
    house.snapshot(
        seconds_ago=0.1,
        pnl={"daily": None},
        risk={"daily_loss_pct": None, "circuit_breaker_active": False},
        last={"pnl": {"daily": 3.0}, "risk": {"daily_loss_pct": -1.0}},
        artifacts={"teacher_model_age_hours": None, "student_model_age_hours": None},
        collector=CollectorStatus(app_version="t", received_at={"pnl": hour_ago, "risk": house.at}),
    )
    house.process("scheduler", seen=("artifacts.student_model_age_hours",))
    found = facts(house, everyone)
    assert (found["pnl.daily"].state, found["pnl.daily"].age_seconds) == ("expired", 3600.0)
    assert found["risk.daily_loss_pct"].state == "expired"
    assert found["pnl.realized"].state == "never seen"
    assert found["pnl.realized"].age_seconds is None
    assert found["artifacts.student_model_age_hours"].state == "unknown"
    assert found["artifacts.teacher_model_age_hours"].state == "never seen"
    assert found["limits.tick_latency_ms"].state == "off"
    assert found["limits.daily_loss_pct"].age_seconds is None
    assert found["heartbeat.age_seconds"].age_seconds == 0.1
    assert found["session.seconds_to_close"].state == "unknown"


def test_a_field_that_is_null_while_its_group_goes_on_is_unknown(house, everyone) -> None:
    house.good_day()
    house.snapshot(
        seconds_ago=0.1,
        pnl={"daily": None, "realized": 5.0},
        last={"pnl": {"daily": 3.0, "realized": 5.0}},
    )
    found = facts(house, everyone)
    assert found["pnl.daily"].state == "unknown"
    assert found["pnl.realized"].state == "known"


def test_without_a_scheduler_nobody_knows_what_the_collector_never_saw(house, everyone) -> None:
    house.process("collector")
    house.snapshot()
    assert facts(house, everyone)["breeze.denials"].state == "unknown"


def test_a_home_that_nobody_looked_at_tells_no_states() -> None:
    fact = fact_now(BUILTIN_FACTS[0], None)
    assert (fact.value, fact.state, fact.age_seconds) == (None, "not looked at", None)
    assert "unknown" in render(fact_lines([fact], PLAIN)[1], PLAIN)


def test_own_facts_in_plain_dots_and_artifacts_are_listed(house) -> None:
    house.home.root.mkdir()
    house.home.rules.write_text(
        '[facts]\ncustom.spread = { type = "number" }\n'
        'artifacts.third_age_hours = { type = "number" }\n'
    )
    assert [fact.name for fact in own_facts(house.home)] == [
        "custom.spread",
        "artifacts.third_age_hours",
        "limits.third_age_hours",
    ]
