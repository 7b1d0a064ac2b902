"""Told once and on time, whatever the night, the news and the relay do: feeds over HTTP, mail over SMTP, a staged clock."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.reading import Signal
from aggregator.sample.sink import Sink
from aggregator.store.sqlite.database import Database
from tests import stored
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, rss, write_home
from tests.e2e.program import aggregator

DESK, ANNA = "desk@example.org", "anna@example.org"
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NOW = {"id": "now", "title": "CSTO at once", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": [DESK]}
DAILY = {
    "id": "daily",
    "title": "Daily",
    "watchlists": ["csto"],
    "at": "07:30",
    "timezone": "Europe/Minsk",
    "to": [DESK],
}
TOPICS = (
    "grain",
    "roads",
    "bridges",
    "schools",
    "rivers",
    "trains",
    "gas",
    "wheat",
    "milk",
    "steel",
    "water",
    "forests",
)


class Desk:
    """A home with one feed, and the mail that its readers got."""

    def __init__(self, app: App, clock: SetClock, sink: Sink, items: list[Item]) -> None:
        self.app, self.clock, self.sink, self._items = app, clock, sink, items

    def publish(self, title: str, text: str = "", *more: str) -> None:
        """An item of a minute ago, and more that are titles alone, polled a second later."""
        self.clock.advance(SECOND)
        for one in (title, *more):
            self._items.append(Item(str(len(self._items)), one, text, self.clock.now() - MINUTE))
        for _ in self.app.poll.sweep(everything=True):
            pass

    def tick(self) -> int:
        """What the daemon does every two seconds; how many messages were sent."""
        self.app.compose.run()
        return self.app.send.run().sent

    def until(self, moment: datetime) -> int:
        """The clock goes on to a moment."""
        self.clock.advance(moment - self.clock.now())
        return self.tick()

    def subjects(self) -> list[str]:
        """Of all the mail that arrived, in order."""
        return [str(message_from_bytes(m.content, policy=policy.default)["Subject"]) for m in self.sink.messages]

    def data(self) -> dict[str, Any]:
        """The last edition's facts."""
        return dict(json.loads(self.app.stores.editions.editions(limit=1)[0].rendered.data))

    def sent_data(self) -> dict[str, Any]:
        """The facts of the message that was made last, as its reader got them."""
        message = self.app.stores.outbox.list()[0]
        content = self.app.stores.outbox.content(message)
        assert content is not None
        return dict(json.loads(content.data))


@contextmanager
def desk(home: Path, digests: Sequence[dict[str, Any]]) -> Iterator[Desk]:
    items = [Item("0", "Nothing yet")]

    def feed(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    with FeedServer() as server, Sink() as sink:
        specs = [{"id": "wire", "url": server.add("/wire", feed)}]
        write_home(home, specs, watchlists=WATCHLISTS, digests={"digests": list(digests)})
        mail = {"HOST": sink.host, "PORT": str(sink.port), "SECURITY": "none", "FROM_ADDRESS": "news@example.org"}
        environ = ENVIRON | {f"AGGREGATOR__MAIL__{name}": value for name, value in mail.items()}
        clock = SetClock(START)
        with build(home, environ, clock) as app:
            app.sync()
            for _ in app.poll.sweep():
                pass
            app.compose.run()
            yield Desk(app, clock, sink, items)


def local(hour: int, minute: int = 0, day: int = 2) -> datetime:
    """A moment of Minsk's clock."""
    return START.replace(day=day, hour=0, minute=0) + timedelta(hours=hour - 3, minutes=minute)


def test_alerts_of_the_night_come_as_one_mail_in_the_morning_and_a_headline_breaks_through(tmp_path: Path) -> None:
    night = {"timezone": "Europe/Minsk", "quiet": "22:00-07:00", "urgent": "title"}
    with desk(tmp_path, [NOW | night]) as it:
        it.until(local(22, 30))
        for topic in TOPICS[:3]:
            it.publish(f"The price of {topic}", f"Much was said of {topic}. " * 30 + "The CSTO was named once.")
        assert it.tick() == 0
        it.publish("CSTO calls a summit of its members", "At once.")
        assert it.tick() == 1, "the headline does not wait"
        assert "CSTO calls a summit" in it.subjects()[-1]
        assert it.until(local(6, 59, day=3)) == 0
        assert it.until(local(7, 0, day=3)) == 1
        assert [s["headline"] for s in it.data()["stories"]] == [
            f"The price of {t}" for t in ("bridges", "roads", "grain")
        ]
        assert it.data()["held"] == "quiet"
        assert it.until(local(7, 30, day=3)) == 0
        assert len(it.subjects()) == 2


def test_the_morning_after_a_change_of_the_clock_comes_once_and_on_time(tmp_path: Path) -> None:
    night = {"timezone": "Europe/Berlin", "quiet": "22:00-07:00"}
    with desk(tmp_path, [NOW | night]) as it:
        it.until(datetime.fromisoformat("2023-03-25T22:00:00+00:00"))
        it.publish("CSTO meets at night", "So it does.")
        assert it.tick() == 0
        assert it.until(datetime.fromisoformat("2023-03-26T04:59:00+00:00")) == 0
        assert it.until(datetime.fromisoformat("2023-03-26T05:00:00+00:00")) == 1


def test_a_storm_of_news_is_told_in_a_few_mails_that_say_so(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"most": 3}]) as it:
        for topic in TOPICS:
            it.clock.advance(MINUTE - SECOND)
            it.publish(f"CSTO speaks of {topic} today", f"Of {topic}, all day and all night, in {topic} itself.")
            it.tick()
        assert len(it.subjects()) == 3
        assert it.until(START + HOUR) == 0
        assert it.until(START + HOUR + MINUTE) == 1
        assert len(it.data()["stories"]) == 9
        assert it.data()["held"] == "storm"


def test_a_hundred_hits_in_a_minute_are_one_mail_with_the_first_thirty_and_a_link(tmp_path: Path) -> None:
    usual = {name: value for name, value in NOW.items() if name != "wait"}
    with desk(tmp_path, [usual]) as it:
        for n in range(10):
            it.publish(
                *(f"CSTO meets in {TOPICS[n]}", ""), *(f"CSTO of {TOPICS[n]}, matter {m * 7919}" for m in range(9))
            )
            for _ in range(2):
                assert it.tick() == 0, "it collects"
                it.clock.advance(2 * SECOND)
        it.clock.advance(20 * SECOND)
        assert it.tick() == 1
        assert it.subjects()[0].startswith("CSTO: 100 stories - ")
        assert (len(it.data()["stories"]), it.data()["held"]) == (100, "storm")
        text = body(it.sink.messages[0].content)
        assert "30. CSTO" in text
        assert "31. CSTO" not in text
        assert "70 more stories" in text


def test_an_alert_waits_for_company_and_no_longer(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"wait": "1m"}]) as it:
        it.publish("CSTO speaks of grain", "Of grain.")
        assert it.tick() == 0
        it.clock.advance(30 * SECOND)
        it.publish("CSTO speaks of roads", "Of roads.")
        assert it.tick() == 0
        it.clock.advance(59 * SECOND)
        assert it.tick() == 0
        it.clock.advance(SECOND)
        assert it.tick() == 1
        assert len(it.data()["stories"]) == 2
        assert it.data()["held"] == ""


def test_what_could_not_be_sent_for_hours_is_told_in_the_digest_and_not_as_news(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW, DAILY]) as it:
        it.sink.mode = "421"
        it.publish("CSTO meets in the evening", "In the evening.")
        assert it.tick() == 0
        it.clock.advance(6 * HOUR + MINUTE)
        it.tick()
        it.sink.mode = "ok"
        assert it.until(local(7, 29, day=3)) == 0, "no alert of yesterday"
        assert it.until(local(7, 30, day=3)) == 1
        late = it.sent_data()["late"]
        assert [(s["headline"], s["source"]) for s in late] == [("CSTO meets in the evening", "News")]
        assert it.until(local(7, 30, day=4)) == 1
        assert it.sent_data()["late"] == [], "once"
        assert len(it.subjects()) == 2


def test_who_gets_alerts_alone_is_told_of_late_ones_when_the_relay_is_back(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"to": [DESK, ANNA]}]) as it:
        it.sink.mode = "421"
        it.publish("CSTO meets in the evening", "In the evening.")
        it.tick()
        it.clock.advance(6 * HOUR + MINUTE)
        it.tick()
        assert it.subjects() == []
        it.tick()
        it.sink.mode = "ok"
        it.clock.advance(16 * MINUTE)
        assert it.tick() == 2
        assert it.sent_data()["kind"] == "digest"
        assert [s["headline"] for s in it.sent_data()["late"]] == ["CSTO meets in the evening"]
        states = [m.state for m in it.app.stores.outbox.list()]
        assert states == ["sent", "sent", "dead", "dead"]
        it.clock.advance(timedelta(days=3))
        assert it.tick() == 0


def test_a_burst_that_could_not_be_sent_for_hours_is_told_in_the_digest(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW, DAILY]) as it:
        it.sink.mode = "421"
        now = it.clock.now()
        it.app.stores.signals.begin(Signal(0, "burst", "csto", "", now, now, 42, 5.0, ""))
        assert it.tick() == 0
        it.clock.advance(6 * HOUR + MINUTE)
        it.tick()
        it.sink.mode = "ok"
        assert it.until(local(7, 30, day=3)) == 1
        told = it.sent_data()
        assert [s["headline"].partition(" since")[0] for s in told["late"]] == ["CSTO: 42 entries"]
        assert it.until(local(7, 30, day=4)) == 1
        assert it.sent_data()["late"] == it.sent_data()["signals"] == [], "once"


def test_a_relay_that_says_no_to_everything_is_left_in_peace_and_nothing_is_lost(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"to": [f"r{n}@example.org" for n in range(50)]}]) as it:
        it.sink.mode = "421"
        it.publish("CSTO meets", "It does.")
        it.tick()
        asked = it.sink.attempts
        assert asked == 1, "one message tells that the relay fails"
        for _ in range(10):
            it.clock.advance(2 * SECOND)
            it.tick()
        assert it.sink.attempts == asked
        (failing,) = it.app.stores.relays.failing()
        assert (failing.name, failing.failures) == ("mail", 1)
        it.clock.advance(15 * SECOND)
        it.sink.mode = "ok"
        assert it.tick() == 50
        assert it.app.stores.relays.failing() == []
        assert len({m.recipients for m in it.sink.messages}) == 50


def test_each_reader_is_shown_the_time_of_their_own_clock(tmp_path: Path) -> None:
    readers = [
        DESK,
        {"address": ANNA, "timezone": "Asia/Tokyo"},
        {"address": "ken@example.org", "timezone": "Asia/Tokyo"},
    ]
    with desk(tmp_path, [DAILY | {"to": readers}]) as it:
        it.publish("CSTO meets", "It does.")
        assert it.until(local(7, 30, day=3)) == 3
        parts = {m.recipients[0]: body(m.content) for m in it.sink.messages}
        assert "Friday 3 February 2023, 07:30 Minsk time (UTC+3)" in parts[DESK]
        assert "Friday 3 February 2023, 13:30 Tokyo time (UTC+9)" in parts[ANNA]
        assert parts[ANNA].count("Minsk") == parts[DESK].count("Tokyo") == 0
        with stored.opened(tmp_path) as conn:
            assert conn.execute("SELECT count(*) FROM edition_mails").fetchone() == (1,), "one for all of a zone"


def test_alerts_of_one_story_are_one_conversation(tmp_path: Path) -> None:
    digest = NOW | {"to": [DESK, {"address": ANNA, "prominence": "title"}]}
    with desk(tmp_path, [digest]) as it:
        it.publish("CSTO speaks of grain", "Of grain.")
        it.publish("CSTO speaks of roads", "Of roads.")
        it.tick()
        it.publish("CSTO speaks of milk", "Of milk.")
        it.tick()
        mails = [message_from_bytes(m.content, policy=policy.default) for m in it.sink.messages]
        threads = {(m["To"], m["References"]) for m in mails}
        assert [m["References"] for m in mails[:2]] == [None, None], "several stories are no conversation"
        assert len({reference for _, reference in threads} - {None}) == 1
        assert all(m["References"].startswith("<thread.") for m in mails[2:])
        assert not {m["Message-ID"] for m in mails} & {m["References"] for m in mails}


def test_stats_and_doctor_say_how_long_alerts_take_and_what_keeps_them(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"wait": "20s"}]) as it:
        it.publish("CSTO meets", "It does.")
        it.clock.advance(20 * SECOND)
        assert it.tick() == 1
        assert it.app.stores.upkeep.stats(it.clock.now())["alert_seconds"] == {"p50": 20, "p95": 20}
        it.sink.mode = "421"
        it.publish("CSTO leaves", "It does.")
        it.clock.advance(20 * SECOND)
        assert it.tick() == 0
        said = aggregator(tmp_path, "doctor", environ=ENVIRON)
        assert said.code == 1
        assert "mail has not gone out since 2023-02-02 12:00" in said.out
        assert "421 4.3.2 Service shutting down" in said.out


def test_sending_takes_two_commits_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk(tmp_path, [NOW | {"to": [f"r{n}@example.org" for n in range(100)]}]) as it:
        it.publish("CSTO meets", "It does.")
        it.app.compose.run()
        commits = [0]
        write = Database.write

        @contextmanager
        def counted(self: Database) -> Iterator[sqlite3.Connection]:
            with write(self) as conn:
                before = conn.total_changes
                yield conn
                commits[0] += conn.total_changes > before

        monkeypatch.setattr(Database, "write", counted)
        assert it.app.send.run().sent == 100
        assert commits[0] <= 2 * 100 + 1, "and the first claim"


def test_composing_again_and_again_makes_nothing_more(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW, DAILY]) as it:
        it.publish("CSTO meets", "It does.")
        it.until(local(7, 30, day=3))
        before = dump(tmp_path)
        for _ in range(3):
            it.tick()
            it.app.sync()
        assert dump(tmp_path) == before


def body(content: bytes) -> str:
    """The text part of a mail."""
    part = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def dump(home: Path) -> list[tuple[Any, ...]]:
    """Every row of what composing and sending write."""
    tables = (
        "digests",
        "editions",
        "edition_matches",
        "edition_mails",
        "messages",
        "attempts",
        "tokens",
        "subscriptions",
    )
    with stored.opened(home) as conn:
        return [row for table in tables for row in sorted(map(tuple, conn.execute(f"SELECT * FROM {table}")), key=repr)]
