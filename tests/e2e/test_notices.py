"""Notices to the operator: what lasts is told once, in one mail a day, and so is its end."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.errors import StoreError
from aggregator.jobs import Jobs
from aggregator.publication import FailingRelay
from aggregator.sample.sink import Sink
from tests import emptydb, stored
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, Item, rss, sweep, write_home
from tests.e2e.program import merged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""Mails come at 08:00 in Minsk, which is 05:00 UTC."""
MORNING = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "operator": {"address": "boss@example.org", "at": "08:00", "timezone": "Europe/Minsk"},
    "network": {"user_agent_contact": "boss@example.org"},
    "mail": {"from_address": "news@example.org", "from_name": "Newsroom"},
}


@dataclass
class Office:
    """A home with one feed that fails when told to, and the operator's mailbox."""

    app: App
    clock: SetClock
    sink: Sink
    failing: set[str]
    jobs: Jobs
    home: Path

    def look(self, at: datetime) -> None:
        """What the daemon does every few minutes, at a moment."""
        self.clock.advance(at - self.clock.now())
        self.jobs.notices()
        self.app.send.run()

    def poll(self, at: datetime) -> None:
        """Ask every feed that is due at a moment."""
        self.clock.advance(at - self.clock.now())
        sweep(self.app)

    @property
    def mails(self) -> list[EmailMessage]:
        """What came for the operator."""
        return [
            message_from_bytes(one.content, policy=policy.default)
            for one in self.sink.messages
            if one.recipients == ("boss@example.org",)
        ]

    @property
    def subjects(self) -> list[str]:
        """Of these mails."""
        return [str(one["Subject"]) for one in self.mails]


def text(mail: EmailMessage, kind: str = "plain") -> str:
    """A part of a mail, on one line."""
    part = mail.get_body((kind,))
    assert part is not None
    return " ".join(str(part.get_content()).split())


@contextlib.contextmanager
def office(home: Path, server: FeedServer, sink: Sink, **settings: Any) -> Iterator[Office]:
    failing: set[str] = set()

    def feed(call: Call) -> None:
        call.respond(*((500, b"") if "news" in failing else (200, rss(Item("1", "Fair in town")))))

    emptydb.put(home / "var/aggregator.db")
    url = server.add(f"/{home.name}", feed)
    watch = {"watchlists": [{"id": "fair", "title": "Fair", "query": "fair"}]}
    write_home(home, [{"id": "news", "url": url}], watchlists=watch)
    mail = {"mail": {"host": sink.host, "port": sink.port, "security": "none"}}
    mine = merged(merged(SETTINGS, mail), {"web": {"public_url": "https://news.example"}, **settings})
    (home / "config/aggregator.yaml").write_text(json.dumps(mine))
    clock = SetClock(NOON)
    with build(home, ENVIRON, clock) as app:
        app.sync()
        yield Office(app, clock, sink, failing, Jobs(app, threading.Event()), home)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Office]:
    with FeedServer() as server, Sink() as sink, office(tmp_path, server, sink) as made:
        yield made


def break_down(room: Office, at: datetime) -> None:
    room.failing.add("news")
    room.poll(at)


def test_what_lasts_is_told_once_in_one_mail_a_day_and_its_end_once(room: Office) -> None:
    room.poll(NOON)
    room.look(NOON)
    assert room.mails == [], "all is well: no mail"
    break_down(room, NOON + 2 * HOUR)
    for hour in range(3, 17):
        room.look(NOON + hour * HOUR)
    assert room.mails == [], "not before the hour that the operator named"
    room.look(MORNING)
    assert room.subjects == ["Notices: 1 new"]
    first = text(room.mails[0])
    assert "feed news failing since 2026-11-23 14:00 UTC" in first
    assert "To do: `aggregator feeds show news`" in first
    for hour in range(1, 48):
        room.look(MORNING + hour * HOUR)
    assert len(room.mails) == 1, "what has been told and only lasts makes no mail of its own"
    room.failing.clear()
    room.app.stores.feeds.resume("news", MORNING + 2 * DAY)
    room.poll(MORNING + 2 * DAY)
    for hour in range(48, 97):
        room.look(MORNING + hour * HOUR)
    assert room.subjects == ["Notices: 1 new", "Notices: 1 over"]
    assert "from 23 November, 18:00 to 26 November, 08:00" in text(room.mails[1])
    assert room.app.stores.notices.list() == []


def test_the_mail_has_two_parts_and_says_that_a_program_wrote_it(room: Office) -> None:
    room.poll(NOON)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    room.look(MORNING)
    (mail,) = room.mails
    assert mail["To"] == "boss@example.org"
    assert mail["From"] == "Newsroom <news@example.org>"
    assert mail["List-Id"] == "<notices.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    assert str(mail["Message-ID"]).startswith("<notice.")
    assert "feed news failing" in text(mail, "html")
    assert "https://news.example/configuration" in text(mail, "html")
    assert all(len(line) <= 72 for line in mail.get_body(("plain",)).get_content().splitlines())  # type: ignore[union-attr]


def test_what_comes_and_goes_within_the_hour_is_told_to_nobody(room: Office) -> None:
    room.poll(NOON)
    room.look(NOON)
    for day in range(4):
        began = MORNING + day * DAY - timedelta(minutes=40)
        room.failing.add("news")
        room.app.stores.feeds.hasten("news", began)
        room.poll(began)
        room.look(began)
        room.look(MORNING + day * DAY)
        room.failing.clear()
        room.app.stores.feeds.resume("news", MORNING + day * DAY)
        room.poll(MORNING + day * DAY + timedelta(minutes=10))
        room.look(MORNING + day * DAY + timedelta(minutes=15))
    assert room.mails == []


def test_what_flaps_all_day_is_told_once_a_day_at_most(room: Office) -> None:
    room.poll(NOON)
    for hour in range(24 * 5):
        at = NOON + hour * HOUR
        (room.failing.add if hour // 5 % 2 else room.failing.discard)("news")
        room.app.stores.feeds.resume("news", at)
        room.poll(at)
        room.look(at + timedelta(minutes=1))
    days = [str(mail["Date"])[:16] for mail in room.mails]
    assert 1 <= len(days) <= 5
    assert len(days) == len(set(days))


def test_an_error_stands_in_the_log_at_once_and_in_the_mail_though_it_was_short(
    room: Office, caplog: pytest.LogCaptureFixture
) -> None:
    room.poll(NOON)
    room.look(NOON)
    failing = FailingRelay("mail", 2, NOON, NOON + HOUR, "http_4xx", "550 5.7.1 <desk@example.org> no")
    room.app.stores.relays.pause(failing)
    with caplog.at_level("INFO"):
        room.look(NOON + timedelta(minutes=5))
    assert (
        "mail has not gone out since 2026-11-23 12:00 UTC (2 failures in a row): 550 5.7.1 (address) no" in caplog.text
    )
    assert "desk@" not in caplog.text
    room.app.stores.relays.works("mail")
    room.look(NOON + timedelta(minutes=10))
    room.look(MORNING)
    assert room.subjects == ["Notices: 1 over"]


@stored.file_only
def test_a_crash_before_the_commit_tells_nothing_and_the_next_run_tells_once(room: Office) -> None:
    """The database refuses in the middle of the transaction, as it does where the disk is full."""
    room.poll(NOON)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    refuse = "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    with stored.opened(room.home) as conn:
        conn.execute(refuse)
        with pytest.raises(StoreError, match="full"):
            room.look(MORNING)
        assert [one.told_at for one in room.app.stores.notices.list()] == [None]
        assert conn.execute("SELECT count(*) FROM letters").fetchone() == (0,)
        conn.execute("DROP TRIGGER full")
        conn.commit()
    for minute in range(3):
        room.look(MORNING + timedelta(minutes=minute))
    assert len(room.mails) == 1


def test_two_processes_at_once_tell_once(room: Office, tmp_path: Path) -> None:
    room.poll(NOON)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    with build(tmp_path, ENVIRON, SetClock(MORNING)) as other:
        both = [threading.Thread(target=Jobs(app, threading.Event()).notices) for app in (room.app, other)]
        room.clock.advance(MORNING - room.clock.now())
        for one in both:
            one.start()
        for one in both:
            one.join()
    room.look(MORNING)
    assert len(room.mails) == 1


def test_where_mail_is_what_fails_no_mail_tells_of_its_own_end(room: Office) -> None:
    room.sink.replies["MAIL"] = "550 5.7.1 not from you"
    room.poll(NOON)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    for hour in range(24 * 6):
        room.look(MORNING + hour * HOUR)
    assert room.mails == []
    told = {one.about for one in room.app.stores.notices.list() if one.told_at}
    assert "relay:mail:failing" in told
    assert "notices:dead" not in told, "what became of the mails is for doctor alone"
    assert any(one.about == "notices:dead" for one in room.app.stores.notices.list())
    waiting = [one for one in room.app.stores.outbox.list(["waiting", "dead"]) if one.kind == "notice"]
    assert len(waiting) <= 2, "it does not breed"


def test_a_clock_that_was_wrong_once_does_not_end_the_mails(room: Office) -> None:
    room.poll(NOON)
    room.look(NOON)
    room.look(NOON + 3650 * DAY)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    room.look(MORNING)
    assert room.subjects[-1].startswith("Notices: ")


def test_without_an_address_nothing_is_sent_and_nothing_piles_up(tmp_path: Path) -> None:
    with FeedServer() as server, Sink() as sink, office(tmp_path, server, sink, operator={"address": ""}) as room:
        room.poll(NOON)
        for day in range(5):
            break_down(room, NOON + day * DAY)
            room.look(NOON + day * DAY + timedelta(minutes=1))
            room.failing.clear()
            room.app.stores.feeds.resume("news", NOON + day * DAY + HOUR)
            room.poll(NOON + day * DAY + HOUR)
            room.look(NOON + day * DAY + HOUR)
        room.look(NOON + 6 * DAY)
        assert sink.messages == []
        assert room.app.stores.notices.list() == []


def test_old_mails_of_notices_are_forgotten_with_their_address(room: Office) -> None:
    room.poll(NOON)
    break_down(room, NOON + 2 * HOUR)
    room.look(NOON + 3 * HOUR)
    room.look(MORNING)
    assert len(room.mails) == 1
    for day in range(1, 33):
        room.look(MORNING + day * DAY)
    with stored.opened(room.home) as conn:
        for table in ("letters", "messages", "attempts"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert room.app.stores.upkeep.check(deep=True) == []
