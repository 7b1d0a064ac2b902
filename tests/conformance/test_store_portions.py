"""PortionStore: long lists in portions, newest first, each once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.model import Watchlist
from aggregator.query import NeedEverything, NeedToken
from aggregator.reading import Portion, Selection
from aggregator.store.sql import portions
from tests.conformance.stores import HOUR, NOW, Scene, first, match, new


def walked(ask: Any, **more: Any) -> list[int]:
    """The ids of a whole list, read in portions of two."""
    selection, found = Selection(2, **more), []
    while True:
        portion: Portion[Any] = ask(selection)
        assert len(portion.items) <= 2
        found += [getattr(one, "match", one).id for one in portion.items]
        if not portion.before:
            return found
        assert not selection.before or portion.before < selection.before
        selection = replace(selection, before=portion.before)


def test_portions_join_without_gap_or_overlap_whatever_comes_meanwhile(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i}", story=first(i), matches=(match(),)) for i in range(5)))
    asked: list[Selection] = []
    for ask in (scene.stores.portions.entries, scene.stores.portions.stories, scene.stores.portions.matches):
        have = walked(ask)

        def meanwhile(selection: Selection, ask: Any = ask) -> Any:
            asked.append(selection)
            if selection.before:
                scene.entry(f"m{len(asked)}")
            return ask(selection)

        assert walked(meanwhile) == have
    assert walked(scene.stores.portions.entries)[-5:] == ids[::-1]


def test_a_portion_that_is_just_full_names_no_next(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i}") for i in range(2)))
    assert scene.stores.portions.entries(Selection(2)) == Portion(tuple(map(scene.stores.entries.get, ids[::-1])))
    assert scene.stores.portions.entries(Selection(1)).before == ids[1]
    assert scene.stores.portions.entries(Selection(2, before=1)) == Portion(())


def test_entries_of_a_feed_a_watchlist_and_a_time(scene: Scene) -> None:
    one = scene.poll("a", new("one", matches=(match(),)))[0]
    two = scene.entry("two", feed="b", now=NOW + HOUR)
    three = scene.poll("a", new("three", matches=(match(), match("energy"))), now=NOW + HOUR * 2)[0]
    entries = scene.stores.portions.entries
    assert walked(entries) == [three, two, one]
    assert walked(entries, feed_id="a") == [three, one]
    assert walked(entries, feed_id="b") == [two]
    assert walked(entries, watchlist_id="csto") == [three, one]
    assert walked(entries, watchlist_id="csto", feed_id="b") == []
    assert walked(entries, since=NOW + HOUR) == [three, two]
    assert walked(entries, until=NOW + HOUR) == [one]
    assert walked(entries, since=NOW + HOUR, until=NOW + HOUR * 2) == [two]
    assert walked(scene.stores.portions.stories, since=NOW + HOUR, until=NOW + HOUR * 2) != []


def test_a_clock_that_jumped_hides_nothing(scene: Scene) -> None:
    late = scene.entry("late", now=NOW + HOUR * 9)
    early = scene.entry("early", now=NOW)
    later = scene.entry("later", now=NOW + HOUR * 9)
    entries = scene.stores.portions.entries
    assert walked(entries, since=NOW + HOUR) == [later, late]
    assert walked(entries, until=NOW + HOUR) == [early]


def test_a_rare_language_is_looked_for_in_bounded_steps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "LOOKED_AT", 3)
    languages = ["ru", *["en"] * 8, "ru", "en", "en"]
    ids = scene.poll("a", *(new(f"t{i}", language=language) for i, language in enumerate(languages)))
    entries = scene.stores.portions.entries
    assert walked(entries, language="ru") == [ids[9], ids[0]]
    assert entries(Selection(2, language="ru")).items[0].id == ids[9]
    assert len(entries(Selection(2, language="ru")).items) == 1
    assert walked(entries, language="be") == []
    scene.poll("b", new("there", matches=(match(),)))
    assert len(walked(entries, watchlist_id="csto", feed_id="b")) == 1
    assert walked(entries, watchlist_id="csto", feed_id="a") == []


def test_matches_are_those_of_the_operators_watchlists(scene: Scene) -> None:
    scene.poll("a", new("one", matches=(match(), match("energy"))), new("two", matches=(match(),)))
    matches = scene.stores.portions.matches
    found = matches(Selection(9)).items
    assert [(one.match.watchlist_id, one.entry.title) for one in found][:1] == [("csto", "two")]
    assert {one.match.watchlist_id for one in found} == {"csto", "energy"}
    assert {one.match.watchlist_id for one in matches(Selection(9, watchlist_id="energy")).items} == {"energy"}
    scene.stores.watch.sync([Watchlist("csto", "CSTO", "csto")], NOW)
    assert {one.match.watchlist_id for one in matches(Selection(9)).items} == {"csto"}
    assert walked(matches, until=NOW) == []


def test_what_is_proposed_can_go_on_behind_an_entry(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i} word") for i in range(4)))
    for need in (NeedEverything(), NeedToken("word")):
        assert [e.id for e in scene.stores.entries.propose(need, before=ids[2])] == [ids[1], ids[0]]
        assert [e.id for e in scene.stores.entries.propose(need, NOW, before=ids[0])] == []


def test_a_feed_is_hastened_and_a_paused_one_is_not(scene: Scene) -> None:
    scene.entry("one")
    feeds = scene.stores.feeds
    then = scene.stores.feeds.get("a")
    assert then is not None
    assert feeds.hasten("a", NOW - HOUR)
    sooner = feeds.get("a")
    assert sooner is not None
    assert sooner.poll.next_poll_at == NOW - HOUR
    assert feeds.hasten("a", NOW + HOUR * 9)
    assert feeds.get("a") == sooner, "what is due is not put off"
    feeds.pause("a", NOW)
    assert not feeds.hasten("a", NOW)
    assert not feeds.hasten("nowhere", NOW)


def test_matches_and_editions_of_a_time(scene: Scene) -> None:
    for hour in range(4):
        scene.entry(f"t{hour}", match(), now=NOW + hour * HOUR)
        scene.tell("morning", [], NOW + hour * HOUR)
        scene.tell("now", [], NOW + hour * HOUR, kind="alert")
    portions = scene.stores.portions
    for ask in (portions.matches, portions.editions):
        every = walked(ask)
        part = walked(ask, since=NOW + HOUR, until=NOW + 3 * HOUR)
        assert (len(part), part) == (len(every) // 2, every[len(every) // 4 : len(every) // 4 * 3])
    mornings = walked(portions.editions, digest_id="morning")
    assert len(mornings) == 4
    assert set(mornings) < set(walked(portions.editions))
