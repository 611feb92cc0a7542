"""Settings that must be refused: each by name and place, with the reason and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring.home import Home
from monitoring.settings import SettingsError, load

Refusal = Callable[..., list[str]]

LOSS = ", though a loss is negative: 2.0 is a loss of two percent"
LOSS_DEFAULT = '; the default is 2, "off" for none'

ONE_LINE = [
    ('enabled = "maybe"', "enabled", "must be true or false; the default is true"),
    ("enabled = 2", "enabled", "must be true or false; the default is true"),
    (
        'engine = "a b"',
        "engine",
        "must be 1 to 64 letters, digits, _ or -, as in HeartbeatWriter(…, engine=…); "
        'the default is "main"',
    ),
    ("engine = 5", "engine", 'must be text in quotes; the default is "main"'),
    (
        'timezone = "Mars"',
        "timezone",
        'is no timezone: give an IANA name such as Asia/Kolkata; the default is "Asia/Kolkata"',
    ),
    ("interval_seconds = 0", "interval_seconds", "must be above 0; the default is 10"),
    ("interval_seconds = 0.1", "interval_seconds", "must be at least 0.25; the default is 10"),
    ("interval_seconds = 3601", "interval_seconds", "must be at most 3600; the default is 10"),
    ('interval_seconds = "ten"', "interval_seconds", "must be a number; the default is 10"),
    ("interval_seconds = [10]", "interval_seconds", "must be a number; the default is 10"),
    ("interval_seconds = true", "interval_seconds", "must be a number; the default is 10"),
    ("heartbeat_interval_seconds = -1", "heartbeat_interval_seconds", "must be above 0"),
    (
        "poll_seconds = nan",
        "poll_seconds",
        "must be a number, not NaN or infinity; the default is 1",
    ),
    (
        "fact_ttl_seconds = inf",
        "fact_ttl_seconds",
        "must be a number, not NaN or infinity; the default is 300",
    ),
    (
        "limits.daily_loss_pct = -2",
        "limits.daily_loss_pct",
        "must be above 0" + LOSS + LOSS_DEFAULT,
    ),
    ("limits.daily_loss_pct = 0", "limits.daily_loss_pct", "must be above 0" + LOSS + LOSS_DEFAULT),
    ("limits.daily_loss_pct = 101", "limits.daily_loss_pct", "must be at most 100" + LOSS_DEFAULT),
    ("limits.daily_loss_pct = true", "limits.daily_loss_pct", "must be a number" + LOSS_DEFAULT),
    (
        "limits.daily_loss_pct = nan",
        "limits.daily_loss_pct",
        "must be a number, not NaN or infinity" + LOSS_DEFAULT,
    ),
    (
        "limits.positions_count = 0",
        "limits.positions_count",
        'must be above 0; "off", the default, for none',
    ),
    (
        'limits.disk_warning_bytes = "off"',
        "limits.disk_warning_bytes",
        "must be a number; the default is 2000000000",
    ),
    ("retention.alerts_days = 0", "retention.alerts_days", "must be at least 1; the default is 90"),
    (
        "retention.alerts_days = 36501",
        "retention.alerts_days",
        "must be at most 36500; the default is 90",
    ),
    (
        "retention.metrics_days = 1.5",
        "retention.metrics_days",
        "must be a whole number; the default is 30",
    ),
    (
        'retention.metrics_days = "a month"',
        "retention.metrics_days",
        "must be a whole number; the default is 30",
    ),
    (
        "retention.heartbeat_bytes = 999999",
        "retention.heartbeat_bytes",
        "must be at least 1000000; the default is 5000000000",
    ),
    (
        'retention.at = "24:00"',
        "retention.at",
        'must be a time as "HH:MM" in quotes; the default is "02:30"',
    ),
    ("retention.at = 02:30:00", "retention.at", 'must be text in quotes; the default is "02:30"'),
    (
        'calendar.name = "XBOM"',
        "calendar.name",
        "must be 'XNSE' or 'always'; the default is \"XNSE\"",
    ),
    (
        'calendar.segment = "cash"',
        "calendar.segment",
        "must be 'CM', 'CM-CAS' or 'FO'; the default is \"CM\"",
    ),
    (
        'calendar.engine_window = "9 to 15"',
        "calendar.engine_window",
        'must be two times as "HH:MM-HH:MM" in quotes, such as "09:20-15:20"',
    ),
    (
        'calendar.engine_window = "15:20-09:20"',
        "calendar.engine_window",
        "ends before it begins: 09:20 is not after 15:20",
    ),
    ('artifacts.a.path = " "', "artifacts.a.path", "must be a path; leave it out for none"),
    ('artifacts.a.path = "a\\u0000b"', "artifacts.a.path", "must be a path; leave it out for none"),
    ("artifacts.a.max_age_hours = -1", "artifacts.a.max_age_hours", "must be above 0"),
    (
        "artifacts.teacher_model.max_age_hours = -1",
        "artifacts.teacher_model.max_age_hours",
        "must be above 0; the default is 48",
    ),
    (
        "breeze.probe_interval_seconds = 9",
        "breeze.probe_interval_seconds",
        "must be at least 10; the default is 120",
    ),
    ('recipients = "a@x"\nrecipients2 = 1', "recipients2", None),
    ("recipients = 5", "recipients", 'must be a list: ["a", "b"]'),
    ("recipients = [5]", "recipients", "must be text in quotes"),
    ('recipients = [" "]', "recipients", "must be a list of addresses"),
    ('breeze.app_key = "two words"', "breeze.app_key", "must be one word of printable ASCII, "),
    ("breeze.app_key = 5", "breeze.app_key", "must be text in quotes"),
]


@pytest.mark.fault("O3")
@pytest.mark.parametrize(("toml", "name", "reason"), ONE_LINE)
def test_a_wrong_value_in_the_file_is_refused_by_name_and_line(
    refusal: Refusal, toml: str, name: str, reason: str | None
) -> None:
    (fault,) = refusal(f"# first line\n{toml}\n")
    if reason is None:
        assert fault == f"{name} (monitor.toml line 3) is not a setting: did you mean recipients?"
    else:
        assert fault.startswith(f"{name} (monitor.toml line 2): {reason}")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.icicidirect.com", "must be https: the keys would travel in the open"),
        ("http://10.0.0.1/", "must be https: the keys would travel in the open"),
        ("ftp://x", "must be a web address such as"),
        ("x", "must be a web address such as"),
        ("https://", "must be a web address such as"),
        ("https://[", "must be a web address such as"),
        ("https://x:99999/", "must be a web address such as"),
        ("https://x/\\u0007", "must be a web address such as"),
        ("https://user:canary@x/", "must be an address alone, without a user, ? or #"),
        ("https://user:canary\\u2100@x/", "must be a web address such as"),
        ("https://x/?key=canary", "must be an address alone, without a user, ? or #"),
    ],
)
def test_an_address_that_would_give_the_keys_away_or_lead_nowhere_is_refused(
    refusal: Refusal, url: str, reason: str
) -> None:
    (fault,) = refusal(f'[breeze]\nbase_url = "{url}"\n')
    assert fault.startswith(f"breeze.base_url (monitor.toml line 2): {reason}")
    assert "canary" not in fault


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        (
            "[limits]\ndaily_loss_pct = 2\ndaily_loss_warning_pct = 2.5\n",
            "limits.daily_loss_warning_pct (monitor.toml line 3): 2.5 is above "
            "limits.daily_loss_pct, 2: the warning would come after the alarm; set it below; "
            'the default is 1, "off" for none',
        ),
        (
            "limits.daily_loss_pct = 0.5\n",
            "limits.daily_loss_warning_pct (default): 1 is above limits.daily_loss_pct, 0.5: the "
            'warning would come after the alarm; set it below; the default is 1, "off" for none',
        ),
        (
            "limits.disk_critical_bytes = 2500000000\n",
            "limits.disk_critical_bytes (monitor.toml line 1): 2500000000 is above "
            "limits.disk_warning_bytes, 2000000000: the warning would come after the alarm; "
            "set it below; the default is 500000000",
        ),
        (
            "interval_seconds = 1\nevaluate_seconds = 9\n",
            "evaluate_seconds (monitor.toml line 2): 9 is above the age at which a snapshot is "
            "stale (3 × interval_seconds + 5 = 8): a dead collector would be told late; set it "
            "below; the default is 5",
        ),
        (
            "heartbeat_interval_seconds = 600\n",
            "fact_ttl_seconds (default): 300 is below heartbeat_interval_seconds, 600: every value "
            "would be unknown before the next tick; set it above; the default is 300",
        ),
        (
            "[breeze]\nprobe_interval_seconds = 20\ndeadline_seconds = 30\n",
            "breeze.deadline_seconds (monitor.toml line 3): 30 is above "
            "breeze.probe_interval_seconds, 20: a probe would still wait when the next is due; "
            "set it below; the default is 10",
        ),
        (
            '[breeze]\nsecret_key = "canary"\n',
            "breeze.secret_key (monitor.toml line 2): is set, but breeze.app_key is not: set both, "
            "or neither",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_both_names(
    refusal: Refusal, toml: str, fault: str
) -> None:
    assert refusal(toml) == [fault]


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        (
            "intervall_seconds = 5\n",
            "intervall_seconds (monitor.toml line 1) is not a setting: "
            "did you mean interval_seconds?",
        ),
        (
            "[limit]\ndaily_loss_pct = 5\n",
            "limit.daily_loss_pct (monitor.toml line 2) is not a setting: "
            "did you mean limits.daily_loss_pct?",
        ),
        (
            "[artifacts.student_model]\nmax_age = 5\n",
            "artifacts.student_model.max_age (monitor.toml line 2) is not a setting: "
            "did you mean artifacts.student_model.max_age_hours?",
        ),
        (
            "zzzzz = 5\n",
            "zzzzz (monitor.toml line 1) is not a setting: docs/settings.md lists them all",
        ),
        (
            "limits = 5\n",
            "limits (monitor.toml line 1) is a table: set its parts, as in "
            "limits.daily_loss_pct = …",
        ),
        (
            "artifacts.regime = 5\n",
            "artifacts.regime (monitor.toml line 1) is a table: set its parts, as in "
            "artifacts.regime.path = …",
        ),
        (
            '"\\u001b[31m" = 5\n',
            "\\x1b[31m (monitor.toml line 1) is not a setting: docs/settings.md lists them all",
        ),
    ],
)
def test_an_unknown_name_in_the_file_is_refused_with_the_nearest_one(
    refusal: Refusal, toml: str, fault: str
) -> None:
    assert refusal(toml) == [fault]


@pytest.mark.parametrize(
    ("users", "fault"),
    [
        ("5:Asha:admin", "must be number:name:role"),
        ("Asha", "must be number:name:role"),
        ("-5:Asha:read", "must be number:name:role"),
        ("5::read", "must be number:name:role"),
        ("5:A\x1b[2J:read", "must be number:name:role"),
        ("5:Asha:read, 5:Ravi:read", "names somebody twice: each number once, with one role"),
    ],
)
def test_a_user_of_a_bot_who_is_none_is_refused(refusal: Refusal, users: str, fault: str) -> None:
    channel = '[channels.p]\nkind = "telegram"\nchat = 5\ntoken = "1:a"\n'
    (said,) = refusal(channel + f"users = {json.dumps([*users.split(', ')])}\n")
    assert said.startswith(f"channels.p.users (monitor.toml line 5): {fault}")


def test_only_a_bot_has_users(refusal: Refusal) -> None:
    channel = '[channels.p]\nkind = "file"\npath = "p"\nusers = ["5:Asha:read"]\n'
    (said,) = refusal(channel)
    assert "a channel of kind file has no users" in said


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        (
            "MONITOR_INTERVAL_SECOND",
            "5",
            "MONITOR_INTERVAL_SECOND ({place}) is not a setting: "
            "did you mean MONITOR_INTERVAL_SECONDS?",
        ),
        (
            "MONITOR_LIMITS_DAILY_LOSS_PCT",
            "5",
            "MONITOR_LIMITS_DAILY_LOSS_PCT ({place}) is not a setting: "
            "did you mean MONITOR_LIMITS__DAILY_LOSS_PCT?",
        ),
        (
            "MONITOR_LIMITS",
            "5",
            "MONITOR_LIMITS ({place}) is a table: set its parts, as in "
            "MONITOR_LIMITS__DAILY_LOSS_PCT=…",
        ),
        (
            "MONITOR_LIMITS",
            "[" * 60_000,
            "MONITOR_LIMITS ({place}) is a table: set its parts, as in "
            "MONITOR_LIMITS__DAILY_LOSS_PCT=…",
        ),
        (
            "MONITOR_BREEZE",
            '{"app_key": "canary"',
            "MONITOR_BREEZE ({place}) is a table: set its parts, as in MONITOR_BREEZE__APP_KEY=…",
        ),
        (
            "MONITOR_ENABLED",
            "maybe",
            "enabled (MONITOR_ENABLED, {place}): must be true or false; the default is true",
        ),
        (
            "MONITOR_RECIPIENTS",
            "[a@x",
            'recipients (MONITOR_RECIPIENTS, {place}): must be a list: a@x, b@y, or ["a@x", "b@y"]',
        ),
        (
            "MONITOR_RECIPIENTS",
            "[" * 60_000,
            'recipients (MONITOR_RECIPIENTS, {place}): must be a list: a@x, b@y, or ["a@x", "b@y"]',
        ),
        (
            "MONITOR_RETENTION__ALERTS_DAYS",
            "9" * 5000,
            "retention.alerts_days (MONITOR_RETENTION__ALERTS_DAYS, {place}): must be a whole "
            "number of fewer digits; the default is 90",
        ),
        (
            "MONITOR_ARTIFACTS__TEACHER-MODEL__PATH",
            "x",
            "artifacts.teacher-model (MONITOR_ARTIFACTS__TEACHER-MODEL__PATH, {place}): a name "
            "must be 1 to 64 lower-case letters, digits or _",
        ),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env line 1"])
def test_a_wrong_variable_is_refused_by_its_own_name_and_place(
    refusal: Refusal, variable: str, value: str, fault: str, place: str
) -> None:
    if place == "environment":
        found = refusal(env={variable: value})
    else:
        found = refusal(dotenv=f"{variable}='{value}'\n")
    assert found == [fault.format(place=place)]


def test_bytes_that_are_no_text_are_refused(refusal: Refusal) -> None:
    (fault,) = refusal(env={"MONITOR_ENGINE": os.fsdecode(b"\xff")})
    assert fault == 'engine (MONITOR_ENGINE, environment): must be UTF-8; the default is "main"'


def test_all_faults_of_all_places_are_told_in_one_go(refusal: Refusal) -> None:
    faults = refusal(
        "interval = 5\n[limits]\ndaily_loss_pct = -2\n[retention]\nat = 'noon'\n",
        dotenv="MONITOR_POLL_SECONDS=fast\nnot a line\n",
        env={"MONITOR_ENABLED": "maybe", "MONITOR_LIMIT__X": "1"},
    )
    names = [fault.split(" ")[0] for fault in faults]
    expected = {".env", "MONITOR_LIMIT__X", "enabled", "interval", "poll_seconds"}
    assert sorted(names) == sorted({*expected, "limits.daily_loss_pct", "retention.at"})


def test_the_error_itself_reads_as_all_faults(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").write_text("x = 1\ninterval_seconds = 0\n")
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    assert str(refused.value) == "\n".join(refused.value.faults)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"a = 1\nb = [\n", "at line 3, the last"),
        (b"a = 1\na = 2\n", "at line 2, column 6"),
        (b"a = 1\nb 2\n", "at line 2, column 3"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_broken_monitor_toml_is_refused_with_the_line(
    tmp_path: Path, text: bytes, where: str
) -> None:
    (tmp_path / "monitor.toml").write_bytes(text)
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    (fault,) = refused.value.faults
    assert fault.startswith("monitor.toml is not TOML: ")
    assert where in fault
    assert fault.endswith(f"{tmp_path}/monitor.toml")


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").write_text(f"interval_seconds = {'9' * 5000}\n")
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    (fault,) = refused.value.faults
    assert fault == (
        f"monitor.toml holds a number of thousands of digits: correct {tmp_path / 'monitor.toml'}"
    )


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("monitor.toml", "monitor.toml, line 2: is not UTF-8: save {path} as UTF-8"),
        (".env", ".env is not UTF-8: save {path} as UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, file: str, fault: str) -> None:
    (tmp_path / file).write_bytes(b"# one\n# caf\xe9\n")
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    assert refused.value.faults == [fault.format(path=tmp_path / file)]


@pytest.mark.parametrize("file", ["monitor.toml", ".env"])
def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path, file: str) -> None:
    (tmp_path / file).mkdir()
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    assert refused.value.faults == [
        f"{file} can't be read (Is a directory): let this user read {tmp_path / file}"
    ]


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from monitoring.home import Home
from monitoring.settings import SettingsError, load
ZoneInfo("Asia/Kolkata")  # read while everything may be read
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    load(Home(Path("/proc/self/cwd")), {})
except SettingsError as error:
    print(error)
"""


def test_files_that_this_user_may_not_read_are_refused_rather_than_passed_over(
    tmp_path: Path,
) -> None:
    for file in ("monitor.toml", ".env"):
        (tmp_path / file).write_text("")
        (tmp_path / file).chmod(0)
    tmp_path.chmod(0o755)
    command = [sys.executable, "-c", READ_AS_NOBODY]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "monitor.toml can't be read (Permission denied): "
        "let this user read /proc/self/cwd/monitor.toml",
        ".env can't be read (Permission denied): let this user read /proc/self/cwd/.env",
    ]


@pytest.mark.fault("O3")
@pytest.mark.parametrize(
    ("room", "toml", "fault"),
    [
        ("collectors", "interval_seconds = nan", "interval_seconds (monitor.toml line 3): "),
        ("scheduler", "evaluate_seconds = -1", "evaluate_seconds (monitor.toml line 3): "),
        ("collectors", "interval_secnds = 1", "interval_secnds (monitor.toml line 3) is not "),
        (
            "scheduler",
            "interval_seconds = = 1",
            "monitor.toml is not TOML: Invalid value (at line 3",
        ),
    ],
)
def test_a_process_refuses_each_kind_of_fault_by_name_and_tells_no_secret(
    tmp_path: Path, room: str, toml: str, fault: str
) -> None:
    toml = f'breeze.app_key = "CANARY-a"\nbreeze.secret_key = "CANARY-s"\n{toml}\n'
    (tmp_path / "monitor.toml").write_text(toml)
    done = subprocess.run(
        [sys.executable, "-m", room],
        env={**os.environ, "MONITOR_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert fault in done.stderr
    assert "CANARY" not in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["monitor.toml"]


@pytest.mark.parametrize("room", ["collectors", "scheduler"])
def test_a_process_refuses_to_start_with_every_fault_on_stderr_and_status_2(
    tmp_path: Path, room: str
) -> None:
    (tmp_path / "monitor.toml").write_text("interval_seconds = 0\npoll = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", room],
        env={**os.environ, "MONITOR_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    who = room.rstrip("s")
    assert done.stderr.splitlines() == [
        f"{who}: poll (monitor.toml line 2) is not a setting: docs/settings.md lists them all",
        f"{who}: interval_seconds (monitor.toml line 1): must be above 0; the default is 10",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["monitor.toml"]


def test_a_home_whose_path_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path / os.fsdecode(b"\xff")), {})
    (fault,) = refused.value.faults
    assert fault.startswith("MONITOR_HOME: ")
    assert fault.endswith("\\udcff is not UTF-8: choose a folder whose path is")
