"""The life of an alert: what verdicts make of the open incidents. Pure; the clock is an argument.

    (none) ─ true ─► pending ─ held for `for` ─► firing ─ clear for `keep_firing_for` ─► resolved
                        └─ false ─► inactive

Every change of an incident is a transition: who has the transitions can go on from them to the
millisecond. First each verdict moves its own incident (`evaluator.turn`), then it is settled what
explains what (`evaluator.suppression`), and who is told why (`evaluator.telling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evaluator.acknowledgement import acknowledge, unacknowledge
from evaluator.incident import Incident, States, Transition
from evaluator.instant import Instant, Sessions
from evaluator.silence import Silence
from evaluator.suppression import Explanations
from evaluator.telling import Teller, ended
from evaluator.turn import Move, Now, Turn, closed
from evaluator.verdict import Verdict

__all__ = ["Standing", "acknowledge", "step", "unacknowledge"]


class Standing(msgspec.Struct, frozen=True):
    """What stands beside the open incidents: silences, and by rule the last incident that fired
    and is over (`evaluator.flapping.over` keeps it up to date).
    """

    silences: tuple[Silence, ...] = ()
    past: Mapping[str, Incident] = {}


NOTHING = Standing()


def step(
    states: States,
    verdicts: Sequence[Verdict],
    at: Instant,
    sessions: Sessions,
    engine: str,
    *,
    standing: Standing = NOTHING,
) -> tuple[States, list[Transition]]:
    """Return the open incidents after the verdicts of one instant, and what changed.

    An incident whose rule is not among the verdicts is closed: the rule was removed or disabled.
    """
    now = Now(at, sessions, engine)
    after: States = {}
    moves: list[Move] = []
    judged: set[str] = set()
    suspected: set[str] = set()
    for verdict in verdicts:
        name = verdict.rule.name
        judged.add(name)
        if verdict.suspected and now.open[verdict.rule.clock]:
            suspected.add(name)
        incident = states.get(name)
        if incident is None and verdict.truth == "false":
            continue
        move = Turn(verdict, now, standing.past.get(name)).of(incident)
        if move is not None:
            moves.append(move)
        elif incident is not None:
            after[name] = incident
    teller = Teller(Explanations(moves, suspected), standing.silences, now)
    transitions: list[Transition] = []
    for move in moves:
        change = teller.of(move)
        if isinstance(change, Transition):
            transitions.append(change)
            change = change.incident
        if change.status in ("pending", "firing"):
            after[change.rule] = change
    gone = [incident for name, incident in states.items() if name not in judged]
    return after, transitions + [_removed(incident, now) for incident in gone]


def _removed(incident: Incident, now: Now) -> Transition:
    why = "the rule was removed or disabled"
    over = closed(incident, now.at, why)
    if over.status == "resolved":
        return ended(over, "rule_removed", why, now)
    return Transition(msgspec.structs.replace(over, reason=why), now.at, "rule_removed")
