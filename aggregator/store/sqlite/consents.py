"""What happened to subscriptions, and through what: the record that shows consent. Networks are keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from datetime import datetime

from aggregator import addresses
from aggregator.readership import Asker
from aggregator.store.sqlite import rows


def note(
    conn: sqlite3.Connection,
    secret: bytes,
    subscription_id: int,
    event: str,
    asker: Asker,
    *,
    now: datetime,
    detail: str = "",
) -> None:
    """Write down that something happened to a subscription."""
    conn.execute(
        "INSERT INTO consents (subscription_id, event, at, cause, detail, network_hmac) VALUES (?, ?, ?, ?, ?, ?)",
        (subscription_id, event, rows.stamp(now), asker.cause, detail, network_hmac(secret, asker.network)),
    )


def network_hmac(secret: bytes, network: str) -> str:
    """What is stored of a network; "" of none."""
    return keyed(secret, "network", network) if network else ""


def mailbox_hmac(secret: bytes, address: str) -> str:
    """What is stored of an address that asked: the same for all spellings of one mailbox."""
    return keyed(secret, "mailbox", addresses.normal(address))


def keyed(secret: bytes, kind: str, text: str) -> str:
    """A keyed hash (HMAC-SHA256, RFC 2104) of one kind of thing."""
    return hmac.new(secret, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()
