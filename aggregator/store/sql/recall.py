"""After a restore: what the log knows to have happened since the backup, brought into the database (docs/decisions/0048)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aggregator.care import Recalled
from aggregator.readership import Asker
from aggregator.store.sql import rows
from aggregator.store.sql.consents import note
from aggregator.store.sql.engine import FACT, Connection
from aggregator.store.sql.subscriptions import LEFT_FILE, end, erase
from aggregator.store.sql.told import edition_name, message_mark, reader_mark, settle_again

ENDS, PAUSES = ("ended", "refused"), ("paused", "suspended")
_LOST = "This edition was sent at {}. What it said was lost when an older database was restored."


@dataclass
class _Log:
    """What the lines say, put together: whether they are whole since the backup, and the last word on each thing."""

    known: bool = False
    sent: dict[str, str] = field(default_factory=dict)
    of: Counter[str] = field(default_factory=Counter)
    editions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    passed: list[dict[str, Any]] = field(default_factory=list)
    readers: dict[str, dict[str, Any]] = field(default_factory=dict)
    suppressed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, line: dict[str, Any], mark: str) -> None:
        """One line; `mark` is that of the backup."""
        if "backup" in line:
            self.known = self.known or line["backup"] == mark
        elif "gap" in line:
            self.known = False
        elif "edition" in line:
            self.editions[line["edition"]["digest"], line["edition"]["key"]] = line
        elif "passed" in line:
            self.passed.append(line)
        elif "sent" in line:
            self.of[line["of"]] += line["sent"] not in self.sent
            self.sent[line["sent"]] = line["at"]
        elif "reader" in line:
            self.readers[line["reader"]] = line
        elif "suppressed" in line:
            self.suppressed[line["suppressed"]] = line
        elif "unsuppressed" in line:
            self.suppressed.pop(line["unsuppressed"], None)


def recall(conn: Connection, secret: bytes, lines: Iterable[dict[str, Any]], mark: str, now: datetime) -> Recalled:
    """Inside a transaction: settle what was sent since the backup of this mark, stop whom was stopped.

    Where the log is not whole since then, every edition that is composed is held until a person releases it.
    """
    log = _Log()
    for line in lines:
        try:
            log.take(line, mark)
        except (KeyError, TypeError):
            continue  # damaged, or of a newer version
    sent = _sent(conn, secret, log)
    editions = _editions(conn, log)
    stopped = _readers(conn, secret, log, now)
    suppressed = _suppressed(conn, secret, log)
    first = conn.execute("SELECT coalesce(min(matches_after), 0) FROM digests").fetchone()[0]
    settle_again(conn, first)
    if not log.known:
        conn.execute(FACT, (HELD, rows.stamp(now)))
    return Recalled(log.known, tuple(editions), sent, stopped, suppressed)


HELD = "held_since"
"""The fact that every edition waits for a person: after a restore it is not known what was sent."""


def _sent(conn: Connection, secret: bytes, log: _Log) -> int:
    """Messages that the backup holds as unsent, and that were sent since."""
    unsent = conn.execute("SELECT id, message_id FROM messages WHERE state NOT IN ('sent', 'cancelled')").fetchall()
    found = [(log.sent.get(message_mark(secret, r["message_id"])), r["id"]) for r in unsent]
    done = [(at, message_id) for at, message_id in found if at is not None]
    sql = """UPDATE messages SET state = 'sent', phase = 'data', settled_at = ?, token = '', late = 0, error = '',
             claimed_by = NULL, claimed_until = NULL WHERE id = ?"""
    conn.executemany(sql, done)
    return len(done)


def _editions(conn: Connection, log: _Log) -> list[str]:
    """A row for each edition that somebody was told since the backup, so that nobody is told again; their names."""
    digests = {r[0] for r in conn.execute("SELECT id FROM digests")}
    stored = {(r[0], r[1]) for r in conn.execute("SELECT digest_id, key FROM editions")}
    told, untold = [], set()
    for (digest_id, key), line in log.editions.items():
        if (digest_id, key) in stored:
            continue  # and what it settled, by the same commit
        copies = log.of[edition_name(digest_id, key)]
        if line["readers"] and not copies:
            untold.add(digest_id)  # composed, but nobody has it: its news comes again
            continue
        edition_id = _stand_in(conn, line) if digest_id in digests else None
        _remember(conn, digest_id, edition_id, line)
        told.append(f"{edition_name(digest_id, key)}: {copies} of {line['readers']} sent")
    for line in log.passed:
        if line["passed"] not in untold:
            _remember(conn, line["passed"], None, line)
    return told


def _stand_in(conn: Connection, line: dict[str, Any]) -> int:
    one, lost = line["edition"], _LOST.format(line["at"])
    page = f'<!DOCTYPE html><html lang="en"><title>Lost</title><p>{lost}</p></html>'
    sql = """INSERT INTO editions (digest_id, key, kind, title, window_start, window_end, subject, stories, entries,
             composed_at, mail, page, text, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, x'', ?, ?, '{}') RETURNING id"""
    facts = [one[n] for n in ("digest", "key", "kind", "title", "start", "end", "subject", "stories", "entries")]
    edition_id = int(conn.execute(sql, (*facts, line["at"], page, lost)).fetchone()[0])
    conn.execute("UPDATE digests SET covered_until = max(covered_until, ?) WHERE id = ?", (one["end"], one["digest"]))
    return edition_id


def _remember(conn: Connection, digest_id: str, edition_id: int | None, line: dict[str, Any]) -> None:
    """Matches that are told when they come again; what was passed over beside an edition was not told in it."""
    sql = """INSERT INTO told_earlier (entry, watchlist_id, digest_id, edition_id, prominence, at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (entry, watchlist_id, digest_id) DO UPDATE SET edition_id = excluded.edition_id,
             prominence = excluded.prominence, at = excluded.at"""
    conn.executemany(
        sql,
        [
            (entry, watchlist, digest_id, edition_id if level else None, level, line["at"])
            for watchlist, entry, level in line["told"]
        ],
    )


def _readers(conn: Connection, secret: bytes, log: _Log, now: datetime) -> int:
    """Who left, paused or was suspended after the backup was made: that wins over what the backup says."""
    stopped = 0
    sql = """SELECT s.id, s.digest_id, s.state, b.address FROM subscriptions s
             JOIN subscribers b ON b.id = s.subscriber_id WHERE s.state != 'ended'"""
    for row in conn.execute(sql).fetchall():
        line = log.readers.get(reader_mark(secret, row["digest_id"], row["address"]))
        if line is None:
            continue
        event = line["event"]
        if event in ENDS or (event in PAUSES and row["state"] == "pending"):
            reason = LEFT_FILE if line["cause"] == "configuration" else "ended before the database was restored"
            end(conn, row["id"], reason, now)
        elif event in PAUSES and row["state"] == "active":
            until = line["until"] or None
            conn.execute("UPDATE subscriptions SET state = 'paused', paused_until = ? WHERE id = ?", (until, row["id"]))
        else:
            continue
        note(conn, secret, row["id"], event, Asker(line["cause"]), now=now, detail=f"at {line['at']}, from the log")
        stopped += 1
    return stopped


def _suppressed(conn: Connection, secret: bytes, log: _Log) -> int:
    """Addresses that must not be written to since; readers who were erased are erased again."""
    sql = "INSERT OR IGNORE INTO suppressions (address_hmac, reason, created_at) VALUES (?, ?, ?)"
    added = sum(conn.execute(sql, (a, one["reason"], one["at"])).rowcount for a, one in log.suppressed.items())
    erased = {a: one["at"] for a, one in log.suppressed.items() if one["reason"] == "erased"}
    for row in conn.execute("SELECT address FROM subscribers").fetchall() if erased else ():
        at = erased.get(rows.address_hmac(secret, row["address"]))
        if at is not None:
            erase(conn, secret, row["address"], rows.moment(at))
    return added
