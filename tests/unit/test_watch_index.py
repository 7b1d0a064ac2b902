"""The index of watchlists: it proposes few and never misses one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.query import parse
from aggregator.tokens import Document, document
from aggregator.watch import anchors, match
from aggregator.watch.index import WatchIndex

QUICK = settings(derandomize=True, deadline=None, max_examples=150)

ALIASES = {"csto": ["=CSTO", "=ОДКБ", '"collective secur*"']}
WORDS = [
    "CSTO",
    "csto",
    "ОДКБ",
    "минске",
    "summit",
    "summits",
    "in",
    "Minsk",
    "U.S.",
    "us",
    "post-Soviet",
    "C++",
    "集体安全",
    "collective",
    "security",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
ENTRIES = st.builds(
    lambda title, body, article, named, language, url: document(
        title=title,
        body=body,
        article=article,
        source=named,
        author=named,
        language=language,
        url=url,
        categories=(named,),
    ),
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.sampled_from(["", "ru-RU", "en"]),
    st.sampled_from(["", "https://belta.by/x"]),
)
ATOMS = [
    "csto",
    "=CSTO",
    "минск~",
    "summit~",
    "mi*",
    "minsk*",
    '"csto summit"',
    '"in mins*"',
    '"co* se*"',
    "U.S.",
    "@csto",
    "title:csto",
    "集体",
]
ATOMS += [
    "body:us",
    "lang:ru",
    "url:belta",
    "source:csto",
    "source:su*",
    "category:(us in)",
    "author:summit~",
    "csto NEAR/1 us",
    "post-soviet",
]
FORMS = ["({} OR {})", "({} {})", "({} NOT {})", "title:({} {})", "source:({} {})", "({} (summit OR NOT {}))"]
QUERIES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(lambda form, one, two: form.format(one, two), st.sampled_from(FORMS), inner, inner),
    max_leaves=4,
)


def index(**queries: str) -> WatchIndex:
    return WatchIndex((name, parse(text, ALIASES)) for name, text in queries.items())


def entry(title: str, **fields: str) -> Document:
    return document(title=title, body="", **fields)


@QUICK
@given(st.lists(QUERIES, max_size=8), ENTRIES, st.sampled_from([None, {"csto": 5, "summit": 1}]))
def test_the_index_finds_what_a_loop_over_all_queries_finds(
    texts: list[str], document: Document, frequency: dict[str, int] | None
) -> None:
    queries = {str(number): parse(text, ALIASES) for number, text in enumerate(texts)}
    found = match.find(document, WatchIndex(queries.items(), frequency))
    looped = {
        name: spans for name, query in sorted(queries.items()) if (spans := match.evaluate(query, document)) is not None
    }
    assert {each.watchlist_id: each.spans for each in found} == looped


@QUICK
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), QUERIES)), max_size=12), ENTRIES)
def test_adding_and_removing_leaves_the_index_as_if_newly_built(
    steps: list[tuple[str, str | None]], document: Document
) -> None:
    worked, wanted = WatchIndex(), dict[str, str]()
    for name, text in steps:
        if text is None:
            worked.remove(name)
            wanted.pop(name, None)
        else:
            worked.add(name, parse(text, ALIASES))
            wanted[name] = text
    assert len(worked) == len(wanted)
    assert worked.candidates(document) == index(**wanted).candidates(document)


def test_only_queries_whose_rarest_word_is_there_are_candidates() -> None:
    watched = index(
        a="organisation summit", b="summit", c="minsk*", d='"collective security"', e="title:minsk", f="lang:ru"
    )
    assert watched.candidates(entry("A summit in Minsk")) == ["b", "c", "e"]


def test_known_frequencies_choose_the_anchor() -> None:
    frequency = {"organisation": 900.0, "od": 1.0}
    assert anchors.of(parse("organisation od"), frequency.__getitem__).keys == ((anchors.TEXT, "od"),)
    assert anchors.of(parse("organisation od"), anchors.guess).keys == ((anchors.TEXT, "organisation"),)


def test_a_word_that_most_queries_ask_for_is_no_anchor() -> None:
    texts = [f"government AND name{number}" for number in range(2_000)]
    watched = WatchIndex((text, parse(text)) for text in texts)
    assert len(watched._posted(entry("government"), frozenset({"government"}))) < 200
    assert watched.candidates(entry("government name1999")) == [texts[1999]]


def test_what_else_a_query_needs_is_looked_at_before_it_is_a_candidate() -> None:
    watched = index(a='"collective security" minsk', b="(csto OR odkb) (minsk OR moscow)", c="csto NOT minsk")
    assert watched.candidates(entry("collective minsk")) == []
    assert watched.candidates(entry("csto")) == ["c"]
    assert watched.candidates(entry("odkb, moscow")) == ["b"]


def test_beginnings_of_one_letter_and_of_many_are_found() -> None:
    watched = index(a="go~", b="min*", c="minskaya*", d="mi*")
    assert watched.candidates(entry("Minskaya")) == ["b", "c", "d"]
    watched.remove("b")
    assert watched.candidates(entry("Minskaya goes")) == ["a", "c", "d"]


def test_fields_are_anchors_too() -> None:
    watched = index(lang="lang:ru", source="source:belta", url="url:belta", author="author:iv*", other="category:belta")
    assert watched.candidates(entry("x", language="ru-RU")) == ["lang"]
    assert watched.candidates(entry("x", source="BelTA")) == ["source"]
    assert watched.candidates(entry("x", url="https://x", author="Ann")) == ["author", "url"]
    assert watched.candidates(entry("belta")) == []


def test_watchlists_with_equal_queries_are_decided_once() -> None:
    watched = index(one="csto OR minsk", two="MINSK or csto OR minsk", three="minsk OR CSTO")
    assert [ids for _, ids in watched.groups(entry("csto"))] != []
    assert sorted(len(ids) for _, ids in watched.groups(entry("csto or minsk"))) == [1, 2]
    assert [found.watchlist_id for found in match.find(entry("csto or minsk"), watched)] == ["one", "three", "two"]


def test_a_removed_watchlist_leaves_nothing_behind() -> None:
    watched = index(a="csto mi* source:x", b='su* OR "x y"')
    watched.remove("a")
    watched.remove("b")
    watched.remove("never there")
    assert not any((watched._slots, watched._tokens, watched._others, watched._buckets, len(watched)))


def test_a_new_query_replaces_the_old_one() -> None:
    watched = index(a="csto")
    watched.add("a", parse("nato"))
    assert watched.candidates(entry("csto")) == []
    assert watched.candidates(entry("nato")) == ["a"]


@pytest.mark.parametrize("text", ["csto", "title:(a b)", "lang:ru"])
def test_an_empty_index_has_no_candidates(text: str) -> None:
    assert WatchIndex().candidates(entry(text)) == []
