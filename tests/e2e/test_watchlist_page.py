"""Watchlists over real HTTP: attention, matches with their reasons, a query tried, and the numbers as CSV."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from aggregator import settings
from aggregator.readership import Asker
from aggregator.reading import Signal
from aggregator.web import trying
from tests.e2e.homes import START, Item
from tests.e2e.program import done
from tests.e2e.readingroom import MINUTE, Room, read, room

FEEDS = {
    "a": {"title": '=HYPERLINK("https://evil.example")', "language": "en", "country": "BY"},
    "b": {"title": "БелТА", "language": "be", "country": "BY"},
}
WATCHLISTS = {
    "aliases": {"csto": ["=CSTO", "=ОДКБ"]},
    "watchlists": [
        {"id": "csto", "title": "CSTO & allies", "query": "@csto"},
        {"id": "grain", "title": "Grain", "query": "grain"},
    ],
}
OPEN = {
    "web": {"public_url": "https://news.example"},
    "signup": {"mode": "open", "queries": True, "contact": "The news desk"},
}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Forty matches over four days, a tenth of them from the second feed; and as many entries again that do not match."""
    with room(tmp_path_factory.mktemp("watchlists"), FEEDS, WATCHLISTS, {}, **OPEN) as made:
        for n in range(36):
            at = START - timedelta(days=n % 4, hours=2)
            title = f"CSTO council number {n} meets" if n % 2 else f"Soldiers number {n} march"
            text = "They are of the CSTO." if not n % 2 else "Football is not played."
            made.items["a"] += [Item(f"a{n}", title, text, at), Item(f"w{n}", f"Weather report {n}", f"Rain {n}", at)]
        made.clock.advance(MINUTE)
        made.poll()
        for n in range(4):  # a poll later, so that they are the newest
            made.items["b"].append(Item(f"b{n}", f"Саміт ОДКБ нумар {n}", f"Савет {n}.", START - n * DAY))
        made.clock.advance(MINUTE)
        made.poll()
        yield made


def tried(place: Room, query: str, **more: object) -> str:
    return place.page(f"/watchlists/csto?{urlencode({'query': query, **more})}")


def test_every_watchlist_is_listed_with_its_numbers(place: Room) -> None:
    words = place.read("/watchlists")
    assert "CSTO & allies 10 today, 40 in 7 days, 40 in 30 days @csto" in words
    assert "Grain 0 today, 0 in 7 days, 0 in 30 days grain" in words
    assert 'href="/watchlists/csto"' in place.page("/watchlists")
    assert place.page("/watchlists").count('class="spark"') == 2
    [csto, grain] = re.findall(r'<path d="([^"]*)"/>', place.page("/watchlists"))
    assert (csto.count("M"), grain) == (4, "")  # a bar for each of the four days


def test_attention_is_shown_as_count_and_as_share_by_day_feed_language_and_country(place: Room) -> None:
    page = place.page("/watchlists/csto")
    words = read(page)
    assert "40 entries since Wednesday, 4 January 2023, 51 % of all 78." in words
    assert "2023-02-02 10 21 48 %" in words
    assert "By feed Feed Entries Share of the feed's" in words
    assert "БелТА 4 80 %" in words
    assert '=HYPERLINK("https://evil.example") 36 49 %' in words
    assert "be 4 80 %" in words
    assert "BY 40 51 %" in words
    assert "10 Jan: 0" not in page  # a bar of nothing is not drawn
    assert "<title>2 Feb: 10</title>" in page
    assert "<title>2 Feb: 48\u00a0%</title>" in place.page("/watchlists/csto?show=share")
    assert (
        len(re.findall('<th scope="row">2023-', place.page("/watchlists/csto?days=90")))
        + len(re.findall('<th scope="row">2022-', place.page("/watchlists/csto?days=90")))
        == 90
    )
    assert "<title>week of 27 Jan: " in place.page("/watchlists/csto?days=365")


def test_links_lead_to_other_spans_measures_listings_and_the_subscription(place: Room) -> None:
    page = place.page("/watchlists/csto?days=90")
    links = [html.unescape(found) for found in re.findall(r'href="(/[^"#]*)', page)]
    for path in (
        "/watchlists/csto", "/watchlists/csto?days=365", "/watchlists/csto?days=90&show=share", "/watchlists/csto.atom",
        "/watchlists/csto.json", "/watchlists/csto.csv", "/subscribe?watchlist=csto",
    ):  # fmt: skip
        assert path in links
        assert place.ask(path)[0].status == 200
    assert '<option value="csto" selected>' in place.page("/subscribe?watchlist=csto")
    assert '<option value="grain" selected>' in place.page("/subscribe?watchlist=grain")
    assert "selected>CSTO" not in place.page("/subscribe?watchlist=nothing")


def test_matches_say_why_and_are_read_page_by_page_to_the_end(place: Room) -> None:
    page = place.page("/watchlists/csto")
    assert "“ОДКБ” in the title (@csto)" in read(page)
    assert "“CSTO” in the text (@csto)" in read(page)
    assert len(re.findall(r"<li>\n<h3>", page)) == 30
    [older] = re.findall(r'href="([^"]+before=\d+)#matches"', page)
    second = place.page(html.unescape(older))
    assert len(re.findall(r"<li>\n<h3>", second)) == 10
    titles = re.findall(r'<h3><a href="([^"]+)"', page + second)
    assert len(set(titles)) == 40
    assert "before=" not in second


def test_a_changed_query_is_tried_on_what_is_stored(place: Room) -> None:
    words = read(page := tried(place, "@csto -football", days=30))
    assert "It would have brought 22 entries, 22 stories" in words
    assert "0 entries more, 18 entries dropped" in words
    assert "It would drop" in words
    assert "It would add" not in words
    assert "<mark>ОДКБ</mark>" in page
    words = read(tried(place, "@csto OR weather"))
    assert "It would have brought 76 entries, 76 stories" in words
    assert "36 entries more, 0 entries dropped" in words
    assert "It would add" in words
    assert "on the busiest day" in words
    assert "It is the query that the watchlist has." in read(tried(place, " @csto "))
    assert "stands in no stored entry" in read(tried(place, "@csto OR unicorns"))
    assert "It would have brought 0 entries, 0 stories" in read(tried(place, "unicorns"))
    assert place.app.stores.watch.matches("csto") != []


@pytest.mark.parametrize(
    "query",
    [
        "(CSTO",
        "",
        '"',
        "@nobody",
        "AND",
        "\0",
        "x" * 1001,
        "<script>alert(1)</script> AND",
        "a NEAR/0 ",
        "(" * 900,
        "\ud83d\ude00 OR",
    ],
)
def test_a_query_that_does_not_parse_is_shown_with_a_caret(place: Room, query: str) -> None:
    response, page = place.ask(f"/watchlists/csto?query={quote(query, errors='surrogatepass')}")
    assert response.status == 200
    assert "<script>alert" not in page
    if query != "x" * 1001:
        assert "The query does not parse" in page
        assert re.search(r"<pre>[^<]*\n *\^</pre>", page)
        assert "character " in page
        assert "config/watchlists.yaml" not in read(page).partition("The query does not parse")[2]


@pytest.mark.parametrize("query", ["@csto -football", "it's OR \"don't\"", "weather\n  OR rain", "'grain'"])
def test_the_lines_shown_are_lines_of_the_file(place: Room, tmp_path: Path, query: str) -> None:
    page = tried(place, query)
    shown = html.unescape(re.findall(r"<pre>(  - id: [^<]*)</pre>", page)[0])
    (tmp_path / "config").mkdir()
    (tmp_path / "config/watchlists.yaml").write_text(f"aliases: {{csto: ['=CSTO']}}\nwatchlists:\n{shown}\n")
    [read_back] = settings.load(tmp_path, {}).watchlists
    assert (read_back.id, read_back.title) == ("csto", "CSTO & allies")
    assert read_back.query == " ".join(query.split())


def test_a_query_that_finds_too_much_or_takes_too_long_is_ended_and_the_page_says_where(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "MOST", 7)
    words = read(tried(place, "weather OR @csto"))
    assert "It would have brought at least 7 entries, 7 stories" in words
    assert "The search was ended early; it went back to 2 February 2023, 12:01 UTC." in words
    assert "Against the present query, back to 2 February 2023, 12:01 UTC:" in words
    # The newest are the four of the second feed, which both find; then every other entry is one of the weather.
    assert re.search(r"[123] entr(y|ies) more, 0 entries dropped", words)
    monkeypatch.setattr(trying, "CHANGED", 0.0)
    assert "It would have brought at least 0 entries, 0 stories" in read(tried(place, "url:nowhere"))


def test_the_command_gives_the_same_answer(place: Room) -> None:
    home = place.app.configuration.home.path
    said = done(home, "watch", "backtest", "csto", "@csto OR weather").out
    assert "36 entries enter" in said
    assert "0 entries leave" in said


def test_the_numbers_are_a_table_that_is_no_formula(place: Room) -> None:
    response, text = place.ask("/watchlists/csto.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="csto.csv"'
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["day", "feed", "feed_title", "country", "language", "entries", "all_entries"]
    assert sum(int(row["entries"]) for row in rows) == 40
    assert {row["feed_title"] for row in rows} == {'\'=HYPERLINK("https://evil.example")', "БелТА"}
    assert {(row["country"], row["language"]) for row in rows} == {("BY", "en"), ("BY", "be")}
    assert [row["day"] for row in rows] == sorted(row["day"] for row in rows)
    assert {int(row["all_entries"]) for row in rows if row["feed"] == "a" and row["day"] < "2023-02-02"} == {18}
    assert place.ask("/watchlists/csto.csv", "HEAD")[0].status == 200


@pytest.mark.parametrize(
    "path", ["nothing", "nothing.csv", "nothing.atom", "CSTO", "csto.xml", "%2e%2e", "csto%00", "csto.csv.csv"]
)
def test_what_is_no_watchlist_of_the_files_is_404(place: Room, path: str) -> None:
    assert place.ask(f"/watchlists/{path}")[0].status == 404


def test_readers_own_watchlists_have_no_page(place: Room) -> None:
    line = place.app.subscribe
    line.add(
        "anna@example.org",
        line.choice({"query": "tractors", "rhythm": "hourly", "timezone": "UTC"}),
        Asker("command line"),
    )
    place.app.following.attend()
    [own] = place.app.stores.watch.of_readers()
    for path in (own.id, f"{own.id}.csv", f"{own.id}?query=x"):
        assert place.ask(f"/watchlists/{path}")[0].status == 404
    assert own.id not in place.page("/watchlists")
    assert "tractors" not in place.page("/watchlists")


@pytest.mark.parametrize(
    "asked",
    ["days=7", "days=x", "show=x", "before=x", "before=-1", f"before={'9' * 40}", "before=%D9%A1", "days=30&days=90"],
)
def test_an_odd_address_is_the_page_as_it_is_without(place: Room, asked: str) -> None:
    assert "40 entries since" in place.read(f"/watchlists/csto?{asked}")


def test_a_page_stays_the_same_until_what_it_shows_changes(tmp_path: Path) -> None:
    with room(tmp_path, FEEDS, WATCHLISTS, {}, **OPEN) as made:
        made.publish("CSTO council meets")
        paths = ("/watchlists", "/watchlists/csto", "/watchlists/csto?days=90&show=share")
        tags = {path: made.ask(path)[0].headers["ETag"] for path in paths}
        assert [made.ask(path, If_None_Match=tags[path])[0].status for path in paths] == [304, 304, 304]
        made.publish("Weather")  # which makes the share smaller
        assert [made.ask(path, If_None_Match=tags[path])[0].status for path in paths] == [304, 200, 200]
        assert "1 entry since" in made.read("/watchlists/csto")
        made.publish("CSTO council speaks")
        assert "2 entries since" in made.read("/watchlists/csto")
        assert "2 today" in made.read("/watchlists")
        began = made.clock.now()
        made.app.stores.signals.begin(Signal(0, "burst", "csto", "", began, began, 9, 1.5, ""))
        for path in ("/watchlists", "/watchlists/csto"):
            assert "Burst since 2 February 2023, 12:03 UTC: 9 entries, usually 2" in made.read(path)
        made.app.stores.signals.end(made.app.stores.signals.list()[0].id, made.clock.now() + 3 * HOUR)
        words = made.read("/watchlists/csto")
        assert "Burst since" not in words
        assert "Burst from 2 February 2023, 12:03 UTC to 2 February 2023, 15:03 UTC: 9 entries, usually 2" in words
        made.clock.advance(DAY)
        assert "0 today, 2 in 7 days" in made.read("/watchlists")


def test_nothing_found_and_nothing_configured_are_said_in_words(tmp_path: Path) -> None:
    with room(tmp_path, {"a": {}}, {}, {}) as made:
        assert "There is no watchlist yet." in made.read("/watchlists")
        assert "There is no watchlist yet." in made.read("/")
    (tmp_path / "two").mkdir()
    with room(tmp_path / "two", {"a": {}}, WATCHLISTS, {}) as made:
        words = made.read("/watchlists/grain")
        assert "Nothing has been found yet." in words
        assert "By feed" not in words
        assert re.search(r"0 of \d+ entr(y|ies) since", words)
        assert "<figure" not in made.page("/watchlists/grain")
        assert "Subscribe" not in words
