"""Our own network goes and comes back: nothing is held against a feed, and soon everything is polled again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import islice
from pathlib import Path

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.enrich import EnrichReport
from aggregator.feeds import rounds
from aggregator.fetch import Client, FetchLimits
from aggregator.model import FetchFailure, FetchRequest, FetchResponse, PollReport, PollState
from tests.conformance.feedserver import FeedServer, document, redirect, reset, silent, status
from tests.conformance.fetching import names
from tests.e2e.homes import START, Item, rss, staged, sweep, write_home

MINUTE = timedelta(minutes=1)
LIMITS = FetchLimits(
    total_timeout=5.0, connect_timeout=1.0, host_spacing=0.0, allow_private=(ip_network("127.0.0.0/8"),)
)
HOSTS = 8
PAGE = b"<!doctype html><html><body>Please log in</body></html>"


class Network:
    """A real client for each state of the network; a name leads to the feed server, to a closed port, or nowhere."""

    def __init__(self, clock: SetClock, hosts: Iterable[str]) -> None:
        known = list(hosts)
        self._clients = {
            "up": Client(LIMITS, clock, resolver=lambda: names({h: ["127.0.0.1"] for h in known})),
            "no names": Client(LIMITS, clock, resolver=lambda: names({})),
            "no route": Client(LIMITS, clock, resolver=lambda: names({h: ["127.0.0.9"] for h in known})),
            "names lead inside": Client(LIMITS, clock, resolver=lambda: names({h: ["10.0.0.1"] for h in known})),
        }
        self.state = "up"

    def fetch_many(
        self, requests: Iterable[FetchRequest], *, wanted: Callable[[FetchRequest], bool] | None = None
    ) -> Generator[FetchResponse | FetchFailure, None, None]:
        return self._clients[self.state].fetch_many(requests, wanted=wanted)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@dataclass
class Town:
    """An App with feeds on so many hosts, and the network between them."""

    app: App
    clock: SetClock
    network: Network
    server: FeedServer

    def polls(self) -> dict[str, PollState]:
        return {f.id: f.poll for f in self.app.stores.feeds.list()}

    def asked(self) -> int:
        return len(self.server.requests)

    def pass_time(self, by: timedelta) -> dict[str, PollReport]:
        self.clock.advance(by)
        return sweep(self.app)

    def news(self, number: str) -> None:
        """Every feed has another entry."""
        for path in {r.path for r in self.server.requests}:
            self.server.add(path, document(rss(Item(f"{path}{number}", f"Entry {number}"), Item(path, "First"))))


@contextmanager
def town(tmp_path: Path, server: FeedServer, hosts: int = HOSTS, feeds: int = 1) -> Iterator[Town]:
    specs = []
    for i in range(hosts):
        for j in range(feeds):
            server.add(f"/{i}/{j}", document(rss(Item(f"/{i}/{j}", "First"))))
            specs.append({"id": f"feed{i}-{j}", "url": f"http://host{i}.example:{server.port}/{i}/{j}"})
    write_home(tmp_path, specs)
    with staged(tmp_path) as (app, clock):
        network = Network(clock, [f"host{i}.example" for i in range(hosts)])
        app.__dict__["fetcher"] = network
        yield Town(app, clock, network, server)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def judged(poll: PollState) -> PollState:
    """What must not move in a void round."""
    return replace(poll, next_poll_at=START, last_poll_at=START)


def outage(state: str) -> Callable[[Town], None]:
    def go(here: Town) -> None:
        here.network.state = state

    return go


def captive(here: Town) -> None:
    """Every name is answered by a portal that sends people to its own page."""
    portal = here.server.url("/login", host="127.0.0.1")
    here.server.add("/login", status(200, PAGE, [("Content-Type", "text/html")]))
    for path in {r.path for r in here.server.requests}:
        here.server.add(path, redirect(f"{portal}?from={path}"))
    here.server.add("/login?from=", status(200, PAGE))
    for path in {r.path for r in here.server.requests}:
        here.server.add(f"/login?from={path}", status(200, PAGE, [("Content-Type", "text/html")]))


def hijacked(here: Town) -> None:
    """Every request is answered by the same page, without a redirect."""
    for path in {r.path for r in here.server.requests}:
        here.server.add(path, status(200, PAGE, [("Content-Type", "text/html")]))


OUTAGES = {
    "no names": outage("no names"),
    "no route": outage("no route"),
    "names lead inside": outage("names lead inside"),
    "captive portal": captive,
    "the same page everywhere": hijacked,
}


@pytest.mark.parametrize("way", OUTAGES)
def test_when_all_hosts_fail_at_once_nothing_is_held_against_a_feed(
    tmp_path: Path, server: FeedServer, way: str
) -> None:
    with town(tmp_path, server) as here:
        assert {r.outcome for r in sweep(here.app).values()} == {"new"}
        before = here.polls()
        OUTAGES[way](here)
        reports = here.pass_time(timedelta(hours=2))
        assert len(reports) == HOSTS
        assert {(r.outcome, r.error_class) for r in reports.values()} == {("failed", "local_network")}
        assert all("our own network seems to be down" in r.error for r in reports.values())
        after = here.polls()
        assert {i: judged(p) for i, p in after.items()} == {i: judged(p) for i, p in before.items()}
        assert {p.next_poll_at - here.clock.now() for p in after.values()} == {rounds.AGAIN}
        assert here.app.stores.network.outage() == here.clock.now()
        assert here.app.stores.upkeep.checked().ok == 0


def test_within_two_minutes_of_the_return_every_feed_is_polled(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server, hosts=20) as here:
        sweep(here.app)
        here.network.state = "no names"
        here.pass_time(timedelta(hours=2))
        for _ in range(10):
            here.pass_time(MINUTE)
        here.network.state = "up"
        here.news("2")
        returned, read = here.clock.now(), 0
        while here.clock.now() < returned + timedelta(minutes=2):
            read += sum(r.entries_new for r in here.pass_time(timedelta(seconds=10)).values())
        assert read == 20
        assert here.app.stores.network.outage() is None
        assert {p.failures for p in here.polls().values()} == {0}


def test_while_it_is_down_a_handful_is_tried_each_minute_and_each_in_its_turn(
    tmp_path: Path, server: FeedServer
) -> None:
    with town(tmp_path, server, hosts=12, feeds=2) as here:
        sweep(here.app)
        here.network.state = "no names"
        assert len(here.pass_time(timedelta(hours=2))) == 24
        tried: list[set[str]] = []
        for _ in range(80):
            found = set(here.pass_time(timedelta(seconds=15)))
            if found:
                tried.append(found)
        assert 18 <= len(tried) <= 20, "once a minute, from the second on"
        assert max(map(len, tried)) == rounds.PROBES
        assert len(set().union(*tried)) == 24
        assert all(len({i.partition("-")[0] for i in found}) == len(found) for found in tried), "of different hosts"


def test_a_lone_failing_host_still_counts(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server) as here:
        sweep(here.app)
        here.clock.advance(timedelta(hours=2))
        server.add("/3/0", status(500))
        server.add("/4/0", status(200, PAGE))
        here.network._clients["up"].close()
        known = {f"host{i}.example": ["127.0.0.1"] for i in range(HOSTS) if i != 5}
        here.network._clients["up"] = Client(LIMITS, here.clock, resolver=lambda: names(known))
        classes = {i: r.error_class for i, r in sweep(here.app).items() if r.error_class}
        assert classes == {"feed3-0": "http_5xx", "feed4-0": "not_a_feed", "feed5-0": "dns"}
        assert {i: p.failures for i, p in here.polls().items() if p.failures} == dict.fromkeys(classes, 1)
        assert here.app.stores.network.outage() is None


def test_four_feeds_are_too_few_to_blame_the_network(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server, hosts=4, feeds=3) as here:
        sweep(here.app)
        here.network.state = "no names"
        assert {r.error_class for r in here.pass_time(timedelta(hours=2)).values()} == {"dns"}


def test_what_was_answered_in_a_void_round_counts_as_polled(tmp_path: Path, server: FeedServer) -> None:
    """One host stands beside us, inside the network that is cut off."""
    with town(tmp_path, server, hosts=10) as here:
        sweep(here.app)
        here.news("2")
        here.network._clients["no names"].close()
        here.network._clients["no names"] = Client(
            LIMITS, here.clock, resolver=lambda: names({"host0.example": ["127.0.0.1"]})
        )
        here.network.state = "no names"
        reports = here.pass_time(timedelta(hours=2))
        assert reports["feed0-0"].entries_new == 1
        assert [r.error_class for r in reports.values()].count("local_network") == 9
        assert here.app.stores.network.outage() is not None


def test_few_feeds_at_a_time_make_an_outage_too_and_what_was_counted_is_taken_back(
    tmp_path: Path, server: FeedServer
) -> None:
    """A daemon polls one or two feeds a tick: no sweep of its own shows that all hosts fail."""
    with town(tmp_path, server) as here:
        sweep(here.app)
        before = here.polls()
        here.network.state = "no route"
        here.clock.advance(timedelta(hours=2))
        classes = []
        for i in range(HOSTS):
            (report,) = here.app.poll.sweep(ids=[f"feed{i}-0"])
            classes.append(report.error_class)
        assert classes == ["connect"] * 4 + ["local_network"] * 4
        after = here.polls()
        assert {i: judged(p) for i, p in after.items()} == {i: judged(p) for i, p in before.items()}


def test_failures_with_somebody_heard_in_between_are_their_hosts_own(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server) as here:
        sweep(here.app)
        here.clock.advance(timedelta(hours=2))
        for i in range(HOSTS):
            here.network.state = "up" if i == 3 else "no route"
            list(here.app.poll.sweep(ids=[f"feed{i}-0"]))
        assert here.app.stores.network.outage() is None
        assert sorted(i for i, p in here.polls().items() if not p.failures) == ["feed3-0"]


def test_an_outage_survives_a_restart(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server) as here:
        sweep(here.app)
        here.network.state = "no names"
        here.pass_time(timedelta(hours=2))
        stopped = here.clock.now()
    with staged(tmp_path) as (app, clock):
        clock.advance(stopped + timedelta(minutes=5) - clock.now())
        network = Network(clock, [f"host{i}.example" for i in range(HOSTS)])
        network.state = "no names"
        app.__dict__["fetcher"] = network
        assert len(sweep(app)) == rounds.PROBES, "it knows that the network was down"
        assert app.stores.network.outage() == stopped
        network.state = "up"
        clock.advance(timedelta(minutes=3))
        assert len(sweep(app)) == HOSTS, "one sweep: probes first, then all"
        assert app.stores.network.outage() is None


def test_a_person_who_asks_for_all_is_not_kept_to_a_handful(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server) as here:
        sweep(here.app)
        here.network.state = "no names"
        here.pass_time(timedelta(hours=2))
        here.network.state = "up"
        here.clock.advance(timedelta(seconds=10))
        assert len(list(here.app.poll.sweep(everything=True))) == HOSTS
        assert here.app.stores.network.outage() is None


def test_a_poll_asked_for_early_in_an_outage_does_not_make_the_next_one_early(
    tmp_path: Path, server: FeedServer
) -> None:
    with town(tmp_path, server) as here:
        sweep(here.app)
        due = {i: p.next_poll_at for i, p in here.polls().items()}
        here.network.state = "no names"
        here.clock.advance(timedelta(minutes=10))
        assert {r.error_class for r in here.app.poll.sweep(everything=True)} == {"local_network"}
        assert {i: p.next_poll_at for i, p in here.polls().items()} == due


def test_a_first_poll_without_a_network_leaves_the_feeds_new(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server) as here:
        here.network.state = "no names"
        sweep(here.app)
        assert {(p.state, p.failures, p.error) for p in here.polls().values()} == {("new", 0, "")}
        here.network.state = "up"
        reports = here.pass_time(timedelta(minutes=2))
        assert {r.outcome for r in reports.values()} == {"new"}
        assert len(reports) == HOSTS


def test_a_failure_is_told_as_soon_as_enough_others_have_answered(tmp_path: Path, server: FeedServer) -> None:
    """It does not wait for those that hang."""
    with town(tmp_path, server, hosts=20) as here:
        for i in range(3):
            server.add(f"/{i}/0", silent())
        server.add("/3/0", reset())
        reports = here.app.poll.sweep()
        told = {r.feed_id: r.error_class for r in islice(reports, 17)}
        assert len(told) == 17
        assert told["feed3-0"] == "reset"


def test_a_failure_waits_a_bounded_time_for_the_verdict(
    tmp_path: Path, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PATIENCE", 0.3)
    with town(tmp_path, server) as here:
        for i in range(1, HOSTS):
            server.add(f"/{i}/0", silent())
        server.add("/0/0", reset())
        reports = here.app.poll.sweep()
        first = next(reports)
        assert (first.feed_id, first.error_class) == ("feed0-0", "reset")


def test_many_feeds_of_a_void_round_are_written_in_batches(tmp_path: Path, server: FeedServer) -> None:
    with town(tmp_path, server, hosts=6, feeds=50) as here:
        here.network.state = "no names"
        reports = here.app.poll.sweep()
        assert next(reports).error_class == "local_network"
        assert sum(p.last_poll_at is not None for p in here.polls().values()) == 250
        assert len(list(reports)) == 6 * 50 - 1


def test_article_pages_wait_for_the_network(tmp_path: Path, server: FeedServer) -> None:
    page = server.add("/page", status(200, b"<html><body><p>The council met and agreed on the plan.</p></body></html>"))
    url = server.add("/rss", document(rss(Item("1", "Short", "Cut off ...", link=page))))
    write_home(tmp_path, [{"id": "news", "url": url, "articles": "all"}])
    with staged(tmp_path) as (app, clock):
        sweep(app)
        app.stores.network.begin_outage(clock.now())
        assert app.enrich.run() == EnrichReport()
        assert server.log("/page") == []
        app.stores.network.end_outage()
        assert app.enrich.run().fetched == 1
