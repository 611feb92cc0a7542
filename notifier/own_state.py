"""How the notifier's channels are: for its state file, and for the ping that says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evaluator.instant import Instant
from monitoring.state import ChannelState
from notifier.lane import Lane
from notifier.ledger import State
from notifier.resender import Resender


def channel_states(
    state: State, providers: Mapping[str, str], now: Instant
) -> dict[str, ChannelState]:
    """Return how it goes on each channel; `providers` are by channel."""
    return {name: _channel_state(state, name, providers[name], now) for name in providers}


def failing_channels(
    state: State, senders: Iterable[Lane | Resender], now: Instant
) -> dict[str, str]:
    """Return why the last attempt on a channel failed, of those on which it did."""
    failing = dict(state.failing)
    for one in senders:
        if isinstance(one, Resender) and one.reason is not None:
            failing[one.name] = one.reason
        if one.hangs(now):
            failing[one.name] = "a send has hung for minutes"
    return failing


def _channel_state(state: State, name: str, provider: str, now: Instant) -> ChannelState:
    pending = [one for one in state.outstanding.values() if one.channel == name]
    failing = [one for one in pending if one.failing is not None]
    dead = state.dead_of(name, now)
    return ChannelState(
        provider=provider,
        outstanding=len(pending),
        failing_since=failing[0].failing if failing else None,
        failing_reason=failing[0].reason if failing else "",
        dead=len(dead),
        dead_since=dead[0].at if dead else None,
        dead_reason=dead[-1].reason if dead else "",
    )
