"""Which backup to fall back on when the database is damaged: the newest that is whole."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path

PATTERN = "aggregator-*.tar.gz"
HEAD = b"SQLite format 3\0"
TRIES = 5
"""Backups that are looked at, the newest first."""
BLOCK = 1 << 20


def newest(folder: Path) -> str:
    """The newest backup in `folder` whose every byte is as it was written, as a path; "" where there is none.

    Each was verified when it was made; the checksum over its bytes says whether it still is what it was then.
    """
    try:
        found = sorted(folder.glob(PATTERN), reverse=True)
    except OSError:
        return ""
    return next((str(one) for one in found[:TRIES] if _is_whole(one)), "")


def _is_whole(file: Path) -> bool:
    """Whether a database comes first in it, and what it holds is what its checksum, at the end, says."""
    try:
        with gzip.open(file) as raw:
            with tarfile.open(fileobj=raw) as tar:
                source = tar.extractfile("aggregator.db")
                if source is None or source.read(len(HEAD)) != HEAD:
                    return False
            raw.seek(0)
            while raw.read(BLOCK):
                pass
    except (tarfile.TarError, zlib.error, KeyError, EOFError, OSError, ValueError):
        return False
    return True
