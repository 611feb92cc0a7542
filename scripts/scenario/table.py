"""One table of a scenario file: its fields, each checked, every fault reported with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from evaluator.durations import parse_seconds
from evaluator.names import nearest
from evaluator.toml_places import Path

Report = Callable[[Path, str, str | None], None]
"""Takes a path in the file, the reason, and what was probably meant."""

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Table:
    """Reads the fields of one table; what is wrong is reported, and reads as absent."""

    def __init__(
        self, data: dict[str, object], path: Path, report: Report, known: Sequence[str]
    ) -> None:
        self.path = path
        self._data = data
        self._report = report
        for key in data:
            if key not in known:
                self.fault(key, f"unknown field {key}", nearest(key, known))

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def fault(self, key: str | None, reason: str, hint: str | None = None) -> None:
        """Report a fault of a field, or of the whole table."""
        self._report(self.path if key is None else (*self.path, key), reason, hint)

    def needs(self, *keys: str) -> None:
        """Report each of these fields that is not there."""
        for key in keys:
            if key not in self._data:
                self.fault(None, f"needs {key}")

    def text(self, key: str, *, empty: bool = False) -> str | None:
        """Return a text."""
        value = self._data.get(key)
        if value is None or (isinstance(value, str) and (empty or value.strip())):
            return value
        self.fault(key, "must be a text" if empty else "must be a text that is not empty")
        return None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts; one text is a list of one."""
        value = self._data.get(key)
        if isinstance(value, str):
            value = [value]
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        self.fault(key, 'must be a text or a list of texts: ["…"]')
        return None

    def one_of(self, key: str, allowed: Sequence[str]) -> str | None:
        """Return one of the allowed words."""
        value = self._data.get(key)
        if value is None or value in allowed:
            return None if value is None else str(value)
        self._not_one_of(key, value, allowed)
        return None

    def some_of(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """Return some of the allowed words."""
        found = self.texts(key) or ()
        for value in found:
            if value not in allowed:
                self._not_one_of(key, value, allowed)
        return found

    def _not_one_of(self, key: str, value: object, allowed: Sequence[str]) -> None:
        hint = nearest(value, allowed) if isinstance(value, str) else None
        self.fault(key, f"must be one of {', '.join(allowed)}", hint)

    def duration_ms(
        self, key: str, *, least_ms: int = 0, most_days: int = 366, signed: bool = False
    ) -> int | None:
        """Return a duration in milliseconds; a signed one may begin with + or -."""
        value = self._data.get(key)
        if value is None:
            return None
        text = value if isinstance(value, str) else ""
        sign = -1 if signed and text.startswith("-") else 1
        seconds = parse_seconds(text.lstrip("+-") if signed else text)
        if seconds is None:
            example = '"-1h"' if signed else '"30s", "1m" or "1h30m"'
            self.fault(key, f"must be a duration such as {example}")
            return None
        if seconds * 1000 < least_ms:
            self.fault(key, f"must be at least {least_ms // 1000}s")
            return None
        if seconds > most_days * 86_400:
            self.fault(key, f"must be at most {most_days}d")
            return None
        return sign * seconds * 1000

    def moment(self, key: str) -> datetime | None:
        """Return a date and time of this age, with or without an offset."""
        value = self._data.get(key)
        if value is None or (isinstance(value, datetime) and 1980 <= value.year <= 2100):
            return value
        self.fault(
            key, "must be a time without quotes such as 2025-10-13T09:15:00, from 1980 to 2100"
        )
        return None

    def is_text(self, key: str) -> bool:
        """Tell whether a field holds a text."""
        return isinstance(self._data.get(key), str)

    def flag_or_text(self, key: str) -> bool | str | None:
        """Return true, false or a text."""
        value = self._data.get(key)
        if value is None or isinstance(value, bool | str):
            return value
        self.fault(key, "must be true, false or a text")
        return None

    def table(self, key: str, known: Sequence[str]) -> Table | None:
        """Return a table below this one."""
        value = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, dict):
            return Table(value, (*self.path, key), self._report, known)
        self.fault(key, f"must be a table: [{key}]")
        return None

    def tables(self, key: str, known: Sequence[str]) -> list[Table]:
        """Return the tables of a list below this one."""
        value = self._data.get(key, [])
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return [
                Table(one, (*self.path, key, index), self._report, known)
                for index, one in enumerate(value)
            ]
        self.fault(key, "must be a list of tables: [{ … }, { … }]")
        return []

    def entries(self, key: str) -> Iterator[tuple[str, Path, object]]:
        """Yield dotted name, path and value of everything in a table below this one.

        `risk.x = 1` without quotes makes TOML nest a table; it is the same name.
        """
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            self.fault(key, f"must be a table: [{key}]")
            return
        below: list[tuple[str, Path, object]] = [
            (name, (*self.path, key, name), one) for name, one in value.items()
        ]
        while below:
            name, path, one = below.pop(0)
            if isinstance(one, dict):
                below[:0] = [(f"{name}.{k}", (*path, k), v) for k, v in one.items()]
            else:
                yield name, path, one

    def dates(self, key: str) -> frozenset[str]:
        """Return dates (ISO), which may stand in quotes or without."""
        value = self._data.get(key, [])
        found: set[str] = set()
        for one in value if isinstance(value, list) else [None]:
            try:
                found.add(date.fromisoformat(str(one)).isoformat())
            except ValueError:
                self.fault(key, "must be a list of dates: [2025-10-14]")
        return frozenset(found)

    def hours(self, key: str) -> tuple[tuple[int, int], ...]:
        """Return intervals of a day, such as "09:15-15:30", in minutes since midnight."""
        found: list[tuple[int, int]] = []
        for text in self.texts(key) or ():
            match = _HOURS.fullmatch(text)
            begin, end = _minutes(match) if match is not None else (0, 0)
            if not 0 <= begin < end <= 24 * 60 or (found and begin < found[-1][1]):
                self.fault(key, f'{text} is not hours such as "09:15-15:30", one after the other')
                return ()
            found.append((begin, end))
        return tuple(found)

    def days(self, key: str) -> frozenset[int]:
        """Return days of the week (0: Monday), of `Mon-Fri` or `Mon Wed`; Mon-Fri without any."""
        found: set[int] = set()
        for word in (self.text(key) or "Mon-Fri").split():
            first, dash, last = word.partition("-")
            last = last if dash else first
            if first not in _DAYS or last not in _DAYS:
                self.fault(key, 'must be days such as "Mon-Fri" or "Mon Wed Sat"')
                return frozenset(range(7))
            begin, end = _DAYS.index(first), _DAYS.index(last)
            found |= {day % 7 for day in range(begin, end + 1 + (7 if end < begin else 0))}
        return frozenset(found)


def _minutes(match: re.Match[str]) -> tuple[int, int]:
    first_hour, first_minute, last_hour, last_minute = (int(one) for one in match.groups())
    if max(first_minute, last_minute) > 59:
        return 0, 0
    return first_hour * 60 + first_minute, last_hour * 60 + last_minute
