"""The first page over real HTTP: what came since the last edition, each story once, bounded, and with an end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.publication import NewEdition
from aggregator.readership import Asker
from aggregator.reading import Signal
from tests.conformance.stores import RENDERED, edition
from tests.e2e.homes import START, Item, digests
from tests.e2e.readingroom import MINUTE, Room, read, room

FEEDS = {"a": {"title": "Agency"}, "b": {"title": "BelTA"}, "c": {"title": "Chronicle", "excerpt": "none"}}
WATCHLISTS = {
    "aliases": {"csto": ["=CSTO", "=ОДКБ"]},
    "watchlists": [
        {"id": "csto", "title": "CSTO", "query": "@csto"},
        {"id": "drill", "title": "Drills & parades", "query": "drill*"},
        {"id": "grain", "title": "Grain", "query": "grain"},
    ],
}
MINSK = {
    "web": {"timezone": "Europe/Minsk", "public_url": "https://news.example"},
    "signup": {"mode": "open", "queries": True, "contact": "The news desk"},
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = "Soldiers of six countries began a drill near Minsk on Thursday, the ministry said. The CSTO council meets on Friday."


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Room]:
    with room(tmp_path, FEEDS, WATCHLISTS, digests(), **MINSK) as made:
        yield made


def section(page: str, title: str) -> str:
    """What stands under a watchlist."""
    found = [part for part in page.split("<section>")[1:] if title in part.partition("</h2>")[0]]
    return found[0].partition("</section>")[0] if found else ""


def test_each_story_stands_once_with_its_other_outlets_and_watchlists(place: Room) -> None:
    place.publish("Soldiers of the CSTO begin a drill", text=TEXT, feed="a")
    place.publish("Soldiers of the CSTO begin a drill", text=TEXT, feed="b")
    place.publish("A parade and <b>two</b> drills", feed="a")
    page = place.page("/")
    csto, drills = section(page, "CSTO"), section(page, "Drills &amp; parades")
    assert len(re.findall("<h3>", page)) == 2
    assert "Agency · 15:01" in read(f"<main {csto}</main>")
    assert "Also in BelTA · Also for Drills & parades" in read(f"<main {csto}</main>")
    assert "2 entries, 1 story" in csto
    assert "“CSTO” in the title" in read(f"<main {csto}</main>")
    assert 'href="https://news.example/a1" dir="auto"' in csto
    assert "<mark>CSTO</mark>" in csto
    assert re.search(r'href="/stories/\d+"', csto)
    assert "3 entries, 2 stories" in drills
    assert "A parade and two" in read(f"<main {drills}</main>")
    assert "<b>" not in page
    assert "Nothing for: Grain." in read(page)
    assert "That is all since" in read(page)
    assert "more" not in csto + drills


def test_what_the_last_edition_told_is_not_told_again(place: Room) -> None:
    place.publish("CSTO council meets")
    assert "there is no edition yet" in place.read("/")
    assert "CSTO council meets" in place.read("/")
    place.at(START + 16 * HOUR + 30 * MINUTE)  # 07:30 in Minsk
    place.poll()
    place.app.compose.run()
    page = place.page("/")
    [edition] = set(re.findall(r'href="(/editions/[^"]+)"', page))
    assert edition.startswith("/editions/daily/")
    assert place.ask(edition)[0].status == 200
    assert "Daily of 07:30" in read(page)
    assert "That is all since 07:30." in read(page)
    assert "Nothing for: CSTO, Drills & parades, Grain." in read(page)
    place.publish("CSTO drill begins")  # at once an alert, which is no edition to start from
    place.app.compose.run()
    assert {e.kind for e in place.app.stores.editions.editions()} == {"alert", "digest"}
    assert "CSTO drill begins" in place.read("/")
    assert "Daily of 07:30" in place.read("/")


def test_what_tells_readers_of_alerts_that_came_too_late_is_no_edition_to_start_from(place: Room) -> None:
    place.publish("CSTO council meets")
    late = NewEdition(edition("now", place.clock.now() + MINUTE, "0-late"), RENDERED, ())
    place.app.stores.editions.commit_editions([late], [], place.clock.now() + DAY)
    place.clock.advance(HOUR)
    assert "CSTO council meets" in place.read("/")
    assert "At once" not in place.read("/")


def test_readers_own_watchlists_and_digests_are_nobody_elses(place: Room) -> None:
    line = place.app.subscribe
    choice = {"query": "tractors", "rhythm": "hourly", "timezone": "Europe/Minsk"}
    line.add("anna@example.org", line.choice(choice), Asker("command line"))
    place.app.following.attend()
    [own] = place.app.stores.watch.of_readers()
    place.publish("Tractors of the CSTO", "Tractors for sale")
    place.clock.advance(HOUR)
    place.app.compose.run()
    assert place.app.stores.watch.matches(own.id)
    signal = Signal(0, "burst", own.id, "", START, START, 909, 1.0, "")
    place.app.stores.signals.begin(signal)
    page = place.page("/")
    assert "Tractors of the CSTO" in read(page)
    assert "for sale" not in page
    assert "Also for" not in page
    assert own.id not in page
    assert "909" not in page
    assert "there is no edition yet" in read(page)


def test_the_page_says_what_was_read_and_what_is_out_of_the_usual(place: Room) -> None:
    assert "3 of 3 feeds read." in place.read("/")
    place.broken.add("b")
    place.clock.advance(MINUTE)
    place.poll()
    began = place.clock.now()
    assert "2 of 3 feeds read" in place.read("/")
    place.app.stores.signals.begin(Signal(0, "burst", "csto", "", began, began, 9, 1.5, ""))
    place.app.stores.signals.begin(Signal(0, "silence", "", "c", began, began, 0, 7.0, ""))
    page = place.page("/")
    assert "2 of 3 feeds read; not read: BelTA (since 15:01)." in read(page)
    assert 'href="/feeds/b"' in page
    assert "Burst: CSTO, 9 entries, usually 2, since 15:01" in read(page)
    assert "Silence: Chronicle, nothing, usually 7 a day, since 15:01" in read(page)
    place.app.stores.signals.end(1, began)
    assert "Burst" not in place.read("/")


def test_each_day_shows_what_was_found_on_it(place: Room) -> None:
    place.publish("CSTO council meets")
    place.at(START + 8 * HOUR + 50 * MINUTE)  # 23:51 in Minsk
    place.publish("CSTO meets at night")
    place.at(START + 9 * HOUR)
    place.publish("CSTO breakfast")
    page = place.page("/")
    assert re.findall(r'href="/days/([^"]+)"', page) == ["2023-02-02", "2023-02-03"]
    first, second = place.read("/days/2023-02-02"), place.read("/days/2023-02-03")
    assert first.startswith("Thursday, 2 February 2023")
    assert ("CSTO council meets" in first, "CSTO meets at night" in first, "CSTO breakfast" in first) == (
        True,
        True,
        False,
    )
    assert ("CSTO meets at night" in second, "CSTO breakfast" in second) == (False, True)
    assert "That is all of Thursday, 2 February 2023." in first
    assert 'aria-current="page"><time datetime="2023-02-02">' in place.page("/days/2023-02-02")
    place.clock.advance(20 * DAY)
    page = place.page("/days/2023-02-10")
    assert re.findall(r'href="/days/([^"]+)"', page) == [f"2023-02-{n:02}" for n in range(7, 14)]
    assert "Nothing for: CSTO" in read(page)


@pytest.mark.parametrize(
    "day", ["2023-02-01", "2023-02-03", "1999-01-01", "20230202", "2023-W05-4", "2023-02-30", "x", "%00", "9999-12-31"]
)
def test_a_day_that_has_nothing_to_show_is_no_page(shared: Room, day: str) -> None:
    response, page = shared.ask(f"/days/{day}")
    assert response.status == 404
    assert "No such page" in page


def test_a_page_stays_the_same_until_what_it_shows_changes(place: Room) -> None:
    place.publish("CSTO council meets", text=TEXT)
    for path in ("/", "/days/2023-02-02"):
        tag = place.ask(path)[0].headers["ETag"]
        response, page = place.ask(path, If_None_Match=tag)
        assert (response.status, page) == (304, "")
    place.publish("More weather")  # which no watchlist gets
    assert place.ask("/", If_None_Match=tag)[0].status == 200
    tag = place.ask("/")[0].headers["ETag"]
    place.publish("Weather again")
    assert place.ask("/", If_None_Match=tag)[0].status == 304
    place.publish("CSTO council meets", text=TEXT, feed="b")
    response, page = place.ask("/", If_None_Match=tag)
    assert response.status == 200
    assert response.headers["ETag"] != tag
    assert "2 entries" in page
    place.clock.advance(DAY)
    assert place.read("/days/2023-02-02").count("CSTO council meets") == 1
    [story] = {m.story_id for e in place.app.stores.watch.matches() if (m := place.app.stores.entries.get(e.entry_id))}
    entries = place.app.stores.stories.get(story)
    assert entries
    place.app.stores.stories.split(story, [entries.entries[1].id])
    assert place.read("/days/2023-02-02").count("CSTO council meets") == 2


def test_no_more_of_a_text_is_shown_than_its_licence_allows(place: Room) -> None:
    place.publish("", text="The secretary of the CSTO spoke at length.", feed="c")
    place.publish("", text="The council of the CSTO spoke at length.", feed="b")
    page = place.read("/")
    assert "(without a title)" in page
    assert "secretary" not in page
    assert "The council of the CSTO spoke at length." in page


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A hundred watchlists, and far more news than a page holds."""
    many = [{"id": f"w{n}", "title": f"Наблюдение {n}", "query": f"общее OR слово{n}"} for n in range(99)]
    one = {"id": "quiet", "title": "Quiet", "query": "silence"}
    with room(tmp_path_factory.mktemp("many"), {"a": {}}, {"watchlists": [*many, one]}, {}) as made:
        long = "Пространный заголовок, который никак не кончается, " * 12
        link = "https://news.example/" + "x" * 1500
        titles = [f"общее слово{n % 99} {n} {long}" for n in range(150)]
        for n, title in enumerate(titles):
            made.items["a"].append(Item(f"i{n}", title, f"{n}", made.clock.now(), f"{link}{n}"))
        made.clock.advance(MINUTE)
        made.poll()
        yield made


def test_a_page_is_bounded_whatever_came(shared: Room) -> None:
    for path in ("/", "/days/2023-02-02"):
        page = shared.page(path)
        assert len(page.encode()) <= 50_000
        assert 5 <= len(re.findall("<h3>", page)) <= 60
        assert "150 entries, 150 stories" in page
        assert len(re.findall(r'href="/watchlists/w\d+">\d+ more', page)) == 99
        assert "Nothing for: Quiet." in read(page)
        assert "but for what the watchlists above hold more" in page


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "Today"), ("/days/2023-02-02", "Today"), ("/watchlists/csto", "Watchlists"), ("/watchlists/csto?query=grain", "Watchlists"), ("/subscribe", "Subscribe")],
)  # fmt: skip
def test_the_menu_says_where_one_is_also_below_its_pages(place: Room, path: str, name: str) -> None:
    place.publish("CSTO council meets")
    menu = place.page(path).partition("</header>")[0]
    assert re.findall(r'aria-current="page">([^<]+)', menu) == [name]
