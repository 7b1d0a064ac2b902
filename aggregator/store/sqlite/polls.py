"""What the poll line reads, and its one write: validators, entries, stories, matches and index together."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aggregator import urls
from aggregator.model import (
    EntryKey,
    Gap,
    KnownEntry,
    NewEntry,
    NewMatch,
    ParsedEntry,
    PollOutcome,
    Recall,
    RevisedEntry,
    StoredChange,
    StoryCandidate,
    StoryChoice,
    StoryKey,
)
from aggregator.store.sqlite import history, rows
from aggregator.store.sqlite.database import Database


class Polls:
    """PollStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known_entries(self, feed_id: str, keys: Collection[EntryKey]) -> dict[EntryKey, KnownEntry]:
        """See PollStore.known_entries."""
        by_kind: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            by_kind[key.kind].append(key.key)
        found: dict[EntryKey, KnownEntry] = {}
        with self._db.read() as conn:
            for kind, texts in by_kind.items():
                for part in rows.chunks(texts):
                    sql = _KNOWN + f" AND k.key IN ({rows.marks(len(part))})"
                    for row in conn.execute(sql, (feed_id, kind, *part)):
                        found[EntryKey(kind, row["key"])] = _known(row)
        return found

    def recall(self, feed_id: str) -> Recall | None:
        """See PollStore.recall."""
        with self._db.read() as conn:
            row = conn.execute(_RECALL, (feed_id,)).fetchone()
        if row is None:
            return None
        return Recall(row["head"], row["seen"], bool(row["settled"]), row["items"], tuple(json.loads(row["fresh"])))

    def story_candidates(self, keys: Collection[StoryKey], since: datetime) -> list[StoryCandidate]:
        """See PollStore.story_candidates."""
        by_kind: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            by_kind[key.kind].append(key.key)
        found: list[StoryCandidate] = []
        with self._db.read() as conn:
            for kind, texts in by_kind.items():
                for part in rows.chunks(texts):
                    sql = _CANDIDATES.format(marks=rows.marks(len(part)))
                    found += [_candidate(r) for r in conn.execute(sql, (kind, *part, rows.stamp(since)))]
        return found

    def commit_polls(self, outcomes: Sequence[PollOutcome], owner: str, now: datetime) -> dict[str, list[int]]:
        """See PollStore.commit_polls."""
        with self._db.write() as conn:
            writer = _Writer(conn, now)
            return {o.feed_id: writer.outcome(o) for o in outcomes if _holds(conn, o.feed_id, owner)}

    def newest_entry(self, feed_id: str) -> datetime | None:
        """See PollStore.newest_entry."""
        with self._db.read() as conn:
            row = conn.execute("SELECT max(sort_at) FROM entries WHERE feed_id = ?", (feed_id,)).fetchone()
        return rows.moment_or_none(row[0])

    def gaps(self, feed_id: str = "", since: datetime | None = None) -> list[Gap]:
        """See PollStore.gaps."""
        values = {"feed": feed_id, "since": rows.stamp(since) if since else ""}
        with self._db.read() as conn:
            return [rows.gap(r) for r in conn.execute(_GAPS, values)]


def _holds(conn: sqlite3.Connection, feed_id: str, owner: str) -> bool:
    row = conn.execute("SELECT claimed_by FROM feeds WHERE id = ? AND removed_at IS NULL", (feed_id,)).fetchone()
    return row is not None and row[0] == owner


class _Writer:
    """Writes outcomes inside an open transaction; drafts of stories are shared by the whole batch."""

    def __init__(self, conn: sqlite3.Connection, now: datetime) -> None:
        self._conn = conn
        self._now = rows.stamp(now)
        self._drafts: dict[int, int] = {}

    def outcome(self, outcome: PollOutcome) -> list[int]:
        """One feed: its poll state and all its changes; ids of the new entries."""
        columns = rows.poll_columns(outcome.poll)
        if outcome.poll.moved_url:
            columns["host"] = urls.host_key(outcome.poll.moved_url)
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        # An operator's pause during the poll stands.
        self._conn.execute(
            f"UPDATE feeds SET {sets.replace('state = :state', _KEEP_PAUSE)}, held_by = :held_by, claimed_by = NULL, claimed_until = NULL "  # noqa: S608 - names are ours
            "WHERE id = :id",
            {**columns, "held_by": outcome.held_by, "id": outcome.feed_id},
        )
        history.add_events(self._conn, outcome.feed_id, outcome.events, self._now)
        if outcome.held_by and outcome.poll.held_until is not None:
            self._conn.execute(_HOLD_HOST, {"host": outcome.held_by, "id": outcome.feed_id, "now": self._now})
        if outcome.gap is not None:
            self._gap(outcome.gap)
        added: list[int] = []
        fresh: list[tuple[int, int]] = []
        for stored in outcome.changes:
            if isinstance(stored.change, NewEntry):
                added.append(self._new(outcome.feed_id, stored, stored.change))
                fresh.append((stored.change.number, added[-1]))
            elif not self._exists(outcome.feed_id, stored.change.entry_id):
                continue  # pruned while its feed was polled: it stays gone
            elif isinstance(stored.change, RevisedEntry):
                self._revised(outcome.feed_id, stored, stored.change)
            else:
                self._keys(outcome.feed_id, stored.change.entry_id, stored.change.keys)
        if outcome.recall is not None:
            self._recall(outcome.feed_id, outcome.recall, [pair for pair in fresh if pair[0] >= 0])
        return added

    def _recall(self, feed_id: str, recall: Recall, fresh: Sequence[tuple[int, int]]) -> None:
        self._conn.execute(
            "INSERT OR REPLACE INTO documents (feed_id, head, seen, settled, items, fresh) VALUES (?, ?, ?, ?, ?, ?)",
            (feed_id, recall.head, recall.seen, recall.settled, recall.items, rows.dump(fresh)),
        )

    def _gap(self, gap: Gap) -> None:
        times = (rows.stamp(gap.after_at), rows.stamp(gap.before_at), rows.stamp(gap.found_at))
        sql = "INSERT INTO gaps (feed_id, after_at, before_at, found_at) VALUES (?, ?, ?, ?)"
        self._conn.execute(sql, (gap.feed_id, *times))

    def _exists(self, feed_id: str, entry_id: int) -> bool:
        sql = "SELECT 1 FROM entries WHERE id = ? AND feed_id = ?"
        return self._conn.execute(sql, (entry_id, feed_id)).fetchone() is not None

    def _new(self, feed_id: str, stored: StoredChange, change: NewEntry) -> int:
        story = stored.story or StoryChoice(0, id(stored), "first", 1.0, ())
        story_id = self._story(story, change.entry)
        columns = _entry_columns(change.entry) | {
            "feed_id": feed_id,
            "story_id": story_id,
            "story_reason": story.reason,
            "story_score": story.score,
            "sort_at": rows.stamp(stored.sort_at),
            "first_seen_at": self._now,
            "fingerprint": change.fingerprint,
        }
        entry_id = self._conn.execute(_INSERT_ENTRY, columns).lastrowid
        assert entry_id is not None
        self._keys(feed_id, entry_id, change.keys)
        self._conn.executemany(
            "INSERT OR IGNORE INTO story_keys (kind, key, entry_id, story_id) VALUES (?, ?, ?, ?)",
            [(k.kind, k.key, entry_id, story_id) for k in story.keys],
        )
        self._conn.execute(
            "INSERT INTO entry_index (rowid, title, body, article) VALUES (?, ?, ?, '')",
            (entry_id, stored.index_title, stored.index_body),
        )
        if stored.article:
            sql = "INSERT INTO articles (entry_id, reach, next_at) VALUES (?, ?, ?)"
            self._conn.execute(sql, (entry_id, stored.article, self._now))
        add_matches(self._conn, [(entry_id, 1, m) for m in stored.matches], self._now)
        return entry_id

    def _story(self, choice: StoryChoice, entry: ParsedEntry) -> int:
        if choice.story_id and self._conn.execute("SELECT 1 FROM stories WHERE id = ?", (choice.story_id,)).fetchone():
            return choice.story_id
        if choice.story_id:  # pruned meanwhile; copies in this batch still share what takes its place
            choice = replace(choice, draft=-choice.story_id, reason="first")
        if choice.draft not in self._drafts:
            sql = "INSERT INTO stories (title, first_seen_at) VALUES (?, ?)"
            story_id = self._conn.execute(sql, (entry.title or entry.body[:120], self._now)).lastrowid
            assert story_id is not None
            self._drafts[choice.draft] = story_id
        return self._drafts[choice.draft]

    def _revised(self, feed_id: str, stored: StoredChange, change: RevisedEntry) -> None:
        kept = self._conn.execute(_KEEP_REVISION, {"id": change.entry_id, "now": self._now}).fetchone()[0]
        revision = max(change.revision, kept + 1)  # two items of one document may revise the same entry
        columns = _entry_columns(change.entry) | {
            "id": change.entry_id,
            "revision": revision,
            "fingerprint": change.fingerprint,
        }
        self._conn.execute(_UPDATE_ENTRY, columns)
        self._keys(feed_id, change.entry_id, change.keys)
        self._conn.execute(
            "UPDATE entry_index SET title = ?, body = ? WHERE rowid = ?",
            (stored.index_title, stored.index_body, change.entry_id),
        )
        add_matches(self._conn, [(change.entry_id, revision, m) for m in stored.matches], self._now)

    def _keys(self, feed_id: str, entry_id: int, keys: Sequence[EntryKey]) -> None:
        self._conn.executemany(
            "INSERT OR IGNORE INTO entry_keys (feed_id, kind, key, entry_id) VALUES (?, ?, ?, ?)",
            [(feed_id, k.kind, k.key, entry_id) for k in keys],
        )


def add_matches(conn: sqlite3.Connection, found: Sequence[tuple[int, int, NewMatch]], now: str) -> int:
    """Store (entry id, revision, match); a watchlist that an earlier revision satisfied is not told again."""
    count = 0
    for entry_id, revision, m in found:
        values = {
            "w": m.watchlist_id,
            "e": entry_id,
            "r": revision,
            "s": rows.spans(m.spans),
            "reach": m.reach,
            "now": now,
        }
        count += max(conn.execute(_INSERT_MATCH, values).rowcount, 0)
    return count


def _entry_columns(entry: ParsedEntry) -> dict[str, Any]:
    return {
        "guid": entry.guid,
        "link": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "content": entry.content,
        "body": entry.body,
        "author": entry.author,
        "categories": rows.dump(list(entry.categories)),
        "enclosures": rows.enclosures(entry.enclosures),
        "language": entry.language,
        "published_at": rows.stamp_or_none(entry.published_at),
        "updated_at": rows.stamp_or_none(entry.updated_at),
    }


def _known(row: sqlite3.Row) -> KnownEntry:
    if row["id"] is None:
        return KnownEntry(0, "", "", "", "", 0, None, "")
    published = rows.moment_or_none(row["published_at"])
    return KnownEntry(
        id=row["id"],
        guid=row["guid"],
        link=row["link"],
        title=row["title"],
        fingerprint=row["fingerprint"],
        revision=row["revision"],
        published_at=published,
        body=row["body"],
        article=row["article"],
    )


def _candidate(row: sqlite3.Row) -> StoryCandidate:
    return StoryCandidate(
        story_id=row["story_id"],
        key=StoryKey(row["kind"], row["key"]),
        feed_ids=frozenset(row["feed_ids"].split("\n")),
        seen_at=rows.moment(row["first_seen_at"]),
        body=row["body"],
    )


_RECALL = "SELECT head, seen, settled, items, fresh FROM documents WHERE feed_id = ?"
_KEEP_PAUSE = "state = iif(state = 'paused', 'paused', :state)"
# A second URL of the host says the same while the first still waits: the host itself is held, until the later of the two.
_HOLD_HOST = """INSERT INTO hosts (host, held_until, said_by, said_at)
SELECT :host, max(held_until), :id, :now FROM feeds WHERE held_by = :host AND held_until > :now AND removed_at IS NULL
GROUP BY held_by HAVING count(*) > 1
ON CONFLICT (host) DO UPDATE SET held_until = max(held_until, excluded.held_until), said_by = :id, said_at = :now"""
_GAPS = """SELECT g.* FROM gaps g JOIN feeds f ON f.id = g.feed_id AND f.removed_at IS NULL
WHERE (:feed = '' OR g.feed_id = :feed) AND g.found_at >= :since ORDER BY g.id DESC"""
_KNOWN = """SELECT k.key, e.id, e.guid, e.link, e.title, e.fingerprint, e.revision, e.published_at, e.body,
  coalesce(a.text, '') AS article
FROM entry_keys k LEFT JOIN entries e ON e.id = k.entry_id LEFT JOIN articles a ON a.entry_id = e.id WHERE k.feed_id = ? AND k.kind = ?"""
_CANDIDATES = """SELECT k.kind, k.key, k.story_id, s.first_seen_at,
  (SELECT group_concat(feed_id, char(10)) FROM (SELECT DISTINCT m.feed_id FROM story_keys j
     JOIN entries m ON m.id = j.entry_id WHERE j.kind = k.kind AND j.key = k.key)) AS feed_ids,
  (SELECT body FROM entries m WHERE m.story_id = k.story_id ORDER BY m.id LIMIT 1) AS body
FROM story_keys k JOIN stories s ON s.id = k.story_id
WHERE k.kind = ? AND k.key IN ({marks}) AND s.first_seen_at >= ?
GROUP BY k.kind, k.key, k.story_id ORDER BY k.story_id"""
_INSERT_ENTRY = """INSERT INTO entries (feed_id, story_id, story_reason, story_score, guid, link, title, summary, content,
  body, author, categories, enclosures, language, published_at, updated_at, sort_at, first_seen_at, fingerprint)
VALUES (:feed_id, :story_id, :story_reason, :story_score, :guid, :link, :title, :summary, :content,
  :body, :author, :categories, :enclosures, :language, :published_at, :updated_at, :sort_at, :first_seen_at, :fingerprint)"""
_KEEP_REVISION = """INSERT INTO entry_revisions
  (entry_id, revision, title, link, summary, content, body, updated_at, replaced_at)
SELECT id, revision, title, link, summary, content, body, updated_at, :now FROM entries WHERE id = :id RETURNING revision"""
_UPDATE_ENTRY = """UPDATE entries SET guid = :guid, link = :link, title = :title, summary = :summary, content = :content,
  body = :body, author = :author, categories = :categories, enclosures = :enclosures, language = :language,
  published_at = coalesce(:published_at, published_at), updated_at = :updated_at, revision = :revision,
  fingerprint = :fingerprint WHERE id = :id"""
_INSERT_MATCH = """INSERT INTO matches (watchlist_id, entry_id, revision, spans, reach, matched_at)
VALUES (:w, :e, :r, :s,
  iif(EXISTS (SELECT 1 FROM matches WHERE watchlist_id = :w AND entry_id = :e), 'none', :reach), :now)
ON CONFLICT (watchlist_id, entry_id, revision) DO NOTHING"""
