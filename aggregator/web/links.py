"""The addresses of the pages, by name. Whatever leads somewhere asks here, so that the same pages can be files elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

PATHS: Mapping[str, str] = {
    "today": "/",
    "day": "/days/{day}",
    "watchlists": "/watchlists",
    "watchlist": "/watchlists/{watchlist}",
    "listing": "/watchlists/{watchlist}.{form}",
    "story": "/stories/{story}",
    "search": "/search",
    "found": "/search.{form}",
    "feeds": "/feeds",
    "feed": "/feeds/{feed}",
    "editions": "/editions",
    "edition": "/editions/{digest}/{key}",
    "sheet": "/editions/{digest}/{key}.css",
    "digest": "/digests/{digest}.{form}",
    "subscribe": "/subscribe",
    "manage": "/manage",
    "about": "/help",
    "outbox": "/outbox",
    "message": "/outbox/{message}",
    "quarantine": "/quarantine",
    "configuration": "/configuration",
    "sign-in": "/sign-in",
    "sign-out": "/sign-out",
}
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_FIELD = re.compile(r"\{(\w+)\}")


class Links:
    """Addresses on the server: link("story", story=7) is `/stories/7`; what the path does not name becomes the query."""

    def __call__(self, name: str, /, **given: object) -> str:
        """The address of a page; an empty value is left out. Raises KeyError for no such page, or a part that is missing."""
        path = PATHS[name]
        parts = set(_FIELD.findall(path))
        filled = _FIELD.sub(lambda found: quote(str(given[found[1]]), safe=""), path)
        more = [(key, value) for key, value in given.items() if key not in parts and value not in ("", None)]
        return f"{filled}?{urlencode(more)}" if more else filled

    def asset(self, name: str) -> str:
        """The address of a style sheet or a script, which changes with its bytes."""
        from aggregator.web import assets

        return f"/static/{assets.hashed(name)}"


def is_page(name: str) -> bool:
    """Whether this is the name of a page that stands by itself: what may follow a sign-in. Never an address."""
    return name in PATHS and "{" not in PATHS[name] and name not in ("sign-in", "sign-out")


def number(text: str) -> int:
    """The id that stands in an address, as our links write it; 0 for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else 0
