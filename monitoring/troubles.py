"""What is wrong with a process itself: told once when it begins and once when it ends."""

from __future__ import annotations

from monitoring.log import monitoring_log


class Troubles:
    """Open troubles by subject; `words` go into `degraded` of the state file."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    @property
    def words(self) -> list[str]:
        """Return every open trouble in words."""
        return list(self._open.values())

    def note(self, subject: str, words: str | None) -> None:
        """Set what is wrong with `subject`, None: nothing. Changes go to stderr and the log."""
        if words is not None:  # a file name that is no UTF-8 could not be written into the state
            words = words.encode("utf-8", "backslashreplace").decode()
        before = self._open.get(subject)
        if words == before:
            return
        if words is None:
            del self._open[subject]
            monitoring_log.info("{} is well again", subject)
        else:
            self._open[subject] = words
            monitoring_log.error("{}", words)
