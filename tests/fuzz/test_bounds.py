"""Each bound by itself: what lies past it costs itself alone, and is told."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.breeze_probe import Page, read
from collectors.fold import MAX_TEXT_CHARACTERS
from collectors.sequence import MAX_COUNTERS
from collectors.tick_line import parse
from evaluator.admission import Admission
from evaluator.fact_table import MOST_FACTS
from evaluator.rule_file import MOST_FAULTS, MOST_RULES
from evaluator.rules import Fault, RuleErrors, load
from monitoring.alert_entry import LineMaker, Notice
from monitoring.alert_fold import fold
from monitoring.clock import SystemClock
from monitoring.home import Home
from monitoring.settings import MOST_BYTES, SettingsError
from monitoring.settings import load as load_settings
from monitoring.spool import pending
from monitoring.state import read_state
from scripts.cli.metric_tables import Agg, Field, Metrics, csv_text
from scripts.cli.terminal import show_json
from tests.cli.conftest import AT, House
from tests.collectors_core.conftest import Lines, Reader
from tests.fuzz.commands import DOCUMENTED, monitor
from tests.fuzz.garbage import encoded
from tests.fuzz.ticks import CLOSE, HEADER, PULSE

ENDLESS = b"9" * 4_000
RULE = '[[rule]]\nname = "n{}"\nseverity = "WARNING"\nwhen = ["true"]\nmessage = "m"\n'


def faults(text: str) -> list[Fault]:
    with pytest.raises(RuleErrors) as refused:
        load(text)
    return refused.value.faults


@pytest.mark.parametrize("seq", [ENDLESS, b"-1", b"9007199254740992"])
def test_a_seq_that_nobody_counted_to_is_unknown_and_its_tick_counts(
    seq: bytes, tmp_path: Path
) -> None:
    reader = Reader(tmp_path / "home")
    reader.append("main-w1.jsonl", Lines.ticks(1, 1))
    reader.append("main-w1.jsonl", b'{"writer":"w1","seq":%s}\n' % seq)
    reader.append("main-w1.jsonl", Lines.ticks(2, 2))
    assert reader.read() == 3
    told = reader.snapshot().collector
    assert (told.ticks_lost, told.values_rejected, told.writers[0].next_seq) == (0, 1, 3)


@pytest.mark.parametrize(
    "line",
    [
        {**HEADER, "first_seq": 10**30},
        {**HEADER, "boot_id": "b" * 101},
        {**PULSE, "dropped": 10**30},
        {**CLOSE, "last_seq": 2**53},
    ],
)
def test_a_special_line_past_its_bounds_is_rejected_with_the_reason(line: Any) -> None:
    parsed = parse(encoded(line) + b"\n")
    assert parsed.runs == []
    assert [reject.reason.partition(" line: ")[0] for reject in parsed.rejects] == [line["kind"]]


def test_the_counts_of_what_was_lost_stop_where_they_are_still_exact(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "home")
    for writer in ("a", "b", "c"):
        reader.append(f"main-{writer}.jsonl", Lines.tick(0, writer) + Lines.tick(2**53 - 1, writer))
        reader.append(f"main-{writer}.jsonl", Lines.pulse(writer, dropped=2**53 - 1))
    reader.read()
    told = reader.snapshot().collector
    assert (told.ticks_lost, told.writer_dropped) == (2**53 - 1, 2**53 - 1)


def test_writers_without_number_keep_no_endless_counters(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "home")
    custom = {f"n{number}": 1.0 for number in range(400)}
    for number in range(60):
        reader.append("main.jsonl", Lines.tick(1, f"w{number:02d}", custom=custom))
        reader.read()
        reader.pass_seconds(1)
    marks = {mark.writer: len(mark.counters) for mark in reader.snapshot().collector.writers}
    assert sum(marks.values()) <= MAX_COUNTERS
    assert (marks["w00"], marks["w59"]) == (0, 400)


def test_a_text_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "home")
    texts = {"short": "x" * MAX_TEXT_CHARACTERS, "long": "x" * (MAX_TEXT_CHARACTERS + 1)}
    reader.append("main.jsonl", Lines.tick(custom=texts))
    reader.read()
    snapshot = reader.snapshot()
    assert {name: value is not None for name, value in snapshot.custom.items()} == {
        "short": True, "long": False,
    }  # fmt: skip
    assert snapshot.collector.values_rejected == 1


def test_an_engine_that_declares_an_endless_interval_lapses_all_the_same(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "home")
    reader.append("main-w1.jsonl", Lines.header(interval_seconds=1e300) + Lines.ticks(1, 1))
    reader.read()
    assert reader.lapse().deadline_seconds == 90.0


def test_a_whole_number_that_is_no_double_is_unknown_and_counted() -> None:
    misfits: dict[str, int] = {}
    assert Admission({"a": "number"}, misfits).admit({"a": 10**400}) == {}
    assert misfits == {"a": 1}


@pytest.mark.parametrize("count", [1e308, "x", True, -1.0, None])
def test_an_alert_log_that_counts_wrongly_is_folded_at_once(count: Any, tmp_path: Path) -> None:
    maker = LineMaker("main", "Asia/Kolkata")
    end = Notice(kind="carry_end", reason="", context={"carries": count})
    healed = Notice(kind="healed", reason="", context={"offset": count})
    lines = [maker.entry(one, AT, 1, None) for one in (end, healed)]
    for seq, line in enumerate(lines, 1):
        line.seq = seq
    data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    (tmp_path / "2025-10-12.jsonl").write_bytes(data)
    assert (fold(tmp_path).seq, fold(tmp_path).faults) == (2, [])


@pytest.mark.parametrize(
    "field", [b'"seq":9007199254740992', b'"seq":-1', b'"boottime_ns":%s' % ENDLESS]
)
def test_an_alert_line_that_nothing_could_follow_is_no_record(field: bytes, tmp_path: Path) -> None:
    line = LineMaker("main", "Asia/Kolkata").entry(Notice(kind="reload", reason=""), AT, 1, None)
    data = msgspec.json.encode(line)
    name = field.partition(b":")[0]
    old = data[data.index(name) :].partition(b",")[0]
    (tmp_path / "2025-10-12.jsonl").write_bytes(data.replace(old, field) + b"\n")
    folded = fold(tmp_path)
    assert folded.seq == 0
    assert "is not a record" in folded.faults[0]


def test_a_request_whose_end_is_no_date_is_refused(tmp_path: Path) -> None:
    request = {"id": "a", "action": "silence", "target": "CRITICAL", "by": "x", "at_ms": 1}
    (tmp_path / "1-a.json").write_bytes(encoded({**request, "until_ms": 10**17}))
    ((_, refused),) = pending(tmp_path)
    assert "until_ms" in str(refused)


def test_a_rule_file_past_a_bound_is_refused_there() -> None:
    facts = "".join(f'"custom.n{i}" = {{ type = "flag" }}\n' for i in range(MOST_FACTS + 2))
    rules = "".join(map(RULE.format, range(MOST_RULES + 2)))
    long = RULE.format("") + f'resolved_message = "{"x" * 4_001}"\ncontext = {["a"] * 101}\n'
    name = f'[facts]\n"custom.{"n" * 101}" = {{ type = "flag" }}\n'
    unit = f'[facts]\n"custom.n" = {{ type = "flag", unit = "{"u" * 1_001}" }}\n'
    for text, line, reason in (
        ("[facts]\n" + facts, MOST_FACTS + 2, f"at most {MOST_FACTS} facts"),
        (rules, MOST_RULES * 5 + 1, f"at most {MOST_RULES} rules"),
        (long, 6, "must be at most 4,000 characters"),
        (name, 2, "at most 100 characters"),
        (unit, 2, "at most 1,000 characters"),
        (RULE.format("x" * 100), 2, "must be lower-case"),
        ("\n\nfor = " + "9" * 5_000, 3, "thousands of digits"),
        ("x = " + "[" * 5_000, 1, "nested too deeply"),
    ):
        found = faults(text)[0]
        assert found.line == line
        assert reason in found.reason
    assert "at most 100 texts" in faults(long)[1].reason
    assert len(faults("".join(f"x{i} = 1\n" for i in range(5_000)))) == MOST_FAULTS


@pytest.mark.parametrize("file", ["monitor.toml", ".env"])
def test_settings_are_read_from_files_of_their_size_alone(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingsError, match=r"can't be read \(File too large\)"):
        load_settings(Home(tmp_path), {})
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match=r"can't be read \(not a regular file\)"):
        load_settings(Home(tmp_path), {})


def test_a_pipe_in_the_place_of_a_state_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scheduler.json")
    assert read_state(tmp_path, "scheduler") is None


def test_nesting_without_end_is_no_tick_no_alert_and_no_rule(tmp_path: Path) -> None:
    house = House(tmp_path / "home", SystemClock().now())
    house.good_day()
    house.home.heartbeat.mkdir(parents=True)
    deep = b'{"a":' * 9_000 + b"\n"
    (house.home.heartbeat / "main.jsonl").write_bytes(deep)
    with max(house.home.alerts.iterdir()).open("ab") as log:
        log.write(deep)
    house.home.rules.write_text("x = " + "[" * 9_000)
    for command in (
        ("status",),
        ("health",),
        ("tail", "--no-follow"),
        ("facts",),
        ("rules", "list"),
    ):
        code, said = monitor(house.home.root, *command)
        assert code in DOCUMENTED
        assert said


@pytest.mark.parametrize("told", ["²", "½", "-5", "1e9", ""])
def test_a_time_to_wait_that_is_no_number_is_none(told: str) -> None:
    answer = read(Page(429, {"retry-after": told}, b"", complete=True))
    assert (answer.status, answer.retry_after_seconds) == ("rate_limited", None)


def test_a_name_is_no_formula_and_steers_no_terminal_in_csv() -> None:
    names = ["=cmd|' /C calc'!A0", "@x", "+1", "-1", "\x1b[2J", "pnl.daily"]
    fields = [Field(name=name, unit="", whole=None, values=[]) for name in names]
    text = csv_text(Metrics(since="", until="", every_seconds=1.0, agg=Agg.MEAN, fields=fields))
    assert text == "time,'=cmd|' /C calc'!A0,'@x,'+1,'-1,\\x1b[2J,pnl.daily\n"


def test_what_does_not_show_is_an_escape_in_json() -> None:
    said = "é₹\u202e\xad\U000e0041\U0001f600\x7f"
    out = io.StringIO()
    with redirect_stdout(out):
        show_json(said)
    assert out.getvalue() == '"é₹\\u202e\\u00ad\\udb40\\udc41\U0001f600\\u007f"\n'
    assert msgspec.json.decode(out.getvalue()) == said
