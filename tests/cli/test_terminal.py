from __future__ import annotations

import io

import pytest

from scripts.cli.terminal import (
    PLAIN,
    Span,
    Terminal,
    at_words,
    clean,
    columns_of,
    cut,
    line_columns,
    render,
    show,
    show_json,
    spread,
    terminal_of,
    wrap,
)

NARROW = Terminal(colour=False, width=10, cut=True)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]8;;http://x\x07y", "\\x1b]8;;http://x\\x07y"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\x00", "\\x00"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("आशा ₹ −", "आशा ₹ −"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_what_a_terminal_might_obey_is_shown_as_an_escape(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown
    assert render([Span(hostile)], PLAIN) == shown


def test_an_escape_in_a_file_never_reaches_a_terminal_with_colours() -> None:
    shown = render([Span("\x1b[31mred", "bad")], Terminal(colour=True, width=80, cut=True))
    assert shown == "\x1b[1;31m\\x1b[31mred\x1b[0m"


def test_a_line_is_cut_to_the_width_with_an_ellipsis() -> None:
    assert render([Span("0123456789")], NARROW) == "0123456789"
    assert render([Span("01234"), Span("56789a"), Span("lost")], NARROW) == "012345678…"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert columns_of("日本") == 4
    assert columns_of("é") == 1
    assert cut("日本語", 5) == "日本…"
    assert line_columns([Span("日"), Span("\n")]) == 4


def test_a_pipe_gets_whole_lines_without_colours() -> None:
    terminal = terminal_of(io.StringIO(), {"TERM": "xterm"})
    assert terminal == Terminal(colour=False, width=100, cut=False)
    assert render([Span("x" * 300, "bad")], terminal) == "x" * 300


def test_a_pipe_is_as_wide_as_columns_says() -> None:
    assert terminal_of(io.StringIO(), {"COLUMNS": "72"}).width == 72
    assert terminal_of(io.StringIO(), {"COLUMNS": "wide"}).width == 100


def test_a_line_that_is_wrapped_switches_each_colour_on_once_a_line() -> None:
    line = [Span("FIRING  heartbeat lapsed", "bad"), Span("  no tick for 15 s")]
    wide, narrow = (Terminal(colour=True, width=width, cut=True) for width in (80, 20))
    assert [render(one, wide) for one in wrap(at_words(line), wide, 4)] == [
        "\x1b[1;31mFIRING  heartbeat lapsed\x1b[0m  no tick for 15 s"
    ]
    assert [render(one, narrow) for one in wrap(at_words(line), narrow, 4)] == [
        "\x1b[1;31mFIRING  heartbeat\x1b[0m",
        "    \x1b[1;31mlapsed\x1b[0m  no tick",
        "    for 15 s",
    ]


def test_the_right_part_of_a_line_stands_at_the_edge() -> None:
    twenty = Terminal(colour=False, width=20, cut=True)
    line = spread([Span("left")], [Span("right")], twenty)
    assert render(line, twenty) == "left" + " " * 11 + "right"


def test_lines_go_out_in_one_write() -> None:
    out = io.StringIO()
    show([[Span("a")], [], [Span("b")]], PLAIN, out)
    assert out.getvalue() == "a\n\nb\n"


def test_json_is_escaped_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"message": "\x1b[2J\u202e\x9b"}, compact=True)
    assert capsys.readouterr().out == '{"message":"\\u001b[2J\\u202e\\u009b"}\n'
