"""What the operator's pages show of feeds and messages, read in portions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from aggregator.model import Entry, Feed
from aggregator.overview import Fed, FeedsWanted, GivenUp, Listed, Order, PastAttempt, Pile, Queued
from aggregator.store.sql import feeds, outbox, rows
from aggregator.store.sql.engine import Connection, Database, Row


class Overview:
    """overview.Overview in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- feeds ---------------------------------------------------------------------------------------------------------

    def feeds(self, wanted: FeedsWanted, since: date, limit: int, skip: int = 0) -> Listed:
        """See Overview.feeds."""
        values = {"state": wanted.state, "tag": wanted.tag, "since": str(since), "limit": limit, "skip": skip}
        where = f"f.removed_at IS NULL AND {_OF_TAG} AND {_FITS.get(wanted.state, 'f.state = :state')}"
        with self._db.read() as conn:
            (count,) = conn.execute(f"SELECT count(*) FROM feeds f WHERE {where}", values).fetchone()  # noqa: S608 - our own words
            found = f"SELECT f.id FROM feeds f WHERE {where} ORDER BY {_ORDERS[wanted.order]}, f.id LIMIT :limit OFFSET :skip"  # noqa: S608 - as above
            ids = [row[0] for row in conn.execute(found, values)]
            by_state = dict(conn.execute(_BY_STATE, values).fetchall())
            tags = tuple(row[0] for row in conn.execute(_TAGS))
            return Listed(_whole(conn, ids), count, by_state, tags)

    def daily(self, feed_ids: Collection[str], since: date, until: date) -> Mapping[str, Sequence[int]]:
        """See Overview.daily."""
        days = (until - since).days + 1
        place = {str(since + timedelta(days=n)): n for n in range(days)}
        found = {feed_id: [0] * days for feed_id in feed_ids}
        values = {"ids": rows.dump(sorted(feed_ids)), "since": str(since), "until": str(until)}
        for feed_id, day, entries in self._db.ask(_DAILY, values):
            found[feed_id][place[day]] = entries
        return found

    def newest(self, feed_id: str, limit: int) -> list[Entry]:
        """See Overview.newest."""
        return [rows.entry(row) for row in self._db.ask(_NEWEST, (feed_id, limit))]

    def feeds_into(self, feed_id: str, since: datetime) -> list[Fed]:
        """See Overview.feeds_into."""
        return [Fed(*row) for row in self._db.ask(_FEEDS_INTO, (feed_id, rows.stamp(since)))]

    def articles(self, feed_id: str, since: datetime) -> Mapping[str, int]:
        """See Overview.articles."""
        return {row[0]: row[1] for row in self._db.ask(_ARTICLES, (feed_id, rows.stamp(since)))}

    def given_up(self, limit: int) -> list[GivenUp]:
        """See Overview.given_up."""
        return [
            GivenUp(row[0], row[1], row[2], row[3], row[4], row[5], rows.moment(row["at"]))
            for row in self._db.ask(_GIVEN_UP, (limit,))
        ]

    # -- messages ------------------------------------------------------------------------------------------------------

    def piles(self, since: datetime) -> Mapping[Pile, int]:
        """See Overview.piles."""
        return {row[0]: row[1] for row in self._db.ask(_COUNTED, {"since": rows.stamp(since)})}

    def messages(self, pile: Pile, limit: int, before: int = 0) -> list[Queued]:
        """See Overview.messages."""
        # The plus: few are on a pile of many that were sent, and those are found by their state.
        order = "m.id" if pile == "sent" else "+m.id"
        sql = f"{outbox.SELECT} WHERE {_PILES[pile]} AND m.id < ? ORDER BY {order} DESC LIMIT ?"
        return [_queued(row) for row in self._db.ask(sql, (before or 1 << 62, limit))]

    def message(self, message_id: int) -> Queued | None:
        """See Overview.message."""
        return next(map(_queued, self._db.ask(f"{outbox.SELECT} WHERE m.id = ?", (message_id,))), None)

    def attempts(self, message_id: int) -> list[PastAttempt]:
        """See Overview.attempts."""
        sql = "SELECT started_at, ended_at, outcome, phase, code, detail FROM attempts WHERE message_id = ? ORDER BY id"
        found = self._db.ask(sql, (message_id,))
        return [PastAttempt(rows.moment(row[0]), rows.moment(row[1]), *row[2:]) for row in found]

    def suppressed(self) -> int:
        """See Overview.suppressed."""
        return int(self._db.ask("SELECT count(*) FROM suppressions")[0][0])


def _whole(conn: Connection, ids: Sequence[str]) -> tuple[Feed, ...]:
    """These feeds with all that is counted of them, in this order."""
    found: dict[str, Feed] = {}
    for part in rows.chunks(ids):
        sql = f"{feeds.SELECT} WHERE f.id IN ({rows.marks(len(part))})"
        found.update((row["id"], feeds.whole(row)) for row in conn.execute(sql, tuple(part)))
    return tuple(found[feed_id] for feed_id in ids)


def _queued(row: Row) -> Queued:
    alive = row["told_in"] is None and bool(row["address"] and row["token"])
    open_ = row["state"] in ("waiting", "unknown", "dead")
    can_retry = alive and (open_ or row["state"] == "cancelled")
    return Queued(outbox.message(row), rows.moment_or_none(row["held_at"]), can_retry, open_)


_OF_TAG = "(:tag = '' OR EXISTS (SELECT 1 FROM json_each(f.tags) t WHERE t.value = :tag))"
_SILENT = "EXISTS (SELECT 1 FROM signals s WHERE s.feed_id = f.id AND s.kind = 'silence' AND s.ended_at IS NULL)"
# What a document is refused for, other than that none came.
_REFUSED = """(f.interrupted = 1 OR f.error_class IN ('too_large', 'bomb', 'not_a_feed', 'parse_error', 'parse_timeout', 'empty',
  'truncated', 'header_too_large', 'bad_http', 'internal'))"""
_FITS = {"": "true", "silent": _SILENT, "refused": _REFUSED, "malformed": "f.malformed != ''"}
_TITLE = f"{rows.FEED_TITLE} COLLATE NOCASE"
_ORDERS: Mapping[Order, str] = {
    "trouble": f"""CASE WHEN f.state = 'failing' THEN 0 WHEN f.state = 'gone' THEN 1 WHEN f.state = 'paused' THEN 5
  WHEN f.interrupted = 1 OR {_SILENT} THEN 2 WHEN f.state = 'new' THEN 3 ELSE 4 END, coalesce(f.failing_since, '') DESC, {_TITLE}""",
    "title": _TITLE,
    "entries": f"""(SELECT coalesce(sum(c.entries), 0) FROM entry_counts c WHERE c.feed_id = f.id AND c.day >= :since) DESC,
  {_TITLE}""",  # noqa: S608 - our own words
    "next": "f.state = 'paused', f.next_poll_at",
}
_BY_STATE = f"SELECT f.state, count(*) FROM feeds f WHERE f.removed_at IS NULL AND {_OF_TAG} GROUP BY f.state"  # noqa: S608 - our own words
_TAGS = "SELECT DISTINCT t.value FROM feeds f, json_each(f.tags) t WHERE f.removed_at IS NULL ORDER BY 1"
_DAILY = """SELECT feed_id, day, sum(entries) FROM entry_counts
WHERE feed_id IN (SELECT value FROM json_each(:ids)) AND day BETWEEN :since AND :until GROUP BY feed_id, day"""
_NEWEST = f"""SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.feed_id = ?
ORDER BY e.first_seen_at DESC, e.id DESC LIMIT ?"""  # noqa: S608 - names are ours
_FEEDS_INTO = """SELECT w.id, w.title, count(DISTINCT m.entry_id) AS entries FROM entries e JOIN matches m ON m.entry_id = e.id
JOIN watchlists w ON w.id = m.watchlist_id AND w.origin = 'config' AND w.removed_at IS NULL
WHERE e.feed_id = ? AND e.first_seen_at >= ? GROUP BY w.id ORDER BY entries DESC, w.id"""
_ARTICLES = """SELECT a.state, count(*) FROM entries e JOIN articles a ON a.entry_id = e.id
WHERE e.feed_id = ? AND e.first_seen_at >= ? GROUP BY a.state"""
# Of a group the row with the latest moment speaks.
_GIVEN_UP = f"""SELECT feed_id, name, error, count, id, story_id, at FROM (
  SELECT e.feed_id, {rows.FEED_TITLE} AS name, a.error, count(*) OVER same AS count, e.id, e.story_id, a.fetched_at AS at,
    row_number() OVER (PARTITION BY e.feed_id, a.error ORDER BY a.fetched_at DESC, e.id DESC) AS place
  FROM (SELECT * FROM articles WHERE state = 'given_up' ORDER BY fetched_at DESC LIMIT ?) a
  JOIN entries e ON e.id = a.entry_id JOIN feeds f ON f.id = e.feed_id WINDOW same AS (PARTITION BY e.feed_id, a.error)
) g WHERE place = 1 ORDER BY at DESC"""  # noqa: S608 - our own words
_PILES: Mapping[Pile, str] = {
    "held": "m.state IN ('waiting', 'unknown') AND m.held_at IS NOT NULL",
    "waiting": "m.state IN ('waiting', 'claimed') AND m.held_at IS NULL",
    "unknown": "m.state = 'unknown' AND m.held_at IS NULL",
    "dead": "m.state = 'dead'",
    "cancelled": "m.state = 'cancelled'",
    "sent": "m.state = 'sent'",
}
_COUNTED = """SELECT CASE WHEN state = 'dead' THEN 'dead' WHEN state = 'cancelled' THEN 'cancelled' WHEN held_at IS NOT NULL THEN 'held'
  WHEN state = 'unknown' THEN 'unknown' ELSE 'waiting' END AS pile, count(*) FROM messages
WHERE state IN ('waiting', 'claimed', 'unknown', 'dead') OR (state = 'cancelled' AND settled_at >= :since) GROUP BY pile"""
