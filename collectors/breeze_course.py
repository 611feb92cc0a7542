"""What a series of answers from Breeze adds up to, and when to ask again."""

from __future__ import annotations

from collections.abc import Callable

from collectors.breeze_probe import Answer, Status
from evaluator.instant import Instant, elapsed_ms

CONFIRM_SECONDS = 20.0
"""After a first failure: asked again this soon, because one failed call is never a verdict."""

LONGEST_WAIT_SECONDS = 900.0
RATE_WINDOW_SECONDS = 300.0
DENIALS: frozenset[Status] = frozenset({"session_expired", "bad_app_key", "bad_session"})


class Course:
    """The state of the session as answers come in; times are those of the asking process.

    A refusal is Breeze's own word and shows at once. Silence, a maintenance page or something
    unintelligible after a good answer shows from the second time on.
    """

    def __init__(self, interval_seconds: float, spread: Callable[[], float]) -> None:
        """`spread` gives the factor that keeps retries of many monitors apart, about 1."""
        self._interval = interval_seconds
        self._spread = spread
        self._wait = interval_seconds
        self._asked: Instant | None = None
        self._failures = 0
        self._unanswered = 0
        self._failing_since: Instant | None = None
        self._limited: list[Instant] = []
        self.status: Status = "unknown"
        self.detail = "not asked yet"
        self.since: Instant | None = None
        self.confirmed: Instant | None = None
        self.denials: int | None = None
        self.latency_ms: float | None = None
        self.clock_ahead_seconds: float | None = None

    def resume(
        self,
        status: Status,
        since: Instant,
        confirmed: Instant,
        denials: int | None,
        failing_since: Instant | None,
    ) -> None:
        """Go on from what an earlier process had found out."""
        self.status, self.since, self.confirmed, self.denials = status, since, confirmed, denials
        self.detail = "as found before the collector was restarted"
        self._failing_since = failing_since
        self._unanswered = 0 if failing_since is None else 2

    def due(self, now: Instant) -> bool:
        """Tell whether it is time to ask."""
        return self._asked is None or elapsed_ms(self._asked, now) >= self._wait * 1000

    def hurry(self) -> None:
        """There is a new session key: forget the refusals of the old one, and ask at once."""
        self._asked = None
        self._failures = 0
        self.denials = None if self.denials is None else 0

    def succeed(self, at: Instant, now: Instant, detail: str) -> None:
        """Take note of a success at `at`: the session is valid."""
        self._failures = self._unanswered = 0
        self._failing_since = None
        self._wait = self._interval
        self.denials = 0
        self.confirmed = at
        self._show("authenticated", detail, now)

    def take(self, answer: Answer, begun: Instant, now: Instant) -> None:
        """Take note of the answer to a question that was begun at `begun`."""
        self._asked = now
        if answer.clock_ahead_seconds is not None:
            self.clock_ahead_seconds = answer.clock_ahead_seconds
        if answer.status == "authenticated":
            self.latency_ms = answer.latency_ms
            self.succeed(now, now, answer.detail)
            return
        self._failures += 1
        self._wait = max(self._patience(), answer.retry_after_seconds or 0.0)
        if answer.status in DENIALS:
            self.denials = (self.denials or 0) + 1
            self._unanswered = 0
            self._failing_since = None  # it did answer
        else:
            self._unanswered += 1
            self._failing_since = self._failing_since or begun
        if answer.status == "rate_limited":
            self._limited.append(now)
        silent = answer.status in {"unreachable", "unknown"}
        if silent and self._failures == 1 and self.status == "authenticated":
            self.detail = f"one call failed ({answer.detail}), asking again"
            return
        self.confirmed = now
        self._show(answer.status, answer.detail, now)

    def failing_seconds(self, now: Instant) -> float | None:
        """Return how long there has been no success; 0 until a second call has failed too."""
        if self.confirmed is None and self._unanswered == 0:
            return None
        if self._failing_since is None or self._unanswered < 2:
            return 0.0
        return elapsed_ms(self._failing_since, now) / 1000

    def rate_limited_5m(self, now: Instant) -> int:
        """Return how many answers in the last five minutes said that we ask too much."""
        self._limited = [
            at for at in self._limited if elapsed_ms(at, now) < RATE_WINDOW_SECONDS * 1000
        ]
        return len(self._limited)

    def _patience(self) -> float:
        if self._failures == 1:
            return min(CONFIRM_SECONDS, self._interval)
        doubled = self._interval * 2.0 ** min(self._failures - 2, 16)
        return min(LONGEST_WAIT_SECONDS, doubled * self._spread())

    def _show(self, status: Status, detail: str, now: Instant) -> None:
        if status != self.status or self.since is None:
            self.status, self.since = status, now
        self.detail = detail
