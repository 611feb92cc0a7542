"""One table of cases, and what it is to either engine."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from evaluator.durations import parse_seconds
from evaluator.incident import Scalar
from scripts.scenario.library import Library
from scripts.scenario.parse import read
from scripts.scenario.run import run
from scripts.scenario.series import Series, parse_series

Spans = list[tuple[int, int]]


class Case(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule, series for it, and when it fires. Only a difference has what Prometheus does."""

    name: str
    series: dict[str, str]
    when: list[str]
    unless: list[str] = []
    fires: list[str]
    prometheus: list[str] | None = None
    promql: str | None = None
    interval: str = "10s"
    sample: str | None = None
    missed: bool = False
    start: str = "10:00"
    hours: str | None = None
    window: str | None = None
    no_data: str = "keep"
    day: bool = False
    for_: str = msgspec.field(name="for", default="0s")
    keep_firing_for: str = "0s"

    @property
    def seconds(self) -> int:
        """How long the longest series is."""
        longest = max(len(self.values(name).values) for name in self.series)
        return (longest - 1) * seconds(self.sample or self.interval)

    def values(self, name: str) -> Series:
        found = parse_series(self.series[name], "number")
        assert isinstance(found, Series), found
        return found


def seconds(text: str) -> int:
    parsed = parse_seconds(text)
    assert parsed is not None, text
    return parsed


class Table(msgspec.Struct, forbid_unknown_fields=True):
    case: list[Case]
    difference: list[Case]


TABLE = msgspec.convert(tomllib.loads((Path(__file__).parent / "cases.toml").read_text()), Table)


def spans(texts: list[str], end: int) -> Spans:
    """Return times of firing in seconds; an open one lasts past the end."""
    found = []
    for text in texts:
        first, _, last = text.partition("-")
        found.append((seconds(first), seconds(last) if last else end + 1))
    return found


def tickbeat_spans(case: Case) -> Spans:
    """Return when the rule fires here."""
    lines = [line for line in run(*_scenario(case)).lines if line.rule == case.name]
    began = datetime.fromisoformat(f"2025-10-13T{case.start}:00+05:30").timestamp()
    found: Spans = []
    for line in lines:
        at = round(datetime.fromisoformat(line.timestamp).timestamp() - began)
        if line.status == "firing" and line.notify == "new":
            found.append((at, case.seconds + 1))
        elif line.status == "resolved":
            found[-1] = found[-1][0], at
    return found


def _scenario(case: Case):
    facts = "\n".join(f'"custom.{name}" = {{ type = "number" }}' for name in case.series)
    rule = {
        "name": case.name,
        "severity": "WARNING",
        "when": [_here(one, case) for one in case.when],
        "unless": [_here(one, case) for one in case.unless],
        "for": case.for_,
        "keep_firing_for": case.keep_firing_for,
        "no_data": case.no_data,
        "message": "m",
    }
    rows = [f"{key} = {json.dumps(value)}" for key, value in rule.items()]
    rows += [f'window = "{case.window}"'] * (case.window is not None)
    rows += ["day = true"] * case.day
    rules = f"[facts]\n{facts}\n[[rule]]\n" + "\n".join(rows) + "\n"
    hours = f'{{ hours = "{case.hours}" }}' if case.hours else '"always"'
    inputs = "\n".join(f'"custom.{name}" = "{text}"' for name, text in case.series.items())
    text = f"""
rule = "{case.name}"
rules = '''\n{rules}'''
start = 2025-10-13T{case.start}:00
calendar = {hours}
interval = "{case.interval}"
snapshot_interval = "{case.sample or case.interval}"
[[scenario]]
name = "{case.name}"
expect = [{{ at = "{in_whole(case.seconds)}", told = [] }}]
[scenario.input]
{inputs}
"""
    file = read(text, "case.toml", Library())
    return file.scenarios[0], file.rules


def in_whole(whole: int) -> str:
    return f"{whole // 86_400}d{whole % 86_400}s"


def _here(condition: str, case: Case) -> str:
    for name in case.series:
        words = condition.replace(f"window.{name}.", f"window.custom.{name}.")
        condition = " ".join(f"custom.{word}" if word == name else word for word in words.split())
    return condition


def promtool_agrees(promtool: str, folder: Path, case: Case, firing: Spans) -> str:
    """Have Prometheus run the case, and say where it does not fire as given: "" when it does."""
    rule = {
        "alert": case.name,
        "expr": case.promql or _promql(case),
        "for": case.for_,
        "keep_firing_for": case.keep_firing_for,
    }
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    every = seconds(case.interval)
    times = range(0, case.seconds + 1, every)
    checks = [
        {
            "eval_time": f"{at}s",
            "alertname": case.name,
            "exp_alerts": [{}] if any(a <= at < b for a, b in firing) else [],
        }
        for at in times
    ]
    series = [
        {"series": name, "values": " ".join(_prometheus_values(case, name))} for name in case.series
    ]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": case.interval,
        "tests": [
            {
                "interval": case.sample or case.interval,
                "input_series": series,
                "alert_rule_test": checks,
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _promql(case: Case) -> str:
    expression = " and ".join(f"({one.replace('||', 'or')})" for one in case.when)
    return " unless ".join([f"({expression})", *(f"({one})" for one in case.unless)])


def _prometheus_values(case: Case, name: str) -> Iterator[str]:
    longest = case.seconds // seconds(case.sample or case.interval) + 1
    series = case.values(name)
    for index in range(longest):
        yield _prometheus_value(series.at(index), missed=case.missed)


def _prometheus_value(value: Scalar | msgspec.UnsetType | None, *, missed: bool) -> str:
    if value is msgspec.UNSET:
        return "_" if missed else "stale"
    return "NaN" if value is None else str(value)
