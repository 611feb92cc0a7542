"""What a message looks like in Telegram: bold title, monospaced output, all of it escaped.

https://core.telegram.org/bots/api#html-style: of the text itself `<`, `>` and `&` are replaced.
A text may have 4096 characters once its markup was read; they are counted in UTF-16 units, as
Telegram counts its entities.
"""

from __future__ import annotations

from html import escape

from notifier.bot_api import Button, Keyboard
from notifier.letter import Letter

LONGEST_UNITS = 4096
LONGEST_ANSWER = 200
"""Characters of the answer to a pressed button."""

SILENCE_SECONDS = 3600
CUT = "… (cut: all of it is in logs/deliveries)"


def fitted(title: str, text: str) -> str:
    """Return the text, cut in its middle where title and text are too long together.

    Its last line, the key, stays.
    """
    room = LONGEST_UNITS - _units(title) - 1
    if _units(text) <= room:
        return text
    head, _, last = text.rpartition("\n")
    end = f"{CUT}\n{last}"
    return beginning(head, room - _units(end)) + end


def beginning(text: str, units: int) -> str:
    """Return at most so many UTF-16 units of a text, and no half of a character."""
    return text.encode("utf-16-le")[: 2 * max(0, units)].decode("utf-16-le", errors="ignore")


def plain(letter: Letter) -> str:
    """Return the message without markup."""
    return f"{letter.title}\n{fitted(letter.title, letter.text)}"


def marked_up(letter: Letter) -> str:
    """Return the message as HTML."""
    text = fitted(letter.title, letter.text)
    return f"<b>{escape(letter.title, quote=False)}</b>\n{escape(text, quote=False)}"


def monospaced(output: str) -> str:
    """Return a command's output as HTML whose columns stay below each other."""
    cut = "\n… (all of it: on the machine)"
    if _units(output) > LONGEST_UNITS:
        output = beginning(output, LONGEST_UNITS - _units(cut)) + cut
    return f"<pre>{escape(output, quote=False)}</pre>"


def keyboard_of(incident: str) -> Keyboard:
    """Return the buttons below a message of a firing alert."""
    acknowledge = Button("Acknowledge", f"ack:{incident}")
    silence = Button("Silence 1 h", f"silence:{incident}")
    return Keyboard(((acknowledge, silence),))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
