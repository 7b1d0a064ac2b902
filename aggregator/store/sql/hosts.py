"""Hosts in hand: one process asks a host at a time, for feeds and article pages alike, and keeps it until its rest is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from aggregator import urls
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection

FREE = """NOT EXISTS (SELECT 1 FROM host_claims c WHERE c.host = feeds.host AND c.claimed_until > :now
AND c.claimed_by != :process)"""
"""Of a feed: no other process has its host."""


def process(owner: str) -> str:
    """The process behind the name of a claim, `host:pid:start:die/line`: its lines share one HTTP client, which spaces requests."""
    return owner.partition("/")[0]


def taken(conn: Connection, owner: str, now: datetime) -> set[str]:
    """The hosts that other processes have in hand."""
    sql = "SELECT host FROM host_claims WHERE claimed_until > ? AND claimed_by != ?"
    return {row[0] for row in conn.execute(sql, (rows.stamp(now), process(owner)))}


def lock(conn: Connection, hosts: Collection[str], owner: str, now: datetime) -> set[str]:
    """Those of the hosts that are free, kept from everybody else until the transaction ends; waits for nobody's work."""
    wanted = sorted(set(hosts))
    # In order, since whoever brings the same new host meanwhile waits for us a moment.
    conn.executemany("INSERT OR IGNORE INTO host_claims (host) VALUES (?)", [(host,) for host in wanted])
    sql = f"SELECT host FROM host_claims WHERE host IN (SELECT value FROM json_each(:hosts)) AND {_MINE_OR_FREE} ORDER BY host {conn.skip_locked}"  # noqa: S608 - our own words
    values = {"hosts": rows.dump(wanted), "process": process(owner), "now": rows.stamp(now)}
    return {row[0] for row in conn.execute(sql, values)}


def hold(conn: Connection, hosts: Collection[str], owner: str, until: datetime) -> None:
    """Claim hosts that are locked."""
    sql = "UPDATE host_claims SET claimed_by = ?, claimed_until = ? WHERE host = ?"
    conn.executemany(sql, [(process(owner), rows.stamp(until), host) for host in sorted(set(hosts))])


def let_go(conn: Connection, rests: Mapping[str, datetime | None], owner: str) -> None:
    """Hosts that the process has nothing of in hand any more are its own only until they have rested; None: not at all.

    A rest that has begun ends no sooner for what the process asks meanwhile, and another one knows of it by this row alone.
    """
    if not rests:
        return
    sql = f"SELECT host, claimed_until, rests_until FROM host_claims WHERE claimed_by = ? AND host IN (SELECT value FROM json_each(?)) ORDER BY host {conn.for_update}"  # noqa: S608 - our own words
    held = conn.execute(sql, (process(owner), rows.dump(sorted(rests)))).fetchall()
    busy = in_hand(conn, owner)
    changed = []
    for host, until, rest in held:
        end = max(rows.stamp_or_none(rests[host]) or "", rest or "") or None
        if host not in busy or end != rest:
            changed.append((end, until if host in busy else end, host))
    conn.executemany("UPDATE host_claims SET rests_until = ?, claimed_until = ? WHERE host = ?", changed)


def in_hand(conn: Connection, owner: str) -> set[str]:
    """The hosts of what the process has claimed, whichever of its lines did."""
    name = process(owner)
    values = (name, f"{name}0")  # 0 comes after /, and nothing else follows a name
    feeds = conn.execute("SELECT DISTINCT host FROM feeds WHERE claimed_by >= ? AND claimed_by < ?", values)
    found = {row[0] for row in feeds}
    links = conn.execute(
        "SELECT e.link FROM articles a JOIN entries e ON e.id = a.entry_id WHERE a.claimed_by >= ? AND a.claimed_by < ?",
        values,
    )
    return found | {urls.host_key(row[0]) for row in links}


_MINE_OR_FREE = "(claimed_by = :process OR claimed_until IS NULL OR claimed_until <= :now)"
