"""Feeds: what the operator names, what polling taught, and who may poll them now."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from aggregator import urls
from aggregator.model import Feed, FeedSpec, SyncReport
from aggregator.store.sql import hosts, rows
from aggregator.store.sql.engine import Connection, Database, Row
from aggregator.store.sql.outbox import UNCLAIM

CLAIM = timedelta(minutes=10)
AHEAD = timedelta(hours=1)
LOOK = timedelta(minutes=1)


class Feeds:
    """FeedStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._looked_at, self._has_jumped = datetime.min.replace(tzinfo=UTC), False

    def sync(self, specs: Sequence[FeedSpec], now: datetime) -> SyncReport:
        """See FeedStore.sync."""
        stamp = rows.stamp(now)
        with self._db.write() as conn:
            stored = {r["id"]: r for r in conn.execute("SELECT * FROM feeds")}
            stored = self._rename(conn, specs, stored)
            wanted = {s.id for s in specs}
            removed = [i for i, r in stored.items() if i not in wanted and r["removed_at"] is None]
            sql = f"UPDATE feeds SET removed_at = ?, {_NO_CLAIM} WHERE id = ?"  # noqa: S608 - our own words
            conn.executemany(sql, [(stamp, i) for i in removed])
            self._free_urls(conn, specs, stored)
            added: list[str] = []
            changed: list[str] = []
            fresh: list[dict[str, object]] = []
            for spec in specs:
                row = stored.get(spec.id)
                if row is None:
                    columns = rows.spec_columns(spec) | {"added_at": stamp, "next_poll_at": stamp}
                    columns["next_poll_reason"] = "never polled yet"
                    fresh.append(columns)
                elif not self._update(conn, spec, row, now):
                    continue
                (added if row is None or row["removed_at"] is not None else changed).append(spec.id)
            if fresh:
                names = list(fresh[0])
                sql = f"INSERT INTO feeds ({', '.join(names)}) VALUES ({', '.join(f':{n}' for n in names)})"  # noqa: S608 - names are ours
                conn.executemany(sql, fresh)
        return SyncReport(tuple(added), tuple(changed), tuple(removed))

    @staticmethod
    def _rename(conn: Connection, specs: Sequence[FeedSpec], stored: dict[str, Row]) -> dict[str, Row]:
        """Give feeds whose id changed but not their URL their new id; the rows by their new ids.

        Names may move in a chain or a circle, so all that move go through a name that nobody has.
        """
        moves = _moves(specs, stored)
        for old in moves:
            conn.execute(f"UPDATE feeds SET id = 'renamed:' || id, {_NO_CLAIM} WHERE id = ?", (old,))  # noqa: S608 - our own words
        for old, new in moves.items():
            conn.execute("UPDATE feeds SET id = ? WHERE id = 'renamed:' || ?", (new, old))
        return {moves.get(i, i): r for i, r in stored.items()}

    @staticmethod
    def _free_urls(conn: Connection, specs: Sequence[FeedSpec], stored: dict[str, Row]) -> None:
        """Feeds may pass their URLs on in one edit: park the changing ones so that the unique index holds."""
        for spec in specs:
            row = stored.get(spec.id)
            if row is not None and row["url"] != spec.url:
                conn.execute("UPDATE feeds SET url = 'moving:' || id WHERE id = ?", (spec.id,))

    @staticmethod
    def _update(conn: Connection, spec: FeedSpec, row: Row, now: datetime) -> bool:
        columns = rows.spec_columns(spec)
        if row["moved_url"] and row["url"] == spec.url:
            columns["host"] = urls.host_key(row["moved_url"])
        differs = [name for name, value in columns.items() if row[name] != value]
        if not differs and row["removed_at"] is None:
            return False
        extra: dict[str, object] = {"removed_at": None}
        if "url" in differs and spec.url == row["moved_url"]:
            # The operator writes down where the feed lives: nothing else changes, not even the validators.
            extra |= _MOVED_NOWHERE | {"claimed_by": None, "claimed_until": None}
        elif "url" in differs:  # validators belong to a URL (RFC 9111 §4), and so does a poll under way
            extra |= {"etag": "", "last_modified": "", "body_hash": "", "failures": 0, "failing_since": None}
            extra |= {"held_until": None, "held_by": "", "items": 0, "next_poll_at": rows.stamp(now)}
            extra |= {"error": "", "error_class": "", "next_poll_reason": "its address in feeds.yaml changed"}
            extra |= {"certificate_until": None, "format": ""}
            extra |= {"claimed_by": None, "claimed_until": None, "looked_at": None, "frozen_at": None} | _MOVED_NOWHERE
            # Another address may be another feed: unless its entries are known, they are news to nobody.
            extra |= {"last_ok_at": None} | ({} if row["state"] == "paused" else {"state": "new"})
        elif row["removed_at"] is not None:
            extra |= {"next_poll_at": rows.stamp(now), "next_poll_reason": "named again in feeds.yaml"}
        values = columns | extra
        sets = ", ".join(f"{name} = :{name}" for name in values)
        conn.execute(f"UPDATE feeds SET {sets} WHERE id = :id", values)  # noqa: S608 - names are ours
        return True

    def claim_due(
        self, owner: str, limit: int, now: datetime, *, ids: Collection[str] = (), everything: bool = False
    ) -> builtins.list[Feed]:
        """See FeedStore.claim_due."""
        conditions = [
            "removed_at IS NULL",
            "state != 'paused'",
            "(claimed_until IS NULL OR claimed_until <= :now)",
            "(held_until IS NULL OR held_until <= :now)",
            "host NOT IN (SELECT host FROM hosts WHERE held_until > :now)",
            hosts.FREE,
        ]
        if everything:
            conditions.append("(last_poll_at IS NULL OR last_poll_at < :now OR last_poll_at > :ahead)")
        else:
            # Alone it is a beginning of an index, which ends after so many.
            conditions.append(
                "(next_poll_at <= :now OR last_poll_at > :ahead)" if self._jumped(now) else "next_poll_at <= :now"
            )
        values: dict[str, object] = {"now": rows.stamp(now), "ahead": rows.stamp(now + AHEAD), "limit": limit}
        values |= {"owner": owner, "process": hosts.process(owner), "until": rows.stamp(now + CLAIM)}
        if ids:
            conditions.append("id IN (SELECT value FROM json_each(:ids))")
            values["ids"] = rows.dump(sorted(ids))
        due = f"FROM feeds WHERE {' AND '.join(conditions)}"
        with self._db.claim() as conn:
            if not (free := _free_hosts(conn, due, values, owner, now)):
                return []
            ours = rows.padded(sorted(free))
            named = {f"host{n}": host for n, host in enumerate(ours)}
            sql = _CLAIM.format(due=due, hosts=", ".join(f":{name}" for name in named), skip=conn.skip_locked)
            claimed = conn.execute(sql, values | named).fetchall()
            hosts.hold(conn, {row["host"] for row in claimed}, owner, now + CLAIM)
        return sorted(
            (rows.feed(r, interrupted=bool(r["interrupted"])) for r in claimed),
            key=lambda f: (f.poll.next_poll_at, f.id),
        )

    def _jumped(self, now: datetime) -> bool:
        """Whether some poll lies in the future: the clock was ahead once, which must not put a feed to sleep for as long.

        Looked for once a minute: no index leads there.
        """
        if not timedelta(0) <= now - self._looked_at < LOOK:
            sql = "SELECT 1 FROM feeds WHERE last_poll_at > ? LIMIT 1"
            self._has_jumped, self._looked_at = bool(self._db.ask(sql, (rows.stamp(now + AHEAD),))), now
        return self._has_jumped

    def renew(self, owner: str, now: datetime) -> int:
        """See FeedStore.renew."""
        sql = """UPDATE feeds SET claimed_until = :until WHERE id IN (
                  SELECT id FROM feeds WHERE claimed_by = :owner {skip}) RETURNING host"""
        values = {"owner": owner, "until": rows.stamp(now + CLAIM)}
        with self._db.claim() as conn:
            renewed = [row[0] for row in conn.execute(sql.format(skip=conn.skip_locked), values)]
            hosts.hold(conn, hosts.lock(conn, renewed, owner, now), owner, now + CLAIM)
        return len(renewed)

    def release(
        self, owner: str, *, fallen: bool = False, sure: bool = True, rest_until: datetime | None = None
    ) -> int:
        """See FeedStore.release."""
        count = 0
        with self._db.write() as conn:
            held = hosts.in_hand(conn, owner)
            if fallen:
                conn.execute("UPDATE feeds SET interrupted = 1 WHERE claimed_by = ?", (owner,))
            for table in ("feeds", "articles"):
                count += conn.execute(
                    f"UPDATE {table} SET {_NO_CLAIM} WHERE claimed_by = ?",  # noqa: S608 - table names are ours
                    (owner,),
                ).rowcount
            sql = f"UPDATE messages SET {UNCLAIM} WHERE claimed_by = ? AND state = 'claimed' AND (? = 1 OR phase != 'data')"  # noqa: S608 - our own words
            count += conn.execute(sql, (owner, sure)).rowcount
            hosts.let_go(conn, dict.fromkeys(held, rest_until), owner)
        return count

    def owners(self) -> builtins.list[str]:
        """See FeedStore.owners."""
        sql = " UNION ".join(
            f"SELECT claimed_by FROM {table} WHERE claimed_by IS NOT NULL"  # noqa: S608 - table names are ours
            for table in ("feeds", "articles", "messages")
        )
        with self._db.read() as conn:
            return sorted(r[0] for r in conn.execute(sql))

    def list(self) -> builtins.list[Feed]:
        """See FeedStore.list."""
        with self._db.read() as conn:
            return [whole(r) for r in conn.execute(SELECT + " WHERE removed_at IS NULL ORDER BY f.id")]

    def get(self, feed_id: str) -> Feed | None:
        """See FeedStore.get."""
        with self._db.read() as conn:
            row = conn.execute(SELECT + " WHERE removed_at IS NULL AND f.id = ?", (feed_id,)).fetchone()
        return None if row is None else whole(row)

    def pause(self, feed_id: str, now: datetime) -> bool:  # noqa: ARG002 - the port's shape: other stores log the time
        """See FeedStore.pause."""
        with self._db.write() as conn:
            sql = "UPDATE feeds SET state = 'paused' WHERE id = ? AND removed_at IS NULL"
            return conn.execute(sql, (feed_id,)).rowcount == 1

    def resume(self, feed_id: str, now: datetime) -> bool:
        """See FeedStore.resume."""
        with self._db.write() as conn:
            sql = """UPDATE feeds SET state = iif(last_ok_at IS NULL, 'new', 'ok'), failures = 0, failing_since = NULL,
                     error = '', error_class = '', held_until = NULL, held_by = '', next_poll_at = :now,
                     next_poll_reason = 'resumed by hand'
                     WHERE id = :id AND removed_at IS NULL"""
            conn.execute("DELETE FROM hosts WHERE host = (SELECT host FROM feeds WHERE id = ?)", (feed_id,))
            return conn.execute(sql, {"id": feed_id, "now": rows.stamp(now)}).rowcount == 1

    def hasten(self, feed_id: str, at: datetime) -> bool:
        """See FeedStore.hasten."""
        sql = """UPDATE feeds SET next_poll_reason = iif(next_poll_at > :at, 'asked for by hand', next_poll_reason),
                 next_poll_at = min(next_poll_at, :at) WHERE id = :id AND removed_at IS NULL AND state != 'paused'"""
        with self._db.write() as conn:
            return conn.execute(sql, {"id": feed_id, "at": rows.stamp(at)}).rowcount == 1


SELECT = f"""SELECT {", ".join(f"f.{name}" for name in rows.FEED_COLUMNS)}, f.host, f.interrupted,
  (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries,
  (SELECT count(*) FROM gaps g WHERE g.feed_id = f.id) AS gaps, h.held_until AS host_held_until, h.said_by, h.said_at
FROM feeds f LEFT JOIN hosts h ON h.host = f.host"""  # noqa: S608 - names are ours
_CLAIM = f"""UPDATE feeds SET interrupted = iif(interrupted = 1 OR claimed_by IS NOT NULL, 1, 0), claimed_by = :owner, claimed_until = :until
WHERE id IN (SELECT id {{due}} AND host IN ({{hosts}}) ORDER BY next_poll_at, id LIMIT :limit {{skip}})
RETURNING {", ".join(rows.FEED_COLUMNS)}, interrupted, host"""  # noqa: S608 - our own words
_NO_CLAIM = "claimed_by = NULL, claimed_until = NULL"
_MOVED_NOWHERE: dict[str, object] = {"moved_url": "", "move_target": "", "move_polls": 0, "move_refused": ""}


def _free_hosts(conn: Connection, due: str, values: dict[str, object], owner: str, now: datetime) -> set[str]:
    """Hosts of the first that are due, locked: past those that others are taking at this instant."""
    sql = f"""SELECT DISTINCT host FROM (
      SELECT host {due} AND host NOT IN (SELECT value FROM json_each(:met)) ORDER BY next_poll_at, id LIMIT :limit) f"""  # noqa: S608 - our own conditions
    met: set[str] = set()
    while found := [row[0] for row in conn.execute(sql, values | {"met": rows.dump(sorted(met))})]:
        if free := hosts.lock(conn, found, owner, now):
            return free
        met.update(found)
    return set()


def whole(row: Row) -> Feed:
    """A feed with what is counted of it and its host's hold, from SELECT."""
    return rows.feed(row, rows.hold(row), row["entries"], row["gaps"], interrupted=bool(row["interrupted"]))


def _moves(specs: Sequence[FeedSpec], stored: dict[str, Row]) -> dict[str, str]:
    """Old id -> new id of the feeds known by their URL, or by the one they have moved to, under another name.

    A name that a stored feed keeps is not free; what is not a move is then a change of URL.
    """
    in_use_last = sorted(stored.values(), key=lambda r: r["removed_at"] is None)
    named = {s.url for s in specs}
    by_url = {r["moved_url"]: r["id"] for r in in_use_last if r["moved_url"] and r["url"] not in named}
    by_url |= {r["url"]: r["id"] for r in in_use_last}
    moves = {by_url[s.url]: s.id for s in specs if s.url in by_url and by_url[s.url] != s.id}
    while taken := [old for old, new in moves.items() if new in stored and new not in moves]:
        for old in taken:
            del moves[old]
    return moves
