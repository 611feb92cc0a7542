from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from monitoring.aside import Aside


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Held back until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def result_of(aside: Aside[int]) -> int:
    until = time.monotonic() + 60
    while (result := aside.take()) is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    return result


def test_while_a_call_is_under_way_no_other_is_begun(held: threading.Event) -> None:
    aside: Aside[bool] = Aside("test")

    assert aside.begin(held.wait)
    assert aside.busy
    assert not aside.begin(held.wait)
    assert aside.take() is None


def test_a_call_whose_result_lies_ready_is_over_though_its_thread_still_tells_of_it(
    held: threading.Event,
) -> None:
    aside: Aside[int] = Aside("test", done=lambda: held.wait() and None)

    assert aside.begin(lambda: 1)
    assert result_of(aside) == 1
    assert not aside.busy
    assert aside.begin(lambda: 2)
    assert result_of(aside) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_raises_blocks_no_later_one() -> None:
    aside: Aside[int] = Aside("test")

    def fail() -> int:
        raise RuntimeError("not expected")

    aside.begin(fail)
    until = time.monotonic() + 60
    while aside.busy:
        assert time.monotonic() < until
        time.sleep(0.001)
    assert aside.begin(lambda: 3)
    assert result_of(aside) == 3
