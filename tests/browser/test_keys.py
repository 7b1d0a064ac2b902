"""The keys of the pages, in Chromium: they move the focus, remember in this browser alone, and can be switched off (WCAG 2.1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from aggregator.web import assets
from tests.browser import measures
from tests.browser.chromium import Chromium, Trouble, Visit
from tests.browser.installation import Place
from tests.browser.rooms import built

HERE = "document.activeElement.textContent.trim()"
LIST = "[...document.querySelectorAll('main .editions > li')].map((item) => item.querySelector('a[href]').textContent.trim())"
READ = "[...document.querySelectorAll('main .editions > li')].map((item) => item.classList.contains('read'))"
STATUS = "document.querySelector('[role=status]').textContent"
OPEN = "document.querySelector('dialog').open"


@pytest.fixture(scope="module")
def window(browser: Chromium, place: Place) -> Iterator[Visit]:
    """One for the file: a new one is a process of Chromium, and costs a second."""
    with browser.visit(place.url) as visit:
        yield visit


@pytest.fixture
def visit(window: Visit) -> Iterator[Visit]:
    """The list of editions, in a browser that remembers nothing."""
    window.open("/editions")
    window.ask("localStorage.clear(), sessionStorage.clear()")
    window.open("/editions")
    yield window
    assert window.noise() == []


def test_j_and_k_walk_over_the_headlines_and_stay_at_the_ends(visit: Visit) -> None:
    titles = visit.ask(LIST)
    assert len(titles) > 2
    visit.press("j")
    assert visit.ask(HERE) == titles[0]
    visit.press("j", "j")
    assert visit.ask(HERE) == titles[2]
    visit.press("k")
    assert visit.ask(HERE) == titles[1]
    visit.press("k", "k", "k")
    assert visit.ask(HERE) == titles[0]
    assert visit.ask(measures.RING) != ""


def test_o_and_enter_open_what_has_the_focus(visit: Visit) -> None:
    visit.press("o")  # nothing has it
    assert visit.path == "/editions"
    for key in ("o", "Enter"):
        visit.press("j", "j")
        wanted = visit.ask("document.activeElement.pathname")
        visit.lead(key)
        assert visit.path == wanted
        visit.back()


def test_m_marks_as_read_in_this_browser_alone_and_takes_it_back(visit: Visit, browser: Chromium, place: Place) -> None:
    visit.press("j", "j", "m")
    number = len(visit.ask(LIST))
    assert visit.ask(READ) == [False, True] + [False] * (number - 2)
    assert "Marked as read" in visit.ask(STATUS)
    assert visit.ask("document.querySelectorAll('main .editions > li')[1].textContent").endswith(
        "(read)"
    )  # for who hears it
    assert visit.noise() == []  # told to nobody
    visit.open("/editions")
    assert visit.ask(READ)[1]
    visit.press("j", "j", "m")
    assert not any(visit.ask(READ))
    assert visit.ask(STATUS) == "Not read"
    visit.open("/editions")
    assert not any(visit.ask(READ))
    visit.press("j", "m")
    with browser.visit(place.url) as other:
        other.open("/editions")
        assert not any(other.ask(READ))


def test_a_story_is_marked_wherever_it_stands(visit: Visit) -> None:
    visit.ask(
        "document.querySelectorAll('main .editions > li').forEach((item, n) => { item.dataset.story = String(n % 2); })"
    )
    visit.press("j", "m")
    assert visit.ask(READ)[:3] == [True, False, True]


def test_a_question_mark_shows_the_keys_and_escape_brings_the_focus_back(visit: Visit) -> None:
    visit.press("j", "j")
    before = visit.ask(HERE)
    visit.press("?")
    assert visit.ask(OPEN)
    assert visit.ask("document.querySelector('dialog').contains(document.activeElement)")
    assert visit.axe() == []
    assert visit.ask("getComputedStyle(document.querySelector('dialog')).animationName") == "none"
    visit.press("j")  # belongs to the dialog
    visit.press("Escape")
    assert not visit.ask(OPEN)
    assert visit.ask(HERE) == before


def test_the_keys_can_be_switched_off_and_on_again(visit: Visit) -> None:
    for works in (False, True):
        visit.click(".bottom button:text-is('Keys')", leads=False)
        visit.click("dialog input", leads=False)
        visit.press("Escape")
        for _ in range(2):  # also on the next page
            visit.press("j")
            assert (visit.ask(HERE) == visit.ask(LIST)[0]) is works
            visit.press("?")
            assert visit.ask(OPEN) is works
            visit.open("/editions")


def test_no_key_is_taken_from_who_types_or_from_the_browser(visit: Visit) -> None:
    visit.open("/subscribe")
    visit.fill("#address", "")
    visit.press("j", "m", "?", "/")
    assert visit.ask("document.activeElement.value") == "jm?/"
    visit.open("/editions")
    visit.press("Control+m", "Alt+j", "Meta+j")
    assert visit.ask(HERE) not in visit.ask(LIST)


def test_g_and_a_letter_go_to_a_page(visit: Visit) -> None:
    visit.open("/subscribe")
    visit.lead("g", "e")
    assert visit.path == "/editions"
    visit.press("g", "j", "e")  # the second letter is none of a page: both are forgotten
    assert visit.path == "/editions"


def test_a_slash_leads_to_the_search_field(visit: Visit, place: Place) -> None:
    if "/search" not in built(place):
        pytest.skip("/search is not built")
    visit.lead("/")
    assert visit.path == "/search"
    visit.press("/")
    assert visit.ask("document.activeElement.name") == "q"
    visit.type("a/b")
    assert visit.ask("document.activeElement.value") == "a/b"


def test_how_long_ago_stands_beside_the_clock(browser: Chromium, place: Place) -> None:
    if "/" not in built(place):
        pytest.skip("/ is not built")
    for later, told in ((timedelta(hours=3), "h ago)"), (timedelta(days=3), "")):
        with browser.visit(place.url, now=(place.clock.now() + later).timestamp() * 1000) as visit:
            visit.open("/")
            said = visit.ask("[...document.querySelectorAll('.news time + .ago')].map((e) => e.textContent)")
            assert said
            assert {one[-6:] for one in said} == {told}
            assert visit.noise() == []


def test_the_script_is_small_and_the_pages_are_whole_without_what_it_remembers(visit: Visit) -> None:
    assert len(assets.files()[assets.hashed("aggregator.js")]) < 10_000
    with pytest.raises(Trouble, match="Failed to fetch"):  # nothing can be told to anybody
        visit.ask("fetch('/healthz')")
    assert all("Content Security Policy" in line for line in visit.noise())
    visit.ask("localStorage.setItem('read', '{not json'), localStorage.setItem('keys', '{not json')")
    visit.open("/editions")
    visit.press("j", "m")
    assert visit.ask(READ)[0]
