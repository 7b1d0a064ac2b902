"""Which entries tell one story: the rules, their limits, and that a batch decides as if it came one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import ParsedEntry, StoryCandidate, StoryChoice, StoryKey
from aggregator.stories import assign, shingles

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TITLE = "CSTO council names priorities in Minsk"
TEXT = "The council met in Minsk on Thursday and named three priorities of the Belarusian chairmanship for the year."
COPY = "MINSK, Feb 2. The council met in Minsk on Thursday and named three priorities of the Belarusian chairmanship."
OTHER = "Heavy snow closed four mountain roads in the north; drivers were asked to wait until Friday morning at least."

New = tuple[str, ParsedEntry, datetime]


def new(feed: str, title: str = TITLE, link: str = "", body: str = TEXT, when: datetime = NOON) -> New:
    return feed, ParsedEntry(guid="", link=link, title=title, body=body), when


def stored(
    number: int, feeds: set[str], key: StoryKey, body: str = TEXT, seen_at: datetime = NOON - HOUR
) -> StoryCandidate:
    return StoryCandidate(number, key, frozenset(feeds), seen_at, body)


def title_key(title: str = TITLE) -> StoryKey:
    return next(k for k in assign.keys(new("a", title)[1], text=False) if k.kind == "title")


def one(entry: New, *candidates: StoryCandidate) -> StoryChoice:
    return assign.assign([entry], candidates)[0]


def stories(*entries: New) -> list[int]:
    return [choice.draft for choice in assign.assign(entries, [])]


@pytest.mark.parametrize(
    "title",
    [
        "UPDATE 2 - CSTO council names priorities in Minsk",
        "UPDATE 1-CSTO council names priorities in Minsk",
        "BREAKING: CSTO council names priorities in Minsk",
        "Corrected: Update: csto council names priorities in Minsk",
        "CSTO council names priorities in Minsk - BelTA News",
        "CSTO council names priorities in Minsk | BelTA, Belarus",
        "CSTO council names priorities in Minsk — Reform.news",
        "«CSTO» council names priorities, in Minsk!",
    ],
)
def test_a_headline_is_compared_without_its_trimmings(title: str) -> None:
    assert title_key(title) == title_key()


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Срочно: Совет ОДКБ собрался в Минске", "Совет ОДКБ собрался в Минске"),
        ("Дапоўнена. Савет АДКБ сабраўся ў Мінску", "Савет АДКБ сабраўся ў Мінску"),
        ("МОЛНИЯ! Совет ОДКБ собрался в Минске", "Совет ОДКБ собрался в Минске"),
    ],
)
def test_prefixes_in_our_languages(title: str, bare: str) -> None:
    assert title_key(title) == title_key(bare)


def test_one_word_makes_another_headline() -> None:
    assert title_key("Council approves the plan for Minsk") != title_key("Council rejects the plan for Minsk")
    assert title_key("Council votes on plan - approves") != title_key("Council votes on plan - rejects")


def test_short_titles_and_no_links_are_no_keys() -> None:
    assert assign.keys(new("a", "Daily briefing")[1], text=False) == ()
    assert assign.keys(new("a", "Weather", "https://www.x.by/a/?utm_source=q")[1], text=False) == (
        StoryKey("url", "x.by/a"),
    )


def test_the_same_address_in_another_feed_joins() -> None:
    choice = one(new("b", "Other words", "http://x.by/1"), stored(7, {"a"}, StoryKey("url", "x.by/1"), OTHER))
    assert (choice.story_id, choice.draft, choice.reason, choice.score) == (7, 0, "url", 1.0)


def test_the_same_address_in_the_same_feed_does_not() -> None:
    assert one(new("a", "Other", "http://x.by/"), stored(7, {"a"}, StoryKey("url", "x.by"))).reason == "first"


def test_a_headline_joins_over_a_like_text_and_not_over_another() -> None:
    joined = one(new("b", body=COPY), stored(7, {"a"}, title_key()))
    assert (joined.story_id, joined.reason) == (7, "title")
    assert joined.score >= 0.3
    assert one(new("b", body=OTHER), stored(7, {"a"}, title_key())).reason == "first"


@pytest.mark.parametrize(("mine", "theirs"), [("", TEXT), (TEXT, ""), ("", "")])
def test_a_headline_without_a_text_joins_alone(mine: str, theirs: str) -> None:
    choice = one(new("b", body=mine), stored(7, {"a"}, title_key(), theirs))
    assert (choice.story_id, choice.reason, choice.score) == (7, "title", assign.TITLE_ALONE)


def test_a_headline_that_recurs_in_its_feed_never_joins_alone() -> None:
    mine = stored(7, {"a"}, title_key(), "")
    theirs = stored(8, {"b"}, title_key(), "")
    assert one(new("a", body=""), mine).reason == "first"
    assert one(new("a", body=""), mine, theirs).reason == "first"
    assert one(new("a", body=OTHER), stored(7, {"a"}, title_key(), TEXT)).reason == "first"


def test_a_moved_item_of_one_feed_stays_one_story() -> None:
    assert one(new("a"), stored(7, {"a"}, title_key())).story_id == 7


def test_the_window_is_72_hours_either_way() -> None:
    for far in (-73 * HOUR, 73 * HOUR):
        assert one(new("b"), stored(7, {"a"}, title_key(), seen_at=NOON + far)).reason == "first"
    assert one(new("b"), stored(7, {"a"}, title_key(), seen_at=NOON - 72 * HOUR)).story_id == 7


def test_the_better_text_wins_and_then_the_older_story() -> None:
    like, same = stored(5, {"a"}, title_key(), COPY), stored(9, {"c"}, title_key(), TEXT)
    assert one(new("b"), like, same).story_id == 9
    twins = [stored(9, {"a"}, title_key()), stored(5, {"c"}, title_key())]
    assert one(new("b"), *twins).story_id == 5


def test_entries_of_one_batch_find_each_other() -> None:
    batch = [
        new("a", link="https://a.by/1"),
        new("b", link="https://b.by/1", body=COPY),
        new("c", "Written anew under the same address", "https://b.by/1?utm_source=c", OTHER),
        new("d", "Snow closes four roads up north", "https://d.by/2", OTHER),
    ]
    assert stories(*batch) == [1, 1, 1, 2]


def test_later_copies_join_a_stored_story_through_new_keys() -> None:
    batch = [new("b", link="https://b.by/1", body=COPY), new("c", "Other words for it all", "https://b.by/1", OTHER)]
    choices = assign.assign(batch, [stored(7, {"a"}, title_key())])
    assert [(c.story_id, c.reason) for c in choices] == [(7, "title"), (7, "url")]


def test_a_site_whose_items_all_link_home_keeps_its_stories_apart() -> None:
    batch = [new("a", f"Headline number {n} of the day", "https://a.by/", f"{n} {TEXT}") for n in range(3)]
    assert stories(*batch) == [1, 2, 3]


def test_choices_carry_all_keys() -> None:
    choice = one(new("a", link="https://a.by/1"))
    assert list(dict.fromkeys(k.kind for k in choice.keys)) == ["url", "title", "text"]
    assert (choice.reason, choice.score, choice.draft) == ("first", 0.0, 1)


LONG = (
    "The council met in Minsk on Thursday and named three priorities of the Belarusian chairmanship for the year. Ministers spoke of "
    "peacekeeping, of joint training and of the fight against smuggling across the southern border. A date for the summit in the autumn "
    "was left open, though delegates said that the capital would host it."
)
RATES = "The National Bank set the official rates for {day} February: {usd} roubles for a dollar, {eur} for a euro, {rub} for a hundred Russian roubles and {yuan} for ten yuan."


def copied(one: str, other: str, titles: tuple[str, str] = ("Minsk council ends", "Chairmanship plans told")) -> str:
    batch = [new("a", titles[0], body=one), new("b", titles[1], body=other, when=NOON + HOUR)]
    choices = assign.assign(batch, [])
    assert (choices[0].draft == choices[1].draft) is (choices[1].reason != "first")
    return choices[1].reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG),
        (LONG, TEXT),
        (TEXT, LONG),
        (LONG, "Our correspondent reports from the capital this evening. " + LONG),
        (LONG, LONG.partition("Ministers")[2]),
        (LONG, LONG.replace("Thursday", "Friday").replace("three", "3")),
    ],
)
def test_a_copy_under_another_headline_is_the_same_story(one: str, other: str) -> None:
    assert copied(one, other) == "text"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, OTHER),
        (LONG, ""),
        ("Council approves the budget of the year", "Council approves the budget of the year"),
        (
            RATES.format(day=2, usd="2.6421", eur="2.8831", rub="3.7112", yuan="3.9177"),
            RATES.format(day=3, usd="2.6518", eur="2.8907", rub="3.7240", yuan="3.9316"),
        ),
    ],
)
def test_other_words_few_words_or_other_numbers_are_another_story(one: str, other: str) -> None:
    assert copied(one, other) == "first"


def test_the_same_headline_over_other_numbers_is_another_story() -> None:
    one = RATES.format(day=2, usd="2.6421", eur="2.8831", rub="3.7112", yuan="3.9177")
    other = RATES.format(day=3, usd="2.6518", eur="2.8907", rub="3.7240", yuan="3.9316")
    assert copied(one, other, (TITLE, TITLE)) == "first"


def test_one_number_in_the_last_line_is_no_other_story() -> None:
    assert copied(f"{LONG} Photo 3", f"{LONG} © 2026", (TITLE, TITLE)) == "title"
    assert copied(f"{LONG} Photo 3", f"{LONG} © 2026") == "text"


def test_a_form_that_many_stories_fill_is_no_evidence_for_another() -> None:
    batch = [
        new(f"f{n}", f"Notice {n} of the office", body=f"{' '.join(f'w{n}x{i}' for i in range(60))} {LONG}")
        for n in range(assign.MOST_MARKED + 5)
    ]
    assert len({c.draft for c in assign.assign(batch, [])}) == len(batch)


def test_what_a_feed_always_says_is_no_evidence() -> None:
    lines = (
        "Follow our channel for the latest news of the region and write to the editors at any hour of the day or night"
    )
    ends = ["Bridge closed until spring.", "New school opens in the east.", "Harvest is late this year again."]
    batch = [
        new("a", "Bridge", body=f"{ends[0]} {lines}"),
        new("b", "School", body=f"{ends[1]} {lines}", when=NOON + HOUR),
    ]
    assert [c.reason for c in assign.assign(batch, [])] == ["first", "text"]
    said = {"a": [f"{end} {lines}" for end in ends]}
    assert [c.reason for c in assign.assign(batch, [], texts=lambda feed: said.get(feed, []))] == ["first", "first"]


def test_what_a_feed_puts_up_again_is_no_habit() -> None:
    agency = [
        new("a", body=LONG),
        new("a", f"UPDATE 1 - {TITLE}", body=f"{LONG} More later.", when=NOON + HOUR),
        new("a", f"UPDATE 2 - {TITLE}", body=f"{LONG} More was told later.", when=NOON + 2 * HOUR),
    ]
    paper = new("b", "Chairmanship plans told at last", body=LONG, when=NOON + 3 * HOUR)
    batch = [*agency, paper]
    assert {c.draft for c in assign.assign(batch, [], texts=assign.said(batch, lambda _: ()))} == {1}


def test_an_update_of_a_feed_s_own_joins_though_another_was_first() -> None:
    batch = [
        new(
            "paper",
            body=f"Menu News Sport Weather Contact. {LONG} Subscribe to our letter and read it on the way to work.",
        ),
        new("agency", body=f"{LONG} A third meeting is planned for the spring.", when=NOON + HOUR),
        new(
            "agency",
            f"UPDATE 1 - {TITLE}",
            body=f"{LONG} A third meeting is planned for the spring. More later.",
            when=NOON + 2 * HOUR,
        ),
        new("agency", "UPDATE 1 - " + TITLE, body=OTHER, when=NOON + 3 * HOUR),
    ]
    assert stories(*batch) == [1, 1, 1, 2]


def test_half_of_many_numbers_may_agree_by_chance() -> None:
    quake = (
        "An earthquake of magnitude 5.2 was felt at night {far} km from {town}, the seismologists said. It lay at a depth of 10 km. In "
        "{villages} villages people went out into the streets. Nobody was hurt, said the ministry, which has sent its people to the region."
    )
    one = quake.format(far=34, town="Novley", villages=12)
    other = quake.format(far=81, town="Garzelford", villages=55)
    assert copied(one, other) == "first"
    assert copied(one, one.replace("12 villages", "15 villages")) == "text"


def test_feeds_that_say_the_same_of_everything_keep_their_news_apart() -> None:
    line = "Read the full story on our site, where you will also find pictures, comments and much more about it."
    batch = [
        new(feed, f"Headline {n} of the {feed} page", body=line) for feed in ("politics", "economy") for n in range(4)
    ]
    texts = assign.said(batch, lambda _: ())
    assert [c.draft for c in assign.assign(batch, [], texts=texts)] == list(range(1, 9))
    assert [c.draft for c in assign.assign(batch[:4], [])] == [1, 2, 3, 4]


def test_what_is_said_is_that_of_the_batch_and_that_of_the_store() -> None:
    texts = assign.said([new("a", body="one"), new("b", body="two")], lambda feed: [f"stored {feed}"])
    assert (*texts("a"), *texts("c")) == ("one", "stored a", "stored c")


def test_a_background_that_both_end_with_is_no_evidence() -> None:
    ends = "The bloc was founded in 1992 and has six members, who hold joint exercises each autumn and meet twice a year in one of the capitals."
    one = f"Ministers agreed on a plan for the border in Dushanbe late on Monday. {ends}"
    other = f"A new head of staff was named in Yerevan after weeks of quarrels. {ends}"
    assert copied(one, other) == "first"
    assert copied(one, one.replace("late on Monday", "on Monday")) == "text"


def test_what_is_older_than_the_window_is_not_compared_by_its_text() -> None:
    batch = [new("a", "Minsk council ends", body=LONG), new("b", "Chairmanship plans told", body=LONG)]
    choices = assign.assign(batch, [], since=NOON + HOUR)
    assert [c.reason for c in choices] == ["first", "first"]
    assert {k.kind for c in choices for k in c.keys} == {"title"} - {"title"}


@given(st.lists(st.sampled_from("abcdefghij"), min_size=10, max_size=400), st.integers(0, 300))
def test_copies_share_marks(words: list[str], cut: int) -> None:
    whole = shingles.marks(words)
    assert len(whole) <= shingles.MARKS
    assert len(set(whole)) == len(whole)
    head = shingles.marks(words[: 10 + cut])
    assert set(head[: shingles.LEAD]) & set(whole)


def test_containment_is_of_the_smaller_text() -> None:
    short, long = shingles.of(["a", "b", "c", "d"]), shingles.of(["x", "a", "b", "c", "d", "y", "z"])
    assert shingles.containment(short, long) == 1.0
    assert shingles.containment(shingles.of([]), long) == 0.0
    assert shingles.of(["a"]) == frozenset([("a",)])


ENTRIES = st.lists(
    st.builds(
        new,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([TITLE, "Snow closes roads in the north", "Weather"]),
        st.sampled_from(["", "https://x.by/1", "https://x.by/2"]),
        st.sampled_from(["", TEXT, COPY, OTHER]),
        st.sampled_from([NOON, NOON + 71 * HOUR, NOON + 80 * HOUR]),
    ),
    max_size=8,
)


@given(ENTRIES)
def test_a_batch_decides_as_the_same_entries_one_by_one(entries: list[New]) -> None:
    together = [(choice.draft, choice.reason, choice.score) for choice in assign.assign(entries, [])]
    known: list[StoryCandidate] = []
    single = []
    first: dict[int, tuple[str, datetime]] = {}
    outlets: dict[int, set[str]] = {}
    for feed, entry, when in entries:
        choice = assign.assign([(feed, entry, when)], known)[0]
        number = choice.story_id or len(first) + 1
        body, seen_at = first.setdefault(number, (entry.body, when))
        outlets.setdefault(number, set()).add(feed)
        known = [
            replace(c, feed_ids=frozenset(outlets[number])) if c.story_id == number and c.key.kind == "text" else c
            for c in known
        ]
        for key in choice.keys:
            old = next((c for c in known if c.story_id == number and c.key == key), None)
            feeds = frozenset({feed}) | (old.feed_ids if old else frozenset())
            feeds = frozenset(outlets[number]) if key.kind == "text" else feeds
            known = [c for c in known if c is not old] + [StoryCandidate(number, key, feeds, seen_at, body)]
        single.append((number, choice.reason, choice.score))
    assert together == single


def test_a_feed_whose_items_share_title_and_link_does_not_cost_their_square() -> None:
    link = "https://ministry.example/briefing"
    entries = [new("ministry", "Daily briefing of the ministry", link, f"Number {n} of {n * 7}") for n in range(300)]
    shelf = assign._Shelf([], assign.WINDOW, assign.NEVER, lambda _: ())
    for feed_id, entry, when in entries:
        shelf.place(feed_id, entry, when)
    assert max(map(len, shelf._places.values())) == assign.MOST_PLACES
