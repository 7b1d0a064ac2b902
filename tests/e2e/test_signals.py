"""Bursts and silences from the wire to the mailbox: found by a watchlist's own rhythm, told once, and never for a reason of ours."""

from __future__ import annotations

import json
import shutil
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.reading import Signal
from aggregator.signals import Noticed
from tests import stored
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, digests, rss, sweep, write_home

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
"""The morning that the tests begin at: nine weeks are published, and ten days have been polled."""
SETTLED = MONDAY - 10 * DAY
TUESDAY, WEDNESDAY = MONDAY + DAY, MONDAY + 2 * DAY


def _hour(feed: str, hour: datetime) -> Iterator[Item]:
    many = 1
    if feed == "agency":
        many = 12 if hour.weekday() == 0 and hour.hour in (7, 8) else int(hour.weekday() < 5 and 6 <= hour.hour < 20)
    elif feed == "journal":
        many = int(hour.day == 1 and hour.month % 3 == 1 and hour.hour == 9)
    what = {"agency": "CSTO communiqué", "paper": "Fair in town", "journal": "Tables of the quarter"}[feed]
    for n in range(many):
        yield Item(f"{feed}-{hour:%m%d%H}-{n}", f"{what} {hour:%d.%m.%H}-{n}", at=hour + timedelta(minutes=5 + n))


HOURS = [MONDAY - 63 * DAY + n * HOUR for n in range(24 * 75)]
YEAR = {feed: [item for hour in HOURS for item in _hour(feed, hour)] for feed in ("agency", "paper", "journal")}


@dataclass
class Town:
    """Publishers that keep to their week on the test's own clock, and what a test has them do besides."""

    now: datetime = SETTLED
    more: list[Item] = field(default_factory=list)
    silent_since: dict[str, datetime] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    def items(self, feed: str) -> list[Item]:
        """Of the agency every hour by day, a storm on Monday mornings; of the local paper every hour; of the journal each quarter."""
        until = min(self.silent_since.get(feed, self.now), self.now)
        found = YEAR[feed][: bisect_right(YEAR[feed], until, key=lambda item: item.at)]
        return found + [item for item in self.more if feed == "agency" and item.at <= self.now]

    def burst(self, at: datetime, many: int = 40) -> None:
        """So many items in a quarter of an hour."""
        self.more += [
            Item(f"burst-{at}-{n}", f"CSTO troops move, report {n}", at=at + n * HOUR / 160) for n in range(many)
        ]

    def __call__(self, call: Call) -> None:
        feed = call.request.path.strip("/")
        if feed in self.failing:
            call.respond(500, b"")
            return
        items = self.items(feed)
        call.respond(200, rss(*(items if self.now < SETTLED + HOUR else items[-50:])))


@dataclass
class Scene:
    """A home whose watchlist has a week of its own, on the morning of MONDAY."""

    home: Path
    town: Town
    app: App
    clock: SetClock

    def pass_time(self, until: datetime, step: timedelta = HOUR, *, polled: bool = True) -> list[Signal]:
        """Poll, compose, look at the rhythm and send every so often; what began."""
        begun: list[Signal] = []
        while self.clock.now() < until:
            self.clock.advance(min(step, until - self.clock.now()))
            self.town.now = self.clock.now()
            if polled:
                sweep(self.app)
            self.app.compose.run()
            begun += self.app.signals.run().begun
            self.app.compose.run()
            self.app.send.run()
        return begun

    def look(self) -> Noticed:
        return self.app.signals.run()

    def mails(self, digest: str = "") -> list[EmailMessage]:
        """What was sent of a digest, oldest first."""
        found = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in self.home.glob("var/mail/*.eml")]
        named = [mail for mail in found if f"<{digest or 'now'}." in mail["List-Id"]]
        return sorted(named, key=lambda mail: mail["Date"].datetime)

    def signals_told(self, digest: str) -> list[str]:
        """The signals in the editions of a digest, oldest first."""
        editions = reversed(self.app.stores.editions.editions(digest))
        return [one["text"] for edition in editions for one in json.loads(edition.rendered.data)["signals"]]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Town]]:
    """A home that has polled three feeds for ten days, the first time with all that they had published before."""
    home, town = tmp_path_factory.mktemp("grown"), Town()
    with FeedServer() as server:
        feeds = [{"id": name, "url": server.add(f"/{name}", town)} for name in ("agency", "paper", "journal")]
        write_home(home, feeds, watchlists=WATCHLISTS, digests=digests())
        clock = SetClock(SETTLED)
        with build(home, ENVIRON, clock) as app:
            app.sync()
            while clock.now() < MONDAY:
                town.now = clock.now()
                sweep(app)
                clock.advance(DAY if MONDAY - clock.now() > 2 * DAY else 6 * HOUR)
            app.compose.run()
        yield home, town


@pytest.fixture
def scene(grown: tuple[Path, Town], tmp_path: Path) -> Iterator[Scene]:
    home = tmp_path / "home"
    shutil.copytree(grown[0], home)
    stored.copied(home)
    town = grown[1]
    town.now, town.more, town.silent_since, town.failing = MONDAY, [], {}, set()
    with opened(home, town, MONDAY) as made:
        yield made


@contextmanager
def opened(home: Path, town: Town, at: datetime) -> Iterator[Scene]:
    """The home in a new process."""
    clock = SetClock(at)
    with build(home, ENVIRON, clock) as app:
        app.sync()
        yield Scene(home, town, app, clock)


def text(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return " ".join(part.get_content().split())


def test_mondays_mornings_and_weekends_of_every_week_are_nothing_to_speak_of(scene: Scene) -> None:
    assert scene.pass_time(MONDAY + 12 * HOUR) == []
    assert scene.pass_time(MONDAY + 7 * DAY + 10 * HOUR, 6 * HOUR) == []
    assert scene.signals_told("now") == scene.signals_told("daily") == []


def test_a_planted_burst_is_told_once_at_once_and_once_in_the_morning(scene: Scene) -> None:
    scene.pass_time(TUESDAY + 5 * HOUR, 6 * HOUR)
    scene.pass_time(TUESDAY + 9 * HOUR)
    scene.town.burst(TUESDAY + 9 * HOUR)
    [found] = scene.pass_time(TUESDAY + 11 * HOUR)
    assert (found.kind, found.watchlist_id, found.observed) == ("burst", "csto", 42)
    assert found.expected == 3
    clock = scene.clock.now()
    scene.app.close()
    # A restart in the middle of it.
    with opened(scene.home, scene.town, clock) as again:
        assert again.pass_time(WEDNESDAY + 9 * HOUR) == []
        assert again.signals_told("now") == ["CSTO: 42 entries since 09:00, usually 3"]
        assert again.signals_told("daily") == ["CSTO: 42 entries between Tue 24 Nov, 12:00 and 14:00, usually 3"]
        assert again.app.stores.signals.list(lasting=True) == []
        [alert] = [mail for mail in again.mails() if "42 entries" in mail["Subject"]]
        assert alert["Subject"] == "CSTO: 42 entries since 09:00, usually 3"
        assert "! CSTO: 42 entries since 09:00, usually 3" in text(alert, "plain")
        assert "<bdi>CSTO</bdi></strong>: 42 entries since 09:00, usually 3" in text(alert, "html")
        [morning] = [mail for mail in again.mails("daily") if "42 entries" in text(mail, "plain")]
        assert "42 entries between Tue 24 Nov, 12:00 and 14:00" in text(morning, "html")


def test_a_silence_is_told_with_what_is_usual_and_is_over_with_the_next_entry(scene: Scene) -> None:
    scene.pass_time(TUESDAY, 6 * HOUR)
    scene.town.silent_since["agency"] = TUESDAY + 10 * HOUR
    begun = scene.pass_time(TUESDAY + 3 * DAY, 4 * HOUR)
    [of_watchlist] = [one for one in begun if one.watchlist_id]
    assert of_watchlist.began_at == TUESDAY + 10 * HOUR
    assert of_watchlist.found_at < TUESDAY + 2 * DAY
    assert scene.signals_told("daily") == ["CSTO: 13 a day usually, 0 since Tue 24 Nov, 13:00"]
    [mail] = [mail for mail in scene.mails() if "usually" in mail["Subject"]]
    assert mail["Subject"] == "CSTO: 13 a day usually, 0 since Tue 24 Nov, 10:00"
    del scene.town.silent_since["agency"]
    scene.pass_time(TUESDAY + 4 * DAY, 6 * HOUR)
    assert scene.app.stores.signals.list(lasting=True) == []


def test_a_silence_says_whether_its_feeds_fail_and_a_failing_feed_is_not_silent(scene: Scene) -> None:
    scene.town.failing.add("agency")
    begun = scene.pass_time(MONDAY + 3 * DAY, 4 * HOUR)
    assert [(one.watchlist_id, one.feed_id, one.detail) for one in begun] == [("csto", "", "its only feed is failing")]


def test_a_busy_feed_that_is_quiet_for_a_day_is_named_and_a_quarterly_one_never(scene: Scene) -> None:
    scene.town.silent_since["paper"] = MONDAY + 2 * HOUR
    [found] = scene.pass_time(MONDAY + 40 * HOUR, 4 * HOUR)
    assert (found.feed_id, found.kind, round(found.expected)) == ("paper", "silence", 24)
    assert MONDAY + 20 * HOUR < found.found_at <= MONDAY + 26 * HOUR
    # It is the operator's: no reader asked for a feed.
    assert scene.signals_told("now") == scene.signals_told("daily") == []
    del scene.town.silent_since["paper"]
    scene.pass_time(MONDAY + 44 * HOUR, 4 * HOUR)
    assert scene.app.stores.signals.list(lasting=True) == []


def test_while_our_own_network_is_down_and_when_it_is_back_nobody_is_silent(scene: Scene) -> None:
    scene.app.stores.network.begin_outage(MONDAY)
    assert scene.pass_time(MONDAY + 3 * DAY, 6 * HOUR, polled=False) == []
    scene.app.stores.network.end_outage()
    # What was published meanwhile is told now, and is of its own hours.
    assert scene.pass_time(MONDAY + 4 * DAY, 4 * HOUR) == []


def test_a_machine_that_was_off_hears_no_silence_in_that_time(scene: Scene) -> None:
    scene.town.silent_since["agency"] = MONDAY + 3 * DAY
    scene.clock.advance(3 * DAY)
    assert scene.look().begun == ()


def test_a_burst_at_night_waits_for_the_morning(scene: Scene) -> None:
    quiet = {
        "id": "asleep",
        "title": "Asleep",
        "every": "instant",
        "wait": "0s",
        "watchlists": ["csto"],
        "to": ["d@e.org"],
    }
    later = quiet | {"quiet": "22:00-06:00"}
    write_home(
        scene.home,
        json.loads((scene.home / "feeds.yaml").read_text())["feeds"],
        watchlists=WATCHLISTS,
        digests=digests(later),
    )
    scene.app.close()
    with opened(scene.home, scene.town, MONDAY) as again:
        again.town.burst(TUESDAY + HOUR)
        again.pass_time(TUESDAY, 6 * HOUR)
        again.pass_time(TUESDAY + 3 * HOUR)
        assert (again.signals_told("now") != [], again.signals_told("asleep")) == (True, [])
        again.pass_time(TUESDAY + 7 * HOUR, 4 * HOUR)
        assert len(again.signals_told("asleep")) == 1


def test_a_watchlist_may_be_left_out(scene: Scene) -> None:
    quietly = WATCHLISTS | {"watchlists": [WATCHLISTS["watchlists"][0] | {"signals": False}]}
    (scene.home / "config/watchlists.yaml").write_text(json.dumps(quietly))
    scene.app.close()
    with opened(scene.home, scene.town, MONDAY) as again:
        again.town.burst(MONDAY + 3 * HOUR)
        assert again.pass_time(MONDAY + 6 * HOUR) == []
