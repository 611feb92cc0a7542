"""The effective settings as one plain typed record: what every room takes, and no room parses.

`monitoring.settings` reads and checks them (slow to import); state files carry them, without
secrets, to the commands of the operator.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.incident import Severity


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of the built-in rules; None is off. Field names are those of `limits.*` facts."""

    daily_loss_pct: float | None = 2.0
    daily_loss_warning_pct: float | None = 1.0
    positions_count: float | None = None
    positions_total_value: float | None = None
    position_value: float | None = None
    sentiment_errors_1h: float | None = 20.0
    sentiment_missing_seconds: float | None = 1800.0
    market_data_stale_seconds: float | None = 30.0
    tick_latency_ms: float | None = None
    disk_warning_bytes: float = 2_000_000_000.0
    disk_critical_bytes: float = 500_000_000.0
    inodes_critical_pct: float = 5.0


class Artifact(msgspec.Struct, frozen=True):
    """A model file to watch: glob (relative to the home; None: none), oldest age in hours."""

    path: str | None = None
    max_age_hours: float = 48.0


class Breeze(msgspec.Struct, frozen=True, kw_only=True):
    """The Breeze probe, without its secrets (those stay in `monitoring.settings`)."""

    configured: bool = False
    base_url: str = "https://api.icicidirect.com/breezeapi/api/v1"
    session_file: str = "data/breeze_session"
    probe_interval_seconds: float = 120.0
    deadline_seconds: float = 10.0
    calls_per_day: int = 5000


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Trading hours: whose (XNSE, or `always`), of which segment of it, and in which part of a
    session the engine is meant to run (HH:MM-HH:MM in the exchange's time; None: all of it).
    """

    name: str = "XNSE"
    segment: str = "CM"
    engine_window: str | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long files are kept, and when the nightly run starts (HH:MM, trading timezone)."""

    alerts_days: int = 90
    metrics_days: int = 30
    heartbeat_days: int = 7
    heartbeat_bytes: int = 5_000_000_000
    at: str = "02:30"


class User(msgspec.Struct, frozen=True):
    """Who may talk to the bot of a Telegram channel: the number of the account there, the name
    that the alert log is to have, and what they may do (`acknowledge` includes `read`).
    """

    id: int
    name: str
    role: Literal["read", "acknowledge"]


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to tell somebody, without its secret (that stays in `monitoring.settings`).

    `severity` is the least that it is told of. `required`: the delivery ping fails with it. `chat`,
    `users` and `base_url` are Telegram's, `path` that of a file, relative to the home.
    """

    kind: Literal["webhook", "telegram", "apprise", "alertmanager", "file"]
    severity: Severity = "WARNING"
    required: bool = True
    chat: str | None = None
    users: tuple[User, ...] = ()
    base_url: str = "https://api.telegram.org"
    path: str | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. `chosen` names those that the operator set, so that `health` can tell."""

    enabled: bool = True
    engine: str = "main"
    timezone: str = "Asia/Kolkata"
    calendar: Calendar = Calendar()
    interval_seconds: float = 10.0
    evaluate_seconds: float = 5.0
    poll_seconds: float = 1.0
    fact_ttl_seconds: float = 300.0
    sentiment_ttl_seconds: float = 3600.0
    heartbeat_interval_seconds: float | None = None
    limits: Limits = Limits()
    artifacts: dict[str, Artifact] = msgspec.field(
        default_factory=lambda: {"teacher_model": Artifact(), "student_model": Artifact()}
    )
    breeze: Breeze = Breeze()
    retention: Retention = Retention()
    recipients: tuple[str, ...] = ()
    channels: dict[str, Channel] = {}
    all_well: bool = False
    chosen: tuple[str, ...] = ()

    @property
    def messengers(self) -> tuple[str, ...]:
        """The channels that bring messages to people. An Alertmanager takes the state of alerts,
        and has routes of its own.
        """
        return tuple(name for name, one in self.channels.items() if one.kind != "alertmanager")

    @property
    def waking(self) -> tuple[str, ...]:
        """The channels that somebody hears; those for CRITICAL alone are there to wake: first."""
        heard = (name for name in self.messengers if self.channels[name].kind != "file")
        return tuple(sorted(heard, key=lambda name: self.channels[name].severity != "CRITICAL"))

    @property
    def snapshot_limit_seconds(self) -> float:
        """Age in seconds past which a snapshot no longer counts: three intervals and five."""
        return 3 * self.interval_seconds + 5
