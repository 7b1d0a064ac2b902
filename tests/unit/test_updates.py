"""What is worth telling again of a story that was told, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.digests import edition as editions
from aggregator.digests import updates
from aggregator.levels import Level
from aggregator.model import Entry, Match, Revised, Span, Watchlist
from aggregator.publication import Checked, Digest, DigestSpec, Edition, EditionMatch, Schedule, Window
from tests.unit.test_edition import entry, match, story

NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)
WATCHLISTS = {w.id: w for w in (Watchlist("csto", "CSTO", "@csto"), Watchlist("minsk", "Minsk", "Minsk"))}
DIGEST = Digest(DigestSpec("morning", "Morning", ("csto", "minsk"), Schedule("hourly")), DAY.start, NOW)
TEXT = "Ministers of the alliance met on Monday and spoke of water, grain and the two roads that lead to the mountains."


def revised(now: Entry, title: str, body: str, told: Level = "title") -> Revised:
    spans = (Span("title", 0, 4, "=CSTO", "csto"),) if now.title.startswith("CSTO") else ()
    return Revised(now, (Match(1, "csto", now.id, 1, spans, "alert", NOW),), title, body, told)


def compose(*changes: Revised, waiting: tuple[EditionMatch, ...] = (), threshold: str = "any") -> Edition:
    checked = Checked(1, 1)
    return editions.compose(
        DIGEST, DAY, waiting, WATCHLISTS, checked, NOW, kind="digest", threshold=threshold, revised=changes  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("title", "body", "news"),
    [
        ("CSTO meets", TEXT, False),
        ("CSTO meets!", TEXT.replace(",", ";").upper(), False),
        ("CSTO meets in Minsk", TEXT, True),
        ("CSTO meets", TEXT.replace("two roads", "three roads"), False),
        ("CSTO meets", TEXT + " Then the prime minister left the hall and nobody would say why it was so.", True),
        ("CSTO meets", "", True),
        ("CSTO meets", TEXT * 20 + " Two more sentences stand here. They say little of it all.", True),
    ],
)
def test_a_corrected_comma_is_not_news(title: str, body: str, *, news: bool) -> None:
    change = revised(entry(1, title=title, body=body), "CSTO meets", TEXT)
    assert updates.is_news(change) is news


def test_a_long_text_needs_more_than_a_sentence() -> None:
    long = " ".join(f"word{n}" for n in range(400))
    more = long + " " + " ".join(f"other{n}" for n in range(40))
    much = long + " " + " ".join(f"other{n}" for n in range(120))
    told = [updates.is_news(revised(entry(1, title="CSTO", body=body), "CSTO", long)) for body in (more, much)]
    assert told == [False, True]


def test_an_update_shows_what_stands_now_and_the_headline_it_was_told_under() -> None:
    now = replace(entry(1, title="CSTO meets in Minsk, not in Brest", body=TEXT), story_id=7)
    (told,) = compose(revised(now, "CSTO meets in Brest", TEXT)).updated
    assert (told.before, told.story.headline, told.story.story_id) == ("CSTO meets in Brest", now.title, 7)
    assert told.story.headline_marks == ((0, 4),)
    assert [outlet.feed_id for outlet in told.story.outlets] == ["belta"]
    assert told.story.watchlist_ids == ("csto",)


def test_a_story_changed_by_two_outlets_is_updated_once() -> None:
    one, two = (replace(entry(n, feed, "CSTO moves"), story_id=7) for n, feed in ((1, "belta"), (2, "wire")))
    (told,) = compose(revised(two, "CSTO", ""), revised(one, "CSTO", "")).updated
    assert told.story.outlets[0].feed_id == "belta"


def test_what_is_news_now_is_not_updated_too() -> None:
    now = replace(entry(1, title="CSTO moves"), story_id=1)
    fresh = match(1, now, story(1, now))
    assert compose(revised(now, "CSTO", ""), waiting=(fresh,)).updated == ()


def test_readers_who_were_not_told_are_told_of_no_update() -> None:
    now = replace(entry(1, title="CSTO moves"), story_id=7)
    change = revised(now, "CSTO", "", told="lead")
    assert [len(compose(change, threshold=t).updated) for t in ("any", "lead", "title")] == [1, 1, 0]


def test_a_revision_of_what_was_told_is_no_other_outlet() -> None:
    now = replace(entry(1, title="CSTO, meets"), story_id=1)
    again = match(2, now, story(1, now), revision=2, told=True)
    edition = compose(revised(now, "CSTO meets", ""), waiting=(again,))
    assert (edition.continued, edition.updated, edition.stories) == ((), (), ())


def test_an_edition_counts_the_feeds_of_its_stories() -> None:
    a, b, c = entry(1, "belta", "CSTO"), entry(2, "wire", "CSTO"), entry(3, "wire", "CSTO again")
    edition = compose(waiting=(match(1, a, story(1, a, b)), match(2, b, story(1, a, b)), match(3, c, story(3, c))))
    assert (len(edition.stories), edition.entries, edition.feeds) == (2, 3, 2)
