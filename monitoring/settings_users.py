"""Who may talk to a bot, as the operator writes it: `number:name:role`."""

from __future__ import annotations

import re

from monitoring.config import User

_USER = re.compile(r"([1-9][0-9]{0,15}):([^:,\s](?:[^:,]{0,62}[^:,\s])?):(read|acknowledge)")


def users_of(value: object) -> object:
    """Return who `987:Asha:acknowledge` names, of a list or of a text with commas between.

    Raises ValueError, in words for the operator.
    """
    if isinstance(value, str):
        value = [one for one in value.split(",") if one.strip()]
    if not isinstance(value, list | tuple):
        return value
    users = [one if isinstance(one, User) else _user(one) for one in value]
    if len({one.id for one in users}) < len(users):
        raise ValueError("names somebody twice: each number once, with one role")
    return tuple(users)


def _user(text: object) -> User:
    found = _USER.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or not found[2].isprintable():
        raise ValueError(
            "must be number:name:role, the role read or acknowledge, such as 987654321:Asha:read"
        )
    return User(int(found[1]), found[2], "read" if found[3] == "read" else "acknowledge")
