"""Those who work on a database that several processes share, and what is asked of the store about them."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

LINES = ("poll", "compose", "send", "enrich", "signals", "notices", "upkeep")
"""The lines that workers run for all."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as it last said of itself.

    Attributes:
        name: what its claims begin with (instance.owner).
        lines: what it runs.
        leads: it looks at the clock for all.
        beat_at: when it said so, by its own clock.
        counts: what it has done since its start, by name.
        health: how its lines are doing, by name (health.LineHealth as a dict).
    """

    name: str
    host: str
    pid: int
    version: str
    lines: tuple[str, ...]
    leads: bool
    started_at: datetime
    beat_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    health: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class WorkerStore(Protocol):
    """The table of workers."""

    def beat(self, worker: Worker) -> None:
        """Put down how a worker is doing; it stands in nobody's way."""
        ...

    def list(self) -> builtins.list[Worker]:
        """Every worker that has not taken its leave, by name."""
        ...

    def forget(self, name: str) -> None:
        """It has ended, or is gone for good."""
        ...
