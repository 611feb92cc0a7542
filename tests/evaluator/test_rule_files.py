"""Rule files named for their verdict, and what is said of the bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.rules import Fault, RuleErrors, load

FILES = Path(__file__).parent / "rule_files"
NEEDED = 'severity = "WARNING"\nmessage = "m"\n'


def faults(text: str) -> list[Fault]:
    with pytest.raises(RuleErrors) as refused:
        load(text)
    assert str(refused.value)
    return refused.value.faults


def lines(found: list[Fault]) -> list[str]:
    return [str(fault).replace("rules.toml:", "", 1).replace(": ", " ", 1) for fault in found]


@pytest.mark.parametrize("file", sorted(FILES.glob("*.good.toml")), ids=lambda file: file.name)
def test_a_good_file_is_taken(file: Path) -> None:
    assert len(load(file.read_text()).rules) >= len(BUILTIN_RULES)


@pytest.mark.parametrize("file", sorted(FILES.glob("*.bad.toml")), ids=lambda file: file.name)
def test_every_fault_of_a_bad_file_is_told_with_its_place(file: Path) -> None:
    expected = file.with_suffix(".txt").read_text().splitlines()

    assert lines(faults(file.read_text())) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('onset = "pnl.dialy"', "unknown fact pnl.dialy (did you mean pnl.daily?)"),
        ('onset = "heartbeat.cause"', "onset must be a number of seconds"),
        ('resolved_message = "{pnl.dialy}"', "unknown fact pnl.dialy (did you mean pnl.daily?)"),
        ('resolved_message = "{"', "a brace without its partner; write {{ or }} for a brace"),
    ],
)
def test_what_the_end_is_told_by_is_checked_too(line: str, reason: str) -> None:
    found = faults(f'[[rule]]\nname = "r"\nwhen = ["pnl.daily < 0"]\n{NEEDED}{line}\n')

    assert [fault.line for fault in found] == [6]
    assert str(found[0]).endswith(f": r: {reason}")


def test_ten_faults_are_ten_lines() -> None:
    assert len(faults((FILES / "ten_faults.bad.toml").read_text())) == 10


def test_the_fields_of_a_good_file_are_those_of_the_rules() -> None:
    rules = load((FILES / "own_rules.good.toml").read_text())
    by_name = {rule.name: rule for rule in rules.rules}
    wide = by_name["spread_wide"]

    assert (wide.for_seconds, wide.keep_firing_for_seconds, wide.window_seconds) == (90, 3600, 600)
    assert (wide.clock, wide.no_data, wide.seen, wide.day) == ("wall", "alert", True, True)
    assert wide.inhibited_by == ("heartbeat_lapsed", "surface_stale")
    assert not wide.builtin
    assert by_name["surface_stale"].severity == (
        ("CRITICAL", "positions.count > 0"),
        ("WARNING", "true"),
    )
    assert rules.facts["custom.spread_bps"].unit == "bps"
    assert rules.facts["limits.vol_surface_age_hours"].source == "settings"
    assert rules.longest_window_seconds == 600


def test_an_operators_word_is_laid_over_the_builtin_rule_and_the_rest_stays() -> None:
    rules = load((FILES / "own_rules.good.toml").read_text())
    changed = next(rule for rule in rules.rules if rule.name == "daily_loss_exceeded")
    shipped = next(rule for rule in BUILTIN_RULES if rule.name == "daily_loss_exceeded")

    assert changed.keep_firing_for_seconds == 300
    assert changed.builtin
    assert (changed.when, changed.message, changed.severity) == (
        shipped.when,
        shipped.message,
        shipped.severity,
    )


def test_a_disabled_rule_is_listed_but_not_evaluated() -> None:
    rules = load((FILES / "own_rules.good.toml").read_text())

    assert "metrics_frozen" in {rule.name for rule in rules.rules}
    assert "metrics_frozen" not in {program.rule.name for program in rules.programs}


def test_no_file_is_the_builtin_rules() -> None:
    assert load(None).rules == BUILTIN_RULES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "1:5 not TOML: Invalid value"),
        ('a = 1\nb = """', "2:8 not TOML: Unterminated string"),
        ("[[rule]]\nname = 1 1\nfor = 3", "2:10 not TOML: Expected newline"),
        ("a = 1\na = 2", "2:6 not TOML: Cannot overwrite a value"),
    ],
)
def test_a_syntax_error_is_told_alone(text: str, expected: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert lines(found)[0].startswith(expected)


@pytest.mark.parametrize("text", ["rule = 3", '[rule]\nname = "x"', "rule = [1]"])
def test_rules_that_are_no_tables_are_explained(text: str) -> None:
    assert "[[rule]]" in faults(text)[0].reason


def test_facts_that_are_no_table_are_explained() -> None:
    assert faults("facts = 3")[0].reason == "must be a table: [facts]"


def test_windows_line_ends_move_no_line() -> None:
    text = f'[[rule]]\r\nname = "a"\r\n{NEEDED}when = ["pnl.daily < 1 &&\\t\\u0070nl.x > 1"]\r\n'
    assert lines(faults(text)) == ["5:28 a: unknown fact pnl.x"]


def test_a_rule_may_read_the_collectors_numbers_over_a_window() -> None:
    text = f'[[rule]]\nname = "a"\n{NEEDED}when = ["window.collector.lines_read.delta == 0"]\n'
    assert load(text).rules[-1].name == "a"


def test_a_condition_that_is_nested_too_deeply_is_refused() -> None:
    text = f'[[rule]]\nname = "a"\n{NEEDED}when = ["{"(" * 300}true{")" * 300}"]\n'
    assert "recursion" in faults(text)[0].reason
