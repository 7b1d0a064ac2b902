"""The table of workers: who works on a database that several processes share."""

from __future__ import annotations

import builtins
import json

from aggregator.fellows import Worker
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database, Row


class Workers:
    """WorkerStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def beat(self, worker: Worker) -> None:
        """See WorkerStore.beat."""
        values = {
            "name": worker.name,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "lines": rows.dump(list(worker.lines)),
            "leads": worker.leads,
            "started_at": rows.stamp(worker.started_at),
            "beat_at": rows.stamp(worker.beat_at),
            "counts": rows.dump(dict(worker.counts)),
            "health": rows.dump({name: dict(one) for name, one in worker.health.items()}),
        }
        with self._db.claim() as conn:
            conn.execute(_BEAT, values)

    def list(self) -> builtins.list[Worker]:
        """See WorkerStore.list."""
        return [_worker(row) for row in self._db.ask("SELECT * FROM workers ORDER BY name")]

    def forget(self, name: str) -> None:
        """See WorkerStore.forget."""
        with self._db.claim() as conn:
            conn.execute("DELETE FROM workers WHERE name = ?", (name,))


def _worker(row: Row) -> Worker:
    return Worker(
        name=row["name"],
        host=row["host"],
        pid=row["pid"],
        version=row["version"],
        lines=tuple(json.loads(row["lines"])),
        leads=bool(row["leads"]),
        started_at=rows.moment(row["started_at"]),
        beat_at=rows.moment(row["beat_at"]),
        counts=json.loads(row["counts"]),
        health=json.loads(row["health"]),
    )


_BEAT = """INSERT INTO workers (name, host, pid, version, lines, leads, started_at, beat_at, counts, health)
VALUES (:name, :host, :pid, :version, :lines, :leads, :started_at, :beat_at, :counts, :health)
ON CONFLICT (name) DO UPDATE SET leads = excluded.leads, beat_at = excluded.beat_at, counts = excluded.counts,
  health = excluded.health"""
