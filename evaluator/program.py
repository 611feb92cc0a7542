"""A rule made ready for evaluation: its conditions compiled, the names it reads gathered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evaluator.expression import Compiler, Condition, Problem
from evaluator.facts import FactType
from evaluator.incident import Severity
from evaluator.message import Template, parse
from evaluator.names import nearest
from evaluator.rules import Rule

Place = tuple[str | int, ...]
"""Where in a rule's table a text stands: `("when", 1)`, `("severity", "CRITICAL")`."""


class RuleProgram:
    """The compiled form of one rule.

    `names` is everything it reads: conditions, messages and context. `shown` is its context, with
    what its end is told by; `read` what its conditions read, `asked` those of `when` and `unless`.
    `may_err`: not every condition is known to have a value whenever its facts have.
    """

    def __init__(
        self,
        rule: Rule,
        when: tuple[Condition, ...],
        unless: tuple[Condition, ...],
        severities: tuple[tuple[Severity, Condition], ...],
        message: Template,
        *,
        clear_when: tuple[Condition, ...] = (),
        suspect_when: tuple[Condition, ...] = (),
    ) -> None:
        self.rule = rule
        self.when = when
        self.unless = unless
        self.clear_when = clear_when
        self.suspect_when = suspect_when
        self.severities = severities
        self.message = message
        self.mildest: Severity = (
            rule.severity if isinstance(rule.severity, str) else rule.severity[-1][0]
        )
        self.told = tuple(dict.fromkeys(one.name for one in message.placeholders))
        context = rule.context if rule.context is not None else _in_order(when)
        self.shown = tuple(dict.fromkeys((*context, *_of_the_end(rule))))
        conditions = (
            *when,
            *unless,
            *clear_when,
            *suspect_when,
            *(condition for _, condition in severities),
        )
        self.read = _in_order(conditions)
        self.may_err = any(
            one.plain is None
            for condition in conditions
            for one in (condition.whole, *condition.alternatives)
        )
        self.asked = _in_order((*when, *unless))
        self.names = frozenset((*self.read, *self.told, *self.shown))


def compile_rule(
    rule: Rule, compiler: Compiler, names: Mapping[str, FactType]
) -> RuleProgram | list[tuple[Place, Problem]]:
    """Return the program of a rule, or everything wrong with its texts and where it stands."""
    problems: list[tuple[Place, Problem]] = []

    def compiled(texts: Iterable[tuple[Place, str]]) -> tuple[Condition, ...]:
        conditions = []
        for place, text in texts:
            outcome = compiler.compile(text) if text else []  # an empty one was reported before
            if isinstance(outcome, Condition):
                conditions.append(outcome)
            else:
                problems.extend((place, problem) for problem in outcome)
        return tuple(conditions)

    table = () if isinstance(rule.severity, str) else rule.severity
    when = compiled((("when", index), text) for index, text in enumerate(rule.when))
    unless = compiled((("unless", index), text) for index, text in enumerate(rule.unless))
    clear = compiled((("clear_when", index), text) for index, text in enumerate(rule.clear_when))
    suspect = compiled((("suspect_when", n), text) for n, text in enumerate(rule.suspect_when))
    held = compiled((("severity", severity), text) for severity, text in table)
    template = parse(rule.message)
    problems += _faults_of(template, ("message",), names)
    if rule.resolved_message is not None:
        problems += _faults_of(parse(rule.resolved_message), ("resolved_message",), names)
    if rule.onset is not None and names.get(rule.onset) not in ("number", "counter"):
        unknown = _unknown(rule.onset, names)
        problem = ("onset must be a number of seconds", None) if rule.onset in names else unknown
        problems.append((("onset",), Problem(0, *problem)))
    problems += [
        (("context", index), Problem(0, *_unknown(name, names)))
        for index, name in enumerate(rule.context or ())
        if name and name not in names
    ]
    if problems:
        return problems
    severities = tuple(zip((severity for severity, _ in table), held, strict=True))
    return RuleProgram(
        rule, when, unless, severities, template, clear_when=clear, suspect_when=suspect
    )


def _faults_of(
    template: Template, place: Place, names: Mapping[str, FactType]
) -> list[tuple[Place, Problem]]:
    stray = "a brace without its partner; write {{ or }} for a brace"
    unknown = (one for one in template.placeholders if one.name not in names)
    return [
        *((place, Problem(at, stray)) for at in template.stray),
        *((place, Problem(one.at, *_unknown(one.name, names))) for one in unknown),
    ]


def _of_the_end(rule: Rule) -> Iterable[str]:
    """Yield the facts from which the lifecycle tells how long it lasted and what is well again."""
    if rule.onset is not None:
        yield rule.onset
    if rule.resolved_message is not None:
        yield from (one.name for one in parse(rule.resolved_message).placeholders)


def _unknown(name: str, names: Mapping[str, FactType]) -> tuple[str, str | None]:
    return f"unknown fact {name}", nearest(name, names)


def _in_order(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    names = (name for condition in conditions for name in condition.whole.ordered)
    return tuple(dict.fromkeys(names))
