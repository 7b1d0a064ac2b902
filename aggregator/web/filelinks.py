"""The addresses of pages that are files: relative to the page they stand on, so that any folder or server will do."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import quote

from aggregator.web.links import PATHS, Links

NOWHERE, DROPPED = "about:blank#nowhere", "about:blank#dropped"
"""Where a link leads that no file is made of: asfile.py leaves its text, or nothing where it was there to do something."""
DOING = ("subscribe", "manage", "sign-in", "sign-out", "found")
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
Wanted = Callable[[str, Mapping[str, object]], bool]


class FileLinks(Links):
    """Addresses of files, as seen from `at`. What a page asks for is in `asked`: address on the server -> file.

    A page is made of `names`, if it is `wanted`, and was not found to be `gone`; everything else is at `public_url`, where
    that is known.
    """

    def __init__(self, names: Collection[str], wanted: Wanted, public_url: str) -> None:
        self.at = ""
        self.asked: dict[str, str] = {}
        self.gone: set[str] = set()
        self._names = names
        self._wanted = wanted
        self._public_url = public_url

    def __call__(self, name: str, /, **given: object) -> str:
        """See Links."""
        address = super().__call__(name, **given)
        if name in self._names and address not in self.gone and self._wanted(name, given):
            self.asked[address] = file(name, **given)
            return relative(self.asked[address], self.at)
        if self._public_url:
            return f"{self._public_url}{address}"
        return DROPPED if name in DOING or address == PATHS["search"] else NOWHERE

    def asset(self, name: str) -> str:
        """See Links."""
        return relative(super().asset(name).lstrip("/"), self.at)


def file(name: str, /, **given: object) -> str:
    """The file of a page: `stories/7/index.html`; of what has an ending, its name: `watchlists/csto.atom`."""
    path = PATHS[name].strip("/")
    # With a dot, which no id has: `feeds/page.2` is no feed.
    parts = [_safe(part.format_map(given)) for part in path.split("/") if part]
    more = [
        f"{key}.{value}" for key, value in sorted(given.items()) if f"{{{key}}}" not in path and value not in ("", None)
    ]
    has_ending = "." in path.rpartition("/")[2]
    return "/".join(parts if has_ending else [*parts, *map(_safe, more), "index.html"])


def relative(target: str, at: str) -> str:
    """The address of one file as seen from another."""
    return quote(posixpath.relpath(target, posixpath.dirname(at) or "."), safe="/")


def _safe(text: str) -> str:
    """A name that every file system and web server takes, another one for each id and key of ours."""
    made = _UNSAFE.sub("_", text.replace(":", "-"))
    odd = made != text.replace(":", "-") or not made.strip(".") or len(made) > 100
    return f"{made[:100].strip('.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}" if odd else made
