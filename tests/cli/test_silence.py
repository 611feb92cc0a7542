"""`monitor silence`, and how what is told to nobody is shown."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime

import msgspec
import pytest

from evaluator.incident import Ack
from evaluator.silence import Silence
from monitoring.alert_entry import Notice, of_silence
from monitoring.alert_fold import fold, read
from monitoring.spool import Request, pending
from scripts.cli.diagnosis import diagnose
from scripts.cli.look import look
from scripts.cli.status_screen import screen
from scripts.cli.tail_line import tail_line
from scripts.cli.terminal import Terminal, render

PLAIN = Terminal(colour=False, width=1000, cut=False)


@pytest.fixture
def scheduler(now_house):
    """Answers requests about silences like the scheduler: in a thread, through spool and log."""
    over = threading.Event()
    house = now_house

    def serve() -> None:
        while not over.is_set():
            for path, request in pending(house.home.spool):
                assert isinstance(request, Request)
                house.log([entry(request)], request.id)
                path.unlink()
            time.sleep(0.005)

    def entry(request: Request) -> Notice:
        if request.action == "expire":
            found = fold(house.home.alerts).silences.get(request.target)
            if found is None:
                return Notice(kind="request", reason="unknown target 'zzz': no silence")
            return of_silence(found, "ended", f"ended early by {request.by}")
        if request.target == "zzz":
            return Notice(kind="request", reason="unknown target 'zzz': no rule")
        assert request.until_ms is not None
        one = Silence(
            id="abcd1234", by=request.by, reason=request.reason, rule=request.target,
            starts_ms=request.at_ms, ends_ms=request.until_ms,
        )  # fmt: skip
        return of_silence(one, "active", "quiet")

    thread = threading.Thread(target=serve)
    thread.start()
    yield house
    over.set()
    thread.join()


def test_a_silence_is_added_listed_and_ended(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1.9 GB free")
    arguments = ("disk_low", "--for", "2h", "--reason", "cleaning", "--by", "asha")
    done = monitor("silence", "add", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("done: silenced disk_low until ")
    assert done.stdout.endswith(' by asha "cleaning"  (abcd1234)\n')
    (one,) = json.loads(monitor("silence", "list", "--json").stdout)
    assert (one["id"], one["target"], one["over"]) == ("abcd1234", "disk_low", False)
    assert "disk_low  until" in monitor("silence", "list").stdout
    ended = monitor("silence", "expire", "abcd1234", "--by", "ravi")
    assert ended.stdout == "done: silence abcd1234 of disk_low ended early by ravi\n"
    assert monitor("silence", "list").stdout == "no silence is in force\n"


def test_what_the_scheduler_does_not_know_is_an_unknown_target(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1.9 GB free")
    done = monitor("silence", "add", "zzz", "--for", "1h", "--reason", "x", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["outcome"] == "unknown target"
    assert monitor("silence", "expire", "zzz").returncode == 1


def test_without_a_scheduler_a_silence_is_queued(now_house, monitor) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    done = monitor("silence", "add", "disk_low", "--for", "1h", "--reason", "x")
    assert done.returncode == 3
    assert done.stdout.startswith("queued: the scheduler isn't running")
    ((_, request),) = pending(now_house.home.spool)
    assert isinstance(request, Request)
    assert (request.action, request.target) == ("silence", "disk_low")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--reason", "x"), "Say when it ends: --for 1h, or --until 15:30."),
        (("--reason", "x", "--for", "1h", "--until", "15:30"), "Say when it ends"),
        (("--reason", "x", "--until", "2h"), "is a duration: write --for"),
        (("--reason", "x", "--until", "2020-01-01"), "is over already"),
        (("--reason", "x", "--until", "soon"), "is no moment"),
        (("--for", "1h"), "Missing option '--reason'"),
        (("--for", "1h", "--reason", "x" * 2000), "is too long"),
    ],
)
def test_a_silence_needs_one_end_that_is_to_come_and_a_reason(
    now_house, monitor, arguments: tuple[str, ...], words: str
) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    done = monitor("silence", "add", "disk_low", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_silence_until_a_time_ends_then(now_house, monitor) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    monitor("silence", "add", "disk_low", "--until", "2099-10-12T15:30", "--reason", "x")
    ((_, request),) = pending(now_house.home.spool)
    assert isinstance(request, Request)
    assert request.until_ms == round(datetime(2099, 10, 12, 10, tzinfo=UTC).timestamp() * 1000)


def test_before_anything_ran_there_is_nothing_to_list(monitor, house) -> None:
    assert monitor("silence", "list").returncode == 3


def test_a_silence_whose_end_nobody_noticed_yet_is_said_to_be_over(now_house, monitor) -> None:
    now_house.silence(seconds=0.001, severity="WARNING")
    shown = monitor("silence", "list").stdout
    assert "every WARNING" in shown
    assert "(over)" in shown


def test_status_shows_what_is_told_to_nobody_by_what_and_hides_no_critical(
    house, everyone, golden
) -> None:
    house.good_day()
    ack = Ack("asha", 0, "on it", house.at.wall_ms + 3_600_000)
    house.alert("heartbeat_lapsed", "No tick for 22s", severity="CRITICAL", ack=ack, number=2)
    house.alert(
        "market_data_stale", "No price for 40 s", severity="CRITICAL", number=3,
        suppressed_by="inhibited by heartbeat_lapsed",
    )  # fmt: skip
    house.alert("disk_low", "1.9 GB free", number=4, flapping=True)
    house.silence(rule="disk_low")
    house.silence("gone", seconds=-1.0, severity="WARNING")
    seen = look(house.home, house.at, everyone())
    lines = [render(line, PLAIN) for line in screen(seen, [], PLAIN)]
    alerts = [line for line in lines if line.startswith(("FIRING", "SILENCED"))]
    golden("status_suppressed.txt", "\n".join(alerts) + "\n")


def test_a_suppressed_alert_is_dim_but_for_its_severity(house, everyone) -> None:
    house.good_day()
    house.alert("disk_low", "full", severity="CRITICAL", number=4, suppressed_by="inhibited by x")
    seen = look(house.home, house.at, everyone())
    (line,) = [one for one in screen(seen, [], PLAIN) if any(s.text == "disk_low" for s in one)]
    styles = {span.text.strip(): span.style for span in line}
    assert (styles["FIRING"], styles["CRITICAL"], styles["disk_low"]) == ("dim", "bad", "dim")


def test_health_keeps_the_level_of_what_is_suppressed_and_says_by_what(house, everyone) -> None:
    house.good_day()
    house.alert(
        "disk_low", "full", severity="CRITICAL", number=4, flapping=True,
        suppressed_by="silence abcd1234 by asha: restarting",
    )  # fmt: skip
    house.silence(rule="disk_low")
    findings = {one.subject: one for one in diagnose(look(house.home, house.at, everyone()))}
    assert findings["disk"].level == "CRIT"
    assert "full (silence abcd1234 by asha: restarting) (flapping)" in findings["disk"].what
    assert "1 of them told to nobody; silenced: disk_low until" in findings["alert log"].what


def test_tail_shows_silences_reminders_and_what_is_told_to_nobody(house, golden) -> None:
    critical = {"severity": "CRITICAL"}
    house.alert("heartbeat_lapsed", "No tick for 22s", **critical, number=1)
    by = {"suppressed_by": "inhibited by heartbeat_lapsed"}
    house.alert("market_data_stale", "No price for 40 s", **critical, notify="suppressed", **by)
    house.alert("heartbeat_lapsed", "No tick for 2m22s", **critical, notify="repeat", number=1)
    house.alert("heartbeat_lapsed", "No tick for 22s", **critical, notify="explains", number=1)
    house.alert("market_data_stale", "ticks", **critical, status="resolved", notify="untold", **by)
    ack = Ack("asha", 0, "on it", house.at.wall_ms + 3_600_000)
    house.alert("disk_low", "1.9 GB free", flapping=True, ack=ack, notify="acknowledged")
    one = house.silence(rule="disk_low")
    house.silence("far", seconds=100_000.0, severity="WARNING")
    house.log([of_silence(one, "expired", "over"), of_silence(one, "ended", "ended early by ravi")])
    lines = [
        tail_line(line) for line in read(house.home.alerts) if line.kind in ("alert", "silence")
    ]
    golden("tail_silences.txt", "\n".join(render(line, PLAIN) for line in lines) + "\n")


def test_a_line_whose_time_can_not_be_read_is_shown_all_the_same(house) -> None:
    house.silence(rule="disk_low")
    (line,) = [one for one in read(house.home.alerts) if one.kind == "silence"]
    torn = msgspec.structs.replace(line, timestamp="noon")
    assert "until ?" in render(tail_line(torn), PLAIN)
