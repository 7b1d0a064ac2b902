"""What happened to subscriptions, and through what: the record that shows consent. Networks are keyed hashes."""

from __future__ import annotations

from datetime import datetime

from aggregator import addresses
from aggregator.readership import Asker
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, log_line
from aggregator.store.sql.told import reader_mark


def note(
    conn: Connection,
    secret: bytes,
    subscription_id: int,
    event: str,
    asker: Asker,
    *,
    now: datetime,
    detail: str = "",
) -> None:
    """Write down that something happened to a subscription, here and in the log that outlives the database."""
    conn.execute(
        "INSERT INTO consents (subscription_id, event, at, cause, detail, network_hmac) VALUES (?, ?, ?, ?, ?, ?)",
        (subscription_id, event, rows.stamp(now), asker.cause, detail, network_hmac(secret, asker.network)),
    )
    sql = """SELECT s.digest_id, s.paused_until, b.address FROM subscriptions s
             JOIN subscribers b ON b.id = s.subscriber_id WHERE s.id = ?"""
    digest_id, until, address = conn.execute(sql, (subscription_id,)).fetchone()
    reader = reader_mark(secret, digest_id, address)
    log_line(conn, at=rows.stamp(now), reader=reader, event=event, until=until or "", cause=asker.cause)


def network_hmac(secret: bytes, network: str) -> str:
    """What is stored of a network; "" of none."""
    return rows.keyed(secret, "network", network) if network else ""


def mailbox_hmac(secret: bytes, address: str) -> str:
    """What is stored of an address that asked: the same for all spellings of one mailbox."""
    return rows.keyed(secret, "mailbox", addresses.normal(address))
