"""The pages for operators name what there is, all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from monitoring.advice import OWN_RULES, SUBJECTS

PROJECT = Path(__file__).parents[2]
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
GUARANTEES = (PROJECT / "docs" / "guarantees.md").read_text(encoding="utf-8")
SECURITY = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", GUARANTEES + SECURITY)
OTHER_LINES = {"dead rules", "alert log", "monitor", "notifier", OWN_RULES}


def test_every_line_that_health_can_print_has_its_row() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", OPERATIONS, re.MULTILINE)
    assert sorted(rows) == sorted({*SUBJECTS, *OTHER_LINES})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_row_leads_to_the_page_of_each_of_its_rules(subject: str) -> None:
    (row,) = re.findall(rf"^\| \*\*{subject}\*\* \|.*$", OPERATIONS, re.MULTILINE)
    linked = re.findall(r"\(rules/(\w+)\.md\)", row)
    assert sorted(linked) == sorted(SUBJECTS[subject])
    assert all((PROJECT / "docs" / "rules" / f"{rule}.md").is_file() for rule in linked)


@pytest.mark.parametrize(("file", "test"), TESTS)
def test_a_promise_is_held_by_a_test_that_there_is(file: str, test: str) -> None:
    assert f"def {test}(" in (PROJECT / file).read_text(encoding="utf-8")


def test_every_promise_names_a_test() -> None:
    page = GUARANTEES + SECURITY.partition("## What holds")[2]
    promises = re.findall(r"^\| (?!promise|---)(.+) \| (.+) \|$", page, re.MULTILINE)
    assert len(promises) >= 24
    assert [promise for promise, held_by in promises if "::test_" not in held_by] == []


def test_a_tick_of_fifteen_values_is_as_long_as_the_page_says() -> None:
    values = {
        "positions": {"count": 3.0, "total_value": 150000.0, "intraday_count": 3.0},
        "pnl": {"daily": 2500.5, "unrealized": 1200.0, "realized": 1300.5},
        "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25},
        "sentiment": {"last_score": 0.65, "provider_errors_1h": 0, "cache_hit_rate": 0.85},
        "orders": {"placed": 12, "rejected": 0, "open": 1},
        "performance": {"tick_latency_ms": 4.2},
    }
    head = {"kind": "tick", "writer": "k3v9aaaa", "seq": 864_000, "timestamp": "2" * 29}
    assert sum(map(len, values.values())) == 15
    said = int(re.findall(r"15 values has about (\d+) bytes", OPERATIONS)[0])
    assert 0.7 * said < len(msgspec.json.encode(head | values)) < 1.3 * said
