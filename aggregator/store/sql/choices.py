"""Digests and watchlists that readers made by choosing: asleep until somebody confirms, awake while somebody reads them.

`turn` is a number that grows whenever a reader's watchlist comes or goes: what another process looks at to notice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.model import Watchlist
from aggregator.publication import DigestSpec
from aggregator.readership import BRIDGE
from aggregator.store.sql import rows
from aggregator.store.sql.editions import _save, _spec_columns
from aggregator.store.sql.engine import Connection

TOLD = timedelta(days=14)
"""What was told so long ago is forgotten when a reader moves; a story lives for three days."""

UNREAD = """FROM digests WHERE origin = 'reader' AND removed_at IS NULL AND NOT EXISTS (
  SELECT 1 FROM subscriptions s WHERE s.digest_id = digests.id AND s.state IN ('active', 'paused'))"""
"""Digests of readers that nobody reads any more."""


def lay_down(conn: Connection, spec: DigestSpec, own: Watchlist | None, now: datetime) -> None:
    """See that a choice's digest and watchlist are there; new ones sleep (`removed_at`)."""
    stamp = rows.stamp(now)
    if own is not None:
        conn.execute(
            "INSERT OR IGNORE INTO watchlists (id, title, query, changed_at, removed_at, origin) VALUES (?, ?, ?, ?, ?, 'reader')",
            (own.id, own.title, own.query, stamp, stamp),
        )
    if conn.execute("SELECT 1 FROM digests WHERE id = ?", (spec.id,)).fetchone() is None:
        asleep = {"covered_until": stamp, "next_at": stamp, "added_at": stamp, "removed_at": stamp}
        _save(conn, _spec_columns(spec) | asleep, exists=False)
        conn.executemany(
            "INSERT INTO digest_watchlists (digest_id, watchlist_id, position) VALUES (?, ?, ?)",
            [(spec.id, w, i) for i, w in enumerate(spec.watchlists)],
        )


def wake(conn: Connection, digest_id: str, start: datetime, due: datetime, now: datetime) -> None:
    """Bring a digest and its watchlists to life; its first window begins at `start`. One that is awake is left alone.

    What it covered in an earlier life it does not cover again.
    """
    row = conn.execute("SELECT * FROM digests WHERE id = ?", (digest_id,)).fetchone()
    if row["removed_at"] is not None:
        if row["covered_until"] != row["added_at"]:
            start = max(start, rows.moment(row["covered_until"]))
        before = conn.execute("SELECT coalesce(max(id), 0) FROM matches WHERE matched_at < ?", (rows.stamp(start),))
        values = (rows.stamp(start), rows.stamp(due), before.fetchone()[0], rows.stamp(now), digest_id)
        sql = "UPDATE digests SET covered_until = ?, next_at = ?, matches_after = ?, added_at = ?, removed_at = NULL WHERE id = ?"
        conn.execute(sql, values)
    wake_watchlists(conn, digest_id, now)


def rouse(conn: Connection, digest_id: str, now: datetime) -> None:
    """Let a reader's digest go on where it stood, as though it had not slept: an edition that is overdue comes out."""
    conn.execute("UPDATE digests SET removed_at = NULL WHERE id = ? AND origin = 'reader'", (digest_id,))
    wake_watchlists(conn, digest_id, now)


def wake_watchlists(conn: Connection, digest_id: str, now: datetime) -> None:
    """Bring the readers' own watchlists of a digest to life."""
    sql = """UPDATE watchlists SET removed_at = NULL, changed_at = ? WHERE origin = 'reader' AND removed_at IS NOT NULL
             AND id IN (SELECT watchlist_id FROM digest_watchlists WHERE digest_id = ?)"""
    if conn.execute(sql, (rows.stamp(now), digest_id)).rowcount:
        next_turn(conn)


def carry(conn: Connection, old: str, new: str, due: datetime, now: datetime) -> None:
    """Let `new` begin where `old` stands: the same window, the same matches waiting, the same stories told."""
    sql = """UPDATE digests SET (covered_until, matches_after) = (SELECT covered_until, matches_after FROM digests WHERE id = :old),
             next_at = :due, added_at = :now, removed_at = NULL WHERE id = :new"""
    values = {"old": old, "new": new, "due": rows.stamp(due), "now": rows.stamp(now), "since": rows.stamp(now - TOLD)}
    conn.execute(sql, values)
    sql = """INSERT OR IGNORE INTO edition_matches (digest_id, match_id, edition_id, prominence)
             SELECT :new, em.match_id, em.edition_id, em.prominence FROM edition_matches em JOIN matches m ON m.id = em.match_id
             WHERE em.digest_id = :old AND m.matched_at >= :since"""
    conn.execute(sql, values)
    wake_watchlists(conn, new, now)


def bridge(conn: Connection, digest_id: str, subscription_id: int, now: datetime) -> str:
    """A sleeping copy of a digest for one reader, until it has caught up with the digest; its id."""
    name = f"{digest_id}{BRIDGE}{subscription_id}-{now:%Y%m%d%H%M%S%f}"
    row = conn.execute("SELECT * FROM digests WHERE id = ?", (digest_id,)).fetchone()
    stamp = rows.stamp(now)
    asleep = {"id": name, "added_at": stamp, "removed_at": stamp, "held_until": None, "held_match": 0}
    _save(conn, dict(row) | asleep, exists=False)
    conn.execute(
        "INSERT INTO digest_watchlists (digest_id, watchlist_id, position) "
        "SELECT ?, watchlist_id, position FROM digest_watchlists WHERE digest_id = ?",
        (name, digest_id),
    )
    return name


def put_to_sleep(conn: Connection, now: datetime) -> int:
    """End the digests and watchlists of readers that nobody reads any more; how many digests."""
    stamp = rows.stamp(now)
    sql = f"UPDATE digests SET removed_at = ? WHERE id IN (SELECT id {UNREAD})"  # noqa: S608 - our own words
    removed = conn.execute(sql, (stamp,)).rowcount
    sql = """UPDATE watchlists SET removed_at = ? WHERE origin = 'reader' AND removed_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM digest_watchlists w JOIN digests d ON d.id = w.digest_id
             WHERE w.watchlist_id = watchlists.id AND d.removed_at IS NULL)"""
    if conn.execute(sql, (stamp,)).rowcount:
        next_turn(conn)
    return removed


def next_turn(conn: Connection) -> None:
    """Say to every process that the readers' watchlists are others now."""
    conn.execute(
        "INSERT INTO facts (name, value) VALUES ('readers_turn', '1') "
        "ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(facts.value AS BIGINT) + 1 AS TEXT)"
    )
