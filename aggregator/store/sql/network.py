"""Hosts that are held, and outages of our own network; the latter are one fact, so that a restart knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aggregator.model import Counted, HostHold
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database

OUTAGE = "outage_began_at"


class Network:
    """NetworkStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def holds(self, now: datetime) -> list[HostHold]:
        """See NetworkStore.holds."""
        sql = (
            "SELECT host, held_until AS host_held_until, said_by, said_at FROM hosts WHERE held_until > ? ORDER BY host"
        )
        with self._db.read() as conn:
            found = (rows.hold(r) for r in conn.execute(sql, (rows.stamp(now),)))
            return [hold for hold in found if hold is not None]

    def outage(self) -> datetime | None:
        """See NetworkStore.outage."""
        with self._db.read() as conn:
            return rows.moment_or_none(outage_began(conn))

    def begin_outage(self, now: datetime, counted: Sequence[Counted] = ()) -> bool:
        """See NetworkStore.begin_outage."""
        with self._db.write() as conn:
            for failure in counted:
                _take_back(conn, failure, now)
            sql = "INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)"
            return conn.execute(sql, (OUTAGE, rows.stamp(now))).rowcount == 1

    def end_outage(self) -> datetime | None:
        """See NetworkStore.end_outage."""
        with self._db.write() as conn:
            began = outage_began(conn)
            conn.execute("DELETE FROM facts WHERE name = ?", (OUTAGE,))
        return rows.moment_or_none(began)


def outage_began(conn: Connection) -> str | None:
    """The stamp of an outage's beginning, or None."""
    row = conn.execute("SELECT value FROM facts WHERE name = ?", (OUTAGE,)).fetchone()
    return None if row is None else str(row[0])


def _take_back(conn: Connection, failure: Counted, now: datetime) -> None:
    """Only where nobody has polled, paused or resumed the feed since."""
    values = zip(rows.POLL_COLUMNS, rows.poll_values(failure.before), strict=True)
    before = {**dict(values), "next_poll_at": rows.stamp(now)}
    sets = ", ".join(f"{name} = :{name}" for name in before)
    sql = f"""UPDATE feeds SET {sets} WHERE id = :id AND removed_at IS NULL AND claimed_by IS NULL
              AND failures = :counted AND last_poll_at = :polled AND state = :led_to"""  # noqa: S608 - names are ours
    after = {
        "counted": failure.after.failures,
        "polled": rows.stamp_or_none(failure.after.last_poll_at),
        "led_to": failure.after.state,
    }
    conn.execute(sql, {**before, **after, "id": failure.feed_id})
