"""A call that may hang, made aside: nobody waits for it, and only one is under way at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Aside(Generic[Result]):
    """Runs calls in daemon threads of their own, and keeps the last result until it is taken.

    A call that never returns blocks further calls here, and neither its caller nor the exit of
    the process. What it raises ends its thread: calls are expected to catch what can happen.
    """

    def __init__(self, name: str, done: Callable[[], None] = lambda: None) -> None:
        """`done` is called, in the thread, when a result lies ready."""
        self._name = name
        self._done = done
        self._thread: threading.Thread | None = None
        self._calling = False
        self._results: list[Result] = []

    @property
    def busy(self) -> bool:
        """Tell whether a call is under way. Asked before `take`, a False has all its result.

        A thread whose result lies ready is not busy, though it lives on for its last instants.
        """
        return self._calling and self._thread is not None and self._thread.is_alive()

    def begin(self, call: Callable[[], Result]) -> bool:
        """Start the call, and tell whether it was: not while another one is under way.

        Also False when the system has no thread to give.
        """
        if self.busy:
            return False

        def work() -> None:
            self._results.append(call())
            self._calling = False
            self._done()

        self._results.clear()
        thread = threading.Thread(target=work, name=self._name, daemon=True)
        self._thread, self._calling = thread, True
        try:
            thread.start()
        except RuntimeError:  # "can't start new thread": the system's limit
            self._calling = False
            return False
        return True

    def take(self) -> Result | None:
        """Return the result and forget it; None when there is none (yet)."""
        return self._results.pop() if self._results else None
