"""A fault of a setting in words that name it, say why, and what to do; never its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring.config import Config

_REASONS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "finite_number": "must be a number, not NaN or infinity",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "missing": "must be set",
    "int_type": "must be a whole number",
    "string_type": "must be text in quotes",
    "string_unicode": "must be UTF-8",
    "tuple_type": 'must be a list: ["a", "b"]',
}
_PATTERNS = {
    "artifacts": "a name must be 1 to 64 lower-case letters, digits or _",
    "channels": "a name must be 1 to 32 lower-case letters, digits or _",
    "engine": "must be 1 to 64 letters, digits, _ or -, as in HeartbeatWriter(…, engine=…)",
    "retention.at": 'must be a time as "HH:MM" in quotes',
}


def in_words(fault: Any, places: Mapping[tuple[str, ...], str]) -> str:
    """Return pydantic's fault in words; `places` says by path where the operator gave what."""
    path = tuple(str(part) for part in fault["loc"] if not isinstance(part, int))
    path = tuple(part for part in path if part != "[key]")
    name = ".".join(path)
    within = (place for known, place in places.items() if known[: len(path)] == path)
    place = next(within, "default").removeprefix(f"{name}, ")
    return f"{name} ({place}): {_reason(name, fault)}{_todo(path)}"


def _reason(name: str, fault: Any) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "greater_than":
        return f"must be above {context['gt']:g}{_sign(name)}"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:.15g}"
    if kind == "less_than_equal":
        return f"must be at most {context['le']:.15g}"
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(name) or _PATTERNS[name.partition(".")[0]]
    return _REASONS.get(kind) or str(fault["msg"])


def _sign(name: str) -> str:
    if name.startswith("limits.daily_loss"):
        return ", though a loss is negative: 2.0 is a loss of two percent"
    return ""


def _todo(path: tuple[str, ...]) -> str:
    default: object = Config()
    for name in path:
        default = default.get(name) if isinstance(default, dict) else getattr(default, name, None)
    if isinstance(default, bool):
        return f"; the default is {str(default).lower()}"
    if isinstance(default, int | float):
        off = ', "off" for none' if path[0] == "limits" and not path[1].startswith("disk") else ""
        return f"; the default is {default:.15g}{off}"
    if isinstance(default, str):
        return f'; the default is "{default}"'
    if path[0] == "limits":
        return '; "off", the default, for none'
    return ""
