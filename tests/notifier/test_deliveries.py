"""The deliveries log: its fold is the whole state, whatever was torn, rotated or set back."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evaluator.instant import Instant
from notifier.deliveries import DeliveryLog, files, fold
from notifier.ledger import Record, State
from notifier.records import Dead, Failed, Mark, Passed, Planned, Sent

NOON_MS = 1_760_250_600_000  # 2025-10-12 12:00 IST
DAY = 86_400


def at(seconds: float) -> Instant:
    return Instant(NOON_MS + round(seconds * 1000), round((10**6 + seconds) * 1e9), "boot")


def planned(seq: int, seconds: float = 0, *, over: bool = False, incident: str = "i") -> Planned:
    why = "resolved" if over else "new"
    return Planned(
        at=at(seconds), incident=incident, step=f"{seq}-{why}", engine="main", rule="r",
        severity="CRITICAL", why=why, over=over, alert_at=at(seconds), title="t", text="₹",
        channels=("a", "b"), mark=Mark(seq, seq),
    )  # fmt: skip


def sent(of: Planned, channel: str, seconds: float = 0) -> Sent:
    return Sent(at=at(seconds), key=of.key(channel), attempts=1, late_ms=3)


class NoSpare:
    def release(self) -> bool:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deliveries"


def opened(folder: Path, keep_days: int = 90) -> DeliveryLog:
    log = DeliveryLog(folder, ZoneInfo("Asia/Kolkata"), keep_days, NoSpare())
    log.open()
    return log


FIRST, SECOND = planned(1), planned(2, over=True)
STORY: list[Record] = [
    Passed(at=at(0), mark=Mark(0, 0), reason="it begins"),
    FIRST,
    sent(FIRST, "a"),
    Failed(at=at(1), key=FIRST.key("b"), attempts=1, reason="HTTP 500", again_ms=NOON_MS + 2),
    SECOND,
    Dead(at=at(2), key=FIRST.key("b"), attempts=2, reason="HTTP 400"),
    sent(SECOND, "a"),
]


def state_after(records: list[Record]) -> State:
    state = State()
    for record in records:
        state.take(record)
    return state


def known_by(state: State) -> dict[str, list[str]]:
    return {incident: known.channels for incident, known in state.told.items()}


def same(one: State, other: State) -> bool:
    def plain(state: State) -> bytes:
        return msgspec.json.encode(msgspec.to_builtins(state), order="sorted")

    return plain(one) == plain(other)


@pytest.mark.fault("N3")
def test_cut_at_any_byte_the_state_is_that_of_its_whole_lines_and_the_next_line_is_whole(
    folder: Path,
) -> None:
    log = opened(folder)
    for record in STORY:
        log.append([record])
    log.close()
    (path,) = files(folder)
    data = path.read_bytes()
    lines = data.split(b"\n")
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        whole = data[:cut].count(b"\n")
        begun = data[:cut].rpartition(b"\n")[2]
        whole += begun != b"" and begun == lines[whole]  # whole but for its newline
        # The line that a file begins with holds the record after it too.
        expected = state_after(STORY[: max(whole - 1, min(whole, 1))])
        folded, _ = fold(folder)
        assert folded.mark == expected.mark
        assert known_by(folded) == known_by(expected)
        assert [*folded.outstanding] == [*expected.outstanding]
        if cut % 397 == 0:  # each takes a sync
            healed = opened(folder)
            healed.append([planned(9, incident="next")])
            healed.close()
            assert fold(folder)[0].mark == Mark(9, 9)
            assert path.read_bytes().startswith(data[:cut])


def test_a_new_day_begins_with_the_state_so_that_the_old_file_may_go(folder: Path) -> None:
    log = opened(folder)
    for record in STORY[:5]:
        log.append([record])
    log.append([sent(SECOND, "a", DAY)])
    old, new = files(folder)
    assert (old.name, new.name) == ("2025-10-12.jsonl", "2025-10-13.jsonl")
    old.unlink()
    state, spoilt = fold(folder)
    assert spoilt == 0
    assert [*state.outstanding] == [FIRST.key("b"), SECOND.key("b")]
    assert state.outstanding[FIRST.key("b")].attempts == 1
    assert state.mark == Mark(2, 2)


def test_a_file_of_the_version_that_kept_no_last_words_is_gone_on_from(folder: Path) -> None:
    folder.mkdir()
    instant = msgspec.json.encode(at(0)).decode()
    told = '"told":{"i":{"rule":"r","channels":["a"]}}'
    state = f'{{"begun":true,"mark":null,"outstanding":{{}},{told},"dead":[]}}'
    carry = f'{{"kind":"carry","at":{instant},"state":{state},"timestamp":""}}\n'
    (folder / "2025-10-12.jsonl").write_text(carry)
    log = opened(folder)
    assert log.spoilt == 0
    log.append([planned(2, over=True)])
    assert (log.state.told, log.state.ended) == ({}, [])
    assert [one.channel for one in log.state.outstanding.values()] == ["a", "b"]


def test_a_clock_that_was_set_back_over_midnight_goes_on_in_the_newest_file(folder: Path) -> None:
    log = opened(folder)
    log.append([planned(1, DAY)])
    log.append([planned(2, 0)])
    assert [path.name for path in files(folder)] == ["2025-10-13.jsonl"]
    assert fold(folder)[0].mark == Mark(2, 2)


def test_files_past_their_days_go_and_a_clock_years_ahead_takes_only_two(folder: Path) -> None:
    log = opened(folder, keep_days=3)
    for day in range(6):
        log.append([planned(day + 1, day * DAY)])
    assert [path.stem[-2:] for path in files(folder)] == ["14", "15", "16", "17"]
    log.append([planned(9, 4000 * DAY)])
    assert [path.stem[-2:] for path in files(folder)[:-1]] == ["16", "17"]


def test_a_file_that_somebody_removed_is_made_again_with_all_that_is_known(folder: Path) -> None:
    log = opened(folder)
    log.append(STORY[:2])
    files(folder)[0].unlink()
    log.append([sent(FIRST, "a")])
    state, _ = fold(folder)
    assert [*state.outstanding] == [FIRST.key("b")]


def test_what_stands_in_the_files_place_is_said_and_the_state_goes_on(folder: Path) -> None:
    log = opened(folder)
    (folder / "2025-10-12.jsonl").mkdir(parents=True)
    log.append([FIRST])
    assert log.error == "the deliveries log can't be written: Is a directory"
    assert (log.held, [*log.state.outstanding]) == (1, [FIRST.key("a"), FIRST.key("b")])
    (folder / "2025-10-12.jsonl").rmdir()
    log.flush()
    assert (log.held, log.error) == (0, None)
    assert [*fold(folder)[0].outstanding] == [FIRST.key("a"), FIRST.key("b")]


def test_who_could_not_be_told_of_the_firing_is_not_told_of_the_end() -> None:
    state = state_after([FIRST, Dead(at=at(0), key=FIRST.key("b"), attempts=1, reason="no")])
    assert state.told["i"].channels == ["a"]
    assert [letter.channel for letter in state.dead_of("b", at(1))] == ["b"]
    assert state.dead_of("b", at(DAY + 1)) == []


def test_a_record_that_is_there_twice_changes_nothing_more() -> None:
    twice = [record for record in STORY for _ in range(2)]
    assert same(state_after(STORY), state_after(twice))
