"""By what the log of what was sent knows things again, and matches that were told before a restore (docs/decisions/0048)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aggregator.levels import Level, Settled
from aggregator.publication import Edition, NewEdition
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, log_line

_MARK = 32


def message_mark(secret: bytes, message_id: str) -> str:
    """What the log holds of a Message-ID."""
    return rows.keyed(secret, "message", message_id)[:_MARK]


def entry_mark(feed_id: str, guid: str, link: str) -> str:
    """By what an entry is known again that is polled anew: the publisher's name for it in its feed. It is no secret."""
    return hashlib.sha256(f"{feed_id}\n{guid or link}".encode()).hexdigest()[:_MARK]


def reader_mark(secret: bytes, digest_id: str, address: str) -> str:
    """What the log holds of a subscription."""
    return rows.keyed(secret, "reader", f"{digest_id}\n{address.strip().lower()}")[:_MARK]


def edition_name(digest_id: str, key: str) -> str:
    """How lines of messages name their edition."""
    return f"{digest_id} {key}"


def log_editions(conn: Connection, made: Iterable[NewEdition], settled: Iterable[Settled]) -> None:
    """A line for each edition that is stored now, with what it settles; what is passed over stands beside the first."""
    told = list(settled)
    for place, one in enumerate(made):
        mine = [s for s in told if s.place == place or (place == 0 and s.place < 0)]
        e = one.edition
        log_line(
            conn,
            at=rows.stamp(e.composed_at),
            edition=_facts(e, one.rendered.subject),
            readers=len(one.messages),
            told=_marks(conn, [(s.match_id, s.level if s.place >= 0 else None) for s in mine]),
        )


def log_passed(conn: Connection, digest_id: str, matches: Iterable[int], at: str) -> None:
    """A line for matches that a digest settles without an edition."""
    told = _marks(conn, [(match_id, None) for match_id in matches])
    if told:
        log_line(conn, at=at, passed=digest_id, told=told)


def _facts(edition: Edition, subject: str) -> dict[str, object]:
    return {
        "digest": edition.digest_id,
        "key": edition.key,
        "kind": edition.kind,
        "title": edition.title,
        "start": rows.stamp(edition.window.start),
        "end": rows.stamp(edition.window.end),
        "subject": subject,
        "stories": len(edition.stories) + edition.more,
        "entries": edition.entries,
    }


def _marks(conn: Connection, settled: Iterable[tuple[int, Level | None]]) -> list[tuple[str, str, Level | None]]:
    """What the log holds of settled matches, given as (match id, level it was told at): (watchlist, entry, level)."""
    sql = "SELECT m.watchlist_id, e.feed_id, e.guid, e.link FROM matches m JOIN entries e ON e.id = m.entry_id WHERE m.id = ?"
    found = [(conn.execute(sql, (match_id,)).fetchone(), level) for match_id, level in settled]
    return [(row[0], entry_mark(*row[1:]), level) for row, level in found if row is not None]


def settle_again(conn: Connection, after: int) -> None:
    """Matches above an id that were told before a restore are told: entries that are polled anew are no news."""
    if conn.execute("SELECT 1 FROM told_earlier LIMIT 1").fetchone() is None:
        return
    sql = """SELECT m.id, m.watchlist_id, e.feed_id, e.guid, e.link
             FROM matches m JOIN entries e ON e.id = m.entry_id WHERE m.id > ?"""
    found = conn.execute(sql, (after,)).fetchall()
    conn.executemany(_SETTLE, [(r[0], r[1], entry_mark(r[2], r[3], r[4])) for r in found])


_SETTLE = """INSERT OR IGNORE INTO edition_matches (digest_id, match_id, edition_id, prominence)
SELECT t.digest_id, ?1, t.edition_id, t.prominence FROM told_earlier t JOIN digests d ON d.id = t.digest_id
WHERE t.watchlist_id = ?2 AND t.entry = ?3"""
