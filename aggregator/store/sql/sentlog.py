"""The log of what was told and who left, beside the database and outliving it: a restore reads it (docs/decisions/0048).

One JSON object a line, in a file for each month (`2026-11.jsonl`), only ever added to. Nothing in it names a reader: addresses
and Message-IDs stand in it as keyed hashes. Kinds of lines, most with `at`:

    {"backup": mark}                                a backup of this mark begins
    {"edition": {...}, "readers": n, "told": [[watchlist, entry, level or null], ...]}
    {"passed": digest, "told": [...]}               settled without an edition
    {"sent": message, "of": edition or ""}
    {"reader": subscription, "event": word, "until": moment or ""}
    {"suppressed": address, "reason": word}         and {"unsuppressed": address}
    {"gap": true}                                   lines before it could not be written
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

log = logging.getLogger("aggregator")

SUFFIX = ".jsonl"
_MONTH = len("2026-11")


class SentLog:
    """The log in one folder. Several processes may add to it; a line is written in one piece."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loose: set[Path] = set()
        self._gap = False

    def append(self, lines: Sequence[dict[str, Any]], *, durable: bool) -> None:
        """Add lines; `durable`: down to the disk at once, else by `sync`.

        A log that cannot be written stops nothing: the next line that can be says that there is a gap.
        """
        with self._lock:
            if self._gap:
                lines = [{"gap": True}, *lines]
            path = self._folder / (self._month(lines) + SUFFIX)
            text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
            try:
                self._write(path, text.encode("utf-8"))
                self._gap = False
            except OSError as e:
                if not self._gap:
                    log.warning("%s: %s; a restore will not know what is sent now", path, e.strerror)
                self._gap = True
                return
            self._loose.add(path)
        if durable:
            self.sync()

    def _month(self, lines: Sequence[dict[str, Any]]) -> str:
        """The month of the first line that has a moment, else that of the newest file."""
        moment = next((str(line["at"]) for line in lines if "at" in line), "")
        known = files(self._folder)[-1:]
        return moment[:_MONTH] or (known[0].stem if known else "0000-00")

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            # What a power cut left of a line must not swallow the next one.
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" + data if torn else data)
        finally:
            os.close(handle)

    def sync(self) -> None:
        """Bring every line down to the disk."""
        with self._lock:
            loose, self._loose = self._loose, set()
        for path in loose:
            with contextlib.suppress(OSError):
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def forget(self, month: str) -> int:
        """Remove the files of months before `2026-11`; how many."""
        old = [path for path in files(self._folder) if path.stem < month]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def files(folder: Path) -> list[Path]:
    """The log's files, the oldest first; nothing else in the folder is touched."""
    return sorted(p for p in folder.glob("*" + SUFFIX) if len(p.stem) == _MONTH and p.stem.replace("-", "").isdigit())


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """Every line, as far as it can be read: a torn one is left out."""
    for path in files(folder):
        with path.open("rb") as file:
            for raw in file:
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line
