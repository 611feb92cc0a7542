from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evaluator.incident import Ack, Countdown, Transition
from evaluator.instant import Instant
from evaluator.rules import Fault
from monitoring.config import Calendar, Config
from monitoring.history import History
from monitoring.snapshot import BreezeStatus, CollectorStatus, Window, WriterMark
from monitoring.snapshots import SnapshotStore
from monitoring.state import RulesFile, read_state, write_state
from scripts.cli.day_series import pnl_of_day
from scripts.cli.engine_state import engine_state
from scripts.cli.failure import Failure
from scripts.cli.look import look
from scripts.cli.status_screen import screen
from scripts.cli.terminal import Terminal, render

WIDE = Terminal(colour=False, width=110, cut=True)
NARROW = Terminal(colour=False, width=80, cut=True)
PNL = [-2000.0, -9000.0, -4000.0, None, -15000.0, -18400.0]


@pytest.fixture
def screen_of(house, everyone) -> Callable[..., str]:
    """The screen as text; the home's path, which is another each time, as HOME."""

    def text(terminal: Terminal, seconds_later: float = 0.0, dead: tuple[int, ...] = ()) -> str:
        at = house.at
        now = Instant(
            at.wall_ms + round(seconds_later * 1000),
            at.boottime_ns + round(seconds_later * 1e9),
            at.boot_id,
        )
        seen = look(house.home, now, everyone(*dead))
        seen.home = type(seen.home)(Path("/srv/monitor"))
        lines = screen(seen, PNL, terminal)
        return "".join(render(line, terminal) + "\n" for line in lines)

    return text


def test_a_good_day_is_one_screen(house, screen_of, golden) -> None:
    house.good_day()
    golden("status_good_day.txt", screen_of(WIDE))


def test_a_narrow_terminal_wraps_alerts_and_loses_nothing_that_matters(
    house, screen_of, golden
) -> None:
    house.good_day()
    house.alert(
        "daily_loss_exceeded",
        "Daily loss -2.31% is past the limit of 2%, and this message goes on until it is wrapped",
        severity="CRITICAL",
        seconds_ago=42.0,
        ack=Ack("ravi", house.at.wall_ms, None),
        number=2,
    )
    house.alert("metrics_frozen", "P&L stands still", status="pending", seconds_ago=9, number=3)
    text = screen_of(NARROW)
    golden("status_narrow.txt", text)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_sixty_columns_still_show_the_breaker(house, screen_of) -> None:
    house.good_day()
    text = screen_of(Terminal(colour=False, width=60, cut=True))
    assert "breaker off" in text
    assert "rejects 0" in text
    assert "…" not in text
    assert all(len(line) <= 60 for line in text.splitlines())


def test_an_alert_that_is_clear_and_not_over_yet_says_so(house, screen_of) -> None:
    house.good_day()
    incident = house.alert("daily_loss_high", "near", number=2)
    clearing = msgspec.structs.replace(incident, clear=Countdown(0, house.at))
    house.log([Transition(clearing, house.at, "clearing")])
    assert "daily_loss_high  near  since 10:41  clear now" in screen_of(WIDE)


def test_an_engine_that_lapsed_is_not_shown_as_up(house, screen_of) -> None:
    house.good_day()
    late = {"uptime_seconds": 5220.0, "age_seconds": 42.0, "deadline_seconds": 20.0,
            "expected": True, "cause": "loop_hung"}  # fmt: skip
    house.snapshot(heartbeat=late, seconds_ago=0.1)
    assert "   up " not in screen_of(WIDE)


def test_old_data_is_never_shown_as_live(house, screen_of, golden) -> None:
    house.good_day()
    text = screen_of(WIDE, seconds_later=252.0, dead=(4100,))
    golden("status_collector_dead.txt", text)
    assert "LIVE" not in text
    assert "4m12s old" in text.splitlines()[1]


def test_a_dead_scheduler_is_said_above_everything_it_would_have_judged(
    house, screen_of, golden
) -> None:
    house.good_day()
    golden("status_scheduler_dead.txt", screen_of(WIDE, dead=(4101,)))


def test_no_alert_and_nobody_to_judge_is_not_all_clear(house, screen_of) -> None:
    house.process("collector")
    house.snapshot()
    assert "no alerts known, and nobody judges now" in screen_of(WIDE)


def test_a_lapse_names_its_cause(house, screen_of, golden) -> None:
    house.good_day()
    gone = {"age_seconds": 42.0, "pulse_age_seconds": 41.0, "deadline_seconds": 10.0,
            "expected": True, "cause": "process_gone"}  # fmt: skip
    house.snapshot(heartbeat=gone, seconds_ago=0.1)
    golden("status_lapsed.txt", screen_of(WIDE))


def test_a_planned_stop_is_stopped_with_its_reason(house, screen_of) -> None:
    house.good_day()
    closed = {"age_seconds": 42.0, "deadline_seconds": 300.0, "expected": False,
              "cause": "stopped_cleanly"}  # fmt: skip
    mark = WriterMark(
        writer="k3v9", closed=house.at, close_reason="upgrade", back_within_seconds=300.0
    )
    status = CollectorStatus(app_version="0.1.0", writers=[mark])
    house.snapshot(heartbeat=closed, collector=status, seconds_ago=0.1)
    text = screen_of(WIDE)
    assert "○ STOPPED" in text
    assert '\nSTOPPED cleanly "upgrade", back within 5m\n' in text


def test_an_engine_that_never_ticked_is_told_so(house, screen_of) -> None:
    house.process("collector")
    house.process("scheduler")
    house.snapshot(heartbeat={"expected": False, "cause": "never_started"}, pnl={}, risk={},
                   positions={}, orders={}, connectivity={}, last={})  # fmt: skip
    text = screen_of(WIDE)
    assert "○ STOPPED" in text
    assert "it never wrote a tick" in text
    assert "→ start the engine: it writes to /srv/monitor/data/heartbeat" in text
    assert "P&L ?" in text


SILENT = {"age_seconds": 64_000.0, "deadline_seconds": 20.0, "expected": True,
          "cause": "process_gone"}  # fmt: skip


def test_a_silent_engine_on_a_closed_market_has_not_lapsed(house, screen_of) -> None:
    house.process("collector", config=Config())  # NSE's calendar, and it is Sunday
    house.process("scheduler", config=Config())
    house.snapshot(heartbeat=SILENT, seconds_ago=0.1)
    lines = screen_of(WIDE).splitlines()
    assert lines[0].startswith("main ○ STOPPED   CLOSED, opens Mon 09:15   ")
    assert lines[1] == "STOPPED no tick for 17h46m, and none is due: the market is closed"


@pytest.mark.parametrize(
    ("minutes_later", "window", "positions", "word"),
    [
        (1353 - 0.1, None, 3.0, "STOPPED"),  # the last seconds before the open on Monday
        (1353 + 0.2, None, 3.0, "STOPPED"),  # 12 seconds after it
        (1353 + 0.5, None, 3.0, "LAPSED"),
        (1353 + 0.5, "09:20-15:20", 3.0, "LAPSED"),
        (1353 + 0.5, "09:20-15:20", 0.0, "STOPPED"),
        (1358 + 0.2, "09:20-15:20", 0.0, "STOPPED"),
        (1358 + 0.5, "09:20-15:20", 0.0, "LAPSED"),
    ],
)
def test_a_silent_engine_lapses_when_a_tick_is_due(
    house, everyone, *, minutes_later: float, window: str | None, positions: float, word: str
) -> None:
    ms = round(minutes_later * 60_000) - 7_000  # the house stands at 10:42:07
    house.at = Instant(house.at.wall_ms + ms, house.at.boottime_ns + ms * 10**6, house.at.boot_id)
    house.process("collector", config=Config(calendar=Calendar(engine_window=window)))
    house.process("scheduler")
    house.snapshot(heartbeat=SILENT, seconds_ago=0.0, last={"positions": {"count": positions}})
    assert engine_state(look(house.home, house.at, everyone())).word == word


def test_a_tick_in_the_heartbeat_file_is_fresher_than_the_snapshot(house, everyone) -> None:
    house.good_day()
    late = {"age_seconds": 60.0, "deadline_seconds": 20.0, "expected": True, "cause": "ticking"}
    house.snapshot(heartbeat=late, seconds_ago=0.1)
    assert engine_state(look(house.home, house.at, everyone())).word == "LAPSED"
    house.home.heartbeat.mkdir(parents=True)
    file = house.home.heartbeat / "main-k3v9.jsonl"
    file.write_bytes(b'{"kind":"tick","timestamp":"2025-10-12T10:42:05+05:30"}\n'
                     b'{"kind":"pulse","timestamp":"2025-10-12T10:42:06+05:30"}\n')  # fmt: skip
    stamp = (house.at.wall_ms - 500) * 1_000_000
    os.utime(file, ns=(stamp, stamp))
    seen = look(house.home, house.at, everyone())
    assert seen.tick_age_seconds == pytest.approx(1.5)
    assert engine_state(seen).word == "LIVE"


@pytest.mark.parametrize(
    ("engine", "content", "seconds_ago"),
    [
        ("main", b"", 1),
        ("main", b'{"kind":"tick"', 1),
        ("main", b"\x00\x00\nnonsense\n", 1),
        ("main", b'{"kind":"pulse","timestamp":"2025-10-12T10:42:06+05:30"}\n', 1),
        ("main", b'{"kind":"tick"}\n{"kind":"pulse","timestamp":"x"}\n', 1),
        ("main", b'{"kind":"tick","timestamp":"x"}\n{"kind":"pulse","timestamp":"x"}\n', 1),
        ("main", b'{"kind":"tick"}\n', -3600),
        ("other", b'{"kind":"tick"}\n', 1),
    ],
)
def test_a_heartbeat_file_that_tells_nothing_is_not_life(
    house, everyone, engine: str, content: bytes, seconds_ago: int
) -> None:
    house.good_day()
    house.home.heartbeat.mkdir(parents=True)
    file = house.home.heartbeat / f"{engine}-k3v9.jsonl"
    file.write_bytes(content)
    stamp = (house.at.wall_ms - seconds_ago * 1000) * 1_000_000
    os.utime(file, ns=(stamp, stamp))
    assert look(house.home, house.at, everyone()).tick_age_seconds == pytest.approx(0.4)


@pytest.mark.fault("O1")
def test_hostile_strings_from_files_are_shown_escaped(house, screen_of) -> None:
    house.good_day()
    evil = "\x1b]0;pwned\x07\r\u202e[red]"
    house.alert("own_rule", evil, ack=Ack(evil, 0, evil), number=2)
    text = screen_of(Terminal(colour=True, width=200, cut=True))
    assert "\\x1b]0;pwned\\x07\\r\\u202e[red]" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text).isascii() is False
    assert "\x1b]" not in text
    assert "\r" not in text


def test_what_the_processes_call_degraded_stands_on_the_screen(house, screen_of) -> None:
    house.good_day()
    house.process("collector", pid=4100, degraded=["heartbeat folder can't be watched: polling"])
    text = screen_of(WIDE)
    assert "DEGRADED  collector: heartbeat folder can't be watched: polling" in text


def test_thirty_faults_of_a_rule_file_do_not_push_the_engine_off_the_screen(
    house, screen_of
) -> None:
    house.good_day()
    faults = [Fault("rules.toml", line, 1, "mine", "unknown field x") for line in range(1, 31)]
    file = RulesFile(source="kept", faults=faults)
    house.process("scheduler", pid=4101, rules_file=file, degraded=["folders are polled"])
    lines = screen_of(WIDE).splitlines()
    assert lines[1] == (
        f"RULES  not taken over: {faults[0]} (and 29 more); the rules from before watch"
    )
    assert "monitor rules check" in lines[2]
    assert lines[3] == "DEGRADED  scheduler: folders are polled"
    assert len(lines) < 10


def test_a_process_that_hangs_is_to_be_ended_first_for_it_holds_its_lock(house, screen_of) -> None:
    house.good_day()
    house.process("collector", pid=4100, seconds_ago=60.0)
    assert "→ end it with `kill -9 4100`, then start it again" in screen_of(WIDE)


def test_switched_off_monitoring_says_so(house, screen_of) -> None:
    house.good_day()
    for name in ("collector", "scheduler"):
        state = read_state(house.home.state, name)
        assert state is not None
        off = msgspec.structs.replace(state.config, enabled=False)
        write_state(house.home.state, msgspec.structs.replace(state, config=off))
    text = screen_of(WIDE)
    assert "monitoring is switched off" in text
    assert "set enabled = true" in text


def test_switched_off_monitoring_is_never_all_clear(house, screen_of) -> None:
    for name in ("collector", "scheduler"):
        house.process(name, config=Config(enabled=False))
    text = screen_of(WIDE)
    assert "nothing fires" not in text
    assert "no alerts known, and nobody judges now" in text


def test_an_unreadable_snapshot_gives_way_to_the_one_before(house, everyone) -> None:
    house.good_day()
    (house.home.snapshots / "metrics_20251012T051207.000Z.json").write_bytes(b"\x00" * 64)
    (house.home.snapshots / "metrics_20251012T051208.000Z.json").mkdir()
    (house.home.snapshots / "notes.txt").write_text("a stranger")
    seen = look(house.home, house.at, everyone())
    assert seen.snapshot is not None
    assert len(seen.skipped) == 2


def test_a_home_in_which_nothing_ran_is_refused_with_what_to_do(house, everyone) -> None:
    with pytest.raises(Failure) as refused:
        look(house.home, house.at, everyone())
    assert refused.value.code == 3
    house.home.root.mkdir()
    house.home.settings.write_text("")
    with pytest.raises(Failure, match="Nothing has ever run") as refused:
        look(house.home, house.at, everyone())
    assert "make run" in refused.value.todo


def test_status_as_json_is_one_object(now_house, monitor) -> None:
    now_house.good_day()
    done = monitor("status", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert said["engine"] == "main"
    assert said["stale"] is False
    assert said["facts"]["pnl.daily"] == -18_400.0
    assert said["incidents"][0]["rule"] == "stale_student_model"
    assert said["collector"] == "gone"


def test_the_picture_refers_to_nothing_outside_itself(now_house, monitor, tmp_path: Path) -> None:
    now_house.good_day()
    done = monitor("status", "--svg", str(tmp_path / "status.svg"))
    assert done.returncode == 0
    picture = (tmp_path / "status.svg").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"'\s<)]+", picture)) == {"http://www.w3.org/2000/svg"}
    assert "stale_student_model" in picture
    assert "@font-face" not in picture


@pytest.mark.parametrize(
    ("status", "engine_says", "shown"),
    [
        ("authenticated", True, "Breeze ok 38s"),
        ("session_expired", True, "Breeze session expired 38s"),
        ("off", True, "Breeze ok (engine's word)"),
        ("off", False, "Breeze not authenticated (engine's word)"),
        ("off", None, "Breeze off"),
        ("unknown", None, "Breeze unknown"),
    ],
)
def test_breeze_is_shown_by_probe_or_by_the_engines_word(
    house, screen_of, status: str, engine_says: bool | None, shown: str
) -> None:
    house.good_day()
    said = BreezeStatus(status=status, status_age_seconds=38.0)
    known = {} if engine_says is None else {"breeze_authenticated": engine_says}
    house.snapshot(breeze=said, connectivity=known, seconds_ago=0.1)
    assert f"{shown}   up" in screen_of(WIDE)


@pytest.mark.parametrize(("loss", "style"), [(-0.99, "1"), (-1.0, "33"), (-2.0, "1;31")])
def test_a_loss_turns_yellow_at_the_warning_and_red_at_the_limit(
    house, screen_of, loss: float, style: str
) -> None:
    house.good_day()
    risk = {"daily_loss_pct": loss, "circuit_breaker_active": loss <= -2}
    house.snapshot(risk=risk, seconds_ago=0.1)
    text = screen_of(Terminal(colour=True, width=110, cut=True))
    assert f"P&L \x1b[{style}m−₹18,400" in text
    assert ("breaker \x1b[1;31mON" in text) == (loss <= -2)


def test_the_sparkline_is_the_day_so_far(house, everyone) -> None:
    house.process("collector")
    for number in range(4):
        house.snapshot(
            seconds_ago=80.0 - 20 * number, pnl={"daily": float(number)}, window=Window()
        )
    seen = look(house.home, house.at, everyone())
    assert [value for value in pnl_of_day(seen) if value is not None] == [0.0, 1.0, 2.0, 3.0]
    for _ in range(14):
        house.snapshot(seconds_ago=0, pnl={"daily": 9.0}, window=Window())
    index(house)
    assert pnl_of_day(seen)[-1] == 9.0


def test_a_long_day_is_drawn_from_five_minute_stretches(house, everyone) -> None:
    house.process("collector")
    for number in range(15):
        house.snapshot(seconds_ago=300.0 * (15 - number), pnl={"daily": float(number)})
    index(house)
    values = pnl_of_day(look(house.home, house.at, everyone()))
    assert 15 <= len(values) <= 16


def test_a_day_without_figures_has_no_sparkline(house, everyone) -> None:
    house.process("collector")
    house.snapshot(pnl={}, window=Window())
    assert pnl_of_day(look(house.home, house.at, everyone())) == []


def index(house) -> None:
    store = SnapshotStore(house.home.snapshots)
    history = History(house.home.history)
    history.open()
    history.add((name, store.read(name)) for name in store.names_after(None))
    history.close()
