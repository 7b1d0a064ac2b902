"""Whole visits in Chromium: one by keyboard alone, one without JavaScript; from the form to the mailbox and out again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.browser import measures
from tests.browser.chromium import Chromium, Visit
from tests.browser.installation import CSTO, Place
from tests.browser.rooms import built

EVA, FAY = "eva@reader.example", "fay@reader.example"
SOON = timedelta(seconds=30)
HEADING = "document.querySelector('h1').textContent"


def needs(place: Place, *paths: str) -> None:
    missing = set(paths) - built(place)
    if missing:
        pytest.skip(f"not built: {sorted(missing)}")


def state(place: Place, address: str) -> str:
    return next(s.state for s in place.app.stores.subscriptions.list() if s.address == address)


def seen(visit: Visit) -> None:
    """What has the focus shows it."""
    assert visit.ask(measures.RING).startswith("2")


def test_the_skip_link_comes_first_and_leads_past_the_menu(browser: Chromium, place: Place) -> None:
    with browser.visit(place.url) as visit:
        visit.open("/editions")
        assert visit.tab_to("Skip to the text", most=1)
        seen(visit)
        assert visit.ask("document.activeElement.getBoundingClientRect().left") > 0
        visit.press("Enter", "Tab")
        assert visit.ask("document.querySelector('main').contains(document.activeElement)")


def test_a_reader_subscribes_by_keyboard_alone(browser: Chromium, place: Place) -> None:
    with browser.visit(place.url) as visit:
        visit.open("/help")
        visit.tab_to("Subscribe")
        seen(visit)
        visit.lead("Enter")
        visit.tab_to("Watchlist")
        seen(visit)
        visit.type("Energy")
        visit.tab_to("Your mail address")
        visit.type(EVA)
        place.clock.advance(SOON)
        visit.tab_to("Send me the letter")
        seen(visit)
        visit.lead("Enter")
        assert visit.ask(HEADING) == "Look into your mailbox"
        place.tick()
        visit.open(place.link("confirm", EVA))
        visit.tab_to("Yes, send it to me")
        visit.lead("Enter")
        assert visit.ask(HEADING) == "You are subscribed"
        assert state(place, EVA) == "active"
        assert visit.noise() == []


def test_a_reader_searches_and_reads_a_story_by_keyboard_alone(browser: Chromium, place: Place) -> None:
    needs(place, "/search", "/stories/{story}")
    with browser.visit(place.url) as visit:
        visit.open("/help")
        visit.tab_to("Search")
        visit.lead("Enter")
        visit.press("/")
        visit.type("CSTO")
        visit.lead("Enter")
        assert "q=CSTO" in visit.path
        visit.press("j")
        seen(visit)
        assert visit.ask("document.activeElement.closest('main ol > li') !== null")
        visit.tab_to("Story")
        visit.lead("Enter")
        assert visit.path.startswith("/stories/")
        visit.back()
        assert "q=CSTO" in visit.path
        assert visit.noise() == []


def test_a_whole_visit_without_javascript_from_the_form_to_the_end(browser: Chromium, place: Place) -> None:
    with browser.visit(place.url, js=False) as visit:
        visit.open("/subscribe")
        visit.choose("#watchlist", CSTO)
        visit.fill("#rhythm", "instant")
        visit.fill("#address", FAY)
        visit.click("button:text-is('Show the last 30 days')")
        assert "In the last 30 days" in visit.text
        place.clock.advance(SOON)
        visit.click("button:text-is('Send me the letter')")
        assert visit.ask(HEADING) == "Look into your mailbox"
        place.tick()
        visit.open(place.link("confirm", FAY))
        visit.click("main button")
        assert visit.ask(HEADING) == "You are subscribed"
        assert state(place, FAY) == "active"
        place.publish("wire", ("more", "CSTO talks end after midnight", "The talks of the CSTO ended after midnight."))
        place.tick(timedelta(minutes=10))
        visit.open(place.link("unsubscribe", FAY))
        visit.click("button:text-is('Unsubscribe')")
        assert visit.ask(HEADING) == "You are unsubscribed"
        assert state(place, FAY) == "ended"
        assert visit.noise() == []


def test_a_search_needs_no_javascript(browser: Chromium, place: Place) -> None:
    needs(place, "/search")
    with browser.visit(place.url, js=False) as visit:
        visit.open("/search")
        visit.fill("main [name=q]", "CSTO AND air")
        visit.click("main form button")
        assert "CSTO leaders agree" in visit.text
        visit.fill("main [name=q]", "CSTO AND (")
        visit.click("main form button")
        assert "^" in visit.ask("document.querySelector('pre').textContent")
        assert visit.noise() == []


def test_a_changed_query_is_tried_without_javascript(browser: Chromium, place: Place) -> None:
    needs(place, "/watchlists/{watchlist}")
    with browser.visit(place.url, js=False) as visit:
        visit.open(f"/watchlists/{CSTO}")
        if visit.ask("Boolean(document.querySelector('details:not([open]) [name=query]'))"):
            visit.click("details:has([name=query]) > summary", leads=False)
        visit.fill("main [name=query]", "@csto AND air")
        visit.click("main form:has([name=query]) button")
        assert "query=" in visit.path
        assert "@csto AND air" in visit.ask("document.querySelector('main [name=query]').value")
        assert visit.noise() == []


def test_the_pages_hold_where_colours_are_forced_and_motion_is_unwanted(browser: Chromium, place: Place) -> None:
    with browser.visit(place.url, forced="active", motion="reduce", width=320) as visit:
        visit.open("/subscribe")
        assert visit.ask("matchMedia('(forced-colors: active)').matches")
        visit.press("Tab")
        # The colours are the system's own here; axe would measure those that were written.
        assert visit.ask(measures.FOCUS) + visit.ask(measures.SIDEWAYS) == []
        moving = "[...document.querySelectorAll('*')].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) || getComputedStyle(e).animationName !== 'none').length"
        assert visit.ask(moving) == 0
        assert visit.ask("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
