"""What would change the verdict on a rule, in sentences that name value and threshold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from evaluator.cel_text import references
from evaluator.durations import in_words
from evaluator.explanation import Examined
from evaluator.incident import Incident, Scalar
from evaluator.message import named
from evaluator.names import base_fact
from evaluator.rules import Rule
from scripts.cli.dead_rules import remedy
from scripts.cli.rule_judged import Judged

NO_DATA = {
    "alert": "meanwhile it counts as true",
    "keep": "meanwhile its state stays as it is",
    "ok": "meanwhile it counts as false",
}


def filled(text: str, reads: Mapping[str, Scalar | None]) -> str:
    """Return a condition with values in the place of its facts: `31.2 > 20`, `? > 20`."""
    out, position = [], 0
    for one in references(text)[0]:
        if one.name in reads:
            out += [text[position : one.at], value_text(one.name, reads[one.name])]
            position = one.end
    return "".join((*out, text[position:]))


def value_text(name: str, value: Scalar | None) -> str:
    """Return a value as a condition shows it; `?` is unknown, `not set` a limit that is none."""
    if value is None:
        return "(not set)" if name.startswith("limits.") else "?"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else named(name, value)


def changes(rule: Rule, found: Judged, incident: Incident | None) -> list[str]:
    """Return what would have to be otherwise, the nearest thing first."""
    verdict = found.verdict
    if verdict is None:
        return ["it is switched off: set enabled = true for it in rules.toml"]
    if verdict.truth == "error":
        return [f"it can't be computed ({verdict.why}): correct the condition in rules.toml"]
    if verdict.off and verdict.why.startswith("limit not set"):
        return [f"set {_setting(one)} in monitor.toml: {one} is not set" for one in _unset(found)]
    said = list(_said(rule, found, incident))
    if found.wanting and verdict.truth != "true":
        wanted = ", ".join(found.wanting)
        said.insert(0, f"nobody ever reported {wanted}: {remedy(found.wanting)}")
    return said


def _said(rule: Rule, found: Judged, incident: Incident | None) -> Iterator[str]:
    verdict = found.verdict
    firing = incident is not None and incident.status == "firing"
    if verdict is None or verdict.off:
        return
    when = [one for one in found.conditions if one.role == "when"]
    if verdict.truth == "unknown":
        if not found.wanting:
            yield from (_missing(one, found) for one in when if one.worth in ("unknown", "never"))
        yield from _false(rule, when)
        if not verdict.never_seen or not rule.seen:
            yield NO_DATA[rule.no_data]
        return
    if verdict.truth == "true":
        verb = "is over" if firing else "clears"
        stays = rule.keep_firing_for_seconds if firing else 0
        span = f" for {in_words(stays)}" if stays else ""
        yield from (
            f"{verb} when this is no longer so{span}: {one.text}: it is {_now(one)}"
            for one in when
            if one.reads
        )
        return
    if firing:
        yield from (
            f"is over only when {one.text}: it is {_now(one)}"
            for one in found.conditions
            if one.role == "clear_when" and one.worth != "true"
        )
        yield from (
            f"goes on when {one.text}: it is {_now(one)}" for one in when if one.worth == "false"
        )
        return
    yield from (
        f"does not apply while {one.text}: it is {_now(one)}"
        for one in found.conditions
        if one.role == "unless" and one.worth == "true"
    )
    yield from _false(rule, when)


def _false(rule: Rule, when: list[Examined]) -> Iterator[str]:
    held = f" for {in_words(rule.for_seconds)}" if rule.for_seconds else ""
    for one in when:
        if one.worth == "false":
            for part in one.parts or (one,):
                if part.worth != "off":
                    yield f"fires when {part.text}{held}: it is {_now(part)}"


def _missing(one: Examined, found: Judged) -> str:
    names = [name for name, value in one.reads.items() if value is None]
    said = []
    for name in names:
        last = found.last.get(name)
        was = "" if last is None else f" (last known: {value_text(base_fact(name), last)})"
        said.append(f"{name}{was}")
    return f"needs {', '.join(said)}: {one.text}: it is {_now(one)}"


def _now(one: Examined) -> str:
    return filled(one.text, one.reads)


def _unset(found: Judged) -> list[str]:
    names = (
        name
        for one in found.conditions
        if one.role == "when"
        for name, value in one.reads.items()
        if value is None and name.startswith("limits.")
    )
    return list(dict.fromkeys(names))


def _setting(limit: str) -> str:
    name = limit.removeprefix("limits.")
    if name.endswith("_model_age_hours"):
        return f"artifacts.{name.removesuffix('_age_hours')}.max_age_hours"
    return limit
