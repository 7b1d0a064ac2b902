"""What happened to feeds as a whole, and where they live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from aggregator import urls
from aggregator.model import FeedEvent, StoredEvent
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database


class History:
    """HistoryStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def events(self, feed_id: str = "", limit: int = 50) -> list[StoredEvent]:
        """See HistoryStore.events."""
        condition = "WHERE feed_id = :feed_id" if feed_id else ""
        sql = f"SELECT * FROM feed_events {condition} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - our own words
        with self._db.read() as conn:
            found = conn.execute(sql, {"feed_id": feed_id, "limit": limit}).fetchall()
        return [StoredEvent(r["id"], r["feed_id"], rows.moment(r["at"]), r["kind"], r["detail"]) for r in found]

    def living_at(self, url: str, but: str) -> str:
        """See HistoryStore.living_at."""
        sql = """SELECT id FROM feeds WHERE removed_at IS NULL AND id != :but
                 AND (url = :url OR (moved_url != '' AND moved_url = :url)) ORDER BY id LIMIT 1"""
        with self._db.read() as conn:
            row = conn.execute(sql, {"url": url, "but": but}).fetchone()
        return "" if row is None else str(row[0])

    def undo_move(self, feed_id: str, now: datetime) -> bool:
        """See HistoryStore.undo_move."""
        with self._db.write() as conn:
            sql = "SELECT url, moved_url FROM feeds WHERE id = ? AND removed_at IS NULL AND moved_url != ''"
            row = conn.execute(sql, (feed_id,)).fetchone()
            if row is None:
                return False
            conn.execute(_UNDO, {"id": feed_id, "host": urls.host_key(row["url"]), "now": rows.stamp(now)})
            detail = f"from {urls.mask(row['moved_url'])} back to {urls.mask(row['url'])}"
            add_events(conn, feed_id, [FeedEvent("move_undone", detail)], rows.stamp(now))
        return True


def add_events(conn: Connection, feed_id: str, events: Iterable[FeedEvent], at: str) -> None:
    """Write events inside an open transaction."""
    sql = "INSERT INTO feed_events (feed_id, at, kind, detail) VALUES (?, ?, ?, ?)"
    conn.executemany(sql, [(feed_id, at, e.kind, e.detail) for e in events])


# A poll under way asks the address that is left behind: its claim ends.
_UNDO = """UPDATE feeds SET host = :host, move_refused = moved_url, moved_url = '', move_target = '', move_polls = 0,
           etag = '', last_modified = '', body_hash = '', frozen_at = NULL, held_until = NULL, failures = 0,
           failing_since = NULL, error = '', error_class = '', claimed_by = NULL, claimed_until = NULL,
           state = iif(state = 'paused', 'paused', iif(last_ok_at IS NULL, 'new', 'ok')),
           next_poll_at = :now, next_poll_reason = 'moved back by hand' WHERE id = :id"""
