"""Conditions made into Python mean what CEL makes of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluator.expression import Compiler, Condition
from evaluator.facts import FactType
from evaluator.incident import Scalar
from evaluator.plain import Plain, not_refuted, plain

TYPES: dict[str, FactType] = {
    "a.x": "number", "a.y": "counter", "b.z": "number",
    "a.on": "flag", "b.off": "flag", "a.word": "text", "b.word": "text",
}  # fmt: skip
COMPILER = Compiler(TYPES)

ONES = st.sampled_from(["0", "1", "2.5", "0.1", "1e3", "10.25e-1", "7"])
NUMBERS = st.recursive(
    ONES | st.sampled_from(["a.x", "a.y", "b.z"]),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*"), inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, st.sampled_from(["a.x", "b.z"]) | st.builds("({})".format, inner)),
    ),
    max_leaves=5,
)
TEXTS = st.sampled_from(["a.word", "b.word", "'up'", '"up"', "''", '"it\'s"'])
RELATIONS = st.one_of(
    st.builds(
        "{}{}{}".format, NUMBERS, st.sampled_from(["<", ">", "<=", ">=", "==", "!="]), NUMBERS
    ),
    st.builds("{} {} {}".format, TEXTS, st.sampled_from(["==", "!="]), TEXTS),
    st.sampled_from(["a.on", "b.off", "true", "false", "a.on == b.off", "a.on != false"]),
)
CONDITIONS = st.recursive(
    RELATIONS,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("!!{}".format, st.sampled_from(["a.on", "b.off", "true"])),
    ),
    max_leaves=6,
)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0, 2.5])
VALUES = st.fixed_dictionaries(
    {
        "a.x": DOUBLES, "a.y": DOUBLES, "b.z": DOUBLES,
        "a.on": st.booleans(), "b.off": st.booleans(),
        "a.word": st.sampled_from(["up", "", "über"]), "b.word": st.sampled_from(["up", "down"]),
    }
)  # fmt: skip


@given(CONDITIONS, VALUES)
@settings(max_examples=300, deadline=None)
@example("a.x * a.y > 1e3", {"a.x": 1e308, "a.y": -1e308, "b.z": 0.0})
@example("a.x - a.x == a.y", {"a.x": 1e308, "a.y": 0.0})
def test_what_is_made_into_python_answers_as_cel_does(text: str, values: dict[str, Scalar]) -> None:
    compiled = COMPILER.compile(text)
    assert isinstance(compiled, Condition), text
    made = compiled.whole.plain
    assert made is not None, text
    cel = compiled.whole.program.eval(COMPILER.activation(values)).value()
    assert made.holds(values) is cel, text


@pytest.mark.parametrize(
    "text",
    [
        "a.x / a.y > 1",  # infinite in CEL, an error in Python
        "a.word < b.word",
        "a.word in ['up']",
        "a.on ? a.x > 1 : b.off",
        "a.word.startsWith('u')",
        "a.word.matches('u')",
        "a.x > 1 // enough",
        "double(size(a.word)) > 3",
        "a.word == r'up'",
        "a.word == 'it\\'s'",
        "a.word == '''up'''",
        "a.x > 0x10",
        "a.x > 1e999",
        "a.x == null",
        "(a.x > 1) == (a.y > 1) == a.on",
        "(" * 31 + "a.on" + ")" * 31,
        "!" * 32 + "a.on",
        "a . x > 1",
        "a.x + 'up' == 'up'",
        "-a.on",
        "!a.x",
        "a.on && a.x",
        "a.x",
        "(a.on",
        "a.x >",
        "c.x > 1",
        "",
    ],
)
def test_what_may_mean_something_else_in_python_is_left_to_cel(text: str) -> None:
    assert plain(text, TYPES) is None


def made(text: str) -> Plain:
    found = plain(text, TYPES)
    assert found is not None
    return found


def test_rules_are_found_of_which_no_condition_is_false() -> None:
    high, low, on = made("a.x > 1"), made("a.x < -1"), made("a.on")
    find = not_refuted([(0, [[high]]), (3, [[high, low], [on]])])
    assert find({"a.x": 2.0, "a.on": True}) == [0, 3]
    assert find({"a.x": 2.0, "a.on": False}) == [0]
    assert find({"a.x": -2.0, "a.on": True}) == [3]
    assert not_refuted([])({}) == []
