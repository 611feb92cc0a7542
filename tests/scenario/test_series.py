"""The compact notation, which is promtool's where promtool has it."""

from __future__ import annotations

import msgspec
import pytest

from evaluator.facts import FactType
from scripts.scenario.series import Series, parse_series

NONE = msgspec.UNSET


def values(text: str, type_: FactType = "number") -> list[object]:
    found = parse_series(text, type_)
    assert isinstance(found, Series), found
    return list(found.values)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1 2.5 -3", [1, 2.5, -3]),
        ("1+2x3", [1, 3, 5, 7]),
        ("10-2x3", [10, 8, 6, 4]),
        ("-1-0.5x2", [-1, -1.5, -2]),
        ("5x2", [5, 5, 5]),
        ("5x0", [5]),
        ("1+1x0", [1]),
        ("_ 1 _x3", [NONE, 1, NONE, NONE, NONE]),
        ("_x0 1", [1]),
        ("1e3 .5 2.", [1000, 0.5, 2]),
        ("null 1 nullx1", [None, 1, None, None]),
        ("0+0.1x3", [0, 0.1, 0.2, 0.3]),
    ],
)
def test_numbers(text: str, meant: list[object]) -> None:
    assert values(text) == meant


def test_flags() -> None:
    assert values("true falsex1 _ null", "flag") == [True, False, False, NONE, None]


def test_texts_are_words_or_stand_in_quotes() -> None:
    assert values("ok 'not ok'x1 '' _ null 'null'", "text") == [
        "ok", "not ok", "not ok", "", NONE, None, "null",
    ]  # fmt: skip


def test_the_last_value_stands_to_the_end() -> None:
    series = Series((1.0, 2.0))
    assert [series.at(index) for index in (0, 1, 2, 99)] == [1, 2, 2, 2]


@pytest.mark.parametrize("text", ["1x", "x3", "1+x3", "+-1", "true", "1,2", "0x1f", "1+1"])
def test_what_is_no_number_is_refused_where_it_stands(text: str) -> None:
    found = parse_series(f"1 {text}", "number")
    assert isinstance(found, list)
    assert [one.at for one in found] == [2]


def test_all_that_is_wrong_is_named_at_once() -> None:
    found = parse_series("1 a 2 b", "number")
    assert isinstance(found, list)
    assert [one.at for one in found] == [2, 6]


@pytest.mark.parametrize("text", ["1x99999999", "1x600000 1x600000", "_x9999999"])
def test_a_series_that_would_fill_the_memory_is_refused(text: str) -> None:
    found = parse_series(text, "number")
    assert isinstance(found, list)
    assert "more than 1,000,000 values" in found[0].reason
