"""A server on loopback that behaves as Telegram's Bot API does (core.telegram.org/bots/api).

Updates come again until an offset past them was asked for; of two who poll the first is sent away;
markup that can't be understood, an edit that changes nothing, buttons and texts that are too long,
and answers to presses that are over are refused in Telegram's words.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

TAGS = {"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote"}
Buttons = list[list[dict[str, str]]]


class Refused(Exception):
    """What Telegram answers with another status than 200."""

    def __init__(self, code: int, words: str, **parameters: int) -> None:
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
        if parameters:
            self.body["parameters"] = parameters
        self.code = code


class Call(msgspec.Struct):
    """One call, and when (monotonic seconds)."""

    method: str
    asked: dict[str, Any]
    at: float


class Shown(msgspec.Struct):
    """A message as the chat shows it now."""

    chat: str
    text: str
    bold: str = ""
    buttons: Buttons = []
    reply_to: int | None = None

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.buttons for button in row]


class BotApiServer:
    """One bot of one token. `chats` are those that it can send to."""

    def __init__(self, token: str, *chats: str) -> None:
        self.token = token
        self.chats = set(chats)
        self.calls: list[Call] = []
        self.messages: dict[int, Shown] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, list[Refused]] = {}
        """By method: what the next calls are refused with."""
        self.delivered: Callable[[list[int]], None] = lambda _: None
        """Told of the numbers of updates before their poll is answered."""
        self.ending = False
        self._changed = threading.Condition()
        self._all: dict[int, dict[str, Any]] = {}
        self._updates: list[dict[str, Any]] = []
        self._next_update = 700_000_001
        self._next_message = 41
        self._pressed: set[str] = set()
        self._polls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                code, body = outer._answer(self.path, json.loads(raw or b"{}"))
                data = json.dumps(body).encode()
                try:
                    self.send_response(code)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # who asked is gone
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def end(self) -> None:
        with self._changed:
            self.ending = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def called(self, method: str) -> list[dict[str, Any]]:
        return [call.asked for call in self.calls if call.method == method]

    def say(self, text: str, user: int, chat: int | None = None) -> int:
        """Let somebody write; without a chat in private, whose number is the account's."""
        private = chat is None
        message = {
            "message_id": self._number(), "date": int(time.time()), "text": text,
            "chat": {"id": user if private else chat, "type": "private" if private else "group"},
            "from": {"id": user, "is_bot": False, "first_name": "somebody"},
        }  # fmt: skip
        return self.update(message=message)

    def press(self, message: int, label: str, user: int) -> str:
        """Let somebody press a button that a message has now."""
        shown = self.messages[message]
        found = [one for row in shown.buttons for one in row if one["text"] == label]
        return self.press_any(message, found[0]["callback_data"], user)

    def press_any(self, message: int, data: str, user: int) -> str:
        """Let somebody's own client send any data."""
        shown = self.messages[message]
        with self._changed:
            query = f"query-{len(self._pressed) + 1}"
            self._pressed.add(query)
        self.update(
            callback_query={
                "id": query, "chat_instance": "1", "data": data,
                "from": {"id": user, "is_bot": False, "first_name": "somebody"},
                "message": {
                    "message_id": message, "date": int(time.time()), "text": shown.text,
                    "chat": {"id": int(shown.chat), "type": "private"},
                },
            }
        )  # fmt: skip
        return query

    def update(self, **content: Any) -> int:
        """Let an update come; return its number."""
        with self._changed:
            number = self._next_update
            self._next_update += 1
            self._all[number] = {"update_id": number, **content}
        self.again(number)
        return number

    def again(self, number: int) -> None:
        """Let an update come, whether somebody has confirmed it or not."""
        with self._changed:
            self._updates.append(self._all[number])
            self._changed.notify_all()

    def waiting(self) -> list[int]:
        """Return the numbers of the updates that nobody confirmed."""
        with self._changed:
            return [update["update_id"] for update in self._updates]

    def _number(self) -> int:
        with self._changed:
            self._next_message += 1
            return self._next_message

    def _answer(self, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        _, bot, method = path.split("/")
        self.calls.append(Call(method, asked, time.monotonic()))
        methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getUpdates": self._get_updates, "sendMessage": self._send,
            "editMessageText": self._edit_text, "editMessageReplyMarkup": self._edit_markup,
            "answerCallbackQuery": self._answer_query,
        }  # fmt: skip
        try:
            self._let_in(bot, method)
            return 200, {"ok": True, "result": methods[method](asked)}
        except Refused as refused:
            return refused.code, refused.body

    def _let_in(self, bot: str, method: str) -> None:
        if bot != f"bot{self.token}":
            raise Refused(401, "Unauthorized")
        if self.refusals.get(method):
            raise self.refusals[method].pop(0)

    def _get_updates(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        until = time.monotonic() + asked.get("timeout", 0)
        with self._changed:
            if "offset" in asked:
                self._updates = [u for u in self._updates if u["update_id"] >= asked["offset"]]
            self._polls += 1
            mine = self._polls
            self._changed.notify_all()
            while not self._updates and not self.ending and time.monotonic() < until:
                self._changed.wait(until - time.monotonic())
                if self._polls != mine:
                    raise Refused(
                        409, "Conflict: terminated by other getUpdates request; make sure that "
                        "only one bot instance is running",
                    )  # fmt: skip
            allowed = set(asked["allowed_updates"])
            found = [u for u in self._updates if allowed & u.keys()][: asked.get("limit", 100)]
        if found:
            self.delivered([update["update_id"] for update in found])
        return found

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["chat_id"] not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        shown = self._shown(asked)
        reply = asked.get("reply_parameters")
        if reply is not None:
            shown.reply_to = reply["message_id"]
            if shown.reply_to not in self.messages:
                if not reply.get("allow_sending_without_reply"):
                    raise Refused(400, "Bad Request: message to be replied not found")
                shown.reply_to = None
        number = self._number()
        self.messages[number] = shown
        return {"message_id": number, "date": 0, "chat": {"id": int(shown.chat)}}

    def _edit_text(self, asked: dict[str, Any]) -> dict[str, Any]:
        before = self._edited(asked)
        after = self._shown(asked)
        after.reply_to = before.reply_to
        return self._put(asked["message_id"], before, after)

    def _edit_markup(self, asked: dict[str, Any]) -> dict[str, Any]:
        before = self._edited(asked)
        buttons = self._buttons(asked)
        return self._put(
            asked["message_id"], before, msgspec.structs.replace(before, buttons=buttons)
        )

    def _edited(self, asked: dict[str, Any]) -> Shown:
        shown = self.messages.get(asked["message_id"])
        if shown is None or shown.chat != asked["chat_id"]:
            raise Refused(400, "Bad Request: message to edit not found")
        return shown

    def _put(self, number: int, before: Shown, after: Shown) -> dict[str, Any]:
        if before == after:
            raise Refused(
                400, "Bad Request: message is not modified: specified new message content and "
                "reply markup are exactly the same as a current content and reply markup of the "
                "message",
            )  # fmt: skip
        self.messages[number] = after
        return {"message_id": number, "date": 0, "chat": {"id": int(after.chat)}}

    def _answer_query(self, asked: dict[str, Any]) -> bool:
        query = asked["callback_query_id"]
        if query not in self._pressed or query in self.answers:
            raise Refused(
                400, "Bad Request: query is too old and response timeout expired or query ID is "
                "invalid",
            )  # fmt: skip
        if len(asked.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self.answers[query] = asked
        return True

    def _shown(self, asked: dict[str, Any]) -> Shown:
        text, bold = asked["text"], ""
        if asked.get("parse_mode") == "HTML":
            text, bold = parsed(text)
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            raise Refused(400, "Bad Request: message is too long")
        return Shown(asked["chat_id"], text, bold, self._buttons(asked))

    def _buttons(self, asked: dict[str, Any]) -> Buttons:
        rows: Buttons = asked.get("reply_markup", {}).get("inline_keyboard", [])
        for button in [button for row in rows for button in row]:
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return rows


def parsed(html: str) -> tuple[str, str]:
    """Return the text and the bold part of it; refuse what Telegram does not understand."""
    open_: list[str] = []
    for found in re.finditer(r"<(/?)([^>]*)(>?)", html):
        end, name, closed = found.groups()
        at = len(html[: found.start()].encode())
        if not closed or name.split(" ")[0] not in TAGS:
            words = f'Unsupported start tag "{name.split(" ")[0]}" at byte offset {at}'
            raise Refused(400, f"Bad Request: can't parse entities: {words}")
        if not end:
            open_.append(name)
        elif not open_ or open_.pop() != name:
            words = f"Unmatched end tag at byte offset {at}"
            raise Refused(400, f"Bad Request: can't parse entities: {words}")
    if open_:
        words = f"Can't find end tag corresponding to start tag {open_[-1]}"
        raise Refused(400, f"Bad Request: can't parse entities: {words}")
    bold = re.search(r"<b>(.*?)</b>", html, re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", "", html))
    return text, unescape(bold[1]) if bold else ""
