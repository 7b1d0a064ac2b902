"""Turns for what a visitor may ask and what takes a second: a few at a time, so that pages and polls go on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

AT_ONCE = 2
"""Of the threads that answer, the others are for whoever reads."""
PATIENCE = 0.5
"""Seconds that one waits for its turn."""
LATER = {"Retry-After": "2"}


class Turns:
    """Those of one application: searches, their listings, and queries that are tried or previewed."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a turn. Raises HTTPException 503 where none comes in time."""
        if not self._free.acquire(timeout=PATIENCE):
            raise HTTPException(503, headers=LATER)
        try:
            yield
        finally:
            self._free.release()
