"""Digests, their windows and their editions. Matches are assigned, so composing twice is a no-op."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from aggregator.levels import LEVELS, Level, Settled
from aggregator.model import Entry, Match, Revised, SyncReport
from aggregator.publication import (
    Digest,
    DigestSpec,
    Edition,
    EditionMatch,
    NewEdition,
    Quiet,
    RenderedEdition,
    Schedule,
    StoredEdition,
    Window,
)
from aggregator.reading import AT_ONCE
from aggregator.store.sql import markup, queueing, revised, rows, signals
from aggregator.store.sql import told as told_earlier
from aggregator.store.sql.engine import Connection, Database, Row
from aggregator.store.sql.signals import UNTOLD
from aggregator.store.sql.stories import load_stories

AHEAD = timedelta(hours=1)


class Editions:
    """EditionStore in SQL. `initial` is how far back the first window of a new scheduled digest reaches."""

    def __init__(self, db: Database, initial: timedelta) -> None:
        self._db = db
        self._initial = initial

    def sync(self, specs: Sequence[DigestSpec], due: Mapping[str, datetime], now: datetime) -> SyncReport:
        """See EditionStore.sync."""
        added: list[str] = []
        changed: list[str] = []
        with self._db.write() as conn:
            stored = {r["id"]: r for r in conn.execute("SELECT * FROM digests WHERE origin = 'config'")}
            watched = {d.spec.id: d.spec.watchlists for d in _load_digests(conn, stored.values())}
            for spec in specs:
                row = stored.get(spec.id)
                columns = _spec_columns(spec)
                if row is None or row["removed_at"] is not None:
                    added.append(spec.id)
                    columns |= self._beginning(conn, spec, row, due[spec.id], now)
                elif any(row[name] != columns[name] for name in ("every", "at", "days", "timezone")):
                    changed.append(spec.id)
                    # An edition that is overdue comes out all the same: another time must not cost a day.
                    overdue = row["next_at"] <= rows.stamp(now)
                    columns |= {"next_at": row["next_at"] if overdue else rows.stamp(due[spec.id])}
                elif watched[spec.id] != spec.watchlists or any(row[n] != value for n, value in columns.items()):
                    changed.append(spec.id)
                _save(conn, columns, exists=row is not None)
                self._watchlists(conn, spec)
            wanted = {s.id for s in specs}
            removed = [i for i, r in stored.items() if i not in wanted and r["removed_at"] is None]
            conn.executemany("UPDATE digests SET removed_at = ? WHERE id = ?", [(rows.stamp(now), i) for i in removed])
        return SyncReport(tuple(added), tuple(changed), tuple(removed))

    def _beginning(
        self, conn: Connection, spec: DigestSpec, row: Row | None, due: datetime, now: datetime
    ) -> dict[str, Any]:
        """A new digest looks back `initial`, an instant one not at all: it must not flood."""
        start = now if spec.schedule.every == "instant" else now - self._initial
        if row is not None:  # it comes back: what it covered then it does not cover again
            start = max(start, rows.moment(row["covered_until"]))
        before = conn.execute("SELECT coalesce(max(id), 0) FROM matches WHERE matched_at < ?", (rows.stamp(start),))
        return {
            "covered_until": rows.stamp(start),
            "next_at": rows.stamp(due),
            "matches_after": before.fetchone()[0],
            "added_at": rows.stamp(now),
            "removed_at": None,
        }

    @staticmethod
    def _watchlists(conn: Connection, spec: DigestSpec) -> None:
        conn.execute("DELETE FROM digest_watchlists WHERE digest_id = ?", (spec.id,))
        conn.executemany(
            "INSERT INTO digest_watchlists (digest_id, watchlist_id, position) VALUES (?, ?, ?)",
            [(spec.id, w, i) for i, w in enumerate(spec.watchlists)],
        )

    def digests(self) -> list[Digest]:
        """See EditionStore.digests."""
        with self._db.read() as conn:
            return _load_digests(conn, conn.execute("SELECT * FROM digests WHERE removed_at IS NULL ORDER BY id"))

    def due(self, now: datetime) -> list[Digest]:
        """See EditionStore.due."""
        self._come_back(now)
        sql = f"""SELECT * FROM digests d WHERE removed_at IS NULL AND ((every != 'instant' AND next_at <= :now)
                  OR (every = 'instant' AND (EXISTS (SELECT 1 {_WAITING}
                  AND (d.held_until IS NULL OR d.held_until <= :now OR m.id > d.held_match))
                  OR ((d.held_until IS NULL OR d.held_until <= :now) AND d.id IN (SELECT d.id {UNTOLD}))))) ORDER BY next_at, id"""  # noqa: S608 - our own words
        values = {"now": rows.stamp(now), "until": _FOREVER, "since": rows.stamp(now - AT_ONCE)}
        with self._db.read() as conn:
            return _load_digests(conn, conn.execute(sql, values))

    def _come_back(self, now: datetime) -> None:
        """A window that ends in the future: the clock was ahead once. It must not silence the digest until then."""
        values = {"now": rows.stamp(now), "ahead": rows.stamp(now + AHEAD)}
        where = "every != 'instant' AND covered_until > :ahead"
        with self._db.read() as conn:
            if conn.execute(f"SELECT 1 FROM digests WHERE {where}", values).fetchone() is None:  # noqa: S608 - our own words
                return
        with self._db.write() as conn:
            conn.execute(f"UPDATE digests SET covered_until = :now, next_at = :now WHERE {where}", values)  # noqa: S608 - our own words

    def waiting(self, digest_id: str, until: datetime) -> list[EditionMatch]:
        """See EditionStore.waiting."""
        with self._db.read() as conn:
            digest = conn.execute("SELECT * FROM digests WHERE id = ?", (digest_id,)).fetchone()
            if digest is None:
                return []
            # An alert's window is zero: whatever waits goes, also what a jumped clock dated ahead.
            values = {"id": digest_id, "until": _FOREVER if digest["every"] == "instant" else rows.stamp(until)}
            sql = f"SELECT m.*, e.story_id FROM digests d, {_WAITING[5:]} AND d.id = :id ORDER BY m.id"  # noqa: S608 - our own words
            found = conn.execute(sql, values).fetchall()
            stories = load_stories(conn, sorted({r["story_id"] for r in found}))
            told = _told(conn, digest_id, stories)
            waiting = []
            for row in found:
                story = stories[row["story_id"]]
                entry = next(e for e in story.entries if e.id == row["entry_id"])
                match, entry = _as_matched(conn, rows.match(row), entry)
                waiting.append(EditionMatch(match, entry, story, told.get((story.id, match.watchlist_id), "")))
        return waiting

    def revised(self, digest_id: str, window: Window) -> list[Revised]:
        """See EditionStore.revised."""
        with self._db.read() as conn:
            return revised.revised(conn, digest_id, window)

    def commit_editions(self, made: Sequence[NewEdition], settled: Sequence[Settled], next_at: datetime) -> list[int]:
        """See EditionStore.commit_editions."""
        edition = made[0].edition
        with self._db.write() as conn:
            if any(_taken(conn, one.edition) for one in made):
                _move_on(conn, edition.digest_id, edition.window.end, next_at)
                return []
            late = _is_covered(conn, edition) or any(queueing.told_meanwhile(conn, one.messages) for one in made)
            late = late or signals.told(conn, edition)
            if late or _assigned(conn, edition.digest_id, [one.match_id for one in settled]):
                return []
            ids = [_insert_edition(conn, one) for one in made]
            told = [(one.match_id, ids[one.place], one.level) for one in settled if one.place >= 0]
            passed = [(one.match_id, None, one.level) for one in settled if one.place < 0]
            _assign(conn, edition.digest_id, [*told, *passed])
            signals.tell(conn, edition, ids[0])
            for edition_id, one in zip(ids, made, strict=True):
                queueing.queue(conn, one.edition, edition_id, one.messages)
            _move_on(conn, edition.digest_id, edition.window.end, next_at)
            told_earlier.log_editions(conn, made, settled)
            return ids

    def skip(self, digest_id: str, matches: Sequence[int], window_end: datetime, next_at: datetime) -> None:
        """See EditionStore.skip."""
        with self._db.write() as conn:
            _assign(conn, digest_id, [(match_id, None, None) for match_id in matches])
            _move_on(conn, digest_id, window_end, next_at)
            told_earlier.log_passed(conn, digest_id, matches, rows.stamp(window_end))

    def editions(
        self, digest_id: str = "", limit: int = 50, key: str = "", *, whole: bool = True, before: int = 0
    ) -> list[StoredEdition]:
        """See EditionStore.editions."""
        conditions = [
            c
            for c, given in (("digest_id = :digest", digest_id), ("key = :key", key), ("id < :before", before))
            if given
        ] or ["true"]
        columns = "*" if whole else _BARE
        sql = f"SELECT {columns} FROM editions WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - our own conditions
        with self._db.read() as conn:
            return [
                _edition(r)
                for r in conn.execute(sql, {"digest": digest_id, "key": key, "before": before, "limit": limit})
            ]

    def edition(self, edition_id: int) -> StoredEdition | None:
        """See EditionStore.edition."""
        with self._db.read() as conn:
            row = conn.execute("SELECT * FROM editions WHERE id = ?", (edition_id,)).fetchone()
        return None if row is None else _edition(row)


def _as_matched(conn: Connection, match: Match, entry: Entry) -> tuple[Match, Entry]:
    """A match and the text its spans count in: an entry revised since is shown as it matches now, else as it matched."""
    if match.revision >= entry.revisions:
        return match, entry
    values = (match.watchlist_id, match.entry_id, entry.revisions, match.revision)
    newer = """SELECT m.* FROM matches m JOIN entries e ON e.id = m.entry_id
               WHERE m.watchlist_id = ? AND m.entry_id = ? AND m.revision = ? AND e.story_revision <= ?"""
    row = conn.execute(newer, values).fetchone()
    if row is not None:
        return replace(match, spans=rows.match(row).spans), entry
    sql = "SELECT title, link, body, markup FROM entry_revisions WHERE entry_id = ? AND revision = ?"
    old = conn.execute(sql, (match.entry_id, match.revision)).fetchone()
    if old is None:
        return match, entry
    summary, content = markup.unpack(old["markup"], old["body"])
    return match, replace(
        entry, title=old["title"], link=old["link"], summary=summary, content=content, body=old["body"]
    )


def _save(conn: Connection, columns: dict[str, Any], *, exists: bool) -> None:
    names = list(columns)
    if exists:
        sets = ", ".join(f"{n} = :{n}" for n in names)
        conn.execute(f"UPDATE digests SET {sets} WHERE id = :id", columns)  # noqa: S608 - names are ours
    else:
        values = ", ".join(f":{n}" for n in names)
        conn.execute(f"INSERT INTO digests ({', '.join(names)}) VALUES ({values})", columns)  # noqa: S608 - names are ours


def _spec_columns(spec: DigestSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "title": spec.title,
        "every": spec.schedule.every,
        "at": rows.dump([t.strftime("%H:%M") for t in spec.schedule.at]),
        "days": rows.dump(list(spec.schedule.days)),
        "timezone": spec.schedule.timezone,
        "empty": spec.empty,
        "prominence": spec.prominence,
        "addresses": rows.dump(list(spec.to)),
        "origin": spec.origin,
        "wait_seconds": int(spec.schedule.wait.total_seconds()),
        "most": spec.schedule.most,
        "quiet": _quiet_column(spec.schedule.quiet),
    }


def _quiet_column(quiet: Quiet | None) -> str:
    return "" if quiet is None else rows.dump([f"{quiet.start:%H:%M}", f"{quiet.end:%H:%M}", quiet.urgent])


def schedule(row: Row, timezone: str) -> Schedule:
    """The schedule in the columns of `digests`, and the zone of its clock."""
    at = tuple(time.fromisoformat(t) for t in json.loads(row["at"]))
    quiet = None
    if row["quiet"]:
        start, end, urgent = json.loads(row["quiet"])
        quiet = Quiet(time.fromisoformat(start), time.fromisoformat(end), urgent)
    wait = timedelta(seconds=row["wait_seconds"])
    return Schedule(row["every"], timezone, at, tuple(json.loads(row["days"])), wait, row["most"], quiet)


def _load_digests(conn: Connection, found: Iterable[Row]) -> list[Digest]:
    digests = []
    for row in list(found):
        sql = "SELECT watchlist_id FROM digest_watchlists WHERE digest_id = ? ORDER BY position"
        watchlists = tuple(r[0] for r in conn.execute(sql, (row["id"],)))
        spec = DigestSpec(
            id=row["id"],
            title=row["title"],
            watchlists=watchlists,
            schedule=schedule(row, row["timezone"]),
            to=tuple(json.loads(row["addresses"])),
            empty=row["empty"],
            prominence=row["prominence"],
            origin=row["origin"],
        )
        digests.append(Digest(spec, rows.moment(row["covered_until"]), rows.moment(row["next_at"])))
    return digests


def _told(conn: Connection, digest_id: str, story_ids: Iterable[int]) -> dict[tuple[int, str], Level]:
    """The highest level at which each story was told for each watchlist; before there were levels, everybody was told."""
    told: dict[tuple[int, str], Level] = {}
    for part in rows.chunks(sorted(story_ids)):
        sql = f"""SELECT e.story_id, m.watchlist_id,
                    max(CASE em.prominence WHEN 'mention' THEN 0 WHEN 'lead' THEN 1 ELSE 2 END)
                  FROM entries e JOIN matches m ON m.entry_id = e.id
                  JOIN edition_matches em ON em.match_id = m.id AND em.digest_id = ?
                  WHERE em.edition_id IS NOT NULL AND m.revision >= e.story_revision AND e.story_id IN ({rows.marks(len(part))})
                  GROUP BY e.story_id, m.watchlist_id"""  # noqa: S608 - marks only
        told |= {(r[0], r[1]): LEVELS[r[2]] for r in conn.execute(sql, (digest_id, *part))}
    return told


def _is_covered(conn: Connection, edition: Edition) -> bool:
    """Whether somebody else has told, meanwhile, what came in the first part of its window."""
    if edition.window.start >= edition.window.end:
        return False
    sql = "SELECT 1 FROM digests WHERE id = ? AND covered_until > ?"
    return conn.execute(sql, (edition.digest_id, rows.stamp(edition.window.start))).fetchone() is not None


def _taken(conn: Connection, edition: Edition) -> bool:
    """Whether an edition of this digest and key is there already."""
    sql = "SELECT 1 FROM editions WHERE digest_id = ? AND key = ?"
    return conn.execute(sql, (edition.digest_id, edition.key)).fetchone() is not None


def _insert_edition(conn: Connection, made: NewEdition) -> int:
    edition, rendered = made.edition, made.rendered
    columns = {
        "digest_id": edition.digest_id,
        "key": edition.key,
        "kind": edition.kind,
        "title": edition.title,
        "window_start": rows.stamp(edition.window.start),
        "window_end": rows.stamp(edition.window.end),
        "subject": rendered.subject,
        "stories": len(edition.stories) + edition.more,
        "entries": edition.entries,
        "composed_at": rows.stamp(edition.composed_at),
        "mail": rendered.mail,
        "page": rendered.page,
        "text": rendered.text,
        "data": rendered.data,
    }
    names = ", ".join(columns)
    values = ", ".join(f":{n}" for n in columns)
    sql = f"INSERT INTO editions ({names}) VALUES ({values}) RETURNING id"  # noqa: S608 - names are ours
    edition_id = int(conn.execute(sql, columns).fetchone()[0])
    conn.executemany(
        "INSERT INTO edition_mails (edition_id, variant, mail, data) VALUES (?, ?, ?, ?)",
        [(edition_id, name, content.mail, content.data) for name, content in made.variants],
    )
    return edition_id


def _assigned(conn: Connection, digest_id: str, matches: Sequence[int]) -> bool:
    """Whether somebody else has told one of these meanwhile."""
    sql = "SELECT 1 FROM edition_matches WHERE digest_id = ? AND match_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) LIMIT 1"
    return conn.execute(sql, (digest_id, rows.dump(list(matches)))).fetchone() is not None


def _assign(conn: Connection, digest_id: str, settled: Sequence[tuple[int, int | None, Level | None]]) -> None:
    """Settle matches: (match id, the edition that tells it, its level)."""
    conn.executemany(
        "INSERT OR IGNORE INTO edition_matches (digest_id, match_id, edition_id, prominence) VALUES (?, ?, ?, ?)",
        [(digest_id, *one) for one in settled],
    )


def _move_on(conn: Connection, digest_id: str, window_end: datetime, next_at: datetime) -> None:
    """The next window begins where this one ended; and the settled matches need not be looked at again."""
    conn.execute(
        "UPDATE digests SET next_at = iif(:end >= covered_until, :next, max(next_at, :next)), "
        "covered_until = max(covered_until, :end), held_until = NULL, held_match = 0 WHERE id = :id",
        {"end": rows.stamp(window_end), "next": rows.stamp(next_at), "id": digest_id},
    )
    sql = f"SELECT min(m.id) FROM digests d, {_WAITING[5:]} AND d.id = :id"  # noqa: S608 - our own words
    first = conn.execute(sql, {"id": digest_id, "until": _FOREVER}).fetchone()[0]
    last = conn.execute("SELECT coalesce(max(id), 0) FROM matches").fetchone()[0]
    settled = last if first is None else first - 1
    conn.execute("UPDATE digests SET matches_after = max(matches_after, ?) WHERE id = ?", (settled, digest_id))


def bare_editions(conn: Connection, where: str, values: Mapping[str, object]) -> list[StoredEdition]:
    """Editions without their bytes; `where` goes on to the statement's end."""
    return [_edition(r) for r in conn.execute(f"SELECT {_BARE} FROM editions WHERE {where}", values)]  # noqa: S608 - our own conditions


def _edition(row: Row) -> StoredEdition:
    return StoredEdition(
        id=row["id"],
        digest_id=row["digest_id"],
        title=row["title"],
        key=row["key"],
        kind=row["kind"],
        window=Window(rows.moment(row["window_start"]), rows.moment(row["window_end"])),
        subject=row["subject"],
        stories=row["stories"],
        entries=row["entries"],
        composed_at=rows.moment(row["composed_at"]),
        rendered=RenderedEdition(row["subject"], bytes(row["mail"]), row["page"], row["text"], row["data"]),
    )


_BARE = """id, digest_id, title, key, kind, window_start, window_end, subject, stories, entries, composed_at,
  x'' AS mail, '' AS page, '' AS text, '' AS data"""
_FOREVER = "9999"
# The matches that wait for an edition of digest `d`. Starts with FROM, so that it serves EXISTS and joins alike.
_WAITING = """FROM matches m JOIN digest_watchlists w ON w.watchlist_id = m.watchlist_id JOIN entries e ON e.id = m.entry_id
WHERE w.digest_id = d.id AND m.id > d.matches_after AND m.matched_at < :until
  AND (m.reach = 'alert' OR (m.reach = 'digest' AND d.every != 'instant'))
  AND NOT EXISTS (SELECT 1 FROM edition_matches em WHERE em.digest_id = d.id AND em.match_id = m.id)"""
