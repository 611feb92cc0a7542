"""Which addresses a setting may have: none may carry a key in the open."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import SecretStr


def plain_url(value: str) -> str:
    """Return an address alone: what is secret travels in headers, or is put behind it."""
    if not _whole_url(value) or re.search(r"[?#@]", value):
        raise ValueError("must be an address alone, without a user, ? or #")
    return value.rstrip("/")


def secret_url(value: SecretStr) -> SecretStr:
    """Return an address that is secret as a whole."""
    _whole_url(value.get_secret_value())
    return value


def alertmanager_url(value: SecretStr) -> SecretStr:
    """Return the address of an Alertmanager, which has no TLS as it comes.

    So plain http is allowed inside the operator's own network too, as Prometheus itself does it:
    alerts then travel in the open there, but no key may.
    """
    plain = value.get_secret_value()
    if re.search(r"[?#]", plain):
        raise ValueError("must be an address alone, without ? or #")
    _whole_url(plain, _is_loopback if "@" in plain else _is_inside)
    return value


def _is_inside(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return bool(re.fullmatch(r"[a-z0-9_-]+|[a-z0-9._-]+\.(internal|local|svc)", host))


def apprise_url(value: SecretStr) -> SecretStr:
    """Return an address of apprise's own form: what it leads to, apprise alone knows."""
    plain = value.get_secret_value()
    if not re.match(r"[a-z][a-z0-9+.-]*://.", plain) or not plain.isprintable():
        raise ValueError("must be an address of apprise such as mailtos://…")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _whole_url(value: str, may_be_plain: Callable[[str], bool] = _is_loopback) -> str:
    """Keys travel there: encrypted, or not off this machine."""
    try:
        parts = urlsplit(value)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # its message shows the address, and somebody's password may be in it
        host = None
    if not host or parts.scheme not in {"http", "https"} or not value.isprintable():
        raise ValueError("must be a web address such as https://api.icicidirect.com/…") from None
    if parts.scheme == "http" and not may_be_plain(host):
        raise ValueError("must be https: the keys would travel in the open")
    return value
