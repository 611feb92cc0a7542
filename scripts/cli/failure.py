"""The one way in which a command gives up: what is wrong, and what to do about it."""

from __future__ import annotations


class Failure(Exception):
    """A command can't do what was asked: one sentence why, one what to do, an exit code."""

    def __init__(self, what: str, todo: str, *, code: int) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo
        self.code = code
