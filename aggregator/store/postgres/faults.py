"""What is wrong with a database server, in a stable word by PostgreSQL's own classes, and what a person can do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from aggregator.errors import StoreFault

_FAULTS: tuple[tuple[tuple[type[Exception], ...], StoreFault], ...] = (
    ((errors.DiskFull, errors.OutOfMemory, errors.ConfigurationLimitExceeded), "full"),
    ((errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected, errors.SerializationFailure), "locked"),
    ((errors.DataCorrupted, errors.IndexCorrupted, sqlite3.DatabaseError), "corrupt"),
    ((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege), "read_only"),
    ((errors.InvalidCatalogName, errors.UndefinedTable), "missing"),
    ((errors.IoError,), "io"),
    ((PoolTimeout, PoolClosed, errors.OperationalError, errors.InterfaceError), "away"),
)
"""The first that fits; an error of the connection itself is an OperationalError of no class."""
_ADVICE: Mapping[StoreFault, str] = {
    "full": "the server's disk is full; make room, nothing stored is lost",
    "locked": "somebody else holds it; it goes on by itself, or look at pg_stat_activity",
    "corrupt": "look at the server's log; restore its backup",
    "read_only": "name a server and a role that may write",
    "missing": "make the database, or name another in storage.url",
    "io": "look at the server's log and disk",
    "away": "see that the server runs and takes this role; it goes on by itself when it answers",
    "other": "run `aggregator doctor`",
}


def fault(error: Exception) -> StoreFault:
    """The word for an error."""
    return next((word for kinds, word in _FAULTS if isinstance(error, kinds)), "other")


def text(error: Exception, word: StoreFault) -> str:
    """What PostgreSQL says, in one line, and what can be done."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) and error.diag.message_primary else str(error)
    first = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    return f"{first}; {_ADVICE[word]}"
