"""Prominence: title before lead before passing mention, whatever the language and the habits of the feed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import levels
from aggregator.digests import prominence
from aggregator.levels import LEVELS, THRESHOLDS, Prominence
from aggregator.model import Entry, Span

NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
ENTRY = Entry(
    id=1, feed_id="belta", feed_url="", feed_title="BelTA", guid="g", link="", title="", summary="", content="", body="",
    article="", author="", categories=(), language="", published_at=None, updated_at=None, sort_at=NOW,
    first_seen_at=NOW, revisions=1, story_id=1,
)  # fmt: skip
FILLER = {
    "en": "The ministers then spoke of grain, of roads and of the weather in the coming weeks. ",
    "ru": "Затем министры говорили о зерне, о дорогах и о погоде на ближайшие недели. ",
    "be": "Потым міністры гаварылі пра збожжа, пра дарогі і пра надвор'е на бліжэйшыя тыдні. ",
}
WORD = {"en": "CSTO", "ru": "ОДКБ", "be": "АДКБ"}


def of(word: str = "CSTO", *, fields: tuple[str, ...] = ("title", "body", "article"), **texts: Any) -> Prominence:
    """The prominence of every place where the word stands in these texts."""
    entry = replace(ENTRY, **texts)
    spans = [
        Span(field, found.start(), found.end(), f"={word}")
        for field in fields
        for found in re.finditer(rf"\b{word}\b", getattr(entry, field))
    ]
    assert spans
    return prominence.of(entry, spans)


@pytest.mark.parametrize("code", WORD)
def test_title_lead_and_passing_mention_are_told_apart(code: str) -> None:
    word, filler = WORD[code], FILLER[code]
    titled = of(word, title=f"{word} {filler}", body=filler * 5)
    led = of(word, title="1", body=f"{filler}{word}. {filler * 5}")
    passing = of(word, title="1", body=f"{filler * 5}{word}.")
    assert [one.level for one in (titled, led, passing)] == ["title", "lead", "mention"]
    assert titled.score > led.score > passing.score > 0


def test_what_only_the_article_page_says_is_a_mention_and_its_lead_counts_a_bit_more() -> None:
    filler = FILLER["en"]
    led, deep = of(title="1", article=f"CSTO. {filler * 5}"), of(title="1", article=f"{filler * 5}CSTO.")
    assert led.level == deep.level == "mention"
    own = of(title="1", body=f"CSTO. {filler}"), of(title="1", body=f"{filler * 5}CSTO.")
    assert own[0].score > led.score > own[1].score > deep.score


def test_a_word_of_a_short_title_counts_more_than_one_among_many() -> None:
    scores = [of(title=title).score for title in ("CSTO", "CSTO meets", "CSTO, grain, roads and the weather")]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_further_mentions_raise_it_a_little_and_never_to_the_next_level() -> None:
    filler = FILLER["en"]
    once, often = (
        of(title="1", body=f"{filler * 5}CSTO."),
        of(title="1", body=f"{filler * 5}" + "CSTO. " * 80),
    )
    assert once.score < often.score < of(title="1", body="CSTO.").score
    assert of(title="CSTO", body="CSTO. " * 80).score <= 1
    assert of(title="1", body="CSTO. " * 80).level == "lead"


@pytest.mark.parametrize(
    "dateline",
    [
        "MINSK, 2 February (BelTA). ",
        "МИНСК, 2 фев — РИА Новости. ",
        "Минск. 2 февраля. ИНТЕРФАКС - ",
        "МІНСК, 2 лютага /Кар. БЕЛТА/. ",
        "02.02.2023, 14:50\n",
    ],
)
def test_a_dateline_is_not_taken_for_the_lead(dateline: str) -> None:
    assert of(title="Talks", body=f"{dateline}Ministers met. The CSTO was there. {FILLER['en'] * 5}").level == "lead"
    assert of(title="Talks", body=f"{dateline}{FILLER['en'] * 3}CSTO. {FILLER['en'] * 5}").level == "mention"


@pytest.mark.parametrize("between", [". ", "\n", "\n\n", ": ", " — ", " "])
def test_a_title_at_the_head_of_the_body_adds_nothing_and_the_lead_begins_behind_it(between: str) -> None:
    title = "Саммит ОДКБ: «Всё о зерне, дорогах и погоде», — сообщили в Минске 2 февраля после пяти часов переговоров"
    alone = of("ОДКБ", title=title, body=FILLER["ru"])
    copy = title.replace("«", '"').replace("»", '"').replace(" — ", " - ")
    assert of("ОДКБ", title=title, body=f"  {copy}{between}{FILLER['ru']}") == alone
    plain = title.replace("ОДКБ", "министров")
    assert of("ОДКБ", title=plain, body=f"{plain}{between}Министры ОДКБ собрались. {FILLER['ru'] * 4}").level == "lead"


def test_a_query_of_the_body_alone_finds_the_title_where_the_body_repeats_it() -> None:
    assert of(fields=("body",), title="CSTO meets", body=f"CSTO meets. {FILLER['en']}").level == "title"
    assert of(fields=("body",), title="CST", body=f"CSTO meets. {FILLER['en']}").level == "lead"


def test_an_entry_without_title_is_headed_by_its_first_words() -> None:
    assert of(body=f"CSTO leaders meet in Minsk. {FILLER['en']}").level == "title"
    assert of(body=f"{FILLER['en']}CSTO. {FILLER['en'] * 5}").level == "lead"
    assert of(article=f"CSTO leaders meet in Minsk. {FILLER['en']}").level == "mention"


def test_a_text_without_full_stops_has_a_lead_that_ends() -> None:
    assert of(title="1", body="grain " * 49 + "CSTO " + "grain " * 200).level == "lead"
    assert of(title="1", body="grain " * 60 + "CSTO " + "grain " * 200).level == "mention"
    assert of("集体", title="1", body="粮食" * 100 + " 集体 " + "粮食" * 100).level == "mention"


@pytest.mark.parametrize("field", ["category", "author", "source", "lang", "url"])
def test_what_narrows_a_query_down_is_no_place_and_alone_it_means_the_whole_entry(field: str) -> None:
    entry = replace(ENTRY, title="Talks", body=FILLER["en"] * 5 + "CSTO.")
    outside, deep = Span(field, 0, 4, "x"), Span("body", len(entry.body) - 5, len(entry.body) - 1, "=CSTO")
    assert prominence.of(entry, [outside]) == prominence.of(entry, []) == Prominence("lead", 0.5)
    assert prominence.of(entry, [outside, deep]) == prominence.of(entry, [deep])
    assert prominence.of(entry, [deep]).level == "mention"


@pytest.mark.parametrize(
    ("field", "start", "end"), [("body", 90, 94), ("title", 3, 6), ("title", 2, 2), ("body", -1, 3), ("article", 0, 1)]
)
def test_a_span_beyond_its_text_is_the_least_mention(field: str, start: int, end: int) -> None:
    entry = replace(ENTRY, title="Talks", body="Short.")
    assert prominence.of(entry, [Span(field, start, end, "x")]) == Prominence("mention", 0.1) or end <= 6


def test_spans_at_the_very_ends_of_their_texts_count() -> None:
    entry = replace(ENTRY, title="CSTO", body=f"{FILLER['en'] * 5}CSTO")
    end = len(entry.body)
    assert prominence.of(entry, [Span("title", 0, 4, "x")]).level == "title"
    assert prominence.of(entry, [Span("body", end - 4, end, "x")]) == Prominence("mention", 0.2)


def test_two_aliases_that_found_the_same_words_are_one_mention() -> None:
    entry = replace(ENTRY, title="Collective Security Treaty Organization meets")
    one = Span("title", 0, 39, "phrase")
    assert prominence.of(entry, [one, Span("title", 11, 19, "=Security")]) == prominence.of(entry, [one])


def test_each_level_is_enough_for_its_threshold_and_those_below() -> None:
    enough = {level: [t for t in THRESHOLDS if levels.reaches(level, t)] for level in LEVELS}
    assert enough == {"mention": ["any"], "lead": ["any", "lead"], "title": ["any", "lead", "title"]}
    assert not any(levels.reaches("", threshold) for threshold in THRESHOLDS)


# -- properties ------------------------------------------------------------------------------------------------------

LINES = st.lists(st.sampled_from(["CSTO met.", "Grain and roads.", "ОДКБ", "\n\n", "т. 5", "—", "会议。", "A. Ivanov"]))
TEXTS = LINES.map(" ".join)


@given(TEXTS, TEXTS, TEXTS)
def test_the_score_is_of_its_level_for_any_entry(title: str, body: str, article: str) -> None:
    entry = replace(ENTRY, title=title, body=body, article=article)
    spans = [
        Span(f, m.start(), m.end(), "x")
        for f in ("title", "body", "article")
        for m in re.finditer("CSTO", getattr(entry, f))
    ]
    found = prominence.of(entry, spans)
    low, high = {"mention": (0.1, 0.4), "lead": (0.45, 0.6), "title": (0.75, 1.0)}[found.level]
    assert low <= found.score <= high
    assert not spans or (found.level == "title") >= ("CSTO" in title)


LONG = " ".join(f"word{n}." for n in range(400))
HEADS = [found.start() for found in re.finditer("word", LONG)]
LADDER = [
    ("article", st.integers(60, 399)),
    ("body", st.integers(60, 399)),
    ("article", st.integers(0, 15)),
    ("body", st.integers(0, 15)),
    ("title", st.just(0)),
]
"""The places of a mention, the least prominent first: a field, and the number of the word there."""
MENTION = st.one_of([st.tuples(st.just(field), number) for field, number in LADDER])


def rank(places: list[tuple[str, int]]) -> tuple[int, float]:
    entry = replace(ENTRY, title="Talks in Minsk", body=LONG, article=LONG)
    spans = [Span(field, HEADS[n], HEADS[n] + 4, "x") for field, n in places]
    return prominence.rank(prominence.of(entry, spans))


@given(st.data(), st.lists(MENTION, max_size=8))
def test_a_mention_in_a_more_prominent_place_never_scores_lower(
    data: st.DataObject, rest: list[tuple[str, int]]
) -> None:
    ladder = [(field, data.draw(number)) for field, number in LADDER]
    ranks = [rank([*rest, place]) for place in ladder if place not in rest]
    assert ranks == sorted(ranks)
    assert all(rank([*rest, place]) >= rank(rest) for place in ladder if rest)
