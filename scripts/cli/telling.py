"""What `monitor health` says of the notifier: whether alerts reach those who are to be told."""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.instant import Instant
from scripts.cli import words
from scripts.cli.findings import Finding
from scripts.cli.look import Look

SUBJECT = "notifier"


def channels_of(look: Look) -> set[str]:
    """Return the channels that are set, as the processes say that run or ran."""
    own = look.notifier.config.channels if look.notifier is not None else {}
    return {*look.config.channels, *own}


def telling(look: Look) -> Finding:
    """Return how the telling goes, of a notifier that runs or that nobody needs."""
    wanted = channels_of(look)
    if not wanted or look.notifier is None:
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
    waiting = sum(one.outstanding for one in channels.values())
    what = f"{words.count(len(channels), 'channel')}, {waiting} waiting, {look.notifier_life.why}"
    return Finding("OK", SUBJECT, what)


def _since(look: Look, at: Instant) -> str:
    return words.since(at.wall_ms, look.now.wall_ms, look.zone)


def _tests(channels: Iterable[str]) -> list[str]:
    return [f"`monitor notify test --channel {name}`" for name in dict.fromkeys(channels)]
