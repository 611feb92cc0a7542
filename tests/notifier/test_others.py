"""The inward watch: who is dead, for how long before it is told, and when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evaluator.instant import Instant
from monitoring.config import Config
from monitoring.state import ProcessState, write_state
from notifier.message import News
from notifier.others import Others


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


PERIODS = {"collector": "interval_seconds", "scheduler": "evaluate_seconds"}


class Table:
    """A process table: all live but those named."""

    def __init__(self) -> None:
        self.dead: set[int] = set()

    def lives(self, pid: int, at: Instant, now: Instant) -> bool:
        return pid not in self.dead


PIDS = {"collector": 11, "scheduler": 12}
EACH_SECOND = Config(interval_seconds=1, evaluate_seconds=1)


class Story:
    """Looks once a second; both processes write their state each second unless stopped."""

    def __init__(
        self, folder: Path, open_: dict[str, str] | None = None, config: Config = EACH_SECOND
    ) -> None:
        self.config = config
        self.folder = folder
        self.table = Table()
        self.silent: set[str] = set()
        self.now = 0
        self.others = Others(folder, "main", self.table, open_ or {}, at(0))
        folder.mkdir(exist_ok=True)

    def pass_(self, seconds: int) -> list[tuple[int, News]]:
        told = []
        for _ in range(seconds):
            self.now += 1
            for process, pid in PIDS.items():
                if pid not in self.table.dead and process not in self.silent:
                    self._write(process, pid)
            told += [(self.now, news) for news in self.others.look(at(self.now))]
        return told

    def _write(self, process: str, pid: int) -> None:
        now = at(self.now)
        state = ProcessState(
            process=process, pid=pid, version="0", started=now, updated=now, home="/",
            config=self.config,
        )  # fmt: skip
        write_state(self.folder, state)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "state")


def test_a_process_that_is_gone_is_told_after_15_seconds_once_and_so_is_its_return(
    story: Story,
) -> None:
    assert story.pass_(20) == []
    story.table.dead.add(PIDS["scheduler"])
    assert story.pass_(15) == []
    ((when, news),) = story.pass_(60)
    assert when == 36
    assert (news.rule, news.severity) == ("notifier_sees_scheduler_dead", "CRITICAL")
    assert news.message == "the scheduler is not running: pid 12 is no longer there"
    assert news.todo == "start it again: `make run`, or your supervisor"
    assert story.others.standing[news.rule].incident == news.incident
    story.table.dead.clear()
    ((when, end),) = story.pass_(60)
    assert story.others.standing == {}
    assert (when, end.over, end.incident) == (96, True, news.incident)
    story.table.dead.add(PIDS["scheduler"])
    ((_, again),) = story.pass_(60)
    assert again.incident != news.incident


def test_a_process_that_hangs_is_told_when_health_says_so(story: Story) -> None:
    story.pass_(20)
    story.silent.add("collector")
    ((when, news),) = story.pass_(60)
    assert 20 + 7 < when <= 20 + 7 + 1 + 1, "2 × 1 s + 5 s of silence, and a second more"
    assert news.rule == "notifier_sees_collector_dead"
    assert news.message.startswith("the collector hangs")
    assert news.todo is not None
    assert "kill -9 11" in news.todo


@pytest.mark.fault("N5")
@pytest.mark.parametrize("process", ["collector", "scheduler"])
def test_with_the_default_settings_one_that_hangs_is_told_within_30_seconds_and_a_slow_one_is_not(
    tmp_path: Path, process: str
) -> None:
    story = Story(tmp_path / "state", config=Config())
    cycle = round(getattr(Config(), PERIODS[process]))
    story.pass_(20)
    for _ in range(5):  # one cycle left out, then it writes again
        story.silent.add(process)
        assert story.pass_(2 * cycle - 1) == []
        story.silent.clear()
        assert story.pass_(1) == []
    story.silent.add(process)
    ((when, news),) = story.pass_(60)
    assert when - (story.now - 60) <= 27
    assert news.message.startswith(f"the {process} hangs")


def test_a_restart_within_the_patience_is_told_to_nobody(story: Story) -> None:
    story.pass_(20)
    for _ in range(5):
        story.table.dead |= {11, 12}
        assert story.pass_(12) == []
        story.table.dead.clear()
        assert story.pass_(3) == []


def test_at_its_own_start_the_others_get_their_time(story: Story) -> None:
    story.table.dead |= {11, 12}
    assert story.pass_(15) == []
    told = story.pass_(10)
    assert sorted(news.rule for _, news in told) == [
        "notifier_sees_collector_dead",
        "notifier_sees_scheduler_dead",
    ]
    assert all("never ran" in news.message for _, news in told)


@pytest.mark.fault("N5")
def test_a_machine_that_slept_is_no_death(story: Story) -> None:
    story.pass_(20)
    story.now += 3600  # every state file is now an hour old
    story.silent |= {"collector", "scheduler"}
    assert story.pass_(10) == []
    story.silent.clear()
    assert story.pass_(60) == []


def test_what_was_told_before_a_restart_of_the_notifier_is_not_told_again_and_its_end_is(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path / "state", {"notifier_sees_collector_dead": "0199"})
    story.table.dead.add(PIDS["collector"])
    assert story.pass_(15) == []
    assert story.others.standing == {}
    assert story.pass_(45) == []
    assert story.others.standing["notifier_sees_collector_dead"].incident == "0199"
    story.table.dead.clear()
    ((_, end),) = story.pass_(60)
    assert (end.over, end.incident) == (True, "0199")


def test_a_state_file_that_can_not_be_understood_is_told(story: Story) -> None:
    story.pass_(20)
    story.silent.add("scheduler")
    (story.folder / "scheduler.json").write_bytes(b"\x00" * 10)
    ((_, news),) = story.pass_(30)
    assert "not to be judged" in news.message
    assert os.fspath(story.folder) in news.message
