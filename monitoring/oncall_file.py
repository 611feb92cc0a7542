"""Reading `oncall.toml`: all of its faults, each with its line and column, or who is on call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from evaluator.names import nearest
from evaluator.rules import Fault, RuleErrors
from evaluator.toml_file import parse
from evaluator.toml_places import Path, Places
from monitoring.oncall import OnCall, Override, Person, Rotation
from monitoring.oncall_fields import (
    NAME,
    NAME_WORDS,
    OVERRIDE,
    PERSON,
    POLICY,
    ROTATION,
    STEP,
    Check,
    Report,
    check_fields,
)
from monitoring.oncall_policy import Policy, Step

MOST_BYTES = 1_048_576
MOST_FAULTS = 200
_TABLES = ("people", "rotation", "override", "policy")


class OnCallErrors(Exception):
    """The file was refused; `faults` holds everything wrong with it, in the file's order."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def load(
    text: str,
    file: str,
    channels: Sequence[str],
    timezone: str,
    rules: Collection[str] | None = None,
) -> OnCall:
    """Return what a text says, given the channels of the settings. Raises OnCallErrors.

    `rules` are the names that a policy may cover; None: they are not looked at.
    """
    try:
        data, places = parse(text.replace("\r\n", "\n"), file)
    except RuleErrors as error:
        raise OnCallErrors(error.faults) from None
    reader = _Reader(file, places, channels, timezone, rules)
    found = reader.oncall(data)
    if reader.faults:
        faults = sorted(reader.faults, key=lambda fault: (fault.line, fault.column))
        raise OnCallErrors(faults[:MOST_FAULTS])
    return found


class _Reader:
    """Rebuilds what the file says, as far as it is sound."""

    def __init__(
        self,
        file: str,
        places: Places,
        channels: Sequence[str],
        timezone: str,
        rules: Collection[str] | None,
    ) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._places = places
        self._channels = channels
        self._timezone = timezone
        self._rules = rules
        self._people: dict[str, Person] = {}
        self._rotations: dict[str, Rotation] = {}
        self._named: set[str] = set()
        """Rotations that stand in the file, also those with a fault of their own."""

    def oncall(self, data: Mapping[str, Any]) -> OnCall:
        for key in data:
            if key not in _TABLES:
                self._add((key,), None, f"unknown table {key[:60]}", nearest(key, _TABLES))
        self._read_people(data.get("people", {}))
        for path, table in self._tables(data, "rotation"):
            self._read_rotation(path, table)
        overrides = [self._override(*one) for one in self._tables(data, "override")]
        policies = [self._policy(*one) for one in self._tables(data, "policy")]
        return OnCall(
            people=self._people,
            rotations=self._rotations,
            overrides=tuple(one for one in overrides if one is not None),
            policies=tuple(policies),
        )

    def _tables(self, data: Mapping[str, Any], key: str) -> Iterable[tuple[Path, dict[str, Any]]]:
        tables = data.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            self._add((key,), None, f"is written as [[{key}]], in double brackets")
            return []
        return [((key, index), table) for index, table in enumerate(tables)]

    def _read_people(self, tables: Any) -> None:
        if not isinstance(tables, dict):
            self._add(("people",), None, "people are written as [people.asha]")
            return
        for name, table in tables.items():
            path, label = ("people", name), f"people.{name}"[:60]
            if not NAME.fullmatch(name):
                self._add(path, label, f"a name {NAME_WORDS}")
            if name in self._channels:
                self._add(path, label, "is the name of a channel too: call one of them otherwise")
            if not isinstance(table, dict):
                self._add(path, label, 'is written as [people.asha] with channels = ["phone"]')
                table = {"channels": []}  # noqa: PLW2901 -- who is named stays known
                continue
            sound = self._sound(table, PERSON, ("channels",), path, label)
            channels: Any = sound.get("channels", ())
            self._known(channels, self._channels, "channel", (*path, "channels"), label)
            self._people[name] = Person(name=name, channels=channels)

    def _read_rotation(self, path: Path, table: dict[str, Any]) -> None:
        label = f"rotation {table.get('name', '')}"[:60].strip()
        needed = ("name", "people", "every", "at", "start")
        sound: dict[str, Any] = self._sound(table, ROTATION, needed, path, label)
        people = sound.get("people", ())
        self._known(people, self._people, "person", (*path, "people"), label)
        name = sound.get("name")
        if name is None:
            return
        if name in self._named:
            self._add((*path, "name"), label, "a rotation of this name stands above")
        if name in self._channels or name in self._people:
            self._add((*path, "name"), label, "is the name of a person or a channel too")
        self._named.add(name)
        if "weekday" in table and sound.get("every") == "day":
            self._add((*path, "weekday"), label, 'weekday is for every = "week"')
        if any(key not in sound for key in needed):
            return
        sound.setdefault("weekday", sound["start"].weekday())
        sound.setdefault("timezone", self._timezone)
        self._rotations.setdefault(name, Rotation(**sound))

    def _override(self, path: Path, table: dict[str, Any]) -> Override | None:
        label = "override"
        needed = ("rotation", "person", "from", "to")
        sound: dict[str, Any] = self._sound(table, OVERRIDE, needed, path, label)
        if "person" in sound:
            self._known((sound["person"],), self._people, "person", (*path, "person"), label)
        if "rotation" not in sound:
            return None
        self._known((sound["rotation"],), self._named, "rotation", (*path, "rotation"), label)
        rotation = self._rotations.get(sound["rotation"])
        if rotation is None or any(key not in sound for key in needed):
            return None
        from_ms, until_ms = (_ms(sound[key], rotation.timezone) for key in ("from", "to"))
        if until_ms <= from_ms:
            self._add((*path, "to"), label, "to is not after from")
        return Override(
            rotation=rotation.name, person=sound["person"], from_ms=from_ms, until_ms=until_ms
        )

    def _policy(self, path: Path, table: dict[str, Any]) -> Policy:
        label = f"policy {int(path[1]) + 1}"
        sound: dict[str, Any] = self._sound(table, POLICY, ("step",), path, label)
        rules = sound.get("rule", ())
        if self._rules is not None:
            self._known(rules, self._rules, "rule", (*path, "rule"), label)
        steps = [
            self._step((*path, "step", index), one, label)
            for index, one in enumerate(sound.get("step", ()))
        ]
        return Policy(
            name=label,
            severity=sound.get("severity"),
            rules=rules,
            exposed=sound.get("exposed", False),
            steps=tuple(steps),
        )

    def _step(self, path: Path, table: dict[str, Any], label: str) -> Step:
        sound: dict[str, Any] = self._sound(table, STEP, ("whom", "after"), path, label)
        whom = sound.get("whom", ())
        known = (*self._people, *sorted(self._named), *self._channels)
        self._known(whom, known, "person, rotation or channel", (*path, "whom"), label)
        return Step(
            whom=whom,
            after_seconds=sound.get("after", 0),
            repeat_seconds=sound.get("repeat"),
        )

    def _sound(
        self,
        table: Mapping[str, Any],
        fields: Mapping[str, Check],
        needed: tuple[str, ...],
        path: Path,
        label: str,
    ) -> dict[str, Any]:
        return check_fields(table, fields, needed, self._reporting(path, label))

    def _reporting(self, path: Path, label: str) -> Report:
        def report(place: Path, reason: str, hint: str | None) -> None:
            self._add((*path, *place), label, reason, hint)

        return report

    def _known(
        self,
        given: Iterable[str],
        known: Collection[str],
        what: str,
        path: Path,
        label: str,
    ) -> None:
        for index, name in enumerate(given):
            if name and name not in known:
                there = f"there are: {', '.join(known)}" if known else "there is none"
                hint = nearest(name, known)
                more = "" if hint is not None else f" ({there[:200]})"
                self._add((*path, index), label, f"unknown {what} {name[:60]}{more}", hint)

    def _add(self, path: Path, label: str | None, reason: str, hint: str | None = None) -> None:
        line, column = self._places.line_column(self._places.key(path))
        self.faults.append(Fault(self._file, line, column, label, reason, hint))


def _ms(moment: datetime, timezone: str) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return round(moment.timestamp() * 1000)
