"""Copies of editions in the canary's mailbox: which were handed over, and which have been seen there."""

from __future__ import annotations

from datetime import datetime

from aggregator.canary import Copy
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database, Row

MOST = 400
"""Copies that are looked at: a week of two digests an hour."""


class Canary:
    """CanaryStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def arrived(self, address: str, message_id: str, at: datetime) -> Copy | None:
        """See CanaryStore.arrived."""
        values = {"address": address, "message": message_id, "at": rows.stamp(at)}
        with self._db.write() as conn:
            conn.execute(_ARRIVED, values)
            row = conn.execute(f"{_COPIES} AND m.message_id = :message", values).fetchone()
        return _copy(row, at) if row is not None else None

    def copies(self, address: str) -> list[Copy]:
        """See CanaryStore.copies."""
        sql = f"{_COPIES} AND m.state = 'sent' ORDER BY m.id DESC LIMIT :most"
        with self._db.read() as conn:
            return [_copy(row, None) for row in conn.execute(sql, {"address": address, "most": MOST})]


def _copy(row: Row, otherwise: datetime | None) -> Copy:
    """A copy; `otherwise` is when it was sent, of one that arrived before anybody noted that."""
    sent = rows.moment_or_none(row["settled_at"]) or otherwise
    assert sent is not None
    return Copy(row["digest_id"], row["key"], sent, rows.moment_or_none(row["arrived_at"]))


_OF = "(SELECT s.id FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id WHERE b.address = :address)"
_ARRIVED = f"""UPDATE messages SET arrived_at = :at
              WHERE message_id = :message AND kind = 'digest' AND arrived_at IS NULL AND subscription_id IN {_OF}"""  # noqa: S608 - our own words
_COPIES = f"""SELECT ed.digest_id, ed.key, m.settled_at, m.arrived_at FROM messages m JOIN editions ed ON ed.id = m.edition_id
             WHERE m.kind = 'digest' AND m.subscription_id IN {_OF}"""  # noqa: S608 - our own words
