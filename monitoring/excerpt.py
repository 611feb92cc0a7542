"""Recorded snapshots read for what rules ask of them, which is a tenth of what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from evaluator.incident import Scalar
from evaluator.instant import Instant
from evaluator.names import base_fact
from evaluator.rules import RuleSet
from evaluator.stats import Stats
from monitoring.snapshot import (
    FORMAT_VERSION,
    TICK_GROUPS,
    BreezeStatus,
    CollectorStatus,
    Snapshot,
    flatten,
)
from monitoring.snapshots import SnapshotUnreadable
from monitoring.snapshots import decode as decode_whole

_VALUE = Scalar | list[str] | None


class ExcerptWindow(msgspec.Struct, frozen=True):
    """As `Window`, with the statistics that were asked for alone."""

    ticks: int
    seconds: float
    stats: dict[str, Stats]


class Excerpt(msgspec.Struct, frozen=True):
    """As much of a snapshot as rules read. `flat`: fact name → raw value (None: unknown)."""

    number: int
    instant: Instant
    flat: dict[str, object]
    window: ExcerptWindow


Taken = Snapshot | Excerpt
"""What a course can take."""


def raw_of(taken: Taken) -> dict[str, object]:
    """Return the raw facts by name."""
    return taken.flat if isinstance(taken, Excerpt) else flatten(taken)


class Excerpts:
    """Decodes snapshots into excerpts for some rule sets."""

    def __init__(self, rule_sets: Iterable[RuleSet]) -> None:
        names = {name for rules in rule_sets for one in rules.programs for name in one.names}
        facts = {base_fact(name) for name in names}
        # That a fact was ever reported can be seen by its last known value.
        wanted = sorted({*facts, *(f"last.{fact}" for fact in facts)})
        self._windowed = sorted(facts)
        self._names, places, groups = [], [], []
        for group, type_, fields in _sections(wanted):
            groups.append((group, type_, msgspec.field(default_factory=type_)))
            self._names += [name for name, _ in fields]
            places += [f"{group}.{field}" for _, field in fields]
        self._values = attrgetter("version", "version", *places)
        statistics = _renamed(
            "Statistics", [(fact, Stats | UnsetType, UNSET) for fact in self._windowed]
        )
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
        self._statistics = msgspec.structs.astuple

    def decode(self, name: str, data: bytes) -> Excerpt:
        """Return the excerpt of the snapshot in `data`. Raises SnapshotUnreadable as `decode` does.

        What is wrong in a part that no rule reads isn't noticed.
        """
        try:
            part: Any = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            decode_whole(name, data)  # tells what is wrong with it
            raise SnapshotUnreadable(name, "not as a snapshot of this version") from None
        if part.version != FORMAT_VERSION:
            decode_whole(name, data)
        values = self._values(part)
        stats = {
            fact: one
            for fact, one in zip(self._windowed, self._statistics(part.window.stats), strict=True)
            if one is not UNSET
        }
        return Excerpt(
            part.snapshot,
            Instant(part.wall_ms, part.boottime_ns, part.boot_id),
            dict(zip(self._names, values[2:], strict=True)),
            ExcerptWindow(part.window.ticks, part.window.seconds, stats),
        )


def _sections(
    names: Sequence[str],
) -> Iterable[tuple[str, type[msgspec.Struct], list[tuple[str, str]]]]:
    """Yield attribute, type and (fact name, path below it) for each part of a snapshot."""
    for group in (*TICK_GROUPS, "artifacts"):
        yield _readings(group, f"{group}.", names)
    below = [_readings(group, f"last.{group}.", names) for group in TICK_GROUPS]
    last = msgspec.defstruct(
        "Last",
        [(group, type_, msgspec.field(default_factory=type_)) for group, type_, _ in below],
    )
    paths = [(name, f"{group}.{field}") for group, _, fields in below for name, field in fields]
    yield "last", last, paths
    for group, whole in (("breeze", BreezeStatus), ("collector", CollectorStatus)):
        known = {f.name: f for f in msgspec.structs.fields(whole)}
        found = [n.partition(".")[2] for n in names if n.startswith(f"{group}.")]
        fields = [known[field] for field in found if field in known]
        type_ = msgspec.defstruct(
            group.title(), [(one.name, one.type, one.default) for one in fields]
        )
        yield group, type_, [(f"{group}.{one.name}", one.name) for one in fields]


def _readings(
    group: str, prefix: str, names: Sequence[str]
) -> tuple[str, type[msgspec.Struct], list[tuple[str, str]]]:
    found = [name for name in names if name.startswith(prefix)]
    type_ = _renamed(
        f"{group.title()}Part", [(name.removeprefix(prefix), _VALUE, None) for name in found]
    )
    return group, type_, [(name, f"f{number}") for number, name in enumerate(found)]


def _renamed(name: str, fields: Sequence[tuple[str, Any, Any]]) -> type[msgspec.Struct]:
    """Return a struct whose JSON names need not be identifiers: its attributes are f0, f1, …."""
    names: Mapping[str, str] = {f"f{number}": one for number, (one, _, _) in enumerate(fields)}
    return msgspec.defstruct(
        name,
        [(f"f{number}", type_, default) for number, (_, type_, default) in enumerate(fields)],
        rename=names,
    )
