"""Bars: read from a folder or made up; a folder that can't be used is refused in words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scripts.paper.bars import MINUTES, Bar, BarsError, read_days, simulate_day

HEADER = "timestamp,open,high,low,close,volume\n"


def write(folder: Path, symbol: str, *rows: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{symbol}_1m.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))


def test_bars_become_minutes_in_order_with_prices_in_paise(tmp_path: Path) -> None:
    write(
        tmp_path,
        "TCS",
        "2015-08-24T09:17:00+05:30,101,102,100.05,100.5,0",
        "2015-08-24T09:16:00+05:30,100,101,99.5,101,7",
    )
    write(tmp_path, "INFY", "2015-08-24T09:16:00,50,50,50,50,0")

    (day,) = read_days(tmp_path)

    assert day.symbols == ["INFY", "TCS"]
    assert [f"{minute.at:%H:%M}" for minute in day.minutes] == ["09:16", "09:17"]
    assert day.minutes[0].bars == {"TCS": Bar(10000, 10100, 9950, 10100), "INFY": Bar(*[5000] * 4)}
    assert day.minutes[1].bars["TCS"].low == 10005


def test_the_default_day_is_that_of_the_largest_fall_and_the_later_days_follow(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        "TCS",
        "2015-08-21T09:16:00+05:30,100,100,99,99,0",
        "2015-08-24T09:16:00+05:30,100,100,94,95,0",
        "2015-08-25T09:16:00+05:30,100,104,100,104,0",
    )

    assert [str(day.date) for day in read_days(tmp_path)] == ["2015-08-24", "2015-08-25"]
    assert len(read_days(tmp_path, date(2015, 8, 21))) == 3


def test_a_day_without_bars_is_refused_with_the_days_that_have_some(tmp_path: Path) -> None:
    write(tmp_path, "TCS", "2015-08-24T09:16:00+05:30,100,100,94,95,0")

    with pytest.raises(BarsError, match=r"no bars on 2015-08-23 .* choose one of 2015-08-24"):
        read_days(tmp_path, date(2015, 8, 23))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match=r"not a folder: give --bars a folder of <SYMBOL>_1m\.csv"):
        read_days(tmp_path / "nowhere")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no bars here")

    with pytest.raises(BarsError, match=r"holds no <SYMBOL>_1m\.csv file"):
        read_days(tmp_path)


def test_headers_without_bars_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "TCS")

    with pytest.raises(BarsError, match="hold no bars, only headers"):
        read_days(tmp_path)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "TCS_1m.csv").write_text("timestamp,open,close\n")

    with pytest.raises(BarsError, match="lacks the columns high, low"):
        read_days(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        "yesterday,100,100,94,95,0",
        "2015-08-24T09:16:00+05:30,100,100,94,a lot,0",
        "2015-08-24T09:16:00+05:30,100,100,94,NaN,0",
        "2015-08-24T09:16:00+05:30,100,100,94,Infinity,0",
        "2015-08-24T09:16:00+05:30,100,100,94,-95,0",
        "2015-08-24T09:16:00+05:30,100,99,94,95,0",
        "2015-08-24T09:16:00+05:30,100",
    ],
)
def test_a_row_that_is_no_bar_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    write(tmp_path, "TCS", "2015-08-24T09:15:00+05:30,100,100,94,95,0", row)

    with pytest.raises(BarsError, match=r"TCS_1m\.csv, line 3: not a bar"):
        read_days(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "TCS_1m.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BarsError, match="can't be read"):
        read_days(tmp_path)


def test_a_made_up_day_is_the_same_for_the_same_seed_and_ends_badly() -> None:
    day = simulate_day(7, date(2025, 10, 13))

    assert day == simulate_day(7, date(2025, 10, 13))
    assert day != simulate_day(8, date(2025, 10, 13))
    assert len(day.minutes) == MINUTES
    for symbol in day.symbols:
        bars = [minute.bars[symbol] for minute in day.minutes]
        assert bars[-1].close < 0.97 * bars[0].open
        assert all(0 < bar.low <= min(bar.open, bar.close) <= bar.high for bar in bars)
