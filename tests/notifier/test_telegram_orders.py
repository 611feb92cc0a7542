"""What somebody wants of the bot, and who is heard."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.config import Channel, User
from notifier.telegram_orders import (
    Account,
    CallbackQuery,
    Chat,
    Message,
    Order,
    Stranger,
    Update,
    order_of,
)

ASHA, RAVI = User(5, "Asha", "acknowledge"), User(6, "Ravi", "read")
CHANNELS = {
    "phone": Channel(kind="telegram", chat="5", users=(ASHA,)),
    "desk": Channel(kind="telegram", chat="-100", users=(ASHA, RAVI)),
    "board": Channel(kind="telegram", chat="@Board", users=(RAVI,)),
}


def written(text: str, user: int = 5, chat: int = 5, kind: str = "private") -> Any:
    message = Message(9, Chat(chat, kind), 1_700_000_000, Account(user), text)
    return order_of(Update(1, message), CHANNELS)


@pytest.mark.parametrize(
    ("text", "verb", "target", "seconds", "reason"),
    [
        ("/status", "status", "", 3600, None),
        ("/HEALTH@tickbeat_bot now", "health", "", 3600, None),
        ("/ack", "ack", "", 3600, None),
        ("/ack disk_low  on it", "ack", "disk_low", 3600, "on it"),
        ("/silence", "silence", "", 3600, None),
        ("/silence 30m", "silence", "", 1800, None),
        ("/silence disk_low", "silence", "disk_low", 3600, None),
        ("/silence disk_low 1h30m", "silence", "disk_low", 5400, None),
        ("/silence disk_low 2h being cleaned", "silence", "disk_low", 7200, "being cleaned"),
        ("/start", "help", "", 3600, None),
        ("good morning", "help", "", 3600, None),
        ("", "help", "", 3600, None),
    ],
)
def test_a_command_is_read(
    text: str, verb: str, target: str, seconds: int, reason: str | None
) -> None:
    order = written(text)
    assert isinstance(order, Order)
    assert (order.verb, order.target, order.seconds, order.reason) == (
        verb, target, seconds, reason,
    )  # fmt: skip
    assert (order.by, order.chat, order.message, order.at_ms) == (ASHA, "5", 9, 1_700_000_000_000)


def test_what_people_say_to_each_other_in_a_group_is_no_command() -> None:
    assert written("lunch?", chat=-100, kind="supergroup") is None
    assert written("/roll 6", chat=-100, kind="supergroup") is None
    assert isinstance(written("/help", chat=-100, kind="supergroup"), Order)


def test_only_who_is_listed_for_a_chat_is_heard_in_it() -> None:
    assert written("/ack", user=7) == Stranger(7, 5)
    assert written("/ack", user=6, chat=6) == Stranger(6, 6)  # listed elsewhere
    assert written("/ack", user=5, chat=7) == Stranger(5, 7)
    assert order_of(Update(1, Message(9, Chat(5), text="/ack")), CHANNELS) is None
    by_name = Message(9, Chat(-200, "channel", "board"), 0, Account(6), "/status")
    assert isinstance(order_of(Update(1, by_name), CHANNELS), Order)


def test_who_may_read_may_not_take() -> None:
    allowed = {
        text: written(text, user=6, chat=-100).allowed
        for text in ("/status", "/health", "/help", "/ack", "/silence")
    }
    assert [text for text, may in allowed.items() if not may] == ["/ack", "/silence"]
    assert all(written(text).allowed for text in allowed)


def pressed(data: str, user: int = 5) -> Any:
    message = Message(9, Chat(5, "private"))
    query = CallbackQuery("q", Account(user), message, data)
    return order_of(Update(1, callback_query=query), CHANNELS)


def test_a_button_names_its_incident_and_no_other_data_is_an_order() -> None:
    order = pressed("ack:0199")
    assert (order.verb, order.target, order.query, order.at_ms) == ("ack", "0199", "q", None)
    assert pressed("silence:0199").verb == "silence"
    for data in ("", "ack", "ack:", "status:x", "expire:x", "market:open", "ACK:0199"):
        assert pressed(data) is None, data
    assert pressed("ack:0199", user=6) == Stranger(6, 5)
