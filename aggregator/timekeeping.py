"""What a clock that is set means to what waits: it goes on waiting for as long as before."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from aggregator import journal
from aggregator.app import App
from aggregator.clock import Steps
from aggregator.errors import AggregatorError

log = logging.getLogger("aggregator")


class Timekeeping:
    """Watches the wall's clock; may be used from several threads."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._steps = Steps(app.clock)
        self._set_by = timedelta(0)
        self._lock = threading.Lock()

    def look(self) -> bool:
        """Whether the clock was set since the last look; what waits in the database is moved along with it."""
        with self._lock:
            step = self._steps.step()
            if step:
                log.warning("the clock was set %s", journal.span(step))
            self._set_by += step
            if self._set_by:
                self._move_along()
        return bool(step)

    def _move_along(self) -> None:
        try:
            self._app.stores.moments.set_right(self._app.clock.now(), self._set_by)
        except AggregatorError as e:
            log.error("what waits could not be moved along with the clock: %s", e)  # noqa: TRY400 - it is tried again
        else:
            self._set_by = timedelta(0)
