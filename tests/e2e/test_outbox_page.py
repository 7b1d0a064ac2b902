"""The outbox over real HTTP: what keeps each message, and that a button does what the command does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.publication import FailingRelay, Message
from aggregator.web.server import WebThread
from tests.conformance.feedserver import FeedServer, document
from tests.conformance.stores import Scene, attempt, match
from tests.e2e.homes import START, WATCHLISTS, Item, digests, rss, staged, write_home
from tests.e2e.operator import Browser
from tests.e2e.program import done

READERS = [f"reader{n}@example.org" for n in range(6)]


@dataclass
class Place:
    """A home with an edition that six readers wait for, and the outbox's page."""

    app: App
    clock: SetClock
    visitor: Browser
    operator: Browser

    def message(self, address: str) -> Message:
        return next(m for m in self.app.stores.outbox.list() if m.address == address)

    def settle(self, address: str, state: str, detail: str = "said so") -> Message:
        box, waiting = self.app.stores.outbox, self.message(address)
        [claimed] = box.claim_due("me", 1, self.clock.now(), only=[waiting.id])
        if state == "unknown":
            assert box.enter_data(claimed.id, "me", self.clock.now())
        box.settle([attempt(claimed, state, self.clock.now(), detail=detail)], "me")  # type: ignore[arg-type]
        return self.message(address)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("outbox")
    with FeedServer() as server:
        feeds = [{"id": "wire", "url": server.add("/wire", document(rss(Item("1", "CSTO meets", at=START))))}]
        write_home(home, feeds, watchlists=WATCHLISTS, digests=digests())
        with staged(home) as (app, clock):
            for address in READERS:
                app.stores.subscriptions.add("now", address, clock.now())
            app.stores.feeds.claim_due("me", 1, clock.now())
            clock.advance(timedelta(minutes=1))
            scene = Scene(app.stores)
            app.stores.feeds.release("me")
            scene.entry("CSTO meets", match("csto"), now=clock.now(), feed="wire")
            app.compose.run()
            thread = WebThread(app, "127.0.0.1", 0)
            thread.start()
            yield Place(app, clock, Browser(thread.url), Browser.signed_in(app, thread.url))
            thread.stop()


def test_nobody_but_the_operator_sees_or_does_anything_here(place: Place) -> None:
    number = place.message(READERS[0]).id
    for path in ("/outbox", f"/outbox/{number}", "/outbox?pile=dead"):
        response, page = place.visitor.ask(path)
        assert response.status == 403
        assert "@example.org" not in page
    before = place.app.stores.outbox.list()
    for path, act in (("/outbox", "release"), (f"/outbox/{number}", "retry"), (f"/outbox/{number}", "drop")):
        assert place.visitor.ask(path, {"do": act})[0].status == 403
        assert place.operator.ask(path, {"do": act, "mark": "x"})[0].status == 403
    assert place.app.stores.outbox.list() == before


def test_no_copy_of_it_is_kept_anywhere(place: Place) -> None:
    for path in ("/outbox", f"/outbox/{place.message(READERS[0]).id}"):
        assert place.operator.ask(path)[0].headers["Cache-Control"] == "private, no-store"


def test_messages_stand_on_piles_with_what_keeps_them(place: Place) -> None:
    dead = place.settle(READERS[1], "dead", "550 no such mailbox")
    unknown = place.settle(READERS[2], "unknown", "the connection broke")
    now = place.clock.now()
    place.app.stores.relays.pause(
        FailingRelay("mail", 3, now, now + timedelta(minutes=8), "connect", "no connection to the relay")
    )
    page = place.operator.read("/outbox")
    states = Counter[str](m.state for m in place.app.stores.outbox.list())
    for name, title in (("unknown", "Unknown"), ("dead", "Given up"), ("waiting", "Waiting")):
        assert states[name]
        assert f'<a href="#{name}">{title} {states[name]}</a>' in page
    assert "550 no such mailbox" in page
    assert "Mail has not gone out since" in page
    assert "no connection to the relay" in page
    assert f'href="/outbox/{dead.id}"' in page
    assert f'href="/outbox/{unknown.id}"' in page
    assert f">{states['unknown']} message" in place.operator.read("/quarantine")
    assert READERS[1] in place.operator.read("/outbox?pile=dead")
    assert READERS[0] not in place.operator.read("/outbox?pile=dead")


def test_a_message_tells_what_it_carries_and_what_was_tried(place: Place) -> None:
    given_up = place.settle(READERS[3], "dead", "552 <b>full</b>")
    page = place.operator.read(f"/outbox/{given_up.id}")
    assert READERS[3] in page
    assert given_up.message_id.strip("<>") in page
    assert re.search(r'href="/editions/now/[^"]+"', page)
    assert "1 story, 1 entry" in page
    assert "552 &lt;b&gt;full&lt;/b&gt;" in page
    assert "<strong>dead</strong> in phase data, code 250" in page
    assert given_up.token not in page
    told = done(place.app.configuration.home.path, "outbox", "show", str(given_up.id))
    assert "dead in phase data (250): 552 <b>full</b>" in told.out
    [shown] = done(place.app.configuration.home.path, "outbox", "show", str(given_up.id), "--json").lines
    assert [(t["outcome"], t["code"]) for t in shown["tried"]] == [("dead", 250)]


def test_the_operator_tries_again_and_drops(place: Place) -> None:
    given_up = place.settle(READERS[4], "dead")
    path = f"/outbox/{given_up.id}"
    assert "It is due now" in place.operator.do(path, "retry")
    assert place.message(READERS[4]).state == "waiting"
    assert "It is cancelled" in place.operator.do(path, "drop")
    assert place.message(READERS[4]).state == "cancelled"
    assert READERS[4] in place.operator.read("/outbox?pile=cancelled")
    assert "It is due now" in place.operator.do(path, "retry")
    sent = place.settle(READERS[4], "sent")
    assert "<button name" not in place.operator.read(path).replace('<button class="plain">', "")
    found = re.search(r'name="mark" value="([^"]+)"', place.operator.read("/outbox"))
    assert found
    response, _ = place.operator.ask(path, {"mark": found[1], "do": "retry"})
    assert "cannot be tried again" in place.operator.read(response.headers["Location"])
    assert place.message(READERS[4]).state == sent.state == "sent"
    assert place.operator.ask(path, {"mark": found[1], "do": "explode"})[0].status == 400


def test_what_a_restore_holds_back_is_released_at_once(place: Place) -> None:
    held = place.app.stores.upkeep.hold_outbox(place.clock.now())
    page = place.operator.read("/outbox")
    assert f"Held {held}" in page
    assert "Held since" in place.operator.read(f"/outbox/{place.message(READERS[0]).id}")
    assert "What a restore held back is released" in place.operator.do("/outbox", "release")
    assert "Held" not in place.operator.read("/outbox")


@pytest.mark.parametrize("path", ["/outbox/0", "/outbox/x", "/outbox/%00", "/outbox/" + "9" * 30, "/outbox/²"])
def test_what_is_no_message_is_404(place: Place, path: str) -> None:
    assert place.operator.ask(path.replace("²", "%C2%B2"))[0].status == 404


@pytest.mark.parametrize(
    "query", ["pile=x", "pile=dead&before=x", "pile=sent&before=" + "9" * 30, "pile=%00", "said=x"]
)
def test_odd_questions_get_a_page(place: Place, query: str) -> None:
    assert place.operator.ask(f"/outbox?{query}")[0].status == 200


def test_an_empty_outbox_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("empty")
    write_home(home, [])
    with staged(home) as (app, _):
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        try:
            browser = Browser.signed_in(app, thread.url)
            assert "Everything is settled" in browser.read("/outbox")
            assert browser.read("/quarantine").count("None.") == 4
            assert "No feeds yet" in browser.read("/feeds")
        finally:
            thread.stop()
