"""Is the Breeze session valid? The engine's own calls say so for nothing; else we ask ourselves."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from collectors.breeze_course import Course
from collectors.breeze_probe import STATUSES, Answer, Question, Status, ask
from collectors.breeze_quota import Quota
from collectors.breeze_session import SessionFile
from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.config import Breeze
from monitoring.snapshot import BreezeStatus

PASSIVE_SECONDS = 60.0
"""A broker call of the engine's that succeeded this recently is an answer: nobody is asked."""

CLOCK_TOLERANCE_SECONDS = 5.0
"""The engine's clock may be ahead of ours by this much."""

HANG_SECONDS = 2.0
"""How long past its deadline a question may still be under way: a name lookup can't be cut."""

RESUME_SECONDS = 3600.0
"""What an earlier process found out is worth this long."""


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine reports of its own session; None: not reported."""

    authenticated: bool | None = None
    last_api_call_age_seconds: float | None = None
    api_calls_today: float | None = None


class BreezeWatch:
    """Knows the state of the session at any instant, and asks Breeze when nobody else does.

    `status` never blocks: questions run in a daemon thread. Without an app key it is `off`.
    """

    def __init__(
        self,
        settings: Breeze,
        root: Path,
        timezone: str,
        app_key: str | None,
        *,
        wake: Callable[[], None] = lambda: None,
        may_probe: Callable[[int], bool] = lambda _wall_ms: True,
        spread: Callable[[], float] = lambda: random.uniform(0.85, 1.15),  # noqa: S311 -- jitter
    ) -> None:
        """`root` is the home. `wake` is called, in another thread, when an answer has come;
        `may_probe` tells by wall time (ms) whether it is the hour to ask.
        """
        self._settings = settings
        self._app_key = app_key
        self._zone = ZoneInfo(timezone)
        self._may_probe = may_probe
        self._session = SessionFile(root / settings.session_file)
        self._course = Course(settings.probe_interval_seconds, spread)
        self._quota = Quota(settings.calls_per_day, self._zone)
        self._aside: Aside[Answer] = Aside("breeze probe", wake)
        self._begun: Instant | None = None
        self._void = False
        self._asking = False

    def resume(self, previous: BreezeStatus, at: Instant, now: Instant) -> None:
        """Go on from the status in the newest snapshot, taken at `at`."""
        self._quota.resume(int(previous.probes_today or 0), at)
        status: Status = next((one for one in STATUSES if one == previous.status), "off")
        if status == "off" or elapsed_ms(at, now) > RESUME_SECONDS * 1000:
            return
        failing = previous.failing_seconds
        self._course.resume(
            status,
            _moment(previous.since) or at,
            _before(at, previous.status_age_seconds or 0.0),
            None if previous.denials is None else int(previous.denials),
            _before(at, failing) if failing else None,
        )

    def start(self) -> None:
        """Begin to ask. Loads the HTTP client here, so that no later moment pays for it."""
        if self._settings.configured and self._app_key:
            importlib.import_module("httpx2")
            self._asking = True

    def close(self) -> None:
        """Ask no more. A question under way ends by itself, and its answer is not taken."""
        self._asking = False
        self._begun = None

    def status(self, now: Instant, engine: EngineView) -> BreezeStatus:
        """Return the state of the session at `now`. Starts a question when one is due."""
        if not (self._settings.configured and self._app_key):
            return BreezeStatus()
        course = self._course
        if self._session.refresh():
            course.hurry()
            self._void = True  # an answer on its way is about the old key
        self._collect(now)
        age = engine.last_api_call_age_seconds
        if engine.authenticated and age is not None and _is_fresh(age):
            course.succeed(_before(now, max(0.0, age)), now, "the engine's own calls succeed")
        elif self._may_ask(now):
            self._ask(now, self._app_key)
        confirmed = course.confirmed
        return BreezeStatus(
            status=course.status,
            since=None if course.since is None else self._iso(course.since),
            status_age_seconds=None if confirmed is None else elapsed_ms(confirmed, now) / 1000,
            denials=None if course.denials is None else float(course.denials),
            failing_seconds=course.failing_seconds(now),
            latency_ms=course.latency_ms,
            probes_today=float(self._quota.probes_today(now)),
            rate_limited_5m=float(course.rate_limited_5m(now)),
            quota_left_seconds=self._quota.left_seconds(now, engine.api_calls_today),
            detail=course.detail,
            clock_ahead_seconds=course.clock_ahead_seconds,
            key_left_seconds=self._key_left_seconds(now),
        )

    def _may_ask(self, now: Instant) -> bool:
        under_way = self._begun is not None
        due = self._asking and not under_way and self._course.due(now)
        return due and self._may_probe(now.wall_ms)

    def _collect(self, now: Instant) -> None:
        """Take the answer that has come, or count a question that hangs as not answered."""
        busy = self._aside.busy  # before the answer: one that comes in between is not a hang
        answer = self._aside.take()
        if self._begun is None:
            return
        if answer is None:
            hanging = elapsed_ms(self._begun, now) / 1000
            if busy and hanging <= self._settings.deadline_seconds + HANG_SECONDS:
                return
            deadline = f"{self._settings.deadline_seconds:g} s"
            answer = Answer(status="unreachable", detail=f"no full answer within {deadline}")
        if not self._void:
            self._course.take(answer, self._begun, now)
        self._begun = None

    def _ask(self, now: Instant, app_key: str) -> None:
        settings, key = self._settings, self._session.key
        if key is None:
            fault = self._session.fault or "no session key"
            self._course.take(Answer(status="unknown", detail=fault), now, now)
            return
        question = Question(settings.base_url, app_key, key, settings.deadline_seconds)
        if self._aside.begin(lambda: ask(question)):
            self._begun, self._void = now, False
            self._quota.add_probe(now)
        else:
            why = "the question before still hangs (is the name service there?)"
            self._course.take(Answer(status="unreachable", detail=why), now, now)

    def _key_left_seconds(self, now: Instant) -> float | None:
        """Return how long the session key lives: to the midnight after it was made, at most."""
        written_ms = self._session.written_ms
        if written_ms is None:
            return None
        made = datetime.fromtimestamp(written_ms / 1000, self._zone)
        midnight = datetime.combine(made.date() + timedelta(days=1), time(), self._zone)
        return max(0.0, midnight.timestamp() - now.wall_ms / 1000)

    def _iso(self, at: Instant) -> str:
        moment = datetime.fromtimestamp(at.wall_ms / 1000, self._zone)
        return moment.isoformat(timespec="milliseconds")


def _is_fresh(age_seconds: float) -> bool:
    return -CLOCK_TOLERANCE_SECONDS <= age_seconds <= PASSIVE_SECONDS


def _before(at: Instant, seconds: float) -> Instant:
    ms = int(seconds * 1000)
    return Instant(at.wall_ms - ms, at.boottime_ns - ms * 1_000_000, at.boot_id)


def _moment(iso: str | None) -> Instant | None:
    """Return a time out of a snapshot as an instant of no boot: only its wall time counts."""
    try:
        moment = datetime.fromisoformat(iso or "")
    except ValueError:
        return None
    return Instant(int(moment.timestamp() * 1000), 0, "")
