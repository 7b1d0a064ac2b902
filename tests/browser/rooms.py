"""Every page there is, with an address that shows something: by the names of links.PATHS, so that a new page is walked when it comes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi.routing import APIRoute

from aggregator.digests.messages import new_token
from aggregator.web.links import PATHS, Links
from aggregator.web.pages import build as pages
from tests import counts
from tests.browser.installation import ASKED, ASKER, CSTO, LEAVER, READER, START, Place

OPERATOR = ("outbox", "message", "quarantine", "configuration")
"""Pages that visitors get as "not for visitors"."""
LETTERS = ("confirm", "refuse", "unsubscribe", "undo", "manage-in", "sign-in-link")
LOOKS = [(320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")]
"""A phone and a desk, by day and by night."""
PAIRS = [(LOOKS[0], LOOKS[3]), (LOOKS[1], LOOKS[2])]
"""Either has both widths and both schemes."""
SERVED = ("/static/", "/healthz", "/readyz", "/metrics", "/api/", "/manage/export", "/favicon.ico", "/openapi.json")
"""What is no page: files, and answers to programs."""
GIVEN: Mapping[str, Sequence[Mapping[str, object]]] = {
    "day": [{"day": f"{START:%Y-%m-%d}"}],
    "watchlist": [{"watchlist": CSTO}, {"watchlist": CSTO, "days": 365}, {"watchlist": CSTO, "query": "=CSTO AND air"}, {"watchlist": CSTO, "query": "csto AND ("}],
    "search": [{}, {"q": "CSTO"}, {"q": "csto AND ("}, {"q": "nothinglikethis"}],
    "feed": [{"feed": "wire"}, {"feed": "failing"}, {"feed": "gone"}, {"feed": "paused"}, {"feed": "arab"}],
}  # fmt: skip
"""What an address is filled with, where it needs more than what `_found` knows."""


@dataclass(frozen=True)
class Room:
    """A page: what it is called in reports, its address, the route's path, and whether it is the operator's."""

    name: str
    address: str
    path: str
    private: bool = False
    alone: bool = False
    """Whether it leaves a cookie behind that changes other pages."""


def looks(name: str) -> Sequence[tuple[int, str]]:
    """How a page is looked at: all ways in a storm, else those of one pair, the next page those of the other."""
    return LOOKS if counts.STORM else PAIRS[list(names()).index(name) % 2]


def names() -> Iterator[str]:
    """What `rooms` will call the pages, before there is an installation."""
    for name in _walked():
        for given in GIVEN.get(name, [{}]):
            yield _name(name, given)
    yield from LETTERS
    yield "nowhere"


def rooms(place: Place) -> dict[str, Room]:
    """Every page with its address, whether its route is built or not."""
    link, found = Links(), _found(place)
    made = {}
    for name in _walked():
        for given in GIVEN.get(name, [{}]):
            address = link(
                name,
                **{field: found[field] for field in re.findall(r"\{(\w+)\}", PATHS[name]) if field in found},
                **given,
            )
            made[_name(name, given)] = Room(_name(name, given), address, PATHS[name], name in OPERATOR)
    made |= {room.name: room for room in _of_tokens(place)}
    made["nowhere"] = Room("nowhere", "/nowhere", PATHS["about"])
    return made


def built(place: Place) -> set[str]:
    """The paths of all routes that answer a GET."""
    return {r.path for r in pages(place.app).routes if isinstance(r, APIRoute) and "GET" in (r.methods or ())}


def _walked() -> list[str]:
    """The names of the pages; listings and sheets are no pages, and signing out is none to look at."""
    return [n for n, path in PATHS.items() if "{form}" not in path and not path.endswith(".css") and n != "sign-out"]


def _name(name: str, given: Mapping[str, object]) -> str:
    """`search-q-CSTO`."""
    told = [re.sub(r"\W+", "-", f"{key}-{value}").strip("-") for key, value in given.items()]
    return "-".join([name, *told])


def _found(place: Place) -> dict[str, object]:
    """What stands in addresses: the story of several outlets, an edition, a message that waits."""
    stores = place.app.stores
    edition = next(e for e in stores.editions.editions() if e.digest_id == "morning")
    story = max(stores.stories.list(), key=lambda s: len(s.entries))
    message = stores.outbox.list(["waiting"])[0]
    return {"story": story.id, "digest": edition.digest_id, "key": edition.key, "message": message.id}


def _of_tokens(place: Place) -> Iterator[Room]:
    """The pages that letters lead to, each with a token that is good for it; and one that signs in."""
    line, now = place.app.subscribe, place.clock.now()
    line.send_link(READER, ASKER)
    place.tick()
    ended = line.add("dora@reader.example", line.choice({"watchlist": CSTO, "rhythm": "hourly"}), ASKER)
    sign_in = new_token()
    place.app.stores.credentials.issue("link", sign_in, "", now, expires_at=now + timedelta(minutes=15))
    addresses = {
        "confirm": place.link("confirm", ASKED),
        "refuse": place.link("refuse", ASKED),
        "unsubscribe": place.link("unsubscribe", LEAVER),
        "undo": f"/undo/{line.end([ended.id], ASKER, 'by hand')}",
        "manage-in": place.link("manage", READER),
        "sign-in-link": f"/sign-in/{sign_in}",
    }
    for name, address in addresses.items():
        yield Room(name, address, address.rpartition("/")[0] + "/{token}", alone=name == "manage-in")
