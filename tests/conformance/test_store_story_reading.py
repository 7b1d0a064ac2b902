"""ReadingStore, of one story: its matches, its earlier texts, who told it, and who is without it; and reading on from a place."""

from __future__ import annotations

from datetime import timedelta

from aggregator.query import NeedEverything, NeedToken
from tests.conformance.stores import HOUR, MINUTE, NOW, Scene, first, joins, match, new, prune, revised


def story(scene: Scene, entry_id: int) -> int:
    entry = scene.stores.entries.get(entry_id)
    assert entry is not None
    return entry.story_id


def test_of_an_entry_that_was_revised_the_latest_match_and_every_earlier_text(scene: Scene) -> None:
    entry = scene.entry("Talks", match("csto"), match("energy"))
    scene.poll("a", revised(entry, 2, "Talks end", matches=(match("csto"),)), now=NOW + HOUR)
    scene.poll("a", revised(entry, 3, "Talks ended"), now=NOW + 2 * HOUR)
    found = scene.stores.reading.matched(story(scene, entry))
    assert [(m.watchlist_id, m.revision) for m in found] == [("energy", 1), ("csto", 2)]
    versions = scene.stores.reading.versions(story(scene, entry))
    assert [(v.entry_id, v.revision, v.title, v.replaced_at) for v in versions] == [
        (entry, 1, "Talks", NOW + HOUR),
        (entry, 2, "Talks end", NOW + 2 * HOUR),
    ]


def test_what_an_id_stood_for_before_it_was_reused_is_of_another_story(scene: Scene) -> None:
    entry = scene.entry("Talks", match("csto"))
    before = story(scene, entry)
    scene.poll("a", revised(entry, 2, "Weather", story=first(7)), now=NOW + HOUR)
    assert story(scene, entry) != before
    assert scene.stores.reading.matched(story(scene, entry)) == []
    assert scene.stores.reading.versions(story(scene, entry)) == []


def test_the_editions_that_told_a_story_are_named_once_and_those_that_passed_it_over_are_not(scene: Scene) -> None:
    entry = scene.entry("Talks", match("csto"), match("energy"))
    other = scene.matched()
    ids = [m.id for m in scene.stores.watch.matches(entry_id=entry)]
    scene.tell("morning", ids, NOW + HOUR, key="one")
    scene.tell("morning", [other], NOW + 2 * HOUR, key="two")
    scene.tell("now", [], NOW + 3 * HOUR, key="three", passed=ids[:1])
    told = scene.stores.reading.told(story(scene, entry))
    assert [(t.digest_id, t.key, t.title, t.composed_at) for t in told] == [("morning", "one", "Morning", NOW + HOUR)]


def test_beside_a_story_are_the_feeds_that_were_there_and_are_not_in_it(scene: Scene) -> None:
    entry = scene.entry("Talks")
    scene.feeds("a", "b", "c", now=NOW + HOUR)
    beside = scene.stores.reading.beside
    assert dict(beside(story(scene, entry), NOW)) == {"b": "b"}
    assert dict(beside(story(scene, entry), NOW + 2 * HOUR)) == {"b": "b", "c": "c"}
    scene.poll("b", new("Talks too", story=joins(story(scene, entry))), now=NOW + MINUTE)
    assert dict(beside(story(scene, entry), NOW)) == {}
    scene.feeds("a", now=NOW + HOUR)
    assert dict(beside(story(scene, entry), NOW + 2 * HOUR)) == {}, "b and c are in the configuration no more"


def test_before_when_entries_may_be_gone_is_known_once_some_are_and_never_goes_back(scene: Scene) -> None:
    pruned_before = scene.stores.reading.pruned_before
    scene.entry("Talks", match("csto"))
    prune(scene.stores, NOW + HOUR, timedelta(0))
    assert pruned_before() is None, "all there was had been found"
    scene.entry("Weather")
    prune(scene.stores, NOW + 2 * HOUR, timedelta(0))
    scene.entry("Rain", now=NOW - HOUR)
    prune(scene.stores, NOW + 2 * HOUR, timedelta(hours=2, minutes=30))
    assert pruned_before() == NOW + 2 * HOUR


def test_proposing_goes_on_behind_an_entry_and_ends_when_it_is_told_to(scene: Scene) -> None:
    ids = [scene.entry(f"talks {n}", now=NOW + timedelta(minutes=n)) for n in range(5)]
    propose = scene.stores.entries.propose
    for need in (NeedToken("talks"), NeedEverything()):
        assert [p.id for p in propose(need, before=ids[3])] == ids[2::-1]
        assert [p.id for p in propose(need, before=ids[0])] == []
        assert list(propose(need, stop=lambda: True)) == []
        assert [p.id for p in propose(need, stop=lambda: False)] == ids[::-1]


def test_past_editions_go_on_behind_one(scene: Scene) -> None:
    ids = [scene.tell("morning", [], NOW + n * HOUR, key=f"k{n}") for n in range(1, 4)]
    assert [e.id for e in scene.stores.editions.editions(before=ids[2], limit=1)] == [ids[1]]
    assert [e.id for e in scene.stores.editions.editions("morning", before=ids[1], whole=False)] == [ids[0]]
