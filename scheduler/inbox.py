"""The spool as the scheduler takes it: each request answered once, nothing blocked by any file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from evaluator.incident import Transition
from evaluator.instant import Instant
from monitoring.alert_entry import Notice
from monitoring.spool import Request, id_in_name, pending
from monitoring.troubles import Troubles
from scheduler.market import Market
from scheduler.requests import Situation, decide, refuse


class Item(msgspec.Struct, frozen=True):
    """One file of the spool: a request, or in words why it is none."""

    path: Path
    content: Request | str

    @property
    def id(self) -> str | None:
        """Return the id that the answer is looked for by."""
        return self.content.id if isinstance(self.content, Request) else id_in_name(self.path)


class Inbox:
    """The spool folder."""

    def __init__(self, folder: Path, troubles: Troubles) -> None:
        self._folder = folder
        self._troubles = troubles
        self._stuck: set[str] = set()
        """Names that were answered and can't be removed."""

    def new(self, answered: Collection[str]) -> Iterator[Item]:
        """Yield what is to be answered, in the order of names; what was answered is removed."""
        try:
            files = pending(self._folder, skip=self._stuck)
        except OSError as error:
            self._troubles.note("spool", f"{self._folder} can't be read: {error.strerror}")
            return
        self._troubles.note("spool", None)
        for path, content in files:
            item = Item(path, content)
            if item.id is not None and item.id in answered:
                self.remove(item)
            else:
                yield item

    def answer(
        self, item: Item, situation: Situation, market: Market, at: Instant
    ) -> Transition | Notice:
        """Return the line that answers an item."""
        if isinstance(item.content, Request):
            if item.content.action == "market":
                return market.decide(item.content, at)
            return decide(item.content, situation, at)
        return refuse(item.content, item.path.name)

    def remove(self, item: Item) -> None:
        """Take an answered file away; one that can't be is left alone from now on."""
        try:
            item.path.unlink(missing_ok=True)
        except OSError as error:
            self._stuck.add(item.path.name)
            self._troubles.note(
                "spool file", f"{item.path} was answered and can't be removed: {error.strerror}"
            )
