"""Advice on queries that parse but may not mean what they seem to."""

from __future__ import annotations

import pytest

from aggregator.query import parse
from aggregator.watch.lint import Warning, lint  # noqa: A004 - the module's own word

ALIASES = {"short": ["ab*", "WHO", "СSTO"]}


def advice(text: str) -> list[Warning]:
    return lint(parse(text, ALIASES))


@pytest.mark.parametrize(
    ("text", "pos", "words"),
    [
        ("СSTO", 0, "С is Cyrillic"),
        ("x OR =ОДKБ", 5, "K is Latin"),
        ('"the СSTO summit"', 0, "mixes alphabets"),
        ("a and b", 2, "written AND"),
        ("a Or b", 2, "written OR"),
        ("a not b", 2, "written NOT"),
        ("a near/3 b", 2, "written NEAR/3"),
        ("(and OR x)", 1, "written AND"),
        ("минск abc*", 6, "at least 4 letters"),
        ("WHO", 0, "write =WHO"),
        ("title:US", 6, "write =US"),
        ("МИР", 0, "write =МИР"),
    ],
)
def test_a_doubtful_word_is_pointed_at(text: str, pos: int, words: str) -> None:
    found = advice(text)
    assert [(each.pos, words in each.message) for each in found] == [(pos, True)]


@pytest.mark.parametrize(
    "text",
    [
        "=WHO",
        "who",
        '"and"',
        "=and",
        "NATO",
        "USA",
        "U.S.",
        "COVID-19",
        "abcd*",
        "ОДКБ OR CSTO",
        "android",
        "Нота*",
        "@short",
        "C++",
    ],
)
def test_a_sound_query_gets_no_advice(text: str) -> None:
    assert advice(text) == []


def test_advice_comes_in_the_order_of_the_query() -> None:
    assert [each.pos for each in advice("WHO and ab* or СSTO")] == [0, 4, 8, 12, 15]
