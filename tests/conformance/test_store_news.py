"""ReadingStore and AttentionStore: what pages show, in the portions in which they show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.conformance.stores import HOUR, NOW, Scene, first, joins, match

DAY = timedelta(days=1)
BOTH = ("csto", "energy")


def stories(scene: Scene, *, each: int = 9, **more: object) -> dict[str, list[int]]:
    news = scene.stores.reading.news(BOTH, NOW, each, **more)  # type: ignore[arg-type]
    return {got.watchlist_id: [found.entry.id for found in got.newest] for got in news}


def test_news_are_the_stories_of_a_time_the_newest_first_each_led_by_what_came_first(scene: Scene) -> None:
    scene.entry("before", match(), now=NOW - HOUR)
    one = scene.entry("one", match(), match("energy"), story=first(0))
    story = scene.stores.entries.get(one)
    assert story
    scene.entry("copy", match(), feed="b", now=NOW + HOUR, story=joins(story.story_id))
    two = scene.entry("two", match(), now=NOW + 2 * HOUR)
    scene.entry("silent", match(reach="none"), now=NOW + 3 * HOUR)
    [csto, energy] = scene.stores.reading.news(BOTH, NOW, 9)
    assert (csto.entries, csto.stories, energy.entries, energy.stories) == (3, 2, 1, 1)
    assert stories(scene) == {"csto": [two, one], "energy": [one]}
    assert stories(scene, until=NOW + HOUR) == {"csto": [one], "energy": [one]}
    assert stories(scene, each=1) == {"csto": [two], "energy": [one]}
    assert stories(scene, each=0) == {"csto": [], "energy": []}
    later = scene.stores.reading.news(BOTH, NOW + DAY, 9)
    assert [(got.entries, got.stories, got.newest) for got in later] == [(0, 0, ()), (0, 0, ())]


def test_a_clock_that_was_put_back_hides_nothing(scene: Scene) -> None:
    early = scene.entry("early", match(), now=NOW + HOUR)
    late = scene.entry("late", match(), now=NOW - HOUR)
    again = scene.entry("again", match(), now=NOW + HOUR)
    assert stories(scene) == {"csto": [again, early], "energy": []}
    news = scene.stores.reading.news(BOTH, NOW - DAY, 9, until=NOW)
    assert [found.entry.id for got in news for found in got.newest] == [late]


def test_of_many_each_watchlist_gives_one_in_turn_and_a_story_stands_once(scene: Scene) -> None:
    both = [scene.entry(f"both {n}", match(), match("energy"), now=NOW + n * HOUR) for n in range(4)]
    alone = scene.entry("alone", match("energy"), now=NOW + 4 * HOUR)
    assert stories(scene, most=3) == {"csto": [both[3], both[2]], "energy": [alone]}
    whole = stories(scene, most=9)
    assert whole["csto"] == both[::-1]
    assert whole["energy"] == [alone]
    counts = [(got.entries, got.stories) for got in scene.stores.reading.news(BOTH, NOW, 9, most=1)]
    assert counts == [(4, 4), (5, 5)]


def test_the_watchlists_of_a_story_are_those_that_got_it_in_that_time(scene: Scene) -> None:
    entry = scene.stores.entries.get(scene.entry("one", match(), match("energy"), story=first(0)))
    assert entry
    scene.entry("copy", match("energy"), feed="b", now=NOW + HOUR, story=joins(entry.story_id))
    quiet = scene.stores.entries.get(scene.entry("quiet", match(reach="none")))
    assert quiet
    reading, both = scene.stores.reading, [entry.story_id, quiet.story_id]
    assert reading.watched(both, NOW) == {entry.story_id: ["csto", "energy"]}
    assert reading.watched(both, NOW + HOUR) == {entry.story_id: ["energy"]}
    assert reading.watched(both, NOW - DAY, NOW) == {}
    assert reading.watched([], NOW) == {}


def test_the_beginning_is_that_of_the_earliest_match(scene: Scene) -> None:
    assert scene.stores.reading.began() is None
    scene.entry("one", match())
    scene.entry("two", match(), now=NOW - DAY)
    assert scene.stores.reading.began() == NOW - DAY


def test_the_last_edition_is_none_of_another_digest_and_no_alert(scene: Scene) -> None:
    reading = scene.stores.reading
    assert reading.last_edition(["morning"]) is None
    scene.tell("morning", [], NOW + HOUR, key="first")
    scene.tell("morning", [], NOW + 2 * HOUR, key="second")
    scene.tell("now", [], NOW + 3 * HOUR, key="third", kind="alert")
    assert reading.last_edition(["now", "morning"]) == ("morning", "second", NOW + 2 * HOUR)
    assert reading.last_edition(["now"]) is None
    assert reading.last_edition([]) is None


def test_a_mark_is_another_one_when_what_a_page_shows_has_changed(scene: Scene) -> None:
    entry = scene.stores.entries.get(scene.entry("one", match(), story=first(0)))
    assert entry
    mark = scene.stores.reading.mark
    before = mark(["csto"], [entry.story_id])
    scene.entry("two", match("energy"))
    scene.entry("three")
    assert mark(["csto"], [entry.story_id]) == before
    scene.entry("copy", feed="b", story=joins(entry.story_id))
    assert mark(["csto"], [entry.story_id]) != before
    before = mark(["csto"])
    scene.entry("four", match())
    assert mark(["csto"]) != before


def test_cells_add_up_to_the_days_and_the_parts(scene: Scene) -> None:
    for n, feed in enumerate("aabab"):
        scene.entry(f"e{n}", match(), now=NOW + n * HOUR, feed=feed)
        scene.entry(f"w{n}", now=NOW + n * HOUR + HOUR / 2, feed=feed)
    attention, day = scene.stores.attention, NOW.astimezone(UTC).date()
    since = day - 6 * DAY
    until = day + DAY
    cells = attention.cells("csto", since, until)
    days = attention.days("csto", since, until)
    assert sum(cell.entries for cell in cells) == sum(d.entries for d in days) == 5
    assert attention.all(since, until) == sum(d.all for d in days) == 10
    by_feed = {part.key: part.entries for part in attention.parts("csto", since, until, "feed")}
    assert by_feed == {"a": 3, "b": 2}
    assert {c.feed_id: sum(x.entries for x in cells if x.feed_id == c.feed_id) for c in cells} == by_feed
    assert all(cell.all >= cell.entries for cell in cells)
    assert [(c.day, c.feed_id) for c in cells] == sorted((c.day, c.feed_id) for c in cells)
    assert attention.cells("energy", since, until) == []
    assert attention.all(datetime(1999, 1, 1, tzinfo=UTC).date(), datetime(1999, 1, 2, tzinfo=UTC).date()) == 0
