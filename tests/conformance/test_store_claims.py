"""Claims beside those who write: they wait for nobody, take nothing from anybody, and find what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from aggregator import urls
from aggregator.errors import StoreError
from aggregator.model import ArticleOutcome, PollOutcome
from aggregator.store.postgres import PostgresStores
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, NOW, POSTGRES, Scene, new, poll, spec

pytestmark = POSTGRES
AT_ONCE = 4
SOON = 10.0
"""Seconds in which what waits for nobody is long done; a writer would have us wait for thirty."""


def owner(number: int, line: str = "poll") -> str:
    return f"vm:{number}:1:ab/{line}"


@contextmanager
def written(stores: Stores, *statements: tuple[str, Sequence[Any]]) -> Iterator[None]:
    """Somebody who writes has done this, and has not committed yet."""
    assert isinstance(stores, PostgresStores)
    with stores.db.write() as conn:
        for sql, values in statements:
            assert conn.execute(sql, values).rowcount > 0
        yield


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Work that another thread has begun."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def until_it_waits(stores: Stores) -> None:
    """Somebody waits for a row that is locked."""
    assert isinstance(stores, PostgresStores)
    with psycopg.connect(stores.db.url, autocommit=True) as conn:
        sql = """SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
                 AND pg_sleep(0.01) IS NOT NULL"""
        waiting = (conn.execute(sql).fetchall()[0][0] for _ in range(500))
        assert any(waiting), "nobody waits"


# -- a claim waits for nobody ------------------------------------------------------------------------------------------------


def test_feeds_that_somebody_writes_are_passed_over(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    other = open_stores()
    touch = ("UPDATE feeds SET title = title WHERE id = ?", ["a"])
    with written(scene.stores, touch), beside(lambda: other.feeds.claim_due(owner(2), 9, NOW)) as claim:
        assert [feed.id for feed in claim.result(SOON)] == ["b"]


def test_a_page_that_somebody_writes_is_passed_over_and_its_host_stays_free(
    scene: Scene, open_stores: Callable[[], Stores]
) -> None:
    """A poll that revises the entry writes the page and then its host; the claim locks the host and then the page."""
    entry, other, third = scene.entry("x", article="alert"), open_stores(), open_stores()
    touch = ("UPDATE articles SET error = 'x' WHERE entry_id = ?", [entry])
    with (
        written(scene.stores, touch),
        beside(lambda: other.entries.claim_articles(owner(2, "enrich"), 9, NOW)) as claim,
    ):
        assert claim.result(SOON) == []
        assert [feed.id for feed in third.feeds.claim_due(owner(3), 9, NOW, ids=["a"])] == ["a"]


def test_messages_that_somebody_writes_are_passed_over(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    first, second, other = scene.message("one@example.org"), scene.message("two@example.org"), open_stores()
    touch = ("UPDATE messages SET error = 'x' WHERE id = ?", [first.id])
    with (
        written(scene.stores, touch),
        beside(lambda: other.outbox.claim_due(owner(2, "send"), 9, NOW + HOUR)) as claim,
    ):
        assert [one.id for one in claim.result(SOON)] == [second.id]


def test_claims_are_renewed_beside_somebody_who_writes(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    other = open_stores()
    other.feeds.claim_due(owner(1), 9, NOW)
    touch = ("UPDATE feeds SET title = title WHERE id = ?", ["a"])
    with written(scene.stores, touch), beside(lambda: other.feeds.renew(owner(1), NOW)) as renewal:
        assert renewal.result(SOON) == 1


# -- nothing is taken from anybody -------------------------------------------------------------------------------------------


def test_what_is_being_taken_over_is_not_stored(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    other, late = open_stores(), open_stores()
    late.feeds.claim_due(owner(1), 9, NOW, ids=["a"])
    outcome = PollOutcome("a", poll(NOW), (new("late"),))
    taken = ("UPDATE feeds SET claimed_by = ? WHERE id = 'a'", [owner(2)])
    with beside_claim(scene.stores, taken, lambda: late.polls.commit_polls([outcome], owner(1), NOW), other) as commit:
        assert commit.result(SOON) == {}
    assert other.feeds.owners() == [owner(2)]
    assert list(other.entries.entries()) == []


def test_a_page_that_is_being_taken_over_is_not_stored(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    entry, other, late = scene.entry("x", article="alert"), open_stores(), open_stores()
    assert late.entries.claim_articles(owner(1, "enrich"), 9, NOW)
    done = ArticleOutcome(entry, 1, "text", "text", (), "done")
    taken = ("UPDATE articles SET claimed_by = ? WHERE entry_id = ?", [owner(2, "enrich"), entry])
    store = lambda: late.entries.commit_articles([done], owner(1, "enrich"), NOW)  # noqa: E731
    with beside_claim(scene.stores, taken, store, other) as commit:
        assert commit.result(SOON) is None
    assert other.feeds.owners() == [owner(2, "enrich")]


@contextmanager
def beside_claim(
    stores: Stores, claim: tuple[str, Sequence[Any]], work: Callable[[], Any], looking: Stores
) -> Iterator[Future[Any]]:
    """Work that meets a claim which has been made and is committed while the work waits for it."""
    assert isinstance(stores, PostgresStores)
    with ThreadPoolExecutor(1) as pool:
        with stores.db.claim() as conn:
            assert conn.execute(*claim).rowcount == 1
            going = pool.submit(work)
            until_it_waits(looking)
        yield going


# -- what is left is found ---------------------------------------------------------------------------------------------------


def test_a_claim_goes_past_what_others_take_at_the_same_instant(
    stores: Stores, open_stores: Callable[[], Stores]
) -> None:
    stores.feeds.sync([spec(f"f{n:04}", f"https://h{n}.example/rss") for n in range(3 * AT_ONCE)], NOW)
    other = open_stores()
    assert isinstance(stores, PostgresStores)
    first = [urls.host_key(f"https://h{n}.example/rss") for n in range(2 * AT_ONCE)]
    with stores.db.claim() as conn:
        conn.executemany("INSERT INTO host_claims (host) VALUES (?)", [(host,) for host in first])
    with stores.db.claim() as conn:
        conn.execute("SELECT 1 FROM host_claims FOR UPDATE").fetchall()
        with beside(lambda: other.feeds.claim_due(owner(2), AT_ONCE, NOW)) as claim:
            assert [feed.id for feed in claim.result(SOON)] == [f"f{n:04}" for n in range(2 * AT_ONCE, 3 * AT_ONCE)]


# -- turns -------------------------------------------------------------------------------------------------------------------


def test_a_turn_ends_with_the_connection_of_whoever_has_it(stores: Stores, open_stores: Callable[[], Stores]) -> None:
    other = open_stores()
    assert isinstance(stores, PostgresStores)
    assert isinstance(other, PostgresStores)
    with pytest.raises(StoreError), stores.agenda.turn("decide", 1.0) as mine:  # noqa: PT012 - the connection breaks within
        assert mine
        with beside(lambda: taken(other, 0.05)) as refused:
            assert not refused.result(SOON)
        ((number,),) = stores.db.ask("SELECT pg_backend_pid()")
        other.db.ask("SELECT pg_terminate_backend(?)", (number,))
        with beside(lambda: taken(other, SOON)) as free:
            assert free.result(2 * SOON)
        with stores.db.write():
            pytest.fail("what was decided by a lost turn is not stored")
    assert taken(stores, 1.0), "the next turn has another connection"


def taken(stores: Stores, seconds: float) -> bool:
    with stores.agenda.turn("decide", seconds) as mine:
        return mine
