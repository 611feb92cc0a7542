"""Reading `notify.toml`: the routing that it says, or all of its faults with their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time
from pathlib import Path
from typing import Any, get_args

import msgspec

from evaluator.durations import parse_seconds
from evaluator.incident import Severity
from evaluator.names import nearest
from evaluator.rules import Fault, RuleErrors
from evaluator.toml_file import parse
from evaluator.toml_places import Path as Place
from evaluator.toml_places import Places
from monitoring.config import Channel
from monitoring.regular import RULES_BYTES, read_regular
from monitoring.routing import QuietHours, Route, Routing, When

LONGEST_SECONDS = 86_400
MOST_ROUTES = 200
_TABLES = ("route", "quiet_hours", "fallback", "digest")
_GLOB = re.compile(r"[A-Za-z0-9_*?\[\]!-]{1,100}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
Check = Callable[["_Reader", object, Place], Any]
"""Returns what a value becomes; None when it is wrong, which is reported."""


class Refused(msgspec.Struct, frozen=True):
    """Everything that is wrong with the file."""

    faults: list[Fault]


def read(path: Path, channels: Mapping[str, Channel]) -> Routing | Refused:
    """Return what the file says, given the channels that are set. No file routes nothing."""
    try:
        text = read_regular(path, RULES_BYTES, follow=True).decode()
    except FileNotFoundError:
        return Routing()
    except OSError as error:
        return Refused([Fault(path.name, 1, 1, None, f"can't be read: {error.strerror}")])
    except UnicodeDecodeError as error:
        return Refused([Fault(path.name, 1, 1, None, f"is not UTF-8 at byte {error.start}")])
    return of_text(text, path.name, channels)


def of_text(text: str, file: str, channels: Mapping[str, Channel]) -> Routing | Refused:
    """Return what a text says."""
    try:
        data, places = parse(text, file)
    except RuleErrors as error:
        return Refused(error.faults)
    reader = _Reader(file, places, channels)
    routing = reader.routing(data)
    if reader.faults:
        return Refused(sorted(reader.faults, key=lambda one: (one.line, one.column)))
    return routing


class _Reader:
    def __init__(self, file: str, places: Places, channels: Mapping[str, Channel]) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._places = places
        self.channels = channels

    def routing(self, data: Mapping[str, object]) -> Routing:
        for key in data:
            if key not in _TABLES:
                self.report((key,), f"unknown table {key[:60]}", nearest(key, _TABLES))
        quiet = self._table(data, "quiet_hours", _QUIET_HOURS)
        if quiet is not None and "since" in quiet and quiet["since"] == quiet.get("until"):
            self.report(("quiet_hours",), "from and to are the same: it would never be quiet")
        return Routing(
            routes=self._routes(data.get("route", [])),
            quiet_hours=QuietHours(**quiet) if quiet is not None and len(quiet) == 2 else None,
            fallback=self._fallback(data.get("fallback", {})),
            digest=(self._table(data, "digest", _DIGEST) or {}).get("channels", ()),
        )

    def report(self, place: Place, reason: str, hint: str | None = None) -> None:
        line, column = self._places.line_column(self._places.key(place))
        self.faults.append(Fault(self._file, line, column, None, reason, hint))

    def channel(self, name: object, place: Place) -> str | None:
        """Return the name of a channel that is set."""
        if isinstance(name, str) and name in self.channels:
            return name
        there = f"there are: {', '.join(self.channels)}" if self.channels else "none is set"
        hint = nearest(name, self.channels) if isinstance(name, str) else None
        shown = name[:60] if isinstance(name, str) else "that is no text"
        self.report(place, f"unknown channel {shown} ({there})", hint)
        return None

    def _table(
        self, data: Mapping[str, object], name: str, fields: Fields
    ) -> dict[str, Any] | None:
        """Return the fields of a table all of whose fields are needed; None: it is not there."""
        if name not in data:
            return None
        table = data[name]
        if not isinstance(table, dict):
            self.report((name,), f"{name} is a table: write [{name}]")
            return None
        found = self._fields(table, (name,), fields)
        for key in fields:
            if key not in table:
                self.report((name,), f"{name} needs {key}")
        return found

    def _routes(self, tables: object) -> tuple[Route, ...]:
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            self.report(("route",), "routes are written as [[route]], in double brackets")
            return ()
        if len(tables) > MOST_ROUTES:
            self.report(("route", MOST_ROUTES), f"at most {MOST_ROUTES} routes can stand here")
        routes: list[Route] = []
        taken = None
        for index, table in enumerate(tables[:MOST_ROUTES]):
            place: Place = ("route", index)
            fields = self._fields(table, place, _ROUTE)
            if "channels" not in table:
                self.report(place, "a route needs channels")
            route = Route(**({"channels": ()} | fields))
            if taken is not None and index == taken:
                self.report(place, f"is never reached: route {taken} takes everything")
            elif route.words == "everything" and not route.continues and len(fields) == len(table):
                taken = index + 1
            routes.append(route)
        return tuple(routes)

    def _fields(self, table: Mapping[str, object], place: Place, fields: Fields) -> dict[str, Any]:
        found = {}
        for key, value in table.items():
            at = (*place, key)
            if key not in fields:
                self.report(at, f"unknown field {key[:60]}", nearest(key, fields))
                continue
            attribute, check = fields[key]
            parsed = check(self, value, at)
            if parsed is not None:
                found[attribute] = parsed
        return found

    def _fallback(self, table: object) -> dict[str, str]:
        if not isinstance(table, dict):
            self.report(("fallback",), "fallback is a table: write [fallback]")
            return {}
        found = {}
        for name, value in table.items():
            place = ("fallback", name)
            channel = self.channel(name, place)
            other = self.channel(value, place)
            if channel is not None and channel == other:
                self.report(place, f"{name} can't stand in for itself")
            elif channel is not None and other is not None:
                found[channel] = other
        return found


def _choice(allowed: tuple[str, ...]) -> Check:
    def check(reader: _Reader, value: object, place: Place) -> str | None:
        if isinstance(value, str) and value in allowed:
            return value
        hint = None
        if isinstance(value, str):
            hint = nearest(value, allowed) or nearest(value.upper(), allowed)
        reader.report(place, f"{place[-1]} must be one of {', '.join(allowed)}", hint)
        return None

    return check


def _glob(reader: _Reader, value: object, place: Place) -> str | None:
    if isinstance(value, str) and _GLOB.fullmatch(value):
        return value
    words = f'{place[-1]} must be a name, or a pattern of one with * and ?: "breeze_*"'
    reader.report(place, words)
    return None


def _duration(reader: _Reader, value: object, place: Place) -> int | None:
    seconds = parse_seconds(value) if isinstance(value, str) else None
    if seconds is None or seconds > LONGEST_SECONDS:
        words = f'{place[-1]} must be a duration such as "30s", "5m" or "4h", at most a day'
        reader.report(place, words)
        return None
    return seconds


def _flag(reader: _Reader, value: object, place: Place) -> bool | None:
    if isinstance(value, bool):
        return value
    reader.report(place, f"{place[-1]} must be true or false, without quotes")
    return None


def _clock(reader: _Reader, value: object, place: Place) -> time | None:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        reader.report(place, f'{place[-1]} must be a time of day such as "22:00"')
        return None
    return time(int(match[1]), int(match[2]))


def _messengers(reader: _Reader, value: object, place: Place) -> tuple[str, ...] | None:
    found = _channels(reader, value, place)
    for name in found or ():
        if reader.channels[name].kind == "alertmanager":
            reader.report(place, f"{name} is an Alertmanager: it takes alerts, and no messages")
    return found


def _channels(reader: _Reader, value: object, place: Place) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not value:
        reader.report(place, 'channels must be a list of at least one: ["phone"]')
        return None
    found = [reader.channel(one, (*place, index)) for index, one in enumerate(value)]
    return tuple(dict.fromkeys(one for one in found if one is not None))


Fields = Mapping[str, tuple[str, Check]]
"""Key in the file → attribute of the record, and its check."""

_ROUTE: Fields = {
    "channels": ("channels", _channels),
    "severity": ("severity", _choice(get_args(Severity))),
    "rule": ("rule", _glob),
    "engine": ("engine", _glob),
    "when": ("when", _choice(get_args(When))),
    "continue": ("continues", _flag),
    "group_wait": ("group_wait_seconds", _duration),
    "group_interval": ("group_interval_seconds", _duration),
    "repeat_interval": ("repeat_interval_seconds", _duration),
}
_QUIET_HOURS: Fields = {"from": ("since", _clock), "to": ("until", _clock)}
_DIGEST: Fields = {"channels": ("channels", _messengers)}
