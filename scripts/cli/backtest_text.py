"""What a backtest found, for a human: a line a rule, then the incidents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evaluator.message import grouped
from scripts.cli import words
from scripts.cli.backtest_report import Happened, OfRule, Report, Side
from scripts.cli.terminal import Line, Span

MOST_LISTED = 40
ENDS = {
    "resolved": "",
    "untold": " (nobody would have been told)",
    "new_day": " (a new trading day)",
    "rule_removed": " (the rule was removed)",
}


def report_lines(report: Report, *, every: bool) -> list[Line]:
    """Return the whole report; `every`: all incidents, else the first of them."""
    lines = [_heading(report)]
    if report.candidate is None:
        lines += [[], *_alone(report.today, report.sessions)]
        incidents = [one for rule in report.today.rules for one in rule.incidents]
        lines += _listed("Incidents", sorted(incidents, key=_fired), every=every)
    else:
        lines += [[], *_beside(report.today, report.candidate)]
        lines += _listed("Only by today's rules", report.only_today, every=every)
        lines += _listed(
            f"Only by {report.candidate.rules_file}", report.only_candidate, every=every
        )
        if not report.only_today and not report.only_candidate:
            lines += [[], [Span("Both find the same incidents.", "good")]]
    errors = [
        (rule.rule, rule.error)
        for side in (report.today, report.candidate)
        if side is not None
        for rule in side.rules
        if rule.error is not None
    ]
    lines += [
        [Span("ERROR", "bad"), Span(f"  {rule}: {why}")] for rule, why in dict(errors).items()
    ]
    lines += [[Span(note, "dim")] for note in report.notes]
    if report.not_judged:
        said = f"Not judged, for want of what tick files don't hold: {', '.join(report.not_judged)}"
        lines.append([Span(said, "dim")])
    return lines


def _heading(report: Report) -> Line:
    span = f"{_moment(report.since)} to {_moment(report.until)}"
    count = grouped(report.snapshots)
    return [
        Span(span, "strong"),
        Span(f"  {words.count(report.sessions, 'session')}, {count} snapshots of {report.source}"),
        Span(f"  took {words.age(report.took_seconds)}", "dim"),
    ]


def _alone(side: Side, sessions: int) -> list[Line]:
    shown = [rule for rule in side.rules if rule.incidents or rule.never_fired]
    wide = max((len(rule.rule) for rule in shown), default=4)
    lines: list[Line] = [
        [Span(f"{'rule':<{wide}}  {'fired':>5}  {'in alarm':>8}  {'a session':>9}  "
              f"{'longest':>8}  {'flaps':>5}  {'never fired':>11}", "dim")]
    ]  # fmt: skip
    for rule in shown:
        a_session = rule.alarm_seconds / sessions if sessions else None
        lines.append(
            [
                Span(f"{rule.rule:<{wide}}  ", "strong" if rule.incidents else ""),
                Span(f"{len(rule.incidents):>5}  {_length(rule.alarm_seconds):>8}  "
                     f"{_length(a_session):>9}  {_length(rule.longest_seconds):>8}  "),
                Span(f"{rule.flaps or '–':>5}", "warn" if rule.flaps else ""),
                Span(f"  {rule.never_fired or '–':>11}"),
            ]
        )  # fmt: skip
    quiet = [rule.rule for rule in side.rules if not rule.incidents and not rule.never_fired]
    if quiet:
        lines.append([Span(f"Nothing of: {', '.join(quiet)}", "dim")])
    return lines


def _beside(today: Side, candidate: Side) -> list[Line]:
    sides = [{rule.rule: rule for rule in side.rules} for side in (today, candidate)]
    names = dict.fromkeys((*sides[0], *sides[1]))
    shown = [name for name in names if any(name in one and one[name].incidents for one in sides)]
    wide = max((len(name) for name in shown), default=4)
    heads = f"{'fired':>5}  {'in alarm':>8}  {'longest':>8}  {'flaps':>5}"
    lines: list[Line] = [
        [Span(f"{'':<{wide}}  {'today':<32}   {'candidate'}", "dim")],
        [Span(f"{'rule':<{wide}}  {heads}   {heads}", "dim")],
    ]
    for name in shown:
        both = [one.get(name) for one in sides]
        cells = [_cells(one) for one in both]
        line = [Span(f"{name:<{wide}}  ", "strong"), Span(f"{cells[0]}   ")]
        line.append(Span(cells[1], "" if cells[0] == cells[1] else "warn"))
        lines.append(line)
    if not shown:
        lines = [[Span("Neither finds an incident.", "good")]]
    return lines


def _cells(rule: OfRule | None) -> str:
    if rule is None or not rule.enabled:
        return f"{'no such rule' if rule is None else 'disabled':<32}"
    return (
        f"{len(rule.incidents):>5}  {_length(rule.alarm_seconds):>8}  "
        f"{_length(rule.longest_seconds):>8}  {rule.flaps or '–':>5}"
    )


def _listed(title: str, incidents: Sequence[Happened], *, every: bool) -> Iterable[Line]:
    if not incidents:
        return
    yield []
    yield [Span(f"{title}: {len(incidents)}", "strong")]
    shown = incidents if every else incidents[:MOST_LISTED]
    wide = max(len(one.rule) for one in shown)
    for one in shown:
        yield _incident(one, wide)
    if len(shown) < len(incidents):
        yield [Span(f"… and {len(incidents) - len(shown)} more: --rule NAME, or --json", "dim")]


def _incident(one: Happened, wide: int) -> Line:
    end = "still open at the end" if one.ended is None else ENDS.get(one.how or "", f" ({one.how})")
    marks = [end.strip()] if end else []
    marks += ["held from the start"] if one.from_start else []
    marks += [f"held again {one.held_again} ×"] if one.held_again else []
    marks += [f"suppressed by {one.suppressed_by}"] if one.suppressed_by else []
    return [
        Span(f"{_moment(one.fired)}  "),
        Span(f"{one.severity:<8}  ", "bad" if one.severity == "CRITICAL" else "warn"),
        Span(f"{one.rule:<{wide}}  ", "strong"),
        Span(f"{_length(one.seconds):>7}  "),
        Span(one.message),
        Span(f"  {', '.join(marks)}" if marks else "", "dim"),
    ]


def _fired(one: Happened) -> str:
    return one.fired


def _length(seconds: float | None) -> str:
    return "–" if not seconds else words.age(seconds)


def _moment(iso: str | None) -> str:
    return "?" if iso is None else iso[:19].replace("T", " ")
