"""The archive of editions as plain files: `<digest>/<key>.html` and an index that any browser opens."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from aggregator.errors import ConfigError, StoreError
from aggregator.publication import StoredEdition


class Pages:
    """ports.Archive on a folder. Names are made from our own ids and times only (DESIGN §1, invariant 5)."""

    def __init__(self, folder: Path, index: Callable[[Sequence[tuple[StoredEdition, str]]], str]) -> None:
        """`index` renders the list of recent editions from (edition, relative address) pairs."""
        self._folder = folder
        self._index = index

    def path(self, edition: StoredEdition) -> Path:
        """Where the edition's page lies."""
        return self._folder / name(edition)

    def publish(self, edition: StoredEdition, recent: Sequence[StoredEdition]) -> Path:
        """See ports.Archive.publish."""
        target = self.path(edition)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, edition.rendered.page)
            _write(self._folder / "index.html", self._index([(e, name(e)) for e in recent]))
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                said = f"{target}: {e.strerror}; make room, the page is written when there is some"
                raise StoreError(said, "full") from e
            raise ConfigError(f"{target}: {e.strerror or e}; make the folder writable, nothing is lost") from e
        return target

    def missing(self, editions: Sequence[StoredEdition]) -> Sequence[StoredEdition]:
        """See ports.Archive.missing."""
        _clear(self._folder)
        return [e for e in editions if not self.path(e).exists()]


def name(edition: StoredEdition) -> str:
    """The file's name below the folder."""
    return f"{_safe(edition.digest_id)}/{_safe(edition.key)}.html"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9+-]", "", text) or "edition"


def _write(path: Path, text: str) -> None:
    """A file is there whole or not at all."""
    fd, part = tempfile.mkstemp(dir=path.parent, prefix=f".{os.getpid()}-", suffix=".part")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)  # on a full disk it would be in its own way
        raise


def _clear(folder: Path) -> None:
    """Remove what processes were at when they fell; a part begins with the number of its process."""
    for part in folder.rglob(".*.part"):
        number = part.name[1:].partition("-")[0]
        if not (number.isdecimal() and _lives(int(number))):
            with contextlib.suppress(OSError):
                part.unlink()


def _lives(pid: int) -> bool:
    """Whether another process has this number. Our own says nothing: in a container every start has the same."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # somebody else's
    return True
