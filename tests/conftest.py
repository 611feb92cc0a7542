"""What holds for every test."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

NUMBER = pytest.StashKey[int]()

# A busy machine is slow, and slowness is not what these tests are about. A build is green or red
# by its change, not by the dice: `--hypothesis-profile=search` looks for new examples, ten times as
# many; `--hypothesis-seed=…` elsewhere each time.
settings.register_profile(
    "search",
    max_examples=1_000,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "steady", settings.get_profile("search"), max_examples=100, derandomize=True
)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks, and heed Ctrl-C and hang-up, so that the processes under test do.

    A suite that was started in the background ignores them, and so does what it starts.
    """
    for mark in (
        "fault(row, …): injects this row's fault of docs/faults.md; `make faults` runs these",
        "long: takes too long for `make test`; `make faults` runs it",
    ):
        config.addinivalue_line("markers", mark)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Number the tests of each file."""
    numbers: Counter[str] = Counter()
    for item in items:
        item.stash[NUMBER] = numbers[item.nodeid.partition("::")[0]]
        numbers[item.nodeid.partition("::")[0]] += 1


@pytest.fixture(autouse=True)
def measured_now_and_then(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let coverage follow the processes of every third test of a file alone.

    A process that it follows takes twice as long to start, and the next test starts the same.
    """
    if request.node.stash[NUMBER] % 3:
        for name in [name for name in os.environ if name.startswith("COV")]:
            monkeypatch.delenv(name)
