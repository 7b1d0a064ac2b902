"""The pages of feeds over real HTTP: how each is doing, what the operator can do, and what visitors never see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import instance
from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.reading import Signal
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer, document
from tests.conformance.stores import Scene
from tests.e2e.homes import WATCHLISTS, Item, rss, staged, write_home
from tests.e2e.operator import Browser

DAY = timedelta(days=1)
SECRETS = ("s3cret", "127.0.0.1", "hidden.invalid", "quarantined-path")
ACTS = ("pause", "resume", "poll", "undo")


@dataclass
class Place:
    """A newsroom with every kind of feed, its pages, and two who look at them."""

    app: App
    clock: SetClock
    server: FeedServer
    visitor: Browser
    operator: Browser

    def polls(self, path: str) -> int:
        return len(self.server.log(path))


def busy(call: Call) -> None:
    call.respond(429, b"", [("Retry-After", "7200")])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("feeds")
    news = rss(Item("1", "CSTO <b>meets</b>"), Item("2", "Rain in Brest"))
    with FeedServer() as server:
        urls = {
            "wire": server.add("/wire", document(news, etag='"1"')),
            "torn": server.add("/torn?key=s3cret", document(b"<rss><channel><item>")),
            "page": server.add("/page", document(b"<html><body>quarantined-path</body></html>")),
            "busy": server.add("/busy", busy),
            "lost": "http://hidden.invalid/rss?token=s3cret",
            "idle": server.add("/idle", document(news)),
        }
        tags = {"wire": ["agency"], "torn": ["agency", "state"]}
        feeds = [{"id": i, "url": u, "tags": tags.get(i, [])} for i, u in urls.items()]
        write_home(home, feeds, watchlists=WATCHLISTS)
        with staged(home) as (app, clock):
            app.stores.feeds.pause("idle", clock.now())
            list(app.poll.sweep())
            clock.advance(timedelta(minutes=20))
            thread = WebThread(app, "127.0.0.1", 0)
            thread.start()
            yield Place(app, clock, server, Browser(thread.url), Browser.signed_in(app, thread.url))
            thread.stop()


def names(page: str) -> list[str]:
    """The feeds in the order of the list."""
    return re.findall(r'<li>\s*<div class="beside"><a href="/feeds/([^"]+)"', page)


# -- the list --------------------------------------------------------------------------------------------------------------


def test_the_list_puts_trouble_first_and_says_it_in_plain_words(place: Place) -> None:
    place.clock.advance(timedelta(minutes=6))
    list(place.app.poll.sweep(ids=["wire"], everything=True))
    page = place.visitor.read("/feeds")
    assert set(names(page)[:3]) == {"page", "busy", "lost"}
    assert names(page)[3:] == ["wire", "torn", "idle"]
    assert "2 of 5 feeds read, 3 failing, 1 paused." in page
    assert "No answer since 2 Feb 12:00: the name of its host is not known" in page
    assert "Not read since 2 Feb 12:00: its host asks us to come less often" in page
    assert re.search(r"Last read 2 Feb 1\d:\d\d · next 2 Feb 1\d:\d\d: every 1 h, the interval of feeds.yaml", page)


def test_visitors_see_no_error_that_names_hosts_or_secrets(place: Place) -> None:
    for path in ("/feeds", *(f"/feeds/{name}" for name in ("wire", "torn", "page", "busy", "lost"))):
        page = place.visitor.read(path)
        assert not [s for s in SECRETS if s in page], path
        assert "<form" not in page or path == "/feeds"


def test_the_operator_sees_what_happened_but_no_secret(place: Place) -> None:
    for path in ("/feeds", *(f"/feeds/{name}" for name in ("wire", "torn", "page", "busy", "lost")), "/quarantine"):
        assert "s3cret" not in place.operator.read(path), path
    assert "hidden.invalid" in place.operator.read("/feeds/lost")
    assert "check the spelling of the address" in place.operator.read("/feeds/lost")
    assert re.search(r"None of \d polls? in the last 30 days", place.visitor.read("/feeds/lost"))


def test_the_list_is_narrowed_and_sorted_by_links(place: Place) -> None:
    assert names(place.visitor.read("/feeds?state=paused")) == ["idle"]
    assert names(place.visitor.read("/feeds?tag=agency&sort=title")) == ["wire", "torn"]
    assert names(place.visitor.read("/feeds?tag=state")) == ["torn"]
    assert names(place.visitor.read("/feeds?sort=entries"))[0] == "wire"
    assert names(place.visitor.read("/feeds?sort=next"))[-1] == "idle"
    assert "No feed fits" in place.visitor.read("/feeds?tag=nobody")


@pytest.mark.parametrize(
    "query",
    ["state=%00", "state=x&sort=y", "page=-1", "page=9999", "page=abc", "tag=%27%22", "page=99999999999999999999"],
)
def test_odd_questions_get_a_page(place: Place, query: str) -> None:
    assert place.visitor.ask(f"/feeds?{query}")[0].status == 200


def test_silence_and_a_network_that_is_down_are_told(place: Place) -> None:
    now = place.clock.now()
    signal = Signal(0, "silence", "", "wire", now - DAY, now, 0, 12.0, "")
    number = place.app.stores.signals.begin(signal)
    place.app.stores.network.begin_outage(now)
    page = place.visitor.read("/feeds")
    assert "nothing, usually 12 a day" in page
    assert "Our own network seems down since" in page
    assert names(place.visitor.read("/feeds?state=silent")) == ["wire"]
    assert "nothing, usually 12 a day" in place.visitor.read("/feeds/wire")
    place.app.stores.network.end_outage()
    place.app.stores.signals.end(number, now)
    assert names(place.visitor.read("/feeds?state=silent")) == []


# -- one feed --------------------------------------------------------------------------------------------------------------


def test_a_feed_tells_all_that_is_known_of_it(place: Place) -> None:
    page = place.visitor.read("/feeds/wire")
    assert "it sends an ETag" in page
    assert 'href="/watchlists/csto"' in page
    assert "1 entry found in the last 30 days" in page
    assert 'href="/stories/' in page
    assert "CSTO meets" in page
    assert "<b>meets" not in page
    assert re.search(r"<td class=\"number\">([1-9]) of \1</td>", page)
    assert place.visitor.ask("/feeds/wire?days=90")[0].status == 200
    assert place.visitor.ask("/feeds/nobody")[0].status == 404


def test_reading_changes_nothing(place: Place) -> None:
    before = place.app.stores.feeds.list()
    for path in ("/feeds", "/feeds/wire?said=paused", "/feeds/wire?said=due", "/feeds/wire?do=pause"):
        place.operator.read(path)
        place.visitor.read(path)
    assert place.app.stores.feeds.list() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_visitor_may_do_nothing(place: Place, act: str) -> None:
    before = place.app.stores.feeds.list()
    assert place.visitor.ask("/feeds/wire", {"do": act})[0].status == 403
    assert place.operator.ask("/feeds/wire", {"do": act, "mark": "x"})[0].status == 403
    assert place.app.stores.feeds.list() == before


def test_the_operator_pauses_and_resumes_a_feed(place: Place) -> None:
    page = place.operator.do("/feeds/wire", "pause")
    assert "It is paused" in page
    assert ">Resume</button>" in page
    assert place.app.stores.feeds.get("wire").poll.state == "paused"  # type: ignore[union-attr]
    assert "It is resumed" in place.operator.do("/feeds/wire", "resume")
    known = place.app.stores.feeds.get("wire")
    assert known is not None
    assert (known.poll.state, known.poll.next_poll_at) == ("ok", place.clock.now())


def test_poll_now_makes_a_feed_due_and_says_that_nobody_polls(place: Place) -> None:
    list(place.app.poll.sweep())
    place.clock.advance(timedelta(minutes=30))
    asked = place.polls("/wire")
    page = place.operator.do("/feeds/wire", "poll")
    assert "no daemon runs" in page
    assert "<code>aggregator poll --feed wire</code>" in page
    list(place.app.poll.sweep())
    assert place.polls("/wire") == asked + 1


def test_poll_now_again_and_again_stays_a_good_guest(place: Place) -> None:
    place.clock.advance(timedelta(minutes=6))
    list(place.app.poll.sweep(ids=["wire"], everything=True))
    asked = place.polls("/wire")
    lock = instance.InstanceLock(place.app.configuration.home.lock)
    lock.acquire()
    try:
        for _ in range(3):
            page = place.operator.do("/feeds/wire", "poll")
            assert "no feed is asked more often than every 5 min" in page
            list(place.app.poll.sweep())
        assert place.polls("/wire") == asked
        place.clock.advance(timedelta(minutes=6))
        assert "the daemon asks it within seconds" in place.operator.do("/feeds/wire", "poll")
    finally:
        lock.release()
    list(place.app.poll.sweep())
    assert place.polls("/wire") == asked + 1
    assert "It was asked" in place.operator.read("/feeds/wire?said=due")


def test_poll_now_waits_for_who_asked_to_be_left_alone(place: Place) -> None:
    asked = place.polls("/busy")
    page = place.operator.do("/feeds/busy", "poll")
    assert "It is due, and waits: the server asked to wait until 2 Feb 14:00" in page
    list(place.app.poll.sweep())
    assert place.polls("/busy") == asked


def test_a_move_is_taken_back(place: Place) -> None:
    assert "It has not moved" in place.operator.do("/feeds/torn", "undo")
    moved = "https://elsewhere.example/rss?token=s3cret"
    Scene(place.app.stores).poll("torn", now=place.clock.now(), malformed="line 1", moved_url=moved)
    assert "https://elsewhere.example/rss?token=***" in place.operator.read("/feeds/torn")
    assert "elsewhere.example" not in place.visitor.read("/feeds/torn")
    assert "The move is taken back" in place.operator.do("/feeds/torn", "undo")
    known = place.app.stores.feeds.get("torn")
    assert known is not None
    assert (known.poll.moved_url, known.poll.move_refused) == ("", moved)
    assert "Take the move back" not in place.operator.read("/feeds/torn")


def test_what_is_no_act_is_refused(place: Place) -> None:
    found = re.search(r'name="mark" value="([^"]+)"', place.operator.read("/feeds/wire"))
    assert found
    assert place.operator.ask("/feeds/wire", {"mark": found[1], "do": "explode"})[0].status == 400
    assert place.operator.ask("/feeds/nobody", {"mark": found[1], "do": "pause"})[0].status == 404


# -- quarantine ------------------------------------------------------------------------------------------------------------


def test_refused_documents_stand_in_quarantine_with_what_to_do(place: Place) -> None:
    page = place.operator.read("/quarantine")
    assert 'href="/feeds/page"' in page
    assert "an HTML page, not a feed" in page
    assert "find the feed" in page
    assert "read with faults" in page
    assert 'href="/feeds/torn"' in page
    assert 'href="/feeds/lost"' not in page
    assert place.visitor.ask("/quarantine")[0].status == 403


# -- many ------------------------------------------------------------------------------------------------------------------


def test_a_thousand_feeds_are_shown_in_portions(tmp_path: Path) -> None:
    write_home(tmp_path, [{"id": f"f{n}", "url": f"https://f{n}.example/rss"} for n in range(1000)])
    with staged(tmp_path) as (app, _):
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        try:
            browser = Browser(thread.url)
            pages = [browser.read(f"/feeds?sort=title&page={n}") for n in range(1, 6)]
        finally:
            thread.stop()
    assert max(len(page) for page in pages) < 120_000
    assert [len(names(page)) for page in pages] == [200] * 5
    assert len({name for page in pages for name in names(page)}) == 1000
    assert "More</a>" in pages[0]
    assert "More</a>" not in pages[-1]
