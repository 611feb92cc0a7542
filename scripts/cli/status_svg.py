"""The screen of `monitor status` as a picture (SVG) for a README."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from scripts.cli.terminal import Line, Style, clean

WIDTH = 88
RICH_STYLES: dict[Style, str] = {
    "bad": "bold #ff7b72",
    "warn": "#e3b341",
    "good": "#56d364",
    "dim": "#9a9a9a",
    "strong": "bold",
    "": "",
}
# a picture in a README must ask no other host for anything: no web fonts, no credits
FORMAT = re.sub(
    r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL
).replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono")


def svg_of(lines: Iterable[Line], title: str = "monitor status") -> str:
    """Return the lines as an SVG document that refers to nothing outside itself."""
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        text = Text(no_wrap=True, overflow="ellipsis")
        for span in line:
            text.append(clean(span.text), RICH_STYLES[span.style])
        console.print(text, highlight=False)
    return console.export_svg(title=title, theme=MONOKAI, code_format=FORMAT, unique_id="tickbeat")
