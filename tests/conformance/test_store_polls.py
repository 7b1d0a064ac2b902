"""PollStore and WatchStore: what the poll line reads, its one write, and the matches that come of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.errors import StoreError
from aggregator.model import Enclosure, EntryKey, NewEntry, PollOutcome, Recall, Span, StoredChange, StoryKey, Watchlist
from aggregator.stores import Stores
from tests.conformance.stores import (
    HOUR,
    ME,
    MINUTE,
    NOW,
    OTHER,
    Scene,
    first,
    joins,
    match,
    new,
    parsed,
    poll,
    prune,
    revised,
    same,
)

URL = StoryKey("url", "https://a.example/talks")
TITLE = StoryKey("title", "talks begin")


def reaches(stores: Stores, entry_id: int) -> list[tuple[int, str]]:
    return [(m.revision, m.reach) for m in stores.watch.matches(entry_id=entry_id)]


# -- the one write ---------------------------------------------------------------------------------------------------


def test_an_entry_comes_back_as_it_was_stored(scene: Scene) -> None:
    entry = parsed(
        "ОДКБ\x01", "Тело", guid="tag:x,1", link="https://a.example/1?b=c&d", content="<p>c</p>", author="Анна",
        categories=("мир", "a,b"), language="be", enclosures=(Enclosure("https://a.example/x.mp3", "audio/mpeg", 7),),
        published_at=datetime(7, 1, 2, 3, 4, 5, 6, tzinfo=UTC), updated_at=NOW,
    )  # fmt: skip
    (entry_id,) = scene.poll("a", new(entry=entry, sort_at=NOW - HOUR), title="Own title")
    stored = scene.stores.entries.get(entry_id)
    assert stored is not None
    for name in ("guid", "link", "title", "summary", "content", "body", "author", "categories", "language"):
        assert getattr(stored, name) == getattr(entry, name)
    assert (stored.published_at, stored.updated_at) == (entry.published_at, entry.updated_at)
    assert (stored.sort_at, stored.first_seen_at, stored.revisions, stored.article) == (NOW - HOUR, NOW, 1, "")
    assert (stored.feed_id, stored.feed_url, stored.feed_title) == ("a", "https://a.example/rss", "Own title")


def test_new_entries_are_numbered_in_the_order_given(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i}") for i in range(5)))
    assert ids == sorted(ids)
    assert [e.title for e in scene.stores.entries.entries()] == [f"t{i}" for i in range(5)]


def test_several_feeds_in_one_commit(scene: Scene) -> None:
    scene.stores.feeds.claim_due(ME, 9, NOW)
    outcomes = [PollOutcome("a", poll(etag="1"), (new("x"), new("y"))), PollOutcome("b", poll(etag="2"))]
    stored = scene.stores.polls.commit_polls(outcomes, ME, NOW)
    assert {name: len(ids) for name, ids in stored.items()} == {"a": 2, "b": 0}
    assert [f.poll.etag for f in scene.stores.feeds.list()] == ["1", "2"]


def test_a_feed_whose_claim_is_lost_is_left_out(scene: Scene) -> None:
    stores = scene.stores
    stores.feeds.claim_due(ME, 9, NOW)
    late = NOW + 11 * MINUTE
    stores.feeds.claim_due(OTHER, 9, late, ids=["a"])
    outcomes = [PollOutcome("a", poll(etag="mine"), (new("x"),)), PollOutcome("b", poll(etag="mine"), (new("y"),))]
    assert list(stores.polls.commit_polls(outcomes, ME, late)) == ["b"], "nobody took b: its claim still counts"
    assert [e.title for e in stores.entries.entries()] == ["y"]
    assert list(stores.polls.commit_polls([PollOutcome("a", poll(etag="theirs"))], OTHER, late)) == ["a"]


def test_nobody_commits_a_feed_twice_or_without_a_claim(scene: Scene) -> None:
    outcome = PollOutcome("a", poll(), (new("x"),))
    assert scene.stores.polls.commit_polls([outcome, PollOutcome("nobody", poll())], ME, NOW) == {}
    scene.stores.feeds.claim_due(ME, 9, NOW)
    assert list(scene.stores.polls.commit_polls([outcome], ME, NOW)) == ["a"]
    assert scene.stores.polls.commit_polls([outcome], ME, NOW) == {}


@pytest.mark.parametrize(
    "bad",
    [
        new("bad", matches=(match("no-such-watchlist"),)),
        new(entry=parsed("bad", guid=None)),
        StoredChange(None, NOW),  # type: ignore[arg-type]
    ],
    ids=["watchlist", "type", "shape"],
)
def test_when_one_change_cannot_be_stored_nothing_of_the_batch_is(scene: Scene, bad: StoredChange) -> None:
    """Above all not the validators: they would hide the entries behind a 304 for ever."""
    scene.stores.feeds.claim_due(ME, 9, NOW)
    before = scene.stores.feeds.list(), scene.stores.upkeep.stats(NOW)
    good = new("good", story=first(1, URL), matches=(match(),), article="alert")
    outcomes = [PollOutcome("a", poll(etag="new"), (good,)), PollOutcome("b", poll(etag="new"), (new("x"), bad))]
    with pytest.raises((StoreError, AttributeError, TypeError)):
        scene.stores.polls.commit_polls(outcomes, ME, NOW)
    after = scene.stores.feeds.list(), {**scene.stores.upkeep.stats(NOW)}
    assert after[0] == before[0]
    assert {k: v for k, v in after[1].items() if k != "database_bytes"} == {
        k: v for k, v in before[1].items() if k != "database_bytes"
    }
    assert scene.stores.polls.known_entries("a", [EntryKey("id", "good")]) == {}
    assert scene.stores.polls.story_candidates([URL], NOW - HOUR) == []
    # And the claim is still ours to try again with.
    good_alone = [PollOutcome("a", poll(etag="new"), (good,))]
    assert len(scene.stores.polls.commit_polls(good_alone, ME, NOW)["a"]) == 1


# -- keys, revisions, tombstones -----------------------------------------------------------------------------------------


def test_known_entries_finds_each_key_of_the_feed_and_no_other(scene: Scene) -> None:
    keys = (EntryKey("id", "1"), EntryKey("link", "1"), EntryKey("titledate", "ы'\"%"))
    (entry_id,) = scene.poll("a", new("Talks", "Body", keys=keys))
    scene.poll("b", new("Other", keys=(EntryKey("id", "1"),)))
    asked = [*keys, EntryKey("hash", "1"), EntryKey("id", "2")]
    found = scene.stores.polls.known_entries("a", asked)
    assert set(found) == set(keys)
    known = found[keys[0]]
    assert (known.id, known.guid, known.link, known.title) == (
        entry_id,
        "guid-Talks",
        "https://a.example/Talks",
        "Talks",
    )
    assert (known.fingerprint, known.revision, known.published_at, known.body) == ("print-Talks", 1, None, "Body")
    assert scene.stores.polls.known_entries("a", []) == {}
    assert scene.stores.polls.known_entries("nobody", keys) == {}


def test_known_entries_takes_thousands_of_keys(scene: Scene) -> None:
    """More than any database takes as parameters of one question."""
    ids = scene.poll(
        "a", *(new(f"t{i}", keys=(EntryKey("id", str(i)), EntryKey("link", str(i)))) for i in range(0, 900, 2))
    )
    asked = [EntryKey(kind, str(i)) for i in range(3000) for kind in ("id", "link")]
    found = scene.stores.polls.known_entries("a", asked)
    assert len(found) == 2 * len(ids)
    assert found[EntryKey("link", "898")].id == ids[-1]


def test_a_same_entry_learns_keys_and_nothing_else(scene: Scene) -> None:
    (entry_id,) = scene.poll("a", new("x"))
    before = scene.stores.entries.get(entry_id)
    assert scene.poll("a", same(entry_id, EntryKey("link", "l")), now=NOW + HOUR) == []
    assert scene.stores.entries.get(entry_id) == before
    assert scene.stores.polls.known_entries("a", [EntryKey("link", "l")])[EntryKey("link", "l")].id == entry_id


def test_a_key_that_is_known_keeps_its_entry(scene: Scene) -> None:
    one, two = scene.poll("a", new("x"), new("y"))
    scene.poll("a", same(two, EntryKey("id", "x")))
    assert scene.stores.polls.known_entries("a", [EntryKey("id", "x")])[EntryKey("id", "x")].id == one


def test_a_revision_replaces_the_text_and_keeps_the_rest(scene: Scene) -> None:
    entry = parsed("Before", published_at=NOW - HOUR)
    (entry_id,) = scene.poll("a", new(entry=entry, sort_at=NOW - HOUR))
    scene.poll("a", revised(entry_id, 2, "After", keys=(EntryKey("hash", "h"),)), now=NOW + HOUR)
    stored = scene.stores.entries.get(entry_id)
    assert stored is not None
    assert (stored.title, stored.body, stored.revisions) == ("After", "Again.", 2)
    assert (stored.first_seen_at, stored.sort_at, stored.published_at) == (NOW, NOW - HOUR, NOW - HOUR)
    known = scene.stores.polls.known_entries("a", [EntryKey("hash", "h")])[EntryKey("hash", "h")]
    assert (known.id, known.revision, known.fingerprint) == (entry_id, 2, "print-After")
    assert scene.stores.upkeep.check(deep=True) == []


def test_two_revisions_of_one_entry_in_one_document_are_two(scene: Scene) -> None:
    (entry_id,) = scene.poll("a", new("one"))
    scene.poll("a", revised(entry_id, 2, "two"), revised(entry_id, 2, "three", matches=(match(),)))
    stored = scene.stores.entries.get(entry_id)
    assert stored is not None
    assert (stored.title, stored.revisions) == ("three", 3)
    assert reaches(scene.stores, entry_id) == [(3, "alert")]


def test_a_pruned_entry_leaves_its_keys_behind(scene: Scene) -> None:
    (entry_id,) = scene.poll("a", new("old", story=first(1, URL)))
    later = NOW + timedelta(days=90)
    assert prune(scene.stores, later, timedelta(days=30)) == {"entries": 1, "stories": 1}
    known = scene.stores.polls.known_entries("a", [EntryKey("id", "old")])
    assert known[EntryKey("id", "old")].id == 0
    assert scene.stores.polls.story_candidates([URL], NOW - HOUR) == []
    # What was decided before the prune and arrives after it changes nothing and fails nothing.
    late = [revised(entry_id, 2, "new", matches=(match(),)), same(entry_id, EntryKey("link", "l")), same(0)]
    ids = scene.poll("a", *late, new("fresh", story=joins(1, URL)), new("copy", story=joins(1, URL)), now=later)
    assert [e.id for e in scene.stores.entries.entries()] == ids
    assert len({e.story_id for e in scene.stores.entries.entries()}) == 1
    assert scene.stores.upkeep.check(deep=True) == []


# -- stories -------------------------------------------------------------------------------------------------------------


def test_drafts_are_shared_across_the_feeds_of_a_batch_and_not_beyond(scene: Scene) -> None:
    stores = scene.stores
    stores.feeds.claim_due(ME, 9, NOW)
    one = PollOutcome("a", poll(next_poll_at=NOW), (new("x", story=first(1)), new("y", story=first(2))))
    two = PollOutcome("b", poll(next_poll_at=NOW), (new("x", story=first(1)),))
    stored = stores.polls.commit_polls([one, two], ME, NOW)
    later = scene.poll("a", new("z", story=first(1)))
    story = {e.id: e.story_id for e in stores.entries.entries()}
    x, y = stored["a"]
    assert story[x] == story[stored["b"][0]] != story[y]
    assert story[later[0]] not in (story[x], story[y])
    found = list(stores.stories.list())
    assert [(s.title, len(s.entries)) for s in found] == [("x", 2), ("y", 1), ("z", 1)]


def test_an_entry_joins_a_stored_story(scene: Scene) -> None:
    lead = scene.entry("Lead")
    entry = scene.stores.entries.get(lead)
    assert entry is not None
    copy = scene.entry("Copy", feed="b", story=joins(entry.story_id))
    story = scene.stores.stories.get(entry.story_id)
    assert story is not None
    assert (story.title, story.first_seen_at, [e.id for e in story.entries]) == ("Lead", NOW, [lead, copy])


def test_a_mark_that_many_texts_have_finds_none(scene: Scene) -> None:
    rare, common = StoryKey("text", "0badcafe"), StoryKey("text", "feedbeef")
    for number in range(101):
        keys = (common, rare) if number == 100 else (common,)
        scene.poll("a", new(f"Entry {number}", story=first(number + 1, *keys)))
    found = scene.stores.polls.story_candidates([common, rare], NOW - HOUR)
    assert [c.key for c in found] == [rare]
    assert len(scene.stores.polls.last_texts("a")) == 12
    assert scene.stores.polls.last_texts("b") == []


def test_a_mark_of_one_story_finds_it_however_many_tell_it(scene: Scene) -> None:
    mark = StoryKey("text", "0badcafe")
    scene.entry("Lead", story=first(1, mark))
    story_id = next(scene.stores.entries.entries()).story_id
    scene.poll("b", *(new(f"Copy {number}", story=joins(story_id, mark)) for number in range(150)))
    assert [c.story_id for c in scene.stores.polls.story_candidates([mark], NOW - HOUR)] == [story_id]


def test_story_candidates_name_story_feeds_and_text(scene: Scene) -> None:
    lead = scene.entry("Lead", body="The text of the lead.", story=first(1, URL, TITLE))
    story_id = next(scene.stores.entries.entries()).story_id
    scene.entry("Copy", feed="b", body="Another text.", story=joins(story_id, URL), now=NOW + MINUTE)
    found = scene.stores.polls.story_candidates([URL, TITLE, StoryKey("title", "other")], NOW)
    assert {c.key: c.feed_ids for c in found} == {URL: {"a", "b"}, TITLE: {"a"}}
    assert {(c.story_id, c.seen_at, c.body) for c in found} == {(story_id, NOW, "The text of the lead.")}
    assert lead


def test_of_entries_seen_together_the_one_published_first_is_the_text_of_their_story(scene: Scene) -> None:
    scene.entry("Cut", feed="b", body="A part.", story=first(1, URL), sort_at=NOW)
    story_id = next(scene.stores.entries.entries()).story_id
    scene.entry("Report", body="The whole report.", story=joins(story_id, URL), sort_at=NOW - HOUR)
    scene.entry("Late", body="Another part.", story=joins(story_id, URL), sort_at=NOW - 2 * HOUR, now=NOW + MINUTE)
    (found,) = scene.stores.polls.story_candidates([URL], NOW - HOUR)
    assert found.body == "The whole report."


def test_a_mark_names_the_feeds_of_the_story_and_no_others(scene: Scene) -> None:
    mark = StoryKey("text", "0badcafe")
    scene.entry("Lead", story=first(1, mark))
    scene.entry("Other", feed="b", story=first(2, mark))
    found = scene.stores.polls.story_candidates([mark], NOW)
    assert [c.feed_ids for c in found] == [{"a"}, {"b"}]


def test_story_candidates_are_stories_first_seen_since(scene: Scene) -> None:
    scene.entry("Lead", story=first(1, URL))
    assert len(scene.stores.polls.story_candidates([URL], NOW)) == 1
    assert scene.stores.polls.story_candidates([URL], NOW + MINUTE) == []
    assert scene.stores.polls.story_candidates([], NOW) == []


def test_one_candidate_for_each_story_that_has_the_key(scene: Scene) -> None:
    scene.poll("a", new("x", story=first(1, TITLE)), new("y", story=first(2, TITLE)), new("z", story=first(2, TITLE)))
    found = scene.stores.polls.story_candidates([TITLE], NOW)
    assert len({c.story_id for c in found}) == len(found) == 2
    keys = [StoryKey("title", str(i)) for i in range(2000)]
    assert len(scene.stores.polls.story_candidates([*keys, TITLE], NOW)) == 2


# -- matches -------------------------------------------------------------------------------------------------------------


def test_a_match_comes_back_as_it_was_stored(scene: Scene) -> None:
    spans = (Span("title", 0, 4, "=ОДКБ", "csto"), Span("body", 5, 9, 'a"b'))
    entry_id = scene.entry("x", replace(match("csto", "digest"), spans=spans))
    (found,) = scene.stores.watch.matches()
    assert (found.watchlist_id, found.entry_id, found.revision, found.reach) == ("csto", entry_id, 1, "digest")
    assert (found.spans, found.matched_at) == (spans, NOW)


@pytest.mark.parametrize("reach", ["alert", "digest", "none"])
def test_a_revision_that_matches_again_reaches_nobody(scene: Scene, reach: str) -> None:
    entry_id = scene.entry("x", match("csto", reach))  # type: ignore[arg-type]
    scene.poll("a", revised(entry_id, 2, "y", matches=(match("csto"), match("energy"))), now=NOW + HOUR)
    assert sorted(reaches(scene.stores, entry_id)) == sorted([(1, reach), (2, "none"), (2, "alert")])
    (energy,) = scene.stores.watch.matches("energy")
    assert energy.reach == "alert", "what had not matched before is news"


def test_matches_are_listed_by_watchlist_entry_and_time(scene: Scene) -> None:
    one = scene.entry("x", match("csto"), match("energy"))
    two = scene.entry("y", match("csto"), now=NOW + HOUR)
    watch = scene.stores.watch
    assert [m.entry_id for m in watch.matches()] == [one, one, two]
    assert [m.entry_id for m in watch.matches("csto")] == [one, two]
    assert [m.watchlist_id for m in watch.matches(entry_id=one)] == ["csto", "energy"]
    assert [m.entry_id for m in watch.matches(since=NOW + HOUR)] == [two]
    assert watch.matches("energy", two) == []


def test_matches_of_stored_entries_are_added_once(scene: Scene) -> None:
    one, two = scene.entry("x", match("csto")), scene.entry("y")
    found = [(one, match("csto")), (two, match("csto", "digest")), (two, match("energy")), (999, match("csto"))]
    assert scene.stores.watch.add_matches(found, NOW) == 2
    assert scene.stores.watch.add_matches(found, NOW) == 0
    assert reaches(scene.stores, one) == [(1, "alert")]
    assert reaches(scene.stores, two) == [(1, "digest"), (1, "alert")]


def test_added_matches_name_the_current_revision(scene: Scene) -> None:
    entry_id = scene.entry("x")
    scene.poll("a", revised(entry_id, 2, "y"))
    scene.stores.watch.add_matches([(entry_id, match())], NOW)
    assert reaches(scene.stores, entry_id) == [(2, "alert")]


def test_watchlists_are_those_given(scene: Scene) -> None:
    watch = scene.stores.watch
    scene.entry("x", match("csto"))
    wanted = [Watchlist("energy", "ENERGY", "oil OR gas"), Watchlist("new", "New", "n")]
    report = watch.sync(wanted, NOW)
    assert (report.added, report.changed, report.removed) == (("new",), ("energy",), ("csto",))
    assert watch.list() == wanted
    assert len(watch.matches("csto")) == 1, "a removed watchlist keeps its matches"
    report = watch.sync(wanted, NOW)
    assert (report.added, report.changed, report.removed) == ((), (), ())
    assert watch.sync([*wanted, Watchlist("csto", "C", "c")], NOW).added == ("csto",)
    assert [w.id for w in watch.list()] == ["csto", "energy", "new"]


def numbered(stored: StoredChange, number: int) -> StoredChange:
    """At this place of its document."""
    assert isinstance(stored.change, NewEntry)
    return replace(stored, change=replace(stored.change, number=number))


def test_what_was_kept_of_a_document_comes_back_with_the_entries_it_made(scene: Scene) -> None:
    polls = scene.stores.polls
    assert polls.recall("a") is None
    for settled, titles in ((False, ("x", "y")), (True, ())):
        scene.stores.feeds.claim_due(ME, 1, NOW, ids=["a"])
        kept = Recall("head", settled, b"\x00\xff items")
        changes = [numbered(new(title), n) for n, title in enumerate(titles)]
        made = polls.commit_polls([PollOutcome("a", poll(NOW, next_poll_at=NOW), tuple(changes), recall=kept)], ME, NOW)
        assert polls.recall("a") == replace(kept, fresh=tuple(enumerate(made["a"])))
    assert polls.recall("b") is None


def test_every_match_is_read_in_portions_by_watchlist_and_time(scene: Scene) -> None:
    scene.poll("a", *(new(f"t{n}", matches=(match(), match("energy"))) for n in range(260)))
    scene.entry("later", match("energy"), now=NOW + HOUR)
    watch = scene.stores.watch
    every = list(watch.each_match())
    assert [m.id for m in every] == sorted(m.id for m in watch.matches())
    assert len(every) == 521
    assert list(watch.each_match("energy", NOW + HOUR)) == every[-1:]
    assert list(watch.each_match("none")) == []
