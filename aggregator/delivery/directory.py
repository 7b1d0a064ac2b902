"""Mail as files: one .eml a message in a folder, for any mail program to open. The default, and the tests' transport."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from aggregator.errors import Retry


class DirectoryTransport:
    """Implements ports.Transport on a folder; it is its own session, for there is nothing to connect to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"folder {path}"
        self.form: Literal["mail"] = "mail"

    def open(self) -> DirectoryTransport:
        """See that the folder is there and can be written. Raises Retry when not: somebody may mend it."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        if not os.access(self._path, os.W_OK | os.X_OK):
            raise self._unwritable("make the folder writable")
        return self

    def prepare(self, address: str, sender: str = "") -> None:
        """Every address is good, and nothing comes back."""

    def deliver(self, body: bytes, message_id: str) -> str:
        """Write the file whole or not at all; the same Message-ID is the same file, so a retry leaves one copy."""
        target = self._path / file_name(message_id)
        try:
            _write(target, body)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        return f"written to {target}"

    def close(self) -> None:
        """Nothing is held."""

    def _unwritable(self, why: str) -> Retry:
        error = Retry("internal", f"{self._path}: mail cannot be written here ({why})")
        error.scope = "relay"
        return error


def file_name(message_id: str) -> str:
    """The Message-ID's left part as a file name of letters, digits, dots and hyphens."""
    left = message_id.strip("<>").partition("@")[0]
    return (re.sub(r"[^A-Za-z0-9.-]+", "-", left).strip(".-") or "message")[:200] + ".eml"


def _write(target: Path, body: bytes) -> None:
    """Write beside, flush to the disk, rename: a crash leaves the old file, the new one, or a hidden part."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)  # on a full disk it would be in its own way
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
