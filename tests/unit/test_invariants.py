"""Each invariant, broken in a sound database in just that way, is named: the one checker of `doctor --deep` and of the fault tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.model import StoryKey
from aggregator.readership import Asker
from aggregator.reading import EditionSignal, Signal
from aggregator.store.sql import invariants
from aggregator.store.sql.invariants.delivery import DELIVERY
from aggregator.store.sql.invariants.news import NEWS
from aggregator.store.sqlite import SqliteStores
from tests import emptydb
from tests.conformance.stores import HOUR, ME, NOW, Scene, attempt, first, match, message, new, revised
from tests.conformance.test_store_readers import letter, wish

SECRET = b"x" * 32


def lively(scene: Scene) -> None:
    """Something in every table that an invariant looks at, all of it made by the store itself; entry 3 is revised."""
    stores = scene.stores
    scene.poll("a", new("k", story=first(1, StoryKey("url", "u"))), new("l"))
    scene.poll("a", new("x", matches=(match(),), article="alert"), new("y"))
    scene.poll("a", revised(3, 2, "x2"), now=NOW + HOUR)
    stores.stories.merge(1, [2], NOW)
    told = [1, scene.matched(), scene.matched(feed="b"), scene.matched()]
    desk = stores.subscriptions.add("morning", "desk@example.org", NOW)
    for number, found in enumerate(told):
        start, end = NOW + number * HOUR, NOW + (number + 1) * HOUR
        scene.tell("morning", [found], end, [message(desk.id, "desk@example.org")], start=start)
    sent, dead, unknown, _ = stores.outbox.claim_due(ME, 4, NOW + 5 * HOUR)
    stores.outbox.settle([attempt(sent, "sent"), attempt(dead, "dead"), attempt(unknown, "unknown")], ME)
    signal = stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 42, 5.0, ""))
    telling = EditionSignal(signal, "burst", "csto", "CSTO", NOW, NOW, 42, 5.0, "")
    scene.tell("morning", [], NOW + 5 * HOUR, start=NOW + 4 * HOUR, signals=(telling,))
    stores.signups.request(wish(), letter("t"), Asker("web"), NOW, "")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = emptydb.put(tmp_path_factory.mktemp("sound") / "aggregator.db")
    stores = SqliteStores(path, secret=SECRET)
    lively(Scene(stores).furnished())
    assert stores.upkeep.examine(deep=True) == []
    stores.upkeep.close()
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, sound: bytes) -> Path:
    file = tmp_path / "aggregator.db"
    file.write_bytes(sound)
    return file


@pytest.fixture
def stores(path: Path) -> Iterator[SqliteStores]:
    opened = SqliteStores(path, secret=SECRET)
    yield opened
    opened.upkeep.close()


FORGET = "INSERT INTO entry_index (entry_index, rowid, title, body, article) VALUES"
STRANGER = """INSERT INTO subscriptions (id, subscriber_id, digest_id, state, origin, created_at)
SELECT 99, 99, digest_id, state, origin, created_at FROM subscriptions LIMIT 1;
UPDATE messages SET subscription_id = 99 WHERE id = 3; UPDATE messages SET told_in = 3 WHERE id = 2"""
DAMAGE = {
    "validators without a body that was parsed": "UPDATE feeds SET last_ok_at = NULL; DELETE FROM documents",
    "what a document held, of a feed that was never read": "UPDATE feeds SET last_ok_at = NULL; "
    "INSERT INTO documents (feed_id, head, settled, items) VALUES ('a', '', 1, x'')",
    "a claim without an end": "UPDATE feeds SET claimed_by = 'x', claimed_until = NULL",
    "an entry without a key": "DELETE FROM entry_keys",
    "a key of another feed's entry": "UPDATE entry_keys SET feed_id = 'b' WHERE entry_id = 1",
    "an id that was never given": "UPDATE story_keys SET entry_id = 99",
    "a number that would be given twice": "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'editions'",
    "a revised entry without its earlier text": "DELETE FROM entry_revisions",
    "an earlier text that is not earlier": "UPDATE entry_revisions SET revision = 2",
    "a match of a revision that never was": "UPDATE matches SET revision = 7",
    "a match whose text is not kept": "DELETE FROM entry_revisions",
    "a story without entries": "INSERT INTO stories (title, first_seen_at) VALUES ('x', 'x')",
    "a story that is there and merged into another": "INSERT INTO stories (id, title, first_seen_at) VALUES (2, '', '')",
    "an entry of a merged story that is not its story's": "UPDATE entries SET merged_from = 7 WHERE id = 4",
    "a new search index that is half there": "INSERT INTO facts VALUES ('reindexed_by', '1')",
    "a count of all that is not the sum of its parts": "UPDATE day_counts SET entries = entries + 1",
    "a watchlist's count that is not the sum of its parts": "UPDATE match_months SET entries = entries + 1",
    "entries that are not counted": "DELETE FROM entry_counts",
    "more entries counted than came": "UPDATE day_counts SET entries = entries + 1",
    "matches that are not counted": "UPDATE match_counts SET entries = entries - 1",
    "more matches counted than there are": "UPDATE match_days SET entries = entries + 1",
    "more answers than polls": "UPDATE poll_hours SET answered = polls + 1",
    "polls of a day that are not the sum of its hours": "INSERT INTO feed_days VALUES ('a', '2023-02-03', 2, 2, NULL, NULL)",
    # A reader who moves takes along what was told.
    "a match told in another digest's edition": "UPDATE edition_matches SET digest_id = 'now'",
    "a digest that has settled matches to come": "UPDATE digests SET matches_after = 99",
    "a match passed over by a digest that told earlier and later ones": "DELETE FROM edition_matches WHERE match_id = 3",
    "a window that is none": "UPDATE editions SET window_start = '2024' WHERE id = 1",
    "windows that overlap": "UPDATE editions SET window_start = '2023-02-02T13:30:00.000000Z' WHERE id = 3",
    "a digest whose next window begins inside its last": "UPDATE digests SET covered_until = '2023-02-02T13:30:00.000000Z'",
    "a signal told in another digest's edition": "UPDATE signal_tellings SET digest_id = 'now'",
    "a burst or silence that lasts twice": "INSERT INTO signals (kind, watchlist_id, began_at, found_at, observed, expected, detail) "
    "SELECT kind, watchlist_id, began_at, found_at, observed, expected, detail FROM signals",
    "a claimed message that nobody holds": "UPDATE messages SET claimed_by = NULL, claimed_until = NULL",
    "a message that is held and not claimed": "UPDATE messages SET claimed_by = 'x', claimed_until = 'x' WHERE id = 3",
    "a message that waits although its body may have been handed over": "UPDATE messages SET state = 'waiting' WHERE id = 3",
    "a message that is settled at no time": "UPDATE messages SET settled_at = NULL WHERE id = 2",
    "a message that was sent twice": "INSERT INTO attempts SELECT 99, message_id, started_at, ended_at, outcome, phase, code, detail "
    "FROM attempts WHERE outcome = 'sent'",
    "a message that no attempt has sent": "UPDATE attempts SET outcome = 'retry'",
    "a message that was tried more often than it says": "UPDATE messages SET attempts = 0",
    "a sent message that keeps its token": "UPDATE messages SET token = 'x' WHERE id = 1",
    "a message in the outbox without a token": "UPDATE messages SET token = ''",
    "a letter without a message": "INSERT INTO letters (kind, subject, mail, created_at) VALUES ('manage', '', x'', '')",
    "a message of another kind than what it carries": "UPDATE messages SET kind = 'alert'",
    "a message whose mail is not there": "UPDATE messages SET variant = 'Asia/Tokyo'",
    "a message whose way out leads nowhere": "DELETE FROM tokens WHERE purpose = 'unsubscribe'",
    "a late message that was not given up": "UPDATE messages SET late = 1 WHERE id = 3",
    "a late message that nobody will be told of": "UPDATE messages SET late = 1 WHERE id = 2; UPDATE subscriptions SET state = 'ended'",
    "a late message told to somebody else": STRANGER,
    "a notice that says nothing": "INSERT INTO notices (about, level, what, do, began_at) VALUES ('x', 'error', '', '', '')",
    "foreign key": "DELETE FROM feeds WHERE id = 'a'",
    "an entry that is not indexed": f"{FORGET} ('delete', 1, 'k', 'the council met', '')",
    "an index row without an entry": "INSERT INTO entry_index (rowid, title) VALUES (99, 'x')",
    "search index: entry 1 is": f"{FORGET} ('delete', 1, 'k', 'the council', '')",
    "entries: 1: malformed": "UPDATE entries SET markup = x'00' WHERE id = 1",
    "entry_revisions: 3: malformed": "UPDATE entry_revisions SET markup = x'00'",
}


@pytest.mark.parametrize("problem", DAMAGE)
def test_a_deep_check_finds_what_must_never_be_and_says_what_to_do(stores: SqliteStores, problem: str) -> None:
    conn = stores.db.conn
    conn.execute("PRAGMA foreign_keys=OFF")
    conn.execute("PRAGMA writable_schema=ON")
    conn.executescript(DAMAGE[problem])
    found = [one for one in stores.upkeep.examine(deep=True) if one.what.startswith(problem)]
    assert len(found) == 1, stores.upkeep.check(deep=True)
    assert "\n" not in found[0].what + found[0].do
    assert len(found[0].do) > 20


def test_every_invariant_has_a_database_that_breaks_it() -> None:
    assert [one.what for one in (*NEWS, *DELIVERY) if one.what not in DAMAGE] == []


def test_a_breach_of_a_million_rows_is_one_line() -> None:
    assert invariants.grouped(f"lost: {n}" for n in range(1_000_000)) == ["lost: 0, 1, 2, 3, 4 and 999995 more"]


def test_a_check_changes_nothing(path: Path, stores: SqliteStores) -> None:
    def dump() -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(path)) as conn:
            tables = [
                r[0]
                for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'entry_index'")
            ]
            return {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in tables}

    before = dump()
    stores.upkeep.examine(deep=True)
    assert dump() == before
    assert not stores.db.conn.in_transaction
