"""The settings as the operator gives them: environment, `.env`, `monitor.toml`; checked whole.

Slow to import (pydantic): only processes and commands that must do so import it. Everything else
takes the `Config` that comes out.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from monitoring import config
from monitoring.config import Config
from monitoring.home import Home

PREFIX = "MONITOR_"
DELIMITER = "__"
OFF = ("off", "none", False)


class SettingsError(Exception):
    """The settings can't be used; `faults` names every one, with the reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _off(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in OFF:
        return None
    return None if value is False else value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such timezone; use an IANA name such as Asia/Kolkata") from None
    return value


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limit = Annotated[Positive | None, BeforeValidator(_off)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class LimitSettings(_Table):
    """[limits]: thresholds of the built-in rules; `off` switches one off."""

    daily_loss_pct: Limit = 2.0
    daily_loss_warning_pct: Limit = 1.0
    positions_count: Limit = None
    positions_total_value: Limit = None
    position_value: Limit = None
    sentiment_errors_1h: Limit = 20.0
    sentiment_missing_seconds: Limit = 1800.0
    market_data_stale_seconds: Limit = 30.0
    tick_latency_ms: Limit = None
    disk_warning_bytes: Positive = 2_000_000_000.0
    disk_critical_bytes: Positive = 500_000_000.0
    inodes_critical_pct: Annotated[Positive, Field(le=100)] = 5.0

    @model_validator(mode="after")
    def _warning_comes_first(self) -> LimitSettings:
        warning, limit = self.daily_loss_warning_pct, self.daily_loss_pct
        if warning is not None and limit is not None and warning > limit:
            raise ValueError(
                f"daily_loss_warning_pct ({warning:g}) is above daily_loss_pct ({limit:g}): "
                "the warning would come after the alarm"
            )
        if self.disk_critical_bytes > self.disk_warning_bytes:
            raise ValueError("disk_critical_bytes is above disk_warning_bytes")
        return self


class ArtifactSettings(_Table):
    """[artifacts.NAME]: a model file to watch."""

    path: str | None = None
    max_age_hours: Positive = 48.0


class CalendarSettings(_Table):
    """[calendar]: the trading calendar."""

    name: Literal["always"] = "always"


class BreezeSettings(_Table):
    """[breeze]: the broker's session."""

    app_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = config.Breeze().base_url
    session_file: str = "data/breeze_session"
    probe_interval_seconds: Annotated[float, Field(ge=10, allow_inf_nan=False)] = 120.0
    deadline_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 10.0
    calls_per_day: Annotated[int, Field(ge=1)] = 5000

    @model_validator(mode="after")
    def _both_or_none(self) -> BreezeSettings:
        if self.secret_key is not None and self.app_key is None:
            raise ValueError("secret_key is set but app_key is not: set both, or neither")
        return self


class RetentionSettings(_Table):
    """[retention]: how long files are kept."""

    alerts_days: Annotated[int, Field(ge=1)] = 90
    metrics_days: Annotated[int, Field(ge=1)] = 30
    heartbeat_days: Annotated[int, Field(ge=1)] = 7
    heartbeat_bytes: Annotated[int, Field(ge=1_000_000)] = 5_000_000_000
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "02:30"


def _default_artifacts() -> dict[str, ArtifactSettings]:
    return {"teacher_model": ArtifactSettings(), "student_model": ArtifactSettings()}


class _Model(BaseSettings):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)  # type: ignore[assignment]  # its own dict type

    enabled: bool = True
    engine: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")] = "main"
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Kolkata"
    interval_seconds: Annotated[float, Field(ge=0.25, le=3600, allow_inf_nan=False)] = 10.0
    evaluate_seconds: Annotated[float, Field(ge=0.25, le=3600, allow_inf_nan=False)] = 5.0
    poll_seconds: Annotated[float, Field(ge=0.05, le=60, allow_inf_nan=False)] = 1.0
    fact_ttl_seconds: Positive = 300.0
    sentiment_ttl_seconds: Positive = 3600.0
    heartbeat_interval_seconds: Limit = None
    recipients: tuple[str, ...] = ()
    calendar: CalendarSettings = CalendarSettings()
    limits: LimitSettings = LimitSettings()
    artifacts: dict[str, ArtifactSettings] = Field(default_factory=_default_artifacts)
    breeze: BreezeSettings = BreezeSettings()
    retention: RetentionSettings = RetentionSettings()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # load() merges the sources, so that it can say where a fault is


class BreezeSecrets(msgspec.Struct, frozen=True):
    """What the probe signs in with; never printed."""

    app_key: SecretStr
    secret_key: SecretStr | None


class Settings(msgspec.Struct, frozen=True):
    """The checked settings; `secrets_set` names the secrets that were given, not their values."""

    config: Config
    breeze: BreezeSecrets | None
    secrets_set: tuple[str, ...]


def load(home: Home, environ: Mapping[str, str]) -> Settings:
    """Read and check all settings: environment over `.env` over `monitor.toml` over defaults.

    Raises SettingsError with every fault at once, each naming the setting.
    """
    faults: list[str] = []
    merged = _read_toml(home, faults)
    dotenv = {k: v for k, v in dotenv_values(home.root / ".env").items() if v is not None}
    for variables in (dotenv, environ):
        _overlay(merged, _from_variables(variables, faults))
    faults += _unknown_names(merged)
    if faults:
        raise SettingsError(faults)
    for name, table in _default_artifacts().items():
        merged.setdefault("artifacts", {}).setdefault(name, table.model_dump())
    try:
        model = _Model(**merged)
    except ValidationError as error:
        raise SettingsError([_in_words(fault) for fault in error.errors()]) from None
    return _result(model, tuple(sorted(_dotted(merged))))


def _read_toml(home: Home, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(home.settings.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"monitor.toml is not TOML: {error}. Mend that line in {home.settings}")
    except OSError as error:
        faults.append(f"monitor.toml can't be read: {error.strerror} ({home.settings})")
    return {}


class _Variables(EnvSettingsSource):
    """pydantic-settings' reading of nested variables, over a mapping that is handed in."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name.lower(): value for name, value in variables.items()}
        super().__init__(_Model, env_prefix=PREFIX, env_nested_delimiter=DELIMITER)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._variables


def _from_variables(variables: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    ours = {
        name: value
        for name, value in variables.items()
        if name.startswith(PREFIX) and name != "MONITOR_HOME"
    }
    known = {PREFIX + field.upper() for field in _Model.model_fields}
    for name in sorted(ours):
        top = name.split(DELIMITER, 1)[0]
        if top not in known:
            faults.append(f"{name} is not a setting{_nearest(top, known)}")
    recipients = ours.pop("MONITOR_RECIPIENTS", None)
    try:
        found: dict[str, Any] = _Variables(ours)()
    except Exception as error:  # noqa: BLE001 - pydantic-settings raises SettingsError(JSON) here
        faults.append(f"{error}: use {DELIMITER} for nested settings, as in MONITOR_LIMITS__…")
        found = {}
    if recipients is not None:
        found["recipients"] = [one.strip() for one in recipients.split(",") if one.strip()]
    return found


def _overlay(base: dict[str, Any], above: Mapping[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), dict):
            _overlay(base[name], value)
        else:
            base[name] = value


def _unknown_names(merged: Mapping[str, Any]) -> list[str]:
    faults = []
    for name, value in merged.items():
        field = _Model.model_fields.get(name)
        if field is None:
            faults.append(f"{name} is not a setting{_nearest(name, set(_Model.model_fields))}")
            continue
        table = field.annotation
        if isinstance(value, Mapping) and isinstance(table, type) and issubclass(table, BaseModel):
            faults += [
                f"{name}.{inner} is not a setting{_nearest(inner, set(table.model_fields))}"
                for inner in value
                if inner not in table.model_fields
            ]
    return faults


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 1, 0.5)
    return f"; did you mean {close[0]}?" if close else "; see docs/settings.md for all of them"


def _in_words(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "settings"
    reason = str(fault["msg"]).removeprefix("Value error, ")
    hint = ""
    if "greater than" in reason and where.endswith("_pct"):
        hint = " (a loss limit is a positive percentage: 2.0 means two percent)"
    return f"{where}: {reason}{hint}"


def _dotted(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            names += _dotted(value, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def _result(model: _Model, chosen: tuple[str, ...]) -> Settings:
    breeze = model.breeze
    fields = model.model_dump(exclude={"breeze", "limits", "artifacts", "retention", "calendar"})
    secrets = {
        f"breeze.{name}": getattr(breeze, name)
        for name in ("app_key", "secret_key")
        if getattr(breeze, name) is not None
    }
    return Settings(
        Config(
            **fields,
            calendar=model.calendar.name,
            limits=config.Limits(**model.limits.model_dump()),
            artifacts={
                name: config.Artifact(table.path, table.max_age_hours)
                for name, table in model.artifacts.items()
            },
            breeze=config.Breeze(
                configured=breeze.app_key is not None,
                **breeze.model_dump(exclude={"app_key", "secret_key"}),
            ),
            retention=config.Retention(**model.retention.model_dump()),
            chosen=chosen,
        ),
        BreezeSecrets(breeze.app_key, breeze.secret_key) if breeze.app_key else None,
        tuple(secrets),
    )
