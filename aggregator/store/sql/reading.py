"""What pages show, read in the order and the portions in which they show it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeVar

from aggregator.model import Entry, Match
from aggregator.reading import Found, News, Telling, Version
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database

One = TypeVar("One")

AT_ONCE = 8
"""Newest matches that are read for each story wanted: copies of one story come together."""


class Reading:
    """ReadingStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def news(
        self,
        watchlist_ids: Sequence[str],
        since: datetime,
        each: int,
        *,
        until: datetime | None = None,
        most: int | None = None,
    ) -> list[News]:
        """See ReadingStore.news."""
        window = _window(since, until)
        with self._db.read() as conn:
            # Clocks jump: the lowest and the highest id are asked for, not those of the earliest and the latest.
            window |= dict(conn.execute(_BOUNDS, window).fetchone())
            counted = {row[0]: (row[1], row[2]) for row in conn.execute(_COUNTED, window)}
            counts = [counted.get(watchlist_id, (0, 0)) for watchlist_id in watchlist_ids]
            shares = _shares([stories for _, stories in counts], each, most)
            seen: set[int] = set()
            news = []
            for watchlist_id, both, share in zip(watchlist_ids, counts, shares, strict=True):
                newest = _newest(conn, {**window, "watchlist": watchlist_id}, share, seen)
                news.append(News(watchlist_id, *both, tuple(newest)))
                if most is not None:
                    seen.update(found.entry.story_id for found in newest)
        return news

    def watched(
        self, story_ids: Sequence[int], since: datetime, until: datetime | None = None
    ) -> Mapping[int, Sequence[str]]:
        """See ReadingStore.watched."""
        found: dict[int, list[str]] = defaultdict(list)
        values = _window(since, until) | {"stories": rows.dump(list(story_ids))}
        with self._db.read() as conn:
            for story_id, watchlist_id in conn.execute(_WATCHED, values):
                found[story_id].append(watchlist_id)
        return found

    def began(self) -> datetime | None:
        """See ReadingStore.began."""
        with self._db.read() as conn:
            (first,) = conn.execute("SELECT min(matched_at) FROM matches").fetchone()
        return rows.moment_or_none(first)

    def last_edition(self, digest_ids: Sequence[str]) -> tuple[str, str, datetime] | None:
        """See ReadingStore.last_edition."""
        with self._db.read() as conn:
            row = conn.execute(_LAST, (rows.dump(list(digest_ids)),)).fetchone()
        return None if row is None else (row["digest_id"], row["key"], rows.moment(row["window_end"]))

    def found(self, watchlist_id: str, limit: int, before: int = 0) -> list[Found]:
        """See ReadingStore.found."""
        values = {"watchlist": watchlist_id, "before": before or 1 << 62, "limit": limit}
        with self._db.read() as conn:
            return _one_each((f.entry.id, f) for f in _found(conn, values))

    def copies(self, story_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """See ReadingStore.copies."""
        titles: dict[int, dict[str, None]] = defaultdict(dict)
        with self._db.read() as conn:
            for story_id, title in conn.execute(_COPIES, (rows.dump(list(story_ids)),)):
                titles[story_id][title] = None
        return {story_id: tuple(every) for story_id, every in titles.items()}

    def version(self) -> int:
        """See ReadingStore.version."""
        return self._db.version()

    def matched(self, story_id: int) -> list[Match]:
        """See ReadingStore.matched."""
        latest = {
            (row["watchlist_id"], row["entry_id"]): rows.match(row) for row in self._db.ask(_MATCHED, (story_id,))
        }
        return sorted(latest.values(), key=lambda match: match.id)

    def versions(self, story_id: int) -> list[Version]:
        """See ReadingStore.versions."""
        found = self._db.ask(_VERSIONS, (story_id,))
        return [Version(r[0], r[1], r[2], r[3], rows.moment(r[4])) for r in found]

    def told(self, story_id: int) -> list[Telling]:
        """See ReadingStore.told."""
        found = self._db.ask(_TOLD, (story_id,))
        return [Telling(r[0], r[1], r[2], r[3], rows.moment(r[4])) for r in found]

    def beside(self, story_id: int, since: datetime) -> Mapping[str, str]:
        """See ReadingStore.beside."""
        found = self._db.ask(_BESIDE, {"story": story_id, "since": rows.stamp(since)})
        return {row["id"]: row["title"] for row in found}

    def pruned_before(self) -> datetime | None:
        """See ReadingStore.pruned_before."""
        found = self._db.ask("SELECT value FROM facts WHERE name = 'pruned_before'")
        return rows.moment(found[0][0]) if found else None

    def mark(self, watchlist_ids: Sequence[str] = (), story_ids: Sequence[int] = ()) -> str:
        """See ReadingStore.mark."""
        values = {"watchlists": rows.dump(list(watchlist_ids)), "stories": rows.dump(list(story_ids))}
        with self._db.read() as conn:
            known = [tuple(row) for sql in _MARKS for row in conn.execute(sql, values)]
        return hashlib.blake2b(repr(known).encode(), digest_size=12).hexdigest()


def _window(since: datetime, until: datetime | None) -> dict[str, object]:
    return {"since": rows.stamp(since), "until": "9999" if until is None else rows.stamp(until)}


def _shares(counts: Sequence[int], each: int, most: int | None) -> list[int]:
    """How many of each are read: one in turn, at most `each`, and `most` of all together."""
    left = sum(counts) if most is None else most
    shares = [0] * len(counts)
    for turn in range(1, each + 1):
        for n, count in enumerate(counts):
            if left and count >= turn:
                shares[n], left = turn, left - 1
    return shares


def _newest(conn: Connection, values: Mapping[str, object], stories: int, seen: AbstractSet[int]) -> list[Found]:
    """So many stories that have not been seen, the newest match first, each with the first of its entries that matched."""
    if not stories:
        return []
    found = conn.execute(_NEWEST, {**values, "limit": (stories + len(seen)) * AT_ONCE})
    newest = list(dict.fromkeys(row["story_id"] for row in found if row["story_id"] not in seen))[:stories]
    leads = conn.execute(_LEADS, {**values, "stories": rows.dump(newest)})
    of_story = {row["story_id"]: row for row in reversed(leads.fetchall())}
    return _with_entries(conn, [rows.match(of_story[story_id]) for story_id in newest])


def _found(conn: Connection, values: Mapping[str, object]) -> list[Found]:
    return _with_entries(conn, [rows.match(row) for row in conn.execute(_FOUND, values).fetchall()])


def _with_entries(conn: Connection, matches: Sequence[Match]) -> list[Found]:
    entries: dict[int, Entry] = {}
    for part in rows.chunks([m.entry_id for m in matches]):
        read = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({rows.marks(len(part))})"  # noqa: S608 - names are ours
        entries.update((row["id"], rows.entry(row)) for row in conn.execute(read, tuple(part)))
    return [Found(match, entries[match.entry_id]) for match in matches if match.entry_id in entries]


def _one_each(found: Iterable[tuple[int, One]]) -> list[One]:
    """The first of each key."""
    first: dict[int, One] = {}
    for key, one in found:
        first.setdefault(key, one)
    return list(first.values())


# The plus: which matches are meant is said by their ids; the times only set right what a clock that jumped put among them.
_INSIDE = "m.id BETWEEN :first AND :last AND m.reach != 'none' AND +m.matched_at >= :since AND +m.matched_at < :until"
_BOUNDS = """SELECT coalesce(min(+id), 1) AS first, coalesce(max(+id), 0) AS last FROM matches
WHERE matched_at >= :since AND matched_at < :until"""
_COUNTED = f"""SELECT m.watchlist_id, count(DISTINCT m.entry_id), count(DISTINCT e.story_id)
FROM matches m CROSS JOIN entries e ON e.id = m.entry_id WHERE {_INSIDE} GROUP BY m.watchlist_id"""  # noqa: S608 - our own words
_NEWEST = f"""SELECT e.story_id FROM matches m CROSS JOIN entries e ON e.id = m.entry_id
WHERE m.watchlist_id = :watchlist AND {_INSIDE} ORDER BY m.id DESC LIMIT :limit"""  # noqa: S608 - our own words
# As in a digest, the first of the matched entries speaks for the others; of its revisions the last that matched.
_LEADS = f"""SELECT m.*, e.story_id FROM entries e CROSS JOIN matches m ON m.entry_id = e.id AND m.watchlist_id = :watchlist
WHERE e.story_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:stories)) AND {_INSIDE} ORDER BY e.id, m.id DESC"""  # noqa: S608 - our own words
_FOUND = (
    """SELECT m.* FROM matches m WHERE m.watchlist_id = :watchlist AND m.id < :before ORDER BY m.id DESC LIMIT :limit"""
)
_WATCHED = """SELECT DISTINCT e.story_id, m.watchlist_id FROM entries e CROSS JOIN matches m ON m.entry_id = e.id
WHERE e.story_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:stories)) AND m.reach != 'none' AND m.matched_at >= :since AND m.matched_at < :until
ORDER BY e.story_id, m.watchlist_id"""
_LAST = """SELECT digest_id, key, window_end FROM editions WHERE id = (SELECT max(id) FROM editions
WHERE digest_id IN (SELECT value FROM json_each(?)) AND kind = 'digest')"""
_COPIES = f"""SELECT e.story_id, {rows.FEED_TITLE} FROM entries e JOIN feeds f ON f.id = e.feed_id
WHERE e.story_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) ORDER BY e.story_id, e.id"""  # noqa: S608 - our own words
_MATCHED = """SELECT m.* FROM entries e JOIN matches m ON m.entry_id = e.id AND m.revision >= e.story_revision
WHERE e.story_id = ? ORDER BY m.revision, m.id"""
_VERSIONS = """SELECT r.entry_id, r.revision, r.title, r.body, r.replaced_at
FROM entries e JOIN entry_revisions r ON r.entry_id = e.id AND r.revision >= e.story_revision
WHERE e.story_id = ? ORDER BY r.entry_id, r.revision"""
_TOLD = """SELECT digest_id, key, title, subject, composed_at FROM editions WHERE id IN (
  SELECT em.edition_id FROM entries e JOIN matches m ON m.entry_id = e.id AND m.revision >= e.story_revision
  JOIN edition_matches em ON em.match_id = m.id WHERE e.story_id = ?) ORDER BY id"""
_BESIDE = f"""SELECT f.id, {rows.FEED_TITLE} AS title FROM feeds f WHERE f.removed_at IS NULL AND f.added_at <= :since
AND f.id NOT IN (SELECT feed_id FROM entries WHERE story_id = :story) ORDER BY f.id"""  # noqa: S608 - our own words
_MARKS = (
    "SELECT (SELECT max(m.id) FROM matches m WHERE m.watchlist_id = j.value) FROM json_each(:watchlists) j",
    "SELECT max(id) FROM editions",
    "SELECT count(*), count(ended_at), max(id) FROM signals",
    "SELECT max(id) FROM gaps",
    # Story by story, for entries move between those that are shown; with what each feed is called and may show.
    """SELECT e.story_id, f.title, f.own_title, f.excerpt, count(*), max(e.id), sum(e.revision), sum(CASE WHEN a.state = 'done' THEN 1 ELSE 0 END)
FROM json_each(:stories) j CROSS JOIN entries e ON e.story_id = CAST(j.value AS BIGINT) JOIN feeds f ON f.id = e.feed_id
LEFT JOIN articles a ON a.entry_id = e.id GROUP BY e.story_id, e.feed_id, f.title, f.own_title, f.excerpt""",
)
