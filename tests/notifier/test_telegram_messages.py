"""What a chat shows of an alert, against a server that reads markup as Telegram does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from notifier import channel_telegram
from notifier.bot_api import Bot
from notifier.letter import SENT, Letter, Outcome
from notifier.records import Listed
from notifier.telegram_text import monospaced
from tests.bot_api_server import BotApiServer, Refused

Serve = Callable[..., Any]
TOKEN = "123456:CANARY-token"
CHAT = "987"
FIRING = Letter(
    key="0199.17-new.phone", title="CRITICAL a<b & c (main)",
    text="1 < 2 & <i>3</i> ₹18,400 &amp; “x”\nTickbeat-Key: 0199.17-new.phone", incident="0199",
    engine="main", rule="a", severity="CRITICAL", status="firing", why="new",
    at="2026-01-01T10:00:00+05:30",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[BotApiServer]:
    one = BotApiServer(TOKEN, CHAT)
    yield one
    one.end()


def send(server: BotApiServer, buttons: bool = True, **fields: object) -> Outcome:
    letter = msgspec.structs.replace(FIRING, **fields)
    return channel_telegram.send(Bot(server.url, TOKEN), CHAT, letter, buttons=buttons)


def test_a_message_has_a_bold_title_and_every_character_of_its_text(server: BotApiServer) -> None:
    outcome = send(server)
    ((number, shown),) = server.messages.items()
    assert (outcome.word, outcome.message) == ("sent", number)
    assert shown.text == f"{FIRING.title}\n{FIRING.text}"
    assert shown.bold == FIRING.title


def test_buttons_are_below_firing_alerts_alone_and_only_if_somebody_may_press_them(
    server: BotApiServer,
) -> None:
    send(server)
    send(server, buttons=False)
    send(server, status="resolved")
    send(server, rule="notifier_sees_scheduler_dead")  # its scheduler can take no request
    labels = [shown.labels for shown in server.messages.values()]
    assert labels == [["Acknowledge", "Silence 1 h"], [], [], []]


def listed(incident: str, rule: str = "a", *, over: bool = False) -> Listed:
    return Listed(
        key=f"{incident}.{over}", incident=incident, rule=rule, severity="CRITICAL", why="new",
        over=over,
    )  # fmt: skip


def test_of_a_summary_the_buttons_are_for_the_only_alert_that_still_fires(
    server: BotApiServer,
) -> None:
    one, other = listed("01"), listed("02")
    for alerts in (
        (one, one),
        (one, other, listed("02", over=True)),
        (one, other),
        (one, listed("01", over=True)),
        (listed("01", "notifier_sees_scheduler_dead"),),
    ):
        summary = {"incident": "summary", "rule": "summary", "why": "summary"}
        send(server, alerts=alerts, **summary)
    shown = [call.get("reply_markup", {}) for call in server.called("sendMessage")]
    pressed = [
        [button["callback_data"] for row in one.get("inline_keyboard", []) for button in row]
        for one in shown
    ]
    assert pressed == [["ack:01", "silence:01"]] * 2 + [[]] * 3


def test_markup_that_is_refused_is_sent_as_plain_text_at_once(server: BotApiServer) -> None:
    words = "Bad Request: can't parse entities: Unsupported start tag"
    server.refusals["sendMessage"] = [Refused(400, words)]
    assert send(server).word == "sent"
    first, second = server.called("sendMessage")
    assert first["parse_mode"] == "HTML"
    assert "parse_mode" not in second
    (shown,) = server.messages.values()
    assert shown.text == f"{FIRING.title}\n{FIRING.text}"
    assert shown.labels


def test_whatever_telegram_has_against_the_looks_of_a_message_the_text_arrives(
    server: BotApiServer,
) -> None:
    assert send(server, incident="x" * 57).word == "sent"  # too long for a button's data
    (shown,) = server.messages.values()
    assert shown.text == f"{FIRING.title}\n{FIRING.text}"
    assert shown.labels == []


def test_a_text_that_is_too_long_is_cut_before_its_key_and_no_character_is_halved(
    server: BotApiServer,
) -> None:
    for filler in ("x", "𝕩", "<", "₹"):
        assert send(server, text=filler * 5000 + "\nTickbeat-Key: k").word == "sent"
    for shown in server.messages.values():
        assert shown.text.endswith("… (cut: all of it is in logs/deliveries)\nTickbeat-Key: k")
        assert 4094 <= len(shown.text.encode("utf-16-le")) // 2 <= 4096


def test_a_resolution_replies_to_the_firing_and_takes_its_buttons_away(
    server: BotApiServer,
) -> None:
    number = send(server).message
    assert send(server, status="resolved", why="resolved", about=(number,)).word == "sent"
    assert number is not None
    assert server.messages[number].labels == []
    assert [shown.reply_to for shown in server.messages.values()] == [None, number]


def test_a_reminder_replies_to_the_first_and_takes_over_the_buttons_of_the_newest(
    server: BotApiServer,
) -> None:
    first = send(server).message
    second = send(server, why="repeat", about=(first,)).message
    third = send(server, why="repeat", about=(first, second)).message
    labels = [one.labels for one in server.messages.values()]
    assert labels == [[], [], ["Acknowledge", "Silence 1 h"]]
    send(server, why="acknowledged", text="✓ taken by Asha\nKey: k", about=(first, third))
    shown = [server.messages[number or 0] for number in (first, second, third)]
    assert [one.reply_to for one in shown] == [None, first, first]
    assert [one.labels for one in shown] == [[], [], []]
    assert ["✓ taken" in one.text for one in shown] == [False, False, True]
    assert server.called("editMessageReplyMarkup")


def test_a_resolution_arrives_where_somebody_deleted_the_firing(server: BotApiServer) -> None:
    assert send(server, status="resolved", why="resolved", about=(7,)).word == "sent"
    (shown,) = server.messages.values()
    assert shown.reply_to is None


def test_who_took_it_is_written_into_the_message_and_twice_is_as_once(server: BotApiServer) -> None:
    number = send(server).message
    text = "✓ taken by Asha & Ravi\nTickbeat-Key: k"
    for _ in range(2):
        assert send(server, why="acknowledged", text=text, about=(number,)) is SENT
    (shown,) = server.messages.values()
    assert shown.text == f"{FIRING.title}\n{text}"
    assert shown.labels == []
    assert send(server, why="unacknowledged", about=(number,)).word == "sent"
    (shown,) = server.messages.values()
    assert shown.labels == ["Acknowledge", "Silence 1 h"]


def test_what_is_no_answer_of_telegrams_is_asked_again_whatever_its_status(serve: Serve) -> None:
    proxy = serve()
    proxy.always.code, proxy.always.body = 403, b"<html>Forbidden</html>"
    outcome = channel_telegram.send(Bot(proxy.url, TOKEN), CHAT, FIRING, buttons=False)
    assert (outcome.word, outcome.reason) == ("again", "the answer is not Telegram's (HTTP 403)")


def test_of_a_token_that_is_said_back_no_part_is_shown(server: BotApiServer) -> None:
    server.refusals["sendMessage"] = [Refused(403, f"{'x' * 115}{TOKEN}")]
    assert TOKEN[:4] not in send(server).reason


def test_an_edit_of_what_is_not_there_is_done_with(server: BotApiServer) -> None:
    assert send(server, why="acknowledged", about=(7,)) is SENT
    assert send(server, why="acknowledged") is SENT
    server.refusals["editMessageText"] = [Refused(400, "Bad Request: MESSAGE_ID_INVALID")]
    assert send(server, why="acknowledged", about=(7,)) is SENT
    assert server.called("sendMessage") == []


def test_a_group_that_became_another_chat_is_said_with_its_new_number(server: BotApiServer) -> None:
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    server.refusals["sendMessage"] = [Refused(400, words, migrate_to_chat_id=-1007)] * 2
    outcome = send(server)
    assert outcome.word == "refused"
    assert outcome.reason.endswith("set chat to -1007")


def test_the_output_of_a_command_is_shown_as_it_is_and_fits() -> None:
    assert monospaced("a < b") == "<pre>a &lt; b</pre>"
    long = monospaced("<" * 5000)
    assert len(long.replace("&lt;", "<")) == 4096 + len("<pre></pre>")
    assert long.endswith("… (all of it: on the machine)</pre>")
