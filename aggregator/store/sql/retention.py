"""Retention: what is old and needed by nobody goes, in small transactions between which everybody else may write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from aggregator.care import Keep
from aggregator.model import EntryKey
from aggregator.store.sql import rows
from aggregator.store.sql.counting import DAY, HOUR
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.polls import keep_titles

ENTRIES_AT_ONCE, ROWS_AT_ONCE = 50, 500
"""So many go in one transaction: about a tenth of a second on a slow disk."""
POLLED = timedelta(days=400)
"""How long it is kept at least when feeds were read, and what happened to them."""
STORY_KEYS = timedelta(days=30)
"""How long a story's keys are kept: ten times as long as they are asked for (stories.assign.WINDOW)."""
RECALLED = timedelta(days=60)
"""How long what was told before a restore is known: feeds do not show their entries longer."""
TOKENS = timedelta(days=1100)
"""How long the link in a mail ends a subscription."""
MONTH = len("2026-11")
KEYS = 2
"""How many times as long as its entry a name is kept."""
GONE = "<!DOCTYPE html><html lang=en><title>Gone</title><p>This edition is older than retention.editions; its text is gone.</p></html>"

Pause = Callable[[], bool]
"""What is called between two transactions: gives others the time to write; False to leave the rest for the next run."""


class Retention:
    """RetentionStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def prunable(self, now: datetime, keep: Keep) -> Mapping[str, int]:
        """See RetentionStore.prunable."""
        with self._db.read() as conn:
            found = {feed: conn.execute(_COUNT, (feed, cut)).fetchone()[0] for feed, cut in _cuts(conn, now, keep)}
        return {feed: count for feed, count in found.items() if count}

    def prune(self, now: datetime, keep: Keep, pause: Pause = lambda: True) -> Mapping[str, int]:
        """See RetentionStore.prune."""
        entries = stories = 0
        with self._db.read() as conn:
            old = [(feed, cut, _ids(conn, feed, cut)) for feed, cut in _cuts(conn, now, keep)]
        keyed = rows.stamp(now - STORY_KEYS)
        for _, cut, ids in old:
            for part in rows.chunks(ids, ENTRIES_AT_ONCE):
                with self._db.write() as conn:
                    gone, emptied = _prune(conn, part, cut, keyed=cut > keyed)
                entries, stories = entries + gone, stories + emptied
                if not pause():
                    return {"entries": entries, "stories": stories}
        return {"entries": entries, "stories": stories}

    def forget(self, now: datetime, keep: Keep, pause: Pause = lambda: True) -> Mapping[str, int]:
        """See RetentionStore.forget."""
        forgotten: dict[str, int] = {}
        for table, look, change, value in _statements(now, keep):
            found = [tuple(r) for r in self._db.ask(look, (value,))]
            for part in rows.chunks(found, ROWS_AT_ONCE):
                with self._db.write() as conn:
                    conn.executemany(change, part)
                forgotten[table] = forgotten.get(table, 0) + len(part)
                if not pause():
                    return forgotten
        if self._db.log is not None:
            forgotten["log"] = self._db.log.forget(rows.stamp(now - keep.log)[:MONTH])
        return forgotten

    def forget_keys(
        self, feed_id: str, but: Collection[EntryKey], now: datetime, keep: Keep, pause: Pause = lambda: True
    ) -> int:
        """See RetentionStore.forget_keys."""
        age = keep.feeds.get(feed_id, keep.entries)
        if age is None:
            return 0
        cut = rows.stamp(now - KEYS * age)[:DAY]
        with self._db.read() as conn:
            up_to = conn.execute("SELECT max(last_entry_id) FROM entry_days WHERE day < ?", (cut,)).fetchone()[0]
            found = conn.execute(_OLD_KEYS, (feed_id, up_to or 0)).fetchall()
        kept = set(but)
        old = [(feed_id, r[0], r[1]) for r in found if EntryKey(r[0], r[1]) not in kept]
        for part in rows.chunks(old, ROWS_AT_ONCE):
            with self._db.write() as conn:
                conn.executemany("DELETE FROM entry_keys WHERE feed_id = ? AND kind = ? AND key = ?", part)
            if not pause():
                break
        return len(old)

    def note_day(self, now: datetime, keep: Keep) -> bool:
        """See RetentionStore.note_day."""
        day = rows.stamp(now)[:DAY]
        if self._db.ask("SELECT 1 FROM entry_days WHERE day = ?", (day,)):
            return False
        ages = [age for age in (keep.entries, *keep.feeds.values()) if age is not None]
        cut = rows.stamp(now - KEYS * max(ages, default=timedelta(0)) - timedelta(days=2))[:DAY]
        with self._db.write() as conn:
            last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'"
            sql = f"INSERT OR IGNORE INTO entry_days (day, last_entry_id) VALUES (?, ({last}))"  # noqa: S608 - our own words
            done = conn.execute(sql, (day,)).rowcount == 1
            # The newest of those that are old enough says which names may go.
            sql = "DELETE FROM entry_days WHERE day < ? AND day < (SELECT max(day) FROM entry_days WHERE day < ?)"
            conn.execute(sql, (cut, cut))
        return done


def _cuts(conn: Connection, now: datetime, keep: Keep) -> Iterator[tuple[str, str]]:
    """The feeds whose entries go some time, each with the moment before which."""
    for (feed,) in conn.execute("SELECT id FROM feeds ORDER BY id").fetchall():
        age = keep.feeds.get(feed, keep.entries)
        if age is not None:
            yield feed, rows.stamp(now - age)


def _ids(conn: Connection, feed: str, cut: str) -> list[int]:
    return [r[0] for r in conn.execute(f"SELECT e.id {_OLDEST}", (feed, cut))]


def _prune(conn: Connection, ids: Sequence[int], cut: str, *, keyed: bool) -> tuple[int, int]:
    """Remove those of these entries that still nobody needs, with what hangs on them; entries and stories that went.

    `keyed`: they are so young that stories have keys of them. These are not found by entry: one look through all serves many.
    """
    sql = f"SELECT e.id, e.story_id FROM entries e WHERE e.id IN ({rows.marks(len(ids))}) AND {_UNNEEDED}"  # noqa: S608 - marks only
    found = conn.execute(sql, tuple(ids)).fetchall()
    gone = [r[0] for r in found]
    keep_titles(conn, gone)
    conn.words.remove(gone)
    if keyed:
        conn.execute(f"DELETE FROM story_keys WHERE entry_id IN ({rows.marks(len(gone))})", gone)  # noqa: S608 - marks only
    conn.executemany("DELETE FROM entries WHERE id = ?", [(i,) for i in gone])
    emptied = conn.executemany(_DROP_EMPTY, [(s, s) for s in {r[1] for r in found}]).rowcount
    if gone:
        conn.execute(_PRUNED, (cut,))
    return len(gone), max(emptied, 0)


def _statements(now: datetime, keep: Keep) -> Iterator[tuple[str, str, str, str]]:
    """(table, what finds the keys of rows, what removes one row, the value to look with), children before parents."""

    def before(age: timedelta) -> str:
        return rows.stamp(now - age)

    polled = before(max(keep.entries or POLLED, POLLED))
    told = [
        ("story_keys", "entry_id NOT IN (SELECT id FROM entries WHERE first_seen_at >= ?)", before(STORY_KEYS)),
        ("gaps", "found_at < ?", before(keep.entries or POLLED)),
        ("feed_days", "day < ?", polled[:DAY]),
        ("poll_hours", "hour < ?", polled[:HOUR]),
        ("feed_events", "at < ?", polled),
        ("signal_tellings", "signal_id IN (SELECT id FROM signals WHERE ended_at < ?)", polled),
        ("signals", "ended_at < ?", polled),
        ("notices", "ended_at < ?", polled),
        ("bounces", "at < ?", polled),
        ("told_earlier", "at < ?", before(RECALLED)),
        ("tokens", "purpose = 'unsubscribe' AND created_at < ?", before(TOKENS)),
    ]
    if keep.messages is not None:
        told += [(table, where, before(keep.messages)) for table, where in _MESSAGES]
    for table, where, value in told:
        key = _KEYS.get(table, "id")
        same = " AND ".join(f"{name} = ?" for name in key.split(", "))
        look, change = f"SELECT {key} FROM {table} WHERE {where}", f"DELETE FROM {table} WHERE {same}"  # noqa: S608 - names are ours
        yield table, look, change, value
    if keep.messages is not None:
        yield "mails", _MAIL, "UPDATE editions SET mail = x'' WHERE id = ?", before(keep.messages)
    if keep.editions is not None:
        change = f"UPDATE editions SET page = '{GONE}', text = '', data = '{{}}' WHERE id = ?"  # noqa: S608 - our own words
        yield (
            "texts of editions",
            "SELECT id FROM editions WHERE composed_at < ? AND text != ''",
            change,
            before(keep.editions),
        )


_KEYS = {
    "story_keys": "kind, key, entry_id",
    "feed_days": "feed_id, day",
    "poll_hours": "hour",
    "signal_tellings": "signal_id, digest_id",
    "notices": "about",
    "told_earlier": "entry, watchlist_id, digest_id",
    "tokens": "hash",
    "edition_mails": "edition_id, variant",
}
_UNNEEDED = "NOT EXISTS (SELECT 1 FROM matches m WHERE m.entry_id = e.id)"
_OLD = f"FROM entries e WHERE e.feed_id = ? AND e.first_seen_at < ? AND {_UNNEEDED}"
_OLDEST = f"{_OLD} ORDER BY e.first_seen_at"
_COUNT = f"SELECT count(*) {_OLD}"
_DROP_EMPTY = "DELETE FROM stories WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entries WHERE story_id = ?)"
_PRUNED = """INSERT INTO facts (name, value) VALUES ('pruned_before', ?)
ON CONFLICT (name) DO UPDATE SET value = max(facts.value, excluded.value)"""
_OLD_KEYS = """SELECT kind, key FROM entry_keys k WHERE feed_id = ? AND (entry_id IS NULL OR (entry_id <= ?
  AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.id = k.entry_id)))"""
# What tells of a late message goes after it.
_FREE = """state IN ('sent', 'dead', 'cancelled') AND coalesce(settled_at, created_at) < ? AND (late = 0 OR told_in IS NOT NULL)
AND id NOT IN (SELECT told_in FROM messages WHERE told_in IS NOT NULL)"""
_MESSAGES = (
    ("attempts", f"message_id IN (SELECT id FROM messages WHERE {_FREE})"),  # noqa: S608 - our own words
    ("messages", _FREE),
    ("letters", "created_at < ? AND id NOT IN (SELECT letter_id FROM messages WHERE letter_id IS NOT NULL)"),
    (
        "edition_mails",
        """edition_id IN (SELECT id FROM editions WHERE composed_at < ?)
           AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.edition_id = edition_mails.edition_id)""",
    ),
)
_MAIL = """SELECT id FROM editions ed WHERE composed_at < ? AND length(mail) > 0
  AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.edition_id = ed.id)"""
