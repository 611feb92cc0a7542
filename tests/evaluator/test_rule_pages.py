"""The page of each built-in rule says of it what the rule itself says."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.durations import in_words
from evaluator.rules import Rule, load

DOCS = Path(__file__).parents[2] / "docs"
PAGES = DOCS / "rules"
CLOCKS = {
    "session": "session (counts while the market is open)",
    "preopen": "preopen (counts from before the open to the close)",
    "wall": "wall (counts always)",
}
NO_DATA = {
    "alert": "alert (an alarm)",
    "keep": "keep (nothing fires, nothing resolves)",
    "ok": "ok (as if it were false)",
}


def stated(rule: Rule) -> list[str]:
    """Return the lines in which a page states its rule."""
    lines = [f"- Condition: {' and '.join(f'`{one}`' for one in rule.when)}"]
    lines += [f"- Unless: `{one}`" for one in rule.unless]
    lines.append(f"- Severity: {severity(rule)}")
    lines.append(f"- Fires: {after(rule.for_seconds, 'when it has held for')}")
    lines.append(f"- Resolves: {after(rule.keep_firing_for_seconds, 'when clear for')}")
    if rule.window_seconds is not None:
        lines.append(f"- Window: {in_words(rule.window_seconds)}")
    daily = ", a figure of the day" if rule.day else ""
    lines.append(f"- Clock: {CLOCKS[rule.clock]}{daily}")
    seen = ", not applicable until there ever was data" if rule.seen else ""
    lines.append(f"- No data: {NO_DATA[rule.no_data]}{seen}")
    if rule.inhibited_by:
        lines.append(f"- Inhibited by: {', '.join(f'`{one}`' for one in rule.inhibited_by)}")
    return lines


def severity(rule: Rule) -> str:
    if isinstance(rule.severity, str):
        return rule.severity
    rows = [one if text == "true" else f"{one} if `{text}`" for one, text in rule.severity]
    unknown = " (unknown counts)" if rule.severity[0][0] == "CRITICAL" else ""
    return f"{rows[0]}{unknown}, else {rows[1]}"


def after(seconds: int, words: str) -> str:
    return f"{words} {in_words(seconds)}" if seconds else "at once"


def example(page: str) -> str:
    return page.partition("```toml\n")[2].partition("```")[0]


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_the_page_states_the_rule_as_it_is(rule: Rule) -> None:
    page = (PAGES / f"{rule.name}.md").read_text()

    assert page.startswith(f"# {rule.name}\n")
    assert [line for line in page.splitlines() if line in stated(rule)] == stated(rule)
    assert "## What to do at 10:42\n\n1. " in page


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_the_change_that_the_page_shows_works_and_changes_something(rule: Rule) -> None:
    changed = load(example((PAGES / f"{rule.name}.md").read_text()))

    assert next(one for one in changed.rules if one.name == rule.name) != rule


def test_there_is_a_page_for_each_rule_and_no_other() -> None:
    pages = sorted(file.stem for file in PAGES.glob("*.md"))
    assert pages == sorted(rule.name for rule in BUILTIN_RULES)


def test_the_guide_links_every_page_and_its_examples_load() -> None:
    guide = (DOCS / "rules.md").read_text()
    for rule in BUILTIN_RULES:
        assert f"](rules/{rule.name}.md)" in guide
    examples = guide.split("```toml\n")[1:]
    assert examples
    for text in examples:
        load(text.partition("```")[0])
