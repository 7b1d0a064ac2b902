"""`aggregator mail`: a test mail through the configured transport, and what DNS and the settings must hold."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from aggregator.sample.sink import Sink
from tests.e2e.program import aggregator, done, merged, smtp, write_home

GOOD: dict[str, Any] = {
    "mail": {
        "from_address": "watch@news.example",
        "return_path": "bounce@news.example",
        "host": "smtp.news.example",
        "security": "starttls",
    },
    "web": {"public_url": "https://news.example"},
}


def home_with(home: Path, *settings: Mapping[str, Any]) -> Path:
    together: dict[str, Any] = {}
    for one in settings:
        together = merged(together, one)
    return write_home(home, {}, settings=together)


def test_a_test_mail_is_formed_and_sent_as_editions_are(tmp_path: Path) -> None:
    with Sink() as sink:
        home_with(tmp_path, GOOD, smtp(sink.host, sink.port))
        said = done(tmp_path, "mail", "test", "anna@example.org")
        (received,) = sink.wait_for(1)
    assert said.out == f"anna@example.org: mail server 127.0.0.1:{sink.port}: 250 2.0.0 Message kept\n"
    assert received.recipients == ("anna@example.org",)
    assert received.sender.startswith("bounce+")
    mail = message_from_bytes(received.content, policy=policy.default)
    assert mail["To"] == "anna@example.org"
    assert mail["Message-ID"].startswith("<test.")
    assert mail["List-Unsubscribe"].startswith("<https://news.example/unsubscribe/")
    names = {"From", "Subject", "Date", "List-Id", "List-Unsubscribe-Post", "Auto-Submitted", "MIME-Version"}
    assert names <= set(mail.keys())
    assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
    assert done(tmp_path, "outbox", "list", "--json").lines == []


def test_a_report_on_a_test_mail_stops_nobody(tmp_path: Path) -> None:
    with Sink() as sink:
        home_with(tmp_path, GOOD, smtp(sink.host, sink.port))
        done(tmp_path, "mail", "test", "anna@example.org")
        (received,) = sink.wait_for(1)
    report = (
        f"To: {received.sender}\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )
    assert "carries no mark of ours" in done(tmp_path, "bounce", stdin=report).out


def test_without_a_mail_server_it_is_a_file(tmp_path: Path) -> None:
    write_home(tmp_path, {})
    said = done(tmp_path, "mail", "test", "anna@example.org")
    (file,) = (tmp_path / "var/mail").glob("*.eml")
    assert said.out == f"anna@example.org: folder {file.parent}: written to {file}\n"


@pytest.mark.parametrize(
    ("step", "reply", "advice"),
    [
        ("RCPT", "550 5.1.1 nobody", "the address takes no mail"),
        ("RCPT", "451 4.7.1 greylisted", "try again in some minutes"),
        ("MAIL", "530 5.7.0 sign in first", "correct mail.username"),
        ("DATA", "550 5.7.515 no DMARC", "`aggregator mail check`"),
        ("DATA", "554 5.6.0 malformed", "its words say"),
    ],
)
def test_a_refusal_is_one_line_and_what_to_do(tmp_path: Path, step: str, reply: str, advice: str) -> None:
    with Sink() as sink:
        sink.replies = {step: reply}  # type: ignore[dict-item]
        home_with(tmp_path, smtp(sink.host, sink.port))
        refused = aggregator(tmp_path, "mail", "test", "anna@example.org")
    first, second = refused.err.splitlines()
    assert refused.code == 1
    assert first.startswith(("internal: mail server", "auth: mail server"))
    assert reply in first
    assert advice in second


def test_a_server_that_is_not_there_and_an_address_that_is_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    home_with(tmp_path, smtp("127.0.0.1", port))
    refused = aggregator(tmp_path, "mail", "test", "anna@example.org")
    assert (refused.code, refused.err.splitlines()[0]) == (
        1,
        f"connect: mail server 127.0.0.1:{port} cannot be reached: Connection refused",
    )
    assert aggregator(tmp_path, "mail", "test", "nobody").code == 2


def test_check_prints_the_records_to_set(tmp_path: Path) -> None:
    home_with(tmp_path, GOOD)
    said = done(tmp_path, "mail", "check").out
    for line in (
        'news.example. IN TXT "v=spf1 a:smtp.news.example -all"',
        'SELECTOR._domainkey.news.example. IN TXT "v=DKIM1; k=rsa; p=KEY"',
        '_dmarc.news.example. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@news.example"',
        "news.example. IN MX 10 smtp.news.example.",
        "ADDRESS IN PTR smtp.news.example.",
        "list-unsubscribe:list-unsubscribe-post",
        "nothing was looked up",
        "the settings are as they should be",
    ):
        assert line in said
    assert [r["what"] for r in done(tmp_path, "mail", "check", "--json").lines] == ["SPF", "DKIM", "DMARC", "MX", "PTR"]


@pytest.mark.parametrize(
    ("settings", "says", "code"),
    [
        ({"mail": {"from_address": "watch@localhost"}}, "error: mail.from_address is watch@localhost", 1),
        ({"mail": {"security": "none"}}, "error: mail.security is none", 1),
        ({"mail": {"security": "none", "host": "127.0.0.1"}}, "the settings are as they should be", 0),
        ({"mail": {"security": "none", "host": "localhost"}}, "a:RELAY", 0),
        ({"mail": {"host": ""}}, "note: mail.host is not set", 0),
        ({"web": {"public_url": "http://news.example"}}, "note: web.public_url is not https", 0),
        ({"mail": {"return_path": "bounce@other.example"}}, "SPF does not count for DMARC", 0),
        ({"mail": {"return_path": "b@back.news.example"}}, "the settings are as they should be", 0),
        ({"mail": {"verp": False}}, "note: mail.verp is off", 0),
        ({"mail": {"from_address": f"{'w' * 40}@news.example", "return_path": ""}}, "leaves no room for a tag", 0),
    ],
)
def test_check_says_what_the_settings_lack(tmp_path: Path, settings: Mapping[str, Any], says: str, code: int) -> None:
    home_with(tmp_path, GOOD, settings)
    said = aggregator(tmp_path, "mail", "check")
    assert (said.code, says in said.out) == (code, True), said


def test_a_return_path_without_room_for_a_tag_is_refused_with_its_line(tmp_path: Path) -> None:
    home_with(tmp_path, GOOD, {"mail": {"return_path": f"{'b' * 40}@news.example"}})
    refused = aggregator(tmp_path, "check")
    assert refused.code == 3
    assert "mail.return_path" in refused.err
    assert "37 characters" in refused.err
