"""StoryStore: stories, and what a person does to them by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.model import StoryKey
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, NOW, Scene, first, joins, match, new, prune, revised

KEY, OTHER_KEY = StoryKey("title", "talks in minsk begin"), StoryKey("title", "gas price falls again")


def told(stores: Stores) -> dict[int, list[int]]:
    return {story.id: [e.id for e in story.entries] for story in stores.stories.list()}


def pair(scene: Scene) -> tuple[int, int, int, int]:
    """Two stories of one entry each: their ids, then their entries'."""
    one = scene.poll("a", new("one", "Talks.", story=first(1, KEY)))[0]
    two = scene.poll("b", new("two", "Gas.", story=first(2, OTHER_KEY)), now=NOW + HOUR)[0]
    ids = [scene.stores.entries.get(e).story_id for e in (one, two)]  # type: ignore[union-attr]
    return ids[0], ids[1], one, two


def test_merged_stories_are_one_and_the_id_of_the_other_means_it(scene: Scene) -> None:
    one, two, a, b = pair(scene)
    assert scene.stores.stories.merge(two, [one], NOW)
    assert told(scene.stores) == {two: [a, b]}
    story = scene.stores.stories.get(one)
    assert story is not None
    assert (story.id, story.title, story.first_seen_at) == (two, "two", NOW + HOUR), (
        "the title stays, though another is older"
    )
    assert [e.story_reason for e in story.entries] == ["merged", "first"]
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_copy_of_either_joins_the_merged_story_and_is_compared_with_its_own_first(scene: Scene) -> None:
    one, two, _, b = pair(scene)
    scene.stores.stories.merge(one, [two], NOW)
    found = scene.stores.polls.story_candidates([KEY, OTHER_KEY], NOW - HOUR)
    assert [(c.key, c.body, c.seen_at) for c in found] == [(KEY, "Talks.", NOW), (OTHER_KEY, "Gas.", NOW + HOUR)]
    late = scene.poll("a", new("copy", "Gas.", story=joins(found[1].story_id, OTHER_KEY)), now=NOW + 2 * HOUR)[0]
    assert told(scene.stores)[one][1:] == [b, late]
    assert len(scene.stores.polls.story_candidates([OTHER_KEY], NOW - HOUR)) == 1, "the copy is of the same part"


def test_what_was_merged_is_merged_again(scene: Scene) -> None:
    one, two, a, b = pair(scene)
    c = scene.entry("three", story=first(3), now=NOW + 2 * HOUR)
    three = scene.stores.entries.get(c).story_id  # type: ignore[union-attr]
    assert scene.stores.stories.merge(two, [one], NOW)
    assert scene.stores.stories.merge(three, [two], NOW)
    assert told(scene.stores) == {three: [a, b, c]}
    assert [scene.stores.stories.get(i).id for i in (one, two, three)] == [three] * 3  # type: ignore[union-attr]
    # Each can be taken back by itself.
    assert scene.stores.stories.split(three, [b]) == two
    assert told(scene.stores) == {two: [b], three: [a, c]}


@pytest.mark.parametrize("others", [[], [99], "same", "merged"])
def test_nothing_is_merged_with_what_is_no_story(scene: Scene, others: list[int] | str) -> None:
    one, two, a, b = pair(scene)
    c = scene.entry("three", story=first(3), now=NOW + 2 * HOUR)
    three = scene.stores.entries.get(c).story_id  # type: ignore[union-attr]
    scene.stores.stories.merge(two, [three], NOW)
    wrong = {"same": [one], "merged": [three]}.get(others, others) if isinstance(others, str) else others
    assert not scene.stores.stories.merge(one, wrong, NOW)  # type: ignore[arg-type]
    assert told(scene.stores) == {one: [a], two: [b, c]}


def test_what_is_split_off_has_a_story_of_its_own(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{n}", story=first(1, KEY)) for n in range(4)))
    [(story, _)] = told(scene.stores).items()
    made = scene.stores.stories.split(story, ids[2:])
    assert told(scene.stores) == {story: ids[:2], made: ids[2:]}
    assert made > story
    split = scene.stores.stories.get(made)
    assert split is not None
    assert (split.title, split.first_seen_at) == ("t2", NOW)
    assert {e.story_reason for e in split.entries} == {"split"}
    assert [c.story_id for c in scene.stores.polls.story_candidates([KEY], NOW - HOUR)] == [story, made]
    assert scene.stores.upkeep.check(deep=True) == []


def test_the_first_entry_of_a_story_stays_in_it(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{n}", story=first(1)) for n in range(3)))
    strange = scene.entry("strange")
    [story, other] = told(scene.stores)
    for wrong in ([], [ids[0]], [ids[0], ids[1]], [ids[1], strange], [999]):
        assert not scene.stores.stories.split(story, wrong)
    assert not scene.stores.stories.split(999, ids)
    assert told(scene.stores) == {story: ids, other: [strange]}


def test_splitting_off_all_of_a_merged_story_gives_it_back(scene: Scene) -> None:
    one, two, a, b = pair(scene)
    scene.stores.stories.merge(one, [two], NOW)
    assert scene.stores.stories.split(one, [b]) == two
    assert told(scene.stores) == {one: [a], two: [b]}
    story = scene.stores.stories.get(two)
    assert story is not None
    assert (story.first_seen_at, story.entries[0].story_reason) == (NOW + HOUR, "first")


def test_an_older_story_is_merged_and_split_off_again(scene: Scene) -> None:
    one, two, a, b = pair(scene)
    scene.stores.stories.merge(two, [one], NOW)
    assert scene.stores.stories.founder(two) == b, "its own first entry, not that of the older story merged into it"
    assert not scene.stores.stories.split(two, [b])
    assert scene.stores.stories.split(two, [a]) == one
    assert told(scene.stores) == {one: [a], two: [b]}
    assert scene.stores.stories.founder(99) == 0


def test_mergings_within_mergings_are_taken_back_as_they_were(scene: Scene) -> None:
    one, two, a, b = pair(scene)
    c = scene.entry("three", story=first(3), now=NOW + 2 * HOUR)
    three = scene.stores.entries.get(c).story_id  # type: ignore[union-attr]
    scene.stores.stories.merge(two, [three], NOW)
    scene.stores.stories.merge(one, [two], NOW)
    assert told(scene.stores) == {one: [a, b, c]}
    assert scene.stores.stories.split(one, [b, c]) == two
    assert told(scene.stores) == {one: [a], two: [b, c]}
    assert scene.stores.stories.get(three).id == two  # type: ignore[union-attr]
    assert scene.stores.stories.split(two, [c]) == three
    assert told(scene.stores) == {one: [a], two: [b], three: [c]}
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_title_that_was_kept_survives_merging_and_splitting(scene: Scene) -> None:
    one, two, _, b = pair(scene)
    scene.poll("b", revised(b, 2, "rewritten"), now=NOW + 2 * HOUR)
    scene.stores.stories.merge(one, [two], NOW)
    scene.stores.stories.split(one, [b])
    assert scene.stores.stories.get(two).title == "two"  # type: ignore[union-attr]


@pytest.mark.parametrize("digest_id", ["morning", "now"])
def test_the_news_of_what_was_split_off_is_untold(scene: Scene, digest_id: str) -> None:
    one = scene.poll("a", new("one", story=first(1), matches=(match(),)))[0]
    story = scene.stores.entries.get(one).story_id  # type: ignore[union-attr]
    scene.tell(digest_id, scene.waiting(digest_id), NOW + HOUR)
    two = scene.poll("b", new("two", story=joins(story), matches=(match(),)), now=NOW + 2 * HOUR)[0]
    scene.tell(digest_id, scene.waiting(digest_id), NOW + 3 * HOUR)
    made = scene.stores.stories.split(story, [two])
    assert scene.waiting(digest_id) == [], "what was told is not told again by itself"
    scene.poll("a", new("three", story=joins(made), matches=(match(),)), now=NOW + 4 * HOUR)
    scene.poll("a", new("four", story=joins(story), matches=(match(),)), now=NOW + 4 * HOUR)
    waiting = scene.stores.editions.waiting(digest_id, NOW + 9 * HOUR)
    assert [(w.entry.title, bool(w.told)) for w in waiting] == [("three", False), ("four", True)]


def test_a_merged_story_that_was_told_stays_told_when_it_is_split_off(scene: Scene) -> None:
    one, two, _, b = pair(scene)
    scene.stores.watch.add_matches([(b, match())], NOW)
    scene.tell("morning", scene.waiting("morning"), NOW + HOUR)
    scene.stores.stories.merge(one, [two], NOW)
    scene.stores.stories.split(one, [b])
    scene.poll("a", new("copy", story=joins(two), matches=(match(),)), now=NOW + 4 * HOUR)
    assert [bool(w.told) for w in scene.stores.editions.waiting("morning", NOW + 9 * HOUR)] == [True]


def test_pruning_takes_the_alias_with_the_story(scene: Scene) -> None:
    one, two, *_ = pair(scene)
    scene.stores.stories.merge(one, [two], NOW)
    prune(scene.stores, NOW + timedelta(days=400), timedelta(days=30))
    assert told(scene.stores) == {}
    assert scene.stores.stories.get(two) is None
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_story_told_for_one_watchlist_is_untold_for_another(scene: Scene) -> None:
    ids = scene.poll(
        "a", *(new(f"t{n}", story=first(1), matches=(match(w),)) for n, w in enumerate(("csto", "csto", "energy")))
    )
    first_match = scene.stores.watch.matches(entry_id=ids[0])[0].id
    scene.tell("morning", [first_match], NOW + HOUR)
    waiting = scene.stores.editions.waiting("morning", NOW + 2 * HOUR)
    assert [(w.match.watchlist_id, bool(w.told)) for w in waiting] == [("csto", True), ("energy", False)]
