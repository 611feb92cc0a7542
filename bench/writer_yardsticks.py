"""The yardsticks of `record_tick`: other ways for an engine to say the same 15 values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import msgspec

Tick = Mapping[str, Mapping[str, object]]
Call = Callable[[], object]


def no_op(_tick: Tick, _folder: Path) -> Call:
    """Return a call that does nothing."""
    return lambda: None


def bare_encode(tick: Tick, _folder: Path) -> Call:
    """Return a call that encodes the tick, and that is all."""
    encode = msgspec.json.Encoder().encode
    return lambda: encode(tick)


def loguru_json(tick: Tick, folder: Path) -> Call:
    """Return a call that logs the tick into a file of JSON lines."""
    from loguru import logger  # noqa: PLC0415 -- only the one who asks for it pays for it

    logger.remove()
    logger.add(folder / "loguru.jsonl", serialize=True)
    told = logger.bind(**tick)
    return lambda: told.info("tick")


def file_per_tick(tick: Tick, folder: Path) -> Call:
    """Return a call that writes the tick into a new JSON file; nothing is synced or renamed."""
    encode = msgspec.json.Encoder().encode
    numbers = count()

    def write() -> None:
        with open(folder / f"tick_{next(numbers)}.json", "wb") as file:
            file.write(encode(tick))

    return write


def prometheus_gauges(tick: Tick, folder: Path) -> Call:
    """Return a call that sets a Prometheus gauge for each value, in multiprocess mode."""
    # The client chooses its kind of storage while it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import Gauge  # noqa: PLC0415 - see above

    gauges = [
        (Gauge(f"engine_{name}", name, multiprocess_mode="liveall").set, value)
        for name, value in _values(tick)
    ]

    def set_all() -> None:
        for set_one, value in gauges:
            set_one(value)

    return set_all


def opentelemetry_gauges(tick: Tick, _folder: Path) -> Call:
    """Return a call that sets an OpenTelemetry gauge for each value; none of it is exported."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 -- slow to import
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 -- as above

    meter = MeterProvider(metric_readers=[InMemoryMetricReader()]).get_meter("engine")
    gauges = [(meter.create_gauge(f"engine_{name}").set, value) for name, value in _values(tick)]

    def set_all() -> None:
        for set_one, value in gauges:
            set_one(value)

    return set_all


def _values(tick: Tick) -> Iterator[tuple[str, float]]:
    for group, fields in tick.items():
        for name, value in fields.items():
            if isinstance(value, (int, float)):
                yield f"{group}_{name}", float(value)
