"""The state of alerts is the fold of the log, however the log was cut, mangled or dated."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator.incident import States, Transition
from evaluator.instant import Instant
from monitoring.alert_fold import fold, read, scan
from monitoring.alert_line import incident_of
from monitoring.alert_log import AlertLog, Notice

At = Callable[..., Instant]
Change = Callable[..., Transition]
NewLog = Callable[[], AlertLog]
DAY = 86_400


def fill(log: AlertLog, at: At, change: Change, lines: int, rules: int = 7) -> None:
    for number in range(0, lines, 2):
        ends = number % 5 == 4
        log.append(
            [
                change(f"rule_{number % rules}", number, "resolved" if ends else "firing"),
                change(f"rule_{(number + 1) % rules}", number),
            ],
            at(number),
            number,
        )


def states_by_seq(folder: Path) -> dict[int, States]:
    """Return the state after every line, by replaying what `read` yields without the fold."""
    after: dict[int, States] = {0: {}}
    states: States = {}
    for line in read(folder):
        if line.kind == "alert":
            states = dict(states)
            states.pop(line.rule, None)
            if line.status in ("pending", "firing"):
                states[line.rule] = fold_one(line.seq, folder)[line.rule]
        after[line.seq] = states
    return after


def fold_one(seq: int, folder: Path) -> States:
    """Return the incident that one line alone holds."""
    line = next(one for one in read(folder) if one.seq == seq)
    incident = incident_of(line)
    assert incident is not None
    return {incident.rule: incident}


def ends_of_records(data: bytes) -> list[tuple[int, int]]:
    """Return (offset at which a record is whole, its seq) in the order of the file."""
    ends, offset = [], 0
    for raw in data.split(b"\n")[:-1]:
        ends.append((offset + len(raw), scan(raw).lines[0].seq))
        offset += len(raw) + 1
    return ends


@pytest.mark.fault("A1")
def test_a_log_cut_at_every_byte_has_the_state_of_its_longest_valid_prefix(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    fill(log, at, change, 14)
    log.append([change("next_day", DAY)], at(DAY), 99)
    first, second = sorted(folder.iterdir())
    expected = states_by_seq(folder)
    for file in (second, first):
        data = file.read_bytes()
        ends = ends_of_records(data)
        before = max((line.seq for line in scan(first.read_bytes()).lines), default=0)
        start = before if file == second else 0
        for cut in range(len(data), -1, -1):
            os.truncate(file, cut)
            whole = max((seq for end, seq in ends if end <= cut), default=start)
            folded = fold(folder)
            assert folded.seq == whole, cut
            assert folded.states == expected[whole], cut
            assert folded.faults == []
        file.unlink()


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    "size",  # records, letters of a name, bytes from one cut to the next
    [
        (130, 0, 61),
        pytest.param((9, 2_500, 1), marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
    ids=["many records", "every byte"],
)
def test_a_cut_anywhere_in_the_last_64_kib_of_a_long_log_never_invents_a_state(
    folder: Path, new_log: NewLog, at: At, change: Change, size: tuple[int, int, int]
) -> None:
    log = new_log()
    records, letters, step = size
    for number in range(records):
        name = f"rule_{number % 7}".ljust(letters, "x")
        status = "resolved" if number % 5 == 4 else "firing"
        log.append([change(name, number, status)], at(number), number)
    (file,) = folder.iterdir()
    data = file.read_bytes()
    ends = ends_of_records(data)
    expected = states_by_seq(folder)
    assert len(data) > 65_536
    for cut in range(len(data), len(data) - 65_536, -step):
        os.truncate(file, cut)
        whole = max(seq for end, seq in ends if end <= cut)
        folded = fold(folder)
        assert (folded.seq, folded.states) == (whole, expected[whole]), cut


@pytest.mark.fault("A1")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cut=st.integers(0, 9000), tail=st.sampled_from([b"", b"\0" * 700, b'{"id":', b"\xff\xfe"]))
def test_after_any_cut_the_next_append_stands_on_a_fresh_line(
    tmp_path_factory: pytest.TempPathFactory, at: At, change: Change, cut: int, tail: bytes
) -> None:
    folder = tmp_path_factory.mktemp("alerts")
    log = AlertLog(folder, "main", "Asia/Kolkata")
    fill(log, at, change, 10)
    log.close()
    (file,) = folder.iterdir()
    data = file.read_bytes()[:cut] + tail
    file.write_bytes(data)
    before = fold(folder)

    again = AlertLog(folder, "main", "Asia/Kolkata")
    opened = again.open(at(100))
    assert opened.states == before.states
    assert file.read_bytes().startswith(data)
    assert again.append([change("after", 101)], at(101), 5)
    again.close()

    folded = fold(folder)
    assert folded.states == before.states | {"after": change("after", 101).incident}
    assert folded.seq > before.seq
    assert folded.faults == []
    assert file.read_bytes().endswith(b"}\n")


def test_the_first_line_of_a_fresh_log_follows_an_empty_block(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    new_log().append([change("breaker")], at(0), 1)
    assert [line.kind for line in read(folder)] == ["carry_end", "alert"]
    assert [line.seq for line in read(folder)] == [1, 2]


def test_a_new_date_begins_with_what_is_open_and_needs_no_older_file(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a"), change("b"), change("c")], at(0), 1)
    log.append([change("b", 5, "resolved", "resolved")], at(5), 2)
    log.append([change("d", DAY)], at(DAY), 3)
    before = fold(folder)
    assert sorted(before.states) == ["a", "c", "d"]
    assert [line.kind for line in read(folder, after_seq=5)] == [
        "carry", "carry", "carry_end", "alert",
    ]  # fmt: skip

    (folder / "2025-10-12.jsonl").unlink()

    assert fold(folder).states == before.states
    assert before.holding == ["2025-10-13.jsonl"]


@pytest.mark.fault("A6")
def test_an_alert_that_fires_for_longer_than_any_file_is_kept_is_still_there(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("old")], at(0), 1)
    for day in range(1, 100):
        log.append([change("noise", day * DAY, "resolved")], at(day * DAY), day)
        (folder / "2025-10-12.jsonl").unlink(missing_ok=True)
    for file in sorted(folder.iterdir())[:-1]:
        file.unlink()
    assert fold(folder).states == {"old": change("old").incident}


@pytest.mark.fault("A5")
def test_a_clock_set_back_over_midnight_leaves_the_order_to_seq(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a")], at(0), 1)
    log.append([change("b", DAY)], at(DAY), 2)
    log.append([change("a", 60, "resolved"), change("c", 60)], at(60), 3)
    log.close()

    folded = new_log().written
    assert sorted(folded.states) == ["b", "c"]
    assert folded.snapshot == 3
    assert [line.seq for line in read(folder)] == sorted(line.seq for line in read(folder))
    assert sorted(folded.holding) == ["2025-10-12.jsonl", "2025-10-13.jsonl"]


def test_a_torn_block_leaves_the_state_to_the_file_before_and_is_written_again(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a"), change("b")], at(0), 1)
    log.append([change("c", DAY)], at(DAY), 2)
    log.close()
    second = folder / "2025-10-13.jsonl"
    second.write_bytes(second.read_bytes().split(b"\n")[0] + b"\n" + b'{"id":"0199')

    again = new_log()
    assert sorted(again.written.states) == ["a", "b"]
    again.append([change("d", DAY + 1)], at(DAY + 1), 3)

    (folder / "2025-10-12.jsonl").unlink()
    assert sorted(fold(folder).states) == ["a", "b", "d"]


def test_a_block_with_a_mangled_carry_line_is_no_block(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a"), change("b")], at(0), 1)
    log.append([change("c", DAY)], at(DAY), 2)
    second = folder / "2025-10-13.jsonl"
    data = second.read_bytes()
    second.write_bytes(b"\0" * 20 + data[20:])

    folded = fold(folder)
    assert sorted(folded.states) == ["a", "b", "c"]
    (fault,) = folded.faults
    assert fault.startswith("2025-10-13.jsonl: line 1 is not a record")


@pytest.mark.fault("A2")
def test_garbage_in_the_middle_is_skipped_and_named(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a"), change("b"), change("c")], at(0), 1)
    (file,) = folder.iterdir()
    lines = file.read_bytes().split(b"\n")
    lines[2] = b"\xff\x00 not json \x1b[31m"
    file.write_bytes(b"\n".join(lines))

    folded = fold(folder)
    assert sorted(folded.states) == ["a", "c"]
    assert len(folded.faults) == 1
    assert "line 3" in folded.faults[0]
    assert "\x1b" not in folded.faults[0]


def test_strangers_in_the_folder_are_not_read(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    new_log().append([change("a")], at(0), 1)
    (folder / "2099-01-01.jsonl").symlink_to(folder / "2025-10-12.jsonl")
    (folder / "2099-01-02.jsonl").mkdir()
    (folder / "2099-01-03.jsonl.bak").write_text("{}")
    folded = fold(folder)
    assert folded.holding == ["2025-10-12.jsonl"]
    assert folded.faults == []


def test_no_folder_is_an_empty_log(folder: Path) -> None:
    folded = fold(folder)
    assert (folded.states, folded.seq, folded.faults) == ({}, 0, [])
    assert list(read(folder)) == []


def test_requests_that_were_answered_are_known_after_a_restart(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([Notice(kind="request", reason="unknown target")], at(0), 1, request="r1")
    assert log.written.requests == {"r1"}
    assert fold(folder).requests == {"r1"}


def test_a_reader_can_go_on_from_a_seq_and_from_a_time(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    for second in range(5):
        log.append([change("a", second)], at(second), second)
    assert [line.seq for line in read(folder, after_seq=4)] == [5, 6]
    assert [line.seq for line in read(folder, since_ms=at(3).wall_ms)] == [5, 6]


def test_a_line_whose_time_makes_no_sense_does_not_stop_the_fold(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    new_log().append([change("a")], at(0), 1)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"timestamp":"2025', b'"timestamp":"when'))
    assert sorted(fold(folder).states) == ["a"]
