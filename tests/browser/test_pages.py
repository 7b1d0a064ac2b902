"""Every page in Chromium, for both roles, light and dark, on a phone and on a desk: WCAG 2.2 AA, no message, no way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from tests import counts
from tests.browser import measures
from tests.browser.chromium import WANTED, Chromium, Visit
from tests.browser.installation import Place
from tests.browser.rooms import SERVED, Room, built, looks, names, rooms

Visits = Mapping[str, Visit]
PRIVATE = ("/outbox", "/outbox/{message}", "/quarantine", "/configuration")
"""To visitors all of them show the same closed page."""


@pytest.fixture(scope="module")
def doors(place: Place) -> dict[str, Room]:
    return rooms(place)


@pytest.fixture(scope="module")
def visits(browser: Chromium, place: Place) -> Iterator[Visits]:
    with browser.visit(place.url, {"session": place.session}) as operator, browser.visit(place.url) as visitor:
        yield {"operator": operator, "visitor": visitor}


@pytest.fixture(params=list(names()))
def room(request: pytest.FixtureRequest, doors: dict[str, Room], place: Place) -> Room:
    found = doors[request.param]
    if found.path not in built(place):
        pytest.skip(f"{found.path} is not built")
    return found


@contextmanager
def entered(room: Room, role: str, visits: Visits, browser: Chromium, place: Place) -> Iterator[Visit]:
    """The page, opened by somebody of this role."""
    if not room.alone:
        visits[role].open(room.address)
        yield visits[role]
        return
    with browser.visit(place.url) as visit:
        visit.open(room.address)
        yield visit


def roles(room: Room) -> Sequence[str]:
    """Who sees something of their own there. What else the operator sees is the menu and a button at the end of each page."""
    if room.alone:
        return ("visitor",)
    if room.path in PRIVATE:
        return ("operator", "visitor") if room.path == PRIVATE[0] else ("operator",)
    return (
        ("operator", "visitor")
        if WANTED or counts.STORM or room.path in ("/", "/feeds", "/feeds/{feed}")
        else ("visitor",)
    )


def test_a_page_is_for_everybody_and_asks_nobody_else(
    room: Room, visits: Visits, browser: Chromium, place: Place
) -> None:
    wrong = [f"{role}: {line}" for role in roles(room) for line in faults(room, role, visits, browser, place)]
    assert wrong == [], "\n".join(wrong)


def faults(room: Room, role: str, visits: Visits, browser: Chromium, place: Place) -> list[str]:
    """What is wrong with a page as somebody of this role sees it."""
    wrong: list[str] = []
    with entered(room, role, visits, browser, place) as visit:
        wrong += visit.ask(measures.UNFOLDED) + visit.ask(measures.SHAPE)
        for number, (width, scheme) in enumerate(looks(room.name)):
            visit.wear(width, scheme)
            found = visit.axe() + visit.ask(measures.SIDEWAYS)
            if number == 0:
                visit.press("Tab")
                found += visit.ask(measures.FOCUS) + visit.ask(measures.TARGETS)
            wrong += [f"{width} {scheme}: {line}" for line in found]
        visit.wear(640, "light")
        visit.ask(measures.LARGER)
        wrong += [f"text twice as large: {line}" for line in visit.ask(measures.SIDEWAYS)]
        visit.ask(measures.SMALLER)
        wrong += visit.noise()
    return wrong


def test_every_page_of_the_route_table_is_walked(doors: dict[str, Room], place: Place) -> None:
    walked = {room.path for room in doors.values()}
    pages = {path for path in built(place) if not path.startswith(SERVED) and "{form}" not in path}
    left = {path for path in pages if not path.endswith((".css", ".csv"))} - walked
    assert left == set(), "give them an address in tests/browser/rooms.py"
