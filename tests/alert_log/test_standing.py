"""Silences, who was told, and what was over lately are in the log, over dates and versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.flapping import over
from evaluator.incident import Told, Transition
from evaluator.silence import Silence
from monitoring.alert_entry import of_silence
from monitoring.alert_log import AlertLog, fold

NewLog = Callable[[], AlertLog]
Make = Callable[..., Any]
DAY = 86_400


def silence(at: Make, id_: str, hours: float = 48) -> Silence:
    begin = at(0).wall_ms
    return Silence(
        id=id_, by="asha", reason="ब्रेक", rule="a", starts_ms=begin,
        ends_ms=begin + round(hours * 3_600_000),
    )  # fmt: skip


def test_silences_are_folded_back_exactly_until_they_expire_or_are_ended(
    folder: Path, new_log: NewLog, at: Make
) -> None:
    log = new_log()
    one, two, three = (silence(at, id_) for id_ in "123")
    for each in (one, two, three):
        log.append([of_silence(each, "active", "quiet")], at(1), 1)
    log.append([of_silence(one, "expired", "over"), of_silence(two, "ended", "enough")], at(2), 1)
    assert fold(folder).silences == {"3": three}
    assert log.written.silences == {"3": three}


def test_a_new_date_carries_silences_and_the_older_file_may_go(
    folder: Path, new_log: NewLog, at: Make, change: Make
) -> None:
    log = new_log()
    log.append([of_silence(silence(at, "1"), "active", "quiet"), change("a")], at(1), 1)
    log.append([change("b", DAY)], at(DAY), 2)
    (folder / "2025-10-12.jsonl").unlink()
    folded = fold(folder)
    assert folded.silences == {"1": silence(at, "1")}
    assert sorted(folded.states) == ["a", "b"]
    assert folded.faults == []


def test_what_was_over_lately_is_carried_beside_what_is_open_and_older_is_not(
    folder: Path, new_log: NewLog, at: Make, change: Make
) -> None:
    log = new_log()

    def ended(rule: str, seconds: float) -> Transition:
        one = change(rule, seconds, "resolved", "resolved")
        resolved = msgspec.structs.replace(
            one.incident, resolved_at=at(seconds), refired=(at(seconds - 9),), clear=None
        )
        return Transition(resolved, at(seconds), "resolved")

    midnight = 12 * 3600
    entries = [ended("old", midnight - 3601), ended("late", midnight - 3000), ended("none", 0)]
    log.append([*entries, change("late", midnight - 1)], at(midnight - 1), 1)
    log.append([change("b", midnight)], at(midnight), 2)
    (folder / "2025-10-12.jsonl").unlink()
    folded = fold(folder)
    assert folded.past == over([entries[1]])
    assert sorted(folded.states) == ["b", "late"]


def test_a_line_of_the_version_before_counts_as_told_and_neither_flaps_nor_is_silent(
    folder: Path, new_log: NewLog, at: Make, change: Make
) -> None:
    log = new_log()
    log.append([change("a"), change("b", 0, "pending", "pending")], at(1), 1)
    log.close()
    (file,) = folder.iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line.pop("silence", None)
        for field in ("told", "refired", "flapping"):
            (line["clock"] or {}).pop(field, None)
        if line["status"] == "pending":
            line["clock"]["fired_at"] = None
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folded = fold(folder)
    assert folded.faults == []
    assert folded.states["a"].told == Told(at(0), "CRITICAL")
    assert folded.states["b"].told is None
    assert (folded.states["a"].refired, folded.states["a"].flapping) == ((), False)


def test_that_nobody_was_told_is_written_down_too(
    folder: Path, new_log: NewLog, at: Make, change: Make
) -> None:
    new_log().append([change("a")], at(1), 1)
    assert fold(folder).states["a"].told is None


@pytest.mark.parametrize("status", ["active", "expired", "ended"])
def test_a_line_of_a_silence_has_its_words_for_people(
    folder: Path, new_log: NewLog, at: Make, status: Any
) -> None:
    new_log().append([of_silence(silence(at, "1"), status, "quiet")], at(1), 1)
    (file,) = folder.iterdir()
    line = json.loads(file.read_text().splitlines()[-1])
    assert (line["kind"], line["status"], line["rule"], line["id"]) == ("silence", status, "a", "1")
    assert line["message"] == "a: silence 1 by asha: ब्रेक"
