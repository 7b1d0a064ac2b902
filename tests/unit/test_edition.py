from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.digests import edition as editions
from aggregator.digests import excerpt
from aggregator.digests.messages import message_id, new_token
from aggregator.model import Entry, Match, Span, Story, Watchlist
from aggregator.publication import Checked, Digest, DigestSpec, Edition, EditionMatch, EditionStory, Schedule, Window

NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)
WATCHLISTS = {w.id: w for w in (Watchlist("csto", "CSTO", "@csto"), Watchlist("minsk", "Minsk", "Minsk"))}
SPEC = DigestSpec("morning", "Morning", ("csto", "minsk"), Schedule("at", "Europe/Minsk", (time(16),)))
CHECKED = Checked(10, 10)


def entry(
    n: int, feed: str = "belta", title: str = "Talks", body: str = "", article: str = "", *, hours: float = 1
) -> Entry:
    seen = NOW - timedelta(hours=hours)
    return Entry(
        id=n,
        feed_id=feed,
        feed_url=f"https://{feed}.example/rss",
        feed_title=feed.upper(),
        guid=f"g{n}",
        link=f"https://{feed}.example/{n}",
        title=title,
        summary="",
        content="",
        body=body,
        article=article,
        author="",
        categories=(),
        language="en",
        published_at=seen,
        updated_at=None,
        sort_at=seen,
        first_seen_at=seen,
        revisions=1,
        story_id=0,
    )


def story(n: int, *entries: Entry) -> Story:
    return Story(n, entries[0].title, entries[0].first_seen_at, entries)


def match(
    n: int, of: Entry, in_story: Story, watchlist: str = "csto", words: str = "CSTO|ОДКБ", **more: object
) -> EditionMatch:
    spans = tuple(
        Span(field, found.start(), found.end(), f"={found[0]}", "csto" if watchlist == "csto" else "")
        for field in ("title", "body", "article")
        for found in re.finditer(words, getattr(of, field))
    )
    made = Match(n, watchlist, of.id, int(str(more.get("revision", 1))), spans, "alert", NOW)
    return EditionMatch(made, of, in_story, "title" if more.get("told") else "")


def compose(*waiting: EditionMatch, kind: str = "digest", window: Window = DAY, threshold: str = "any") -> Edition:
    digest = Digest(SPEC, window.start, window.end)
    return editions.compose(digest, window, waiting, WATCHLISTS, CHECKED, NOW, kind=kind, threshold=threshold)  # type: ignore[arg-type]


def only(edition: Edition) -> EditionStory:
    assert len(edition.stories) == 1
    return edition.stories[0]


def marked(text: str, marks: Sequence[tuple[int, int]]) -> list[str]:
    return [text[a:b] for a, b in marks]


# -- what belongs in it ----------------------------------------------------------------------------------------------


def test_copies_of_a_story_are_told_once_with_every_outlet_once() -> None:
    a, b, c = entry(1, "belta", "CSTO meets"), entry(2, "wire", "CSTO meets"), entry(3, "belta", "CSTO meets again")
    silent = entry(4, "sentinel", "Bloc meets")
    tale = story(1, a, b, c, silent)
    shown = only(compose(match(1, a, tale), match(2, b, tale), match(3, c, tale)))
    assert [outlet.feed_id for outlet in shown.outlets] == ["belta", "wire", "sentinel"]
    assert [outlet.entry_id for outlet in shown.outlets] == [1, 2, 4]


def test_a_story_of_two_watchlists_stands_once_with_both() -> None:
    a = entry(1, title="CSTO in Minsk")
    edition = compose(match(2, a, story(1, a), "minsk", "Minsk"), match(1, a, story(1, a)))
    assert only(edition).watchlist_ids == ("csto", "minsk")
    assert only(edition).watchlist_titles == ("CSTO", "Minsk")
    assert edition.entries == 1
    assert marked(only(edition).headline, only(edition).headline_marks) == ["CSTO", "Minsk"]


def test_the_matched_entry_speaks_although_another_was_first() -> None:
    lead, matched = entry(1, "belta", "Bloc meets"), entry(2, "wire", "CSTO meets")
    shown = only(compose(match(1, matched, story(1, lead, matched))))
    assert (shown.headline, shown.link) == ("CSTO meets", matched.link)
    assert [outlet.feed_id for outlet in shown.outlets] == ["wire", "belta"]


def order(*told: tuple[Entry, ...]) -> list[int]:
    """The stories of an edition in their order, each with the entries that told it, by the id of its first entry."""
    tales = [story(entries[0].id, *entries) for entries in told]
    waiting = [match(e.id, e, tale) for tale in tales for e in tale.entries]
    shown = compose(*waiting)
    assert shown == compose(*reversed(waiting))
    return [s.story_id for s in shown.stories]


DEEP = "Many words come before it. " * 12 + "CSTO"


def test_a_headline_of_one_outlet_stands_before_a_passing_mention_of_ten() -> None:
    wide = tuple(entry(n, f"feed{n}", "Weather", DEEP) for n in range(10, 20))
    lead = (entry(2, title="Talks", body="CSTO met."),)
    assert order(wide, lead, (entry(1, title="CSTO", hours=9),)) == [1, 2, 10]


def test_among_equally_prominent_stories_most_outlets_first_then_the_clearer_then_the_latest() -> None:
    two = (entry(1, title="CSTO and many other things of this week", hours=9), entry(2, "wire", "CSTO, briefly"))
    clear, old, new = (
        entry(3, title="CSTO meets", hours=8),
        entry(4, body="CSTO", hours=7),
        entry(5, body="CSTO", hours=2),
    )
    assert order((old,), (new,), (clear,), (entry(6, title="CSTO, grain and weather", hours=1),), two) == [
        1,
        3,
        6,
        5,
        4,
    ]


def test_a_story_is_as_prominent_as_its_best_entry() -> None:
    passing, titled = entry(1, title="Talks", body=DEEP), entry(2, "wire", "CSTO meets")
    tale = story(1, passing, titled)
    assert only(compose(match(1, passing, tale))).prominence.level == "mention"
    assert only(compose(match(1, passing, tale), match(2, titled, tale))).prominence.level == "title"


def test_the_first_entry_that_reaches_the_threshold_speaks_for_its_story() -> None:
    passing, titled = entry(1, title="Talks", body=DEEP), entry(2, "wire", "CSTO meets")
    tale = story(1, passing, titled)
    waiting = match(1, passing, tale), match(2, titled, tale)
    assert [only(compose(*waiting, threshold=t)).headline for t in ("any", "title")] == ["Talks", "CSTO meets"]


def test_a_threshold_leaves_out_what_is_below_it_and_says_so() -> None:
    titled, led, deep = entry(1, title="CSTO meets"), entry(2, body="CSTO met."), entry(3, body=DEEP)
    waiting = [match(e.id, e, story(e.id, e)) for e in (titled, led, deep)]
    for threshold, held in (("any", [1, 2, 3]), ("lead", [1, 2]), ("title", [1])):
        shown = compose(*waiting, threshold=threshold)
        assert [s.story_id for s in shown.stories] == held
        assert (shown.entries, shown.prominence) == (len(held), threshold)
        assert editions.held(waiting, threshold) == dict.fromkeys(held, True)  # type: ignore[arg-type]


def test_an_edition_of_another_threshold_than_its_digests_has_a_name_of_its_own() -> None:
    a = entry(1, title="CSTO")
    waiting = match(7, a, story(1, a))
    keys = {compose(waiting, threshold=t).key for t in ("any", "lead", "title")}
    assert keys == {f"2023-02-02T16:00+03:00{end}" for end in ("", "-lead", "-title")}
    alert = compose(waiting, kind="alert", window=Window(NOW, NOW), threshold="title")
    assert alert.key.endswith("Z-match-7-title")


@pytest.mark.parametrize(
    ("told", "title", "any_threshold", "strict"),
    [
        ("", "CSTO meets", "news", "news"),
        ("", "Talks", "news", "below"),
        ("mention", "CSTO meets", "told", "news"),
        ("lead", "CSTO meets", "told", "news"),
        ("title", "CSTO meets", "told", "told"),
        ("title", "Talks", "told", "told"),
        ("mention", "Talks", "told", "below"),
    ],
)
def test_a_copy_is_news_to_those_whose_threshold_the_story_had_not_reached(
    told: str, title: str, any_threshold: str, strict: str
) -> None:
    first, copy = entry(1, "belta", "CSTO, long ago"), entry(2, "wire", title, DEEP)
    waiting = [replace(match(2, copy, story(1, first, copy)), told=told)]  # type: ignore[arg-type]
    for threshold, wanted in (("any", any_threshold), ("title", strict)):
        shown = compose(*waiting, threshold=threshold)
        assert (len(shown.stories), len(shown.continued)) == (int(wanted == "news"), int(wanted == "told"))


def test_the_cap_counts_what_it_leaves_out() -> None:
    entries = [entry(n, title=f"CSTO {n}") for n in range(1, 38)]
    waiting = [match(e.id, e, story(e.id, e)) for e in entries]
    digest = Digest(SPEC, DAY.start, DAY.end)
    edition = editions.compose(digest, DAY, waiting, WATCHLISTS, CHECKED, NOW, kind="digest", cap=30)
    assert (len(edition.stories), edition.more, edition.entries) == (30, 7, 37)


def test_a_story_told_earlier_is_continued_with_the_outlets_that_came_since() -> None:
    first, later = entry(1, "belta", "CSTO meets"), entry(2, "wire", "Meeting of CSTO")
    edition = compose(match(2, later, story(1, first, later), told=True))
    assert edition.stories == ()
    (again,) = edition.continued
    assert again.continued
    assert (again.headline, again.link) == ("CSTO meets", first.link)
    assert [outlet.feed_id for outlet in again.outlets] == ["wire"]
    assert edition.entries == 0


def test_an_outlet_that_came_after_the_window_is_left_to_the_next_edition() -> None:
    first, later = entry(1, "belta", "CSTO meets"), entry(2, "wire", "Meeting of CSTO", hours=0)
    waiting = match(1, first, story(1, first, later))
    assert [outlet.feed_id for outlet in only(compose(waiting)).outlets] == ["belta"]
    assert [outlet.feed_id for outlet in only(compose(waiting, kind="alert")).outlets] == ["belta", "wire"]


def test_the_key_is_the_windows_end_and_of_an_alert_its_first_match() -> None:
    a, b = entry(1, title="CSTO"), entry(2, title="CSTO")
    waiting = [match(9, a, story(1, a)), match(7, b, story(2, b))]
    assert compose(*waiting).key == "2023-02-02T16:00+03:00"
    assert compose(*waiting, kind="alert", window=Window(NOW, NOW)).key == f"{NOW:%Y%m%dT%H%M%S}Z-match-7"


def test_the_order_of_waiting_matches_changes_nothing() -> None:
    entries = [entry(n, f"feed{n % 4}", f"CSTO {n % 5}", hours=n) for n in range(1, 12)]
    tales = {n: story(n, *(e for e in entries if e.id % 3 == n)) for n in range(3)}
    waiting = [match(e.id, e, tales[e.id % 3]) for e in entries]
    assert compose(*waiting) == compose(*reversed(waiting))


def test_an_empty_edition_still_says_what_it_covers() -> None:
    edition = compose()
    assert (edition.stories, edition.continued, edition.entries, edition.more) == ((), (), 0, 0)
    assert edition.queries == (("CSTO", "@csto"), ("Minsk", "Minsk"))


def test_of_two_revisions_the_later_one_is_shown() -> None:
    now = entry(1, title="Talks of the CSTO")
    before = replace(match(1, now, story(1, now)).match, spans=(Span("title", 0, 4, "=CSTO", "csto"),))
    waiting = [match(2, now, story(1, now), revision=2), EditionMatch(before, now, story(1, now), told="")]
    shown = only(compose(*waiting))
    assert marked(shown.headline, shown.headline_marks) == ["CSTO"]


def test_spans_beyond_a_text_that_was_shortened_hurt_nobody() -> None:
    now = entry(1, title="Talks", body="Short.")
    stale = Match(1, "csto", 1, 1, (Span("body", 900, 904, "=CSTO"), Span("title", 3, 99, "=CSTO")), "alert", NOW)
    shown = only(compose(EditionMatch(stale, now, story(1, now), told="")))
    assert (shown.headline, shown.excerpt.text, shown.excerpt.marks) == ("Talks", "Short.", ())


# -- why, headline, excerpt ------------------------------------------------------------------------------------------


def test_why_names_word_place_and_alias() -> None:
    a = entry(1, title="Саммит ОДКБ", body="ОДКБ and CSTO met.", article="The CSTO again")
    assert only(compose(match(1, a, story(1, a)))).why == (
        "“ОДКБ” in the title and the text (alias @csto)",
        "“CSTO” in the text and the article page (alias @csto)",
    )
    b = entry(2, article="nothing but Minsk here")
    assert only(compose(match(1, b, story(1, b), "minsk", "Minsk"))).why == ("“Minsk” in the article page",)


def test_why_says_where_a_word_is_only_named_in_passing() -> None:
    a, b = entry(1, body=DEEP), entry(2, title="CSTO meets", body=DEEP)
    assert only(compose(match(1, a, story(1, a)))).why == ("“CSTO” in the text, further down (alias @csto)",)
    assert only(compose(match(1, b, story(1, b)))).why == ("“CSTO” in the title and the text (alias @csto)",)


def test_words_that_only_another_outlet_has_name_it() -> None:
    a, b = entry(1, title="CSTO meets"), entry(2, "wire", "ОДКБ")
    tale = story(1, a, b)
    assert only(compose(match(1, a, tale), match(2, b, tale))).why[1] == "“ОДКБ” at WIRE"


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    a = entry(1, title="", body="The CSTO " + "met and talked " * 20)
    shown = only(compose(match(1, a, story(1, a))))
    assert shown.headline.startswith("The CSTO met and talked")
    assert shown.headline.endswith("…")
    assert len(shown.headline) <= 80


def test_the_excerpt_is_the_sentences_around_the_first_match() -> None:
    body = (
        "Long before. " * 40
        + "Ministers met on Monday. The CSTO council heard A. Ivanov.\n\nThen came lunch. "
        + "After. " * 90
    )
    a = entry(1, body=body)
    text = only(compose(match(1, a, story(1, a)))).excerpt
    assert "The CSTO council heard A. Ivanov. Then came lunch." in text.text
    assert marked(text.text, text.marks) == ["CSTO"]


def test_a_match_in_the_title_alone_shows_how_the_text_begins() -> None:
    a = entry(1, title="CSTO meets", body="CSTO meets\nMinisters gathered. They talked.")
    b = entry(2, title="CSTO meets", body="Ministers gathered. They talked.")
    title_only = Match(1, "csto", 2, 1, (Span("title", 0, 4, "=CSTO", "csto"),), "alert", NOW)
    shown = only(compose(EditionMatch(title_only, b, story(1, b), told="")))
    assert (shown.excerpt.text, shown.excerpt.marks) == ("Ministers gathered. They talked.", ())
    shown = only(compose(EditionMatch(replace(title_only, entry_id=1), a, story(1, a), told="")))
    assert shown.excerpt.text == "Ministers gathered. They talked."


def test_a_match_in_the_article_page_shows_that_page() -> None:
    a = entry(1, body="A bridge was opened.", article="Speeches were held. The CSTO was named once. Then rain came.")
    text = only(compose(match(1, a, story(1, a)))).excerpt
    assert (text.field, marked(text.text, text.marks)) == ("article", ["CSTO"])


@pytest.mark.parametrize("word", ["слово ", "x", "会议", "a. ", "\n", "Dr. X "])
@pytest.mark.parametrize("before", [0, 1, 50, 5000])
def test_an_excerpt_of_any_text_is_short_and_keeps_the_mark(word: str, before: int) -> None:
    text = word * before + "ОДКБ" + word * 5000
    made = excerpt.around(text, [(len(word) * before, len(word) * before + 4)])
    assert marked(made.text, made.marks) == ["ОДКБ"]
    assert len(made.text) <= excerpt.LENGTH + 10


TEXT = st.text(st.sampled_from("ab Яз.!?… \n\t\x07\u202e\u200f«»会。é\U0001f600"), max_size=700)


@settings(deadline=None)
@given(TEXT, st.lists(st.tuples(st.integers(0, 700), st.integers(0, 30)), max_size=5))
def test_marks_always_stand_on_the_text_they_stood_on(text: str, pairs: list[tuple[int, int]]) -> None:
    marks = [(a, a + n) for a, n in pairs]
    made = excerpt.around(text, marks)
    originals = {excerpt.squeeze(text[a:b])[0] for a, b in marks if a < b <= len(text)}
    for piece in marked(made.text, made.marks):
        assert any(excerpt.squeeze(piece)[0] in original or original in piece for original in originals)
    assert "\n" not in made.text
    assert "\u202e" not in made.text
    assert all(a < b <= len(made.text) for a, b in made.marks)
    assert all(left[1] <= right[0] for left, right in zip(made.marks, made.marks[1:], strict=False))


# -- what differs between recipients ---------------------------------------------------------------------------------


def test_a_token_is_26_letters_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(re.fullmatch(r"[a-z2-7]{26}", token) for token in tokens)


def test_a_message_id_is_derived_and_does_not_tell_the_address() -> None:
    a = entry(1, title="CSTO")
    edition = compose(match(1, a, story(1, a)))
    made = message_id(b"secret", edition, 5, "desk@example.org", "news.example")
    assert made == message_id(b"secret", edition, 5, "desk@example.org", "news.example")
    assert re.fullmatch(r"<digest\.[a-z2-7]{32}@news\.example>", made)
    others = {
        message_id(b"other", edition, 5, "desk@example.org", "news.example"),
        message_id(b"secret", edition, 6, "desk@example.org", "news.example"),
        message_id(b"secret", replace(edition, key="2023-02-03T16:00"), 5, "desk@example.org", "news.example"),
        message_id(b"secret", edition, 5, "news@example.org", "news.example"),
    }
    assert len({made, *others}) == 5
