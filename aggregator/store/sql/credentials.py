"""Who may do what: links that sign in once, sessions, tokens of the programming interface."""

from __future__ import annotations

import builtins
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator.reading import Credential, Right, Scope
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database, Row

KEPT = timedelta(days=7)
"""How long what is over is kept, so that a log line can still be traced."""


class Credentials:
    """CredentialStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def issue(
        self,
        right: Right,
        token: str,
        name: str,
        now: datetime,
        *,
        scopes: Sequence[Scope] = (),
        expires_at: datetime | None = None,
    ) -> int:
        """See CredentialStore.issue."""
        values = (right, _hash(token), name, rows.dump(list(scopes)), rows.stamp(now), rows.stamp_or_none(expires_at))
        with self._db.write() as conn:
            return int(conn.execute(_ISSUE, values).fetchone()[0])

    def find(self, right: Right, token: str, now: datetime) -> Credential | None:
        """See CredentialStore.find."""
        found = self._db.ask(
            f"{_LIVE} AND purpose = :right AND hash = :hash", _live(now, right=right, hash=_hash(token))
        )
        return next(map(_credential, found), None)

    def use(self, credential_id: int, now: datetime) -> bool:
        """See CredentialStore.use."""
        sql = f"UPDATE credentials SET used_at = :now WHERE id IN ({_LIVE.replace('*', 'id', 1)} AND id = :id)"  # noqa: S608 - our own words
        with self._db.write() as conn:
            return conn.execute(sql, _live(now, id=credential_id)).rowcount == 1

    def list(self, now: datetime, right: Right | None = None) -> builtins.list[Credential]:
        """See CredentialStore.list."""
        sql = f"{_LIVE} AND (CAST(:right AS TEXT) IS NULL OR purpose = :right) ORDER BY id"
        return [_credential(row) for row in self._db.ask(sql, _live(now, right=right))]

    def end(self, credential_id: int, now: datetime) -> bool:
        """See CredentialStore.end."""
        with self._db.write() as conn:
            sql = f"UPDATE credentials SET ended_at = :now WHERE id IN ({_LIVE.replace('*', 'id', 1)} AND id = :id)"  # noqa: S608 - our own words
            return conn.execute(sql, _live(now, id=credential_id)).rowcount == 1

    def tidy(self, now: datetime) -> int:
        """See CredentialStore.tidy."""
        with self._db.write() as conn:
            sql = "DELETE FROM credentials WHERE coalesce(ended_at, expires_at, '9') < ?"
            return conn.execute(sql, (rows.stamp(now - KEPT),)).rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _live(now: datetime, **more: object) -> dict[str, object]:
    return {"now": rows.stamp(now), **more}


def _credential(row: Row) -> Credential:
    return Credential(
        id=row["id"],
        right=row["purpose"],
        name=row["name"],
        scopes=tuple(json.loads(row["scopes"])),
        created_at=rows.moment(row["created_at"]),
        expires_at=rows.moment_or_none(row["expires_at"]),
        used_at=rows.moment_or_none(row["used_at"]),
        ended_at=rows.moment_or_none(row["ended_at"]),
    )


_ISSUE = """INSERT INTO credentials (purpose, hash, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"""
_LIVE = """SELECT * FROM credentials WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
AND (purpose != 'link' OR used_at IS NULL)"""
