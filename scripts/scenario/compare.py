"""An expectation beside what was seen: every difference, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from evaluator.incident import Scalar
from evaluator.verdict import Verdict
from monitoring.alert_line import AlertLine
from scripts.scenario.alerts import is_told
from scripts.scenario.model import Expectation

OPEN = ("pending", "firing")


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as expected."""

    what: str
    expected: str
    seen: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to see of a rule at one time; the log's lines are all that it is made of.

    `state`: that of the last incident, `none` when there never was one. `log` and `told` are
    those since it was looked at before.
    """

    state: str
    verdict: str
    why: str
    severity: str = ""
    message: str = ""
    reason: str = ""
    suppressed_by: str = ""
    acknowledged_by: str = ""
    log: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    facts: dict[str, Scalar | None] = {}

    @classmethod
    def of(
        cls,
        lines: Sequence[AlertLine],
        since: Sequence[AlertLine],
        verdict: Verdict | None,
        facts: dict[str, Scalar | None],
    ) -> Seen:
        """Return what a rule's lines, those since the last look, and its verdict show."""
        log = tuple(f"{_status(line)}: {line.reason}" for line in since)
        told = tuple(line.notify or "" for line in since if is_told(line))
        truth, why = _truth(verdict), "" if verdict is None else verdict.why
        last = next((line for line in reversed(lines) if line.kind == "alert"), None)
        if last is None:
            return cls(state="none", verdict=truth, why=why, log=log, told=told, facts=facts)
        ack = None if last.clock is None else last.clock.ack
        return cls(
            state=last.status or "none",
            verdict=truth,
            why=why,
            severity=last.severity or "",
            message=last.message,
            reason=last.reason,
            suppressed_by=last.suppressed_by or "",
            acknowledged_by="" if ack is None else ack.by,
            log=log,
            told=told,
            facts=facts,
        )


def differences(wanted: Expectation, seen: Seen) -> Iterator[Difference]:
    """Yield what is not as expected."""
    is_open = seen.state in OPEN
    if wanted.state is not None:
        same = not is_open if wanted.state == "none" else wanted.state == seen.state
        if not same:
            why = seen.reason if seen.state != "none" else seen.why
            yield Difference("state", wanted.state, f"{seen.state}{why and f': {why}'}")
    if wanted.severity is not None and wanted.severity != seen.severity:
        yield Difference("severity", wanted.severity, seen.severity or "no alert")
    if wanted.verdict is not None and wanted.verdict != seen.verdict:
        yield Difference("verdict", wanted.verdict, f"{seen.verdict}{seen.why and f': {seen.why}'}")
    for what, pieces, text in (
        ("message", wanted.message, seen.message),
        ("reason", wanted.reason, seen.reason),
    ):
        missing = [piece for piece in pieces if piece not in text]
        if missing:
            yield Difference(what, " … ".join(missing), text or "no alert")
    if wanted.suppressed_by is not None and wanted.suppressed_by != seen.suppressed_by:
        yield Difference("suppressed_by", wanted.suppressed_by or "nothing", _or_nothing(seen))
    if wanted.acknowledged is not None and not _is_acknowledged(wanted.acknowledged, seen):
        by = wanted.acknowledged
        words = f"by {by}" if isinstance(by, str) else "yes" if by else "no"
        has = f"by {seen.acknowledged_by}" if seen.acknowledged_by else "no"
        yield Difference("acknowledged", words, has)
    if wanted.log is not None and not _are_written(wanted.log, seen.log):
        yield Difference("log", _listed(wanted.log), _listed(seen.log))
    if wanted.told is not None and wanted.told != seen.told:
        yield Difference("told", _listed(wanted.told), _listed(seen.told))


def _status(line: AlertLine) -> str:
    return line.status or line.kind


def _truth(verdict: Verdict | None) -> str:
    if verdict is None:
        return "unknown"
    if verdict.off:
        return "off"
    return "never seen" if verdict.never_seen else verdict.truth


def _or_nothing(seen: Seen) -> str:
    return seen.suppressed_by or "nothing"


def _is_acknowledged(wanted: bool | str, seen: Seen) -> bool:
    if isinstance(wanted, str):
        return wanted == seen.acknowledged_by
    return wanted == bool(seen.acknowledged_by)


def _are_written(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    """Tell whether the lines are those wanted: `status`, or `status: piece of the reason`."""
    if len(wanted) != len(seen):
        return False
    for one, line in zip(wanted, seen, strict=True):
        status, _, piece = one.partition(": ")
        has_status, _, reason = line.partition(": ")
        if status != has_status or piece not in reason:
            return False
    return True


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts) if texts else "nothing"
