"""The notifier and the scheduler as real processes, with people who press buttons and write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import read
from notifier.records import Heard, Sent
from tests.bot_api_server import BotApiServer, Refused, Shown

Desk = Any
TOKEN = "123456:CANARY-token"
ASHA, RAVI, STRANGER = 5, 6, 7
GROUP = -100
RULE = "circuit_breaker_triggered"


@pytest.fixture
def server(desk: Desk) -> Iterator[BotApiServer]:
    """A bot that Asha may talk to in private, and Asha and Ravi in a group; it ends without its
    token in any file of the home.
    """
    one = BotApiServer(TOKEN, str(ASHA), str(GROUP))
    phone = {"kind": "telegram", "token": TOKEN, "base_url": one.url}
    desk.channel("phone", **phone, chat=ASHA, users=f"{ASHA}:Asha:acknowledge")
    yield one
    one.end()
    desk.end()
    found = [path for path in desk.home.root.rglob("*") if path.is_file() and has_canary(path)]
    assert found == []


def has_canary(path: Path) -> bool:
    return b"CANARY" in path.read_bytes()


def schedule(desk: Desk) -> subprocess.Popen[bytes]:
    """Start a real scheduler on the home."""
    (desk.home.state / "scheduler.json").unlink(missing_ok=True)
    desk.forget()
    with (desk.home.root / "scheduler.out").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "scheduler"],
            cwd=desk.home.root, env=desk.environ, stdout=out, stderr=out,
        )  # fmt: skip
    desk.running.append(process)
    desk.wait((desk.home.state / "scheduler.json").is_file, "the scheduler")
    return process


def lines(desk: Desk, notify: str | None) -> list[Any]:
    return [line for line in read(desk.home.alerts) if line.notify == notify]


def shows(server: BotApiServer, words: str) -> int | None:
    """Return the number of the message that has these words."""
    found = [number for number, shown in server.messages.items() if words in shown.text]
    return found[-1] if found else None


def answer(desk: Desk, server: BotApiServer, query: str) -> str:
    words: str = desk.wait(lambda: server.answers.get(query), f"the answer to {query}")["text"]
    return words


def reply(desk: Desk, server: BotApiServer, words: str) -> Shown:
    number = desk.wait(lambda: shows(server, words), f"the reply {words!r}")
    return server.messages[number]


def test_a_pressed_button_is_answered_stands_in_the_alert_log_and_in_the_message(
    desk: Desk, server: BotApiServer
) -> None:
    incident = desk.fire(RULE)
    schedule(desk)
    desk.start()
    number = desk.wait(lambda: shows(server, f"CRITICAL {RULE}"), "the message")
    old = server.press(number, "Silence 1 h", ASHA)  # before the first poll, for all it knows
    assert "press again" in answer(desk, server, old)
    query = server.press(number, "Acknowledge", ASHA)
    assert answer(desk, server, query).startswith(f"{RULE} is yours until ")
    (line,) = lines(desk, "acknowledged")
    assert (line.id, line.clock.ack.by, line.request) == (
        incident.id, "Asha", "phone-700000002",
    )  # fmt: skip
    desk.wait(lambda: "✓ taken by Asha at " in server.messages[number].text, "the edit")
    assert server.messages[number].bold == f"CRITICAL {RULE} (main)"
    assert server.messages[number].labels == []

    # Given back at a terminal, the message says so too, and can be taken again.
    assert desk.monitor("unack", RULE, "--by", "ravi").returncode == 0
    desk.wait(lambda: server.messages[number].labels, "the buttons")
    assert "given back: acknowledgement of Asha withdrawn" in server.messages[number].text
    query = server.press(number, "Silence 1 h", ASHA)
    assert answer(desk, server, query).startswith("Silenced until ")
    desk.wait(lambda: "✓ silenced by Asha until " in server.messages[number].text, "the edit")
    (silence,) = [line.silence for line in read(desk.home.alerts) if line.silence is not None]
    assert (silence.by, silence.incident, silence.reason) == ("Asha", incident.id, "from Telegram")
    assert silence.ends_ms - silence.starts_ms in range(3_590_000, 3_600_001)

    # Commands: by rule, refused, and what the commands of the operator say.
    told = server.say(f"/ack {RULE} on it", ASHA)
    reply(desk, server, f"{RULE} is yours until ")
    # Not before the next poll: what that confirms does not come.
    desk.wait(lambda: told not in server.waiting(), "the next poll")
    server.again(told)
    reply(desk, server, "That is done already.")
    assert len(lines(desk, "acknowledged")) == 2
    assert lines(desk, "acknowledged")[-1].clock.ack.reason == "on it"
    server.say("/ack", ASHA)
    reply(desk, server, "Nothing fires that nobody took.")
    server.say("/ack no_such_rule", ASHA)
    reply(desk, server, "unknown target 'no_such_rule'")
    server.say("/silence 31d", ASHA)
    reply(desk, server, "A silence lasts 30d at most.")
    server.say("/status", ASHA)
    assert f"FIRING  CRITICAL {RULE}" in reply(desk, server, "SILENCED").text
    server.say("/health", ASHA)
    health = reply(desk, server, "CRIT  money").text
    assert health.splitlines()[0] == "CRITICAL"
    assert not [line for line in health.splitlines() if line.startswith("OK ")]
    server.say("/help", ASHA)
    reply(desk, server, "No command here can touch trading.")
    assert server.waiting() == [] or desk.wait(lambda: not server.waiting(), "the confirmation")
    assert desk.state().degraded == []
    assert desk.stop() == 0  # though a poll waits


@pytest.mark.fault("N7")
def test_without_a_scheduler_a_press_is_queued_and_done_once_whatever_is_killed(
    desk: Desk, server: BotApiServer
) -> None:
    desk.fire(RULE)
    process = desk.start()
    number = desk.wait(lambda: shows(server, RULE), "the message")
    desk.wait(lambda: desk.records(Sent), "the record of it")

    # Killed with the update in its hands, before it did anything.
    server.delivered = lambda _: process.kill()
    query = server.press(number, "Acknowledge", ASHA)
    process.wait(30)
    server.delivered = lambda _: None
    assert not desk.home.spool.exists()
    assert server.waiting() == [700_000_001]

    # Killed after it handed the request over, before it wrote that down or confirmed it.
    ill = Refused(500, "Internal Server Error")
    server.delivered = lambda _: server.refusals.update(getUpdates=[ill] * 1000)
    (desk.home.state / "scheduler.json").unlink()
    process = desk.start()
    desk.wait(lambda: desk.records(Heard), "the record of it")
    process.kill()
    process.wait()
    assert len([*desk.home.spool.iterdir()]) == 1
    for file in desk.home.deliveries.glob("*.jsonl"):
        kept = [line for line in file.read_bytes().splitlines() if b'"heard"' not in line[:20]]
        file.write_bytes(b"".join(line + b"\n" for line in kept))
    server.delivered = lambda _: None
    server.refusals.clear()
    process = desk.start()
    assert "the scheduler isn't running" in answer(desk, server, query)
    desk.wait(lambda: not server.waiting(), "the confirmation")
    schedule(desk)
    desk.wait(lambda: "✓ taken by Asha" in server.messages[number].text, "the edit")
    desk.wait(lambda: not [*desk.home.spool.iterdir()], "an empty spool")
    assert len(lines(desk, "acknowledged")) == 1
    assert [line for line in read(desk.home.alerts) if line.kind == "request"] == []
    assert server.called("getUpdates")[-1]["offset"] == 700_000_002
    process.terminate()
    assert process.wait(30) == 0


@pytest.mark.fault("N7")
def test_a_stranger_is_not_heard_and_who_may_read_takes_nothing(
    desk: Desk, server: BotApiServer
) -> None:
    users = f"{ASHA}:Asha:acknowledge, {RAVI}:Ravi:read"
    group = {"kind": "telegram", "token": TOKEN, "base_url": server.url, "severity": "CRITICAL"}
    desk.channel("group", **group, chat=GROUP, users=users)
    desk.fire(RULE)
    desk.start()
    desk.wait(lambda: len(server.messages) == 2, "both messages")
    number = desk.wait(
        lambda: next((n for n, s in server.messages.items() if s.chat == str(GROUP)), None),
        "the message in the group",
    )
    foreign = server.press(number, "Acknowledge", STRANGER)
    for text in ("/status", "/ack", "/start", "hello"):
        server.say(text, STRANGER)
        server.say(text, STRANGER, chat=GROUP)
    server.update(message={"message_id": "no number"})
    server.say("/ack", RAVI)  # not listed there
    refused = server.press(number, "Acknowledge", RAVI)
    assert "your role is `read`" in answer(desk, server, refused)
    server.say("/help", RAVI, chat=GROUP)
    desk.wait(lambda: shows(server, "/ack [alert]"), "the help")
    desk.wait(lambda: not server.waiting(), "the confirmation")
    assert set(server.answers) == {refused}
    assert foreign not in server.answers
    assert len(server.called("sendMessage")) == 3
    assert not desk.home.spool.exists()
    said = desk.said()
    assert said.count(f"account {STRANGER} in chat {STRANGER} is not listed") == 1
    assert said.count(f"account {STRANGER} in chat {GROUP} is not listed") == 1
    assert "an update can't be understood" in said

    # Another who polls is said to the operator, and costs no alert.
    conflict = "Conflict: terminated by other getUpdates request"
    server.refusals["getUpdates"] = [Refused(409, conflict)] * 2
    server.say("/help", ASHA)
    desk.wait(lambda: conflict in " ".join(desk.state().degraded), "the word of it")
    desk.fire("disk_low")
    desk.wait(lambda: shows(server, "CRITICAL disk_low"), "the message")

    # Which is meant is asked back, and what can't be handed over is said.
    server.say("/ack", ASHA)
    assert reply(desk, server, "Which one?").text == (
        f"2 alerts fire. Which one?\n/ack {RULE}\n/ack disk_low"
    )
    flood = Refused(429, "Too Many Requests: retry after 1", retry_after=1)
    server.refusals["sendMessage"] = [flood]
    server.say("/silence 2h", ASHA)
    reply(desk, server, "/silence disk_low 2h")
    tries = [call.at for call in server.calls if call.method == "sendMessage"][-2:]
    assert tries[1] - tries[0] >= 1
    desk.home.spool.write_text("a file in the place of the folder")
    pressed = server.press(number, "Acknowledge", ASHA)
    assert "can't be handed to the scheduler" in answer(desk, server, pressed)
    assert desk.stop() == 0


def test_without_listed_people_it_asks_for_nothing_and_replies_and_edits_also_after_a_restart(
    desk: Desk, server: BotApiServer
) -> None:
    desk.channel("phone", users="")
    desk.start()
    desk.fire(RULE)
    first = desk.wait(lambda: shows(server, f"CRITICAL {RULE}"), "the message")
    desk.wait(lambda: desk.deliveries().messages, "its number in the log")
    assert desk.stop() == 0
    desk.step(RULE, "repeat")
    desk.start()
    second = desk.wait(lambda: shows(server, f"STILL CRITICAL {RULE}"), "the reminder")
    desk.step(RULE, "acknowledged", reason="acknowledged by ravi")
    desk.wait(lambda: "given back" in server.messages[second].text, "the edit of the newest")
    desk.resolve(RULE)
    end = desk.wait(lambda: shows(server, f"RESOLVED {RULE}"), "its end")
    assert [server.messages[n].reply_to for n in (first, second, end)] == [None, first, first]
    desk.wait(lambda: not desk.deliveries().messages, "its end in the log")
    assert not [number for number, shown in server.messages.items() if shown.labels]
    assert {call.method for call in server.calls} == {"sendMessage", "editMessageText"}
