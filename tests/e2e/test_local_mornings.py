"""Editions by the wall's clock, through both changes of the year: the daemon's ticks on a staged clock, real feeds, SQLite.

What is right is worked out without the program's own arithmetic: a clock that is read minute by minute. Of each local date
an edition belongs to the first minute at which that clock shows its time, or a later one where its time is left out.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.publication import StoredEdition
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, rss, write_home

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Minsk")
TIMES = ("07:30", "02:30", "02:15", "01:45")
"""Ordinary; and times that one zone or another leaves out in its spring, or shows twice in its autumn."""
YEARS = (2023,) if not counts.STORM else range(2023, 2034)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = counts.count(small=20, storm=10) * MINUTE
HALF = counts.count(small=24, storm=36) * HOUR
"""How long before and behind a moment is looked at."""
QUICK = ENVIRON | {"AGGREGATOR__STORAGE__DURABILITY": "normal"}
SHOWN = 6
"""Items that the feed shows at once."""


def changes(zone: str, year: int) -> list[datetime]:
    """The moments of a year at which a zone's clock is put forward or back."""
    clock = ZoneInfo(zone)
    hours = [datetime(year, 1, 1, tzinfo=UTC) + n * HOUR for n in range(365 * 24)]
    return [b for a, b in pairwise(hours) if a.astimezone(clock).utcoffset() != b.astimezone(clock).utcoffset()]


ORDINARY = datetime(2023, 6, 14, 12, tzinfo=UTC)
CHANGES = [(zone, moment) for zone in ZONES for year in YEARS for moment in changes(zone, year)]
ALL = [("Europe/Minsk", ORDINARY), *CHANGES]
"""Each change of each year, and days on which no clock changes: Minsk's are all so."""
SOME = ALL if counts.STORM else [CHANGES[0], *CHANGES[-2:]]


def due_moments(name: str, zone: str, first: datetime, last: datetime) -> list[datetime]:
    """When a digest ("07:30" or "hourly") is due between two moments, by reading the zone's clock minute by minute."""
    clock = ZoneInfo(zone)
    reached: set[date] = set()
    found = []
    for n in range(-24 * 60, int((last - first) / MINUTE) + 1):
        moment = first + n * MINUTE
        local = moment.astimezone(clock)
        if name == "hourly":
            due = local.minute == 0
        else:
            due = local.time() >= time.fromisoformat(name) and local.date() not in reached
            reached |= {local.date()} if due else set()
        if due and moment > first:
            found.append(moment)
    return found


@dataclass
class Days:
    """Some days of a home with every digest of TIMES and an hourly one, on a clock that ticks as the daemon does."""

    home: Path
    zone: str
    clock: SetClock
    app: App
    items: list[Item]
    die: random.Random

    @property
    def start(self) -> datetime:
        """When the first day began."""
        return self.items[0].at

    def publish(self) -> None:
        """Something about the CSTO, polled at once."""
        number = len(self.items)
        self.items.append(Item(str(number), f"CSTO holds meeting {number}", f"Meeting {number}.", self.clock.now()))
        for _ in self.app.poll.sweep(everything=True):
            pass

    def tick(self, by: timedelta = TICK) -> None:
        """Time passes, and what is due is composed; news may come at the same moment, before or after it."""
        self.clock.advance(by)
        news = self.die.randrange(12)
        if news == 0:
            self.publish()
        self.app.compose.run()
        if news == 1:
            self.publish()

    def until(self, moment: datetime) -> None:
        """Tick until a moment."""
        while self.clock.now() < moment:
            self.tick()

    def restart(self) -> None:
        """Another process takes over."""
        self.app.close()
        self.app = build(self.home, QUICK, self.clock)
        self.app.sync()

    def editions(self, name: str) -> list[StoredEdition]:
        """What was made of a digest, the oldest first."""
        return self.app.stores.editions.editions(digest_id(name), limit=10_000)[::-1]


def digest_id(name: str) -> str:
    return f"at-{name.replace(':', '')}" if ":" in name else name


@contextmanager
def days(home: Path, zone: str, start: datetime) -> Iterator[Days]:
    about = {"title": "CSTO", "watchlists": ["csto"], "timezone": zone, "to": ["desk@example.org"]}
    specs = [about | {"id": digest_id(name), "at": name} for name in TIMES]
    specs.append(about | {"id": "hourly", "every": "hourly"})
    items = [Item("0", "Nothing yet", at=start)]

    def feed(call: Call) -> None:
        call.respond(200, rss(*items[-SHOWN:]), [("Content-Type", "application/rss+xml")])

    with FeedServer() as server:
        feeds = [{"id": "wire", "url": server.add("/wire", feed)}]
        write_home(home, feeds, watchlists=WATCHLISTS, digests={"digests": specs})
        clock = SetClock(start)
        it = Days(home, zone, clock, build(home, QUICK, clock), items, random.Random(counts.seed()))
        try:
            it.app.sync()
            for _ in it.app.poll.sweep():
                pass
            yield it
        finally:
            it.app.close()


Asleep = Sequence[tuple[datetime, datetime]]


def faults(it: Days, asleep: Asleep = (), *, set_back: bool = False) -> list[str]:
    """Everything that is not as promised; what fell due during a sleep is one edition at its end."""
    return [fault for name in (*TIMES, "hourly") for fault in _faults(it, name, asleep, set_back=set_back)]


def _faults(it: Days, name: str, asleep: Asleep, *, set_back: bool) -> Iterator[str]:
    editions = it.editions(name)
    wanted = due_moments(name, it.zone, it.start, it.clock.now())
    for begin, awake in asleep:
        missed = [moment for moment in wanted if begin < moment <= awake]
        wanted = [moment for moment in wanted if moment not in missed[:-1]]
    made = [edition.window.end for edition in editions]
    if made != wanted:
        yield f"{name}: none for {sorted(set(wanted) - set(made))}, one too many for {list(Counter(made) - Counter(wanted))}"
    yield from (f"{name}: {key} twice" for key, n in Counter(e.key for e in editions).items() if n > 1)
    yield from (f"{name}: late at {e.composed_at}" for e in editions if not _on_time(e, asleep))
    for before, after in pairwise(editions):
        if before.window.end != after.window.start:
            yield f"{name}: between {before.window} and {after.window}"
    yield from (f"{name}: {fault}" for fault in _untold(it.items[1:], editions, set_back=set_back))


def _on_time(edition: StoredEdition, asleep: Asleep) -> bool:
    """Made at the first tick from its time on, or at the end of the sleep that its time fell into."""
    late = edition.composed_at - edition.window.end
    return late < TICK or any(begin < edition.window.end and edition.composed_at == awake for begin, awake in asleep)


def _untold(items: Sequence[Item], editions: Sequence[StoredEdition], *, set_back: bool) -> Iterator[str]:
    """News that is not told exactly once, in the edition whose window holds it (of a clock set back: or in the next)."""
    told: dict[str, list[StoredEdition]] = {}
    for edition in editions:
        data = json.loads(edition.rendered.data)
        for story in (*data["stories"], *data["continued"]):
            told.setdefault(story["headline"], []).append(edition)
    for item in items:
        found = told.get(item.title, [])
        if len(found) != any(item.at < edition.window.end for edition in editions[-1:]):
            yield f"{item.title} of {item.at} told {len(found)} times"
        elif found and not (item.at < found[0].window.end and (set_back or found[0].window.start <= item.at)):
            yield f"{item.title} of {item.at} told in {found[0].window}"


@pytest.mark.parametrize(("zone", "moment"), ALL)
def test_each_local_date_has_one_edition_for_each_time(tmp_path: Path, zone: str, moment: datetime) -> None:
    with days(tmp_path, zone, moment - HALF) as it:
        it.until(moment + HALF)
        tell(it, "awake", moment, faults(it))


@pytest.mark.parametrize(("zone", "moment"), SOME)
def test_a_machine_asleep_over_the_change_catches_up_with_one_edition(
    tmp_path: Path, zone: str, moment: datetime
) -> None:
    with days(tmp_path, zone, moment - 24 * HOUR) as it:
        it.until(moment - it.die.randrange(10, 1200) * MINUTE)
        it.clock.advance(MINUTE)
        it.publish()
        asleep = it.clock.now()
        it.tick(it.die.randrange(1300, 3000) * MINUTE)
        awake = it.clock.now()
        it.until(it.start + 3 * DAY)
        tell(it, "asleep over it", moment, faults(it, [(asleep, awake)]))


@pytest.mark.parametrize(("zone", "moment"), SOME[:1] if not counts.STORM else SOME)
def test_a_process_that_begins_anew_at_every_tick_makes_the_same_editions(
    tmp_path: Path, zone: str, moment: datetime
) -> None:
    with days(tmp_path, zone, moment - 3 * HOUR) as it:
        while it.clock.now() < moment + 6 * HOUR:
            it.restart()
            it.tick()
        tell(it, "a new process at every tick", moment, faults(it))


@pytest.mark.parametrize(("zone", "moment"), SOME[1:] if not counts.STORM else SOME)
def test_a_clock_set_back_and_forward_by_hand_makes_no_edition_twice(
    tmp_path: Path, zone: str, moment: datetime
) -> None:
    with days(tmp_path, zone, moment - 12 * HOUR) as it:
        it.until(moment + it.die.randrange(0, 180) * MINUTE)
        it.tick(-HOUR)
        it.until(moment + 18 * HOUR)
        asleep = it.clock.now()
        it.tick(HOUR)
        awake = it.clock.now()
        it.until(moment + 36 * HOUR)
        tell(it, "set back and forward", moment, faults(it, [(asleep, awake)], set_back=True))


table: dict[tuple[str, str], list[tuple[datetime, int, int]]] = {}
"""By zone and by what befell the machine: each moment, the editions around it, and what was wrong with them."""


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    yield
    for (zone, what), rows in table.items():
        dates = sorted(moment.astimezone(ZoneInfo(zone)).date() for moment, _, _ in rows)
        around = f"{dates[0]} to {dates[-1]}" if len(dates) > 2 else " and ".join(map(str, dates))
        remark = f"around {around}, {what}: one edition for each local date and time"
        counts.report(f"editions in {zone}", sum(row[1] for row in rows), sum(row[2] for row in rows), remark)


def tell(it: Days, what: str, moment: datetime, found: list[str]) -> None:
    """Take the editions around a moment into the table."""
    made = sum(len(it.editions(name)) for name in (*TIMES, "hourly"))
    table.setdefault((it.zone, what), []).append((moment, made, len(found)))
    assert found == []
