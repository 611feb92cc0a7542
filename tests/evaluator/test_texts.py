"""Reading and writing texts: conditions, TOML places, messages, durations, names."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.cel_text import alternatives, references, with_doubles
from evaluator.durations import in_words, parse_seconds
from evaluator.evaluation import Evaluation
from evaluator.expression import Compiler, Condition, Problem
from evaluator.facts import BUILTIN_FACTS
from evaluator.incident_id import incident_id
from evaluator.instant import Instant
from evaluator.message import parse, shown
from evaluator.names import base_fact, nearest, readable
from evaluator.rules import load
from evaluator.toml_places import Path, find_places

NOW = Instant(1_760_000_000_000, 5, "b")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("1m", 60), ("1h30m", 5400), ("2d", 172800), ("0s", 0),
        ("", None), ("30", None), ("s", None), ("1m1h", None), ("-1s", None), ("1.5m", None),
    ],
)  # fmt: skip
def test_a_duration_is_read(text: str, seconds: int | None) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (312, "5m12s"), (3600, "1h"), (90061, "1d1h"),
     (-5, "0s"), (3605, "1h"), (0.24, "0.2s"), (0.04, "0s"), (5.0, "5s"), (9.94, "9.9s"),
     (9.96, "9s")],
)  # fmt: skip
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "unknown"), (True, "yes"), (False, "no"), ("x", "x"), ("y" * 300, "y" * 199 + "…"),
        (2.0, "2"), (-2.345, "-2.35"), (-0.0, "0"), (-0.001, "-0.001"), (0.0, "0"),
        (150000.4, "1,50,000"), (-12345678.0, "-1,23,45,678"), (-1000.0, "-1,000"),
        (999.999, "1000"), (0.5, "0.5"),
    ],
)  # fmt: skip
def test_a_value_is_told_to_a_tired_human(value: float | str | None, words: str) -> None:
    assert shown(value) == words


def test_a_message_holds_values_and_braces() -> None:
    template = parse("{{ {a.b}% of { c } }}")
    assert template.stray == ()
    assert [one.name for one in template.placeholders] == ["a.b", "c"]
    assert template.fill({"a.b": 1.25}) == "{ 1.25% of unknown }"


@pytest.mark.parametrize(
    ("value", "said"),
    [(81_054_343_168.0, "81 GB"), (1.5e6, "1.5 MB"), (12.0, "12 B"), (None, "unknown")],
)
def test_bytes_in_a_message_have_a_unit_that_can_be_read(value: float | None, said: str) -> None:
    assert parse("{c.free_bytes} free").fill({"c.free_bytes": value}) == f"{said} free"
    assert parse("a } b { c").stray == (2, 6)


def test_a_limit_that_is_not_set_is_none_and_not_unknown() -> None:
    assert parse("{limits.x}, {pnl.daily}").fill({}) == "none, unknown"


def test_names_and_calls_are_found_where_they_stand() -> None:
    text = "a.b > 1.0 && size(c.d) > e . f || g.matches('h.i') || \"j.k\" == .l.m // n.o"
    read, called = references(text)
    assert [one.name for one in read] == ["a.b", "c.d", "e.f", "g", "l.m"]
    assert [text[one.at : one.end] for one in read][2] == "e . f"
    assert [one.text for one in called] == ["size"]


def test_a_field_of_a_value_is_no_name() -> None:
    read, _ = references("f(x).y == [1][0].z && 'a'.size() > 1 && true in [null]")
    assert [one.name for one in read] == ["x"]


@pytest.mark.parametrize(
    ("text", "doubled"),
    [
        ("a.b > 1", "a.b > 1.0"),
        ("a1.b2 > 1.5e3 && c > 2e1", "a1.b2 > 1.5e3 && c > 2e1"),
        ("a in [1, 2u, 0x1F, .5]", "a in [1.0, 2u, 0x1F, .5]"),
        ("'1' == a && r'\\' == b", "'1' == a && r'\\' == b"),
        ('"""2""" == c && b"3" == d', '"""2""" == c && b"3" == d'),
        ("a > 10 // 20\n&& b > 30", "a > 10.0 // 20\n&& b > 30.0"),
    ],
)  # fmt: skip
def test_whole_numbers_become_doubles_and_nothing_else_does(text: str, doubled: str) -> None:
    new, origin = with_doubles(text)
    assert new == doubled
    assert len(origin) == len(new) + 1
    assert [text[at] for at, sign in zip(origin, new, strict=False) if sign not in ".0"] == [
        sign for sign in new if sign not in ".0"
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a || b&&c || d", ["a", "b&&c", "d"]),
        ("(a || b) && [c || d].size() > 1", ["(a || b) && [c || d].size() > 1"]),
        ("a || b ? c : d", ["a || b ? c : d"]),
        ("'x || y' == a", ["'x || y' == a"]),
    ],
)
def test_alternatives_are_the_operands_of_the_outermost_or(text: str, parts: list[str]) -> None:
    assert alternatives(text) == parts


def problems(text: str) -> list[Problem]:
    outcome = Compiler({"a.x": "number", "a.word": "text", "a.on": "flag"}).compile(text)
    assert not isinstance(outcome, Condition)
    return outcome


@pytest.mark.parametrize(
    ("text", "at", "reason", "hint"),
    [
        ("a.x > 1 && a.y > 2", 11, "unknown fact a.y", "a.x"),
        ("1 + 22 < a.x && b.c.d > 1", 16, "unknown fact b.c.d", None),
        ("a.x.y > 1", 0, "unknown fact a.x.y", "a.x"),
        ("on", 0, "unknown name on", "a.on"),
        ("a.x > 1 && a.x", 8, "&& can't be applied to (flag, number)", None),
        ("a.x > 0x10", 4, "> can't be applied to (number, whole number)", None),
        ("a.x > 100 &&\n  a.on > 1", 20, "> can't be applied to (flag, number)", None),
        ("a.word", 0, "is a text, and a condition must be true or false", None),
        ("a.x = 1", 4, "Syntax error: token recognition error at: '= '", None),
    ],
)
def test_a_fault_of_a_condition_is_told_where_it_stands(
    text: str, at: int, reason: str, hint: str | None
) -> None:
    assert problems(text)[0] == Problem(at, reason, hint)


def test_has_is_refused_for_it_compiles_to_something_else() -> None:
    assert [one.reason[:5] for one in problems("has(a.x)")] == ["has()"]
    assert [one.at for one in problems("a.on && has(a.x) && b.c > 1")][:2] == [8, 20]


TOML = '''
top = "t" # [[rule]]
[facts]
"a.b" = {type = "x", 'unit' = 3}
custom.c.d = [1, "two", [3.0, {e = "f"}], 1979-05-27 07:32:00] # ]
[[rule]]
s = "q\\"\\u00e9#"
m = """
one\\
   two ""\\" """""
l = \'\'\'x'y\'\'\'
e = ""
[rule.sub]
k = true
[[rule]]
k = false
[[rule.deep]]
z = "1"
[[rule.deep]]
z = "2"
'''


def walk(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    found = [(path, value)]
    if isinstance(value, dict):
        found += [one for key, item in value.items() for one in walk(item, (*path, key))]
    if isinstance(value, list):
        found += [one for index, item in enumerate(value) for one in walk(item, (*path, index))]
    return found


def test_every_key_and_string_of_a_toml_text_has_its_place() -> None:
    places = find_places(TOML)
    for path, value in walk(tomllib.loads(TOML)):
        if path and not (path == ("rule",) or path[-1] == "deep"):
            assert path in places.keys, path
        if isinstance(value, str):
            assert len(places.strings[path]) == len(value) + 1, path
            for index, sign in enumerate(value):
                shown_there = TOML[places.character(path, index)]
                assert shown_there in (sign, "\\"), (path, index)
    assert places.line_column(places.key(("rule", 1, "deep", 1, "z"))) == (20, 1)
    assert places.line_column(places.key(("rule", 0, "nothing", "here"))) == (6, 1)
    assert places.character(("rule", 1, "k"), 3) == places.key(("rule", 1, "k"))
    assert places.key(()) == 0


KEYS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=9)


@given(st.dictionaries(KEYS, st.lists(TEXTS, max_size=3), max_size=4))
def test_any_list_of_texts_has_its_places(data: dict[str, list[str]]) -> None:
    text = "\n".join(_line(key, values) for key, values in data.items())
    assert tomllib.loads(text) == data
    places = find_places(text)
    for key, values in data.items():
        for index, value in enumerate(values):
            assert len(places.strings[(key, index)]) == len(value) + 1


def _line(key: str, values: list[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return f"{key} = [" + ", ".join(f'"{value}"' for value in quoted) + "]"


def test_readable_names_are_facts_their_last_values_and_their_windows() -> None:
    names = readable({fact.name: fact for fact in BUILTIN_FACTS})
    assert "last.breeze.status" not in names
    assert names["window.risk.circuit_breaker_active.any"] == "flag"
    assert names["window.risk.circuit_breaker_active.count"] == "number"
    assert names["window.collector.network_up.all"] == "flag"
    assert names["last.positions.count"] == "number"
    assert "window.heartbeat.cause.last" not in names
    assert "window.limits.daily_loss_pct.min" not in names
    assert "window.window.ticks.last" not in names


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("risk.daily_loss_pct", "risk.daily_loss_pct"),
        ("last.positions.count", "positions.count"),
        ("window.pnl.daily.min", "pnl.daily"),
        ("window.ticks", "window.ticks"),
    ],
)
def test_a_name_is_about_a_fact(name: str, fact: str) -> None:
    assert base_fact(name) == fact


def test_the_nearest_name_is_one_that_ends_alike_or_looks_alike() -> None:
    known = ["risk.daily_loss_pct", "window.risk.daily_loss_pct", "pnl.daily"]
    assert nearest("daily_loss_pct", known) == "risk.daily_loss_pct"
    assert nearest("pnl.dayly", known) == "pnl.daily"
    assert nearest("zzz", known) is None


def test_an_incidents_name_is_a_uuid_of_version_7_made_of_what_it_is_about() -> None:
    name = incident_id("main", "r", NOW)
    assert name == incident_id("main", "r", NOW)
    assert int(name.replace("-", "")[:12], 16) == NOW.wall_ms
    assert (len(name), name[14], name[19] in "89ab") == (36, "7", True)
    others = [("x", "r", NOW), ("main", "s", NOW), ("main", "r", Instant(NOW.wall_ms, 6, "b"))]
    assert len({name, *(incident_id(*other) for other in others)}) == 4
    assert incident_id("main", "r", Instant(-5, 5, "b")).startswith("00000000-0000-7")


def test_the_builtin_rules_read_only_what_is_declared() -> None:
    names = readable({fact.name: fact for fact in BUILTIN_FACTS})
    assert all(program.names <= names.keys() for program in load(None).programs)
    assert Evaluation(load(None)).misfits == {}
