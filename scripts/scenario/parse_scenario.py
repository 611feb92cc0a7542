"""Reading one `[[scenario]]`: its settings (the file's, where it has none), facts and events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evaluator.facts import FactType
from evaluator.incident import Scalar, Severity
from evaluator.names import base_fact, is_sampled, nearest, readable
from evaluator.rules import RuleSet
from evaluator.toml_places import Places
from monitoring.config import Artifact, Config, Limits
from scripts.scenario.model import (
    Action,
    Aspect,
    CalendarName,
    Event,
    Expectation,
    Hours,
    Scenario,
    State,
    Verdict,
)
from scripts.scenario.series import Series, parse_series
from scripts.scenario.table import Report, Table

SETTING_KEYS = (
    "start", "timezone", "calendar", "interval", "snapshot_interval", "limits", "input",
)  # fmt: skip
"""What a file may say for all of its scenarios, and each for itself."""
DEFAULT_START = datetime(2025, 10, 13, 10)  # noqa: DTZ001 -- local: the timezone is a setting
"""A Monday morning."""
MOST_EVALUATIONS = 1_000_000
MADE_OF: dict[str, str] = {
    "session": "it comes from start and calendar",
    "limits": "limits stand in [limits]",
    "preflight": "it comes from what is checked before the open",
    "collector.snapshot_age_seconds": 'let the collector stop: do = "collector_stops"',
}
EXPECT_KEYS = (
    "at", "rule", "state", "severity", "verdict", "message", "reason", "suppressed_by",
    "acknowledged", "log", "told", "shows",
)  # fmt: skip
_ALWAYS_ON = ("disk", "inodes")
_LOOKS_AT = tuple(key for key in EXPECT_KEYS if key not in ("at", "rule", "shows"))
EVENT_KEYS = ("at", "do", "for", "by", "rule", "severity", "reason")
_FIELDS_OF: dict[Action, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "restart": ((), ("for",)),
    "reboot": ((), ("for",)),
    "clock": (("by",), ()),
    "collector_stops": ((), ("for",)),
    "ack": ((), ("rule", "by", "reason", "for")),
    "unack": ((), ("rule",)),
    "silence": (("for",), ("rule", "severity", "by", "reason")),
    "expire": ((), ("rule", "severity", "by")),
    "close": ((), ()),
    "halt": (("for",), ()),
    "extend": (("for",), ()),
}
"""Fields that an event needs, and those that it may have."""


class ScenarioReader:
    """Reads the scenarios of one file."""

    def __init__(self, rules: RuleSet, places: Places, report: Report) -> None:
        self._names = readable(rules.facts)
        self._facts = rules.facts
        self._limit_names = sorted(
            name.removeprefix("limits.")
            for name in self._names
            if name.startswith("limits.") and name != "limits.snapshot_age_seconds"
        )
        self._rule_names = [program.rule.name for program in rules.programs]
        self._places = places
        self._report = report

    def scenario(self, table: Table, top: Table, subject: str | None) -> Scenario:
        """Return what can be made of a scenario; `top` is the file, `subject` its rule."""
        table.needs("name", "expect")

        def either(key: str) -> Table:
            return table if key in table else top

        config = self._config(either, table, top)
        line, _ = self._places.line_column(self._places.key(table.path))
        expectations = [
            self._expectation(one, subject) for one in table.tables("expect", EXPECT_KEYS)
        ]
        if "expect" in table and not expectations:
            table.fault("expect", "needs at least one expectation")
        calendar = self._calendar(either("calendar"))
        events = [self._event(one, subject, calendar) for one in table.tables("events", EVENT_KEYS)]
        times_ms = [one.at_ms for one in expectations] + [one.at_ms for one in events]
        length_ms = max(times_ms, default=0)
        every_seconds = min(config.evaluate_seconds, config.interval_seconds)
        if length_ms / 1000 / every_seconds > MOST_EVALUATIONS:
            table.fault(None, f"needs more than {MOST_EVALUATIONS:,} evaluations")
        return Scenario(
            name=table.text("name") or "",
            start_ms=self._start_ms(either("start"), config.timezone),
            calendar=calendar,
            config=config,
            inputs=self._all_inputs(top, table),
            events=tuple(sorted(events, key=lambda one: one.at_ms)),
            expectations=tuple(sorted(expectations, key=lambda one: one.at_ms)),
            line=line,
        )

    def check_rule(self, table: Table, key: str, name: str) -> None:
        """Report a rule that is not there, or is disabled."""
        if name not in self._rule_names:
            table.fault(key, f"unknown rule {name}", nearest(name, self._rule_names))

    def _config(self, either: Callable[[str], Table], table: Table, top: Table) -> Config:
        limits: dict[str, float | None] = self._limits(top) | self._limits(table)
        ages = {f"{name}_age_hours": name for name in self._artifacts()}
        artifacts = {
            name: Artifact(max_age_hours=limits.pop(limit) or 0.0)
            if limit in limits
            else Artifact()
            for limit, name in ages.items()
        }
        interval_ms = self._interval_ms(either("interval"), "interval") or 5_000
        snapshot = self._interval_ms(either("snapshot_interval"), "snapshot_interval")
        return Config(
            timezone=self._timezone(either("timezone")),
            evaluate_seconds=interval_ms / 1000,
            interval_seconds=(snapshot or 10_000) / 1000,
            limits=Limits(**cast("dict[str, Any]", limits)),
            artifacts=artifacts,
        )

    def _interval_ms(self, table: Table, key: str) -> int | None:
        return table.duration_ms(key, least_ms=1000, most_days=1)

    def _artifacts(self) -> list[str]:
        return [
            name.removesuffix("_age_hours")
            for name in self._limit_names
            if f"artifacts.{name}" in self._names
        ]

    def _limits(self, table: Table) -> dict[str, float | None]:
        limits: dict[str, float | None] = {}
        for name, path, value in table.entries("limits"):
            can_be_off = not name.startswith(_ALWAYS_ON) and not name.endswith("_age_hours")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name not in self._limit_names:
                self._report(path, f"unknown limit {name}", nearest(name, self._limit_names))
            elif value == "off" and can_be_off:
                limits[name] = None
            elif is_number and cast("float", value) >= 0:
                limits[name] = float(cast("float", value))
            else:
                off = ', or "off"' if can_be_off else ""
                self._report(path, f"must be a number that is not negative{off}", None)
        return limits

    def _timezone(self, table: Table) -> str:
        name = table.text("timezone") or "Asia/Kolkata"
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            table.fault("timezone", f"{name} is no timezone such as Asia/Kolkata")
            return "Asia/Kolkata"

    def _start_ms(self, table: Table, timezone: str) -> int:
        moment = table.moment("start") or DEFAULT_START
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(timezone))
        return round(moment.timestamp() * 1000)

    def _calendar(self, table: Table) -> Hours | CalendarName:
        if table.is_text("calendar"):
            name = table.one_of("calendar", get_args(CalendarName)) or "always"
            return cast("CalendarName", name)
        hours = table.table("calendar", ("hours", "days", "holidays"))
        if hours is None:
            return "always"
        hours.needs("hours")
        return Hours(
            intervals=hours.hours("hours") or ((0, 24 * 60),),
            days=hours.days("days"),
            holidays=hours.dates("holidays"),
        )

    def _all_inputs(self, top: Table, table: Table) -> dict[str, Series]:
        inputs = self._inputs(top) | self._inputs(table)
        for one in (top, table):
            for name, path, _ in one.entries("input"):
                fact = base_fact(name)
                windowed = name in inputs and name.startswith("window.")
                if windowed and fact not in (name, *inputs):
                    why = "what else the window holds is made of it"
                    self._report(path, f"needs {fact} too: {why}", None)
        return inputs

    def _inputs(self, table: Table) -> dict[str, Series]:
        inputs: dict[str, Series] = {}
        for name, path, value in table.entries("input"):
            type_ = self._names.get(name)
            why = self._made_of(name)
            if why is not None:
                self._report(path, f"{name} can't be given: {why}", None)
            elif type_ is None:
                self._report(path, f"unknown fact {name}", nearest(name, self._names))
            elif isinstance(value, str):
                found = parse_series(value, type_)
                if isinstance(found, Series):
                    inputs[name] = found
                else:
                    for slip in found:
                        self._report((*path, slip.at), slip.reason, None)
            elif _is_of(value, type_):
                inputs[name] = Series((_scalar(value),))
            else:
                self._report(path, f"must be a series in quotes, or one {type_}", None)
        return inputs

    def _made_of(self, name: str) -> str | None:
        """Return what a fact that can't be given is made of, None for one that can."""
        fact = self._facts.get(base_fact(name))
        if fact is not None and fact.name != name and is_sampled(fact):
            return f"it is made of {fact.name}, one value a snapshot"
        return MADE_OF.get(name) or MADE_OF.get(name.partition(".")[0])

    def _event(self, table: Table, subject: str | None, calendar: object) -> Event:
        table.needs("at", "do")
        do = cast("Action", table.one_of("do", get_args(Action)) or "restart")
        needed, allowed = _FIELDS_OF[do]
        for key in EVENT_KEYS[2:]:
            if key in table and key not in (*needed, *allowed) and "do" in table:
                table.fault(key, f"{do} has no {key}")
        table.needs(*needed)
        if do in ("close", "halt", "extend") and calendar == "always":
            table.fault("do", f"{do} needs a calendar with hours")
        rule = table.text("rule")
        if rule is not None:
            self.check_rule(table, "rule", rule)
        elif do in ("ack", "unack") and subject is None:
            table.fault(None, "needs rule")
        line, _ = self._places.line_column(self._places.key(table.path))
        return Event(
            at_ms=table.duration_ms("at") or 0,
            do=do,
            for_ms=table.duration_ms("for", least_ms=1000),
            by_ms=(table.duration_ms("by", signed=True) or 0) if do == "clock" else 0,
            by=(table.text("by") or "operator") if do != "clock" else "operator",
            rule=rule or (subject if do in ("ack", "unack") else None),
            severity=cast("Severity | None", table.one_of("severity", get_args(Severity))),
            reason=table.text("reason"),
            line=line,
        )

    def _expectation(self, table: Table, subject: str | None) -> Expectation:
        table.needs("at")
        rule = table.text("rule")
        if rule is not None:
            self.check_rule(table, "rule", rule)
        elif subject is None:
            table.fault(None, "needs rule (or the file names one for all)")
        if not any(key in table for key in _LOOKS_AT):
            table.fault(
                None, f"expects nothing: say {', '.join(_LOOKS_AT[:-1])} or {_LOOKS_AT[-1]}"
            )
        line, column = self._places.line_column(self._places.key(table.path))
        return Expectation(
            at_ms=table.duration_ms("at") or 0,
            rule=rule or subject or "",
            state=cast("State | None", table.one_of("state", get_args(State))),
            severity=cast("Severity | None", table.one_of("severity", get_args(Severity))),
            verdict=cast("Verdict | None", table.one_of("verdict", get_args(Verdict))),
            message=table.texts("message") or (),
            reason=table.texts("reason") or (),
            suppressed_by=table.text("suppressed_by", empty=True),
            acknowledged=table.flag_or_text("acknowledged"),
            log=table.texts("log"),
            told=table.texts("told"),
            shows=cast("tuple[Aspect, ...]", table.some_of("shows", get_args(Aspect))),
            line=line,
            column=column,
        )


def _scalar(value: object) -> Scalar:
    is_flag_or_text = isinstance(value, bool | str)
    return cast("bool | str", value) if is_flag_or_text else float(cast("float", value))


def _is_of(value: object, type_: FactType) -> bool:
    if type_ == "flag":
        return isinstance(value, bool)
    if type_ in ("number", "counter"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return False
