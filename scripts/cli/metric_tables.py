"""Fields over time as records, as a table with sparklines, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import tzinfo
from enum import StrEnum

import msgspec

from evaluator.facts import BUILTIN_FACTS
from monitoring.history import Point, join
from scripts.cli import words
from scripts.cli.metric_series import Span, Stretches
from scripts.cli.terminal import Line, Terminal, clean
from scripts.cli.terminal import Span as Piece


class Agg(StrEnum):
    """What to take of a stretch."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"


class At(msgspec.Struct, frozen=True):
    """One stretch: its start (ISO, and POSIX ms) and its value (null: no data)."""

    at: str
    at_ms: int
    value: float | None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its stretches, and what it did over the whole span (null: no data)."""

    name: str
    unit: str
    whole: Point | None
    values: list[At]


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer, as `--json` prints it."""

    since: str
    until: str
    every_seconds: float
    agg: Agg
    fields: list[Field]


_UNITS = {fact.name: fact.unit for fact in BUILTIN_FACTS}


def unit_of(field: str) -> str:
    """Return a field's unit, "" when it has none that is known."""
    return _UNITS.get(field, "")


def metrics_of(
    names: Sequence[str], stretches: Stretches, span: Span, agg: Agg, zone: tzinfo
) -> Metrics:
    """Return the answer: every stretch of the span for every field, those without data included."""
    first = span.since_ms - span.since_ms % span.every_ms
    starts = range(first, span.until_ms, span.every_ms)
    isos = [words.local(start, zone).isoformat(timespec="seconds") for start in starts]
    fields = []
    for name in names:
        points = stretches[name]
        whole: Point | None = None
        for start in sorted(points):
            whole = points[start] if whole is None else join(whole, points[start])
        values = [
            At(iso, start, float(getattr(points[start], agg.value)) if start in points else None)
            for iso, start in zip(isos, starts, strict=True)
        ]
        fields.append(Field(name=name, unit=unit_of(name), whole=whole, values=values))
    return Metrics(
        since=words.local(span.since_ms, zone).isoformat(timespec="seconds"),
        until=words.local(span.until_ms - 1, zone).isoformat(timespec="seconds"),
        every_seconds=span.every_ms / 1000,
        agg=agg,
        fields=fields,
    )


def summary_lines(answer: Metrics, terminal: Terminal) -> list[Line]:
    """Return a line a field: last, least, mean and greatest value, and a sparkline."""
    names = [
        f"{field.name} [{field.unit}]" if field.unit else field.name for field in answer.fields
    ]
    wide = max((len(name) for name in names), default=5)
    figures = 4 * 13
    bars = max(8, min(60, terminal.width - wide - figures - 2))
    length = f"{answer.since[11:16]} to {answer.until[11:16]}"
    if answer.since[:10] != answer.until[:10]:
        length = f"{answer.since[:16].replace('T', ' ')} to {answer.until[:16].replace('T', ' ')}"
    heads = "".join(f"{head:>13}" for head in ("last", "min", "mean", "max"))
    lines: list[Line] = [
        [Piece(f"{length}, {answer.agg} of every {words.age(answer.every_seconds)}", "dim")],
        [Piece(f"{'field':<{wide}}{heads}", "dim")],
    ]
    for name, field in zip(names, answer.fields, strict=True):
        if field.whole is None:
            lines.append([Piece(f"{name:<{wide}}"), Piece(f"{'no data':>13}", "dim")])
            continue
        whole = field.whole
        shown = (whole.last, whole.min, whole.mean, whole.max)
        line = [Piece(f"{name:<{wide}}"), Piece(f"{words.figure(shown[0]):>13}", "strong")]
        line += [Piece(f"{words.figure(value):>13}") for value in shown[1:]]
        line.append(Piece(f"  {words.sparkline([at.value for at in field.values], bars)}", "good"))
        lines.append(line)
    return lines


def table_lines(answer: Metrics) -> list[Line]:
    """Return a line a stretch that has data, a column a field."""
    wides = [max(12, len(field.name)) + 2 for field in answer.fields]
    heads = "".join(
        f"{field.name:>{wide}}" for field, wide in zip(answer.fields, wides, strict=True)
    )
    lines: list[Line] = [[Piece(f"{'from':<19}{heads}", "dim")]]
    rows = zip(*(field.values for field in answer.fields), strict=True)
    for row in rows:
        if all(at.value is None for at in row):
            continue
        cells = "".join(
            f"{'–' if at.value is None else words.figure(at.value):>{wide}}"
            for at, wide in zip(row, wides, strict=True)
        )
        lines.append([Piece(f"{row[0].at[:19].replace('T', ' ')}", "dim"), Piece(cells)])
    return lines


def csv_text(answer: Metrics) -> str:
    """Return a header and a line a stretch; full precision, empty where there is no data."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["time", *(_cell(field.name) for field in answer.fields)])
    for row in zip(*(field.values for field in answer.fields), strict=True):
        rows.writerow([row[0].at, *("" if at.value is None else repr(at.value) for at in row)])
    return out.getvalue()


def _cell(name: str) -> str:
    """Return a name of the engine's choice as a text that no spreadsheet takes for a formula."""
    text = clean(name)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
