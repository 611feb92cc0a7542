"""Rule files of any content: rules that can judge, or all faults with their places."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.expression import Compiler
from evaluator.facts import BUILTIN_FACTS, Fact
from evaluator.names import readable
from evaluator.program import RuleProgram, compile_rule
from evaluator.rules import Rule, RuleSet
from monitoring.ambient import OwnHealth
from monitoring.calendar import AlwaysOpen
from monitoring.config import Config
from monitoring.course import Course
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from scheduler.rulebook import Faulty, Sound, read_rules
from tests.cli.conftest import AT
from tests.fuzz.commands import DOCUMENTED, monitor, unprintable
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, TEXT, spoilt

NAMES = sorted(fact.name for fact in BUILTIN_FACTS)
TOML = [
    "1",
    "0.5",
    "-1",
    "9" * 5_000,
    "1e400",
    "nan",
    "inf",
    "true",
    '"30s"',
    '"5"',
    '"1d"',
    '""',
    '"9999999999999999999999s"',
    '"' + "9" * 5_000 + 's"',
    '"custom.x > 1.0"',
    '"CRITICAL"',
    '"{custom.x}"',
    '"{"',
    "[]",
    "{}",
    '["30s"]',
    '["custom.x > 1.0", ""]',
    '["\\u001b[2J"]',
    '{ CRITICAL = "custom.x > 1.0", WARNING = "true" }',
    "1979-05-27T07:32:00Z",
    "12:00:00",
    "[" * 2_000,
    "[" * 150 + "]" * 150,
    "{a=" * 150 + "1" + "}" * 150,
    '"session"',
    '"' + "x" * 9_000 + '"',
    '"""\n"""',
    "'''\r\n'''",
    '{ type = "number" }',
    "0x" + "F" * 9_000,
]
KEYS = [
    "name",
    "severity",
    "when",
    "unless",
    "clear_when",
    "for",
    "keep_firing_for",
    "window",
    "clock",
    "no_data",
    "seen",
    "day",
    "message",
    "resolved_message",
    "onset",
    "context",
    "inhibited_by",
    "suspect_when",
    "remind",
    "enabled",
    "wehn",
]
SOUND = """\
[facts]
"custom.x" = { type = "number", unit = "bps" }

[[rule]]
name = "mine"
severity = "CRITICAL"
when = ["custom.x > 1.0 && positions.count >= 0.0 || !risk.circuit_breaker_active"]
for = "30s"
keep_firing_for = "1m"
window = "1h"
message = "x is {custom.x} {{}}"
context = ["positions.count"]
"""
PAIR = st.builds(
    "{} = {}\n".format,
    st.one_of(st.sampled_from(KEYS), st.sampled_from(KEYS), TEXT.map(lambda t: f'"{t}"')),
    st.sampled_from(TOML),
)
TABLES = st.lists(
    st.builds(
        lambda head, pairs: head + "".join(pairs),
        st.sampled_from(
            ["[[rule]]\n", "[rule]\n", "[facts]\n", "", "[a.b.c]\n", "[[rule.when]]\n"]
        ),
        st.lists(PAIR, max_size=5),
    ),
    max_size=3,
).map("".join)
ATOMS = st.sampled_from(
    [
        *NAMES[:40],
        "custom.x",
        "window.custom.x.mean",
        "last.custom.x",
        "1",
        "2.5",
        "1u",
        "0x10",
        "'a'",
        '"b"',
        "r'\\'",
        "b'x'",
        "true",
        "null",
        "[1]",
        "{1: 2}",
        "9" * 400,
        "1e400",
        "has(custom.x)",
        "size('a')",
        "nope",
        "custom.nope",
        "timestamp('2025-10-12T00:00:00Z')",
        "duration('1s')",
        "('x').matches('(a+)+$')",
        "[1, 2].all(i, i > 0)",
        "[1].map(x, [1].map(y, [1].map(z, x)))",
        "// comment",
        '"""',
        "_",
        "a.b(c)",
    ]
)
SIGNS = st.sampled_from(
    [
        " && ",
        " || ",
        " > ",
        " == ",
        " + ",
        " - ",
        " / ",
        " in ",
        " ? ",
        " : ",
        "",
        ".",
        "(",
        ")",
        "!",
        "-",
        "[",
        "]",
        ",",
        "\n",
        "%",
        "\\",
    ]
)
CONDITIONS = st.one_of(
    st.lists(st.tuples(ATOMS, SIGNS), max_size=6).map(lambda ps: "".join(a + s for a, s in ps)),
    st.sampled_from(
        [
            "(" * 5_000,
            "(" * 200 + "true" + ")" * 200,
            "!" * 3_000 + "true",
            " && ".join(["custom.x > 1"] * 2_000),
            "-" * 500 + "1 > 0",
            "[" * 300 + "]" * 300,
            " || ".join(["custom.x > 1"] * 2_000),
            "custom.x" + " + custom.x" * 3_000 + " > 1",
            "true ? " * 200 + "true" + " : false" * 200,
        ]
    ),
    TEXT,
)


def judged(rules: RuleSet, values: dict[str, float | bool | str | None]) -> None:
    course = Course(rules, Config(), AlwaysOpen("Asia/Kolkata"))
    for step in range(2):
        snapshot = Snapshot(
            snapshot=step,
            timestamp="",
            wall_ms=AT.wall_ms + step,
            boottime_ns=AT.boottime_ns + step,
            boot_id=AT.boot_id,
            engine="main",
            reason="",
            custom=dict(values),
            window=Window(ticks=1, seconds=1.0),
            collector=CollectorStatus(app_version="0"),
        )
        course.take(snapshot)
        course.judge(snapshot.instant, 0.0, OwnHealth())
    verdicts = {one.rule.name: one.truth for one in course.verdicts}
    assert len(verdicts) == len(rules.programs)


def check(root: Path, data: bytes) -> Sound | Faulty:
    """Return what the scheduler makes of a file, held to what `monitor rules check` says."""
    path = root / "rules.toml"
    path.write_bytes(data)
    found = read_rules(path)
    code, said = monitor(root, "rules", "check")
    assert code in DOCUMENTED
    assert unprintable(said) == set()
    assert (code == 0) == isinstance(found, Sound)
    if isinstance(found, Faulty):
        assert found.faults
        lines = data.count(b"\n") + 1
        for fault in found.faults:
            assert fault.reason
            assert 1 <= fault.line <= lines
            assert fault.column >= 1
    return found


@fewer(10)
@given(data=st.one_of(BYTES, spoilt(SOUND.encode()), TABLES.map(str.encode)))
def test_a_file_is_refused_with_its_faults_or_its_rules_judge(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = check(emptied(tmp_path_factory), data)
    if isinstance(found, Sound):
        judged(found.rules, {"x": 1.0})


FACTS = {fact.name: fact for fact in (*BUILTIN_FACTS, Fact("custom.x", "number", "", "engine", ""))}
COMPILER = Compiler(readable(FACTS))


@fewer(4)
@given(condition=CONDITIONS, value=st.one_of(st.none(), st.booleans(), st.floats(), TEXT))
def test_a_condition_is_refused_with_its_faults_or_judges_anything(
    condition: str, value: float | bool | str | None
) -> None:
    rule = Rule(name="mine", severity="CRITICAL", when=(condition or "true",), message="{custom.x}")
    program = compile_rule(rule, COMPILER, COMPILER.names)
    if isinstance(program, RuleProgram):
        judged(RuleSet((rule,), FACTS, (program,), COMPILER), {"x": value})
    else:
        assert program
        assert all(problem.reason for _, problem in program)
        assert all(0 <= problem.at <= len(condition) for _, problem in program)
