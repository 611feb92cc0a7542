"""Recorded snapshots read for what rules ask of them, which is a tenth of what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from evaluator.facts import FactType
from evaluator.incident import Scalar
from evaluator.instant import Instant
from evaluator.names import base_fact
from evaluator.rules import RuleSet
from evaluator.stats import Stats
from monitoring.config import Config
from monitoring.preflight import OF_SNAPSHOTS
from monitoring.snapshot import FORMAT_VERSION, TICK_GROUPS, BreezeStatus, CollectorStatus, Snapshot
from monitoring.snapshots import decode as decode_whole


class ExcerptWindow(msgspec.Struct, frozen=True):
    """As `Window`, with the statistics that were asked for alone."""

    ticks: int
    seconds: float
    stats: dict[str, Stats]


class Excerpt(msgspec.Struct, frozen=True):
    """As much of a snapshot as rules read. `flat`: fact name → value, of its fact's type; what is
    unknown is not in it.
    """

    instant: Instant
    flat: dict[str, Scalar]
    window: ExcerptWindow


Taken = Snapshot | Excerpt
"""What a course can take."""

_TYPES: dict[FactType, Any] = {
    "number": float | None,
    "counter": float | None,
    "flag": bool | None,
    "text": str | None,
}


class Excerpts:
    """Decodes snapshots for some rule sets, and for what is checked before the open."""

    def __init__(self, rule_sets: Iterable[RuleSet], config: Config) -> None:
        types: dict[str, set[Any]] = {}
        for rules in rule_sets:
            for name in {base_fact(one) for program in rules.programs for one in program.names}:
                types.setdefault(name, set()).add(_TYPES[rules.facts[name].type])
            for name in OF_SNAPSHOTS:
                types.setdefault(name, set()).add(_TYPES[rules.facts[name].type])
        for name in config.artifacts:
            types.setdefault(f"artifacts.{name}_age_hours", set()).add(float | None)
        # A fact whose type the rule sets don't agree on has none here: nothing fits.
        facts = {name: of.pop() if len(of) == 1 else None for name, of in sorted(types.items())}
        # That a fact was ever reported can be seen by its last known value.
        facts |= {f"last.{name}": type_ for name, type_ in facts.items()}
        self._windowed = sorted(types)
        self._names, places, groups = [], [], []
        for group, type_, fields in _sections(facts):
            groups.append((group, type_, msgspec.field(default_factory=type_)))
            self._names += [name for name, _ in fields]
            places += [f"{group}.{field}" for _, field in fields]
        self._values = attrgetter("version", "version", *places)
        statistics = _renamed("Statistics", [(fact, Stats | None, None) for fact in self._windowed])
        window = msgspec.defstruct(
            "WindowPart",
            [
                ("ticks", int, 0),
                ("seconds", float, 0.0),
                ("stats", statistics, msgspec.field(default_factory=statistics)),
            ],
        )
        self._decode = msgspec.json.Decoder(
            msgspec.defstruct(
                "SnapshotPart",
                [
                    ("version", int),
                    ("snapshot", int),
                    ("wall_ms", int),
                    ("boottime_ns", int),
                    ("boot_id", str),
                    *groups,
                    ("window", window, msgspec.field(default_factory=window)),
                ],
            )
        ).decode

    def decode(self, name: str, data: bytes) -> Taken:
        """Return what rules read of the snapshot in `data`. Raises SnapshotUnreadable as the
        store's `decode` does.

        One with a value that is not of its fact's type is returned whole: that is the
        evaluation's to judge. What is wrong where no rule reads isn't noticed.
        """
        try:
            part: Any = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return decode_whole(name, data)
        if part.version != FORMAT_VERSION:
            return decode_whole(name, data)
        values = self._values(part)[2:]
        stats = zip(self._windowed, msgspec.structs.astuple(part.window.stats), strict=True)
        return Excerpt(
            Instant(part.wall_ms, part.boottime_ns, part.boot_id),
            {
                name: value
                for name, value in zip(self._names, values, strict=True)
                if value is not None
            },
            ExcerptWindow(
                part.window.ticks,
                part.window.seconds,
                {fact: one for fact, one in stats if one is not None},
            ),
        )


def _sections(
    facts: Mapping[str, Any],
) -> Iterable[tuple[str, type[msgspec.Struct], list[tuple[str, str]]]]:
    """Yield attribute, type and (fact name, path below it) for each part of a snapshot."""
    for group in (*TICK_GROUPS, "artifacts"):
        yield group, *_part(f"{group}.", facts, {})
    for group, whole in (("breeze", BreezeStatus), ("collector", CollectorStatus)):
        defaults = {
            f"{group}.{one.name}": None if one.default is msgspec.NODEFAULT else one.default
            for one in msgspec.structs.fields(whole)
        }
        known = {name: type_ for name, type_ in facts.items() if name in defaults}
        yield group, *_part(f"{group}.", known, defaults)
    below = [(group, *_part(f"last.{group}.", facts, {})) for group in TICK_GROUPS]
    last = msgspec.defstruct(
        "Last",
        [(group, type_, msgspec.field(default_factory=type_)) for group, type_, _ in below],
    )
    yield (
        "last",
        last,
        [(n, f"{group}.{field}") for group, _, fields in below for n, field in fields],
    )


def _part(
    prefix: str, facts: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[type[msgspec.Struct], list[tuple[str, str]]]:
    """Return a type with the facts below a prefix, and the attribute of each."""
    found = [name for name in facts if name.startswith(prefix)]
    fields = [(name.removeprefix(prefix), facts[name], defaults.get(name)) for name in found]
    return _renamed("Part", fields), [(name, f"f{number}") for number, name in enumerate(found)]


def _renamed(name: str, fields: Sequence[tuple[str, Any, Any]]) -> type[msgspec.Struct]:
    """Return a struct whose JSON names need not be identifiers: its attributes are f0, f1, …."""
    return msgspec.defstruct(
        name,
        [(f"f{number}", type_, default) for number, (_, type_, default) in enumerate(fields)],
        rename={f"f{number}": field for number, (field, _, _) in enumerate(fields)},
    )
