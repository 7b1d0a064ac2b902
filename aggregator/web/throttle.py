"""How often somebody may be wrong about a link that signs in.

A link holds 128 random bits, so guessing is hopeless at any speed: this keeps guessers from costing anything, and makes them
seen. Nobody is locked out for longer than a minute, and a network that was not wrong itself never is, whatever others do.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from datetime import datetime, timedelta

from aggregator.ports import Clock

SPAN = timedelta(minutes=1)
"""For how long a wrong try counts."""
OF_ONE, OF_ALL = 5, 50
"""Wrong tries of one network, and of all together; where there are as many, a network waits after its first."""
KEPT = 1_000
"""Wrong tries remembered; the oldest make room."""


class Throttle:
    """Wrong tries of the last minute, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: deque[tuple[datetime, str]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def wait(self, network: str) -> int:
        """Seconds until this network may try again; 0 for at once."""
        with self._lock:
            now = self._clock.now()
            # A clock that was set back must not make a minute long.
            while self._wrong and not now - SPAN < self._wrong[0][0] <= now:
                self._wrong.popleft()
            most = OF_ONE if len(self._wrong) < OF_ALL else 1
            mine = [at for at, who in self._wrong if who == network]
            return 0 if len(mine) < most else max(1, math.ceil((mine[-most] + SPAN - now).total_seconds()))

    def wrong(self, network: str) -> None:
        """Count a try; those that are not let through are not counted, so that waiting ends."""
        with self._lock:
            self._wrong.append((self._clock.now(), network))
