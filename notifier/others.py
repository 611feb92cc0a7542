"""The inward watch: collector or scheduler dead, of which nobody else would write an alert.

What `monitor health` says of a process that is gone or hangs is told once it has been so for a
while, and so is its end. At the notifier's own start, and after it was itself held up (a machine
that slept), the others get the same time first.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from evaluator.incident_id import incident_id
from evaluator.instant import Instant, elapsed_ms
from monitoring.advice import revive
from monitoring.process_life import Life, Processes, life_of
from notifier.message import News

PROCESSES = ("collector", "scheduler")
OWN_RULES = frozenset(f"notifier_sees_{process}_dead" for process in PROCESSES)
PATIENCE_MS = 15_000
HANGING_PATIENCE_MS = 1_000
"""What hangs has been silent for longer than the patience when it is called so."""
SILENT = ("stuck", "blocked")
HELD_UP_MS = 10_000
"""Between two looks: this process, or the whole machine, was stopped."""


class Bad(msgspec.Struct, frozen=True):
    """Since when a process is not as it should be."""

    since: Instant


class Others:
    """Looks at the state files of the other processes; `open_` are incidents told, by rule.

    `standing` are those that are so now, by rule, in the words of now.
    """

    def __init__(
        self, folder: Path, engine: str, processes: Processes, open_: dict[str, str], now: Instant
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._processes = processes
        self._open = open_
        self._looked = self._settled = now
        self._bad: dict[str, Bad] = {}
        self.standing: dict[str, News] = {}

    def look(self, now: Instant) -> list[News]:
        """Return what is new."""
        if elapsed_ms(self._looked, now) > HELD_UP_MS:
            self._bad.clear()
            self.standing.clear()
            self._settled = now
        self._looked = now
        news = [self._news(process, now) for process in PROCESSES]
        return [one for one in news if one is not None]

    def _news(self, process: str, now: Instant) -> News | None:
        rule = f"notifier_sees_{process}_dead"
        _, life = life_of(self._folder, process, now, self._processes)
        if life.good:
            self._bad.pop(process, None)
            self.standing.pop(rule, None)
            told = self._open.pop(rule, None)
            if told is None:
                return None
            words = f"the {process} runs again ({life.why})"
            return self._telling(rule, told, words, life, now, over=True)
        bad = self._bad.setdefault(process, Bad(now))
        patience_ms = HANGING_PATIENCE_MS if life.word in SILENT else PATIENCE_MS
        settled = elapsed_ms(self._settled, now) >= PATIENCE_MS
        if not settled or elapsed_ms(bad.since, now) < patience_ms:
            return None
        known = rule in self._open
        self._open.setdefault(rule, incident_id(self._engine, rule, now))
        word = {
            "stuck": "hangs",
            "blocked": "is silent",
            "never": "never ran",
            "gone": "is not running",
        }
        words = f"the {process} {word.get(life.word, 'is not to be judged')}: {life.why}"
        news = self._telling(rule, self._open[rule], words, life, now, over=False)
        self.standing[rule] = news
        return None if known else news

    def _telling(
        self, rule: str, incident: str, words: str, life: Life, now: Instant, *, over: bool
    ) -> News:
        age_ms = round((life.age_seconds or 0.0) * 1000)
        return News(
            incident=incident,
            engine=self._engine,
            rule=rule,
            severity="CRITICAL",
            why="resolved" if over else "new",
            over=over,
            message=words,
            reason="seen by the notifier: no alert of the scheduler says so",
            since_ms=now.wall_ms - (0 if over else age_ms),
            at=now,
            todo=revive(life.word, life.pid),
            page="docs/notifications.md",
        )
