"""EntryStore: reading what was stored, what the index proposes, and article pages."""

from __future__ import annotations

import itertools
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator import query, tokens
from aggregator.model import ArticleOutcome
from aggregator.query import Need, NeedAll, NeedAny, NeedEverything, NeedPhrase, NeedPrefix, NeedToken
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, Scene, first, match, new, parsed, revised

NUMBERS = itertools.count(1)


def proposed(stores: Stores, need: Need, **more: object) -> list[str]:
    return [e.entry().title for e in stores.entries.propose(need, **more)]  # type: ignore[arg-type]


# -- listings ------------------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_none(stores: Stores) -> None:
    assert stores.entries.get(1) is None
    assert stores.stories.get(1) is None
    assert list(stores.entries.entries()) == []
    assert list(stores.stories.list()) == []
    assert list(stores.entries.propose(NeedEverything())) == []


def test_long_listings_leave_out_nothing_and_repeat_nothing(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i} word", story=first(i // 2)) for i in range(1203)))
    store = scene.stores.entries
    assert [e.id for e in store.entries()] == ids
    assert [e.id for e in store.propose(NeedEverything())] == ids[::-1]
    assert [e.id for e in store.propose(NeedToken("word"))] == ids[::-1]
    assert [e.id for s in scene.stores.stories.list() for e in s.entries] == ids


def test_a_page_boundary_is_no_end(scene: Scene) -> None:
    ids = scene.poll("a", *(new(f"t{i}") for i in range(500)))
    assert [e.id for e in scene.stores.entries.entries()] == ids
    assert [e.id for e in scene.stores.entries.propose(NeedEverything())] == ids[::-1]
    assert len(list(scene.stores.stories.list())) == 500


def test_entries_of_one_feed_and_since(scene: Scene) -> None:
    one = scene.entry("one")
    two = scene.entry("two", feed="b", now=NOW + HOUR)
    three = scene.entry("three", now=NOW + HOUR)
    store = scene.stores.entries
    assert [e.id for e in store.entries("a")] == [one, three]
    assert [e.id for e in store.entries(since=NOW + HOUR)] == [two, three]
    assert [e.id for e in store.entries("b", NOW + 2 * HOUR)] == []
    assert [s.title for s in scene.stores.stories.list(NOW + HOUR)] == ["two", "three"]


def test_writing_while_a_listing_is_read(scene: Scene) -> None:
    scene.poll("a", *(new(f"t{i}") for i in range(600)))
    listing = scene.stores.entries.entries()
    next(listing)
    scene.poll("b", new("late"), now=NOW + HOUR)
    rest = list(listing)
    assert (len(rest), rest[-1].title) == (600, "late")


# -- propose -------------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "talks in Minsk",
    "reversed": "Minsk hosts talks",
    "cyrillic": "Саммит ОДКБ прошёл",
    "signs": "AT&T pays 3.5 to C++ and C# users in the U.S.",
    "longer": "talking of minskers",
}


@pytest.fixture
def library(scene: Scene) -> Stores:
    scene.poll("a", *(new(title, body) for title, body in TEXTS.items()))
    return scene.stores


@pytest.mark.parametrize(
    ("need", "expected"),
    [
        (NeedToken("talks"), {"plain", "reversed"}),
        (NeedToken("одкб"), {"cyrillic"}),
        (NeedToken("signs"), {"signs"}),
        (NeedToken("c++"), {"signs"}),
        (NeedToken("at&t"), {"signs"}),
        (NeedToken("3.5"), {"signs"}),
        (NeedPrefix("minsk"), {"plain", "reversed", "longer"}),
        (NeedPrefix("од"), {"cyrillic"}),
        (NeedPrefix(""), set(TEXTS)),
        (NeedPhrase(("in", "minsk")), {"plain"}),
        (NeedPhrase(("minsk", "in")), set()),
        (NeedPhrase(()), set(TEXTS)),
        (NeedAll((NeedToken("minsk"), NeedToken("hosts"))), {"reversed"}),
        (NeedAny((NeedToken("hosts"), NeedToken("одкб"))), {"reversed", "cyrillic"}),
        (NeedAll((NeedAny((NeedToken("in"), NeedToken("hosts"))), NeedPrefix("tal"))), {"plain", "reversed"}),
        (NeedAny((NeedToken("hosts"), NeedEverything())), set(TEXTS)),
        (NeedAll((NeedToken("hosts"), NeedEverything())), {"reversed"}),
        (NeedAll(()), set(TEXTS)),
        (NeedAny(()), set(TEXTS)),
        (NeedEverything(), set(TEXTS)),
        (NeedToken("absent"), set()),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_each_kind_of_need(library: Stores, need: Need, expected: set[str]) -> None:
    """An index may propose more than was asked for, where it does not call that certain; never less."""
    found = {one.entry().title: one.certain for one in library.entries.propose(need)}
    assert expected <= found.keys()
    assert found.keys() == expected or not any(found.values())


HOSTILE = [
    '"', '""', "'", "a\x00b", "\x00", "NOT", "OR", "AND", "NEAR(a b)", "title:talks", "{title}:x", "*", "^talks", "-talks",
    "talks*", ") OR (", "talks) OR rowid:", "--", "; DROP TABLE feeds", "+", "\\", "%", "_", "\ud800", "😀", "\n", " ", "ı",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_token_is_text_whatever_it_holds(library: Stores, text: str) -> None:
    for need in (NeedToken(text), NeedPrefix(text), NeedPhrase((text, text))):
        proposed(library, need)
        proposed(library, NeedAll((need, NeedToken("talks"))))
        assert "plain" in proposed(library, NeedAny((need, NeedToken("talks"))))
    assert len(proposed(library, NeedEverything())) == len(TEXTS)


def test_every_stored_token_is_proposed_by_itself_and_its_beginning(library: Stores) -> None:
    for title, body in TEXTS.items():
        for token in tokens.tokenize(body).folded:
            assert title in proposed(library, NeedToken(token))
            assert title in proposed(library, NeedPrefix(token[:1]))


def test_needs_as_deep_and_as_wide_as_the_language_allows(library: Stores) -> None:
    def deeper(need: Need, level: int) -> Need:
        return NeedAll((NeedToken("talks"), need)) if level % 2 else NeedAny((NeedToken("absent"), need))

    innermost: Need = NeedToken("minsk")
    deep = reduce(deeper, range(64), innermost)
    assert {"plain", "reversed"} <= set(proposed(library, deep))
    wide = NeedAny((*(NeedToken(f"w{i}") for i in range(255)), NeedToken("hosts")))
    assert proposed(library, wide) == ["reversed"]
    assert proposed(library, NeedAll(tuple(NeedPrefix("tal"[: i % 3 + 1]) for i in range(256)))) != []


WORDS = st.sampled_from(["talks", "minsk", "in", "одкб", "at&t", "u.s", "absent", "c#", "3.5", "прошел"])
QUERIES = st.recursive(
    st.one_of(
        WORDS,
        WORDS.map(lambda w: f"title:{w}"),
        st.sampled_from(["ta*", "mi*", "од*"]),
        WORDS.map(lambda w: f'"{w} minsk"'),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} OR {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} AND {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} NOT {p[1]})"),
    ),
    max_leaves=6,
)


@given(text=QUERIES)
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_entry_that_satisfies_a_query_is_left_out(library: Stores, text: str) -> None:
    from aggregator.watch import documents, match

    parsed = query.parse(text)
    satisfying = {
        e.title for e in library.entries.entries() if match.evaluate(parsed, documents.of_entry(e)) is not None
    }
    assert satisfying <= set(proposed(library, query.proposal(parsed)))


def test_proposals_are_of_the_current_revision_and_the_article(scene: Scene) -> None:
    entry_id = scene.entry("early", body="early words", article="alert")
    scene.poll("a", revised(entry_id, 2, "late", "other words"), now=NOW + HOUR)
    scene.stores.entries.claim_articles(ME, 1, NOW)
    scene.stores.entries.commit_articles(
        [ArticleOutcome(entry_id, 1, "Deep inside", "deep inside", (), "done")], ME, NOW
    )
    for word, found in (("early", []), ("late", ["late"]), ("other", ["late"]), ("deep", ["late"])):
        assert proposed(scene.stores, NeedToken(word)) == found


def test_proposals_since_stand_even_when_the_clock_has_jumped(scene: Scene) -> None:
    for title, at in (("before", NOW), ("jumped back", NOW - timedelta(days=9000)), ("after", NOW + HOUR)):
        scene.entry(title, now=at)
    for need in (NeedEverything(), NeedAny((NeedToken("before"), NeedToken("jumped"), NeedToken("after")))):
        assert proposed(scene.stores, need, since=NOW) == ["after", "before"]
        assert proposed(scene.stores, need, since=NOW + 2 * HOUR) == []


def test_the_newest_matches_of_a_watchlist_leave_silent_baselines_out(scene: Scene) -> None:
    ids = [scene.entry(f"t{n}", match("csto"), now=NOW + n * MINUTE) for n in range(3)]
    scene.entry("silent", match("csto", "none"), now=NOW + HOUR)
    scene.entry("other", match("energy"), now=NOW + HOUR)
    newest = scene.stores.watch.newest
    assert [m.entry_id for m in newest("csto", 9)] == ids[::-1]
    assert [m.entry_id for m in newest("csto", 2)] == [ids[2], ids[1]]
    assert newest("nothing", 9) == []


# -- article pages -------------------------------------------------------------------------------------------------------


def linked(scene: Scene, host: str, **more: Any) -> int:
    """A new entry whose article page is due, on a host of this name."""
    entry = parsed(f"{host}{next(NUMBERS)}", link=f"https://{host}.example/news/{next(NUMBERS)}")
    return scene.poll("a", new(entry=entry, **({"article": "alert"} | more)))[0]


def test_articles_are_claimed_newest_first_by_one_at_a_time(scene: Scene) -> None:
    one = linked(scene, "one")
    two = linked(scene, "two", article="digest")
    scene.entry("three")
    store = scene.stores.entries
    assert [(t.entry.id, t.attempts, t.reach) for t in store.claim_articles(ME, 1, NOW)] == [(two, 0, "digest")]
    assert [(t.entry.id, t.reach) for t in store.claim_articles(OTHER, 9, NOW)] == [(one, "alert")]
    assert store.claim_articles(OTHER, 9, NOW + 9 * MINUTE) == []
    assert len(store.claim_articles(OTHER, 9, NOW + 10 * MINUTE)) == 2


def test_of_a_host_one_article_is_claimed_at_a_time(scene: Scene) -> None:
    older, newer, other = (linked(scene, host) for host in ("one", "one", "two"))
    store = scene.stores.entries
    assert store.article_hosts(NOW) == ["https://one.example:443", "https://two.example:443"]
    assert store.claim_articles(ME, 9, NOW, but=["https://one.example:443", "https://two.example:443"]) == []
    assert [t.entry.id for t in store.claim_articles(ME, 9, NOW, but=["https://two.example:443"])] == [newer]
    assert [t.entry.id for t in store.claim_articles(ME, 1, NOW)] == [other]
    assert store.article_hosts(NOW) == ["https://one.example:443"]
    assert [t.entry.id for t in store.claim_articles(ME, 9, NOW)] == [older]
    assert store.article_hosts(NOW) == []
    assert store.article_hosts(NOW + 10 * MINUTE) == ["https://one.example:443", "https://two.example:443"]


def test_an_article_is_stored_with_its_matches(scene: Scene) -> None:
    entry_id = scene.entry("x", match("energy"), article="alert")
    store = scene.stores.entries
    store.claim_articles(ME, 9, NOW)
    found = (match("csto"), match("energy"))
    store.commit_articles([ArticleOutcome(entry_id, 1, "The page", "the page", found, "done")], ME, NOW)
    entry = store.get(entry_id)
    assert entry is not None
    assert entry.article == "The page"
    assert [(m.watchlist_id, m.reach) for m in scene.stores.watch.matches()] == [("energy", "alert"), ("csto", "alert")]
    assert store.claim_articles(ME, 9, NOW + 99 * HOUR) == []


def test_an_article_tried_again_and_given_up(scene: Scene) -> None:
    entry_id = scene.entry("x", article="alert")
    store = scene.stores.entries
    store.claim_articles(ME, 9, NOW)
    again = ArticleOutcome(
        entry_id, 1, "", "", (), "retry", "no text", NOW + HOUR, '"e"', "Thu, 02 Feb 2023 12:00:00 GMT"
    )
    store.commit_articles([again], ME, NOW)
    assert store.claim_articles(ME, 9, NOW + HOUR - MINUTE) == []
    [task] = store.claim_articles(ME, 9, NOW + HOUR)
    assert (task.attempts, task.etag, task.last_modified) == (1, again.etag, again.last_modified)
    store.commit_articles([ArticleOutcome(entry_id, 1, "", "", (), "given_up", "404")], ME, NOW + HOUR)
    assert store.claim_articles(ME, 9, NOW + 99 * HOUR) == []


def test_an_article_whose_claim_is_lost_is_not_stored(scene: Scene) -> None:
    entry_id = scene.entry("x", article="alert")
    store = scene.stores.entries
    store.claim_articles(ME, 9, NOW)
    store.claim_articles(OTHER, 9, NOW + 11 * MINUTE)
    store.commit_articles([ArticleOutcome(entry_id, 1, "Mine", "mine", (match(),), "done")], ME, NOW)
    entry = store.get(entry_id)
    assert entry is not None
    assert entry.article == ""
    assert scene.stores.watch.matches() == []


def test_why_a_page_has_no_text_is_told_until_it_has_one(scene: Scene) -> None:
    entries = scene.stores.entries
    read, never, plain = (
        scene.entry(name, article=wanted) for name, wanted in (("x", "alert"), ("y", "alert"), ("z", ""))
    )
    assert [entries.article_unread(i) for i in (read, plain, 99)] == ["its turn has not come", "", ""]
    at, outcomes = NOW, {read: ("done", ""), never: ("given_up", "403 Forbidden")}
    while tasks := entries.claim_articles(ME, 9, at):
        for task in tasks:
            state, error = outcomes[task.entry.id]
            text = "read" if state == "done" else ""
            entries.commit_articles([ArticleOutcome(task.entry.id, 1, text, text, (), state, error)], ME, at)  # type: ignore[arg-type]
        at += HOUR
    assert [entries.article_unread(i) for i in (read, never)] == ["", "403 Forbidden"]
