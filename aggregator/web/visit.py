"""Who asks: known to the whole of one request, from the door to the template."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from aggregator.reading import Role


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: its role, what its forms' marks are bound to (its cookies), and the tags of copies it has."""

    role: Role = "visitor"
    binding: str = ""
    tags: str = ""
    session: int = 0


VISIT: ContextVar[Visit] = ContextVar("visit", default=Visit())  # noqa: B039 - frozen
