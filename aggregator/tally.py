"""What one process counts of its own work since it began: the numbers that no row of the database tells."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from aggregator.ports import Clock

BOUNDS: Mapping[str, tuple[float, ...]] = {
    "poll": (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    "match": (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0),
}
"""Upper bounds of the buckets of each histogram, in seconds."""


@dataclass
class Histogram:
    """How often something took how long: `counts` by bucket, the last for what is longer than every bound."""

    counts: list[int]
    total: float = 0.0


@dataclass(eq=False)
class Tally:
    """Counts and histograms by name; any thread may add to them."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(
        default_factory=lambda: {name: Histogram([0] * (len(bounds) + 1)) for name, bounds in BOUNDS.items()}
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self.counts.setdefault(name, Counter())[label] += by

    def took(self, name: str, seconds: float) -> None:
        """Add to a histogram of BOUNDS."""
        with self._lock:
            histogram = self.histograms[name]
            histogram.counts[bisect_left(BOUNDS[name], seconds)] += 1
            histogram.total += seconds

    @contextmanager
    def timed(self, name: str, clock: Clock) -> Iterator[None]:
        """Add to a histogram what the block takes."""
        began = clock.monotonic()
        try:
            yield
        finally:
            self.took(name, clock.monotonic() - began)


TALLY = Tally()
"""That of this process."""
