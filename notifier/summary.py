"""Several deliveries of one channel as one message, or as few as their names need: pure.

Of few alerts each has a line, the last word of it. Of many, the alerts are counted by rule, and
every rule is named: in as many messages as that takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant
from monitoring.log_sinks import printable
from notifier.ledger import Outstanding
from notifier.message import titled
from notifier.records import SUMMARY, Listed, Planned, last_words

DETAILED = 10
"""Of so many deliveries each alert has a line."""
LONGEST_LINE = 200
LONGEST_LIST = 3000
"""UTF-16 units: with all else that stands in a message, below Telegram's 4096."""

Pending = tuple[str, Outstanding]


class _Item(msgspec.Struct, frozen=True):
    """What stands in a list below a heading, and the deliveries that it is for. No words: more was
    said of the same alert later.
    """

    heading: str
    words: str
    listed: tuple[Listed, ...]

    @property
    def units(self) -> int:
        return len(self.words.encode("utf-16-le")) // 2 + 2 if self.words else 0


def summary(
    pending: Sequence[Pending],
    why: str,
    now: Instant,
    *,
    exposure: str,
    flushes: Iterable[str] = (),
) -> list[Planned]:
    """Return the messages that take the place of several deliveries, in order.

    `why` says in words why they are told as one. `flushes` are the groups that were waited for:
    their time begins now.
    """
    first = pending[0][1]
    few = sum(len(one.planned.lists) or 1 for _, one in pending) <= DETAILED
    whole = all(one.planned.why != SUMMARY for _, one in pending)
    of_one = len({incident for _, one in pending for incident in one.incidents}) == 1
    parts = [*_parts(_lines(pending) if of_one or (few and whole) else _counts(pending))]
    dues = [now if one.group is not None else one.planned.due_at for _, one in pending]
    made = []
    for number, part in enumerate(parts, 1):
        listed = tuple(one for item in part for one in item.listed)
        critical = any(one.severity == "CRITICAL" for one in listed)
        lines = [why, *_shown(part), exposure, "more: `monitor tail`"]
        which = f" {number}/{len(parts)}" if len(parts) > 1 else ""
        last = number == len(parts)
        made.append(
            Planned(
                at=now,
                incident=SUMMARY,
                step=_name(listed),
                engine=first.planned.engine,
                rule=SUMMARY,
                severity="CRITICAL" if critical else "WARNING",
                why=SUMMARY,
                over=all(one.over for one in listed),
                alert_at=_earliest(one.planned.alert_at for _, one in pending),
                title=titled(_title(listed), first.planned.engine) + which,
                text="\n".join(lines),
                channels=(first.channel,),
                lists=listed,
                since=_earliest(dues),
                flushes=tuple(flushes) if last else (),
                fell_back=all(one.settled for _, one in pending),
            )
        )
    # A part that lists what a part of before did has its key too, and stays.
    keys = {one.key(first.channel) for one in made}
    replaced = tuple(key for key, _ in pending if key not in keys)
    return [*made[:-1], msgspec.structs.replace(made[-1], replaces=replaced)]


def alone(pending: Pending, now: Instant, flushes: tuple[str, ...] = ()) -> Planned:
    """Return a delivery that waited in a group and is told by itself, with its key."""
    key, one = pending
    return msgspec.structs.replace(
        one.planned, at=now, channels=(one.channel,), passed={}, groups={}, mark=None,
        replaces=(key,), flushes=flushes, fell_back=one.fell_back,
    )  # fmt: skip


def listed_of(key: str, one: Outstanding) -> tuple[Listed, ...]:
    """Return a delivery as a list of those that it stands for."""
    planned = one.planned
    return planned.lists or (
        Listed(
            key=key, incident=planned.incident, rule=planned.rule, severity=planned.severity,
            why=planned.why, over=planned.over,
        ),
    )  # fmt: skip


def _earliest(moments: Iterable[Instant]) -> Instant:
    return min(moments, key=lambda at: at.wall_ms)


def _lines(pending: Sequence[Pending]) -> list[_Item]:
    """Return a line for each alert, the last word of it; for one alone also what is to be done."""
    last = {incident: key for key, one in pending for incident in one.incidents}
    items = []
    for key, one in pending:
        lines: list[str] = []
        if key in last.values():
            planned = one.planned
            what = planned.title.removesuffix(f" ({planned.engine})")
            first, *others = planned.text.split("\n")
            lines = [_cut(f"{what}: {first}")]
            if len(last) == 1:
                lines += [_cut(line) for line in others if line.startswith("do: ")]
        items.append(_Item("", "\n".join(lines), listed_of(key, one)))
    return items


def _counts(pending: Sequence[Pending]) -> list[_Item]:
    """Return the rules by what became of their alerts: what fires first, CRITICAL before WARNING.

    An alert counts once, as what it was at its worst and is at its end.
    """
    of_incident: dict[str, list[Listed]] = {}
    for key, one in pending:
        for listed in listed_of(key, one):
            story = of_incident.setdefault(listed.incident, [])
            if listed not in story:
                story.append(listed)
    rows: dict[tuple[bool, Severity, str], list[list[Listed]]] = {}
    for story in of_incident.values():
        critical = any(one.severity == "CRITICAL" for one in story)
        grave: Severity = "CRITICAL" if critical else "WARNING"
        rows.setdefault((story[-1].over, grave, story[-1].rule), []).append(story)
    items = []
    for (over, grave, rule), stories in sorted(rows.items()):
        words = _cut(rule) + (f" ×{len(stories)}" if len(stories) > 1 else "")
        told = tuple(one for story in stories for one in story)
        items.append(_Item(f"{grave}{', over' if over else ''}: ", words, told))
    return items


def _parts(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    part: list[_Item] = []
    units = 0
    for item in items:
        more = item.units + (0 if part and part[-1].heading == item.heading else len(item.heading))
        if part and units + more > LONGEST_LIST:
            yield part
            part, units = [], 0
        part.append(item)
        units += more
    yield part


def _shown(part: Sequence[_Item]) -> list[str]:
    lines: dict[str, list[str]] = {}
    for item in part:
        if item.words:
            lines.setdefault(item.heading, []).append(item.words)
    return [heading + (", " if heading else "\n").join(words) for heading, words in lines.items()]


def _title(listed: Sequence[Listed]) -> str:
    """Return how many alerts there are of each kind, what still fires first; of one, which."""
    last = last_words(listed)
    if len(last) == 1:
        return f"{'RESOLVED' if last[0].over else last[0].severity} {last[0].rule}"
    over = sum(one.over for one in last)
    critical = sum(one.severity == "CRITICAL" and not one.over for one in last)
    counts = {"CRITICAL": critical, "WARNING": len(last) - over - critical, "RESOLVED": over}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _name(listed: Iterable[Listed]) -> str:
    """Return a name of what is listed: the same list has the same key, and no other has it."""
    return hashlib.sha256("\n".join(one.key for one in listed).encode()).hexdigest()[:16]


def _cut(words: str) -> str:
    shown = printable(words)
    return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 1]}…"
