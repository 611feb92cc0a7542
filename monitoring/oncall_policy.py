"""Whom an alert climbs to that nobody takes, and when. Pure: offsets since it was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from evaluator.incident import Severity


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Tell these (people, rotations, channels by name) so long after the alert was told, and then
    again and again.
    """

    whom: tuple[str, ...]
    after_seconds: int
    repeat_seconds: int | None = None

    def newest(self, elapsed_seconds: float) -> int | None:
        """Return the last moment at which it was due, None: it has not been due yet."""
        over = elapsed_seconds - self.after_seconds
        if over < 0:
            return None
        if self.repeat_seconds is None:
            return self.after_seconds
        return self.after_seconds + int(over // self.repeat_seconds) * self.repeat_seconds


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Steps for the alerts of one severity and of these rules (None, empty: of all).

    `exposed`: only while positions are open, or nobody knows.
    """

    name: str
    severity: Severity | None = None
    rules: tuple[str, ...] = ()
    exposed: bool = False
    steps: tuple[Step, ...] = ()

    def covers(self, severity: Severity, rule: str) -> bool:
        """Tell whether it is for alerts of this kind."""
        return self.severity in {None, severity} and (not self.rules or rule in self.rules)

    def ended(self, reached_seconds: int) -> bool:
        """Tell whether no step is to come after this moment."""
        return all(
            one.repeat_seconds is None and one.after_seconds <= reached_seconds
            for one in self.steps
        )


class Due(msgspec.Struct, frozen=True):
    """Who is to be told now, for the moment so many seconds after the alert was told."""

    whom: tuple[str, ...]
    seconds: int


def default_policies(channels: Sequence[str]) -> tuple[Policy, ...]:
    """Return what holds without a policy of the operator, for one person alone: the first channel
    and the second one, again and again while money is at risk.
    """
    first_two = tuple(channels[:2])
    if not first_two:
        return ()
    steps = (
        Step(whom=first_two, after_seconds=120),
        Step(whom=first_two, after_seconds=300),
        Step(whom=first_two, after_seconds=600, repeat_seconds=900),
    )
    return (Policy(name="default", severity="CRITICAL", exposed=True, steps=steps),)


def policy_of(policies: Iterable[Policy], severity: Severity, rule: str) -> Policy | None:
    """Return the first policy for an alert, None: it does not climb."""
    return next((one for one in policies if one.covers(severity, rule)), None)


def due(policy: Policy, reached_seconds: int, elapsed_seconds: float) -> Due | None:
    """Return who is to be told of an alert that was told `elapsed_seconds` ago, if anybody.

    What was missed (the notifier was stopped, or the night was to be silent) is made up for with
    one message to all that it was for.
    """
    whom: dict[str, None] = {}
    reached = reached_seconds
    for step in policy.steps:
        newest = step.newest(elapsed_seconds)
        if newest is not None and newest > reached_seconds:
            whom |= dict.fromkeys(step.whom)
            reached = max(reached, newest)
    return Due(tuple(whom), reached) if whom else None
