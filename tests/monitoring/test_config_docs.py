"""docs/settings.md and the settings themselves: neither may say what the other doesn't."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from monitoring.config import Artifact, Channel, Config
from monitoring.home import Home
from monitoring.settings import Settings, SettingsError, known_settings, load, variable_name

Give = Callable[..., Settings]

DOC = Path(__file__).parents[2] / "docs" / "settings.md"
UNITS = {
    "_seconds": "s",
    "_pct": "%",
    "_bytes": "B",
    "_days": "days",
    "_hours": "h",
    "_ms": "ms",
    "_value": "₹",
}
_RANGE = re.compile(r"([\d.,]+)–([\d.,]+)")
_AT_LEAST = re.compile(r"at least ([\d.,]+)")
_AT_MOST = re.compile(r"at most ([\d.,]+)")


class Row(msgspec.Struct, frozen=True):
    """One line of a table: the cells as they are written."""

    name: str
    default: str
    unit: str
    why: str


def rows(text: str) -> list[Row]:
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(name.strip("`"), default, unit, why) for name, default, unit, why in cells]


def disagreements(text: str, known: tuple[str, ...]) -> list[str]:
    """Return in words whatever the page says wrongly, twice, or not at all."""
    told = {row.name: row for row in rows(text)}
    names = {name.replace("*", "NAME"): name for name in known}
    found = [f"{name} is not in the page" for name in names if name not in told]
    found += [f"{name} is no setting" for name in told if name not in names]
    if len(told) < len(rows(text)):
        found.append("a setting is there twice")
    for name, row in told.items():
        if name in names and row.default != written(default_of(names[name])):
            found.append(f"{name}: the default is {written(default_of(names[name]))}")
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
        if not row.unit.startswith(unit):
            found.append(f"{name}: the unit is {unit}")
        if not row.why:
            found.append(f"{name}: no why")
    return found


def default_of(name: str) -> object:
    first, _, rest = name.partition(".")
    if first == "artifacts":
        return getattr(Artifact(), name.rpartition(".")[2])
    secret = {"channels.*.url", "channels.*.token", "dead_man.chain_url", "dead_man.delivery_url"}
    if name in secret or name.endswith("_key"):
        return None  # secrets aren't in the plain record
    if first == "channels":
        part = name.rpartition(".")[2]
        return None if part == "kind" else getattr(Channel(kind="telegram"), part)
    value = getattr(Config(), first)
    return getattr(value, rest) if rest else value


def written(default: object) -> str:
    if default is None or default == ():
        return "(none)"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default:.15g}`"


def bounds() -> list[tuple[str, str, str]]:
    """Return (setting, bound, just outside of it) for every bound that the page names."""
    found = []
    for row in rows(DOC.read_text()):
        name = row.name.replace("NAME", "student_model")
        both = _RANGE.search(row.unit)
        least = both[1] if both else (m[1] if (m := _AT_LEAST.search(row.unit)) else None)
        most = both[2] if both else (m[1] if (m := _AT_MOST.search(row.unit)) else None)
        if least:
            least = least.replace(",", "")
            below = int(least) - 1 if least.isdigit() else float(least) - 0.001
            found.append((name, least, str(below)))
        if most:
            most = most.replace(",", "")
            found.append((name, most, str(int(most) + 1)))
    return found


def test_every_setting_is_in_the_page_with_its_default_unit_and_why_and_none_is_extra() -> None:
    assert disagreements(DOC.read_text(), known_settings()) == []


def test_a_setting_that_is_added_without_the_page_is_found() -> None:
    known = (*known_settings(), "limits.spread_bps")
    assert disagreements(DOC.read_text(), known) == ["limits.spread_bps is not in the page"]


def test_a_row_without_a_setting_a_wrong_default_a_wrong_unit_and_no_why_are_found() -> None:
    text = DOC.read_text()
    extra = "| `colour` | `1` | | of the sky |\n"
    assert disagreements(text + extra, known_settings()) == ["colour is no setting"]
    twice = "| `enabled` | `true` | | again |\n"
    assert disagreements(text + twice, known_settings()) == ["a setting is there twice"]
    row = "| `poll_seconds` | `1` | s,"
    assert row in text
    wrong = text.replace(row, "| `poll_seconds` | `2` | minutes,")
    assert disagreements(wrong, known_settings()) == [
        "poll_seconds: the default is `1`",
        "poll_seconds: the unit is s",
    ]
    silent = re.sub(r"(`poll_seconds` \| `1` \| [^|]*\|).*", r"\1 |", text)
    assert disagreements(silent, known_settings()) == ["poll_seconds: no why"]


@pytest.mark.parametrize(("name", "bound", "outside"), bounds())
def test_a_bound_in_the_page_is_the_one_that_is_enforced(
    give: Give, name: str, bound: str, outside: str
) -> None:
    # What might contradict the bound is moved out of its way.
    way = {"MONITOR_EVALUATE_SECONDS": "0.25", "MONITOR_BREEZE__PROBE_INTERVAL_SECONDS": "60"}
    if name == "evaluate_seconds":
        way = {"MONITOR_INTERVAL_SECONDS": "3600"}
    if name == "breeze.probe_interval_seconds":
        way = {"MONITOR_BREEZE__DEADLINE_SECONDS": "10"}
    assert give(env={**way, variable_name(name): bound}).config.chosen
    with pytest.raises(SettingsError, match=re.escape(name)):
        give(env={**way, variable_name(name): outside})


def test_the_page_names_enough_bounds_for_the_test_above_to_mean_something() -> None:
    assert len(bounds()) >= 12


def test_the_examples_in_the_page_are_settings_that_load(tmp_path: Path) -> None:
    text = DOC.read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "monitor.toml").write_text(example)
    variables = dict(re.findall(r"`(MONITOR_[A-Z_]+)=([^`]+)`", text))
    assert variables == {"MONITOR_LIMITS__DAILY_LOSS_PCT": "2.5"}
    config = load(Home(tmp_path), variables).config
    assert tomllib.loads(example)["limits"]["sentiment_errors_1h"] == "off"
    assert config.limits.sentiment_errors_1h is None
    assert config.limits.daily_loss_pct == 2.5
    assert config.artifacts["student_model"] == Artifact("models/student-*.bin", 24.0)
    assert config.recipients == ("asha@example.com",)
