"""The operator's requests to the scheduler: one small file each, taken in the order of names."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from evaluator.instant import WallMs
from monitoring.atomic import make_folder, write_atomic
from monitoring.market_override import MarketOverride

MAX_BYTES = 65_536
MAX_TEXT = 1_000
"""Longest target, name or reason (characters) that is taken."""

_NAME = re.compile(r"(\d{1,16})-([0-9A-Za-z_-]{1,64})\.json")


Action = Literal["ack", "unack", "silence", "expire", "market"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Acknowledge an alert, or take that back; silence alerts for a while, or end a silence;
    change the market's sessions.

    `target` is an incident's id, the first four or more characters of one, or a rule with an open
    incident; of a silence also any rule, or a severity; to expire one, the beginning of its id.
    `until_ms` (POSIX ms) is when an acknowledgement ends (None: see `ends_ms` of
    `evaluator.acknowledgement`), or a silence, which has no end of its own.
    `market` is what to do with the sessions, and `target` then names it to the reader.
    """

    id: str
    action: Action
    target: str
    by: str
    reason: str | None = None
    until_ms: WallMs | None = None
    at_ms: WallMs
    market: MarketOverride | None = None


def submit(folder: Path, request: Request) -> Path:
    """Write a request for the scheduler and return its file. Raises OSError, ValueError."""
    path = folder / f"{request.at_ms:013d}-{request.id}.json"
    if _NAME.fullmatch(path.name) is None:
        raise ValueError(f"a request's id is 1 to 64 letters, digits, - and _: not {request.id!r}")
    make_folder(folder)
    write_atomic(path, msgspec.json.encode(request))
    return path


def pending(
    folder: Path, limit: int = 100, skip: Collection[str] = ()
) -> list[tuple[Path, Request | str]]:
    """Return the first `limit` requests by name; a file that is none comes with why, in words.

    Names in `skip` are left out. Raises OSError when the folder can't be listed; a folder that
    isn't there holds no request.
    """
    try:
        listed = (name for name in os.listdir(folder) if name not in skip)
        names = sorted(name for name in listed if _is_request(name))
    except FileNotFoundError:
        return []
    found: list[tuple[Path, Request | str]] = []
    for name in names[:limit]:
        taken = _read(folder / name)
        if taken is not None:
            found.append((folder / name, taken))
    return found


def id_in_name(path: Path) -> str | None:
    """Return the request id that a file name holds, so that even a torn request has an answer."""
    match = _NAME.fullmatch(path.name)
    return match[2] if match else None


def _is_request(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _read(path: Path) -> Request | str | None:
    """Return the request, why it is none, or None when it is gone."""
    try:
        # Neither follows a link out of the folder nor waits for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"not a file that can be read ({error.strerror})"
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if status.st_size > MAX_BYTES:
            return f"{status.st_size} bytes are too large for a request (at most {MAX_BYTES})"
        data = os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)
    try:
        request = msgspec.json.decode(data, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return f"not a request ({error})"
    if id_in_name(path) != request.id:
        return f"its name is not that of request {request.id[:64]!r}"
    if max(len(request.target), len(request.by), len(request.reason or "")) > MAX_TEXT:
        return f"a text in it is longer than {MAX_TEXT} characters"
    return request
