"""What rules can know at one instant: facts by name, and what their windows hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
        self.all = sorted(names)
        wanted: dict[str, list[tuple[str, str]]] = {}
        plain = []
        for name in self.all:
            if not name.startswith("window."):
                plain.append(name)
            elif name not in SPAN_FACTS:
                wanted.setdefault(base_fact(name), []).append((name.rpartition(".")[2], name))
        self.plain = tuple(plain)
        self.windowed = {fact: tuple(pairs) for fact, pairs in wanted.items()}

    def of_window(self, known: Mapping[str, Scalar], frame: Frame | None) -> dict[str, Scalar]:
        """Return `window.*` of these names; without a frame nothing is known of it."""
        if frame is None:
            return {}
        values = window_values(frame, self.windowed, known)
        values["window.ticks"] = float(frame.ticks)
        values["window.seconds"] = frame.seconds
        return values


class View:
    """What is known at one instant, for rules whose `window.*` covers the same span.

    `facts` are the snapshot's, `known` those and the ambient ones, `values` what conditions read,
    of the window too. `facts`, `frame` and `names` (those of `values`) are the same objects for
    as long as they are the same. `seen` are the facts that were ever reported.
    """

    __slots__ = ("facts", "frame", "known", "names", "seen", "values")

    def __init__(
        self,
        facts: Mapping[str, Scalar],
        known: Mapping[str, Scalar],
        frame: Frame | None,
        values: Mapping[str, Scalar],
        names: frozenset[str],
        seen: AbstractSet[str],
    ) -> None:
        self.facts = facts
        self.known = known
        self.frame = frame
        self.values = values
        self.names = names
        self.seen = seen


class Span:
    """A length of time that `window.*` covers for some rules; None: that of the last snapshot.

    `read` are all names that those rules read, `asked` those that their conditions read, `ambient`
    names that are in no snapshot.
    """

    def __init__(
        self,
        seconds: int | None,
        read: Iterable[str],
        asked: Iterable[str],
        ambient: Collection[str],
    ) -> None:
        names = Names(read)
        self.facts = frozenset(names.windowed)
        self._asked = Names(asked)
        self._ambient = tuple(name for name in names.plain if name in ambient)
        self._sliding = None if seconds is None else SlidingWindow(seconds)
        self._newest: Frame | None = None
        self._view = View({}, {}, None, {}, frozenset(), frozenset())
        self._told: tuple[object, ...] = ()
        self._window: dict[str, Scalar] = {}

    def add(self, frame: Frame) -> None:
        """Take the ticks of a new snapshot."""
        if self._sliding is None:
            self._newest = frame
            return
        stats = {fact: one for fact, one in frame.stats.items() if fact in self.facts}
        self._sliding.add(msgspec.structs.replace(frame, stats=stats))

    def view(
        self,
        at: Instant,
        facts: Mapping[str, Scalar],
        known: Mapping[str, Scalar],
        seen: AbstractSet[str],
        *,
        stale: bool,
    ) -> View:
        """Return what is known at an instant, the same as before while that is the same.

        `facts` are the snapshot's, `known` all that is known but for the window; `stale`: nothing
        is known of the window.
        """
        frame = None
        if not stale:
            frame = self._newest if self._sliding is None else self._sliding.sum(at)
        before = self._view
        is_new = facts is not before.facts or frame is not before.frame
        told = tuple(map(known.get, self._ambient))
        if not is_new and told == self._told:
            return before
        if is_new:
            self._window = self._asked.of_window(known, frame)
        values = {name: known[name] for name in self._asked.plain if name in known}
        values |= self._window
        names = before.names if values.keys() == before.names else frozenset(values)
        self._told = told
        self._view = View(facts, known, frame, values, names, seen)
        return self._view
