"""Requests of the operator: written whole, taken in order, and no file in the spool blocks it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from monitoring.spool import MAX_BYTES, Request, id_in_name, pending, submit


def request(number: int = 1, **changes: object) -> Request:
    made = Request(id=f"r{number}", action="ack", target="breaker", by="asha", at_ms=1000 + number)
    return msgspec.structs.replace(made, **changes)


def faults(folder: Path) -> list[str]:
    return [content for _, content in pending(folder) if isinstance(content, str)]


def test_a_submitted_request_comes_back_whole(tmp_path: Path) -> None:
    sent = request(reason="retraining — ₹", until_ms=99)
    path = submit(tmp_path / "data" / "spool", sent)
    assert pending(tmp_path / "data" / "spool") == [(path, sent)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert id_in_name(path) == "r1"


def test_requests_are_taken_in_the_order_they_were_made(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        submit(tmp_path, request(number, at_ms=9_000_000 + 10**number))
    taken = [one.id for _, one in pending(tmp_path) if isinstance(one, Request)]
    assert taken == ["r1", "r2", "r3"]


def test_no_folder_is_no_request(tmp_path: Path) -> None:
    assert pending(tmp_path / "nowhere") == []


def test_an_id_that_is_no_file_name_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        submit(tmp_path, request(id="../../etc/passwd"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("A8")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a request"),
        (b'{"id":"r1","action":"ack"', "not a request"),
        (b"\0" * 100, "not a request"),
        (b"\xff\xfe{}", "not a request"),
        (b"[" * 60_000, "not a request"),
        (b'{"hello":"world"}', "not a request"),
        (b'{"id":"r1","action":"rm -rf","target":"x","by":"x","at_ms":1}', "not a request"),
        (b"x" * (MAX_BYTES + 1), "too large"),
        (msgspec.json.encode(request(2)), "its name is not that of request 'r2'"),
        (msgspec.json.encode(request(1, reason="x" * 2000)), "longer than 1000"),
    ],
)
def test_a_file_that_is_no_request_is_named_in_words(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "0000000001001-r1.json").write_bytes(content)
    (fault,) = faults(tmp_path)
    assert words in fault


@pytest.mark.fault("A8")
def test_links_pipes_and_folders_are_named_and_never_opened_for_long(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(msgspec.json.encode(request()))
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "1-r1.json").symlink_to(secret)
    os.mkfifo(spool / "2-r2.json")
    (spool / "3-r3.json").mkdir()
    submit(spool, request(4))
    assert len(faults(spool)) == 3
    assert [one.id for _, one in pending(spool) if isinstance(one, Request)] == ["r4"]


def test_temporary_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".0000000001001-r1.json.tmp").write_text("{")
    (tmp_path / "README").write_text("hello")
    assert pending(tmp_path) == []


@pytest.mark.fault("A8")
def test_a_flood_is_taken_in_portions(tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"{number:04d}-x{number}.json").write_text("{")
    assert len(pending(tmp_path)) == 100
    assert len(pending(tmp_path, skip={f"{n:04d}-x{n}.json" for n in range(100)})) == 20
