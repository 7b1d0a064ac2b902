"""robots.txt (RFC 9309): which addresses of a host its owner lets us read, and how far apart.

Feeds are not asked for it: who publishes one wants it polled. Article pages are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from urllib.parse import urlsplit

from aggregator.model import FetchFailure, FetchResponse

ROBOT = "aggregator"
"""Our product token, as in the User-Agent."""
LARGEST = 500 * 1024
"""Characters that are read (RFC 9309 §2.5); one person's rules are not longer."""
LONGEST = timedelta(minutes=1)
"""A Crawl-delay that asks for more gets this."""
_TOKEN = re.compile(r"[A-Za-z_-]+|\*")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})|([^!-~])")
_UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]")


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to us.

    Attributes:
        paths: pattern of a path and whether it may be read; the longest that fits decides, and allows where two do.
        delay: the pause between two pages that it asks for.
    """

    paths: tuple[tuple[str, bool], ...] = ()
    delay: timedelta = timedelta(0)

    def allows(self, url: str) -> bool:
        """Whether the page at this address may be read."""
        path = _path(url)
        fitting = [(len(pattern), allowed) for pattern, allowed in self.paths if _fits(pattern, path)]
        return path == "/robots.txt" or max(fitting, default=(0, True))[1]


EVERYTHING = Rules()
"""No rules: all may be read."""


def told(answer: FetchResponse | FetchFailure) -> Rules | None:
    """What the answer to a request for robots.txt means; None forbids all for now (RFC 9309 §2.3.1).

    A host that cannot be reached, or has a fault of its own, has said nothing yet; one that has no such file (4xx) lets
    everybody in. 429 is no word about robots, but about coming too often.
    """
    if isinstance(answer, FetchFailure) or answer.status >= 500 or answer.status == 429:
        return None
    return read(answer.body.decode("utf-8", "replace")) if answer.status // 100 == 2 else EVERYTHING


def read(text: str) -> Rules:
    """The rules of all groups that name us, else of those for everybody. What cannot be understood is passed over."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for names, rules in _groups(text.removeprefix("\ufeff")[:LARGEST]):
        for name in names & {ROBOT, "*"}:  # of thousands of names, each with all rules, those two concern us
            groups.setdefault(name, []).extend(rules)
    ours = groups.get(ROBOT, groups.get("*", []))
    paths = ((_escaped(value), name == "allow") for name, value in ours if name != "crawl-delay" and value)
    delays = (_delay(value) for name, value in ours if name == "crawl-delay")
    return Rules(tuple(dict.fromkeys(paths)), max(delays, default=timedelta(0)))


def _groups(text: str) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    """Each group's names, in lower case, and its lines; names that follow each other share what comes after them."""
    names: set[str] = set()
    rules: list[tuple[str, str]] = []
    for name, value in _records(text):
        if name == "user-agent":
            if rules:
                yield names, rules
                names, rules = set(), []
            token = _TOKEN.match(value)
            names.add(token[0].lower() if token else "")
        elif names:
            rules.append((name, value))
    yield names, rules


def _records(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        if colon and (key := name.strip().lower()) in ("user-agent", "allow", "disallow", "crawl-delay"):
            yield key, value.strip()


def _delay(value: str) -> timedelta:
    try:
        seconds = float(value)
    except ValueError:
        return timedelta(0)
    return min(timedelta(seconds=seconds), LONGEST) if isfinite(seconds) and 0 < seconds < 1e6 else timedelta(0)


def _path(url: str) -> str:
    """Path and query as rules are compared with them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    return _escaped((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _escaped(text: str) -> str:
    """One spelling for one address: letters outside ASCII as %XX, and no %XX for what needs none (RFC 9309 §2.2.2)."""

    def one(found: re.Match[bytes]) -> bytes:
        byte = bytes([int(found[1], 16)]) if found[1] else found[2]
        return byte if _UNRESERVED.fullmatch(byte) else b"%%%02X" % byte[0]

    return _PERCENT.sub(one, text.encode("utf-8", "replace")).decode("ascii")


def _fits(pattern: str, path: str) -> bool:
    """Whether a path begins as the pattern says: `*` stands for anything, `$` at its end for the end of the path.

    Piece by piece from the left, each at its first place, so that no pattern is slow.
    """
    whole = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    if whole and rest:
        *rest, last = rest
        room = len(path) - len(last)
        return path.endswith(last) and _reach(rest, path, place) <= room
    return _reach(rest, path, place) <= len(path) and (not whole or place == len(path))


def _reach(pieces: list[str], path: str, place: int) -> int:
    """Where the last of the pieces ends when each follows the one before; beyond the path when one is missing."""
    for piece in pieces:
        found = path.find(piece, place)
        if found < 0:
            return len(path) + 1
        place = found + len(piece)
    return place
