"""What comes back: reports of several mail servers, complaints, wishes to stop, and junk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.digests import bounces, messages

SAMPLES = Path(__file__).parents[1] / "data/bounces"
SECRET = b"s" * 32
PATH = messages.return_path(SECRET, 7, "bounce@news.example")
TOKEN = "abcdefghijklmnopqrstuvwxyz"
NAMES = sorted(p.stem for p in SAMPLES.glob("*.eml"))


def sample(name: str) -> bytes:
    """A sample with a tag, an id and a token of ours."""
    text = (SAMPLES / f"{name}.eml").read_text("utf-8")
    tag = PATH.partition("+")[2].partition("@")[0]
    return text.replace("TAG", tag).replace("OURS", "x" * 32).replace("TOKEN", TOKEN).encode()


@pytest.mark.parametrize(
    ("name", "verdict", "status", "detail"),
    [
        ("postfix-unknown", "hard", "5.1.1", "550 5.1.1 (address): Recipient address rejected: there is no"),
        ("exim-unknown", "hard", "5.1.1", "550 5.1.1 Nobody of that name here"),
        ("exchange-unknown", "hard", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
        ("plain-unknown", "hard", "5.1.1", "550 5.1.1 nobody of that name"),
        ("postfix-full", "soft", "5.2.2", "552 5.2.2"),
        ("postfix-expired", "soft", "4.4.7", "450 4.4.7 it was tried for five days"),
        ("postfix-delayed", "ignored", "", "a report of something else than a failure: delayed"),
        ("postfix-policy", "ignored", "", "refused by policy, which says nothing of the address: 550 5.7.515"),
        ("arf-abuse", "complaint", "", "complaint: abuse"),
        ("vacation", "ignored", "", "an automatic answer"),
    ],
)
def test_a_report_is_read_whoever_wrote_it(name: str, verdict: str, status: str, detail: str) -> None:
    found = bounces.read(sample(name))
    assert (found.verdict, found.status) == (verdict, status)
    assert found.detail.startswith(detail)
    assert "\n" not in found.detail
    assert "@" not in found.detail, "a log names nobody"


@pytest.mark.parametrize("name", [n for n in NAMES if n != "unsubscribe"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_report_says_whose_it_is_by_tag_or_by_message_id(name: str, ends: bytes) -> None:
    found = bounces.read(sample(name).replace(b"\n", ends))
    assert {messages.read_return_path(SECRET, a) for a in found.senders} == {7}
    if name != "plain-unknown":
        assert f"<digest.{'x' * 32}@news.example>" in found.message_ids


@pytest.mark.parametrize("name", ["postfix-unknown", "exim-unknown", "exchange-unknown", "arf-abuse"])
def test_the_tag_is_found_in_the_mail_that_came_back_when_a_server_rewrote_the_envelope(name: str) -> None:
    head, _, rest = sample(name).partition(b"\n\n")
    head = head.replace(PATH.encode(), b"someone@news.example")
    found = bounces.read(head + b"\n\n" + rest)
    assert {messages.read_return_path(SECRET, a) for a in found.senders} == {7}


def test_a_mail_that_asks_to_stop_names_its_token() -> None:
    found = bounces.read(sample("unsubscribe"))
    assert (found.verdict, found.token) == ("unsubscribe", TOKEN)
    encoded = sample("unsubscribe").replace(b"unsubscribe ", b"=?utf-8?q?Unsubscribe_?= ")
    assert bounces.read(encoded).token == TOKEN


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "other", ""])
def test_other_feedback_is_no_complaint(kind: str) -> None:
    raw = sample("arf-abuse").replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())
    assert bounces.read(raw).verdict == "ignored"


def test_of_several_recipients_the_one_who_failed_counts() -> None:
    block = b"\nFinal-Recipient: rfc822; copy@example.org\nAction: relayed\nStatus: 2.0.0\n"
    raw = sample("postfix-unknown").replace(
        b"\nFinal-Recipient: rfc822; anna", block + b"\nFinal-Recipient: rfc822; anna"
    )
    assert bounces.read(raw).verdict == "hard"


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"\xff\x00" * 99, b"Subject: hello\n\nhello", b"From: a@b\n\n550 5.1.1 x"]
)
def test_what_is_no_report_is_ignored_with_a_reason(raw: bytes) -> None:
    found = bounces.read(raw)
    assert found.verdict == "ignored"
    assert found.detail


@given(st.binary(max_size=2000))
@example(b"Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/delivery-status\n\nAction: failed")
def test_no_junk_raises(raw: bytes) -> None:
    assert bounces.read(raw).verdict in ("hard", "soft", "complaint", "unsubscribe", "ignored")


@given(st.sampled_from(NAMES), st.data())
def test_no_damaged_report_raises(name: str, data: st.DataObject) -> None:
    raw = bytearray(sample(name))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        size = data.draw(st.integers(0, 40))
        raw[at : at + size] = data.draw(st.binary(max_size=40))
    found = bounces.read(bytes(raw))
    assert "\n" not in found.detail
    assert found.token in ("", TOKEN) or len(found.token) == 26


def test_a_mail_made_to_be_slow_is_read_in_time() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    many = (
        b"Content-Type: multipart/report; boundary=b\n\n"
        + b"--b\nContent-Type: text/rfc822-headers\n\nTo: a@b\n" * 9999
    )
    long = b"To: " + b"a+" * 400_000 + b"\nSubject: " + b"=?utf-8?q?" * 40_000 + b"\n\nx"
    plus = b"From: MAILER-DAEMON@x\n\n" + b"550 5.1.1" * 60_000
    before = time.monotonic()
    for raw in (nested, many, long, plus):
        bounces.read(raw)
    assert time.monotonic() - before < 20


def test_a_report_may_be_longer_than_what_is_looked_at() -> None:
    raw = sample("exim-unknown").replace(b"The stories of the morning.", b"The stories.\n" * 200_000)
    assert bounces.read(raw).verdict == "hard"
