"""What only the SQLite store can get wrong: pragmas, migrations, bad files, query plans, invariants, connections."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database as Utils

from aggregator import tokens
from aggregator.errors import StoreError
from aggregator.model import ArticleOutcome, EntryKey, Hints, PollOutcome, StoryKey
from aggregator.query import NeedToken
from aggregator.reading import Signal
from aggregator.store.sql import alerts, choices, editions, feeds, markup, outbox, polls, tidying, upkeep
from aggregator.store.sqlite import SqliteStores, migrations
from aggregator.store.sqlite.database import Database
from tests import emptydb
from tests.conformance.stores import HOUR, ME, NOW, Scene, attempt, digest, match, message, new, poll, prune, revised

SECRET = b"s" * 32
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aggregator.db"


@pytest.fixture
def stores(path: Path) -> Iterator[SqliteStores]:
    opened = SqliteStores(emptydb.put(path), secret=SECRET)
    yield opened
    opened.upkeep.close()


@pytest.fixture
def scene(stores: SqliteStores) -> Scene:
    return Scene(stores).furnished()


def connection(stores: SqliteStores) -> sqlite3.Connection:
    return stores.db.conn


def refusal(path: Path) -> str:
    """The one line with which the store refuses a file."""
    with pytest.raises(StoreError) as caught:
        SqliteStores(path, secret=SECRET).upkeep.close()
    text = str(caught.value)
    assert "\n" not in text
    assert str(path.parent) in text
    return text


# -- opening ---------------------------------------------------------------------------------------------------------


def test_every_connection_is_set_up_to_survive_a_power_cut(stores: SqliteStores) -> None:
    found: list[tuple[object, ...]] = []

    def read() -> None:
        conn = connection(stores)
        names = ("journal_mode", "synchronous", "foreign_keys")
        found.append(tuple(conn.execute(f"PRAGMA {n}").fetchone()[0] for n in names))

    read()
    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert found == [("wal", 2, 1), ("wal", 2, 1)]


@contextlib.contextmanager
def closing_stores(path: Path) -> Iterator[SqliteStores]:
    stores = SqliteStores(path, secret=SECRET)
    yield stores
    stores.upkeep.close()


def test_from_an_empty_file_to_the_current_schema_in_one_step(path: Path) -> None:
    path.touch()
    stores = SqliteStores(path, secret=SECRET)
    applied = connection(stores).execute("SELECT name FROM _sqlite_migrations").fetchall()
    assert [r[0] for r in applied] == [m.name for m in migrations.migrations._migrations]
    assert connection(stores).execute("SELECT name, value FROM facts").fetchall()[0]["name"] == "tokenizer_version"
    assert stores.upkeep.migrate() == []
    stores.upkeep.close()


def test_a_database_of_the_first_release_is_brought_up_to_date_with_all_it_knows(path: Path) -> None:
    old = Utils(path)
    migrations.migrations.apply(old, stop_before="0002_politeness")
    with old.conn:
        old.execute("INSERT INTO facts VALUES ('tokenizer_version', ?)", [str(tokens.TOKENIZER_VERSION)])
        sql = "INSERT INTO feeds (id, url, next_poll_at, added_at, etag, last_ok_at) VALUES (?, ?, ?, ?, ?, ?)"
        times = ("2023-02-02T13:00:00.000000Z", "2023-01-01T00:00:00.000000Z")
        old.execute(sql, ["read", "https://read.example/", *times, '"e"', "2023-02-02T12:00:00.000000Z"])
        old.execute(sql, ["new", "https://new.example/", *times, "", None])
        old.execute("INSERT INTO stories VALUES (1, 't', '2023-02-01T12:00:00.000000Z')")
        columns = (
            "feed_id, story_id, guid, link, title, summary, content, body, author, categories, language, sort_at, "
        )
        old.execute(
            f"INSERT INTO entries ({columns} first_seen_at, fingerprint) VALUES "
            "('read', 1, 'g', '', 't', '', '', '', '', '[]', '', ?, ?, 'f')",
            ["2023-02-01T11:00:00.000000Z", "2023-02-01T12:00:00.000000Z"],
        )
    old.close()
    stores = SqliteStores(path, secret=SECRET)
    fresh, read = stores.feeds.list()
    assert (read.poll.etag, read.entries, read.spec.hints, read.poll.hints) == ('"e"', 1, True, Hints())
    assert (read.poll.news_at, read.poll.looked_at) == (NOW - 24 * HOUR, NOW)
    assert (fresh.poll.news_at, fresh.poll.looked_at, fresh.poll.quiet_polls, fresh.poll.moved_url) == (
        None,
        None,
        0,
        "",
    )
    assert stores.history.events() == []
    assert [r["feed_id"] for r in connection(stores).execute("SELECT * FROM feed_health")] == ["new", "read"]
    assert stores.upkeep.check() == []
    stores.upkeep.close()


def test_what_an_older_file_told_was_told_to_everybody_and_its_readers_want_everything(path: Path) -> None:
    old = Utils(path)
    migrations.migrations.apply(old, stop_before="0010_prominence")
    with old.conn:
        old.execute("INSERT INTO facts VALUES ('tokenizer_version', ?)", [str(tokens.TOKENIZER_VERSION)])
        old.execute("INSERT INTO feeds (id, url, next_poll_at, added_at) VALUES ('a', 'https://a/', ?, ?)", [AT, AT])
        old.execute("INSERT INTO stories (id, title, first_seen_at) VALUES (1, 't', ?)", [AT])
        columns = "feed_id, story_id, guid, link, title, body, author, categories, language, sort_at, first_seen_at"
        for guid in "gh":
            old.execute(
                f"INSERT INTO entries ({columns}, fingerprint) VALUES ('a', 1, ?, '', 'CSTO', '', '', '[]', '', ?, ?, 'f')",
                [guid, AT, AT],
            )
        old.execute("INSERT INTO watchlists (id, title, query, changed_at) VALUES ('csto', 'CSTO', 'CSTO', ?)", [AT])
        span = '[{"field":"title","start":0,"end":4,"term":"CSTO","alias":""}]'
        for number in (1, 2):
            sql = "INSERT INTO matches (watchlist_id, entry_id, revision, spans, reach, matched_at) VALUES ('csto', ?, 1, ?, 'alert', ?)"
            old.execute(sql, [number, span, AT])
        sql = "INSERT INTO digests (id, title, every, days, timezone, covered_until, next_at, added_at) VALUES ('now', 'n', 'instant', '[]', 'UTC', ?, ?, ?)"
        old.execute(sql, [AT, AT, AT])
        old.execute("INSERT INTO digest_watchlists VALUES ('now', 'csto', 0)")
        sql = "INSERT INTO editions (digest_id, key, kind, title, window_start, window_end, subject, stories, entries, composed_at, mail, page, text, data) VALUES ('now', 'k', 'alert', '', ?, ?, '', 1, 1, ?, '', '', '', '')"
        old.execute(sql, [AT, AT, AT])
        old.execute("INSERT INTO edition_matches (digest_id, match_id, edition_id) VALUES ('now', 1, 1)")
        old.execute("INSERT INTO subscribers (address, added_at) VALUES ('desk@example.org', ?)", [AT])
        sql = "INSERT INTO subscriptions (subscriber_id, digest_id, state, origin, created_at) VALUES (1, 'now', 'active', 'config', ?)"
        old.execute(sql, [AT])
    old.close()
    stores = SqliteStores(path, secret=SECRET)
    (waiting,) = stores.editions.waiting("now", NOW)
    assert waiting.told == "title"
    assert [digest.spec.prominence for digest in stores.editions.digests()] == ["any"]
    assert [one.prominence for one in stores.subscriptions.list()] == ["any"]
    assert stores.upkeep.check() == []
    stores.upkeep.close()


def test_messages_of_an_older_file_keep_their_states_attempts_and_ways_out(path: Path) -> None:
    old = Utils(path)
    migrations.migrations.apply(old, stop_before="0011_delivery")
    states = ("waiting", "claimed", "sent", "unknown", "dead", "cancelled")
    with old.conn:
        old.execute("INSERT INTO facts VALUES ('tokenizer_version', ?)", [str(tokens.TOKENIZER_VERSION)])
        sql = "INSERT INTO digests (id, title, every, days, timezone, covered_until, next_at, added_at) VALUES (?, '', ?, '[]', 'UTC', ?, ?, ?)"
        for digest_id, every, kind in (("now", "instant", "alert"), ("day", "hourly", "digest")):
            old.execute(sql, [digest_id, every, AT, AT, AT])
            edition = "INSERT INTO editions (digest_id, key, kind, title, window_start, window_end, subject, stories, entries, composed_at, mail, page, text, data) VALUES (?, 'k', ?, '', ?, ?, 's', 1, 1, ?, x'41', '', '', '{}')"
            old.execute(edition, [digest_id, kind, AT, AT, AT])
        for number, state in enumerate(states, 1):
            old.execute("INSERT INTO subscribers (address, added_at) VALUES (?, ?)", [f"{state}@example.org", AT])
            for edition_id, digest_id in enumerate(("now", "day"), 1):
                sql = "INSERT INTO subscriptions (subscriber_id, digest_id, state, origin, created_at) VALUES (?, ?, 'active', 'config', ?)"
                subscription = old.execute(sql, [number, digest_id, AT]).lastrowid
                token = "" if state in ("sent", "cancelled") else f"t{subscription}"
                held = AT if state == "unknown" else None
                sql = "INSERT INTO messages (edition_id, subscription_id, address, token, message_id, state, claimed_by, claimed_until, settled_at, attempts, next_attempt_at, created_at, held_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"
                claim: list[str | None] = ["host:1:me", AT] if state == "claimed" else [None, None]
                claim.append(AT if state in ("sent", "dead", "cancelled") else None)
                values = [edition_id, subscription, f"{state}@example.org", token, f"<{subscription}@x>", state]
                made = old.execute(sql, [*values, *claim, AT, AT, held]).lastrowid
                sql = "INSERT INTO attempts (message_id, started_at, ended_at, outcome, phase, code, detail) VALUES (?, ?, ?, ?, 'data', 451, 'later')"
                old.execute(sql, [made, AT, AT, "sent" if state == "sent" else "retry"])
                sql = "INSERT INTO tokens (hash, purpose, subscription_id, created_at) VALUES (?, 'unsubscribe', ?, ?)"
                old.execute(sql, [hashlib.sha256(f"t{subscription}".encode()).hexdigest(), subscription, AT])
    before = [tuple(r) for r in old.execute("SELECT id, state, token, held_at, claimed_by FROM messages ORDER BY id")]
    old.close()
    stores = SqliteStores(path, secret=SECRET)
    conn = connection(stores)
    after = "SELECT id, state, token, held_at, claimed_by FROM messages ORDER BY id"
    assert [tuple(r) for r in conn.execute(after)] == before
    assert stores.upkeep.check(deep=True) == []
    assert [(m.kind, m.digest_id) for m in stores.outbox.list()] == [("digest", "day"), ("alert", "now")] * len(states)
    assert all(stores.outbox.content(m) for m in stores.outbox.list())
    assert conn.execute("SELECT count(*) FROM attempts a JOIN messages m ON m.id = a.message_id").fetchone()[0] == 12
    assert stores.subscriptions.find_token("t1") is not None
    assert conn.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%_before'").fetchone()[0] == 0
    stores.upkeep.close()


OLD_ENTRY = """INSERT INTO entries (id, feed_id, story_id, guid, link, title, summary, content, body, author, categories,
  language, sort_at, first_seen_at, revision, fingerprint)
VALUES (:id, 'a', :story, 'g', '', :title, :summary, :content, :body, '', '[]', '', :at, :at, :revision, :print)"""
AT = "2023-02-02T12:00:00.000000Z"


def test_texts_keys_and_stories_of_an_older_file_come_through(path: Path) -> None:
    old = Utils(path)
    migrations.migrations.apply(old, stop_before="0002_politeness")
    texts = {
        "summary": "<p>Саммит ОДКБ</p>",
        "content": "<p>Саммит <b>ОДКБ</b> прошёл</p>",
        "body": "Саммит ОДКБ прошёл",
    }
    plain = {"title": "Bare", "summary": "", "content": "", "body": "", "at": AT, "revision": 1}
    with old.conn:
        old.execute("INSERT INTO facts VALUES ('tokenizer_version', ?)", [str(tokens.TOKENIZER_VERSION)])
        sql = "INSERT INTO feeds (id, url, articles, next_poll_at, added_at) VALUES ('a', 'http://a.example/', 'short', ?, ?)"
        old.execute(sql, [AT, AT])
        old.execute("INSERT INTO stories VALUES (1, 'Summit', ?), (2, 'As first seen', ?), (3, 'gone', ?)", [AT] * 3)
        old.execute(
            OLD_ENTRY, {**plain, **texts, "id": 1, "story": 1, "title": "Summit", "revision": 2, "print": "ab" * 32}
        )
        old.execute(OLD_ENTRY, {**plain, "id": 5, "story": 2, "print": "f"})
        old.execute(OLD_ENTRY, {**plain, "id": 9, "story": 3, "print": "f"})
        old.execute(
            "INSERT INTO entry_index (rowid, title, body, article) VALUES (1, 'summit', 'саммит одкб прошел', 'page')"
        )
        old.execute("INSERT INTO entry_index (rowid, title) VALUES (5, 'bare')")
        old.execute(
            "INSERT INTO articles (entry_id, reach, text, next_at, state) VALUES (1, 'alert', 'Page', ?, 'done')", [AT]
        )
        old.execute("INSERT INTO entry_revisions VALUES (1, 1, 'S', 'l', '<i>was</i>', '', 'was', NULL, ?)", [AT])
        old.execute("INSERT INTO entry_keys VALUES ('a', 'id', 'g', 1), ('a', 'id', 'h', 5), ('a', 'id', 'gone', 9)")
        old.execute("INSERT INTO story_keys VALUES ('url', 'u', 1, 1), ('title', 't', 5, 2)")
        old.execute("DELETE FROM entries WHERE id = 9")
        old.execute("DELETE FROM stories WHERE id = 3")
    old.close()
    stores = SqliteStores(path, secret=SECRET)
    one, five = stores.entries.entries()
    assert {name: getattr(one, name) for name in texts} == texts
    assert (one.article, five.summary, five.content, five.body) == ("Page", "", "", "")
    assert [feed.spec.articles for feed in stores.feeds.list()] == ["short"]
    known = stores.polls.known_entries("a", [EntryKey("id", "g"), EntryKey("id", "h"), EntryKey("id", "gone")])
    facts = {k.key: (v.id, v.fingerprint) for k, v in known.items()}
    assert facts == {"g": (1, "ab" * 32), "h": (5, "f"), "gone": (0, "")}
    assert [s.title for s in stores.stories.list()] == ["Summit", "As first seen"]
    conn = connection(stores)
    assert [r["title"] for r in conn.execute("SELECT title FROM stories ORDER BY id")] == ["", "As first seen"]
    assert [r["title"] for r in conn.execute("SELECT title FROM story_titles ORDER BY story_id")] == [
        "Summit",
        "As first seen",
    ]
    keys = [StoryKey("url", "u"), StoryKey("title", "t"), StoryKey("url", "t")]
    assert [(c.key, c.story_id) for c in stores.polls.story_candidates(keys, NOW)] == [(keys[0], 1), (keys[1], 2)]
    found = {
        w: [e.id for e in stores.entries.propose(NeedToken(w))] for w in ("summit", "прошел", "page", "bare", "was")
    }
    assert found == {"summit": [1], "прошел": [1], "page": [1], "bare": [5], "was": []}
    revision = conn.execute("SELECT markup, body FROM entry_revisions").fetchone()
    assert markup.unpack(revision["markup"], revision["body"]) == ("<i>was</i>", "")
    assert conn.execute("SELECT length(fingerprint) FROM entries WHERE id = 1").fetchone()[0] == 32
    assert stores.upkeep.check(deep=True) == []
    later = Scene(stores)
    later.stores.feeds.claim_due(ME, 9, NOW)
    outcome = PollOutcome("a", poll(), (new("next"), revised(1, 3, "Renamed")))
    assert later.stores.polls.commit_polls([outcome], ME, NOW)["a"] == [10], "an id is never given twice"
    assert [s.title for s in stores.stories.list()] == ["Summit", "As first seen", "next"]
    assert stores.upkeep.check(deep=True) == []
    stores.upkeep.close()


def test_an_index_of_other_tokens_is_made_anew(stores: SqliteStores) -> None:
    scene = Scene(stores).furnished()
    scene.entry("talks")
    conn = connection(stores)
    conn.execute("UPDATE facts SET value = '0' WHERE name = 'tokenizer_version'")
    conn.execute("INSERT INTO entry_index (entry_index) VALUES ('delete-all')")
    assert any("another tokeniser" in p for p in stores.upkeep.check())
    stores.upkeep.migrate()
    assert [e.entry().title for e in stores.entries.propose(NeedToken("talks"))] == ["talks"]
    assert stores.upkeep.check(deep=True) == []


def an_index_of_older_rules(stores: SqliteStores) -> None:
    """As if another version of the tokeniser had fed it: each word reads backwards."""
    conn = connection(stores)
    conn.execute("BEGIN")
    conn.execute("INSERT INTO entry_index (entry_index) VALUES ('delete-all')")
    for entry in list(stores.entries.entries()):
        words = " ".join(word[::-1] for word in tokens.tokenize(entry.title).folded)
        conn.execute("INSERT INTO entry_index (rowid, title, body, article) VALUES (?, ?, '', '')", (entry.id, words))
    conn.execute("UPDATE facts SET value = '0' WHERE name = 'tokenizer_version'")
    conn.execute("COMMIT")


def proposed(stores: SqliteStores, word: str) -> list[str]:
    return [found.entry().title for found in stores.entries.propose(NeedToken(word))]


def test_a_large_index_is_made_anew_beside_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 0)
    with closing_stores(path) as before:
        scene = Scene(before).furnished()
        ids = scene.poll("a", *(new(f"talks {n}", article="digest") for n in range(50)))
        an_index_of_older_rules(before)
    with closing_stores(path) as stores:
        scene = Scene(stores)
        assert stores.upkeep.check() == [], "it is in use, and being made anew"
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 50
        assert (len(proposed(stores, "sklat")), len(proposed(stores, "talks"))) == (50, 0), "the old one is in use"
        assert stores.entries.reindex(20)
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 30
        # Meanwhile life goes on, on both sides of the seam.
        scene.poll("a", new("talks of late"), revised(ids[0], 2, "speeches"), revised(ids[40], 2, "speeches"))
        [task] = stores.entries.claim_articles(ME, 1, NOW)
        outcome = ArticleOutcome(task.entry.id, task.entry.revisions, "Page", "page", (), "done")
        stores.entries.commit_articles([outcome], ME, NOW)
        assert proposed(stores, "late") == ["talks of late"], "what is new is found at once"
        assert proposed(stores, "page") == [task.entry.title]
        assert not any(found.certain for found in stores.entries.propose(NeedToken("speeches")))
        assert proposed(stores, "speeches") == ["speeches", "speeches"]
    with closing_stores(path) as stores:  # a restart does not begin again
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 31
        prune(stores, NOW + 400 * 24 * HOUR, 399 * 24 * HOUR)
        while stores.entries.reindex(20):
            pass
        assert not stores.entries.reindex(20)
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 0
        assert stores.upkeep.check(deep=True) == []
        assert proposed(stores, "sklat") == []
    with closing_stores(path) as stores:
        assert stores.upkeep.check(deep=True) == []


def test_a_new_index_ends_as_if_there_had_been_no_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 0)
    with closing_stores(path) as before:
        scene = Scene(before).furnished()
        scene.poll("a", *(new(f"talks {n}") for n in range(45)))
        an_index_of_older_rules(before)
    with closing_stores(path) as stores:
        while stores.entries.reindex(7):
            Scene(stores).poll("a", new(f"talks while at it {len(proposed(stores, 'talks'))}"))
        assert len(proposed(stores, "talks")) == stores.upkeep.stats(NOW)["entries"]
        assert all(found.certain for found in stores.entries.propose(NeedToken("talks")))
        assert stores.upkeep.check(deep=True) == []


def test_an_index_begun_by_another_version_is_begun_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 0)
    with closing_stores(path) as before:
        Scene(before).furnished().poll("a", *(new(f"talks {n}") for n in range(9)))
        an_index_of_older_rules(before)
    with closing_stores(path) as stores:
        assert stores.entries.reindex(4)
        connection(stores).execute("UPDATE facts SET value = 'other' WHERE name = 'reindexed_by'")
    with closing_stores(path) as stores:
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 9
        connection(stores).execute(
            "UPDATE facts SET value = ? WHERE name = 'tokenizer_version'", [str(tokens.TOKENIZER_VERSION)]
        )
    with closing_stores(path) as stores:  # the old rules are in force again
        assert stores.upkeep.stats(NOW)["entries_to_index"] == 0
        assert "entry_index_next" not in [r[0] for r in connection(stores).execute("SELECT name FROM sqlite_master")]


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "statements", lambda _: ["CREATE TABLE one (a)", "CREATE TABLE one (a)"])
    assert "already exists" in refusal(path)
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT name FROM sqlite_master").fetchall() == []
    conn.close()
    monkeypatch.undo()
    SqliteStores(path, secret=SECRET).upkeep.close()


def test_feeds_of_an_older_file_get_their_host(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrations.migrations._migrations
    with monkeypatch.context() as older:
        older.setattr(migrations.migrations, "_migrations", [s for s in steps if s.name < "0003"])
        with sqlite3.connect(path) as conn:
            migrations.migrations.apply(Utils(conn))
            sql = "INSERT INTO feeds (id, url, next_poll_at, added_at) VALUES ('a', 'https://A.example/rss', 'x', 'x')"
            conn.execute(sql)
        conn.close()
    stores = SqliteStores(path, secret=SECRET)
    assert connection(stores).execute("SELECT host FROM feeds").fetchone()[0] == "https://a.example:443"
    stores.upkeep.close()


def test_two_processes_may_open_a_new_file_at_once(path: Path) -> None:
    code = (
        "import sys, pathlib; from aggregator.store.sqlite import SqliteStores; print('ready', flush=True)\n"
        "sys.stdin.readline(); s = SqliteStores(pathlib.Path(sys.argv[1]), secret=b'x'); print(s.upkeep.check()); s.upkeep.close()"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(4)
    ]
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in crowd] == ["[]\n"] * 4


def test_opening_waits_for_another_program_that_is_making_the_file(path: Path) -> None:
    """SQLite itself gives up at once when the switch to WAL finds the file in use."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (a)")
    timer = threading.Timer(0.3, other.execute, ["COMMIT"])
    timer.start()
    SqliteStores(path, secret=SECRET).upkeep.close()
    timer.join()
    other.close()


def test_a_database_from_the_future_is_refused_untouched(path: Path, stores: SqliteStores) -> None:
    connection(stores).execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('aggregator', '0999_more', 'x')"
    )
    stores.upkeep.close()
    before = path.read_bytes()
    assert "newer version (0999_more); upgrade aggregator" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all, but text\n" * 200, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "restore" in refusal(path)
    assert path.read_bytes() == content


def test_a_damaged_database_is_told_of_and_never_crashes(path: Path, scene: Scene) -> None:
    scene.poll("a", *(new(f"t{i}", "words " * 300) for i in range(200)))
    scene.stores.upkeep.close()
    raw = bytearray(path.read_bytes())
    for page in range(len(raw) // 4096 - 60, len(raw) // 4096, 3):  # behind the schema's own pages
        raw[page * 4096 : page * 4096 + 64] = b"\xee" * 64
    path.write_bytes(raw)
    again = SqliteStores(path, secret=SECRET)
    assert again.upkeep.check(deep=True) != []
    assert all("\n" not in p for p in again.upkeep.check())
    with pytest.raises(StoreError, match="restore"):
        list(again.entries.entries())
    with pytest.raises(StoreError):
        again.upkeep.backup(path.with_name("copy.db"))
    assert not path.with_name("copy.db").exists()
    again.upkeep.close()


def test_a_folder_in_the_way_or_missing_is_refused(tmp_path: Path) -> None:
    assert "may be written" in refusal(tmp_path)
    assert "no such folder" in refusal(tmp_path / "nowhere" / "aggregator.db")


def test_a_database_held_by_another_program_is_refused(
    path: Path, stores: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.store.sqlite.database.BUSY_SECONDS", 0.05)
    stores.upkeep.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked; another program holds it" in refusal(path)
    finally:
        other.close()


def test_a_write_waits_for_a_program_that_writes(path: Path, scene: Scene) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.execute, ["COMMIT"])
    timer.start()
    scene.feeds("a", "b", "c")
    timer.join()
    other.close()
    assert len(scene.stores.feeds.list()) == 3


def test_a_database_that_may_not_be_written_is_refused_in_one_line() -> None:
    """In a process without root's rights, who may write anything."""
    folder = Path(tempfile.mkdtemp(prefix="readonly-"))
    try:
        SqliteStores(folder / "aggregator.db", secret=SECRET).upkeep.close()
        (folder / "aggregator.db").chmod(0o444)
        folder.chmod(0o555)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                stores = SqliteStores(folder / "aggregator.db", secret=SECRET)
                stores.feeds.sync([], NOW)
            except StoreError as e:
                code = 0 if "may be written" in str(e) and "\n" not in str(e) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


# -- connections -----------------------------------------------------------------------------------------------------


def test_threads_that_have_ended_leave_no_connections_behind(stores: SqliteStores) -> None:
    """Each sweep of a daemon is a thread of its own, for years."""
    for _ in range(30):
        thread = threading.Thread(target=stores.feeds.list)
        thread.start()
        thread.join()
    assert len(stores.db._open) <= 2


def _write(db: Database, last: str, fault: BaseException | None = None) -> None:
    with db.write() as conn:
        conn.execute("INSERT INTO facts VALUES ('a', 'b')")
        db.utils.table("facts").insert({"name": "c", "value": "d"})
        conn.execute(last)
        if fault is not None:
            raise fault


def test_an_exception_inside_a_transaction_leaves_nothing_also_of_what_sqlite_utils_wrote(path: Path) -> None:
    stores = SqliteStores(path, secret=SECRET)
    db: Database = stores.db
    with pytest.raises(KeyboardInterrupt):
        _write(db, "SELECT 1", KeyboardInterrupt())
    with pytest.raises(StoreError):
        _write(db, "INSERT INTO nowhere VALUES (1)")
    assert not connection(stores).in_transaction
    assert [r["name"] for r in connection(stores).execute("SELECT name FROM facts")] == ["tokenizer_version"]
    stores.upkeep.close()


def test_two_processes_never_claim_the_same_feed(path: Path, stores: SqliteStores) -> None:
    names = [f"f{i:03}" for i in range(200)]
    Scene(stores).feeds(*names)
    code = (
        "import sys, pathlib; from datetime import datetime, UTC\n"
        "from aggregator.store.sqlite import SqliteStores\n"
        "s = SqliteStores(pathlib.Path(sys.argv[1]), secret=b'x'); print('ready', flush=True); sys.stdin.readline()\n"
        "while got := s.feeds.claim_due(sys.argv[2], 3, datetime(2023, 2, 2, 12, tzinfo=UTC)):\n"
        "    print(*(f.id for f in got))\n"
        "s.upkeep.close()\n"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), f"o{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for i in range(2)
    ]
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    got = [process.communicate(timeout=60)[0].split() for process in crowd]
    assert sorted(got[0] + got[1]) == names


def test_a_suppressed_address_is_written_to_by_no_message(scene: Scene, stores: SqliteStores) -> None:
    waiting = scene.message("desk@example.org")
    sql = "INSERT INTO suppressions VALUES (?, 'bounced', 'x')"
    connection(stores).execute(sql, (stores.subscriptions._hmac(" Desk@example.org"),))
    assert stores.outbox.claim_due(ME, 9, NOW) == []
    found = stores.outbox.get(waiting.id)
    assert found is not None
    assert (found.state, found.token, found.error) == ("cancelled", "", "the address is suppressed")


# -- schema ----------------------------------------------------------------------------------------------------------


def busy(scene: Scene) -> None:
    (one, _) = scene.poll("a", new("x", matches=(match(),), article="alert"), new("y"), etag="e")
    scene.poll("a", revised(one, 2, "x2"), now=NOW + HOUR)
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    scene.tell("morning", scene.waiting("morning"), NOW + HOUR, [message(subscription.id, "desk@example.org")])
    (sent,) = scene.stores.outbox.claim_due(ME, 1, NOW + HOUR)
    scene.stores.outbox.settle([attempt(sent, "sent")], ME)


VIEWS = [
    "attention", "attention_by_feed", "bursts_and_silences", "edition_stories", "feed_health", "matched_entries", "matches_by_watchlist_and_day", "outbox", "story_outlets", "story_titles",
]  # fmt: skip


def test_every_question_has_a_view_that_answers(scene: Scene, stores: SqliteStores) -> None:
    busy(scene)
    scene.message("other@example.org")
    stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 42, 5.0, ""))
    conn = connection(stores)
    assert [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")] == VIEWS
    answers = {name: [dict(r) for r in conn.execute(f"SELECT * FROM {name}")] for name in VIEWS}
    assert [len(answers[name]) for name in VIEWS] == [1, 1, 1, 1, 2, 1, 1, 1, 2, 2]
    assert answers["edition_stories"][0]["title"] == "x"
    assert answers["matched_entries"][0]["title"] == "x2"
    assert answers["matches_by_watchlist_and_day"][0]["day"] == "2023-02-02"
    assert answers["outbox"][0]["address"] == "other@example.org"
    assert {r["feed_id"]: r["entries"] for r in answers["feed_health"]} == {"a": 2, "b": 0}


@pytest.mark.parametrize(("table", "says"), [
    ("day_counts", "a count of all that is not the sum of its parts: 2023-02"),
    ("entry_months", "a count of all that is not the sum of its parts: 2023-02"),
    ("match_days", "a watchlist's count that is not the sum of its parts: csto 2023-02-02"),
    ("match_months", "a watchlist's count that is not the sum of its parts: csto 2023-02"),
])  # fmt: skip
def test_a_sum_that_is_not_that_of_its_parts_is_found(
    scene: Scene, stores: SqliteStores, table: str, says: str
) -> None:
    busy(scene)
    assert stores.upkeep.check(deep=True) == []
    connection(stores).execute(f"UPDATE {table} SET entries = entries + 1")
    assert says in "\n".join(stores.upkeep.check(deep=True))


def test_the_document_of_the_schema_names_every_table_column_and_view(stores: SqliteStores) -> None:
    text = (ROOT / "docs/schema.md").read_text("utf-8")
    sections = {m[1]: m[2] for m in re.finditer(r"^#{3,4} (\w+)$(.*?)(?=^#{2,4} |\Z)", text, re.MULTILINE | re.DOTALL)}
    conn = connection(stores)
    objects = [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    ours = [n for n in objects if not re.match(r"_?sqlite_|entry_index_", n)]
    for name in ours:
        columns = [r["name"] for r in conn.execute(f"PRAGMA table_xinfo({name})") if not r["hidden"]]
        documented = re.findall(r"^\| `(\w+)` \|", sections[name], re.MULTILINE) or re.findall(
            r"`(\w+)`", sections[name].partition("Columns:")[2]
        )
        assert [c for c in documented if c in columns] == columns, name
        assert [c for c in documented if c not in columns] == [], name
    headings = {n for n in sections if "_" in n or n in {"feeds", "entries", "outbox"}}
    assert headings <= set(ours), "nothing is described that is gone"
    for example in re.findall(r"^    (SELECT .*);$", text, re.MULTILINE):
        conn.execute(example).fetchall()


def test_the_index_reads_our_tokens_as_the_tokeniser_says(stores: SqliteStores) -> None:
    sql = connection(stores).execute("SELECT sql FROM sqlite_master WHERE name = 'entry_index'").fetchone()[0]
    assert f'tokenize = "{tokens.FTS5_TOKENIZE}"' in sql


# -- speed -----------------------------------------------------------------------------------------------------------


def plan(stores: SqliteStores, sql: str, values: object = ()) -> str:
    marks: object = values or tuple(None for _ in range(sql.count("?")))
    found = connection(stores).execute(f"EXPLAIN QUERY PLAN {sql}", marks)  # type: ignore[arg-type]
    return "\n".join(r["detail"] for r in found)


def test_hot_queries_search_indexes_and_scan_nothing(scene: Scene, stores: SqliteStores) -> None:
    busy(scene)
    seen: list[str] = []
    conn = connection(stores)
    conn.set_trace_callback(seen.append)
    stores.feeds.claim_due(ME, 5, NOW)
    stores.polls.known_entries("a", [EntryKey("id", "x"), EntryKey("id", "y")])
    stores.polls.story_candidates([StoryKey("url", "u")], NOW)
    stores.editions.waiting("morning", NOW)
    stores.outbox.claim_due(ME, 5, NOW)
    stores.subscriptions.find_token("x")
    stores.entries.claim_articles(ME, 5, NOW)
    conn.set_trace_callback(None)
    # Whether a poll lies in the future is asked once a minute.
    hot = [s for s in seen if s.lstrip().startswith(("SELECT", "UPDATE")) and "WHERE last_poll_at >" not in s]
    assert len(hot) >= 8
    for sql in hot:
        steps = plan(stores, sql, {})
        scans = [
            s for s in steps.splitlines() if s.startswith("SCAN") and "json_each" not in s and "suppressions" not in s
        ]
        assert scans in ([], ["SCAN o"], ["SCAN hosts"]) or "feeds_by_next_poll" in steps, f"{sql}\n{steps}"


def test_what_pages_read_grows_with_what_they_show_and_not_with_what_is_stored(
    scene: Scene, stores: SqliteStores
) -> None:
    busy(scene)
    seen: list[str] = []
    conn = connection(stores)
    conn.set_trace_callback(seen.append)
    stores.reading.news(["csto", "energy"], NOW - HOUR, 3, most=5)
    stores.reading.watched([1, 2], NOW - HOUR)
    stores.reading.began()
    stores.reading.last_edition(["morning"])
    stores.reading.found("csto", 5)
    stores.reading.copies([1, 2])
    stores.reading.mark(["csto", "energy"], [1, 2])
    since, until = NOW.date() - timedelta(days=364), NOW.date()
    stores.attention.days("csto", since, until)
    for by in ("feed", "language", "country"):
        stores.attention.parts("csto", since, until, by)
    stores.attention.hours("csto", NOW - HOUR)
    stores.attention.feed("a", since, until)
    conn.set_trace_callback(None)
    asked = [s for s in seen if s.lstrip().startswith(("SELECT", "WITH"))]
    assert len(asked) >= 17
    for sql in asked:
        steps = plan(stores, sql, {})
        # Feeds are few, and so are signals; `w`, `e`, `found` and the subqueries are what has been found.
        scans = re.findall(
            r"^SCAN (?!f\b|signals|json_each|j VIRTUAL|w\b|e$|found|every|most|p$|\(subquery|3 CONST)(.*)",
            steps,
            re.MULTILINE,
        )
        assert scans == [], f"{sql}\n{steps}"
        # The oldest match must not be where reading begins.
        assert not re.search("^SEARCH matches$", steps, re.MULTILINE), f"{sql}\n{steps}"


def test_the_indexes_meant_for_them_are_used(scene: Scene, stores: SqliteStores) -> None:
    busy(scene)
    assert "entry_keys USING PRIMARY KEY (feed_id=? AND kind=? AND key=?)" in plan(
        stores, polls._KNOWN.format(wanted="(?, ?), (?, ?)")
    ).replace("SEARCH k", "SEARCH entry_keys")
    for of_whom in (polls._FEEDS_OF_KEY, polls._FEEDS_OF_STORY):
        candidates = plan(stores, polls._CANDIDATES.format(marks="?, ?", feeds=of_whom))
        assert "PRIMARY KEY (kind=? AND key=?)" in candidates
        assert "entries_by_story" in candidates
    assert "TEMP B-TREE FOR ORDER BY" not in (of_mark := plan(stores, polls._STORIES_OF_MARK))
    assert "PRIMARY KEY (kind=? AND key=?)" in of_mark
    assert "entries_by_feed (feed_id=?)" in plan(stores, polls._LAST_TEXTS)
    assert "TEMP B-TREE" not in plan(stores, polls._LAST_TEXTS)
    assert "messages_by_letter (letter_id=?)" in plan(stores, f"SELECT id {tidying._READ_LETTERS}")
    assert "subscriptions_by_digest (digest_id=?" in plan(stores, f"SELECT id {choices.UNREAD}")
    assert "SCAN m USING INDEX messages_late" in plan(stores, alerts._LATE)
    waiting = plan(stores, f"SELECT m.id FROM digests d, {editions._WAITING[5:]} AND d.id = 'x'", {"until": "x"})
    assert (
        "matches_by_watchlist (watchlist_id=? AND rowid>?)" in waiting
        or "m USING INTEGER PRIMARY KEY (rowid>?)" in waiting
    ), waiting
    assert "messages_due" in plan(stores, f"SELECT m.id {outbox._DUE}", {"now": "x", "but": "[]"})
    assert feeds.CLAIM < outbox.CLAIM


def test_fifty_of_ten_thousand_feeds_are_claimed_and_committed(path: Path) -> None:
    stores = SqliteStores(path, secret=SECRET)
    scene = Scene(stores)
    scene.watchlists("csto")
    scene.digests(digest("morning"))
    scene.feeds(*(f"f{i:05}" for i in range(10_000)))
    claimed = stores.feeds.claim_due(ME, 50, NOW)
    outcomes = [
        PollOutcome(
            f.id, poll(), tuple(new(f"{f.id} {i}", "word " * 60, matches=(match(),) * (i == 0)) for i in range(30))
        )
        for f in claimed
    ]
    stored = stores.polls.commit_polls(outcomes, ME, NOW)
    stores.upkeep.close()
    assert sum(map(len, stored.values())) == 1500
    assert len(claimed) == 50
