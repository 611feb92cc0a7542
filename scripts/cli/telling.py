"""What `monitor health` says of the notifier: whether alerts reach those who are to be told."""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.instant import Instant
from monitoring.state import ChannelState
from scripts.cli import words
from scripts.cli.findings import Finding
from scripts.cli.look import Look

SUBJECT = "notifier"
SECOND = "set up one of another provider: docs/notifications.md has set-ups to copy"
PINGS = "dead_man."


def channels_of(look: Look) -> set[str]:
    """Return the channels that are set, as the processes say that run or ran."""
    own = look.notifier.config.channels if look.notifier is not None else {}
    return {*look.config.channels, *own}


def is_wanted(look: Look) -> bool:
    """Tell whether the notifier has anything to do: channels, or a dead man's switch to ping."""
    states = (look.collector, look.scheduler, look.notifier)
    secrets = (name for state in states if state is not None for name in state.secrets_set)
    return bool(channels_of(look)) or any(name.startswith(PINGS) for name in secrets)


def telling(look: Look) -> Finding:
    """Return how the telling goes, of a notifier that runs or that nobody needs."""
    wanted = channels_of(look)
    if look.notifier is None or not (wanted or look.notifier.degraded):
        todo = "docs/notifications.md has a set-up to copy"
        return Finding("n/a", SUBJECT, "no channel is set: nobody is told", todo)
    channels = look.notifier.channels
    unused = sorted(wanted - {*look.notifier.config.channels})
    if unused:
        what = f"it does not know the channel {', '.join(unused)}"
        return Finding("WARN", SUBJECT, what, "restart the notifier")
    said, faulty = [], []
    for name, one in channels.items():
        if one.dead_since is not None:
            lost = words.count(one.dead, "message")
            since = _since(look, one.dead_since)
            said.append(f"{name}: {lost} given up since {since} ({one.dead_reason})")
            faulty.append(name)
        if one.failing_since is not None:
            since, waiting = _since(look, one.failing_since), one.outstanding
            said.append(f"{name}: trying since {since}, {waiting} waiting ({one.failing_reason})")
            faulty.append(name)
    if said:
        tests = " and ".join(_tests(faulty))
        return Finding("WARN", SUBJECT, "; ".join(said), f"mend it, then {tests}")
    if look.notifier.degraded:
        what = "; ".join(look.notifier.degraded)
        routes = what.startswith("not taken over: ")
        todo = "run `monitor notify check`" if routes else "read logs/ for the reason"
        return Finding("WARN", SUBJECT, what, todo)
    alone = _alone(channels.values())
    if alone is not None:
        return Finding("WARN", SUBJECT, alone, SECOND)
    waiting = sum(one.outstanding for one in channels.values())
    what = f"{words.count(len(channels), 'channel')}, {waiting} waiting, {look.notifier_life.why}"
    return Finding("OK", SUBJECT, what)


def _alone(channels: Iterable[ChannelState]) -> str | None:
    """Return in words that one provider's failure would mean silence, None where there are two.

    Two channels of one provider are one: what blocks the first blocks the second.
    """
    known = [one.provider for one in channels if one.provider is not None]
    providers = {provider for provider in known if provider}
    if not known or len(providers) > 1:
        return None
    if not providers:
        return "alerts go into a file alone: nobody hears them"
    return f"only one provider tells you: if {providers.pop()} fails, there is silence"


def _since(look: Look, at: Instant) -> str:
    return words.since(at.wall_ms, look.now.wall_ms, look.zone)


def _tests(channels: Iterable[str]) -> list[str]:
    return [f"`monitor notify test --channel {name}`" for name in dict.fromkeys(channels)]
