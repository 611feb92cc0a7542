"""What rules can know at one instant: facts by name, and what their windows hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from evaluator.incident import Scalar
from evaluator.instant import Instant
from evaluator.names import base_fact
from evaluator.windows import Frame, SlidingWindow, window_values

SPAN_FACTS = ("window.ticks", "window.seconds")


class Names:
    """Names that rules read: plain ones, and of which facts they read which statistics."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted: dict[str, list[tuple[str, str]]] = {}
        plain = []
        for name in sorted(names):
            if not name.startswith("window."):
                plain.append(name)
            elif name not in SPAN_FACTS:
                wanted.setdefault(base_fact(name), []).append((name.rpartition(".")[2], name))
        self.plain = tuple(plain)
        self.windowed = {fact: tuple(pairs) for fact, pairs in wanted.items()}

    def values(self, known: Mapping[str, Scalar], frame: Frame | None) -> dict[str, Scalar]:
        """Return what is known of all of them."""
        values = {name: known[name] for name in self.plain if name in known}
        values |= self.of_window(known, frame)
        return values

    def of_window(self, known: Mapping[str, Scalar], frame: Frame | None) -> dict[str, Scalar]:
        """Return what is known of `window.*`; without a frame that is nothing."""
        if frame is None:
            return {}
        values = window_values(frame, self.windowed, known)
        values["window.ticks"] = float(frame.ticks)
        values["window.seconds"] = frame.seconds
        return values


class View:
    """What is known at one instant, for rules whose `window.*` covers the same span.

    `facts` are the snapshot's, `known` those and the ambient ones. `facts` and `frame` are the
    same objects for as long as they are the same; without a frame nothing is known of the window.
    `seen` are the facts that were ever reported.
    """

    __slots__ = ("facts", "frame", "known", "seen")

    def __init__(
        self,
        facts: Mapping[str, Scalar],
        known: Mapping[str, Scalar],
        frame: Frame | None,
        seen: AbstractSet[str],
    ) -> None:
        self.facts = facts
        self.known = known
        self.frame = frame
        self.seen = seen


class Span:
    """A length of time that `window.*` covers for some rules; None: that of the last snapshot.

    `read` are all names that those rules read.
    """

    def __init__(self, seconds: int | None, read: Iterable[str]) -> None:
        self.facts = frozenset(Names(read).windowed)
        self._sliding = None if seconds is None else SlidingWindow(seconds)
        self._newest: Frame | None = None

    def add(self, frame: Frame) -> None:
        """Take the ticks of a new snapshot."""
        if self._sliding is None:
            self._newest = frame
            return
        stats = {fact: one for fact, one in frame.stats.items() if fact in self.facts}
        self._sliding.add(msgspec.structs.replace(frame, stats=stats))

    def frame(self, at: Instant) -> Frame | None:
        """Return what the window holds at an instant, None when it is empty."""
        return self._newest if self._sliding is None else self._sliding.sum(at)
