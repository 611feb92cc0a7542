"""Rules: what they are, and the sets of them that a rule file makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from evaluator.facts import Fact
from evaluator.incident import Severity

if TYPE_CHECKING:
    from evaluator.expression import Compiler
    from evaluator.program import RuleProgram

Clock = Literal["session", "preopen", "wall"]
NoData = Literal["alert", "keep", "ok"]
SeverityTable = tuple[tuple[Severity, str], ...]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Durations are in seconds; `when`, `unless`, `clear_when` and severity conditions
    are CEL.

    `when`: all must hold. `unless`: any that holds makes the rule false, an unknown one does not
    count. `clear_when`: all must hold before a firing alert may begin to be over (empty: it is
    enough that the rule is false). `severity` is fixed, or the first of a table whose condition
    holds. `for_seconds` it must hold to fire, `keep_firing_for_seconds` it must be clear to
    resolve, both counted on `clock`. `window_seconds`: what `window.*` covers, None: the last
    snapshot. `no_data`: what unknown counts as; `seen`: not applicable until there ever was data.
    `day`: a figure of the trading day, void on the next. `context` None: the facts in `when`.
    `resolved_message` says what is well again (None: the first facts of the context). `onset` names
    the fact that tells for how many seconds it has been so before it held. `inhibited_by`: rules
    whose firing alert explains this one away. `suspect_when`: while all hold and the rule does not,
    it may be about to fire, and what it would explain waits for it. `remind_seconds`: see
    `evaluator.reminders`, None: those of the severity.
    """

    name: str
    severity: Severity | SeverityTable
    when: tuple[str, ...]
    message: str
    resolved_message: str | None = None
    onset: str | None = None
    unless: tuple[str, ...] = ()
    clear_when: tuple[str, ...] = ()
    for_seconds: int = 0
    keep_firing_for_seconds: int = 0
    window_seconds: int | None = None
    clock: Clock = "session"
    no_data: NoData = "keep"
    seen: bool = False
    day: bool = False
    context: tuple[str, ...] | None = None
    inhibited_by: tuple[str, ...] = ()
    suspect_when: tuple[str, ...] = ()
    remind_seconds: tuple[int, ...] | None = None
    enabled: bool = True
    builtin: bool = False


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong in a file of the operator. `line` and `column` count from 1; `rule` is the
    table that it is in, `hint` what was probably meant.
    """

    file: str
    line: int
    column: int
    rule: str | None
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        rule = "" if self.rule is None else f"{self.rule}: "
        hint = "" if self.hint is None else f" (did you mean {self.hint}?)"
        return f"{self.file}:{self.line}:{self.column}: {rule}{self.reason}{hint}"


class RuleErrors(Exception):
    """A rule file was refused; `faults` holds everything wrong with it, in the file's order."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class RuleSet:
    """The built-in rules with those of the operator, and all facts that they may read.

    `rules` holds the disabled ones too; `programs` what is evaluated, the enabled ones alone.
    """

    def __init__(
        self,
        rules: tuple[Rule, ...],
        facts: dict[str, Fact],
        programs: tuple[RuleProgram, ...],
        compiler: Compiler,
    ) -> None:
        self.rules = rules
        self.facts = facts
        self.programs = programs
        self.compiler = compiler

    @property
    def longest_window_seconds(self) -> int:
        """How far back snapshots must be read so that every window is full; 0: none has one."""
        windows = (rule.window_seconds for rule in self.rules if rule.enabled)
        return max((seconds or 0 for seconds in windows), default=0)


def load(text: str | None, file: str = "rules.toml") -> RuleSet:
    """Return the built-in rules, with those in the TOML `text` added and laid over by name.

    Raises RuleErrors with every fault of the text; a TOML syntax error is reported alone.
    """
    # The compiler costs 20 ms to import, and most of what imports this never compiles.
    from evaluator.rule_file import read  # noqa: PLC0415 -- slow, see above

    return read(text, file)
