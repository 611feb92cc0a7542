"""The yardstick that engines know: setting one Prometheus gauge per value."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping


def gauge_setter(tick: Mapping[str, Mapping[str, object]]) -> Callable[[], None]:
    """Return a call that sets a gauge for each value of `tick`, in multiprocess mode."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # The client chooses its kind of storage while it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    from prometheus_client import Gauge  # noqa: PLC0415 - see above

    gauges = [
        (Gauge(f"engine_{group}_{name}", name, multiprocess_mode="liveall"), float(value))
        for group, fields in tick.items()
        for name, value in fields.items()
        if isinstance(value, (int, float))
    ]

    def set_all() -> None:
        for gauge, value in gauges:
            gauge.set(value)

    return set_all
