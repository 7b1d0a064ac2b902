"""Thresholds from the feed to the mailbox: who is told of a headline only, is told of each headline once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.compose import Composed
from aggregator.settings import load
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, rss, staged, sweep, write_home
from tests.e2e.program import aggregator

DEEP = "Grain, roads and the weather were spoken of at length. " * 8
OTHER = "In another town a bridge, a school and two libraries were opened by the mayor. " * 6
THIRD = "Her orchestra will play three symphonies and a waltz before midnight on Sunday. " * 6
EVERYTHING, LEADS, HEADLINES = "all@example.org", "leads@example.org", "headlines@example.org"
READERS = [EVERYTHING, {"address": LEADS, "prominence": "lead"}, {"address": HEADLINES, "prominence": "title"}]


class Feed:
    """A feed to which a test adds items."""

    def __init__(self) -> None:
        self.items: list[Item] = [Item("0", "Nothing yet")]

    def __call__(self, call: Call) -> None:
        call.respond(200, rss(*self.items), [("Content-Type", "application/rss+xml")])


class Newsroom:
    """A home of three feeds and what its readers got."""

    def __init__(self, app: App, clock: SetClock, feeds: dict[str, Feed]) -> None:
        self.app, self.clock, self._feeds = app, clock, feeds

    def publish(self, feed: str, title: str, text: str, *, link: str = "") -> None:
        """An item of one minute ago, polled; copies of a story share their link."""
        items = self._feeds[feed].items
        self.clock.advance(timedelta(hours=1))
        link = link or f"https://{feed}.example/{len(items)}"
        items.append(Item(str(len(items)), title, text, self.clock.now() - timedelta(minutes=1), link))
        list(self.app.poll.sweep(everything=True))

    def composed(self) -> list[Composed]:
        return self.app.compose.run()

    def got(self) -> dict[str, list[list[str]]]:
        """Address -> the headlines of each edition it was sent a message of, in order."""
        got: dict[str, list[list[str]]] = {EVERYTHING: [], LEADS: [], HEADLINES: []}
        for message in reversed(self.app.stores.outbox.list()):
            edition = self.app.stores.editions.edition(message.edition_id)
            assert edition is not None
            got[message.address].append([s["headline"] for s in json.loads(edition.rendered.data)["stories"]])
        return got


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


@contextmanager
def newsroom(home: Path, server: FeedServer, **digest: Any) -> Iterator[Newsroom]:
    feeds = {"belta": Feed(), "wire": Feed(), "sentinel": Feed()}
    specs = [{"id": name, "url": server.add(f"/{name}", feed)} for name, feed in feeds.items()]
    about = {"id": "it", "watchlists": ["csto"], "to": READERS} | digest
    if about.get("every") == "instant":
        about |= {"wait": "0s"}
    write_home(home, specs, watchlists=WATCHLISTS, digests={"digests": [about]})
    with staged(home) as (app, clock):
        sweep(app)
        yield Newsroom(app, clock, feeds)


def test_an_alert_goes_to_those_whose_threshold_its_story_reaches(tmp_path: Path, server: FeedServer) -> None:
    with newsroom(tmp_path, server, every="instant") as room:
        for title, text in (("Harvest", f"{DEEP}The CSTO."), ("Talks", "The CSTO met."), ("CSTO meets", OTHER)):
            room.publish("belta", title, text)
            room.composed()
        assert room.got() == {
            EVERYTHING: [["Harvest"], ["Talks"], ["CSTO meets"]],
            LEADS: [["Talks"], ["CSTO meets"]],
            HEADLINES: [["CSTO meets"]],
        }
        assert room.app.send.run().sent == 6
        assert room.composed() == []


def test_a_later_copy_with_the_word_in_its_headline_is_told_to_those_who_were_not_told(
    tmp_path: Path, server: FeedServer
) -> None:
    """And to nobody twice."""
    with newsroom(tmp_path, server, every="instant") as room:
        story = "https://news.example/one-story"
        room.publish("belta", "Harvest in Minsk", f"{DEEP}The CSTO.", link=story)
        room.composed()
        room.publish("wire", "CSTO and the harvest in Minsk", f"{DEEP}The CSTO.", link=story)
        assert room.composed()
        assert len({e.story_id for e in room.app.stores.entries.entries() if "arvest" in e.title}) == 1
        once = ["CSTO and the harvest in Minsk"]
        assert room.got() == {EVERYTHING: [["Harvest in Minsk"]], LEADS: [once], HEADLINES: [once]}
        room.publish("sentinel", "Of the CSTO and the harvest in Minsk", f"{DEEP}The CSTO.", link=story)
        assert room.composed() == []


def test_a_digest_has_an_edition_for_each_threshold_its_readers_have(tmp_path: Path, server: FeedServer) -> None:
    with newsroom(tmp_path, server, at="07:30") as room:
        room.publish("belta", "Harvest", f"{DEEP}The CSTO.")
        room.publish("wire", "CSTO meets", OTHER)
        room.clock.advance(timedelta(days=1))
        made = room.composed()
        assert [one.edition.key[len("2023-02-03T07:30+00:00") :] for one in made] == ["", "-lead", "-title"]
        assert [one.messages for one in made] == [1, 1, 1]
        both, one = ["CSTO meets", "Harvest"], ["CSTO meets"]
        assert room.got() == {EVERYTHING: [both], LEADS: [one], HEADLINES: [one]}
        assert "with a watched word in the title;" in " ".join(made[2].edition.rendered.text.split())
        assert len(list((tmp_path / "var/pages/it").glob("*.html"))) == 3
        room.clock.advance(timedelta(days=1))
        assert "Nothing matched in the title; all 3 feeds checked" in room.composed()[2].edition.rendered.text
        assert room.got()[HEADLINES] == [one, []]


@pytest.mark.parametrize("when", [{"every": "instant"}, {"at": "07:30", "empty": "skip"}])
def test_what_is_below_a_digests_own_threshold_is_settled_and_told_never_by_accident(
    tmp_path: Path, server: FeedServer, when: dict[str, str]
) -> None:
    with newsroom(tmp_path, server, prominence="title", to=[HEADLINES], **when) as room:
        story = "https://news.example/one-story"
        room.publish("belta", "Harvest in Minsk", f"{DEEP}The CSTO.", link=story)
        room.clock.advance(timedelta(days=1))
        assert room.composed() == []
        assert room.app.stores.editions.waiting("it", datetime.max.replace(tzinfo=room.clock.now().tzinfo)) == []
        room.publish("wire", "CSTO meets", OTHER)
        room.clock.advance(timedelta(days=1))
        assert room.got()[HEADLINES] == []
        room.composed()
        assert room.got()[HEADLINES] == [["CSTO meets"]]
        room.publish("wire", "CSTO and the harvest in Minsk", f"{DEEP}The CSTO.", link=story)
        room.clock.advance(timedelta(days=1))
        room.composed()
        assert room.got()[HEADLINES] == [["CSTO meets"], ["CSTO and the harvest in Minsk"]]


def test_a_changed_threshold_holds_from_the_next_edition_on(tmp_path: Path, server: FeedServer) -> None:
    with newsroom(tmp_path, server, every="instant", to=[EVERYTHING]) as room:
        room.publish("belta", "Harvest", f"{DEEP}The CSTO.")
        room.composed()
        path = tmp_path / "config/digests.yaml"
        changed = json.loads(path.read_text())
        changed["digests"][0]["to"] = [{"address": EVERYTHING, "prominence": "title"}]
        path.write_text(json.dumps(changed))
        room.app.reconfigure(load(tmp_path, ENVIRON))
        room.publish("belta", "Roads", f"{THIRD}The CSTO.")
        room.publish("belta", "CSTO meets", OTHER)
        room.composed()
        assert room.got()[EVERYTHING] == [["Harvest"], ["CSTO meets"]]


def test_the_preview_says_how_prominent_each_story_is(tmp_path: Path, server: FeedServer) -> None:
    with newsroom(tmp_path, server, at="07:30") as room:
        room.publish("belta", "Harvest", f"{DEEP}The CSTO.")
        room.publish("wire", "CSTO meets", OTHER)
        room.clock.advance(timedelta(hours=1))
        digest = room.app.stores.editions.digests()[0]
        _, rendered = room.app.compose.preview(digest)
    facts = json.loads(rendered.data)
    assert [s["prominence"]["level"] for s in facts["stories"]] == ["title", "mention"]
    assert facts["stories"][0]["prominence"]["score"] > facts["stories"][1]["prominence"]["score"]
    assert "“CSTO” in the text, further down" in rendered.text


def test_the_operator_gives_a_threshold_by_hand_and_sees_it(tmp_path: Path, server: FeedServer) -> None:
    with newsroom(tmp_path, server, every="instant"):
        pass
    added = aggregator(tmp_path, "subscriptions", "add", "it", "anna@example.org", "--prominence", "title")
    assert added.code == 0
    (line,) = [s for s in aggregator(tmp_path, "subscriptions", "list", "--json").lines if "anna" in s["address"]]
    assert line["prominence"] == "title"
