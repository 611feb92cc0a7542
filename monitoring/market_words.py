"""Overrides of the market in words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from monitoring.market_override import MarketOverride


def said(one: MarketOverride, zone: ZoneInfo) -> str:
    """Return what an override does, and who said so: `halted until 11:15 by asha "exchange"`."""
    why = f' "{one.reason}"' if one.reason else ""
    return f"{_what(one, zone)} by {one.by or 'somebody'}{why}"


def _what(one: MarketOverride, zone: ZoneInfo) -> str:
    until = None if one.until_ms is None else f"{_at(one.until_ms, zone):%H:%M}"
    begin = f"{_at(one.from_ms, zone):%H:%M}"
    if one.action == "close":
        return f"{one.date}: closed from {begin} {'on' if until is None else f'to {until}'}"
    if one.action == "halt":
        return f"{one.date}: halted from {begin} {'on' if until is None else f'to {until}'}"
    if one.action == "open":
        return f"{one.date}: one session, {begin} to {until}"
    if one.action == "extend":
        return f"{one.date}: open until {until}"
    if one.action == "skip":
        return f"{one.date}: no session"
    return f"{len(one.clears)} taken back"


def _at(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, zone)
