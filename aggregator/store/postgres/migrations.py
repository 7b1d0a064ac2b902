"""Numbered steps from an empty database to the current schema, each applied once, under the writers' lock."""

from __future__ import annotations

from aggregator.errors import StoreError
from aggregator.store.postgres.database import Database
from aggregator.store.sql.scripts import statements

STEPS = ("0001_schema", "0002_canary")
"""In this order; each is a file of statements beside this module."""
_TABLE = """CREATE TABLE IF NOT EXISTS migrations (
  name        TEXT COLLATE "C" PRIMARY KEY,     -- a step of the schema that was taken
  applied_at  TIMESTAMPTZ NOT NULL DEFAULT now()
)"""


def pending(db: Database) -> list[str]:
    """Steps that this database has still to take.

    Raises:
        StoreError: it was written by a newer program, or does not answer.
    """
    if db.ask("SELECT to_regclass('migrations')")[0][0] is None:
        return list(STEPS)
    applied = [row[0] for row in db.ask("SELECT name FROM migrations ORDER BY name")]
    if unknown := sorted(set(applied) - set(STEPS)):
        raise StoreError(f"{db.name}: written by a newer version ({', '.join(unknown)}); upgrade aggregator")
    return [step for step in STEPS if step not in applied]


def migrate(db: Database) -> list[str]:
    """Take them, all or none; who comes second finds them taken."""
    if not pending(db):
        return []
    with db.write() as conn:
        conn.raw.execute(_TABLE)
        steps = pending(db)
        for step in steps:
            for statement in statements(__package__, f"{step}.sql"):
                conn.raw.execute(statement.encode())
            conn.raw.execute("INSERT INTO migrations (name) VALUES (%s)", (step,))
    return steps
