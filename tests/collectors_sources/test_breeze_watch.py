from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collectors.breeze import BreezeWatch, EngineView
from evaluator.instant import Instant
from monitoring.atomic import SECRET_MODE, write_atomic
from monitoring.config import Breeze
from monitoring.snapshot import BreezeStatus
from tests.breeze_stub import APP_KEY, EXPIRED_KEY, SESSION_KEY, Stub

MORNING_MS = 1_760_068_800_000  # 10 October 2025, 09:30 in Kolkata
SILENT = EngineView()


def at(seconds: float) -> Instant:
    ms = int(seconds * 1000)
    return Instant(MORNING_MS + ms, 10**15 + ms * 1_000_000, "boot")


def called(seconds_ago: float | None, authenticated: bool | None = True) -> EngineView:
    return EngineView(authenticated=authenticated, last_api_call_age_seconds=seconds_ago)


class Watched:
    """A watch on a stub, and the means to wait for its answers."""

    def __init__(self, url: str, home: Path, *, deadline: float = 60.0, **more: object) -> None:
        self.home = home
        self.woken = threading.Event()
        settings = Breeze(configured=True, base_url=url, deadline_seconds=deadline)
        hours = more.pop("may_probe", lambda _wall_ms: True)
        self.watch = BreezeWatch(
            settings,
            home,
            "Asia/Kolkata",
            APP_KEY,
            wake=self.woken.set,
            may_probe=hours,  # type: ignore[arg-type] # a test's own predicate
            spread=lambda: 1.0,
        )

    def log_in(self, key: str = SESSION_KEY) -> None:
        path = self.home / "data" / "breeze_session"
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, key.encode(), mode=SECRET_MODE, durable=False)

    def status(self, seconds: float, engine: EngineView = SILENT) -> BreezeStatus:
        return self.watch.status(at(seconds), engine)

    def answered(self, seconds: float, engine: EngineView = SILENT) -> BreezeStatus:
        """Ask at this moment, wait for the answer, and return the status then."""
        self.woken.clear()
        self.status(seconds, engine)
        assert self.woken.wait(60), "nobody was asked"
        return self.status(seconds, engine)


@pytest.fixture
def watched(stub: Stub, tmp_path: Path) -> Watched:
    one = Watched(f"{stub.url}/keys", tmp_path)
    one.log_in()
    one.watch.start()
    return one


def test_without_an_app_key_it_is_off_and_nobody_is_asked(stub: Stub, tmp_path: Path) -> None:
    for settings, key in (
        (Breeze(configured=True, base_url=stub.url), None),
        (Breeze(configured=False, base_url=stub.url), APP_KEY),
    ):
        watch = BreezeWatch(settings, tmp_path, "Asia/Kolkata", key)
        watch.start()

        assert watch.status(at(0), called(1)) == BreezeStatus()
        assert watch.status(at(0), called(1)).status == "off"
    assert stub.asked() == []


def test_before_the_first_answer_the_status_is_unknown(watched: Watched) -> None:
    status = watched.status(0)

    assert status.status == "unknown"
    assert status.denials is None
    assert status.failing_seconds is None
    assert status.status_age_seconds is None


def test_a_valid_session_is_authenticated_after_one_question(watched: Watched, stub: Stub) -> None:
    status = watched.answered(0)

    assert status.status == "authenticated"
    assert status.since == "2025-10-10T09:30:00.000+05:30"
    assert status.status_age_seconds == 0
    assert status.denials == 0
    assert status.failing_seconds == 0
    assert status.latency_ms is not None
    assert status.probes_today == 1
    assert stub.asked() == ["/keys/customerdetails"]


def test_a_call_of_the_engines_is_an_answer_and_nobody_is_asked(
    watched: Watched, stub: Stub
) -> None:
    for seconds in range(0, 600, 10):
        status = watched.status(seconds, called(59.9))

    assert status.status == "authenticated"
    assert status.detail == "the engine's own calls succeed"
    assert status.status_age_seconds == pytest.approx(59.9)
    assert status.probes_today == 0
    assert stub.asked() == []


@pytest.mark.parametrize(
    "engine",
    [
        SILENT,
        called(60.1),
        called(-6),
        called(1, authenticated=False),
        called(1, authenticated=None),
        called(None),
        called(float("nan")),
    ],
)
def test_what_the_engine_does_not_say_for_certain_is_no_answer(
    watched: Watched, stub: Stub, engine: EngineView
) -> None:
    watched.answered(0, engine)

    assert len(stub.asked()) == 1


def test_when_the_engine_falls_silent_the_probe_asks_at_once(watched: Watched, stub: Stub) -> None:
    watched.status(0, called(1))
    watched.status(1000, called(30))
    status = watched.answered(1010, called(61))

    assert status.status == "authenticated"
    assert len(stub.asked()) == 1


def test_questions_are_an_interval_apart(watched: Watched, stub: Stub) -> None:
    watched.answered(0)
    for seconds in range(1, 120):
        watched.status(seconds)
    assert len(stub.asked()) == 1
    watched.answered(120)
    assert len(stub.asked()) == 2


def test_no_question_is_asked_outside_the_hours(stub: Stub, tmp_path: Path) -> None:
    hours = [False]
    one = Watched(f"{stub.url}/keys", tmp_path, may_probe=lambda _wall_ms: hours[0])
    one.log_in()
    one.watch.start()
    for seconds in range(0, 1000, 50):
        one.status(seconds)
    assert stub.asked() == []
    hours[0] = True
    assert one.answered(1000).status == "authenticated"


def test_no_question_is_asked_before_start_or_after_close(watched: Watched, stub: Stub) -> None:
    watched.answered(0)
    watched.watch.close()
    for seconds in range(1, 1000, 50):
        watched.status(seconds)
    assert len(stub.asked()) == 1
    assert watched.status(1000).status == "authenticated"
    assert watched.status(1000).status_age_seconds == 1000


@pytest.mark.fault("B2")
def test_the_session_that_dies_at_midnight_is_told_and_cured_by_a_login(
    watched: Watched, stub: Stub
) -> None:
    assert watched.answered(0).status == "authenticated"
    stub.expired_keys.add(SESSION_KEY)

    first = watched.answered(120)
    assert (first.status, first.denials) == ("session_expired", 1)
    second = watched.answered(140)
    assert (second.status, second.denials) == ("session_expired", 2)
    assert second.failing_seconds == 0  # Breeze is there: it says no

    stub.session_key = "session-of-today"
    watched.log_in("session-of-today")
    cured = watched.answered(141)
    assert (cured.status, cured.denials) == ("authenticated", 0)


@pytest.mark.fault("B2")
def test_wrong_keys_are_told_apart(watched: Watched, stub: Stub) -> None:
    watched.log_in("typo")
    assert watched.answered(0).status == "bad_session"
    watched.log_in(EXPIRED_KEY)
    assert watched.answered(1).status == "session_expired"
    stub.app_key = "another"
    watched.log_in("third")
    assert watched.answered(2).status == "bad_app_key"


def test_without_a_session_file_it_says_what_to_do_and_asks_nobody(
    stub: Stub, tmp_path: Path
) -> None:
    one = Watched(f"{stub.url}/keys", tmp_path)
    one.watch.start()

    status = one.status(0)
    assert status.status == "unknown"
    assert status.detail == "no session file yet: run `monitor breeze login`"
    assert one.status(20).failing_seconds == 20
    assert one.status(90).failing_seconds == 90
    assert status.probes_today == 0
    assert stub.asked() == []

    one.log_in()
    assert one.answered(91).status == "authenticated"


@pytest.mark.fault("B1")
@pytest.mark.parametrize("scenario", ["html", "html_503", "http_500", "half_json", "text", "hang"])
def test_no_page_and_no_silence_is_ever_an_expiry(
    stub: Stub, tmp_path: Path, scenario: str
) -> None:
    one = Watched(f"{stub.url}/{scenario}", tmp_path, deadline=0.3)
    one.log_in()
    one.watch.start()
    for seconds in (0, 20, 140):
        status = one.answered(seconds)

    assert status.status in {"unreachable", "unknown"}
    assert status.denials is None
    assert status.failing_seconds == 140

    for seconds in range(150, 380, 10):  # the next question is twice as far away
        one.status(seconds)
    assert one.answered(380).probes_today == 4


def test_nobody_listening_is_a_lost_connection_after_two_calls(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        one = Watched(f"http://127.0.0.1:{taken.getsockname()[1]}", tmp_path)
        one.log_in()
        one.watch.start()
        assert one.answered(0).failing_seconds == 0
        assert one.answered(20).failing_seconds == 20
        assert one.status(61).failing_seconds == 61
        assert one.status(62, called(3)).failing_seconds == 0  # the engine got through


@pytest.mark.fault("B1")
def test_too_many_calls_are_counted_and_waited_out(stub: Stub, tmp_path: Path) -> None:
    one = Watched(f"{stub.url}/rate_limited", tmp_path)
    one.log_in()
    one.watch.start()
    status = one.answered(0)
    assert (status.status, status.rate_limited_5m) == ("rate_limited", 1)
    for seconds in range(1, 45):
        one.status(seconds)
    assert len(stub.asked()) == 1  # Retry-After is 45 s
    assert one.answered(45).rate_limited_5m == 2
    assert one.answered(165).rate_limited_5m == 3


@pytest.mark.fault("B1")
def test_a_hanging_server_delays_no_status(stub: Stub, tmp_path: Path) -> None:
    one = Watched(f"{stub.url}/drip_headers", tmp_path, deadline=2.0)
    one.log_in()
    one.watch.start()
    one.status(0)
    slowest = 0.0
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        began = time.perf_counter()
        one.status(0.5)
        slowest = max(slowest, time.perf_counter() - began)
        time.sleep(0.001)  # the loop of the collector is idle too

    assert slowest < 1.5  # the server's silence lasts two whole seconds
    assert one.woken.wait(60)
    status = one.status(3)
    assert status.status == "unreachable"
    assert status.detail == "no full answer within 2 s"


def test_a_question_that_cannot_be_cut_counts_as_no_answer_in_time(
    stub: Stub, tmp_path: Path
) -> None:
    one = Watched(f"{stub.url}/hang", tmp_path, deadline=60.0)
    one.log_in()
    one.watch.start()
    one.status(0)  # time passes for us alone: to the thread its minute is not over yet

    assert one.status(61.9).status == "unknown"
    late = one.status(62.1)
    assert late.status == "unreachable"
    assert late.detail == "no full answer within 60 s"
    again = one.status(82.2)
    assert "still hangs" in (again.detail or "")
    assert again.failing_seconds is not None
    assert again.failing_seconds > 20
    assert again.probes_today == 1
    assert len(stub.asked()) <= 1


def test_an_answer_about_the_old_key_is_thrown_away(stub: Stub, tmp_path: Path) -> None:
    one = Watched(f"{stub.url}/hang", tmp_path)
    one.log_in()
    one.watch.start()
    one.status(0)
    one.log_in("another")
    one.status(0.1)
    stub.closing.set()  # the answer about the old key: none
    assert one.woken.wait(60)

    status = one.status(0.6)
    assert (status.status, status.detail) == ("unknown", "not asked yet")
    assert status.probes_today == 2


def test_a_restart_goes_on_with_the_days_count_and_the_refusals(
    watched: Watched, stub: Stub
) -> None:
    before = BreezeStatus(
        status="session_expired",
        since="2025-10-10T09:00:00.000+05:30",
        status_age_seconds=5.0,
        denials=2.0,
        failing_seconds=0.0,
        probes_today=41.0,
    )
    watched.watch.resume(before, at(-10), at(0))
    stub.expired_keys.add(SESSION_KEY)

    status = watched.status(0)
    assert (status.status, status.denials) == ("session_expired", 2)
    assert status.since == before.since
    assert status.status_age_seconds == 15
    assert status.probes_today == 42  # one question is on its way
    assert watched.woken.wait(60)
    status = watched.status(1)
    assert (status.denials, status.since) == (3, before.since)


def test_a_restart_goes_on_with_a_lost_connection(watched: Watched) -> None:
    before = BreezeStatus(status="unreachable", status_age_seconds=5.0, failing_seconds=50.0)
    watched.watch.resume(before, at(-10), at(0))

    assert watched.status(0).failing_seconds == 60
    assert watched.woken.wait(60)
    assert watched.status(1).failing_seconds == 0


@pytest.mark.parametrize(
    ("before", "seconds_ago"),
    [
        (BreezeStatus(), 10.0),
        (BreezeStatus(status="session_expired", denials=2.0, probes_today=3.0), 3601.0),
        (BreezeStatus(status="a status of the future", denials=2.0), 10.0),
    ],
)
def test_what_is_old_or_not_understood_is_not_gone_on_with(
    watched: Watched, before: BreezeStatus, seconds_ago: float
) -> None:
    watched.watch.resume(before, at(-seconds_ago), at(0))
    status = watched.status(0)

    assert status.status == "unknown"
    assert status.denials is None


def test_a_since_that_is_no_time_is_replaced_by_the_snapshots(watched: Watched) -> None:
    watched.watch.resume(BreezeStatus(status="unreachable", since="x"), at(-10), at(0))

    assert watched.status(0).since == "2025-10-10T09:29:50.000+05:30"


def test_the_quota_is_that_of_engine_and_probe_together(watched: Watched) -> None:
    def calls(number: float) -> EngineView:
        return EngineView(authenticated=True, last_api_call_age_seconds=1, api_calls_today=number)

    watched.status(0, calls(4000))
    status = watched.status(100, calls(4100))

    assert status.quota_left_seconds == pytest.approx(900)
    assert status.status == "authenticated"


def test_keys_are_in_no_status_no_repr_and_no_log(
    stub: Stub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Watched(f"{stub.url}/echo", tmp_path)
    one.log_in()
    one.watch.start()
    with caplog.at_level("DEBUG"):
        status = one.answered(0)

    for key in (APP_KEY, SESSION_KEY):
        assert key not in repr(status)
        assert key not in repr(one.watch)
        assert key not in caplog.text


def test_the_http_client_is_loaded_by_those_alone_who_use_it(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from collectors.breeze import BreezeWatch
from monitoring.config import Breeze
for settings in (Breeze(), Breeze(configured=True, base_url="http://127.0.0.1:9")):
    watch = BreezeWatch(settings, Path.cwd(), "Asia/Kolkata", "key")
    watch.start()
    print("httpx2" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]


def test_the_status_tells_how_long_the_key_lives_and_how_the_clocks_differ(
    watched: Watched,
) -> None:
    watched.log_in()
    made = datetime(2025, 10, 13, 8, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
    path = watched.home / "data" / "breeze_session"
    os.utime(path, (made.timestamp(), made.timestamp()))
    now = Instant(round(made.timestamp() * 1000) + 3_600_000, 10**15, "boot")

    assert watched.watch.status(now, SILENT).key_left_seconds == 15 * 3600
    late = Instant(now.wall_ms + 86_400_000, 10**15 + 1, "boot")
    assert watched.watch.status(late, SILENT).key_left_seconds == 0


def test_without_a_session_file_nobody_knows_how_long_the_key_lives(watched: Watched) -> None:
    (watched.home / "data" / "breeze_session").unlink()

    assert watched.status(0).key_left_seconds is None


def test_the_clocks_difference_stands_until_the_next_answer(watched: Watched) -> None:
    watched.log_in()

    ahead = watched.answered(0).clock_ahead_seconds

    assert ahead is not None
    assert watched.status(30, called(1)).clock_ahead_seconds == ahead
