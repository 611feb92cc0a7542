"""What the libraries know of NSE, as a record: it can be read without them."""

from __future__ import annotations

import msgspec

from monitoring.schedule import Hours


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Dates are ISO. `sessions`: of pandas_market_calendars' XNSE; `names`: the holidays that
    `holidays` has for XNSE; `others`: the session dates of exchange_calendars' XBOM (BSE, which
    keeps NSE's holidays; it has no XNSE).
    """

    timezone: str
    sessions: dict[str, Hours]
    names: dict[str, str]
    others: frozenset[str]
    versions: dict[str, str]
