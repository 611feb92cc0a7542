"""What a scenario file holds, once it is read and in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.incident import Severity
from evaluator.rules import RuleSet
from monitoring.config import Config
from scripts.scenario.series import Series

Action = Literal[
    "restart", "reboot", "clock", "collector_stops", "ack", "unack", "silence", "expire",
    "close", "halt", "extend",
]  # fmt: skip
State = Literal["none", "pending", "firing", "resolved", "inactive"]
Verdict = Literal["true", "false", "unknown", "never seen", "off", "error"]
Aspect = Literal[
    "below", "at", "above", "recovery", "no data", "never seen", "restart", "market closed",
    "new day",
]  # fmt: skip
"""What an expectation shows of a rule; the built-in ones are held to showing all that apply."""


CalendarName = Literal["always", "XNSE"]


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions written out: (open, close) in minutes of the day, days of the week (0: Monday),
    dates (ISO) without a session.
    """

    intervals: tuple[tuple[int, int], ...]
    days: frozenset[int]
    holidays: frozenset[str] = frozenset()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens just before the evaluation at `at_ms` (since the start).

    `for_ms`: how long it lasts (None: for good, or no time at all); `by_ms` how far the wall
    clock is set; the rest is the operator's.
    """

    at_ms: int
    do: Action
    for_ms: int | None = None
    by_ms: int = 0
    rule: str | None = None
    severity: Severity | None = None
    by: str = "operator"
    reason: str | None = None
    line: int = 0


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What must be seen of a rule at `at_ms` (since the start), after the evaluation then.

    None: not looked at. `message`, `reason` are pieces that must be in it; `log` (status, or
    `status: piece of the reason`) and `told` (reasons to tell somebody) are all since the
    expectation before, in their order. `suppressed_by` "" and `acknowledged` False: not at all.
    """

    at_ms: int
    rule: str
    state: State | None = None
    severity: Severity | None = None
    verdict: Verdict | None = None
    message: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    suppressed_by: str | None = None
    acknowledged: bool | str | None = None
    log: tuple[str, ...] | None = None
    told: tuple[str, ...] | None = None
    shows: tuple[Aspect, ...] = ()
    line: int = 0
    column: int = 0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One story: facts that pass over time, what happens meanwhile, what must be seen when."""

    name: str
    start_ms: int
    calendar: Hours | CalendarName
    config: Config
    inputs: dict[str, Series]
    events: tuple[Event, ...]
    expectations: tuple[Expectation, ...]
    line: int = 0


class ScenarioFile(msgspec.Struct, frozen=True):
    """A file of scenarios and the rules that they are run on."""

    file: str
    rules: RuleSet
    scenarios: tuple[Scenario, ...]
