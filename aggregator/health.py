"""How the daemon's lines are doing, as it writes it down for `doctor` and the pages."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator.progress import AtWork

CONFIGURATION = "configuration"
"""The name among the lines under which it stands whether changed files were taken over."""


@dataclass(frozen=True, slots=True)
class LineHealth:
    """How a line is doing: when it last ended well (ISO 8601, or ""), and its failures in a row with the last one's error.

    `state` is a stable word where the store was the reason, such as `storage_full`, else "".
    `hung_since` is when it last got on, where it has hung since (ISO 8601), else "".
    """

    last_ok_at: str = ""
    failures: int = 0
    error: str = ""
    state: str = ""
    hung_since: str = ""


def hung(late: Collection[AtWork], lines: Mapping[str, LineHealth], now: datetime) -> dict[str, LineHealth]:
    """How those who hang are doing, by name."""
    since = {one.name: (now - timedelta(seconds=one.quiet)).isoformat() for one in late}
    return {name: replace(lines.get(name, LineHealth()), hung_since=at) for name, at in since.items()}


def write(path: Path, lines: Mapping[str, LineHealth]) -> None:
    """Put down how they are doing, by name. Raises OSError.

    Where the disk is full, which is when it matters, the file's own place is written over.
    """
    text = json.dumps({name: asdict(one) for name, one in lines.items()})
    part = path.with_suffix(".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        if e.errno not in (errno.ENOSPC, errno.EDQUOT) or not path.exists():
            raise
        _write_over(path, text.encode())


def _write_over(path: Path, data: bytes) -> None:
    """In its own blocks: blanks stand behind what is shorter, so that whoever reads meanwhile finds no end of an older text."""
    with path.open("r+b") as file:
        file.write(data.ljust(path.stat().st_size))


def read(path: Path) -> dict[str, LineHealth]:
    """What was last written; empty when there is nothing readable."""
    try:
        return parsed(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def parsed(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, LineHealth]:
    """What was written, by whatever version."""
    known = {one.name for one in fields(LineHealth)}
    return {
        line: LineHealth(**{name: value for name, value in values.items() if name in known})
        for line, values in raw.items()
    }


def touch(path: Path, now: datetime) -> None:
    """Say that nothing has changed, at this moment. Raises OSError."""
    os.utime(path, (now.timestamp(), now.timestamp()))


def age(path: Path, now: datetime) -> float:
    """Seconds since it was last written or touched. Raises OSError."""
    return abs(now.timestamp() - path.stat().st_mtime)
