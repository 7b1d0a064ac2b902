"""Listings for feed readers over real HTTP: what they hold, validators, and our own poller as their reader."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a feed reader
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from aggregator.app import App, build
from aggregator.web.server import WebThread
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, done, write_home
from tests.feedrules import atom_faults, json_faults

A = "{http://www.w3.org/2005/Atom}"
DRILL = "CSTO soldiers begin a drill near Minsk"
LONG = "Soldiers of six countries began a drill near Minsk on Thursday. " * 50


class Site:
    """A home whose pages are served, and the wire it polls."""

    def __init__(self, home: Path, app: App, url: str, wire: Wire) -> None:
        self.home, self.app, self.url, self.wire = home, app, url.rstrip("/"), wire

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def titles(self, path: str) -> list[str]:
        response, text = self.ask(path)
        assert response.status == 200, text
        if path.partition("?")[0].endswith(".json"):
            return [item["title"] for item in json.loads(text)["items"]]
        return [e.findtext(f"{A}title") or "" for e in ET.fromstring(text).findall(f"{A}entry")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FeedServer() as server:
        wire, echo = Wire("wire", "CSTO meets & talks", "Weather"), Wire("echo")
        for one in (wire, echo):
            one.add(DRILL, text=LONG)
        feeds = {"wire": server.add("/wire", wire), "echo": server.add("/echo", echo)}
        home = write_home(tmp_path / "site", feeds, settings={"web": {"public_url": "https://news.example"}})
        done(home, "poll")
        with build(home, {}) as app:
            app.sync()
            thread = WebThread(app, "127.0.0.1", 0)
            thread.start()
            yield Site(home, app, thread.url, wire)
            thread.stop()


@pytest.mark.parametrize("form", ["atom", "json"])
def test_a_watchlist_a_digest_and_a_search_are_listed_one_entry_a_story(site: Site, form: str) -> None:
    assert site.titles(f"/digests/morning.{form}") == []
    done(site.home, "digest", "morning")
    found = ["CSTO meets & talks", DRILL]
    assert sorted(site.titles(f"/watchlists/csto.{form}")) == found
    assert sorted(site.titles(f"/digests/morning.{form}")) == found
    assert sorted(site.titles(f"/search.{form}?q={quote('@csto')}")) == found
    assert site.titles(f"/search.{form}?q=weather") == ["Weather"]


def test_what_is_served_is_valid_by_the_rules_of_both_formats(site: Site) -> None:
    done(site.home, "digest", "morning")
    for path in ("/watchlists/csto", "/digests/morning", "/search"):
        query = "?q=csto" if path == "/search" else ""
        assert atom_faults(site.ask(f"{path}.atom{query}")[1].encode()) == []
        assert json_faults(site.ask(f"{path}.json{query}")[1].encode()) == []


def test_a_story_names_its_outlets_and_a_short_excerpt(site: Site) -> None:
    _, text = site.ask("/watchlists/csto.json")
    [item] = [item for item in json.loads(text)["items"] if item["title"] == DRILL]
    assert f"echo: {DRILL}" in item["content_html"] or f"wire: {DRILL}" in item["content_html"]
    assert item["authors"][0]["name"] in item["url"]
    assert len(item["summary"]) <= 300
    assert len(text) < 5_000
    _, text = site.ask("/search.atom?q=drill")
    assert len(ET.fromstring(text).findtext(f"{A}entry/{A}summary") or "") <= 300


def test_links_to_ourselves_come_of_the_public_url_and_not_of_the_request(site: Site) -> None:
    _, text = site.ask("/watchlists/csto.atom", Host="evil.example")
    assert "evil.example" not in text
    assert 'href="https://news.example/watchlists/csto.atom"' in text
    _, text = site.ask(f"/search.atom?q={quote('@csto -ОДКБ')}")
    assert f'href="https://news.example/search.atom?q={quote("@csto -ОДКБ", safe="")}"' in text


def test_what_a_reader_has_is_not_sent_again_until_there_is_news(site: Site) -> None:
    response, _ = site.ask("/watchlists/csto.atom")
    tag, since = response.headers["ETag"], response.headers["Last-Modified"]
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for headers in (
        {"If_None_Match": tag},
        {"If_None_Match": f'"other", W/{tag}'},
        {"If_Modified_Since": since},
        {"If_None_Match": tag, "If_Modified_Since": "Thu, 02 Feb 2012 00:00:00 GMT"},
    ):
        response, text = site.ask("/watchlists/csto.atom", **headers)
        assert (response.status, text, response.headers["ETag"]) == (304, "", tag)
    for headers in ({"If_None_Match": '"other"', "If_Modified_Since": since}, {"If_Modified_Since": "soon"}):
        assert site.ask("/watchlists/csto.atom", **headers)[0].status == 200
    site.wire.add("CSTO summit")
    done(site.home, "poll", "--all")
    response, text = site.ask("/watchlists/csto.atom", If_None_Match=tag)
    assert response.status == 200
    assert "CSTO summit" in text
    head, nothing = site.ask("/watchlists/csto.atom", "HEAD")
    assert (head.status, nothing, head.headers["ETag"]) == (200, "", response.headers["ETag"])


@pytest.mark.parametrize(
    "path",
    [
        "/watchlists/nothing.atom",
        "/watchlists/csto.rss",
        "/digests/evening.json",
        "/search.html?q=a",
    ],
)
def test_what_there_is_not_is_404(site: Site, path: str) -> None:
    assert site.ask(path)[0].status == 404


@pytest.mark.parametrize("query", ["", "csto AND", "(minsk", "@nobody", "%00", "a" * 5_000])
def test_a_broken_query_is_shown_with_a_caret(site: Site, query: str) -> None:
    response, text = site.ask(f"/search.atom?q={query if query == '%00' else quote(query)}")
    assert response.status == 400, text[:300]
    assert response.headers["Content-Type"].startswith("text/plain")
    assert text.rstrip("\n").endswith("^")


def test_our_own_poller_reads_it_as_a_feed_and_gets_304_where_nothing_is_new(site: Site, tmp_path: Path) -> None:
    done(site.home, "digest", "morning")
    paths = {"list": "/watchlists/csto.atom", "digest": "/digests/morning.json", "search": "/search.json?q=csto"}
    other = write_home(tmp_path / "other", {name: site.url + path for name, path in paths.items()})
    first = {line["feed_id"]: line for line in done(other, "poll", "--json").lines if "feed_id" in line}
    assert {(f["outcome"], f["entries_new"]) for f in first.values()} == {("new", 2)}
    second = {line["feed_id"]: line for line in done(other, "poll", "--all", "--json").lines if "feed_id" in line}
    assert {f["outcome"] for f in second.values()} == {"not_modified"}
    entries = [e for e in done(other, "entries", "--json").lines if e["feed_id"] == "list"]
    assert {e["guid"].rpartition("/")[0] for e in entries} == {"tag:news.example,2026:story"}
    assert {urlsplit(e["link"]).hostname for e in entries} <= {"wire.example", "echo.example"}
    stories = done(other, "stories", "--json").lines
    assert len(stories) == 2, "the same story in three listings is one"


def test_the_command_writes_what_the_pages_serve(site: Site, tmp_path: Path) -> None:
    served = site.ask("/watchlists/csto.atom")[1]
    assert done(site.home, "syndicate", "watchlist", "csto").out == served
    out = tmp_path / "csto.json"
    done(site.home, "syndicate", "search", "@csto", "--format", "json", "--out", str(out))
    assert out.read_text("utf-8") == site.ask("/search.json?q=%40csto")[1]
    unknown = aggregator(site.home, "syndicate", "digest", "evening")
    assert unknown.code == 2
    assert "no digest 'evening'; there are: morning" in unknown.err
    broken = aggregator(site.home, "syndicate", "search", "csto AND")
    assert broken.code == 2
    assert "^" in broken.err
