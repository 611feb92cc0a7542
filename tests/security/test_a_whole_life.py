"""After everything has run: who may read what, and where no secret is."""

from __future__ import annotations

import re
import resource
import stat

import pytest

from tests.security import canaries
from tests.security.life import RULE, Life, lived

HOSTILE = "\x1b[2J\x1b]0;theirs\x07\r\nWATCHDOG=1\x9b31m\u202e[bold]<b>,=1+1|`"
FILES, FOLDERS = {0o600, 0o640}, {0o700, 0o750}
UMASKS = (
    pytest.param("000", marks=pytest.mark.fault("O5")),
    pytest.param("077", marks=(pytest.mark.fault("O5"), pytest.mark.long)),
)


@pytest.fixture(scope="module", params=UMASKS)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Life:
    return lived(tmp_path_factory.mktemp("life") / request.param, request.param, HOSTILE)


def test_no_file_and_no_folder_is_open_to_strangers(life: Life) -> None:
    made = [*life.home.root.rglob("*"), *(life.root / "other").rglob("*"), life.root / "other"]
    made.append(life.outputs / "status.svg")
    given = {life.home.rules, life.home.heartbeat / "main.jsonl"}
    wrong = {}
    for path in made:
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if path not in given and mode not in (FOLDERS if path.is_dir() else FILES):
            wrong[str(path)] = oct(mode)
    assert wrong == {}


def test_who_may_only_read_the_home_can_not_hold_a_lock(life: Life) -> None:
    """To lock a file it is enough to have it open for reading (flock(2))."""
    locks = list(life.home.state.glob("*.lock"))
    assert len(locks) == 2
    assert {stat.S_IMODE(one.stat().st_mode) for one in locks} == {0o600}


def test_every_secret_setting_was_given_in_every_place(life: Life) -> None:
    names = list(canaries.secret_settings())
    assert names
    state = life.ground.state("collector")
    assert state is not None
    assert sorted(state.secrets_set) == sorted(names)
    for text in (canaries.toml(), canaries.dotenv(), str(canaries.environment())):
        assert text.count("CANARY") == len(names)


def test_no_secret_is_in_any_file_or_output(life: Life) -> None:
    assert life.ground.snapshots()[-1].breeze.detail is not None
    assert "Breeze says" in life.ground.snapshots()[-1].breeze.detail
    session = life.home.root / "data" / "breeze_session"
    kept = {life.home.settings, life.home.root / ".env", session}
    assert canaries.holding(life.root, kept) == []
    assert len(canaries.holding(life.root)) == len(kept)


def test_a_crash_shows_where_it_was_and_no_secret(life: Life) -> None:
    said = (life.outputs / "collectors.out").read_text()
    assert "Fatal Python error: Aborted" in said
    assert "CANARY" not in said


def test_no_core_dump_is_ever_written(life: Life) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine allows no core dumps")
    for limits in life.limits:
        line = next(one for one in limits.splitlines() if one.startswith("Max core file size"))
        assert line.split()[4] == "0"


def test_no_command_line_and_no_environment_of_a_child_holds_a_secret(life: Life) -> None:
    assert len(life.cmdlines) >= 2
    assert not [line for line in life.cmdlines if canaries.MARK in line]
    assert "collectors.replay" in str(life.started)
    assert "CANARY" not in str(life.started)


def test_what_an_engine_says_reaches_no_terminal_and_no_log_as_it_is(life: Life) -> None:
    """Nor does a line of it stand at the beginning of a line of ours."""
    texts = {path: path.read_text() for path in life.outputs.iterdir() if path.suffix == ".out"}
    texts |= {path: path.read_text() for path in life.home.logs.glob("*.jsonl")}
    assert sum("theirs" in text for text in texts.values()) >= 3
    for path, text in texts.items():
        ours = text.replace("\n", "").replace("\t", "")
        assert not [one for one in ours if not one.isprintable()], path
        assert not [line for line in text.splitlines() if line.startswith("WATCHDOG")], path
    assert "<b>" not in (life.outputs / "status.svg").read_text()


def test_every_command_has_run_and_none_has_crashed(life: Life) -> None:
    said = (life.outputs / "commands.out").read_text()
    begun = re.findall(r"^--- \d+$", said, re.MULTILINE)
    ended = re.findall(r"^--- \d+ exit", said, re.MULTILINE)
    assert len(begun) == len(ended) > 30
    assert "Traceback" not in said
    assert f"FIRING    WARNING   {RULE}" in said
