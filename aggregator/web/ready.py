"""What monitors ask: `/healthz`, whether the process answers at all, and `/readyz`, whether it can do its work.

Neither depends on other people's servers, feeds or mail servers: what they do wrong is no reason to start us anew. Nobody has to sign in,
so nothing is told but the names of our own parts.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass

from fastapi import Response
from fastapi.responses import JSONResponse, PlainTextResponse

from aggregator import onduty
from aggregator.app import App
from aggregator.errors import AggregatorError, StoreError
from aggregator.progress import PART, Progress

WAIT = 5.0
"""Seconds that another writer may take before the database counts as locked."""
FRESH = 1.0
"""Seconds for which an answer is given again: whoever asks without end takes no part in writing."""
ROOM = 1024 * 1024
"""Bytes without which nothing more can be stored."""
OVER = ("locked", "read_only")
"""What was in the way of a write and is not any more, once one can be begun."""
NEVER = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class State:
    """What was found: is it well, and each part in a word."""

    ready: bool
    parts: dict[str, object]


class Monitors:
    """Answers to monitors. `progress` is that of the lines of this process; None where it serves the pages alone."""

    def __init__(self, app: App, progress: Progress | None) -> None:
        self._app = app
        self._progress = progress
        self._lock = threading.Lock()
        self._last = State(ready=False, parts={"database": "looked at for the first time"})
        self._until = float("-inf")

    async def alive(self) -> Response:
        """The loop that takes requests goes round; nothing else is asked."""
        return PlainTextResponse("ok\n", headers=NEVER)

    def ready(self) -> Response:
        """200 when all is well, else 503; the parts as JSON."""
        found = self._state()
        return JSONResponse({"ready": found.ready, **found.parts}, 200 if found.ready else 503, NEVER)

    def _state(self) -> State:
        """What was found last, while somebody else looks: whoever waits here would keep a thread from the pages."""
        if self._app.clock.monotonic() < self._until or not self._lock.acquire(blocking=False):
            return self._last
        try:
            self._last = self._look()
            self._until = self._app.clock.monotonic() + FRESH
            return self._last
        finally:
            self._lock.release()

    def _look(self) -> State:
        database, storage, lines = self._database(), self._storage(), self._lines()
        well = database == storage == "ok" and "hangs" not in lines.values()
        parts: dict[str, object] = {"database": database, "storage": storage, "lines": lines}
        trouble = self._app.stores.upkeep.trouble()
        if trouble is not None and not (database == "ok" and trouble.fault in OVER):
            well, parts["state"] = False, trouble.state
        if self._progress is None:
            parts["daemon"] = "runs" if self._runs() else "does not run"
        return State(well, parts)

    def _runs(self) -> bool:
        try:
            return onduty.runs(self._app)
        except StoreError:
            return False

    def _database(self) -> str:
        try:
            self._app.stores.agenda.may_write(WAIT)
        except AggregatorError:
            return "cannot be written"
        return "ok"

    def _storage(self) -> str:
        try:
            return "ok" if shutil.disk_usage(self._app.configuration.home.var).free >= ROOM else "storage_full"
        except OSError:
            return "unknown"

    def _lines(self) -> dict[str, str]:
        """Each line in a word; one that fails is tried again, and does not make the rest of us useless."""
        try:
            known = onduty.lines(self._app)
        except StoreError:
            known = {}
        found = {name: "failing" if one.failures else "ok" for name, one in known.items()}
        if self._progress is None:
            return found | {name: "hangs" for name, one in known.items() if one.hung_since}
        # Of a part, such as a channel of the send line, only the line is named.
        return found | {one.name.partition(PART)[0]: "hangs" for one in self._progress.late()}
