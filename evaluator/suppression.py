"""Which alerts explain which others: one root is told, its consequences are listed in it.

An alert is inhibited while a rule named in its `inhibited_by` fires on a running clock: what
stands still since the close explains nothing. One that nobody was told of also waits for such a
rule that is pending (at most as long as its `for`, while its condition is known) or suspected
(`suspect_when`), for it may be about to say why; never longer than LONGEST_WAIT_SECONDS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from evaluator.incident import Incident
from evaluator.instant import Instant, elapsed_ms
from evaluator.rules import Rule
from evaluator.turn import Move

LONGEST_WAIT_SECONDS = 60
"""Longest time that the telling of an alert waits for a root that does not fire yet."""

CONSEQUENCES = "consequences"
"""Key in a root alert's context: the rules whose alerts it explained so far."""


class Explanations:
    """What explains what at one instant."""

    def __init__(self, moves: Sequence[Move], suspected: AbstractSet[str]) -> None:
        self._firing = {one.rule.name: one.rule for one in moves if one.after.status == "firing"}
        self._awaited = suspected | {
            one.rule.name
            for one in moves
            if one.after.status == "pending" and one.after.held.since is not None
        }
        self._explained: dict[str, list[Move]] = {}
        for one in moves:
            if not one.rule.inhibited_by or one.after.status != "firing":
                continue
            root = self._root(one.rule)
            if root is not None:
                self._explained.setdefault(root, []).append(one)

    def explained_by(self, rule: str) -> list[Move]:
        """Return the moves of firing alerts whose root this one is, over others in between too."""
        return self._explained.get(rule, [])

    def inhibitor(self, rule: Rule) -> str | None:
        """Return the firing rule that explains this one: the first that is itself unexplained."""
        direct = [name for name in rule.inhibited_by if name in self._firing]
        for name in direct:
            if self.inhibitor(self._firing[name]) is None:
                return name
        return direct[0] if direct else None

    def words(self, rule: Rule, incident: Incident, at: Instant) -> str | None:
        """Return why nobody is to be told of a firing alert, None: nothing speaks against it."""
        if not rule.inhibited_by:
            return None
        inhibitor = self.inhibitor(rule)
        if inhibitor is not None:
            return f"inhibited by {inhibitor}"
        if incident.told is not None or incident.fired_at is None:
            return None
        if elapsed_ms(incident.fired_at, at) >= LONGEST_WAIT_SECONDS * 1000:
            return None
        awaited = next((name for name in rule.inhibited_by if name in self._awaited), None)
        return None if awaited is None else f"waiting for {awaited}, which may be about to fire"

    def _root(self, rule: Rule) -> str | None:
        """Return the end of the chain of inhibitors, None when nothing explains the rule."""
        root = inhibitor = self.inhibitor(rule)
        while inhibitor is not None:
            root, inhibitor = inhibitor, self.inhibitor(self._firing[inhibitor])
        return root


def circle_through(name: str, other: str, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Return the rules of a circle that begins `name`, `other` along `inhibited_by`, () if none."""
    ways: list[tuple[str, ...]] = [(name, other)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        if way[-1] == name:
            return way[:-1]
        if way[-1] in seen or way[-1] not in rules:
            continue
        seen.add(way[-1])
        ways += [(*way, next_) for next_ in rules[way[-1]].inhibited_by]
    return ()
