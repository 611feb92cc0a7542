"""A request about the market to the scheduler, and its answer."""

from __future__ import annotations

import uuid

import msgspec

from monitoring.log_follower import LogFollower
from monitoring.market_override import MarketOverride
from monitoring.process_life import ProcTable, life_of
from monitoring.spool import MAX_TEXT, Request, submit
from scripts.cli.ack import (
    EXIT_CODES,
    OUTCOME_STYLES,
    WAIT_SECONDS,
    Outcome,
    user,
    wait_for,
)
from scripts.cli.desk import Desk
from scripts.cli.failure import Failure
from scripts.cli.terminal import Span, show, show_json, uncut


class MarketAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request, as `--json` prints it."""

    request: str
    action: str
    outcome: Outcome
    detail: str


def ask(
    here: Desk,
    override: MarketOverride,
    target: str,
    by: str | None,
    reason: str | None,
    *,
    as_json: bool,
) -> int:
    """Hand the request to the scheduler, wait for its answer, print it; return the exit code."""
    by = by or user()
    longest = max(len(by), len(reason or ""), len(target))
    if longest > MAX_TEXT:
        raise Failure(
            f"A name or reason of {longest} characters is too long.",
            f"Keep it below {MAX_TEXT}.",
            code=2,
        )
    request = Request(
        id=uuid.uuid4().hex,
        action="market",
        target=target,
        by=by,
        reason=reason,
        at_ms=here.clock().wall_ms,
        market=override,
    )
    follower = LogFollower(here.home.alerts)
    follower.backlog()
    submit(here.home.spool, request)
    line = wait_for(follower, request.id, WAIT_SECONDS)
    outcome: Outcome
    if line is None:
        _, life = life_of(here.home.state, "scheduler", here.clock(), ProcTable())
        outcome = "queued"
        detail = (
            "the scheduler runs but has not answered within 2 s; it will, or see its log"
            if life.good
            else f"the scheduler isn't running ({life.why}); it is done when it starts"
        )
    else:
        outcome = "done" if line.kind == "market" else "refused"
        detail = line.reason
    answer = MarketAnswer(
        request=request.id, action=override.action, outcome=outcome, detail=detail
    )
    if as_json:
        show_json(answer)
    else:
        word = Span(outcome, OUTCOME_STYLES[outcome])
        show([[word, Span(f": {detail}")]], uncut(here.terminal))
    return EXIT_CODES[outcome]
