"""Where a setting comes from, which place counts, and what comes out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from monitoring.config import Artifact, Config, User
from monitoring.home import Home
from monitoring.settings import Settings, known_settings, load, variable_name

Give = Callable[..., Settings]


def test_an_empty_home_gives_the_defaults_and_calls_none_of_them_chosen(tmp_path: Path) -> None:
    settings = load(Home(tmp_path), {})
    assert settings.config == Config()
    assert settings.config.chosen == ()
    assert settings.breeze is None
    assert settings.secrets_set == ()


def test_monitor_toml_counts_over_the_default(give: Give) -> None:
    assert give("[limits]\ndaily_loss_pct = 3.5\n").config.limits.daily_loss_pct == 3.5


def test_dotenv_counts_over_monitor_toml(give: Give) -> None:
    settings = give('engine = "toml"\n', dotenv="MONITOR_ENGINE=dotenv\n")
    assert settings.config.engine == "dotenv"


def test_the_environment_counts_over_dotenv_and_monitor_toml(give: Give) -> None:
    settings = give(
        'engine = "toml"\n',
        dotenv="MONITOR_ENGINE=dotenv\n",
        env={"MONITOR_ENGINE": "environment"},
    )
    assert settings.config.engine == "environment"


def test_each_setting_is_taken_from_its_own_best_place(give: Give) -> None:
    settings = give(
        "[limits]\ndaily_loss_pct = 9\ndaily_loss_warning_pct = 8\npositions_count = 7\n",
        dotenv="MONITOR_LIMITS__DAILY_LOSS_PCT=6\nMONITOR_LIMITS__DAILY_LOSS_WARNING_PCT=5\n",
        env={"MONITOR_LIMITS__DAILY_LOSS_WARNING_PCT": "4"},
    )
    limits = settings.config.limits
    assert limits.daily_loss_warning_pct == 4
    assert limits.daily_loss_pct == 6
    assert limits.positions_count == 7
    assert limits.sentiment_errors_1h == 20


def test_a_refused_value_does_not_matter_where_a_better_place_has_a_good_one(give: Give) -> None:
    settings = give("interval_seconds = -1\n", env={"MONITOR_INTERVAL_SECONDS": "2"})
    assert settings.config.interval_seconds == 2


def test_a_part_counts_over_its_table_given_as_json(give: Give) -> None:
    settings = give(
        env={
            "MONITOR_LIMITS": '{"daily_loss_pct": 3, "positions_count": 4}',
            "MONITOR_LIMITS__DAILY_LOSS_PCT": "5",
        }
    )
    assert settings.config.limits.daily_loss_pct == 5
    assert settings.config.limits.positions_count == 4


@pytest.mark.parametrize("table", ["{}", ""])
def test_an_empty_table_sets_nothing(give: Give, table: str) -> None:
    assert give(env={"MONITOR_LIMITS": table}).config == Config()


def test_a_variable_set_to_nothing_is_not_set(give: Give) -> None:
    settings = give('engine = "toml"\n', env={"MONITOR_ENGINE": ""})
    assert settings.config.engine == "toml"
    assert settings.config.chosen == ("engine",)


def test_only_variables_of_ours_are_looked_at(give: Give) -> None:
    settings = give(
        env={"ENGINE": "x", "PATH": "/bin", "MONITORING": "x", "MONITOR_HOME": "/elsewhere"},
        dotenv="# a comment\nDATABASE_URL=postgres://\nexport MONITOR_ENGINE='quoted'\n",
    )
    assert settings.config.engine == "quoted"
    assert settings.config.chosen == ("engine",)


def test_the_processs_own_environment_is_not_read_behind_the_callers_back(
    give: Give, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_ENGINE", "process")
    assert os.environ["MONITOR_ENGINE"] == "process"
    assert give().config.engine == "main"


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "off"])
def test_monitor_enabled_false_idles_the_processes(give: Give, word: str) -> None:
    assert give(env={"MONITOR_ENABLED": word}).config.enabled is False


@pytest.mark.parametrize("word", ["true", "1", "yes"])
def test_monitor_enabled_true_overrides_a_false_in_the_file(give: Give, word: str) -> None:
    assert give("enabled = false\n", env={"MONITOR_ENABLED": word}).config.enabled is True


@pytest.mark.parametrize("text", ["a@x, b@y", "a@x,b@y,", '["a@x", "b@y"]', '  ["a@x","b@y"]'])
def test_recipients_come_as_words_or_as_json_from_the_environment(give: Give, text: str) -> None:
    assert give(env={"MONITOR_RECIPIENTS": text}).config.recipients == ("a@x", "b@y")


def test_recipients_come_as_a_list_from_the_file(give: Give) -> None:
    assert give('recipients = ["a@x", " b@y "]\n').config.recipients == ("a@x", "b@y")


@pytest.mark.parametrize("off", ['"off"', "false", '"none"', '" OFF "'])
def test_a_limit_is_switched_off_by_a_word(give: Give, off: str) -> None:
    settings = give(f"[limits]\nsentiment_errors_1h = {off}\n")
    assert settings.config.limits.sentiment_errors_1h is None
    assert settings.config.chosen == ("limits.sentiment_errors_1h",)


def test_a_limit_is_switched_off_from_the_environment(give: Give) -> None:
    settings = give(env={"MONITOR_LIMITS__DAILY_LOSS_WARNING_PCT": "off"})
    assert settings.config.limits.daily_loss_warning_pct is None
    assert settings.config.limits.daily_loss_pct == 2


def test_a_warning_at_its_alarm_is_no_contradiction(give: Give) -> None:
    limits = give("[limits]\ndaily_loss_pct = 1\ndaily_loss_warning_pct = 1\n").config.limits
    assert limits.daily_loss_pct == limits.daily_loss_warning_pct == 1


def test_an_artifact_of_ones_own_stands_beside_the_two_that_are_always_there(give: Give) -> None:
    settings = give('[artifacts.regime]\npath = "models/regime-*"\n')
    assert settings.config.artifacts == {
        "teacher_model": Artifact(),
        "student_model": Artifact(),
        "regime": Artifact("models/regime-*", 48.0),
    }


def test_an_artifact_may_be_given_by_the_environment_alone(give: Give) -> None:
    settings = give(env={"MONITOR_ARTIFACTS__STUDENT_MODEL__MAX_AGE_HOURS": "24"})
    assert settings.config.artifacts["student_model"] == Artifact(None, 24.0)
    assert settings.config.chosen == ("artifacts.student_model.max_age_hours",)


def test_chosen_names_what_was_given_even_where_it_equals_the_default(give: Give) -> None:
    settings = give(
        "interval_seconds = 10\n[retention]\nalerts_days = 90\n",
        dotenv="MONITOR_LIMITS__DAILY_LOSS_PCT=2.0\n",
    )
    assert settings.config.chosen == (
        "interval_seconds",
        "limits.daily_loss_pct",
        "retention.alerts_days",
    )
    assert msgspec.structs.replace(settings.config, chosen=()) == Config()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/x/", "http://[::1]:8/x", "http://localhost"]
)
def test_plain_http_is_allowed_on_this_machine(give: Give, url: str) -> None:
    settings = give(f'[breeze]\nbase_url = "{url}"\n')
    assert settings.config.breeze.base_url == url.rstrip("/")


def test_a_byte_order_mark_at_the_head_of_either_file_is_passed_over(give: Give) -> None:
    settings = give("\ufeffpoll_seconds = 2\n", dotenv="\ufeffMONITOR_ENGINE=dotenv\n")
    assert settings.config.poll_seconds == 2
    assert settings.config.engine == "dotenv"


def test_every_setting_can_be_given_by_its_variable_as_well_as_by_its_name(give: Give) -> None:
    good = {"timezone": "Asia/Kolkata", "engine": "e", "calendar.name": "always"}
    good |= {"calendar.segment": "FO", "calendar.engine_window": "09:20-15:20"}
    good |= {"retention.at": "03:00", "recipients": "a@x", "enabled": "true", "all_well": "true"}
    good |= {"breeze.base_url": "https://x", "breeze.session_file": "f", "breeze.app_key": "k"}
    good |= {"breeze.secret_key": "s", "artifacts.*.path": "p", "breeze.deadline_seconds": "20"}
    good |= {"retention.heartbeat_bytes": "2000000", "breeze.calls_per_day": "20"}
    good |= {"heartbeat_interval_seconds": "19", "limits.disk_critical_bytes": "19"}
    good |= {"limits.daily_loss_warning_pct": "19", "dead_man.chain_url": "https://x/1"}
    good |= {"dead_man.delivery_url": "https://x/2"}
    others = [name for name in known_settings() if not name.startswith("channels.")]
    given = {name.replace("*", "student_model"): good.get(name, "20") for name in others}
    given |= {"channels.phone.kind": "telegram", "channels.phone.severity": "CRITICAL"}
    given |= {"channels.phone.token": "1:a", "channels.phone.chat": "-100"}
    given |= {"channels.phone.base_url": "https://x", "channels.hook.kind": "webhook"}
    given |= {"channels.phone.users": "5:Asha Rao:acknowledge, 6:Ravi:read"}
    given |= {"channels.hook.url": "https://x/?key=1", "channels.trial.kind": "file"}
    given |= {"channels.trial.path": "told.txt", "channels.trial.required": "false"}
    starred = {re.sub(r"channels\.\w+", "channels.*", name) for name in given}
    assert starred >= set(known_settings()) - {"artifacts.*.path", "artifacts.*.max_age_hours"}
    settings = give(env={variable_name(name): value for name, value in given.items()})
    assert settings.config.chosen == tuple(sorted(given))
    assert settings.config.channels["phone"].users == (
        User(5, "Asha Rao", "acknowledge"),
        User(6, "Ravi", "read"),
    )
    assert settings.config.retention.alerts_days == 20
    assert settings.config.limits.tick_latency_ms == 20.0
