"""How the daemon's lines are doing, as it writes it down for `doctor` and the pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LineHealth:
    """How a line is doing: when it last ended well (ISO 8601, or ""), and its failures in a row with the last one's error."""

    last_ok_at: str = ""
    failures: int = 0
    error: str = ""


def write(path: Path, lines: Mapping[str, LineHealth]) -> None:
    """Put down how they are doing, by name. Raises OSError."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps({name: asdict(one) for name, one in lines.items()}), "utf-8")
    part.replace(path)


def read(path: Path) -> dict[str, LineHealth]:
    """What was last written; empty when there is nothing readable."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        return {name: LineHealth(**values) for name, values in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
