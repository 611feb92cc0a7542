from __future__ import annotations

import socket
import threading
import time

import httpcore2
import pytest

from collectors import breeze_probe
from collectors.breeze_probe import Answer, Page, Question, ask, clock_ahead_seconds, read
from tests.breeze_stub import APP_KEY, EXPIRED_KEY, SESSION_KEY, Stub


def put(stub: Stub, scenario: str, deadline_seconds: float = 60.0) -> Answer:
    return ask(Question(f"{stub.url}/{scenario}", APP_KEY, SESSION_KEY, deadline_seconds))


@pytest.mark.fault("B1")
@pytest.mark.parametrize(
    ("scenario", "status", "words"),
    [
        ("success", "authenticated", "accepts the session"),
        ("session_expired", "session_expired", "session has expired"),
        ("session_expired_500", "session_expired", "session has expired"),
        ("bad_app_key", "bad_app_key", "app key"),
        ("bad_session", "bad_session", "session key"),
        ("unknown_error", "unknown", "Something else."),
        ("error_500", "unreachable", "HTTP 500"),
        ("status_200_with_error", "unknown", "without a reason"),
        ("no_token", "unknown", "without a usable session"),
        ("token_not_base64", "unknown", "without a usable session"),
        ("token_without_user", "unknown", "without a usable session"),
        ("token_number", "unknown", "without a usable session"),
        ("success_text", "unknown", "without a usable session"),
        ("empty_object", "unknown", "without a reason"),
        ("list", "unknown", "not of Breeze"),
        ("null", "unknown", "not of Breeze"),
        ("deep", "unknown", "not JSON"),
        ("http_401", "unknown", "HTTP 401"),
        ("rate_limited", "rate_limited", "HTTP 429"),
        ("rate_limited_json", "rate_limited", "API call per minute"),
        ("http_500", "unreachable", "HTTP 500"),
        ("html", "unreachable", "maintenance page"),
        ("html_503", "unreachable", "maintenance page"),
        ("redirect", "unreachable", "not followed"),
        ("huge", "unknown", "longer than"),
        ("text", "unknown", "not JSON"),
        ("empty", "unknown", "not JSON"),
        ("half_json", "unreachable", "RemoteProtocolError"),
        ("half_json_no_length", "unknown", "not JSON"),
        ("utf16", "authenticated", "accepts"),
        ("broken_utf8", "unknown", "not JSON"),
        ("gzip", "authenticated", "accepts"),
        ("gzip_bomb", "unknown", "encoding"),
        ("not_gzip", "unknown", "encoding"),
        ("mislabelled", "authenticated", "accepts"),
        ("brotli", "unknown", "not JSON"),
    ],
)
def test_each_answer_has_a_status_and_words(
    stub: Stub, scenario: str, status: str, words: str
) -> None:
    answer = put(stub, scenario)

    assert answer.status == status
    assert words in answer.detail
    assert (answer.latency_ms is not None) == (status == "authenticated")


def test_the_question_is_the_official_one_byte_for_byte(stub: Stub) -> None:
    put(stub, "success")

    path, headers, body = stub.requests[0]
    assert path == "/success/customerdetails"
    assert headers["Content-Type"] == "application/json"
    assert body == f'{{"SessionToken":"{SESSION_KEY}","AppKey":"{APP_KEY}"}}'.encode()


def test_a_slash_at_the_end_of_the_base_url_changes_nothing(stub: Stub) -> None:
    ask(Question(f"{stub.url}/success/", APP_KEY, SESSION_KEY, 60))

    assert stub.asked() == ["/success/customerdetails"]


@pytest.mark.fault("B2")
def test_expired_session_wrong_session_and_wrong_app_key_are_told_apart(stub: Stub) -> None:
    def status(app_key: str, session_key: str) -> str:
        return ask(Question(f"{stub.url}/keys", app_key, session_key, 60)).status

    assert status(APP_KEY, SESSION_KEY) == "authenticated"
    assert status(APP_KEY, EXPIRED_KEY) == "session_expired"
    assert status(APP_KEY, "typo") == "bad_session"
    assert status("typo", SESSION_KEY) == "bad_app_key"


def test_a_redirect_is_not_followed(stub: Stub) -> None:
    put(stub, "redirect")

    assert stub.asked() == ["/redirect/customerdetails"]


def test_retry_after_is_honoured_in_seconds_and_bounded(stub: Stub) -> None:
    assert put(stub, "rate_limited").retry_after_seconds == 45
    assert put(stub, "rate_limited_soon").retry_after_seconds is None
    forever = read(Page(429, {"retry-after": "99999999"}, b"", True))
    assert forever.retry_after_seconds == 3600


@pytest.mark.fault("B1")
@pytest.mark.parametrize("scenario", ["hang", "drip", "drip_no_length", "drip_headers"])
def test_the_wall_deadline_holds_whatever_the_server_does(stub: Stub, scenario: str) -> None:
    put(stub, "success")  # the import of the HTTP client isn't part of any deadline
    began = time.monotonic()

    answer = put(stub, scenario, deadline_seconds=0.4)

    assert time.monotonic() - began < 10
    assert answer.status == "unreachable"
    assert answer.detail == "no full answer within 0.4 s"


@pytest.mark.fault("B1")
def test_a_connection_that_drips_is_cut_not_left_behind(stub: Stub) -> None:
    deadline_seconds = 0.3
    while not stub.asked():  # a busy machine may take longer to get as far as the question
        put(stub, "drip", deadline_seconds)
        deadline_seconds *= 2

    assert stub.cut.wait(60)


@pytest.mark.fault("B1")
def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        answer = ask(Question(f"http://127.0.0.1:{port}", APP_KEY, SESSION_KEY, 60))

    assert answer.status == "unreachable"
    assert "refused" in answer.detail


def test_a_listener_that_never_accepts_is_unreachable_within_the_deadline() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        began = time.monotonic()
        answer = ask(
            Question(f"http://127.0.0.1:{deaf.getsockname()[1]}", APP_KEY, SESSION_KEY, 0.4)
        )

    assert answer.status == "unreachable"
    assert time.monotonic() - began < 10


def test_plain_http_behind_an_https_url_is_unreachable(stub: Stub) -> None:
    answer = ask(Question(stub.url.replace("http:", "https:"), APP_KEY, SESSION_KEY, 60))

    assert answer.status == "unreachable"
    assert "ConnectError" in answer.detail


@pytest.mark.parametrize("url", ["", "gopher://x", "http://[half", "http://a b", "127.0.0.1:1"])
def test_an_impossible_base_url_is_an_answer_too(url: str) -> None:
    assert ask(Question(url, APP_KEY, SESSION_KEY, 60)).status == "unreachable"


def test_a_proxy_in_the_environment_is_not_used(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert put(stub, "success").status == "authenticated"


def test_keys_never_come_back_in_words(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        answer = put(stub, "echo")
    question = Question(stub.url, APP_KEY, SESSION_KEY, 1)

    for key in (APP_KEY, SESSION_KEY):
        assert key not in answer.detail
        assert key not in caplog.text
        assert key not in repr(question)
        assert key not in str(question)
    assert "no such keys" in answer.detail


def test_a_key_that_is_cut_by_the_length_limit_does_not_leak_its_beginning() -> None:
    body = f'{{"Status": 5, "Error": "{"x" * 115}{SESSION_KEY}"}}'.encode()

    answer = read(Page(200, {}, body, True), (SESSION_KEY,))

    assert SESSION_KEY[:5] not in answer.detail


def test_what_steers_a_terminal_is_taken_out_of_the_words() -> None:
    body = b'{"Status": 5, "Error": "\\u001b]0;owned\\u0007 gone\\r"}'

    answer = read(Page(200, {}, body, True))

    assert answer.detail.replace("…", "").isprintable()


def test_no_thread_is_left_behind(stub: Stub) -> None:
    put(stub, "success")

    left = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    for timer in left:
        timer.join(60)
    assert not [one for one in left if one.is_alive()]


def test_every_answer_tells_how_far_our_clock_is_ahead_of_the_servers(stub: Stub) -> None:
    for scenario in ("success", "session_expired"):
        ahead = put(stub, scenario).clock_ahead_seconds

        assert ahead is not None
        assert abs(ahead) < 5


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Oct 2025 10:00:00 GMT"])
def test_a_date_that_is_none_tells_nothing(date: str | None) -> None:
    assert clock_ahead_seconds(date, 1_760_000_000.0) is None


def test_the_middle_of_the_second_that_a_date_names_is_its_time() -> None:
    date = "Thu, 09 Oct 2025 08:53:20 GMT"  # 1760000000

    assert clock_ahead_seconds(date, 1_760_000_000.5) == 0
    assert clock_ahead_seconds(date, 1_760_000_061.0) == 60.5
    assert clock_ahead_seconds(date, 1_759_999_990.0) == -10.5


def test_the_trusted_certificates_are_read_once_for_all_questions(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    make = httpcore2.default_ssl_context
    monkeypatch.setattr(
        httpcore2, "default_ssl_context", lambda **how: made.append(how) or make(**how)
    )
    breeze_probe._tls.cache_clear()
    for _ in range(3):
        assert put(stub, "success").status == "authenticated"
    assert len(made) == 1
