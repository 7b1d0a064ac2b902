"""Finding, adding, importing and exporting feeds, as a person does it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.feeds import opml
from aggregator.model import FeedSpec
from aggregator.settings import Configuration, load, same_url
from tests.conformance.feedserver import Behaviour, FeedServer, document, redirect, status
from tests.counts import count
from tests.e2e.program import Wire, aggregator, done, rows, write_home
from tests.unit.test_opml import ADDRESSES, FEEDS, HOSTILE


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_home(tmp_path / "home", {})


def page(text: str, encoding: str = "utf-8", label: str = "") -> Behaviour:
    kind = "text/html" + (f"; charset={label}" if label else "")
    return document(text.encode(encoding), headers=[("Content-Type", kind)])


# -- discover --------------------------------------------------------------------------------------------------------

LINK = "<link rel=alternate type='application/rss+xml' title='{}' href='{}'>"


def test_a_page_in_any_encoding_lists_its_feeds_by_title(home: Path, server: FeedServer) -> None:
    text = f"<html><head><title>Навіны</title>{LINK.format('Навіны Беларусі і АДКБ', 'rss')}</head><body>Тэкст</body>"
    for path, encoding, label in (("/a/", "cp1251", "windows-1251"), ("/a/b", "utf-8", ""), ("/a/c", "koi8-u", "")):
        head = text.replace("<head>", f"<head><meta charset={encoding}>") if not label else text
        found = done(home, "feeds", "discover", server.add(path, page(head, encoding, label)))
        assert found.out == f"{server.url('/a/rss')}\tНавіны Беларусі і АДКБ\tapplication/rss+xml\n"


def test_links_are_seen_from_where_the_redirect_ends(home: Path, server: FeedServer) -> None:
    server.add("/new/place/", page(LINK.format("x", "rss")))
    found = done(home, "feeds", "discover", server.add("/old", redirect("/new/place/", 301)), "--json").lines
    assert found == [{"url": server.url("/new/place/rss"), "title": "x", "type": "application/rss+xml"}]
    assert [r.path for r in server.requests] == ["/old", "/new/place/"], "nothing else is asked for"


@pytest.mark.parametrize(("code", "ends"), [(301, "/feed"), (308, "/feed"), (302, "/moved"), (307, "/moved")])
def test_a_feed_lists_itself_where_it_lives(home: Path, server: FeedServer, code: int, ends: str) -> None:
    server.add("/feed", Wire("Навіны", "CSTO"))
    found = done(home, "feeds", "discover", server.add("/moved", redirect("/feed", code)))
    assert found.out == f"{server.url(ends)}\tНавіны\tapplication/rss+xml\n"
    assert "is a feed itself" in found.err


def test_the_type_of_a_feed_is_that_of_its_format(home: Path, server: FeedServer) -> None:
    atom = b"<feed xmlns='http://www.w3.org/2005/Atom'><title>A</title><entry><id>1</id><title>x</title></entry></feed>"
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{"id": "1", "content_text": "x"}]}
    kinds = [
        done(home, "feeds", "discover", server.add("/feed", document(body)), "--json").lines[0]["type"]
        for body in (atom, json.dumps(feed).encode())
    ]
    assert kinds == ["application/atom+xml", "application/feed+json"]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (page("<!doctype html><html><p>Hello"), "the page names no feed"),
        (document(b"just text"), "neither RSS, RDF, Atom nor JSON Feed"),
        (document(b""), "empty document"),
        (status(404), "404"),
        (status(503), "503"),
        (redirect("/x"), "circle"),
        (redirect("ftp://x.by/"), "only http and https"),
    ],
)
def test_what_names_no_feed_says_so_in_one_line(
    home: Path, server: FeedServer, behaviour: Behaviour, words: str
) -> None:
    refused = aggregator(home, "feeds", "discover", server.add("/x", behaviour))
    assert (refused.code, refused.out) == (1, "")
    assert words in refused.err
    assert refused.err.count("\n") == 1
    assert refused.err.startswith(f"aggregator: {server.url('/x')}: ")


def test_a_secret_in_the_address_is_not_repeated(home: Path, server: FeedServer) -> None:
    refused = aggregator(home, "feeds", "discover", server.add("/x?token=s3cret", status(404)))
    assert refused.code == 1
    assert "s3cret" not in refused.text


# -- add -------------------------------------------------------------------------------------------------------------


def test_a_feed_is_added_once_in_whatever_spelling_and_comments_stay(home: Path) -> None:
    before = "# ours\nfeeds:  # all of them\n- url: https://a.example/rss  # the first\n  id: first\n\n# the end\n"
    (home / "feeds.yaml").write_text(before)
    assert done(home, "feeds", "add", "https://b.example/rss", "--title", "Б & <b>").out == "b-example\n"
    after = (home / "feeds.yaml").read_text()
    assert "# ours\nfeeds:  # all of them\n- url: https://a.example/rss  # the first\n  id: first\n" in after
    assert "# the end" in after
    for spelling in ("https://a.example/rss", "HTTPS://A.example:443/rss", "https://a.example/rss#top"):
        again = aggregator(home, "feeds", "add", spelling)
        assert (again.code, again.err.count("\n")) == (2, 1)
        assert "feeds.yaml already: the feed first" in again.err
    assert (home / "feeds.yaml").read_text() == after


def test_an_address_that_is_none_is_one_clear_line(home: Path) -> None:
    for address in ("example.org", "ftp://example.org/", "https://user:s3cret@example.org/", "https://a b/"):
        refused = aggregator(home, "feeds", "add", address)
        assert refused.code == 2
        assert refused.err.count("\n") == 1
        assert "s3cret" not in refused.text
    assert yaml.safe_load((home / "feeds.yaml").read_text())["feeds"] == []


@pytest.mark.parametrize("words", [["pause"], ["resume"], ["show"], ["show", "--json"], ["remove"]])
def test_a_feed_that_is_not_there_is_one_clear_line(home: Path, words: list[str]) -> None:
    unknown = aggregator(home, "feeds", words[0], "nobody", *words[1:])
    assert (unknown.code, unknown.out, unknown.err.count("\n")) == (2, "", 1)
    assert "no feed 'nobody'" in unknown.err


# -- import and export -----------------------------------------------------------------------------------------------

LIST = """<opml version="2.0"><body>
<outline text="Agencies"><outline text="One" xmlUrl="https://one.example/rss" category="state" language="en"
  htmlUrl="https://one.example/"/></outline>
<outline text="Here" xmlUrl="HTTPS://here.example:443/rss"/>
<outline text="One more time" xmlUrl="https://ONE.example/rss#x"/>
<outline text="Secret" xmlUrl="https://user:s3cret@three.example/rss"/>
<outline text="File" xmlUrl="file:///etc/passwd"/>
<outline text="Two" xmlUrl="https://two.example/rss?token=s3cret"/>
</body></opml>"""


def test_a_dry_run_says_what_would_be_added_and_touches_nothing(home: Path, tmp_path: Path) -> None:
    (home / "feeds.yaml").write_text("feeds:\n- url: https://here.example/rss\n  id: here\n")
    shutil.rmtree(home / "var", ignore_errors=True)
    file = tmp_path / "in.opml"
    file.write_text(LIST)
    before = {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}
    dry = aggregator(home, "feeds", "import", str(file), "--dry-run")
    assert dry.code == 1
    assert [line.split()[0] for line in dry.out.splitlines()] == ["one-example", "two-example"]
    assert dry.err.splitlines() == [
        "line 4: left out HTTPS://here.example:443/rss: is in feeds.yaml already: the feed here",
        "line 5: left out https://ONE.example/rss#x: stands in line 2 already",
        (
            "line 6: left out https://***@three.example/rss: take the name and password out of the address; they would show "
            "in every list and log (a feed has keys of its own for them: `username` and `password_file`)"
        ),
        "line 7: left out file:///etc/passwd: its address is not of the form http:// or https://",
        "2 feeds would be added, 1 were there already, 1 twice in the file, 2 cannot be taken; nothing was changed",
    ]
    listed = aggregator(home, "feeds", "import", str(file), "--dry-run", "--json").lines
    assert [row["outcome"] for row in listed] == ["new", "known", "repeated", "refused", "refused", "new"]
    assert {p: p.read_bytes() for p in home.rglob("*") if p.is_file()} == before
    assert "s3cret" not in dry.text + json.dumps(listed)


def test_an_import_takes_what_it_can_and_says_what_not(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.opml"
    file.write_text(LIST)
    first = aggregator(home, "feeds", "import", str(file), "--json")
    assert first.code == 1
    assert [(row["outcome"], row["id"]) for row in first.lines] == [
        ("added", "one-example"),
        ("added", "here-example"),
        ("repeated", ""),
        ("refused", ""),
        ("refused", ""),
        ("added", "two-example"),
    ]
    assert first.lines[0] == {
        "line": 2,
        "outcome": "added",
        "id": "one-example",
        "url": "https://one.example/rss",
        "title": "One",
        "tags": ["Agencies", "state"],
        "language": "en",
        "homepage": "https://one.example/",
        "reason": "",
    }
    loaded = load(home, {})
    assert loaded.feeds[0] == FeedSpec(
        "one-example", "https://one.example/rss", "One", "en", tags=("Agencies", "state")
    )
    assert loaded.homepages == {"one-example": "https://one.example/"}
    assert "0 feeds added, 3 were there already" in aggregator(home, "feeds", "import", str(file)).err
    assert "s3cret" not in first.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_changes_nothing(home: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "in.opml"
    file.write_bytes(HOSTILE[name][0])
    before = (home / "feeds.yaml").read_bytes()
    refused = aggregator(home, "feeds", "import", str(file))
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert (home / "feeds.yaml").read_bytes() == before


def known(configuration: Configuration) -> list[tuple[object, ...]]:
    homepages = configuration.homepages
    return [(f.id, f.url, f.title, f.tags, f.language, homepages.get(f.id, "")) for f in configuration.feeds]


@settings(max_examples=count(10, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(FEEDS, st.one_of(st.just(""), ADDRESSES)),
        max_size=8,
        unique_by=(lambda p: p[0].id, lambda p: same_url(p[0].url)),
    )
)
def test_an_export_imported_into_an_empty_home_gives_the_same_feeds(
    tmp_path: Path, pairs: list[tuple[FeedSpec, str]]
) -> None:
    first, second = (write_home(tmp_path / name, {}) for name in ("first", "second"))
    written = opml.render([feed for feed, _ in pairs], homepages={feed.id: homepage for feed, homepage in pairs})
    (tmp_path / "a.opml").write_text(written, encoding="utf-8")
    done(first, "feeds", "import", str(tmp_path / "a.opml"))
    assert known(load(first, {})) == [(f.id, f.url, f.title, f.tags, f.language, homepage) for f, homepage in pairs]
    exported = done(first, "feeds", "export").out
    assert exported == written
    done(second, "feeds", "import", "-", stdin=exported)
    assert known(load(second, {})) == known(load(first, {}))


def test_two_of_a_kind_in_one_line_are_two_of_a_kind(home: Path, tmp_path: Path) -> None:
    (tmp_path / "in.opml").write_text("<opml>" + "<outline xmlUrl='https://a.example/rss'/>" * 2 + "</opml>")
    assert "1 feed added, 0 were there already, 1 twice" in done(home, "feeds", "import", str(tmp_path / "in.opml")).err


def test_five_thousand_feeds_come_in_at_once(home: Path, tmp_path: Path) -> None:
    outlines = "".join(f"<outline text='Feed {n}' xmlUrl='https://h{n}.example/rss'/>" for n in range(5_000))
    (tmp_path / "in.opml").write_text(f"<opml><body>{outlines}</body></opml>")
    assert "5,000 feeds added" in done(home, "feeds", "import", str(tmp_path / "in.opml")).err


def test_an_import_of_fifty_feeds_alerts_of_nothing(tmp_path: Path, server: FeedServer) -> None:
    now = {"id": "now", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": ["desk@example.org"]}
    home = write_home(tmp_path / "home", {}, digests={"digests": [now]})
    wires = [Wire(f"wire{n}", f"CSTO meets in town {n}", f"ОДКБ проведёт учения {n}") for n in range(50)]
    urls = [server.add(f"/{n}", wire) for n, wire in enumerate(wires)]
    outlines = "".join(f"<outline text='{n}' xmlUrl='{url}'/>" for n, url in enumerate(urls))
    (tmp_path / "in.opml").write_text(f"<opml><body>{outlines}</body></opml>")
    assert len(done(home, "feeds", "import", str(tmp_path / "in.opml")).out.split()) == 50
    done(home, "poll")
    assert aggregator(home, "digest", "now", "--send").code == 0
    done(home, "send", "--once")
    assert (rows(home), rows(home, "matches"), rows(home, "messages")) == (100, 100, 0)
    wires[0].add("CSTO again")
    done(home, "poll", "--all")
    aggregator(home, "digest", "now", "--send")
    assert rows(home, "messages") == 1, "and what comes after that is news"
