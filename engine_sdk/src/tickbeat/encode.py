"""From an engine's own values to JSON: numbers stay numbers, what can't be written is null.

Facts about msgspec 0.22 that shape this file (checked by the tests): a float NaN or
infinity encodes as null; a Decimal encodes as a string unless `decimal_format="number"`,
which then writes a bare NaN, and bare numbers as keys; subclasses of str, int, float and
datetime (`np.float64`, `pd.Timestamp`) go to the hook, as every unknown type does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from operator import itemgetter
from typing import Any

import msgspec

MAX_BODY_BYTES = 65_536
"""A tick that encodes longer than this loses its largest fields, not its life."""

_MAX_DEPTH = 8
_TOKEN = re.compile(
    rb'("(?:[^"\\]|\\.)*")'  # a string: left alone
    rb"|(-?(?:s?NaN[0-9]*|Infinity|[0-9][0-9.Ee+-]*))(\s*:)?"  # a number, perhaps as a key
)


class Encoding:
    """Encode ticks, and count in `nulled` the values that had to become null.

    `encode` writes a tick that has nothing to be nulled but plain floats, and raises
    otherwise; `salvage` then writes what can be. So nothing is counted twice.
    """

    def __init__(self) -> None:
        self.nulled = 0
        # The C functions themselves: one more Python frame would cost a tenth of a tick.
        self.encode = msgspec.json.Encoder(enc_hook=_plain_or_raise, decimal_format="number").encode
        self._encode_anyhow = msgspec.json.Encoder(
            enc_hook=self._plain_or_null, decimal_format="number"
        ).encode

    def count_lost(self, metrics: object) -> None:
        """Count the floats that are written as null, telling them from a None of the engine."""
        try:
            plain = msgspec.to_builtins(
                metrics, builtin_types=(Decimal, datetime), enc_hook=_counted_elsewhere
            )
        except Exception:  # noqa: BLE001 - the engine may change its dict while we look at it
            return
        self.nulled += _not_finite(plain)

    def salvage(self, metrics: object) -> bytes:
        """Return what can be written of a tick that `encode` refused or made too long.

        A JSON object, at most `MAX_BODY_BYTES` long; b"{}" when nothing can be saved.
        """
        try:
            groups = _items(metrics)
            if groups is not None:
                return self._field_by_field(groups)
        except Exception:  # noqa: BLE001, S110 - an engine's object may raise anything; counted below
            pass
        self.nulled += 1
        return b"{}"

    def repair(self, body: bytes) -> bytes:
        """Return `body` with the bare NaN, huge numbers and number keys of Decimals mended."""

        def mend(match: re.Match[bytes]) -> bytes:
            text, number, colon = match.groups()
            if text is not None:
                return bytes(text)
            if colon is not None:
                return b'"' + bytes(number) + b'":'
            if b"NaN" not in number and math.isfinite(float(number)):
                return bytes(number)
            self.nulled += 1
            return b"null"

        return _TOKEN.sub(mend, body)

    def _field_by_field(self, groups: dict[object, object]) -> bytes:
        """Encode each field by itself; the largest become null until the tick fits."""
        tree: dict[str, object] = {}
        sizes: list[tuple[int, dict[str, object], str]] = []
        for group_name, group in groups.items():
            place, fields = tree, _items(group)
            if fields is None:
                fields = {group_name: group}
            else:
                tree[_key(group_name)] = place = {}
            for name, value in fields.items():
                encoded = self._alone(value)
                place[_key(name)] = msgspec.Raw(encoded)
                sizes.append((len(encoded), place, _key(name)))
        sizes.sort(key=itemgetter(0))
        excess = len(self.encode(tree)) - MAX_BODY_BYTES
        while excess > 0 and sizes:
            size, place, name = sizes.pop()
            place[name] = None
            excess -= size - len(b"null")
            self.nulled += 1
        body = self.encode(tree)
        return body if len(body) <= MAX_BODY_BYTES else b"{}"

    def _alone(self, value: object) -> bytes:
        try:
            return self._counted(value)
        except Exception:  # noqa: BLE001 - as in `salvage`
            return self.encode(self._prune(value, ()))

    def _counted(self, value: object) -> bytes:
        before = self.nulled
        try:
            encoded = self._encode_anyhow(value)
        except Exception:
            self.nulled = before
            raise
        if value is not None and b"null" in encoded:
            self.count_lost(value)
        return encoded

    def _prune(self, value: object, above: tuple[int, ...]) -> object:
        """Return `value` as a tree whose every leaf encodes; cycles and great depth are cut."""
        if id(value) not in above and len(above) < _MAX_DEPTH:
            within = (*above, id(value))
            if isinstance(value, Mapping):
                return {_key(name): self._prune(item, within) for name, item in value.items()}
            if isinstance(value, (list, tuple, Set)):
                return [self._prune(item, within) for item in value]
            try:
                return msgspec.Raw(self._counted(value))
            except Exception:  # noqa: BLE001, S110 - as in `salvage`; counted below
                pass
        self.nulled += 1
        return None

    def _plain_or_null(self, value: object) -> object:
        try:
            plain = _plain(value)
        except Exception:  # noqa: BLE001 - `__float__` or `tolist` of an engine's object may raise
            plain = None
        if plain is None:
            self.nulled += 1
        else:
            self.nulled += _not_finite(plain)
        return plain


def _plain_or_raise(value: object) -> object:
    plain = _plain(value)
    if plain is None or _not_finite(plain):
        raise TypeError(f"{type(value).__name__} has no number or text")
    return plain


def _plain(value: Any) -> object:
    """Return a value that msgspec encodes, or None. Raises whatever the object raises."""
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        # pandas gives NaT as a datetime, and nanoseconds that few parsers read.
        text = value.isoformat(timespec="microseconds")
        return None if text == "NaT" else text
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, Mapping):
        return dict(value)
    if getattr(getattr(value, "dtype", None), "kind", None) == "M":
        # `datetime64[ns].tolist()` is a bare count of nanoseconds.
        value = value.astype(str)
    if hasattr(value, "tolist"):
        return value.tolist()  # numpy scalars and arrays, pandas Series, array.array
    if isinstance(value, (Sequence, Set)):
        return list(value)
    if hasattr(value, "__index__"):
        return int(value)
    if hasattr(value, "__float__"):
        return float(value)
    return None


def _counted_elsewhere(_value: object) -> None:
    """The encoder's own hook has counted it."""


def _not_finite(plain: object) -> int:
    if type(plain) is float:
        return not math.isfinite(plain)
    if isinstance(plain, dict):
        return sum(map(_not_finite, plain.values()))
    if isinstance(plain, (list, tuple)):
        return sum(map(_not_finite, plain))
    return 0


def _items(group: object) -> dict[object, object] | None:
    """Return the fields of a mapping or a record, None for anything else."""
    if isinstance(group, msgspec.Struct):
        return {name: getattr(group, name) for name in group.__struct_fields__}
    return dict(group) if isinstance(group, Mapping) else None


def _key(name: object) -> str:
    return str(name).encode("utf-8", "replace").decode()
