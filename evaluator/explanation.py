"""What became of each condition of a rule: the same judgement that made the verdict, kept apart."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evaluator.cel_text import alternatives
from evaluator.expression import Condition
from evaluator.incident import Scalar
from evaluator.judgement import Reading, Worth, judge
from evaluator.program import RuleProgram


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A condition, or one operand of its outermost `||`: what it is worth and what it reads.

    `role` is `when`, `unless`, `clear_when`, `suspect_when`, or the severity that it decides.
    `reads` holds the values by name, None: unknown. `parts` are the operands, if there are several.
    """

    role: str
    text: str
    worth: Worth
    why: str
    reads: dict[str, Scalar | None]
    parts: tuple[Examined, ...] = ()


def examined(program: RuleProgram, reading: Reading) -> tuple[Examined, ...]:
    """Return every condition of a rule, in the order in which the rule has them."""
    return tuple(_examined(role, one, reading) for role, one in _conditions(program))


def _conditions(program: RuleProgram) -> Iterator[tuple[str, Condition]]:
    yield from (("when", one) for one in program.when)
    yield from (("unless", one) for one in program.unless)
    yield from (("clear_when", one) for one in program.clear_when)
    yield from (("suspect_when", one) for one in program.suspect_when)
    yield from program.severities


def _examined(role: str, condition: Condition, reading: Reading) -> Examined:
    found = judge(condition, reading)
    several = condition.alternatives if len(condition.alternatives) > 1 else ()
    texts = alternatives(condition.text) if several else []
    parts = (Condition(text.strip(), one, (one,)) for text, one in zip(texts, several, strict=True))
    return Examined(
        role=role,
        text=condition.text,
        worth=found.worth,
        why=found.why,
        reads={name: reading.values.get(name) for name in condition.whole.ordered},
        parts=tuple(_examined(role, part, reading) for part in parts),
    )
