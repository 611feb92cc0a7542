"""Run many `monitor` commands in one process, each as `main` runs it; argv is JSON on stdin."""

from __future__ import annotations

import io
import json
import sys

from scripts.monitor import main

for number, (arguments, said) in enumerate(json.load(sys.stdin)):
    sys.stdin = io.StringIO(said)
    sys.argv = ["monitor", *arguments]
    print(f"--- {number}", flush=True)  # noqa: T201 -- a program's output
    try:
        main()
    except SystemExit as end:
        print(f"--- {number} exit {end.code}", flush=True)  # noqa: T201 -- as above
