"""What the poll line reads, and its one write: validators, entries, stories, matches and index together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
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
from aggregator.store.sql import counting, history, hosts, markup, rows
from aggregator.store.sql.engine import Connection, Database, Indexed
from aggregator.store.sql.matches import add_matches

COMMON_MARK = 100
"""Entries with the same mark of a text, beyond which it is a subscribe line or a form, unless they tell one story."""
NEWEST = 20
MOST_STORIES = 10
"""Of so many of its newest entries, a mark of one news has no more stories than this: a line has one for each."""

LAST_TEXTS = 12
"""Texts of different stories that show what a feed always says."""


class Polls:
    """PollStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known_entries(self, feed_id: str, keys: Collection[EntryKey]) -> dict[EntryKey, KnownEntry]:
        """See PollStore.known_entries."""
        if not keys:
            return {}
        found: dict[EntryKey, KnownEntry] = {}
        # Whoever asks holds the feed's claim: between two statements nobody else changes its entries.
        for part in map(rows.padded, rows.chunks(list(keys))):
            sql = _KNOWN.format(wanted=", ".join(["(?, ?)"] * len(part)))
            for row in self._db.ask(sql, (*chain.from_iterable(part), feed_id)):
                found[EntryKey(row[0], row[1])] = _known(row)
        return found

    def recall(self, feed_id: str) -> Recall | None:
        """See PollStore.recall."""
        row = next(iter(self._db.ask(_RECALL, (feed_id,))), None)
        if row is None:
            return None
        try:
            fresh = tuple((number, entry_id) for number, entry_id in json.loads(row["fresh"]))
        except (ValueError, TypeError):
            return None  # a damaged row is no row: the next document is parsed whole
        return Recall(row["head"], bool(row["settled"]), row["items"], fresh)

    def story_candidates(self, keys: Collection[StoryKey], since: datetime) -> list[StoryCandidate]:
        """See PollStore.story_candidates."""
        by_kind: dict[str, dict[bytes, StoryKey]] = defaultdict(dict)
        for key in keys:
            by_kind[key.kind][rows.key_digest(key.key)] = key
        found: list[StoryCandidate] = []
        with self._db.read() as conn:
            for kind, asked in by_kind.items():
                wanted, feeds = list(asked), _FEEDS_OF_KEY
                if kind == "text":
                    wanted, feeds = _rare(conn, wanted), _FEEDS_OF_STORY
                for part in map(rows.padded, rows.chunks(wanted)):
                    sql = _CANDIDATES.format(marks=rows.marks(len(part)), feeds=feeds)
                    found += [_candidate(r, asked) for r in conn.execute(sql, (kind, *part, rows.stamp(since)))]
        return found

    def last_texts(self, feed_id: str) -> list[str]:
        """See PollStore.last_texts."""
        of_story: dict[int, str] = {}
        for row in reversed(self._db.ask(_LAST_TEXTS, (feed_id,))):
            of_story[row[0]] = row[1]
        return list(of_story.values())[-LAST_TEXTS:]

    def commit_polls(
        self, outcomes: Sequence[PollOutcome], owner: str, now: datetime, *, rest: timedelta = timedelta(0)
    ) -> dict[str, list[int]]:
        """See PollStore.commit_polls."""
        with self._db.write() as conn:
            writer = _Writer(conn, now)
            held = _held(conn, [o.feed_id for o in outcomes], owner)
            asked = _hosts(conn, [o.feed_id for o in outcomes])
            added: dict[str, list[int]] = {}
            for outcome in outcomes:
                if outcome.feed_id in held:
                    added[outcome.feed_id] = writer.outcome(outcome)
                    held.remove(outcome.feed_id)  # its claim is settled
            writer.flush()
            hosts.let_go(conn, dict.fromkeys(asked, now + rest), owner)
            return added

    def newest_entry(self, feed_id: str) -> datetime | None:
        """See PollStore.newest_entry."""
        ((newest,),) = self._db.ask("SELECT max(sort_at) FROM entries WHERE feed_id = ?", (feed_id,))
        return rows.moment_or_none(newest)

    def gaps(self, feed_id: str = "", since: datetime | None = None) -> list[Gap]:
        """See PollStore.gaps."""
        values = {"feed": feed_id, "since": rows.stamp(since) if since else ""}
        with self._db.read() as conn:
            return [rows.gap(r) for r in conn.execute(_GAPS, values)]


def _rare(conn: Connection, marks: Sequence[bytes]) -> list[bytes]:
    """Those marks of texts that few entries have, or many of one story: news that everybody carries is no subscribe line."""
    found = dict.fromkeys(marks, 0)
    for part in map(rows.padded, rows.chunks(marks)):
        sql = f"SELECT key, count(*) FROM story_keys WHERE kind = 'text' AND key IN ({rows.marks(len(part))}) GROUP BY key"  # noqa: S608 - marks alone
        found.update((row[0], row[1]) for row in conn.execute(sql, tuple(part)))
    return [mark for mark, count in found.items() if count > 0 and (count <= COMMON_MARK or _is_of_few(conn, mark))]


def _is_of_few(conn: Connection, mark: bytes) -> bool:
    """Whether the newest entries with a mark belong to few stories."""
    ((stories,),) = conn.execute(_STORIES_OF_MARK, (mark, NEWEST)).fetchall()
    return bool(stories <= MOST_STORIES)


def _held(conn: Connection, ids: Sequence[str], owner: str) -> set[str]:
    """Those of the feeds whose claim is still this owner's."""
    sql = f"SELECT id FROM feeds WHERE claimed_by = ? AND removed_at IS NULL AND id IN (SELECT value FROM json_each(?)) {conn.for_update}"  # noqa: S608 - our own words
    return {row[0] for row in conn.execute(sql, (owner, rows.dump(list(ids))))}


def _hosts(conn: Connection, ids: Sequence[str]) -> set[str]:
    sql = "SELECT DISTINCT host FROM feeds WHERE id IN (SELECT value FROM json_each(?))"
    return {row[0] for row in conn.execute(sql, (rows.dump(list(ids)),))}


class _Writer:
    """Writes outcomes inside an open transaction; drafts of stories are shared by the whole batch.

    Rows of new entries and all keys and matches are gathered and written by `flush`, table by table: few statements, each
    prepared once. The ids are given here, from where SQLite's own count stands.
    """

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._now = rows.stamp(now)
        self._drafts: dict[int, int] = {}
        given = dict(
            conn.execute("SELECT name, seq FROM sqlite_sequence WHERE name IN ('entries', 'stories')").fetchall()
        )
        self._entry_id: int = given.get("entries", 0)
        self._story_id: int = given.get("stories", 0)
        self._stories: list[tuple[Any, ...]] = []
        self._entries: list[tuple[Any, ...]] = []
        self._keys: list[tuple[Any, ...]] = []
        self._story_keys: list[tuple[Any, ...]] = []
        self._index: list[Indexed] = []
        self._articles: list[tuple[Any, ...]] = []
        self._moved: list[tuple[int, tuple[Any, ...]]] = []
        self._matches: list[tuple[int, int, NewMatch]] = []
        self._tally = counting.Tally()

    def outcome(self, outcome: PollOutcome) -> list[int]:
        """One feed: its poll state and all its changes; ids of the new entries."""
        unread = outcome.recall is None  # a poll that read no document says nothing of the one that a process fell over
        self._conn.execute(_POLLED, (*rows.poll_values(outcome.poll), outcome.held_by, unread, outcome.feed_id))
        if outcome.poll.moved_url or any(event.kind == "moved" for event in outcome.events):
            home = self._conn.execute("SELECT url FROM feeds WHERE id = ?", (outcome.feed_id,)).fetchone()
            host = urls.host_key(outcome.poll.moved_url or home[0])
            self._conn.execute("UPDATE feeds SET host = ? WHERE id = ?", (host, outcome.feed_id))
        history.add_events(self._conn, outcome.feed_id, outcome.events, self._now)
        self._tally.poll(outcome.feed_id, outcome.poll, self._now)
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
                self._add_keys(outcome.feed_id, stored.change.entry_id, stored.change.keys)
        if outcome.recall is not None:
            self._recall(outcome.feed_id, outcome.recall, [pair for pair in fresh if pair[0] >= 0])
        return added

    def flush(self) -> None:
        """Write what was gathered; parents first."""
        write = self._conn.executemany
        write("INSERT INTO stories (id, title, first_seen_at) VALUES (?, '', ?)", self._stories)
        write(_INSERT_ENTRY, self._entries)
        for table, new, last in (
            ("stories", self._stories, self._story_id),
            ("entries", self._entries, self._entry_id),
        ):
            if new:
                self._conn.took(table, last)
        for values in self._moved:
            self._move(*values)
        sql = "INSERT OR IGNORE INTO entry_keys (feed_id, kind, key, entry_id) VALUES (?, ?, ?, ?)"
        write(sql, sorted(self._keys, key=itemgetter(0, 1, 2)))
        write("INSERT OR IGNORE INTO story_keys (kind, key, entry_id) VALUES (?, ?, ?)", sorted(self._story_keys))
        self._conn.words.put(self._index)
        write("INSERT INTO articles (entry_id, reach, next_at) VALUES (?, ?, ?)", self._articles)
        add_matches(self._conn, self._matches, self._now)
        self._tally.write(self._conn)

    def _recall(self, feed_id: str, recall: Recall, fresh: Sequence[tuple[int, int]]) -> None:
        self._conn.execute(
            _REMEMBER,
            (feed_id, recall.head, recall.settled, recall.items, rows.dump(fresh)),
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
        story_id, merged_from = self._story(story)
        self._entry_id += 1
        entry_id = self._entry_id
        texts = _entry_values(stored, change.entry, change.fingerprint)
        first = (feed_id, story_id, story.reason, story.score, rows.stamp(stored.sort_at), self._now)
        self._entries.append((*texts, *first, merged_from, entry_id))
        self._tally.entry(feed_id, stored.sort_at, stored.language)
        self._add_keys(feed_id, entry_id, change.keys)
        self._story_keys += [(k.kind, rows.key_digest(k.key), entry_id) for k in story.keys]
        self._index.append((entry_id, stored.index_title, stored.index_body, ""))
        if stored.article:
            self._articles.append((entry_id, stored.article, self._now))
        self._matches += [(entry_id, 1, m) for m in stored.matches]
        return entry_id

    def _story(self, choice: StoryChoice) -> tuple[int, int | None]:
        """The story, and the merged one through which it was found."""
        found = self._conn.execute(_STORY_MEANT, {"id": choice.story_id}).fetchone() if choice.story_id else None
        if found is not None:
            return found[0], found[1]
        if choice.story_id:  # pruned meanwhile; copies in this batch still share what takes its place
            choice = replace(choice, draft=-choice.story_id, reason="first")
        if choice.draft not in self._drafts:
            self._story_id += 1
            self._drafts[choice.draft] = self._story_id
            self._stories.append((self._story_id, self._now))
        return self._drafts[choice.draft], None

    def _revised(self, feed_id: str, stored: StoredChange, change: RevisedEntry) -> None:
        kept = self._conn.execute(_KEEP_REVISION, {"id": change.entry_id, "now": self._now}).fetchone()[0]
        revision = max(change.revision, kept + 1)  # two items of one document may revise the same entry
        keep_titles(self._conn, [change.entry_id])
        ((_, _, _, article),) = self._conn.words.remove([change.entry_id])
        if stored.story is not None:
            article = ""
            self._begin_again(stored, stored.story, change.entry_id, revision)
            self._tally.entry(feed_id, stored.sort_at, stored.language)
        self._conn.execute(
            _UPDATE_ENTRY, (*_entry_values(stored, change.entry, change.fingerprint), revision, change.entry_id)
        )
        self._conn.words.put([(change.entry_id, stored.index_title, stored.index_body, article)])
        self._add_keys(feed_id, change.entry_id, change.keys)
        self._matches += [(change.entry_id, revision, m) for m in stored.matches]

    def _begin_again(self, stored: StoredChange, story: StoryChoice, entry_id: int, revision: int) -> None:
        """An id that now stands for other news leaves its story, and its article page; what was told of it is past."""
        self._conn.execute("DELETE FROM articles WHERE entry_id = ?", (entry_id,))
        if stored.article:
            self._articles.append((entry_id, stored.article, self._now))
        moved = (*self._story(story), story.reason, story.score, rows.stamp(stored.sort_at), revision)
        self._moved.append((entry_id, moved))
        self._story_keys += [(k.kind, rows.key_digest(k.key), entry_id) for k in story.keys]

    def _move(self, entry_id: int, values: tuple[Any, ...]) -> None:
        (left,) = self._conn.execute("SELECT story_id FROM entries WHERE id = ?", (entry_id,)).fetchone()
        self._conn.execute(_MOVE_ENTRY, (*values, entry_id))
        self._conn.execute(_DROP_EMPTY, (left, left))

    def _add_keys(self, feed_id: str, entry_id: int, keys: Sequence[EntryKey]) -> None:
        self._keys += [(feed_id, kind, key, entry_id) for kind, key in keys]


def keep_titles(conn: Connection, ids: Iterable[int]) -> None:
    """Before entries change or go: what their stories are called stays, though the lead will read otherwise."""
    conn.executemany(_KEEP_TITLE, [(entry_id,) for entry_id in ids])


def _entry_values(stored: StoredChange, entry: ParsedEntry, fingerprint: str) -> tuple[Any, ...]:
    """The values of _TEXT_COLUMNS."""
    return (
        entry.guid,
        entry.link,
        entry.title,
        markup.pack(entry.summary, entry.content, entry.body),
        entry.body,
        entry.author,
        rows.names(entry.categories),
        rows.enclosures(entry.enclosures),
        stored.language,
        rows.stamp_or_none(entry.published_at),
        rows.stamp_or_none(entry.updated_at),
        rows.pack_digest(fingerprint),
    )


def _known(row: Sequence[Any]) -> KnownEntry:
    """From the columns of _KNOWN, behind the key."""
    _, _, entry_id, guid, link, title, fingerprint, revision, published, body, article = row
    if entry_id is None:
        return KnownEntry(0, "", "", "", "", 0, None, "")
    digest, moment = rows.unpack_digest(fingerprint), rows.moment_or_none(published)
    return KnownEntry(entry_id, guid, link, title, digest, revision, moment, body, article)


def _candidate(row: Sequence[Any], asked: Mapping[bytes, StoryKey]) -> StoryCandidate:
    key, story_id, seen_at, feed_ids, body = row
    return StoryCandidate(story_id, asked[key], frozenset(feed_ids.split("\n")), rows.moment(seen_at), body)


_RECALL = "SELECT head, settled, items, fresh FROM documents WHERE feed_id = ?"
# An operator's pause during the poll stands.
_KEEP_PAUSE = "state = iif(state = 'paused', 'paused', ?)"
_POLLED = (
    "UPDATE feeds SET "  # noqa: S608 - names are ours
    + ", ".join(_KEEP_PAUSE if name == "state" else f"{name} = ?" for name in rows.POLL_COLUMNS)
    + ", held_by = ?, claimed_by = NULL, claimed_until = NULL, interrupted = iif(interrupted = 1 AND ? = 1, 1, 0) WHERE id = ?"
)
# A second URL of the host says the same while the first still waits: the host itself is held, until the later of the two.
_HOLD_HOST = """INSERT INTO hosts (host, held_until, said_by, said_at)
SELECT :host, max(held_until), :id, :now FROM feeds WHERE held_by = :host AND held_until > :now AND removed_at IS NULL
GROUP BY held_by HAVING count(*) > 1
ON CONFLICT (host) DO UPDATE SET held_until = max(hosts.held_until, excluded.held_until), said_by = :id, said_at = :now"""
_GAPS = """SELECT g.* FROM gaps g JOIN feeds f ON f.id = g.feed_id AND f.removed_at IS NULL
WHERE (:feed = '' OR g.feed_id = :feed) AND g.found_at >= :since ORDER BY g.id DESC"""
# CROSS JOIN: each wanted key is looked up, whatever the statistics say.
_KNOWN = """WITH wanted (kind, key) AS (VALUES {wanted})
SELECT k.kind, k.key, e.id, e.guid, e.link, e.title, e.fingerprint, e.revision, e.published_at, e.body,
  coalesce(a.text, '') AS article
FROM wanted w CROSS JOIN entry_keys k ON k.feed_id = ? AND k.kind = w.kind AND k.key = w.key
LEFT JOIN entries e ON e.id = k.entry_id LEFT JOIN articles a ON a.entry_id = e.id"""
_LAST_TEXTS = (
    f"SELECT story_id, body FROM entries WHERE feed_id = ? ORDER BY first_seen_at DESC, id DESC LIMIT {2 * LAST_TEXTS}"  # noqa: S608 - a number
)
_STORIES_OF_MARK = """SELECT count(DISTINCT e.story_id) FROM (
  SELECT entry_id FROM story_keys WHERE kind = 'text' AND key = ? ORDER BY entry_id DESC LIMIT ?
) k CROSS JOIN entries e ON e.id = k.entry_id"""
_FEEDS_OF_KEY = "FROM story_keys j JOIN entries m ON m.id = j.entry_id WHERE j.kind = k.kind AND j.key = k.key"
_FEEDS_OF_STORY = "FROM entries m WHERE m.story_id = e.story_id"
# A story that a person merged into another is still looked for as itself: its first text is what its copies are like.
_CANDIDATES = """SELECT k.key, coalesce(e.merged_from, e.story_id) AS candidate, coalesce(a.first_seen_at, s.first_seen_at),
  (SELECT group_concat(feed_id, char(10)) FROM (SELECT DISTINCT m.feed_id {feeds}) o) AS feed_ids,
  (SELECT body FROM entries m WHERE m.story_id = e.story_id AND m.merged_from IS e.merged_from
   ORDER BY m.first_seen_at, m.sort_at, m.id LIMIT 1) AS body
FROM story_keys k JOIN entries e ON e.id = k.entry_id JOIN stories s ON s.id = e.story_id
LEFT JOIN story_aliases a ON a.id = e.merged_from
WHERE k.kind = ? AND k.key IN ({marks}) AND coalesce(a.first_seen_at, s.first_seen_at) >= ?
GROUP BY k.kind, k.key, e.story_id, e.merged_from, a.first_seen_at, s.first_seen_at ORDER BY candidate"""
_STORY_MEANT = (
    "SELECT id, NULL FROM stories WHERE id = :id UNION ALL SELECT story_id, id FROM story_aliases WHERE id = :id"
)
_INSERT_ENTRY = """INSERT INTO entries (guid, link, title, markup, body, author, categories, enclosures, language, published_at,
  updated_at, fingerprint, feed_id, story_id, story_reason, story_score, sort_at, first_seen_at,
  merged_from, id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_KEEP_REVISION = """INSERT INTO entry_revisions (entry_id, revision, title, link, markup, body, updated_at, replaced_at)
SELECT id, revision, title, link, markup, body, updated_at, :now FROM entries WHERE id = :id RETURNING revision"""
_UPDATE_ENTRY = """UPDATE entries SET guid = ?, link = ?, title = ?, markup = ?, body = ?, author = ?, categories = ?,
  enclosures = ?, language = ?, published_at = coalesce(?, published_at), updated_at = ?, fingerprint = ?, revision = ?
WHERE id = ?"""
_MOVE_ENTRY = """UPDATE entries SET story_id = ?, merged_from = ?, story_reason = ?, story_score = ?, sort_at = ?, story_revision = ? WHERE id = ?"""
_DROP_EMPTY = "DELETE FROM stories WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entries WHERE story_id = ?)"
_KEEP_TITLE = """UPDATE stories SET title = (SELECT t.title FROM story_titles t WHERE t.story_id = stories.id)
WHERE id = (SELECT story_id FROM entries WHERE id = ?) AND title = ''"""
_REMEMBER = """INSERT INTO documents (feed_id, head, settled, items, fresh) VALUES (?, ?, ?, ?, ?) ON CONFLICT (feed_id) DO UPDATE SET
  head = excluded.head, settled = excluded.settled, items = excluded.items, fresh = excluded.fresh"""
