"""Explanations: every place that matched, every part that is missing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.query import parse
from aggregator.tokens import document
from aggregator.watch import match
from aggregator.watch.explain import Evidence, explain, lines

ALIASES = {"csto": ["=CSTO", "=ОДКБ", *(f"name{number}" for number in range(20))]}
ENTRY = document(
    title="CSTO summit in Minsk",
    body="Лидеры ОДКБ собрались",
    article="Full text about us",
    language="ru",
    url="https://belta.by",
    categories=("World news", "Minsk"),
)


def told(text: str) -> str:
    return "\n".join(lines(explain(parse(text, ALIASES), ENTRY)))


def test_a_match_is_explained_with_field_words_position_term_and_alias() -> None:
    explained = explain(parse("@csto лидер~ lang:ru category:minsk about", ALIASES), ENTRY)
    assert explained.matched
    assert explained.missing == ()
    assert explained.evidence == (
        Evidence("title", "CSTO", 1, "=CSTO", "csto"),
        Evidence("body", "Лидеры", 1, "лидер~"),
        Evidence("body", "ОДКБ", 2, "=ОДКБ", "csto"),
        Evidence("article", "about", 3, "about"),
        Evidence("lang", "ru", 0, "ru"),
        Evidence("category", "Minsk", 1, "minsk"),
    )


def test_the_lines_of_a_match_are_readable() -> None:
    assert told("@csto lang:ru").splitlines() == [
        "matches",
        '  title, word 1: "CSTO" is =CSTO, through @csto',
        '  body, word 2: "ОДКБ" is =ОДКБ, through @csto',
        '  lang: "ru" is ru',
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("csto nato", '  no word "nato" in title or text'),
        ("title:лидеры", '  no word "лидеры" in the title'),
        ("nat*", '  no word begins with "nat" in title or text'),
        ("санкция~", '  no form of "санкция" in title or text (language: ru)'),
        ("=Csto", '  no word =Csto in title or text: the title, word 1, has "CSTO"'),
        ("=US", '  no word =US in title or text: the article, word 4, has "us"'),
        ("=NATO", "  no word =NATO in title or text, in no other spelling either"),
        ('"summit london"', '  the phrase "summit london" is not there: no word "london" in title or text'),
        (
            '"summit minsk"',
            '  the phrase "summit minsk" is not there: its words occur in title or text, but not side by side in this order',
        ),
        ("csto NOT summit", '  NOT summit: "summit" stands in the title, word 2'),
        ("csto -(lang:ru)", '  NOT lang:ru: "ru" stands in the language'),
        (
            "csto NEAR/1 minsk",
            "  csto NEAR/1 minsk: all parts occur in title or text, but never in one text with at most 1 words between",
        ),
        ("lang:be", '  the language is "ru", not be'),
        ("url:tass", '  the address "https://belta.by" does not hold "tass"'),
        ("author:ann", '  no word "ann" in the author'),
    ],
)
def test_what_is_missing_is_said_in_plain_words(text: str, line: str) -> None:
    assert told(text).splitlines() == ["does not match", line]


def test_alternatives_are_followed_down_and_cut_short() -> None:
    assert told("nato OR (x NEAR csto)").splitlines() == [
        "does not match",
        "  none of 2 alternatives is there:",
        '    no word "nato" in title or text',
        "    x NEAR/5 csto:",
        '      no word "x" in title or text',
    ]
    through_alias = told("title:@csto NOT csto OR body:@csto summits").splitlines()
    assert "and 10 more" in told("category:@csto")
    assert "nothing of @csto is there:" in told("category:@csto")
    assert through_alias[0] == "does not match"


def test_every_missing_part_is_named_in_the_order_of_the_query() -> None:
    explained = explain(parse("zeta csto alpha beta"), ENTRY)
    assert [part.pos for part in explained.missing] == [0, 10, 16]


ATOMS = st.sampled_from(
    [
        "csto",
        "=Csto",
        "nato",
        '"in minsk"',
        '"minsk in"',
        "mi*",
        "@csto",
        "lang:be",
        "url:x",
        "csto NEAR/1 minsk",
        "title:x",
        "category:news",
    ]
)
QUERIES = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda form, one, two: form.format(one, two),
        st.sampled_from(["({} {})", "({} OR {})", "({} NOT {})"]),
        inner,
        inner,
    ),
    max_leaves=6,
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(QUERIES)
def test_an_explanation_always_agrees_with_the_evaluator_and_is_never_empty(text: str) -> None:
    query = parse(text, ALIASES)
    explained = explain(query, ENTRY)
    assert explained.matched == (match.evaluate(query, ENTRY) is not None)
    assert bool(explained.evidence) == explained.matched
    assert bool(explained.missing) != explained.matched
    assert len(lines(explained)) > 1
