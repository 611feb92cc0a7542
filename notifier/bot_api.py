"""Telegram's Bot API: one call of a method, and what its answer means.

Facts are from https://core.telegram.org/bots/api: a method is asked for by a POST of JSON to
`<base>/bot<token>/<method>`; every answer is a JSON object with `ok`, and `result`, or
`description` and `parameters`.
"""

from __future__ import annotations

import msgspec

from monitoring.redaction import redacted
from notifier.http import DEADLINE_SECONDS, LONGEST_WAIT_SECONDS, meaning, post
from notifier.letter import SENT, Outcome

LONGEST_ANSWER_BYTES = 4_000_000
"""Some updates, each of which may hold two texts of 4096 characters that take 6 bytes each."""


class Button(msgspec.Struct, frozen=True):
    """A button below a message: `callback_data` (1 to 64 bytes) comes back when it is pressed."""

    text: str
    callback_data: str


class Keyboard(msgspec.Struct, frozen=True):
    """Rows of buttons below a message; none takes them away."""

    inline_keyboard: tuple[tuple[Button, ...], ...]


class Reply(msgspec.Struct, frozen=True):
    """Which message is replied to; one that somebody deleted must not hold up the answer."""

    message_id: int
    allow_sending_without_reply: bool = True


class Preview(msgspec.Struct, frozen=True):
    """No picture of what an address in the text leads to."""

    is_disabled: bool = True


class SendMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`text` has 1 to 4096 characters after its markup was read."""

    chat_id: str
    text: str
    parse_mode: str | msgspec.UnsetType = msgspec.UNSET
    reply_markup: Keyboard | msgspec.UnsetType = msgspec.UNSET
    reply_parameters: Reply | msgspec.UnsetType = msgspec.UNSET
    link_preview_options: Preview = Preview()


class EditMessageText(msgspec.Struct, frozen=True, kw_only=True):
    """Put another text in the place of a message's; without `reply_markup` its buttons go."""

    chat_id: str
    message_id: int
    text: str
    parse_mode: str | msgspec.UnsetType = msgspec.UNSET
    reply_markup: Keyboard | msgspec.UnsetType = msgspec.UNSET
    link_preview_options: Preview = Preview()


class EditMessageReplyMarkup(msgspec.Struct, frozen=True, kw_only=True):
    """Take away or change the buttons of a message."""

    chat_id: str
    message_id: int
    reply_markup: Keyboard = Keyboard(())


class AnswerCallbackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Answer a pressed button: `text` has at most 200 characters; an alert is to be closed."""

    callback_query_id: str
    text: str
    show_alert: bool


class GetUpdates(msgspec.Struct, frozen=True, kw_only=True):
    """Wait up to `timeout` seconds for updates.

    Those before `offset` are confirmed by it, and never come again; all others do.
    """

    timeout: int
    limit: int = 10
    offset: int | msgspec.UnsetType = msgspec.UNSET
    allowed_updates: tuple[str, ...] = ("message", "callback_query")


_METHODS: dict[type, str] = {
    SendMessage: "sendMessage",
    EditMessageText: "editMessageText",
    EditMessageReplyMarkup: "editMessageReplyMarkup",
    AnswerCallbackQuery: "answerCallbackQuery",
    GetUpdates: "getUpdates",
}
Asked = SendMessage | EditMessageText | EditMessageReplyMarkup | AnswerCallbackQuery | GetUpdates


class Answer(msgspec.Struct, frozen=True):
    """What came of a call: `outcome` in our terms, Telegram's own words, the result as JSON.

    `code` is the HTTP status, 0 without an answer.
    """

    outcome: Outcome
    code: int = 0
    words: str = ""
    result: bytes = b"null"


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Said(msgspec.Struct):
    ok: bool
    description: str = ""
    parameters: _Parameters = _Parameters()
    result: msgspec.Raw = msgspec.Raw(b"null")


class Bot:
    """One bot, by its secret token, on one server."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._token = token

    def call(self, asked: Asked, deadline_seconds: float = DEADLINE_SECONDS) -> Answer:
        """Ask for a method, within a wall deadline. Raises nothing of the network."""
        said = post(
            f"{self._base_url}/bot{self._token}/{_METHODS[type(asked)]}",
            msgspec.json.encode(asked),
            {},
            deadline_seconds,
            LONGEST_ANSWER_BYTES,
        )
        if isinstance(said, Outcome):
            return Answer(said)
        outcome = meaning(said)
        try:
            answer = msgspec.json.decode(said.body, type=_Said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # A hotel's log-in page answers 200 too, and a proxy before the server with 403 or 404.
            words = f"the answer is not Telegram's (HTTP {said.code})"
            return Answer(Outcome("again", words, outcome.wait_seconds), said.code)
        if outcome is SENT and answer.ok:
            return Answer(SENT, said.code, result=bytes(answer.result))
        words = redacted(answer.description, (self._token,))[:120]
        words = "".join(one for one in words if one.isprintable())
        reason = f"Telegram says: {words} (HTTP {said.code})"
        if answer.parameters.migrate_to_chat_id is not None:
            reason += f": set chat to {answer.parameters.migrate_to_chat_id}"
        wait = answer.parameters.retry_after
        if wait is not None:
            wait = min(max(0.0, wait), LONGEST_WAIT_SECONDS)
        word = "again" if outcome is SENT else outcome.word
        wait = wait if wait is not None else outcome.wait_seconds
        return Answer(Outcome(word, reason, wait), said.code, words)
