"""What each setting may be: types, ranges, and which of them contradict each other.

Defaults are those of `monitoring.config`; docs/settings.md says why.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource

from monitoring.config import (
    Artifact,
    Breeze,
    Calendar,
    Channel,
    Config,
    Limits,
    Retention,
    User,
)
from monitoring.settings_urls import alertmanager_url, apprise_url, plain_url, secret_url
from monitoring.settings_users import users_of

_CLOCK = r"((?:[01][0-9]|2[0-3]):[0-5][0-9])"
_WINDOW = re.compile(rf"{_CLOCK} ?[-–] ?{_CLOCK}")
OFF_WORDS = ("off", "false", "no", "none")
_CONFIG = Config()
_LIMITS, _BREEZE, _RETENTION, _CALENDAR = Limits(), Breeze(), Retention(), Calendar()


def _number(value: object) -> object:
    if isinstance(value, bool):  # pydantic would take true for 1
        raise ValueError("must be a number")  # noqa: TRY004 -- pydantic collects ValueErrors
    return value


def _limit(value: object) -> object:
    if value is False or (isinstance(value, str) and value.strip().lower() in OFF_WORDS):
        return None
    return _number(value)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no timezone: give an IANA name such as Asia/Kolkata") from None
    return name


def _secret(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value()
    if not plain or not all(33 <= ord(one) <= 126 for one in plain):
        raise ValueError("must be one word of printable ASCII, as it was handed out")
    return value


def _path(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a path; leave it out for none")
    return value


def _addresses(value: object) -> object:
    """From the environment a list comes as `a@x, b@y`, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError('must be a list: a@x, b@y, or ["a@x", "b@y"]') from None
    return [one.strip() for one in value.split(",") if one.strip()]


def _window(value: object) -> object:
    if value is False or (isinstance(value, str) and value.strip().lower() in OFF_WORDS):
        return None
    if not isinstance(value, str):
        return value
    found = _WINDOW.fullmatch(value.strip())
    if found is None:
        raise ValueError('must be two times as "HH:MM-HH:MM" in quotes, such as "09:20-15:20"')
    if found[1] >= found[2]:
        raise ValueError(f"ends before it begins: {found[2]} is not after {found[1]}")
    return f"{found[1]}-{found[2]}"


def _chat(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{3,64}", value):
        raise ValueError("must be a chat's number, or @name of a channel")
    return value


def _address(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a list of addresses")
    return value.strip()


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_number)]
Amount = Seconds
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False), BeforeValidator(_number)]
Whole = Annotated[int, Field(ge=1, le=10**15), BeforeValidator(_number)]
Days = Annotated[int, Field(ge=1, le=36_500), BeforeValidator(_number)]
AmountOrOff = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | None, BeforeValidator(_limit)
]
PercentOrOff = Annotated[
    Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None, BeforeValidator(_limit)
]
Path = Annotated[str, AfterValidator(_path)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]


class _Table(BaseModel):
    # Defaults are checked too: a limit that was set may contradict one that was left alone.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, validate_default=True)


class LimitSettings(_Table):
    """[limits]: thresholds of the built-in rules."""

    daily_loss_pct: PercentOrOff = _LIMITS.daily_loss_pct
    daily_loss_warning_pct: PercentOrOff = _LIMITS.daily_loss_warning_pct
    positions_count: AmountOrOff = _LIMITS.positions_count
    positions_total_value: AmountOrOff = _LIMITS.positions_total_value
    position_value: AmountOrOff = _LIMITS.position_value
    sentiment_errors_1h: AmountOrOff = _LIMITS.sentiment_errors_1h
    sentiment_missing_seconds: AmountOrOff = _LIMITS.sentiment_missing_seconds
    market_data_stale_seconds: AmountOrOff = _LIMITS.market_data_stale_seconds
    tick_latency_ms: AmountOrOff = _LIMITS.tick_latency_ms
    disk_warning_bytes: Amount = _LIMITS.disk_warning_bytes
    disk_critical_bytes: Amount = _LIMITS.disk_critical_bytes
    inodes_critical_pct: Percent = _LIMITS.inodes_critical_pct

    @field_validator("daily_loss_warning_pct")
    @classmethod
    def _warns_first(cls, warning: float | None, info: ValidationInfo) -> float | None:
        limit = info.data.get("daily_loss_pct")
        if warning is not None and limit is not None and warning > limit:
            raise ValueError(
                f"{warning:.15g} is above limits.daily_loss_pct, {limit:.15g}: the warning would "
                "come after the alarm; set it below"
            )
        return warning

    @field_validator("disk_critical_bytes")
    @classmethod
    def _critical_is_less(cls, critical: float, info: ValidationInfo) -> float:
        warning = info.data.get("disk_warning_bytes")
        if warning is not None and critical > warning:
            raise ValueError(
                f"{critical:.15g} is above limits.disk_warning_bytes, {warning:.15g}: the warning "
                "would come after the alarm; set it below"
            )
        return critical


class ArtifactSettings(_Table):
    """[artifacts.NAME]: a model file to watch."""

    path: Path | None = Artifact().path
    max_age_hours: Amount = Artifact().max_age_hours


class CalendarSettings(_Table):
    """[calendar]: the trading calendar."""

    name: Literal["XNSE", "always"] = "XNSE"
    segment: Literal["CM", "CM-CAS", "FO"] = "CM"
    engine_window: Annotated[str | None, BeforeValidator(_window)] = _CALENDAR.engine_window


class BreezeSettings(_Table):
    """[breeze]: the broker's session."""

    app_key: Secret | None = None
    secret_key: Secret | None = None
    base_url: Annotated[str, AfterValidator(plain_url)] = _BREEZE.base_url
    session_file: Path = _BREEZE.session_file
    probe_interval_seconds: Annotated[Seconds, Field(ge=10)] = _BREEZE.probe_interval_seconds
    deadline_seconds: Annotated[Seconds, Field(le=60)] = _BREEZE.deadline_seconds
    calls_per_day: Whole = _BREEZE.calls_per_day

    @field_validator("secret_key")
    @classmethod
    def _not_alone(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is not None and info.data.get("app_key", secret) is None:
            raise ValueError("is set, but breeze.app_key is not: set both, or neither")
        return secret

    @field_validator("deadline_seconds")
    @classmethod
    def _before_the_next(cls, deadline: float, info: ValidationInfo) -> float:
        interval = info.data.get("probe_interval_seconds")
        if interval is not None and deadline > interval:
            raise ValueError(
                f"{deadline:g} is above breeze.probe_interval_seconds, {interval:g}: a probe "
                "would still wait when the next is due; set it below"
            )
        return deadline


class RetentionSettings(_Table):
    """[retention]: how long files are kept."""

    alerts_days: Days = _RETENTION.alerts_days
    metrics_days: Days = _RETENTION.metrics_days
    heartbeat_days: Days = _RETENTION.heartbeat_days
    heartbeat_bytes: Annotated[Whole, Field(ge=1_000_000)] = _RETENTION.heartbeat_bytes
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = _RETENTION.at


_PARTS: dict[str, tuple[str, ...]] = {
    "webhook": ("url",),
    "telegram": ("token", "chat"),
    "apprise": ("url",),
    "alertmanager": ("url",),
    "file": ("path",),
}
"""What a channel of each kind needs; what is another kind's it can't have."""
_URLS = {"webhook": secret_url, "apprise": apprise_url, "alertmanager": alertmanager_url}


class ChannelSettings(_Table):
    """[channels.NAME]: a way to tell somebody."""

    model_config = ConfigDict(arbitrary_types_allowed=True)  # a `User` is no model of pydantic's

    kind: Literal["webhook", "telegram", "apprise", "alertmanager", "file"]
    severity: Literal["WARNING", "CRITICAL"] = "WARNING"
    required: bool = True
    url: SecretStr | None = None
    token: Secret | None = None
    chat: Annotated[str, BeforeValidator(_chat)] | None = None
    users: Annotated[tuple[User, ...], NoDecode, BeforeValidator(users_of)] = ()
    base_url: Annotated[str, AfterValidator(plain_url)] = Channel(kind="telegram").base_url
    path: Path | None = None

    @property
    def secret(self) -> SecretStr | None:
        """The one secret that a channel has, if it has one."""
        return self.token or self.url

    @model_validator(mode="after")
    def _has_its_parts(self) -> Self:
        needed = _PARTS[self.kind]
        lacking = [name for name in needed if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"a channel of kind {self.kind} needs {' and '.join(lacking)}")
        known = {"kind", "severity", "required", *needed}
        known |= {"base_url", "users"} if self.kind == "telegram" else set()
        foreign = sorted(self.model_fields_set - known)
        if foreign:
            raise ValueError(f"a channel of kind {self.kind} has no {' and no '.join(foreign)}")
        if self.url is not None:
            _URLS[self.kind](self.url)
        return self


class DeadManSettings(_Table):
    """[dead_man]: where the notifier says each minute that all is well."""

    chain_url: Annotated[SecretStr, AfterValidator(secret_url)] | None = None
    delivery_url: Annotated[SecretStr, AfterValidator(secret_url)] | None = None


def default_artifacts() -> dict[str, Any]:
    """Return the tables of the artifacts that are there without being asked for."""
    return {name: {} for name in _CONFIG.artifacts}


ArtifactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Interval = Annotated[Seconds, Field(ge=0.25, le=3600)]


class SettingsModel(BaseSettings):
    """All settings. Sources are merged by `monitoring.settings`, which knows where each stands."""

    model_config = {
        "extra": "forbid",
        "hide_input_in_errors": True,
        "validate_default": True,
    }

    enabled: bool = _CONFIG.enabled
    engine: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = _CONFIG.engine
    timezone: Annotated[str, AfterValidator(_timezone)] = _CONFIG.timezone
    interval_seconds: Interval = _CONFIG.interval_seconds
    evaluate_seconds: Interval = _CONFIG.evaluate_seconds
    poll_seconds: Annotated[Seconds, Field(ge=0.05, le=60)] = _CONFIG.poll_seconds
    heartbeat_interval_seconds: AmountOrOff = _CONFIG.heartbeat_interval_seconds
    fact_ttl_seconds: Seconds = _CONFIG.fact_ttl_seconds
    sentiment_ttl_seconds: Seconds = _CONFIG.sentiment_ttl_seconds
    recipients: Annotated[
        tuple[Annotated[str, AfterValidator(_address)], ...],
        NoDecode,
        BeforeValidator(_addresses),
    ] = _CONFIG.recipients
    all_well: bool = _CONFIG.all_well
    calendar: CalendarSettings = CalendarSettings()
    limits: LimitSettings = LimitSettings()
    artifacts: dict[ArtifactName, ArtifactSettings] = Field(default_factory=default_artifacts)
    channels: dict[ChannelName, ChannelSettings] = {}
    dead_man: DeadManSettings = DeadManSettings()
    breeze: BreezeSettings = BreezeSettings()
    retention: RetentionSettings = RetentionSettings()

    @field_validator("evaluate_seconds")
    @classmethod
    def _looks_in_time(cls, evaluate: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_seconds")
        if interval is not None and evaluate > 3 * interval + 5:
            raise ValueError(
                f"{evaluate:g} is above the age at which a snapshot is stale (3 × interval_seconds "
                f"+ 5 = {3 * interval + 5:g}): a dead collector would be told late; set it below"
            )
        return evaluate

    @field_validator("fact_ttl_seconds")
    @classmethod
    def _outlives_a_tick(cls, ttl: float, info: ValidationInfo) -> float:
        tick = info.data.get("heartbeat_interval_seconds")
        if tick is not None and ttl < tick:
            raise ValueError(
                f"{ttl:g} is below heartbeat_interval_seconds, {tick:g}: every value would be "
                "unknown before the next tick; set it above"
            )
        return ttl

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed in and nothing else, whatever the process's environment says."""
        return (init_settings,)
