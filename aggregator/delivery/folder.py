"""A folder of files that are made again and again: what is new takes its place at once, what is gone goes, nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from aggregator.errors import UsageError

MANIFEST = ".aggregator-files.json"
PART = ".aggregator-part"


@dataclass(frozen=True, slots=True)
class Report:
    """How many files were written, were there already as they are, and were removed."""

    written: int
    same: int
    removed: int


class Folder:
    """Files are put aside first; `finish` lets them take their places. Its manifest says which files are ours, and how they were."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path / PART
        self._put: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Make the folder. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir()
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._part, ignore_errors=True)

    def put(self, name: str, body: bytes) -> None:
        """Put a file aside; the last of a name counts. Raises OSError."""
        target = self._part / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        self._put[name] = _digest(body)

    def finish(self) -> Report:
        """Let the files take their places, and remove those of last time that are not among them.

        Raises UsageError, with nothing changed, where a file is in the way that is not ours; OSError.
        """
        ours = self._manifest()
        changed = [name for name, digest in self._put.items() if self._is_other(name, digest)]
        for name in changed:
            if name not in ours and os.path.lexists(self.path / name):
                raise UsageError(f"{self.path / name} is in the way, and not of an earlier run; name another folder")
        self._note(ours | self._put)
        for name in changed:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._part / name).replace(target)
        removed = sum(self._remove(name, digest) for name, digest in ours.items() if name not in self._put)
        self._note(self._put)
        return Report(len(changed), len(self._put) - len(changed), removed)

    def _manifest(self) -> dict[str, str]:
        """What the last run wrote: name -> digest. Names that lead out of the folder are none of ours."""
        try:
            known = json.loads((self.path / MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        pairs = known.items() if isinstance(known, dict) else ()
        return {name: str(digest) for name, digest in pairs if _is_inside(name)}

    def _note(self, files: Mapping[str, str]) -> None:
        part = self._part / MANIFEST
        part.write_text(json.dumps(dict(sorted(files.items())), indent=0), "utf-8")
        part.replace(self.path / MANIFEST)

    def _is_other(self, name: str, digest: str) -> bool:
        target = self.path / name
        try:
            return _digest(target.read_bytes()) != digest
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return True

    def _remove(self, name: str, digest: str) -> bool:
        """A file of ours that nobody has changed, and the folders that it leaves empty."""
        target = self.path / name
        if self._is_other(name, digest):
            return False
        target.unlink()
        for folder in target.parents:
            if folder == self.path:
                break
            with suppress(OSError):
                folder.rmdir()
        return True


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts
