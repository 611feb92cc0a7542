from __future__ import annotations

import csv
import io
import json
import shutil

import pytest

from monitoring.history import History
from monitoring.snapshot import Window, file_name
from monitoring.snapshots import SnapshotStore
from scripts.cli.metric_series import Span, collect
from scripts.cli.metric_tables import Agg, csv_text, metrics_of, summary_lines, table_lines
from scripts.cli.metrics import fitting_ms
from scripts.cli.terminal import PLAIN, render
from scripts.cli.words import zone

IST = zone("Asia/Kolkata")
MINUTE = 60_000


@pytest.fixture
def hour(house):
    """Six snapshots, ten minutes apart, P&L 100, 200, …, 600; no window statistics."""
    for number in range(6):
        house.snapshot(
            seconds_ago=600.0 * (5 - number) + 1,
            pnl={"daily": 100.0 * (number + 1)},
            window=Window(),
        )
    return house


def span_of(house, minutes: int = 60, every: int = 10) -> Span:
    return Span(house.at.wall_ms - minutes * MINUTE, house.at.wall_ms + 1, every * MINUTE)


def values(found, field: str = "pnl.daily") -> list[float]:
    return [point.last for _, point in sorted(found.stretches[field].items())]


def index(house, most: int | None = None) -> None:
    store = SnapshotStore(house.home.snapshots)
    history = History(house.home.history)
    history.open()
    rows = [(name, store.read(name)) for name in store.names_after(None)]
    history.add(rows[:most])
    history.close()


def test_without_an_index_the_snapshots_themselves_are_read(hour) -> None:
    found = collect(hour.home, ["pnl.daily"], span_of(hour))
    assert values(found) == [100.0, 200.0, 300.0, 400.0, 500.0, 600.0]


@pytest.mark.parametrize("indexed", [1, 3, 6])
def test_what_is_too_new_for_the_index_is_added_once(hour, indexed: int) -> None:
    index(hour, indexed)
    found = collect(hour.home, ["pnl.daily"], span_of(hour))
    assert values(found) == [100.0, 200.0, 300.0, 400.0, 500.0, 600.0]
    assert sum(point.count for point in found.stretches["pnl.daily"].values()) == 6


def test_a_damaged_index_is_said_and_done_without(hour) -> None:
    hour.home.history.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    found = collect(hour.home, ["pnl.daily"], span_of(hour))
    assert found.note is not None
    assert values(found) == [100.0, 200.0, 300.0, 400.0, 500.0, 600.0]


def test_progress_is_told_while_many_snapshots_are_read(house) -> None:
    house.snapshot(seconds_ago=600)
    [first] = house.home.snapshots.iterdir()
    for number in range(500):
        shutil.copy(first, house.home.snapshots / file_name(house.at.wall_ms - 500 + number))
    told: list[int] = []
    collect(house.home, ["pnl.daily"], span_of(house), progress=told.append)
    assert told == [500]


def test_the_table_has_a_line_a_field_and_a_sparkline(hour, golden) -> None:
    fields = ["pnl.daily", "orders.placed", "performance.tick_latency_ms"]
    span = span_of(hour)
    answer = metrics_of(fields, collect(hour.home, fields, span).stretches, span, Agg.MEAN, IST)
    lines = [*summary_lines(answer, PLAIN), [], *table_lines(answer)]
    golden("metrics_table.txt", "".join(render(line, PLAIN) + "\n" for line in lines))


def test_csv_has_a_column_a_field_and_blanks_without_data(hour) -> None:
    fields = ["pnl.daily", "performance.tick_latency_ms"]
    span = span_of(hour, every=5)
    answer = metrics_of(fields, collect(hour.home, fields, span).stretches, span, Agg.LAST, IST)
    rows = list(csv.reader(io.StringIO(csv_text(answer))))
    assert rows[0] == ["time", *fields]
    assert {row[2] for row in rows[1:]} == {""}
    assert [row[1] for row in rows[1:] if row[1]] == [f"{n}00.0" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("hours", "step_minutes"), [(1, 1), (6, 5), (24, 30), (168, 180), (24 * 365, 10_080)]
)
def test_a_stretch_fits_the_length_of_the_span(hours: int, step_minutes: int) -> None:
    assert fitting_ms(hours * 60 * MINUTE) == step_minutes * MINUTE


def test_the_command_prints_json_csv_and_table(hour, monitor) -> None:
    since = "2025-10-12T09:42:00+05:30"
    until = "2025-10-12T10:43:00+05:30"
    when = ("--since", since, "--until", until)
    said = json.loads(monitor("metrics", "pnl.*", *when, "--every", "10m", "--json").stdout)
    assert said["agg"] == "mean"
    assert said["every_seconds"] == 600.0
    assert [field["name"] for field in said["fields"]] == ["pnl.daily"]
    assert set(said["fields"][0]) == {"name", "unit", "whole", "values"}
    assert monitor("metrics", *when, "--format", "csv").stdout.startswith("time,pnl.daily,risk.")
    table = monitor("metrics", *when, "--every", "10m", "--agg", "max").stdout
    assert "max of every 10m" in table
    assert "600" in table


def test_fields_are_listed_and_unknown_ones_refused_with_the_nearest(hour, monitor) -> None:
    assert "pnl.daily" in monitor("metrics", "--list").stdout
    listed = json.loads(monitor("metrics", "--list", "--json").stdout)
    assert {"name": "pnl.daily", "unit": "₹"} in listed
    done = monitor("metrics", "pnl.dialy")
    assert done.returncode == 2
    assert "Did you mean pnl.daily?" in done.stderr


def test_a_span_that_ends_before_it_begins_is_refused(hour, monitor) -> None:
    assert monitor("metrics", "--since", "now", "--until", "1h").returncode == 2
    assert monitor("metrics", "--every", "often").returncode == 2


def test_no_values_in_the_time_are_said(hour, monitor) -> None:
    done = monitor("metrics", "--since", "1h")
    assert done.returncode == 0
    assert "No values in that time" in done.stderr
    assert "no data" in done.stdout


def test_a_field_that_only_the_index_knows_is_found(house, monitor) -> None:
    house.snapshot(custom={"spread_bps": 3.1})
    index(house)
    house.snapshot(custom={}, seconds_ago=0.0)
    when = ("--since", "2025-10-12", "--until", "2025-10-13")
    assert "3.1" in monitor("metrics", "custom.spread_bps", *when).stdout


def test_before_anything_ever_ran_metrics_ends_with_3(monitor) -> None:
    assert monitor("metrics").returncode == 3
