"""A process that appends one line to an alert log in the folder it is given."""

from __future__ import annotations

import sys
from pathlib import Path

from evaluator.instant import Instant
from monitoring.alert_log import AlertLog, LogLost, Notice

NOON = Instant(1_760_250_600_000, 10**15, "boot")


def main() -> int:
    log = AlertLog(Path(sys.argv[1]), "main", "Asia/Kolkata")
    log.open(NOON)
    try:
        written = log.append([Notice(kind="rule_error", reason="one")], NOON, 1)
    except LogLost as lost:
        sys.stdout.write(f"{lost}\n")
        return 7
    sys.stdout.write(f"{written} {log.held} {log.error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
