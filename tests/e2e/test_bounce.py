"""Mail that comes back: `aggregator bounce`, from the mail of a real conversation to a suspended subscription."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from unittest import mock

import pytest

from aggregator.sample.sink import Received, Sink
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, done, smtp, write_home
from tests.unit.test_bounces import NAMES, SAMPLES


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[tuple[Path, Received]]:
    """A home that has sent one message, and the message as it came over the wire."""
    with FeedServer() as server, Sink() as sink:
        url = server.add("/wire", Wire("wire", "CSTO meets", "Town budget"))
        write_home(tmp_path, {"wire": url}, settings=smtp(sink.host, sink.port))
        done(tmp_path, "poll")
        done(tmp_path, "digest", "morning", "--send")
        (received,) = sink.wait_for(1)
        yield tmp_path, received


def returned(name: str, received: Received) -> str:
    """A sample, about this message."""
    mail = message_from_bytes(received.content)
    text = (SAMPLES / f"{name}.eml").read_text("utf-8")
    tag = received.sender.partition("+")[2].partition("@")[0]
    token = mail["List-Unsubscribe"].rpartition("%20")[2].rstrip(">")
    text = text.replace("<digest.OURS@news.example>", mail["Message-ID"])
    return text.replace("TAG", tag).replace("TOKEN", token).replace("anna@", "desk@")


def subscription(home: Path) -> tuple[str, str]:
    (found,) = done(home, "subscriptions", "list", "--json").lines
    return found["state"], found["reason"]


@pytest.mark.parametrize("name", ["postfix-unknown", "exim-unknown", "exchange-unknown", "plain-unknown"])
def test_a_report_on_a_mailbox_that_is_not_there_suspends_it(sent: tuple[Path, Received], name: str) -> None:
    home, received = sent
    said = done(home, "bounce", stdin=returned(name, received))
    assert said.out.startswith("subscription 1: hard bounce: 550 5.1.1")
    assert said.out.endswith("; 1 subscription of its address suspended\n")
    assert "@" not in said.out
    state, reason = subscription(home)
    assert state == "paused"
    assert reason.startswith("bounced: 550 5.1.1")
    assert "1 address: no such mailbox" in done(home, "doctor").out
    with stored.opened(home) as conn:
        told = conn.execute("SELECT event, cause FROM consents WHERE cause = 'bounce'").fetchall()
    assert told == [("suspended", "bounce")]


def test_one_that_was_never_confirmed_ends_so_that_nobody_can_resume_it(sent: tuple[Path, Received]) -> None:
    home, received = sent
    with stored.opened(home) as conn:
        conn.execute("UPDATE subscriptions SET state = 'pending', origin = 'visitor'")
    done(home, "bounce", stdin=returned("exim-unknown", received))
    assert subscription(home)[0] == "ended"


@pytest.mark.parametrize(
    ("name", "says", "state"),
    [
        ("postfix-full", "soft bounce, noted: 552 5.2.2", "active"),
        ("postfix-expired", "soft bounce, noted: 450 4.4.7", "active"),
        ("postfix-delayed", "ignored: a report of something else", "active"),
        ("postfix-policy", "ignored: refused by policy", "active"),
        ("vacation", "ignored: an automatic answer", "active"),
        ("arf-abuse", "complaint: abuse; 1 subscription of its address ended", "ended"),
        ("unsubscribe", "subscription 1 ended: its reader wrote so", "ended"),
    ],
)
def test_what_else_comes_back_is_taken_for_what_it_is(
    sent: tuple[Path, Received], name: str, says: str, state: str
) -> None:
    home, received = sent
    assert says in done(home, "bounce", stdin=returned(name, received)).out
    assert subscription(home)[0] == state


@pytest.mark.parametrize("name", NAMES)
def test_a_report_made_up_by_somebody_else_changes_nothing(sent: tuple[Path, Received], name: str) -> None:
    """It knows the address and how our tags look, but not this reader's."""
    home, received = sent
    tag = received.sender.partition("+")[2].partition("@")[0]
    text = (SAMPLES / f"{name}.eml").read_text("utf-8").replace("anna@", "desk@")
    forged = text.replace("TAG", "b" + tag[1:] if tag[0] != "b" else "c" + tag[1:]).replace("TOKEN", "b" * 26)
    assert done(home, "bounce", stdin=forged).out.startswith("ignored: ")
    assert subscription(home) == ("active", "")


def test_without_tags_the_message_id_tells_whose_it_is(tmp_path: Path) -> None:
    with FeedServer() as server, Sink() as sink:
        settings = smtp(sink.host, sink.port)
        settings["mail"] |= {"verp": False, "return_path": "back@news.example"}
        write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", "CSTO meets"))}, settings=settings)
        done(tmp_path, "poll")
        done(tmp_path, "digest", "morning", "--send")
        (received,) = sink.wait_for(1)
    assert received.sender == "back@news.example"
    assert "suspended" in done(tmp_path, "bounce", stdin=returned("exim-unknown", received)).out


def test_a_reader_whom_the_server_refuses_at_once_is_suspended_while_the_others_get_their_mail(tmp_path: Path) -> None:
    with FeedServer() as server, Sink() as sink:
        write_home(
            tmp_path, {"wire": server.add("/wire", Wire("wire", "CSTO meets"))}, settings=smtp(sink.host, sink.port)
        )
        done(tmp_path, "poll")
        done(tmp_path, "subscriptions", "add", "morning", "anna@example.org")
        sink.mailboxes["anna@example.org"] = "550 5.1.1 <anna@example.org> nobody"
        aggregator(tmp_path, "digest", "morning", "--send")
        assert [m.recipients for m in sink.wait_for(1)] == [("desk@example.org",)]
    found = {s["address"]: s for s in done(tmp_path, "subscriptions", "list", "--json").lines}
    assert found["anna@example.org"]["state"] == "paused"
    assert found["anna@example.org"]["reason"].endswith("550 5.1.1 (address) nobody")
    assert found["desk@example.org"]["state"] == "active"


def test_files_are_taken_one_by_one_and_a_missing_one_is_a_clear_line(sent: tuple[Path, Received]) -> None:
    home, received = sent
    for name in ("postfix-full", "vacation"):
        (home / f"{name}.eml").write_text(returned(name, received))
    said = done(home, "bounce", str(home / "postfix-full.eml"), str(home / "vacation.eml"))
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["subscription 1", "ignored"]
    refused = aggregator(home, "bounce", str(home / "nowhere.eml"))
    assert (refused.code, refused.err) == (2, f"aggregator: {home}/nowhere.eml: No such file or directory\n")
    assert aggregator(home, "bounce", str(home)).code == 2


@pytest.mark.parametrize("junk", [b"", b"\0" * 99, b"\xff\xfe" * 400_000, b"Content-Type: multipart/report\n\n"])
def test_junk_is_one_line_and_no_failure(tmp_path: Path, junk: bytes) -> None:
    write_home(tmp_path, {})
    with mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(junk))):
        from aggregator.cli import main

        assert main(["--home", str(tmp_path), "bounce"]) == 0
