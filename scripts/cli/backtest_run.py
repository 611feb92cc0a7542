"""The work of `monitor rules backtest`: rules read, the past judged, the outcome printed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from evaluator.instant import Instant
from evaluator.names import nearest
from evaluator.rules import Fault, RuleErrors, RuleSet, load
from monitoring.backtest import Backtested, backtest
from monitoring.backtest_days import backtest_folder
from monitoring.backtest_diary import RuleText
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.excerpt import Excerpts
from monitoring.home import Home
from monitoring.market_override import Overrides
from monitoring.schedule import ScheduleFault
from monitoring.state import read_state
from scripts.cli import words
from scripts.cli.backtest_report import Maker, Report, missing
from scripts.cli.backtest_text import report_lines
from scripts.cli.backtest_ticks import TickFiles, without_surroundings
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.look import overrides_of
from scripts.cli.moments import wanted_ms
from scripts.cli.progress import Progress
from scripts.cli.rules import fault_line
from scripts.cli.terminal import show, show_json, uncut

FAULTY = 1
NO_SUCH_RULE = 2
NOTHING = 3
USUAL = "30d"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants: a candidate file, since when or which tick files, which rules."""

    candidate: Path | None
    since: str | None
    ticks: tuple[Path, ...]
    names: tuple[str, ...]


class _Faulty(Exception):
    """The candidate file was refused."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


def run(asked: Asked, *, every: bool, as_json: bool) -> int:
    """Do it, print the report, and return the exit code."""
    here = desk()
    try:
        report = _report(here, asked)
    except _Faulty as refused:
        if as_json:
            show_json(refused.faults)
        else:
            show([fault_line(fault) for fault in refused.faults], uncut(here.terminal))
        said = words.count(len(refused.faults), "fault")
        click.echo(f"{said}: nothing was judged.", err=True)
        return FAULTY
    if as_json:
        show_json(report)
    else:
        show(report_lines(report, every=every or bool(asked.names)), uncut(here.terminal))
    return 0


def _report(here: Desk, asked: Asked) -> Report:
    began = time.monotonic()
    config = _config(here.home)
    overrides = _overrides(here.home)
    try:
        sessions = calendar_of(config, overrides)
    except ScheduleFault as fault:
        raise Failure(f"{fault}.", "Install Tickbeat again.", code=NOTHING) from None
    names = [str(here.home.rules)]
    texts = [_todays(here.home)]
    if asked.candidate is not None:
        names.append(str(asked.candidate))
        texts.append(_candidate(asked.candidate))
    rule_sets = [load(*text) for text in texts]
    _check_names(asked.names, rule_sets)
    not_judged: list[str] = []
    if asked.ticks:
        rule_sets, not_judged = without_surroundings(rule_sets)
        done, notes = _over_ticks(asked.ticks, rule_sets, config, overrides)
        source = words.count(len(asked.ticks), "tick file")
    else:
        done, notes = _over_snapshots(here, asked.since, texts, config, overrides)
        source = str(here.home.snapshots)

    def wanted(rule: str) -> bool:
        return not asked.names or rule in asked.names

    maker = Maker(sessions, words.zone(config.timezone))
    sides = [
        maker.side(name, rules, found, wanted)
        for name, rules, found in zip(names, rule_sets, done.outcomes, strict=True)
    ]
    report = Report(
        source=source,
        since=None if done.first is None else maker.iso(done.first.wall_ms),
        until=None if done.last is None else maker.iso(done.last.wall_ms),
        snapshots=done.snapshots,
        sessions=maker.days(done),
        took_seconds=round(time.monotonic() - began, 3),
        today=sides[0],
        not_judged=[rule for rule in not_judged if wanted(rule)],
        notes=notes,
    )
    if len(sides) == 1:
        return report
    ours, theirs = ([one for one in found.all if wanted(one.rule)] for found in done.outcomes)
    return msgspec.structs.replace(
        report,
        candidate=sides[1],
        only_today=[maker.happened(one) for one in missing(ours, theirs)],
        only_candidate=[maker.happened(one) for one in missing(theirs, ours)],
    )


def _over_snapshots(
    here: Desk,
    since: str | None,
    texts: Sequence[RuleText],
    config: Config,
    overrides: Overrides,
) -> tuple[Backtested, list[str]]:
    now_ms = here.clock().wall_ms
    since_ms = wanted_ms("--since", since or USUAL, now_ms, words.zone(config.timezone)) or 0
    progress = Progress("snapshots")
    first_ms = 0

    def step(count: int, at: Instant) -> None:
        nonlocal first_ms
        first_ms = first_ms or at.wall_ms
        progress.step(count, (at.wall_ms - first_ms) / max(1, now_ms - first_ms))

    workers = len(os.sched_getaffinity(0))
    done, skipped = backtest_folder(
        here.home.snapshots,
        texts,
        config,
        since_ms=since_ms,
        workers=workers,
        overrides=overrides,
        progress=step,
    )
    progress.end()
    if done.first is None:
        raise Failure(
            f"No snapshots in {here.home.snapshots} since "
            f"{words.local(since_ms, words.zone(config.timezone)):%Y-%m-%d %H:%M}.",
            "Is this the right home? An earlier --since reaches further back.",
            code=NOTHING,
        )
    return done, _unread(skipped)


def _over_ticks(
    files: Sequence[Path], rule_sets: Sequence[RuleSet], config: Config, overrides: Overrides
) -> tuple[Backtested, list[str]]:
    progress = Progress("snapshots")
    excerpts = Excerpts(rule_sets, config)
    with TickFiles(files, config) as ticks:

        def step(count: int, at: Instant) -> None:
            progress.step(count, ticks.share(at.wall_ms))

        found = ticks.snapshots(excerpts.decode)
        done = backtest(found, rule_sets, config, overrides=overrides, progress=step)
    progress.end()
    return done, ticks.notes


def _unread(skipped: Sequence[str]) -> list[str]:
    if not skipped:
        return []
    more = f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return [f"Left out, since it can't be read: {skipped[0]}{more}"]


def _todays(home: Home) -> RuleText:
    """Return the rules that the scheduler runs with: with any fault the built-in ones alone."""
    try:
        text = home.rules.read_text(encoding="utf-8"), str(home.rules)
        load(*text)
    except FileNotFoundError:
        return None, str(home.rules)
    except (RuleErrors, UnicodeDecodeError):
        click.echo(
            f"{home.rules} has faults, so today's rules are the built-in ones alone: run "
            "`monitor rules check`.",
            err=True,
        )
        return None, str(home.rules)
    return text


def _candidate(path: Path) -> RuleText:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Failure(f"There is no file {path}.", "Check its name.", code=NOTHING) from None
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.", code=FAULTY
        ) from None
    try:
        load(text, str(path))
    except RuleErrors as error:
        raise _Faulty(error.faults) from None
    return text, str(path)


def _check_names(names: Sequence[str], rule_sets: Sequence[RuleSet]) -> None:
    known = {rule.name for rules in rule_sets for rule in rules.rules}
    for name in names:
        if name not in known:
            near = nearest(name, known)
            todo = f"Did you mean {near}?" if near else "`monitor rules list` names them."
            raise Failure(f"There is no rule {name!r}.", todo, code=NO_SUCH_RULE)


def _overrides(home: Home) -> Overrides:
    """Return what the operator said of the market, as the alert log holds it."""
    try:
        return overrides_of(home)
    except OSError as error:
        said = f"{home.alerts} can't be read: {error.strerror}."
        raise Failure(said, "Check who owns it.", code=NOTHING) from None


def _config(home: Home) -> Config:
    """Return the settings that the processes run with, else those that they would start with."""
    for process in ("scheduler", "collector"):
        state = read_state(home.state, process)
        if state is not None:
            return state.config
    from monitoring import settings  # noqa: PLC0415 - slow: pydantic

    try:
        return settings.load(home, os.environ).config
    except settings.SettingsError as error:
        raise Failure("\n".join(error.faults), f"Correct {home.settings}.", code=FAULTY) from None
