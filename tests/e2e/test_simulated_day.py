"""A day in the life of a home full of feeds: real HTTP on a staged clock, and no request before its time.

The publishers write down when they were asked, and hold each request against what they had said themselves. What the store
had promised (`next_poll_at`) is held against it too.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from time import time  # noqa: TID251 - the publisher's own clock

from aggregator.clock import SetClock
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import START, Item, rss, staged, write_home

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEP = timedelta(minutes=counts.count(5, 1))
"""How the clock moves."""
HOSTS = 8
REFUSING = "127.0.0.200"
"""Those that ask to wait live apart: their word may hold for the whole host."""


@dataclass(frozen=True)
class Answer:
    """What a publisher says, and how long it must not be asked again after that."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    pause: timedelta = HOUR


@dataclass
class Publisher:
    """One feed's server: answers as its kind does and writes down who came too early."""

    kind: Kind
    number: int
    clock: SetClock
    asked: list[datetime] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    free: datetime = START

    def __call__(self, call: Call) -> None:
        now = self.clock.now()
        if now < self.free:
            self.early.append(f"{self.kind.name} asked at {now}, wanted peace until {self.free}")
        # What is due in the last minutes before its rest is asked at the end of the clock's step.
        if self.kind.rests(now) and self.kind.rests(now - STEP) and self.asked:
            self.early.append(f"{self.kind.name} asked in its rest at {now}")
        answer = self.kind.answer(self, call)
        self.asked.append(now)
        self.free = now + answer.pause
        call.respond(answer.status, answer.body, answer.headers)


@dataclass(frozen=True)
class Kind:
    """A kind of feed: how it answers, how often it may be asked in a day, and how many of its kind there are for each other."""

    name: str
    answer: Callable[[Publisher, Call], Answer]
    most: int
    least: int
    weight: int = 1
    feed: Mapping[str, str] = field(default_factory=dict)
    rests: Callable[[datetime], bool] = lambda _: False
    host: str = ""
    hears: bool = True


def items(every: timedelta, now: datetime, count: int) -> bytes:
    """A document of the newest `count` items of a feed that brings one in every such span."""
    newest = int((now - START) / every)
    return rss(*(Item(f"{every}-{n}", f"Number {n}", at=START + n * every) for n in range(newest, newest - count, -1)))


def published(
    every: timedelta, count: int = 20, *, pause: timedelta = HOUR, head: str = "", validators: bool = True,
    headers: Callable[[], Iterable[tuple[str, str]]] = tuple,
) -> Callable[[Publisher, Call], Answer]:  # fmt: skip
    """An honest feed with one new item in every such span."""

    def answer(of: Publisher, call: Call) -> Answer:
        body = items(every, of.clock.now(), count).replace(b"<title>News", head.encode() + b"<title>News", 1)
        tag = f'"{int((of.clock.now() - START) / every)}"'
        own = tuple(headers())
        if validators and call.request.headers.get("if-none-match") == tag:
            return Answer(304, headers=(("ETag", tag), *own), pause=pause)
        return Answer(200, body, (*((("ETag", tag),) if validators else ()), *own), pause)

    return answer


def refusing(
    status: int, pause: timedelta, *headers: tuple[str, str], growing: bool = False
) -> Callable[[Publisher, Call], Answer]:
    """Always the same refusal; where the pause grows, it doubles with each."""
    return lambda of, _: Answer(status, b"", headers, pause * 2 ** len(of.asked) if growing else pause)


def sometimes(of: Publisher, call: Call) -> Answer:
    """Every third request is refused for three hours."""
    if len(of.asked) % 3 == 2:
        return Answer(503, b"", (("Retry-After", "10800"),), 3 * HOUR)
    return published(HOUR)(of, call)


def frozen(of: Publisher, call: Call) -> Answer:
    """304 to every condition, whatever has happened."""
    if "if-none-match" in call.request.headers:
        return Answer(304)
    return Answer(200, items(HOUR, of.clock.now(), 20), (("ETag", '"1"'),))


def elsewhere(of: Publisher, call: Call) -> Answer:
    """A temporary redirect to itself by another name; the second request of the pair comes at once."""
    if call.request.path.endswith("/moved"):
        return published(HOUR)(of, call)
    return Answer(302, b"", (("Location", f"{call.request.path}/moved"),), timedelta(0))


KINDS = [
    Kind("hourly news", published(HOUR), 24, 20, weight=4),
    Kind("quiet, every 3 days", published(3 * DAY), 20, 10, weight=3),
    Kind("fast, 10 entries in 40 min", published(4 * MINUTE, 10, pause=20 * MINUTE), 72, 50),
    Kind("every 5 min, as told", published(HOUR, pause=5 * MINUTE), 288, 130, feed={"interval": "5m"}),
    Kind("ttl 180", published(HOUR, pause=3 * HOUR, head="<ttl>180</ttl>"), 8, 7, weight=2),
    Kind("ttl 180, hints off", published(HOUR, head="<ttl>180</ttl>"), 24, 20, hears=False),
    Kind("sy: twice a day", published(HOUR, pause=12 * HOUR, head="<sy:updatePeriod xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>daily</sy:updatePeriod><sy:updateFrequency xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>2</sy:updateFrequency>"), 2, 2),
    Kind("rests at night", published(HOUR, head="<skipHours>" + "".join(f"<hour>{h}</hour>" for h in (22, 23, 0, 1, 2, 3, 4, 5)) + "</skipHours>"), 17, 12, rests=lambda now: now.hour in (22, 23, 0, 1, 2, 3, 4, 5)),
    Kind("Cache-Control 6 h", published(HOUR, pause=6 * HOUR, headers=lambda: [("Cache-Control", "max-age=21600")]), 4, 3, weight=2),
    Kind("Expires in 2 h", published(HOUR, pause=2 * HOUR - timedelta(seconds=2), headers=lambda: [("Expires", formatdate(time() + 7200, usegmt=True))]), 12, 10),
    Kind("no validators", published(HOUR, validators=False), 24, 20),
    Kind("frozen ETag", frozen, 24, 18),
    Kind("redirects (302)", elsewhere, 48, 40),
    Kind("404", refusing(404, HOUR, growing=True), 5, 4),
    Kind("410", refusing(410, 7 * DAY), 1, 1),
    Kind("500", refusing(500, HOUR, growing=True), 5, 4),
    Kind("503 for 5 h", refusing(503, 5 * HOUR, ("Retry-After", "18000")), 5, 3, host=REFUSING),
    Kind("429, no Retry-After", refusing(429, 2 * HOUR), 4, 3, host=REFUSING),
    Kind("503 now and then", sometimes, 18, 8, host=REFUSING),
]  # fmt: skip


TURN = sum(kind.weight for kind in KINDS)
"""Of so many feeds those that are refused live on one host of their own: when two are, all of it rests."""


def population(size: int, clock: SetClock) -> Iterator[Publisher]:
    """So many publishers of all kinds, the usual ones more often."""
    wheel = [kind for kind in KINDS for _ in range(kind.weight)]
    for number in range(size):
        yield Publisher(wheel[number % len(wheel)], number, clock)


def test_a_day_of_polling_with_no_request_before_its_time(tmp_path: Path) -> None:
    size, tick = counts.count(40, 200), STEP
    with ExitStack() as stack:
        servers = [stack.enter_context(FeedServer(f"127.0.0.{10 + n}")) for n in range(HOSTS)]
        apart = [stack.enter_context(FeedServer(f"127.0.0.{200 + n}")) for n in range(-(-size // TURN))]
        clock = SetClock(START)
        publishers = {f"f{p.number:03}": p for p in population(size, clock)}
        feeds = []
        for name, publisher in publishers.items():
            server = apart[publisher.number // TURN] if publisher.kind.host else servers[publisher.number % HOSTS]
            server.add(f"/{name}/moved", publisher)
            feeds.append({"id": name, "url": server.add(f"/{name}", publisher), **publisher.kind.feed})
        write_home(tmp_path, feeds)
        app, own = stack.enter_context(staged(tmp_path))
        deaf = [replace(s, hints=publishers[s.id].kind.hears) for s in app.configuration.feeds]
        app.stores.feeds.sync(deaf, START)
        promised = {f.id: f.poll.next_poll_at for f in app.stores.feeds.list()}
        broken: list[str] = []
        while clock.now() < START + DAY:
            for report in app.poll.sweep():
                if clock.now() < promised[report.feed_id]:
                    broken.append(f"{report.feed_id} polled at {clock.now()}, promised {promised[report.feed_id]}")
                promised[report.feed_id] = report.next_poll_at
            wait = max(MINUTE / 60, min(promised.values()) - clock.now())
            clock.advance(tick * -(-wait // tick))
            own.advance(clock.now() - own.now())
        told = {f.id: f.poll.next_poll_reason for f in app.stores.feeds.list()}
        frozen_seen = Counter(e.kind for e in app.stores.history.events(limit=10_000))
    _report(publishers.values())
    broken += [line for p in publishers.values() for line in p.early]
    assert broken == []
    assert all(told.values()), "every pause has its reason"
    assert frozen_seen["gone"] == sum(p.kind.name == "410" for p in publishers.values())
    for publisher in publishers.values():
        kind, polls = publisher.kind, len(publisher.asked)
        assert kind.least <= polls <= kind.most, f"{kind.name}: {polls} polls, {told[f'f{publisher.number:03}']}"


def _report(publishers: Iterable[Publisher]) -> None:
    """Requests for each kind of feed, by day and in their busiest hour, into the table at the end of the run."""
    by: defaultdict[str, list[Publisher]] = defaultdict(list)
    for publisher in publishers:
        by[publisher.kind.name].append(publisher)
    for name, same in by.items():
        polls = [len(p.asked) for p in same]
        hours = [max(Counter((at - START) // HOUR for at in p.asked).values()) for p in same]
        mean = statistics.mean(polls)
        remark = (
            f"{len(same)} feeds: {min(polls)}/{mean:.1f}/{max(polls)} requests a day, {max(hours)} in an hour at most"
        )
        counts.report(f"a day of polling: {name}", sum(polls), sum(len(p.early) for p in same), remark)
