"""Which of several processes looks at the clock: whoever holds an advisory lock of PostgreSQL, for as long as its connection lives."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

LOCK = zlib.crc32(b"aggregator/leader")
OPTIONS: Mapping[str, str] = {
    "application_name": "aggregator leader",
    "connect_timeout": "5",
    # Whoever is cut off must know it before the server, which lets go of its lock after the same time, has another lead.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 -c statement_timeout=5s",
}


CLOSING = 1.0
"""Seconds that `close` waits for a thread that asks just now; that one then lets go itself."""


class Leader:
    """One process's try at leading. Any thread may ask: two connections of one process would take turns at leading."""

    def __init__(self, url: str) -> None:
        """`url` as libpq takes it; nothing is connected to yet. The lock is of a session: no pooler may stand between."""
        known = conninfo_to_dict(url)
        self._conninfo = make_conninfo(url, **{name: value for name, value in OPTIONS.items() if name not in known})
        self._conn: psycopg.Connection[Any] | None = None
        self._turn = threading.Lock()
        self._closed = False
        self.leads = False

    def ask(self) -> bool:
        """Whether this process leads from here on; where nobody does it tries to. Never raises: without a server nobody leads."""
        with self._turn:
            try:
                if not self._closed:
                    self._try()
            except psycopg.Error:
                self._let_go()
            if self._closed:
                self._let_go()
            return self.leads

    def close(self) -> None:
        """Let go of it for good; safe to call twice."""
        self._closed = True
        if self._turn.acquire(timeout=CLOSING):
            try:
                self._let_go()
            finally:
                self._turn.release()

    def _try(self) -> None:
        if self._conn is None:
            self._conn = psycopg.connect(self._conninfo, autocommit=True)
        if self.leads:
            self._conn.execute("SELECT 1")
        else:
            self.leads = bool(self._conn.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchall()[0][0])

    def _let_go(self) -> None:
        self.leads = False
        conn, self._conn = self._conn, None
        if conn is not None:
            with contextlib.suppress(psycopg.Error):
                conn.close()
