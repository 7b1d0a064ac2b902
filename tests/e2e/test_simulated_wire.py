"""Hours of a simulated wire from the feeds to the mailbox, and everything that was told counted against what was true."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import cycle
from typing import Any

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.publication import StoredEdition
from aggregator.sample.sink import Sink
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.conftest import loopback_only
from tests.e2e import wiretruth
from tests.e2e.homes import START, staged, sweep, write_home
from tests.e2e.program import smtp
from tests.e2e.wire import Publisher, World
from tests.e2e.wiretruth import Lines, Section, Tally
from tests.e2e.wirewords import WATCHLISTS

FEEDS, HOURS = counts.count(40, 200), counts.count(6, 12)
STEP = timedelta(minutes=counts.count(10, 5))
HOSTS = 8
USUAL, ALIKE = {"before", "news", "own words"}, {"burst", "form", "briefing"}
KINDS = {"all": (USUAL | ALIKE | {"everywhere"}, 0.97), "usual": (USUAL, 0.97), "alike": (ALIKE, 0.95)}
"""Kinds of events that are counted together, and the least precision: two quakes may share their numbers by chance."""
RECALL = 0.95
DIGESTS: list[dict[str, Any]] = [
    *({"id": f"{w}-now", "title": w, "watchlists": [w], "every": "instant", "wait": "0s", "most": 0, "to": [f"{w}@desk.example"]} for w in ("csto", "bridge")),
    {"id": "daily", "title": "Daily", "watchlists": ["csto", "bridge"], "at": ["17:00", "19:00", "20:30", "23:00", "03:00"], "timezone": "Europe/Minsk", "to": ["day@desk.example"]},
]  # fmt: skip


class Run:
    """What came of a world: the tellings that were served, our stories by guid, the editions by digest, and the mails."""

    def __init__(self, world: World, publishers: list[Publisher], app: App, mails: Sink) -> None:
        self.world = world
        self.publishers = publishers
        self.seen = wiretruth.sightings(publishers)
        self.entries = list(app.stores.entries.entries())
        self.guid_of = {e.id: e.guid for e in self.entries}
        self.story_of = {e.guid: e.story_id for e in self.entries}
        self.event_of = {s.telling.guid: s.event for s in self.seen}
        made = sorted(app.stores.editions.editions(limit=100_000), key=lambda e: e.id)
        self.editions = {d["id"]: [e for e in made if e.digest_id == d["id"]] for d in DIGESTS}
        self.mails = [message_from_bytes(m.content, policy=policy.default) for m in mails.messages]
        self.pairs = wiretruth.pairs(self.seen, self.story_of)

    def said(self, digest_id: str) -> Iterator[tuple[datetime, int, Section, frozenset[str]]]:
        """Every story of every edition with the outlets it names, of events whose stories are right."""
        for edition, section, story in self.stories(digest_id):
            event = self.event_of[self.guid_of[story["outlets"][0]["entry_id"]]]
            if event not in self.pairs.wrong:
                yield edition.composed_at, event, section, frozenset(o["feed_id"] for o in story["outlets"])

    def stories(self, digest_id: str) -> Iterator[tuple[StoredEdition, Section, dict[str, Any]]]:
        """As the editions have them."""
        sections: tuple[Section, ...] = ("stories", "continued")
        for edition in self.editions[digest_id]:
            data = json.loads(edition.rendered.data)
            for section in sections:
                yield from ((edition, section, story) for story in data[section])

    def due(self, digest_id: str) -> Lines:
        """What the editions of a digest should have said of those events."""
        if digest_id != "daily":
            due = wiretruth.alerts(self.seen, digest_id.removesuffix("-now"))
        else:
            moments = [(e.window.end, e.composed_at) for e in self.editions["daily"]]
            due = wiretruth.digest(self.seen, ("csto", "bridge"), moments)
        return wiretruth.without(due, self.pairs.wrong)

    def tally(self, digest_id: str) -> Tally:
        moments = {e.composed_at for e in self.editions[digest_id]}
        return wiretruth.tally(self.due(digest_id), self.said(digest_id), moments)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One world lived through, step by step."""
    world, clock, home = World(counts.seed(), FEEDS, HOURS), SetClock(START), tmp_path_factory.mktemp("wire")
    with loopback_only(), ExitStack() as stack:
        sink = stack.enter_context(Sink())
        servers = [stack.enter_context(FeedServer(f"127.0.0.{10 + n}")) for n in range(HOSTS)]
        publishers = [Publisher(o, [t for t in world.tellings if t.outlet is o], clock.now) for o in world.outlets]
        feeds = []
        for publisher, server in zip(publishers, cycle(servers), strict=False):
            outlet = publisher.outlet
            url = server.add(f"/{outlet.id}", publisher)
            feeds.append({"id": outlet.id, "url": url, "interval": f"{outlet.minutes}m"})
        write_home(home, feeds, watchlists=WATCHLISTS, digests={"digests": DIGESTS})
        (home / "config/aggregator.yaml").write_text(json.dumps(smtp(sink.host, sink.port)))
        app, own = stack.enter_context(staged(home))
        while clock.now() <= world.end:
            sweep(app)
            app.compose.run()
            app.send.run()
            clock.advance(STEP)
            own.advance(STEP)
        yield Run(world, publishers, app, sink)


def _plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _report(what: str, tried: int, failed: int, remark: str = "") -> None:
    counts.report(f"a simulated wire: {what}", tried, failed, remark)


def test_everything_that_was_served_is_stored_once_and_a_correction_is_a_revision(run: Run) -> None:
    served = {s.telling.guid: s for s in run.seen}
    stored = Counter(e.guid for e in run.entries)
    assert stored == Counter(served.keys())
    corrected = {guid for p in run.publishers for guid, at in p.corrected.items() if at > p.served[guid]}
    assert {e.guid for e in run.entries if e.revisions > 1} == corrected
    _report(
        "entries", len(served), 0, f"{len(run.world.outlets)} feeds, {HOURS} hours, {len(corrected)} corrected later"
    )


def test_stories_are_the_events_and_their_members_the_tellings(run: Run) -> None:
    """Counted in pairs, also of the usual events and of those made to be taken for each other.

    The one that everybody carries has more pairs than all others together.
    """
    for what, (kinds, precision) in KINDS.items():
        pairs = wiretruth.pairs([s for s in run.seen if s.telling.event.kind in kinds], run.story_of)
        remark = f"precision {pairs.precision:.4f}, recall {pairs.recall:.4f}"
        _report(f"pairs joined, {what}", pairs.ours, pairs.ours - pairs.both, remark)
        _report(f"pairs to join, {what}", pairs.true, pairs.true - pairs.both)
        assert pairs.precision >= precision, remark
        assert pairs.recall >= RECALL, remark
    wrong = Counter(run.world.events[event].kind for event in run.pairs.wrong)
    told = ", ".join(f"{count} {kind}" for kind, count in wrong.most_common())
    _report("stories", len({s.event for s in run.seen}), len(run.pairs.wrong), told)


@pytest.mark.parametrize("digest_id", ["csto-now", "bridge-now", "daily"])
def test_each_watched_event_is_told_once_with_every_outlet_that_had_it(run: Run, digest_id: str) -> None:
    found = run.tally(digest_id)
    _report(f"{digest_id}, events told", found.due, len(found.missed + found.doubled + found.undue))
    _report(f"{digest_id}, outlets named", found.outlets, len(found.unnamed) + len(found.misnamed))
    assert found.due > 0
    assert found.faults == []


@pytest.mark.parametrize("watchlist", ["csto", "bridge"])
def test_an_alert_is_headed_by_an_outlet_that_was_first(run: Run, watchlist: str) -> None:
    first = dict(wiretruth.firsts(run.seen, watchlist))
    for _, section, story in run.stories(f"{watchlist}-now"):
        event = run.event_of[run.guid_of[story["outlets"][0]["entry_id"]]]
        if section == "stories" and event not in run.pairs.wrong:
            assert story["outlets"][0]["feed_id"] in first[event]


@pytest.mark.parametrize("watchlist", ["csto", "bridge"])
def test_there_is_a_mail_for_every_moment_with_news_and_none_besides(run: Run, watchlist: str) -> None:
    mails = [m for m in run.mails if m["To"] == f"{watchlist}@desk.example"]
    due = wiretruth.alerts(run.seen, watchlist)
    moments = {now for now, _, section in due if section == "stories"}
    events = {event for _, event, section in due if section == "stories"}
    _report(f"{watchlist}-now, mails", len(moments), abs(len(mails) - len(moments)), f"{len(events)} events")
    assert len({m["Message-ID"] for m in mails}) == len(mails)
    assert len(mails) == len(run.editions[f"{watchlist}-now"])
    if not events & run.pairs.wrong:
        assert len(mails) == len(moments)
    told = defaultdict[str, list[str]](list)
    for edition, section, story in run.stories(f"{watchlist}-now"):
        if section == "stories":
            told[edition.key].append(story["headline"])
    for mail, headlines in zip(mails, told.values(), strict=True):
        text = " ".join(_plain(mail).split())
        assert [h for h in headlines if h not in text] == []
