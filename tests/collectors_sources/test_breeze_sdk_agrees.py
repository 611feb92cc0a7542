from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.breeze_probe import Question, Status, ask
from tests.breeze_stub import APP_KEY, EXPIRED_KEY, PLAIN, SESSION_KEY, Stub

SCRIPT = Path(__file__).parent / "sdk_session.py"
NO_SDK = "the official SDK is not installed (pip install breeze-connect)"

SAME_WORD: dict[Status, str] = {
    "authenticated": "SESSION ACCEPTED",
    "session_expired": "Session key is expired.",
    "bad_app_key": "Please check api key.",
    "bad_session": "Please check session key.",
}
"""What each verdict of ours is in the SDK's words."""

MORE = ("half_json", "half_json_no_length", "redirect", "echo")
WE_ARE_STRICTER = {"redirect"}
"""The SDK follows redirects, with the keys in its hands."""


def sdk_says(stub: Stub, folder: Path, app_key: str, session_key: str, *scenarios: str) -> object:
    if importlib.util.find_spec("breeze_connect") is None:
        pytest.skip(NO_SDK)
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), stub.url, app_key, session_key, *scenarios],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_probe_and_official_sdk_agree_on_every_answer(stub: Stub, tmp_path: Path) -> None:
    scenarios = (*PLAIN, *MORE)
    said = sdk_says(stub, tmp_path, APP_KEY, SESSION_KEY, *scenarios)
    assert isinstance(said, dict)

    differ = {}
    for scenario in scenarios:
        ours = ask(Question(f"{stub.url}/{scenario}", APP_KEY, SESSION_KEY, 60))
        word = SAME_WORD.get(ours.status)
        agree = (
            word in said[scenario]
            if word is not None
            else not any(one in said[scenario] for one in SAME_WORD.values())
        )
        if not agree:
            differ[scenario] = (ours, said[scenario])

    assert set(differ) == WE_ARE_STRICTER, differ


@pytest.mark.parametrize(
    ("app_key", "session_key", "status"),
    [
        (APP_KEY, SESSION_KEY, "authenticated"),
        (APP_KEY, EXPIRED_KEY, "session_expired"),
        (APP_KEY, "typo", "bad_session"),
        ("typo", SESSION_KEY, "bad_app_key"),
    ],
)
def test_probe_and_official_sdk_agree_on_real_keys(
    stub: Stub, tmp_path: Path, app_key: str, session_key: str, status: Status
) -> None:
    said = sdk_says(stub, tmp_path, app_key, session_key, "keys")
    ours = ask(Question(f"{stub.url}/keys", app_key, session_key, 60))

    assert isinstance(said, dict)
    assert ours.status == status
    assert SAME_WORD[status] in said["keys"]
    by_sdk, by_us = [body for path, _, body in stub.requests if path.endswith("customerdetails")]
    assert by_sdk == by_us
