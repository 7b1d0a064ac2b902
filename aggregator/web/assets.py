"""Style sheet, script and icon, under names that change with their bytes, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
}  # fmt: skip


@cache
def _known() -> Mapping[str, tuple[str, bytes]]:
    """File name -> hashed name and bytes."""
    folder = resources.files(__package__) / "static"
    found = {}
    for file in folder.iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending in TYPES:
            body = file.read_bytes()
            found[file.name] = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}", body
    return found


def hashed(name: str) -> str:
    """The name under which a file is served. Raises KeyError for no such file."""
    return _known()[name][0]


def find(served: str) -> tuple[str, bytes] | None:
    """Media type and bytes of what is served under a name, or None."""
    return next(
        ((TYPES[name.rpartition(".")[2]], body) for name, (known, body) in _known().items() if known == served), None
    )


def files() -> Mapping[str, bytes]:
    """Every file by its served name, for those who copy them."""
    return dict(_known().values())
