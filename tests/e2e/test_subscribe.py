"""A reader's subscription from the request to the mailbox, on a staged clock: nothing is lost between two rhythms, or told twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.errors import UsageError
from aggregator.readership import Asker, Choice
from tests import counts, stored
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, rss, staged, write_home

ANNA, BORIS = "anna@example.org", "boris@example.org"
WEB = Asker("web", "203.0.113.0/24")
DAILY = {"watchlist": "csto", "rhythm": "daily 07:30", "timezone": "Europe/Minsk"}
INSTANT = {"watchlist": "csto", "rhythm": "instant", "timezone": "Europe/Minsk"}
HOURLY = {"watchlist": "csto", "rhythm": "hourly", "timezone": "Europe/Minsk"}
WEEKLY = {"watchlist": "csto", "rhythm": "weekly mon 07:30", "timezone": "Europe/Minsk"}
SETTINGS = {
    "web": {"public_url": "https://news.example"},
    "signup": {"mode": "open", "queries": True, "contact": "The news desk"},
}
HOUR = timedelta(hours=1)


class Newsroom:
    """A home with one feed; what is published is polled, composed and sent in the same breath."""

    def __init__(self, app: App, clock: SetClock, items: list[Item]) -> None:
        self.app, self.clock, self._items = app, clock, items
        self.line = app.subscribe

    def choice(self, fields: dict[str, str]) -> Choice:
        return self.line.choice(fields)

    def add(self, address: str, fields: dict[str, str]) -> int:
        return self.line.add(address, self.choice(fields), Asker("command line")).id

    def publish(self, *titles: str) -> None:
        self.clock.advance(timedelta(minutes=1))
        for title in titles:
            number = len(self._items)
            self._items.append(
                Item(str(number), title, f"{title}, number {number}.", self.clock.now(), f"https://x.example/{number}")
            )
        list(self.app.poll.sweep(everything=True))

    def tick(self, by: timedelta = timedelta()) -> None:
        """Time passes hour by hour; what is due comes out, as in the daemon."""
        until = self.clock.now() + by
        while True:
            self.app.following.attend()
            self.app.compose.run()
            self.app.following.attend()
            self.app.send.run()
            if self.clock.now() >= until:
                return
            self.clock.advance(min(HOUR, until - self.clock.now()))

    def mails(self) -> list[str]:
        return [
            f.read_text("utf-8")
            for f in sorted(self.app.configuration.home.mail.glob("*.eml"), key=lambda f: f.stat().st_mtime_ns)
        ]

    def told(self, address: str) -> list[str]:
        """The headlines that an address was sent as news, in order."""
        found = []
        for message in reversed(self.app.stores.outbox.list(["sent"])):
            if message.address == address and message.edition_id:
                edition = self.app.stores.editions.edition(message.edition_id)
                assert edition is not None
                found += [story["headline"] for story in json.loads(edition.rendered.data)["stories"]]
        return found

    def link(self, kind: str, address: str = ANNA) -> str:
        """The token of the newest link of this kind that was mailed to an address."""
        mails = [m.replace("=\n", "") for m in self.mails() if f"To: {address}" in m]
        return str(re.findall(rf"https://news\.example/{kind}/([a-z2-7]{{26}})", "".join(mails))[-1])

    def states(self) -> dict[str, tuple[str, str]]:
        return {s.address: (s.digest_id, s.state) for s in self.app.stores.subscriptions.list()}


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    items: list[Item] = [Item("0", "Nothing yet")]

    def serve(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    with FeedServer() as server:
        write_home(tmp_path, [{"id": "a", "url": server.add("/a", serve)}], watchlists=WATCHLISTS)
        (tmp_path / "config/aggregator.yaml").write_text(json.dumps(SETTINGS))
        with staged(tmp_path) as (app, clock):
            room = Newsroom(app, clock, items)
            room.publish()
            yield room


def tables(home: Path) -> dict[str, list[Any]]:
    """Every row of every table, as anybody could read them."""
    with stored.opened(home) as conn:
        return {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in stored.tables(conn)}


# -- double opt-in -----------------------------------------------------------------------------------------------------


def test_nothing_but_a_letter_is_sent_before_the_reader_confirms(newsroom: Newsroom) -> None:
    room = newsroom
    assert room.line.request(ANNA, room.choice(DAILY), WEB)
    room.publish("CSTO meets")
    room.tick(44 * HOUR)
    [mail] = room.mails()
    assert "Please confirm: CSTO" in mail
    text = mail.replace("=\n", "")
    for said in (
        "daily 07:30 (Europe/Minsk)",
        "@csto",
        "203.0.113.0/24",
        "2 February 2023, 12:01 UTC",
        "nothing happens",
        "The news desk",
    ):
        assert said in text, said
    for absent in ("List-Unsubscribe", "List-Id", "CSTO meets"):
        assert absent not in text
    assert "Auto-Submitted: auto-generated" in text
    assert [d.spec.id for d in room.app.stores.editions.digests()] == [], "its digest sleeps"
    confirmed = room.line.confirm(room.link("confirm"), WEB)
    assert confirmed is not None
    assert confirmed.state == "active"
    room.publish("CSTO meets again")
    room.tick(24 * HOUR)
    assert room.told(ANNA).count("CSTO meets again") == 1
    events = [(c["event"], c["cause"], c["detail"]) for c in room.line.export(ANNA)["consents"]]
    assert events == [("requested", "web", "confirm-1"), ("confirmed", "web", "")]


def test_a_link_confirms_once_and_for_two_days(newsroom: Newsroom) -> None:
    room = newsroom
    room.line.request(ANNA, room.choice(DAILY), WEB)
    room.tick()
    token = room.link("confirm")
    assert room.line.confirm(room.link("refuse"), WEB) is None, "each token has one purpose"
    room.clock.advance(timedelta(hours=48))
    assert room.line.confirm(token, WEB) is None
    room.line.request(ANNA, room.choice(DAILY), WEB)
    room.tick()
    assert room.line.confirm(room.link("confirm"), WEB) is not None
    assert room.line.confirm(room.link("confirm"), WEB) is None
    assert len(room.app.stores.subscriptions.list()) == 1


def test_asking_twice_sends_one_letter(newsroom: Newsroom) -> None:
    room = newsroom
    assert room.line.request(ANNA, room.choice(DAILY), WEB)
    assert not room.line.request("ANNA+x@example.org", room.choice(HOURLY), WEB)
    room.tick()
    assert len(room.mails()) == 1


def test_what_was_never_confirmed_is_forgotten_in_a_week(newsroom: Newsroom) -> None:
    room = newsroom
    room.line.request(ANNA, room.choice(DAILY), WEB)
    room.tick(timedelta(days=7, hours=1))
    home = room.app.configuration.home.path
    assert "anna" not in repr(tables(home)).lower()
    assert tables(home)["letters"] == tables(home)["messages"] == tables(home)["subscriptions"] == []


def test_who_refused_gets_no_letter_ever_again(newsroom: Newsroom) -> None:
    room = newsroom
    room.line.request(ANNA, room.choice(DAILY), WEB)
    room.tick()
    confirm = room.link("confirm")
    assert room.line.refuse(room.link("refuse"), WEB)
    assert room.line.confirm(confirm, WEB) is None
    room.clock.advance(timedelta(days=40))
    assert not room.line.request(ANNA, room.choice(DAILY), WEB)
    assert not room.line.send_link(ANNA, WEB)
    room.tick()
    assert len(room.mails()) == 1
    assert room.add(ANNA, DAILY), "the operator's word lifts it"


def test_bombing_sends_no_more_than_the_limits_say(newsroom: Newsroom) -> None:
    """Requests from as many networks in an hour, at as many addresses: 60 letters; at one address, one."""
    room = newsroom
    choice = room.choice(DAILY)
    sent = [
        room.line.request(f"v{n}@d{n % 100}.example", choice, Asker("web", f"10.{n // 250}.{n % 250}.0/24"))
        for n in range(counts.count(100, 700))
    ]
    sent += [
        room.line.request(ANNA, choice, Asker("web", f"11.1.{n % 250}.0/24")) for n in range(counts.count(30, 300))
    ]
    assert sum(sent) == 60
    room.clock.advance(2 * HOUR)
    sent = [room.line.request(f"w{n}@d{n}.example", choice, WEB) for n in range(20)]
    assert sum(sent) == 5
    room.clock.advance(2 * HOUR)
    sent = [room.line.request(f"x{n}@one.example", choice, Asker("web", f"12.1.{n}.0/24")) for n in range(50)]
    assert sum(sent) == 30
    room.clock.advance(timedelta(days=1))
    letters = 0
    for _ in range(30):
        letters += room.line.request(ANNA, choice, WEB)
        room.clock.advance(timedelta(hours=25))
    assert letters == 4, "three in thirty days; then the first of them is older"
    assert not room.line.request("abuse@example.org", choice, WEB)


# -- one digest for all who choose the same ------------------------------------------------------------------------------


def test_readers_of_one_choice_share_one_edition(newsroom: Newsroom) -> None:
    room = newsroom
    for n in range(20):
        room.add(f"r{n}@example.org", DAILY)
    room.publish("CSTO meets")
    room.tick(24 * HOUR)
    assert len(room.app.stores.editions.editions()) == 1
    assert len(room.app.stores.outbox.list(["sent"])) == 20
    room.app.sync()
    assert [d.spec.id for d in room.app.stores.editions.digests()] == ["csto.daily-0730.europe-minsk"]


def test_a_digest_that_nobody_reads_any_more_sleeps(newsroom: Newsroom) -> None:
    room = newsroom
    room.line.end([room.add(ANNA, DAILY)], WEB, "ended")
    assert room.app.stores.editions.digests() == []
    room.tick(24 * HOUR)
    assert room.app.stores.editions.editions() == []


def test_a_readers_quiet_hours_hold_alerts_until_the_morning(newsroom: Newsroom) -> None:
    room = newsroom
    room.add(ANNA, INSTANT | {"quiet": "22:00-07:00"})
    room.add(BORIS, INSTANT)
    assert len({digest for digest, _ in room.states().values()}) == 2, "other hours are another digest"
    room.tick(7 * HOUR + timedelta(minutes=30))  # 22:31 in Minsk
    room.publish("CSTO meets at night")
    room.publish("CSTO speaks of grain")
    room.tick(HOUR)
    assert sorted(room.told(BORIS)) == ["CSTO meets at night", "CSTO speaks of grain"]
    assert room.told(ANNA) == []
    room.tick(9 * HOUR)
    assert sorted(room.told(ANNA)) == ["CSTO meets at night", "CSTO speaks of grain"]
    to_anna = [m for m in room.app.stores.outbox.list(["sent"]) if m.address == ANNA]
    assert len(to_anna) == 1, "as one mail"
    edition = room.app.stores.editions.edition(to_anna[0].edition_id)
    assert edition is not None
    assert "Held during your quiet hours" in edition.rendered.text


# -- another rhythm ----------------------------------------------------------------------------------------------------

MOVES = [
    (one, other)
    for one in (INSTANT, HOURLY, DAILY, WEEKLY)
    for other in (INSTANT, HOURLY, DAILY, WEEKLY)
    if one != other
]


CASES = [(*move, shared) for move in MOVES for shared in (False, True)]


@pytest.mark.parametrize(
    ("before", "after", "shared"),
    CASES if counts.STORM else CASES[::5],
    ids=lambda field: field["rhythm"].partition(" ")[0] if isinstance(field, dict) else ["alone", "shared"][field],
)
def test_between_two_rhythms_nothing_is_lost_and_nothing_told_twice(
    newsroom: Newsroom, before: dict[str, str], after: dict[str, str], shared: bool
) -> None:
    room = newsroom
    mine = room.add(ANNA, before)
    if shared:
        room.add(BORIS, after)
    published = []
    for n in range(60):  # twelve days
        published.append(f"CSTO meets in town {'abcdefghijklmnopqrstuvwxyz'[n % 26] * 4}{n} on matter {n * 7919}")
        room.publish(published[-1])
        room.tick(5 * HOUR)
        if n == 25:
            assert room.line.change(mine, room.choice(after), WEB) is not None
    room.tick(timedelta(days=8))
    told = room.told(ANNA)
    assert sorted(told) == sorted(published)
    if shared:
        assert sorted(room.told(BORIS)) == sorted(published)
        assert len({s.digest_id for s in room.app.stores.subscriptions.list()}) == 1, "in the end they share a digest"
    assert not any(".from-" in d.spec.id for d in room.app.stores.editions.digests()) or not shared


def test_confirming_another_rhythm_moves_the_subscription(newsroom: Newsroom) -> None:
    room = newsroom
    mine = room.add(ANNA, DAILY)
    room.line.request(ANNA, room.choice(INSTANT), WEB)
    room.tick()
    assert room.states()[ANNA] in (("csto.instant.europe-minsk", "pending"), ("csto.daily-0730.europe-minsk", "active"))
    moved = room.line.confirm(room.link("confirm"), WEB)
    assert moved is not None
    assert (moved.id, moved.digest_id, moved.state) == (mine, "csto.instant.europe-minsk", "active")
    assert len(room.app.stores.subscriptions.list()) == 1


def test_a_message_on_its_way_arrives_although_its_reader_chooses_another_rhythm(newsroom: Newsroom) -> None:
    room = newsroom
    mine = room.add(ANNA, INSTANT)
    room.publish("CSTO meets")
    room.clock.advance(HOUR)
    room.app.compose.run()
    room.line.change(mine, room.choice(WEEKLY), WEB)
    room.tick()
    assert room.told(ANNA) == ["CSTO meets"]


# -- pauses, ends and second thoughts -------------------------------------------------------------------------------------


def test_a_pause_ends_by_itself(newsroom: Newsroom) -> None:
    room = newsroom
    mine = room.add(ANNA, HOURLY)
    assert room.line.pause(mine, WEB)
    room.publish("CSTO meets")
    room.tick(2 * HOUR)
    assert room.told(ANNA) == []
    room.clock.advance(timedelta(days=30))
    room.tick()
    assert room.states()[ANNA][1] == "active"
    room.publish("CSTO meets again")
    room.tick(2 * HOUR)
    assert room.told(ANNA) == ["CSTO meets again"]
    room.line.pause(mine, WEB, None)
    room.clock.advance(timedelta(days=90))
    room.tick()
    assert room.states()[ANNA][1] == "paused"
    assert room.line.resume(mine, WEB)
    assert not room.line.resume(mine, WEB)


def test_an_end_can_be_taken_back_for_ten_minutes_and_nothing_is_lost(newsroom: Newsroom) -> None:
    room = newsroom
    mine, other = room.add(ANNA, INSTANT), room.add(ANNA, {"query": "grain", "rhythm": "hourly"} | {"timezone": "UTC"})
    room.publish("CSTO meets")
    room.clock.advance(HOUR)
    room.app.compose.run()
    undo = room.line.end([mine, other], WEB, "ended by its reader")
    room.publish("Grain is sown")
    room.tick()
    assert room.told(ANNA) == []
    room.clock.advance(timedelta(minutes=8))
    assert {s.id for s in room.line.undo(undo, WEB)} == {mine, other}
    assert room.line.undo(undo, WEB) == []
    room.tick(2 * HOUR)
    assert sorted(room.told(ANNA)) == ["CSTO meets", "Grain is sown"]
    late = room.line.end([mine], WEB, "ended by its reader")
    room.clock.advance(timedelta(minutes=10))
    assert room.line.undo(late, WEB) == []


# -- queries of one's own -------------------------------------------------------------------------------------------------


def test_a_readers_own_query_is_watched_for_from_the_last_day_on(newsroom: Newsroom) -> None:
    room = newsroom
    room.publish("Grain is sown")
    room.clock.advance(HOUR)
    room.add(ANNA, {"query": "grain OR corn", "rhythm": "hourly", "timezone": "UTC"})
    room.add(BORIS, {"query": "(corn) OR  (grain)", "rhythm": "hourly", "timezone": "UTC"})
    room.publish("Corn is reaped")
    room.tick(2 * HOUR)
    assert sorted(room.told(ANNA)) == ["Corn is reaped", "Grain is sown"]
    room.app.sync()
    room.publish("Corn is eaten")
    room.tick(2 * HOUR)
    assert "Corn is eaten" in room.told(ANNA)


def test_another_process_that_adds_a_query_is_noticed_and_nothing_falls_between(newsroom: Newsroom) -> None:
    room = newsroom
    room.app.watch_index()
    with build(room.app.configuration.home.path, ENVIRON, room.clock) as other:
        choice = other.subscribe.choice({"query": "grain", "rhythm": "hourly"})
        other.subscribe.add(ANNA, choice, Asker("command line"))
    room.publish("Grain is sown")
    [watchlist] = room.app.stores.watch.of_readers()
    assert len(room.app.stores.watch.matches(watchlist.id)) == 1
    mine = room.app.stores.subscriptions.list()[0].id
    with build(room.app.configuration.home.path, ENVIRON, room.clock) as other:
        other.subscribe.end([mine], WEB, "ended")
    room.publish("Grain is reaped")
    assert len(room.app.stores.watch.matches(watchlist.id)) == 1


@pytest.mark.parametrize(
    "query", ["NOT grain", "(", "grain " * 200, " OR ".join(f"w{n}" for n in range(41)), "@nobody"]
)
def test_a_query_that_cannot_be_watched_for_is_refused_in_words(newsroom: Newsroom, query: str) -> None:
    with pytest.raises(UsageError):
        newsroom.choice({"query": query, "rhythm": "hourly"})


# -- all of it, none of it -----------------------------------------------------------------------------------------------


def test_an_erased_reader_leaves_no_trace_in_any_table(newsroom: Newsroom) -> None:
    room = newsroom
    room.line.request(ANNA, room.choice(DAILY), WEB)
    room.tick()
    room.line.confirm(room.link("confirm"), WEB)
    room.clock.advance(timedelta(days=2))
    room.line.send_link(ANNA, WEB)
    room.add(ANNA, {"query": "grain", "rhythm": "hourly"})
    room.publish("CSTO meets", "Grain is sown")
    room.tick(24 * HOUR)
    exported = json.dumps(room.line.export(ANNA))
    for said in ("csto.daily-0730.europe-minsk", "confirmed", "grain", '"requests"', '"bounces"'):
        assert said in exported
    assert room.line.erase(ANNA)
    assert "anna" not in repr(tables(room.app.configuration.home.path)).lower()
    assert not room.line.request(ANNA, room.choice(DAILY), WEB)
    assert room.app.stores.editions.digests() == []
    empty = room.line.export(ANNA)
    assert (empty["subscriptions"], empty["consents"], empty["messages"], empty["queries"]) == ([], [], [], [])
