"""Each kind of channel against a real server: what it sends, and what it makes of the answer."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from notifier import channel_apprise, channel_file, channel_telegram, channel_webhook
from notifier.apprise_send import hidden
from notifier.bot_api import Bot
from notifier.http import Page, meaning, post, retry_after
from notifier.letter import SENT, Letter, Outcome

Serve = Callable[..., Any]
TOKEN = "123456:CANARY-token"
LETTER = Letter(
    key="0199.17-new.phone", title="CRITICAL daily_loss_exceeded (main)",
    text="Daily loss −5.2% ₹18,400\nTickbeat-Key: 0199.17-new.phone", incident="0199",
    engine="main", rule="daily_loss_exceeded", severity="CRITICAL", status="firing", why="new",
    at="2026-01-01T10:00:00+05:30",
)  # fmt: skip


@pytest.mark.parametrize(
    ("code", "word"),
    [(200, "sent"), (204, "sent"), (302, "again"), (400, "refused"), (401, "refused"),
     (404, "refused"), (408, "again"), (425, "again"), (429, "again"), (500, "again"),
     (503, "again")],
)  # fmt: skip
def test_a_status_means_sent_or_again_or_refused_for_good(
    serve: Serve, code: int, word: str
) -> None:
    server = serve()
    server.always.code = code
    assert channel_webhook.send(f"{server.url}/hook", LETTER).word == word
    (request,) = server.requests
    assert request.headers["Tickbeat-Key"] == LETTER.key
    assert (request.body["title"], request.body["text"]) == (LETTER.title, LETTER.text)


@pytest.mark.fault("N1")
def test_a_redirect_inward_is_not_followed(serve: Serve) -> None:
    server, inward = serve(), serve()
    server.always.code = 307
    server.always.headers = {"Location": f"{inward.url}/secret"}
    outcome = channel_webhook.send(server.url, LETTER)
    assert (outcome.word, inward.requests) == ("again", [])
    assert "not followed" in outcome.reason


@pytest.mark.fault("N1")
def test_a_server_that_hangs_or_drips_costs_no_more_than_the_deadline(serve: Serve) -> None:
    server = serve()
    server.answers = [type(server.always)(hang=True), type(server.always)(drip=True)]
    for _ in range(2):
        said = post(server.url, b"{}", {}, deadline_seconds=0.6)
        assert said == Outcome("again", "no full answer within 0.6 s")


def test_nobody_there_is_tried_again_and_the_reason_names_no_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        outcome = channel_webhook.send(f"http://127.0.0.1:{port}/CANARY", LETTER)
    assert outcome.word == "again"
    assert "refused" in outcome.reason
    assert "CANARY" not in outcome.reason
    assert str(port) not in outcome.reason


def test_a_name_that_is_none_is_tried_again() -> None:
    assert channel_webhook.send("http://nobody.invalid/CANARY", LETTER).word == "again"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("30", 30.0), (" 7 ", 7.0), ("999999", 3600.0), ("soon", None), ("-3", None),
     ("Thu, 01 Jan 2026 00:01:30 GMT", 90.0), ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_read_in_both_its_forms(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


def test_an_overload_with_a_time_is_waited_for() -> None:
    assert meaning(Page(503, {"retry-after": "12"}, b"")).wait_seconds == 12
    assert meaning(Page(400, {"retry-after": "12"}, b"")).wait_seconds is None


def telegram(serve: Serve, code: int = 200, **body: object) -> tuple[Outcome, Any]:
    server = serve()
    server.always.code = code
    server.always.body = json.dumps(body).encode()
    outcome = channel_telegram.send(Bot(server.url, TOKEN), "-100", LETTER, buttons=False)
    return outcome, server.requests[-1]


def test_telegrams_own_retry_after_counts(serve: Serve) -> None:
    words = "Too Many Requests: retry after 7"
    outcome, _ = telegram(
        serve, 429, ok=False, error_code=429, description=words, parameters={"retry_after": 7}
    )
    assert (outcome.word, outcome.wait_seconds) == ("again", 7)
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("code", "words"),
    [(400, "Bad Request: chat not found"), (401, "Unauthorized"), (403, "Forbidden: kicked")],
)
def test_telegrams_refusal_is_for_good_and_in_its_words(
    serve: Serve, code: int, words: str
) -> None:
    outcome, _ = telegram(serve, code, ok=False, error_code=code, description=f"{words} {TOKEN}")
    assert outcome.word == "refused"
    assert words in outcome.reason
    assert "CANARY" not in outcome.reason


def test_a_log_in_page_of_a_network_is_not_taken_for_telegram(serve: Serve) -> None:
    server = serve()
    server.always.body = b"<html>Welcome to our hotel</html>"
    outcome = channel_telegram.send(Bot(server.url, TOKEN), "1", LETTER, buttons=False)
    assert outcome == Outcome("again", "the answer is not Telegram's (HTTP 200)")


def test_a_file_gets_every_message_one_below_the_other(tmp_path: Path) -> None:
    path = tmp_path / "new" / "told.txt"
    assert [channel_file.send(path, LETTER) for _ in range(2)] == [SENT, SENT]
    assert path.read_text() == f"{LETTER.title}\n{LETTER.text}\n\n" * 2


def test_what_is_no_file_is_tried_again(tmp_path: Path) -> None:
    assert channel_file.send(tmp_path, LETTER) == Outcome("again", "Is a directory")


class Mailbox:
    """Takes mail for asha, who must sign in."""

    def __init__(self) -> None:
        self.mail: list[bytes] = []

    async def handle_DATA(  # noqa: N802 -- the name is aiosmtpd's
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        self.mail.append(envelope.content)
        return "250 taken"


@pytest.fixture(scope="module")
def mail_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Mailbox, Controller, str]]:
    """A real SMTP server with STARTTLS and a log-in; its authority is trusted by a file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    trusted = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    mailbox = Mailbox()

    def sign_in(*given: Any) -> AuthResult:
        data = given[-1]
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"asha", b"CANARY-pass")
        return AuthResult(success=good, handled=False)

    controller = Controller(
        mailbox, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True,
        authenticator=sign_in, auth_required=True,
    )  # fmt: skip
    controller.port = free_port()
    controller.start()
    yield mailbox, controller, str(trusted)
    controller.stop()


def free_port() -> int:
    with socket.socket() as any_:
        any_.bind(("127.0.0.1", 0))
        port: int = any_.getsockname()[1]
        return port


def address(port: int, password: str = "CANARY-pass") -> str:
    return (
        f"mailtos://asha:{password}@127.0.0.1:{port}"
        "?mode=starttls&from=tickbeat@example.com&to=asha@example.com&smtp=127.0.0.1"
    )


def test_an_email_arrives_through_a_real_server_with_tls_and_a_log_in(
    mail_server: tuple[Mailbox, Controller, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, controller, trusted = mail_server
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    assert channel_apprise.send(address(controller.port), LETTER) == SENT
    mail = message_from_bytes(mailbox.mail[-1], policy=policy.default)
    assert mail["subject"] == LETTER.title
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == LETTER.text.split()


def test_a_wrong_password_is_tried_again_and_is_in_no_reason(
    mail_server: tuple[Mailbox, Controller, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, controller, trusted = mail_server
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    outcome = channel_apprise.send(address(controller.port, "CANARY-wrong"), LETTER)
    assert outcome.word == "again"
    assert "CANARY" not in outcome.reason
    assert outcome.reason


def test_an_address_that_apprise_does_not_know_is_refused() -> None:
    outcome = channel_apprise.send("nonsense://CANARY", LETTER)
    assert outcome == Outcome("refused", "apprise does not understand the address")


def test_pieces_of_an_address_are_hidden_also_unquoted() -> None:
    url = "mailtos://asha:p%40ssw0rd@mail.example.com?to=x"
    said = hidden("login p@ssw0rd or p%40ssw0rd failed at mail.example.com\x1b[2J", url)
    assert "ssw0rd" not in said
    assert said.isprintable()
    assert "failed" in said
