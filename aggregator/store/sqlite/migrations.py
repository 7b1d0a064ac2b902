"""Numbered steps from an empty file to the current schema; each is applied once; all that are pending, or none (docs/decisions/0045)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database, Migrations

from aggregator import urls
from aggregator.errors import StoreError
from aggregator.store.sql import markup, rows, scripts
from aggregator.store.sqlite import index

SET = "aggregator"
migrations = Migrations(SET)


def statements(name: str) -> list[str]:
    """The statements of one of our .sql files."""
    return scripts.statements(__package__, name)


def _run(db: Database, name: str) -> None:
    for statement in statements(name):
        db.execute(statement)


@migrations(name="0001_schema")
def schema(db: Database) -> None:
    """The first released schema."""
    _run(db, "schema.sql")


@migrations(name="0002_politeness")
def politeness(db: Database) -> None:
    """Why a feed is polled when it is, its rhythm, its moves and its history."""
    _run(db, "0002_politeness.sql")


@migrations(name="0003_gaps_and_hosts")
def gaps_and_hosts(db: Database) -> None:
    """Gaps, hosts that are held, and which host each feed is of."""
    _run(db, "0003_gaps_and_hosts.sql")
    known = db.execute("SELECT id, url FROM feeds").fetchall()
    db.conn.executemany("UPDATE feeds SET host = ? WHERE id = ?", [(urls.host_key(url), i) for i, url in known])


@migrations(name="0004_documents")
def documents(db: Database) -> None:
    """What is kept of each feed's last document."""
    _run(db, "0004_documents.sql")


@migrations(name="0005_smaller")
def smaller(db: Database) -> None:
    """Texts are kept once: markup beside its plain text, no copy in the index, digests as bytes, fewer indexes."""
    _run(db, "0005_smaller.sql")
    for table, key in (("entries", "id"), ("entry_revisions", "entry_id, revision")):
        _pack(db.conn, table, key)
    prints = db.execute("SELECT fingerprint_hex, id FROM entries").fetchall()
    packed = [(rows.pack_digest(text), i) for text, i in prints]
    db.conn.executemany("UPDATE entries SET fingerprint = ? WHERE id = ?", packed)
    keys = db.execute("SELECT kind, key, entry_id FROM story_keys_before").fetchall()
    digested = sorted((kind, rows.key_digest(key), i) for kind, key, i in keys)
    db.conn.executemany("INSERT OR IGNORE INTO story_keys (kind, key, entry_id) VALUES (?, ?, ?)", digested)
    index.Fts(db.conn).rebuild()
    _run(db, "0005_after.sql")


@migrations(name="0006_reused")
def reused(db: Database) -> None:
    """From which revision on an entry belongs to its story."""
    _run(db, "0006_reused.sql")


@migrations(name="0007_interrupted")
def interrupted(db: Database) -> None:
    """Which feeds were in hand when a process fell."""
    _run(db, "0007_interrupted.sql")


@migrations(name="0008_merged")
def merged(db: Database) -> None:
    """Which stories a person has merged."""
    _run(db, "0008_merged.sql")


@migrations(name="0009_articles")
def articles(db: Database) -> None:
    """Article pages of entries that matched, and the validators of pages that were read in vain."""
    _run(db, "0009_articles.sql")


@migrations(name="0010_prominence")
def prominence(db: Database) -> None:
    """How prominent matches were, and thresholds of digests and readers."""
    _run(db, "0010_prominence.sql")


@migrations(name="0011_delivery")
def delivery(db: Database) -> None:
    """How alerts come out, letters, variants of an edition's mail, consent, bounces, relays that fail."""
    _run(db, "0011_delivery.sql")


@migrations(name="0012_reading")
def reading(db: Database) -> None:
    """Counts by day and hour, which feeds were read when, bursts and silences, sessions and tokens."""
    _run(db, "0012_reading.sql")


@migrations(name="0013_years")
def years(db: Database) -> None:
    """Notices to the operator."""
    _run(db, "0013_years.sql")


@migrations(name="0014_several")
def several(db: Database) -> None:
    """Who works on a database that several share, and which hosts each of them asks."""
    _run(db, "0014_several.sql")


@migrations(name="0015_canary")
def canary(db: Database) -> None:
    """When a copy of an edition was seen in the canary's mailbox."""
    _run(db, "0015_canary.sql")


def _pack(conn: sqlite3.Connection, table: str, key: str) -> None:
    """Row by row: the texts of a year must not stand in memory at once."""
    names = key.split(", ")
    update = f"UPDATE {table} SET markup = ? WHERE {' AND '.join(f'{n} = ?' for n in names)}"  # noqa: S608 - names are ours
    for row in conn.execute(f"SELECT {key} FROM {table}").fetchall():  # noqa: S608 - names are ours
        where = update.partition("WHERE")[2]
        sql = f"SELECT summary, content, body FROM {table} WHERE {where}"  # noqa: S608 - names are ours
        packed = markup.pack(*conn.execute(sql, tuple(row)).fetchone())
        if packed is not None:
            conn.execute(update, (packed, *row))


def unknown(db: Database) -> list[str]:
    """Steps that this database has and this program does not know: it was written by a newer one."""
    known = {m.name for m in migrations.pending(db)} | {m.name for m in migrations.applied(db)}
    ours = {m.name for m in migrations._migrations}  # noqa: SLF001 - the library offers no list of its own steps
    return sorted(known - ours)


def see_that_all_are_known(db: Database, path: Path) -> None:
    """Raises StoreError where the database at `path` is from the future, and sqlite3.Error."""
    foreign = unknown(db)
    if foreign:
        raise StoreError(f"{path}: written by a newer version ({', '.join(foreign)}); upgrade aggregator")
