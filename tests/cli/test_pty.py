"""What only a terminal shows: colours, width, Ctrl-C, prompts; under a real pty."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import unmeasured
from tests.cli.bot import Bot

GIVEN = (
    "--engine", "main", "--tick-interval", "5", "--capital", "10L", "--daily-loss", "2",
    "--largest-position", "2L", "--broker", "none", "--market", "CM",
)  # fmt: skip
MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COV")}
"""For what no signal interrupts."""
PROJECT = Path(__file__).parents[2]


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Screen:
    """A child process on a terminal of its own, and all that it has written there."""

    def __init__(
        self, home: Path, arguments: tuple[str, ...], columns: int, environ: dict[str, str]
    ):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {
            name: value
            for name, value in unmeasured.environ().items()
            if name not in {"NO_COLOR", "COLUMNS"} and not name.startswith("MONITOR_")
        }
        settled = {"MONITOR_HOME": str(home), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "scripts.monitor", *arguments],
            cwd=PROJECT,
            env={**kept, **settled, **environ},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - Ctrl-C needs a controlling terminal
        )
        os.close(theirs)
        self.text = ""

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the child has closed its side
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def until(self, seen: Callable[[str], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not seen(self.text):
            assert time.monotonic() < deadline, f"never seen: {what}\n{self.text!r}"
            assert self._read(0.05) or seen(self.text), f"it ended without {what}\n{self.text!r}"

    def until_it_hides_what_is_typed(self) -> None:
        deadline = time.monotonic() + 60
        while termios.tcgetattr(self._ours)[3] & termios.ECHO:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        while self._read(60.0) and self.child.poll() is None:
            pass
        code = self.child.wait(60)
        while self._read(0.05) and select.select([self._ours], [], [], 0)[0]:
            pass
        return code

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self._ours)


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    opened: list[Screen] = []

    def start(*arguments: str, columns: int = 100, **environ: str) -> Screen:
        opened.append(Screen(tmp_path / "home", arguments, columns, environ))
        return opened[-1]

    yield start
    for screen in opened:
        screen.close()


@pytest.fixture
def bot() -> Iterator[Bot]:
    one = Bot()
    yield one
    one.end()


def test_a_terminal_gets_colours(now_house, on_terminal) -> None:
    now_house.good_day()
    screen = on_terminal("status")
    assert screen.ended() == 0
    assert "\x1b[33mFIRING" in screen.text


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_dumb_terminals_are_obeyed(now_house, on_terminal, environ) -> None:
    now_house.good_day()
    screen = on_terminal("status", **environ)
    assert screen.ended() == 0
    assert "FIRING" in screen.text
    assert "\x1b" not in screen.text


def test_lines_are_cut_to_a_narrow_terminal(now_house, on_terminal) -> None:
    now_house.good_day()
    screen = on_terminal("status", columns=50, NO_COLOR="1")
    assert screen.ended() == 0
    assert max(len(line) for line in screen.text.splitlines()) <= 50
    assert "…" in screen.text
    whole = screen.text.replace("\r\n", "")
    assert str(now_house.home.root) in whole, "the home is never cut"


def test_watch_shows_the_screen_again_until_ctrl_c(now_house, on_terminal) -> None:
    now_house.good_day()
    screen = on_terminal("status", "--watch")
    screen.until(lambda text: text.count("\x1b[H\x1b[2J") >= 2, "the screen drawn again")
    screen.type("\x03")
    assert screen.ended() == 130
    assert "Traceback" not in screen.text
    assert "Aborted" not in screen.text


def test_ctrl_c_ends_tail_quietly(now_house, on_terminal) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    screen = on_terminal("tail")
    screen.until(lambda text: "disk_low" in text, "the alert")
    screen.type("\x03")
    assert screen.ended() == 130
    assert "Traceback" not in screen.text


def test_init_asks_and_waits_with_progress(on_terminal, tmp_path: Path) -> None:
    screen = on_terminal("init")
    for question in (
        "Home of",
        "Name of",
        "Seconds",
        "capital",
        "Loss",
        "Most in",
        "Broker",
        "Trading hours",
        "Tell alerts on",
    ):
        screen.until(lambda text, question=question: question in text, question)
        screen.type("\r")
    screen.until(lambda text: "Waiting for the first tick" in text, "that it waits")
    screen.until(lambda text: "s …" in text, "progress")
    assert (tmp_path / "home" / "monitor.toml").is_file()
    screen.type("\x03")
    assert screen.ended() == 130
    assert "Traceback" not in screen.text


def test_init_finds_the_telegram_chat_keeps_the_token_and_sends_a_test(
    on_terminal, bot, tmp_path: Path
) -> None:
    dotenv = tmp_path / "home" / ".env"
    dotenv.parent.mkdir()
    dotenv.write_text("# mine\nMONITOR_BREEZE__APP_KEY=key\nMONITOR_CHANNELS__PHONE__CHAT=1\n")
    screen = on_terminal(
        "init", "--home", str(dotenv.parent), *GIVEN, "--no-wait",
        MONITOR_CHANNELS__PHONE__BASE_URL=bot.url, NO_COLOR="1", USER="asha", **MEASURED,
    )  # fmt: skip
    screen.until(lambda text: "Tell alerts on" in text, "the question")
    screen.type("telegram\r")
    screen.until(lambda text: "Token of your bot" in text, "the question")
    screen.until_it_hides_what_is_typed()
    screen.type("hunter2\r")
    screen.until(lambda text: "that is no token of a bot" in text, "the refusal")
    screen.until_it_hides_what_is_typed()
    screen.type(f"{bot.token}\r")
    screen.until(lambda text: "Write a message to @tick_bot" in text, "the bot's name")
    bot.write(chat=666, first_name="A stranger\x1b[2J")
    screen.until(lambda text: "From A stranger\\x1b[2J, chat 666: is that you?" in text, "the chat")
    screen.type("n\r")
    bot.write(chat=7, first_name="Asha", last_name="Rao", username="asha")
    screen.until(lambda text: "From Asha Rao @asha, chat 7: is that you?" in text, "the chat")
    screen.type("\r")
    assert screen.ended() == 0, screen.text
    assert "ok   phone" in screen.text
    ((chat, text),) = bot.told
    assert (chat, text.splitlines()[0]) == ("7", "<b>TEST (main)</b>")
    assert bot.token not in screen.text
    assert dotenv.stat().st_mode & 0o777 == 0o600
    assert dotenv.read_text() == (
        "# mine\nMONITOR_BREEZE__APP_KEY=key\nMONITOR_CHANNELS__PHONE__CHAT=7\n"
        f"MONITOR_CHANNELS__PHONE__KIND=telegram\nMONITOR_CHANNELS__PHONE__TOKEN={bot.token}\n"
        f"MONITOR_CHANNELS__PHONE__USERS=7:asha:acknowledge\n"
        f"MONITOR_CHANNELS__PHONE__BASE_URL={bot.url}\n"
    )


def test_init_says_what_telegram_refuses_and_the_home_is_made_all_the_same(
    on_terminal, bot, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    screen = on_terminal(
        "init", "--home", str(home), *GIVEN, "--no-wait",
        MONITOR_CHANNELS__PHONE__BASE_URL=bot.url, MONITOR_CHANNELS__PHONE__TOKEN="1:WRONG",
        **MEASURED,
    )  # fmt: skip
    screen.until(lambda text: "Tell alerts on" in text, "the question")
    screen.type("telegram\r")
    assert screen.ended() == 0
    assert "Telegram says: Unauthorized" in screen.text
    assert "No chat was found" in screen.text
    assert (home / "monitor.toml").is_file()
    assert not (home / ".env").exists()


def test_a_session_key_is_asked_for_and_never_echoed(on_terminal, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    keys = {"MONITOR_BREEZE__APP_KEY": "app+key", "MONITOR_BREEZE__SECRET_KEY": "hunter2"}
    screen = on_terminal("breeze", "login", **keys)
    screen.until(lambda text: "api_key=app%2Bkey" in text, "the login link")
    screen.until(lambda text: "Session key" in text, "the question")
    screen.until_it_hides_what_is_typed()
    screen.type("12345678\r")
    assert screen.ended() == 0
    assert "12345678" not in screen.text
    assert "hunter2" not in screen.text
    assert (tmp_path / "home" / "data" / "breeze_session").read_text() == "12345678\n"


def test_without_an_app_key_no_link_is_made_up(on_terminal, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    screen = on_terminal("breeze", "login")
    screen.until(lambda text: "Session key" in text, "the question")
    assert "http" not in screen.text
    screen.type("\x03")
    assert screen.ended() == 130
    assert not (tmp_path / "home" / "data").exists()
