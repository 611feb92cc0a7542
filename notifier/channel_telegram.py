"""Telegram's Bot API: one method, `sendMessage`, in plain text (core.telegram.org/bots/api)."""

from __future__ import annotations

import msgspec

from monitoring.redaction import redacted
from notifier.http import LONGEST_WAIT_SECONDS, meaning, post
from notifier.letter import SENT, Letter, Outcome


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Said(msgspec.Struct):
    ok: bool
    description: str = ""
    parameters: _Parameters | None = None


def send(base_url: str, token: str, chat: str, letter: Letter) -> Outcome:
    """Send one message to a chat."""
    text = f"{letter.title}\n{letter.text}"
    asked = {"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": True}}
    said = post(f"{base_url}/bot{token}/sendMessage", msgspec.json.encode(asked), {})
    if isinstance(said, Outcome):
        return said
    outcome = meaning(said)
    try:
        answer = msgspec.json.decode(said.body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # A hotel's log-in page answers 200 too.
        return Outcome("again", "the answer is not Telegram's") if outcome is SENT else outcome
    if outcome is SENT and answer.ok:
        return SENT
    words = "".join(one for one in answer.description[:120] if one.isprintable())
    words = redacted(words, (token,))
    reason = f"Telegram says: {words} (HTTP {said.code})"
    wait = answer.parameters.retry_after if answer.parameters is not None else None
    if wait is not None:
        wait = min(max(0.0, wait), LONGEST_WAIT_SECONDS)
    word = "again" if outcome is SENT else outcome.word
    return Outcome(word, reason, wait if wait is not None else outcome.wait_seconds)
