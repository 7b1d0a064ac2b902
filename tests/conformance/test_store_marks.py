"""ReadingStore: the marks by which kept pages are known to be true, and what is read in portions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from aggregator.model import FeedSpec, StoryKey
from aggregator.publication import NewEdition
from aggregator.reading import Found, Signal
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, NOW, RENDERED, Scene, edition, first, joins, match, revised

KEY = StoryKey("title", "talks in minsk begin")


def story(stores: Stores, entry_id: int) -> int:
    entry = stores.entries.get(entry_id)
    assert entry is not None
    return entry.story_id


def titles(found: list[Found] | tuple[Found, ...]) -> list[str]:
    return [one.entry.title for one in found]


# -- news ------------------------------------------------------------------------------------------------------------


def test_news_are_what_each_watchlist_got_since_then_in_the_order_asked(scene: Scene) -> None:
    scene.entry("old", match(), now=NOW - HOUR)
    scene.entry("one", match(), match("energy"))
    scene.entry("two", match(reach="digest"), now=NOW + HOUR)
    energy, csto = scene.stores.reading.news(["energy", "csto"], NOW, 5)
    assert (energy.watchlist_id, energy.entries, energy.stories, titles(energy.newest)) == ("energy", 1, 1, ["one"])
    assert (csto.watchlist_id, csto.entries, csto.stories, titles(csto.newest)) == ("csto", 2, 2, ["two", "one"])
    assert [one.match.watchlist_id for one in csto.newest] == ["csto", "csto"]
    assert csto.newest[0].match.spans == match().spans


def test_a_watchlist_without_news_has_none_and_is_told_of(scene: Scene) -> None:
    nothing = scene.stores.reading.news(["csto", "energy"], NOW, 3)
    assert [(n.watchlist_id, n.entries, n.stories, n.newest) for n in nothing] == [
        ("csto", 0, 0, ()),
        ("energy", 0, 0, ()),
    ]
    scene.entry("one", match())
    assert [(n.entries, len(n.newest)) for n in scene.stores.reading.news(["energy", "nobody", "csto"], NOW, 3)] == [
        (0, 0),
        (0, 0),
        (1, 1),
    ]


def test_a_silent_baseline_is_no_news(scene: Scene) -> None:
    scene.entry("silent", match(reach="none"))
    scene.entry("loud", match())
    [csto] = scene.stores.reading.news(["csto"], NOW, 3)
    assert (csto.entries, csto.stories, titles(csto.newest)) == (1, 1, ["loud"])


def test_the_newest_are_one_entry_a_story_and_all_of_it_is_counted(scene: Scene) -> None:
    one = scene.entry("one", match(), story=first(1, KEY))
    for n in range(5):
        scene.entry(f"copy {n}", match(), feed="b", story=joins(story(scene.stores, one), KEY), now=NOW + HOUR)
    scene.entry("other", match(), now=NOW + 2 * HOUR)
    [csto] = scene.stores.reading.news(["csto"], NOW, 2)
    assert (csto.entries, csto.stories, titles(csto.newest)) == (7, 2, ["other", "one"])
    [csto] = scene.stores.reading.news(["csto"], NOW, 1)
    assert (csto.entries, csto.stories, titles(csto.newest)) == (7, 2, ["other"])


def test_a_revision_that_matches_again_is_no_second_entry(scene: Scene) -> None:
    one = scene.entry("one", match())
    scene.poll("a", revised(one, 2, "one again", matches=[match()]), now=NOW + HOUR)
    [csto] = scene.stores.reading.news(["csto"], NOW, 3)
    assert (csto.entries, titles(csto.newest)) == (1, ["one again"])


def test_a_clock_that_jumps_back_hides_no_news(scene: Scene) -> None:
    scene.entry("from tomorrow", match(), now=NOW + timedelta(days=1))
    scene.entry("after the jump", match(), now=NOW)
    [csto] = scene.stores.reading.news(["csto"], NOW, 3)
    assert titles(csto.newest) == ["after the jump", "from tomorrow"]


# -- found -----------------------------------------------------------------------------------------------------------


def test_what_was_found_is_read_page_by_page_newest_first(scene: Scene) -> None:
    for n in range(7):
        scene.entry(f"t{n}", match(reach="none" if n % 2 else "alert"), now=NOW + n * HOUR)
    scene.entry("of another", match("energy"))
    pages, before = [], 0
    while page := scene.stores.reading.found("csto", 3, before):
        pages.append(titles(page))
        before = page[-1].match.id
    assert pages == [["t6", "t5", "t4"], ["t3", "t2", "t1"], ["t0"]]


def test_an_entry_is_found_once_however_often_its_revisions_matched(scene: Scene) -> None:
    one = scene.entry("one", match())
    scene.entry("two", match())
    scene.poll("a", revised(one, 2, "one again", matches=[match()]), now=NOW + HOUR)
    found = scene.stores.reading.found("csto", 10)
    assert titles(found) == ["one again", "two"]
    assert found[0].match.revision == 2


def test_nothing_is_found_of_a_watchlist_that_is_not_there(scene: Scene) -> None:
    assert scene.stores.reading.found("nobody", 10) == []


# -- copies ----------------------------------------------------------------------------------------------------------


def test_copies_are_the_titles_of_the_feeds_in_the_order_in_which_they_brought_it(scene: Scene) -> None:
    scene.stores.feeds.sync(
        [FeedSpec("a", "https://a.example/rss", title="Wire"), FeedSpec("b", "https://b.example/rss")], NOW
    )
    one = scene.entry("one", feed="b", story=first(1, KEY))
    scene.entry("copy", feed="a", story=joins(story(scene.stores, one), KEY))
    scene.entry("again", feed="b", story=joins(story(scene.stores, one), KEY))
    other = scene.entry("other")
    ids = [story(scene.stores, one), story(scene.stores, other)]
    assert scene.stores.reading.copies(ids) == {ids[0]: ("b", "Wire"), ids[1]: ("Wire",)}
    assert scene.stores.reading.copies([ids[1], 999]) == {ids[1]: ("Wire",)}
    assert scene.stores.reading.copies([]) == {}


# -- marks -----------------------------------------------------------------------------------------------------------

Change = Callable[[Scene], object]


def entry_of_story(scene: Scene) -> int:
    return next(e.id for e in scene.stores.entries.entries() if e.title == "shown")


CHANGES: dict[str, Change] = {
    "a match": lambda s: s.entry("new", match()),
    "a match of another revision": lambda s: s.poll(
        "a", revised(entry_of_story(s), 2, "shown again", matches=[match()])
    ),
    "a revision that no longer matches": lambda s: s.poll("a", revised(entry_of_story(s), 2, "shown otherwise")),
    "a copy": lambda s: s.entry("copy", feed="b", story=joins(story(s.stores, entry_of_story(s)), KEY)),
    "other news under the same id": lambda s: s.poll("a", revised(entry_of_story(s), 2, "other news", story=first(9))),
    "an edition": lambda s: s.stores.editions.commit_editions(
        [NewEdition(edition("morning", NOW), RENDERED, ())], [], NOW
    ),
    "a signal": lambda s: s.stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 9, 1.0, "nine")),
}


def test_the_mark_is_another_whenever_what_is_shown_changed(fresh_stores: Callable[[], Stores]) -> None:
    for what, change in CHANGES.items():
        scene = Scene(fresh_stores()).furnished()
        shown = story(scene.stores, scene.entry("shown", match(), story=first(1, KEY)))
        before = scene.stores.reading.mark(["csto"], [shown])
        assert scene.stores.reading.mark(["csto"], [shown]) == before
        change(scene)
        assert scene.stores.reading.mark(["csto"], [shown]) != before, what


def test_the_mark_is_another_when_stories_were_merged_or_split_and_a_signal_ended(scene: Scene) -> None:
    one, other = scene.entry("one", match(), story=first(1, KEY)), scene.entry("other")
    shown, merged = story(scene.stores, one), story(scene.stores, other)
    signal = scene.stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 9, 1.0, "nine"))
    marks = [scene.stores.reading.mark(["csto"], [shown])]
    assert scene.stores.stories.merge(shown, [merged], NOW)
    marks.append(scene.stores.reading.mark(["csto"], [shown]))
    assert scene.stores.stories.split(shown, [other])
    marks.append(scene.stores.reading.mark(["csto"], [shown]))
    assert marks[0] == marks[2] != marks[1], "as before is the same again"
    scene.stores.signals.end(signal, NOW)
    assert scene.stores.reading.mark(["csto"], [shown]) != marks[2]


def test_the_mark_is_another_when_two_stories_that_are_shown_become_one(scene: Scene) -> None:
    one, other = story(scene.stores, scene.entry("one")), story(scene.stores, scene.entry("other"))
    before = scene.stores.reading.mark((), [one, other])
    assert scene.stores.stories.merge(one, [other], NOW)
    assert scene.stores.reading.mark((), [one, other]) != before


def test_the_mark_is_another_when_a_feed_of_a_story_is_called_otherwise_or_less_of_its_text_may_be_shown(
    scene: Scene,
) -> None:
    shown = story(scene.stores, scene.entry("Talks"))
    marks = [scene.stores.reading.mark((), [shown])]
    a, b = FeedSpec("a", "https://a.example/feed"), FeedSpec("b", "https://b.example/feed")
    licensed = replace(a, excerpt=0)
    for feeds in ([replace(a, title="A"), b], [licensed, b], [licensed, replace(b, title="not in the story")]):
        scene.stores.feeds.sync(feeds, NOW)
        marks.append(scene.stores.reading.mark((), [shown]))
    assert len(set(marks[:3])) == 3
    assert marks[3] == marks[2]


def test_what_is_not_shown_changes_no_mark(scene: Scene) -> None:
    shown = story(scene.stores, scene.entry("shown", match(), story=first(1, KEY)))
    before = scene.stores.reading.mark(["csto"], [shown])
    scene.entry("of another watchlist", match("energy"))
    scene.poll("b")
    assert scene.stores.reading.mark(["csto"], [shown]) == before
    assert scene.stores.reading.mark(["csto", "energy"], [shown]) != before


def test_the_version_is_another_once_somebody_else_has_stored_anything(open_stores: Callable[[], Stores]) -> None:
    scene, other = Scene(open_stores()).furnished(), open_stores()
    before = other.reading.version()
    assert other.reading.version() == before
    scene.entry("new")
    assert other.reading.version() != before
    # Another thread of the same program is somebody else, too.
    before = scene.stores.reading.version()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(scene.entry, "newer").result(10)
    assert scene.stores.reading.version() != before
