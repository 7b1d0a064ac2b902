"""Every command as a person and a program use it: fields, words, exit codes, and what lies in the home afterwards."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from aggregator.cli import COMMANDS
from aggregator.sample.sink import Sink
from tests import stored
from tests.conformance.feedserver import FeedServer, document, status
from tests.e2e.program import (
    Wire,
    aggregator,
    done,
    environment,
    everything,
    rows,
    smtp,
    write_home,
)

ENTRY = [
    "id",
    "feed_id",
    "feed_url",
    "guid",
    "link",
    "title",
    "summary",
    "content",
    "author",
    "categories",
    "language",
    "published_at",
    "updated_at",
    "sort_at",
    "first_seen_at",
    "revisions",
    "story_id",
]
STORY = ["id", "title", "entries", "feeds", "first_seen_at"]
STORY_ENTRY = ["id", "feed_id", "guid", "link", "title", "published_at"]
FEED = {"id", "url", "state", "error_class", "error", "last_ok_at", "next_poll_at", "entries", "failures"}


@dataclass
class World:
    """A home with two good feeds and two that fail, and the wire they come over."""

    home: Path
    server: FeedServer
    wire: Wire


def make_world(home: Path, server: FeedServer) -> World:
    wire = Wire("wire", "CSTO meets in Minsk", "Town budget is late", "ОДКБ проведёт учения")
    feeds = {
        "wire": server.add("/wire", wire),
        "copy": server.add("/copy?token=s3cret", Wire("copy", "CSTO meets in Minsk")),
        "html": server.add(
            "/html", document(b"<!doctype html><html><p>Hello", headers=[("Content-Type", "text/html")])
        ),
        "broken": server.add("/broken", status(500)),
    }
    return World(write_home(home, feeds), server, wire)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Polled once; tests that use it only look."""
    with FeedServer() as server:
        world = make_world(tmp_path_factory.mktemp("read"), server)
        polled = done(world.home, "poll")
        assert "wire: 3 new, 2 matches" in polled.out
        assert re.search(r"html: failed: not_a_feed: .*next try \d", polled.out)
        assert f"broken: failed: http_5xx: {server.url('/broken')}: the server answered 500" in polled.out
        assert "4 feeds polled: 2 read, 0 not modified, 0 same bytes, 2 failed; 4 new entries, 3 matches" in polled.err
        yield world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One to change; the failing feeds are left out."""
    with FeedServer() as server:
        wire = Wire("wire", "CSTO meets in Minsk", "Town budget is late")
        home = write_home(tmp_path / "home", {"wire": server.add("/wire", wire)})
        done(home, "poll")
        yield World(home, server, wire)


# -- what programs read: a contract (DESIGN §6) --------------------------------------------------------------------------


def test_entries(read: World) -> None:
    entries = done(read.home, "entries", "--json").lines
    assert len(entries) == 4
    assert all(list(e) == ENTRY for e in entries)
    [one] = [e for e in entries if e["title"] == "ОДКБ проведёт учения"]
    assert one["feed_id"] == "wire"
    assert one["guid"] == "ОДКБ проведёт учения"
    assert one["link"].startswith("https://wire.example/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["published_at"])
    assert one["language"] == "ru"
    assert one["revisions"] == 1
    assert {e["feed_id"] for e in done(read.home, "entries", "--feed", "copy", "--json").lines} == {"copy"}
    assert len(done(read.home, "entries", "--since", "1h", "--json").lines) == 4
    assert done(read.home, "entries", "--since", "2999-01-01").out == ""
    assert "ОДКБ проведёт учения" in done(read.home, "entries").out
    assert "s3cret" not in done(read.home, "entries", "--json").text


def test_stories(read: World) -> None:
    stories = done(read.home, "stories", "--json").lines
    assert all(list(s) == STORY for s in stories)
    assert all(list(e) == STORY_ENTRY for s in stories for e in s["entries"])
    [both] = [s for s in stories if s["feeds"] == 2]
    assert {e["feed_id"] for e in both["entries"]} == {"wire", "copy"}
    assert sum(len(s["entries"]) for s in stories) == 4
    assert "CSTO meets in Minsk  (+ 1 outlet)" in done(read.home, "stories").out


def test_a_story_tells_who_was_first_and_why_the_others_belong_to_it(read: World) -> None:
    [both] = [s for s in done(read.home, "stories", "--json").lines if s["feeds"] == 2]
    [told] = done(read.home, "stories", "show", str(both["id"]), "--json").lines
    assert list(told) == STORY
    first, second = told["entries"]
    assert list(first) == [
        *("id", "feed_id", "feed_title", "guid", "link", "title", "published_at", "first_seen_at"),
        *("lag_seconds", "reason", "score"),
    ]
    assert {first["reason"], second["reason"]} == {"first", "title"}
    assert first["lag_seconds"] == 0
    assert second["lag_seconds"] >= 0
    shown = done(read.home, "stories", "show", str(both["id"])).out
    assert "2 entries of 2 outlets" in shown
    assert "the same headline" in shown
    for bad, words in (
        (["show", "99999"], "`aggregator stories` lists them"),
        (["--json", "show", "1"], "stand behind it"),
    ):
        refused = aggregator(read.home, "stories", *bad)
        assert refused.code == 2
        assert words in refused.err


def test_feeds(read: World) -> None:
    feeds = {f["id"]: f for f in done(read.home, "feeds", "list", "--json").lines}
    assert list(feeds) == sorted(feeds)
    assert all(set(f) >= FEED for f in feeds.values())
    assert feeds["wire"]["state"] == "ok"
    assert feeds["wire"]["entries"] == 3
    assert feeds["html"]["state"] != "ok"
    assert feeds["html"]["error_class"] == "not_a_feed"
    assert feeds["html"]["last_ok_at"] is None
    assert feeds["broken"]["failures"] == 1
    shown = done(read.home, "feeds", "show", "broken").out
    assert "http_5xx" in shown
    assert done(read.home, "feeds", "show", "wire", "--json").lines[0]["etag"] == '"3"'
    table = done(read.home, "feeds", "list").text
    assert "broken" in table
    assert "s3cret" not in table + shown + done(read.home, "feeds", "list", "--json").out
    assert aggregator(read.home, "feeds", "show", "nobody").code == 2


def test_search(read: World) -> None:
    found = done(read.home, "search", "@csto", "--json").lines
    assert {f["title"] for f in found} == {"CSTO meets in Minsk", "ОДКБ проведёт учения"}
    assert all(list(f) == [*ENTRY, "spans"] for f in found)
    assert {"field": "title", "start": 0, "end": 4, "term": "=ОДКБ", "alias": "csto"} in found[0]["spans"] + found[-1][
        "spans"
    ]
    assert [f["id"] for f in found] == sorted((f["id"] for f in found), reverse=True)
    assert len(done(read.home, "search", "@csto", "--json", "--limit", "1").lines) == 1
    assert "nothing found" in done(read.home, "search", "nothing").err
    assert "reported at length" in done(read.home, "search", "length").out
    bad = aggregator(read.home, "search", "Minsk AND (CSTO")
    assert bad.code == 2
    assert bad.err.splitlines()[1:] == ["Minsk AND (CSTO", "          ^"]


def test_numbers(read: World) -> None:
    stats = done(read.home, "stats", "--json").lines[0]
    assert stats["entries"] == 4
    assert stats["matches"] == {"csto": 3}
    assert re.search(r"^entries +4$", done(read.home, "stats").out, re.MULTILINE)


def test_why(read: World) -> None:
    ids = {e["title"]: str(e["id"]) for e in done(read.home, "entries", "--feed", "wire", "--json").lines}
    yes = done(read.home, "why", ids["ОДКБ проведёт учения"], "csto").out
    assert "title" in yes
    assert "=ОДКБ" in yes
    assert "@csto" in yes
    no = aggregator(read.home, "why", ids["Town budget is late"], "csto")
    assert no.code == 1
    assert "does not match" in no.out
    assert aggregator(read.home, "why", "999", "csto").code == 2
    assert "there are: csto" in aggregator(read.home, "why", "1", "nato").err


def test_watch(read: World) -> None:
    assert done(read.home, "watch", "list", "--json").lines == [
        {"id": "csto", "title": "CSTO", "query": "@csto", "matches": 3}
    ]
    assert "3 entries in 30 days" in done(read.home, "watch", "test", "csto").err
    assert "1 entry in 1 day" in done(read.home, "watch", "test", "budget", "--days", "1").err
    days = done(read.home, "watch", "backtest", "csto", "--json").lines
    assert days[0]["entries"] == 3
    changed = done(read.home, "watch", "backtest", "csto", "budget OR =ОДКБ").out
    assert "1 entry enters with the new query" in changed
    assert "2 entries leave with the new query" in changed
    kinds = [line.get("change") for line in done(read.home, "watch", "backtest", "csto", "budget", "--json").lines]
    assert kinds == [None, "enters", "leaves", "leaves", "leaves"]
    assert done(read.home, "watch", "lint").code == 0
    lint = aggregator(read.home, "watch", "lint", "cat and dog")
    assert lint.code == 1
    assert lint.out.splitlines()[:2] == [
        "warning: cat and dog",
        '             ^ "and" is a word here; the operator is written AND',
    ]
    [told] = aggregator(read.home, "watch", "lint", "集体 and b", "--json").lines
    assert told == {"query": "集体 and b", "pos": 3, "message": '"and" is a word here; the operator is written AND'}
    assert "             ^" in aggregator(read.home, "watch", "lint", "集体 and b").out, "wide letters take two columns"


def test_a_backtest_of_a_home_that_slept_looks_back_from_its_newest_entry(world: World) -> None:
    with stored.opened(world.home) as conn:
        conn.execute("UPDATE entries SET first_seen_at = '2020-01-01T00:00:00.000000Z'")
    for command in ("test", "backtest"):
        result = done(world.home, "watch", command, "csto", "--days", "7")
        assert "nothing has come in since 2020-01-01 00:00 UTC; looking back from there" in result.err
        assert "1 entry in 7 days" in result.out + result.err


def test_why_in_json_says_where_and_what_is_missing(read: World) -> None:
    [hit, *_] = done(read.home, "search", "=CSTO", "--json").lines
    [told] = done(read.home, "why", str(hit["id"]), "csto", "--json").lines
    assert told["matched"]
    assert {"field": "title", "words": "CSTO", "position": 1, "term": "=CSTO", "alias": "csto"} in told["evidence"]
    [miss, *_] = done(read.home, "search", "budget", "--json").lines
    result = aggregator(read.home, "why", str(miss["id"]), "csto", "--json")
    assert result.code == 1
    assert result.lines[0]["missing"]


def test_lint_holds_terms_against_what_is_stored(tmp_path: Path) -> None:
    titles = [f"Minister {'speaks' if n % 2 else 'travels'}, item {n}" for n in range(30)]
    with FeedServer() as server:
        home = write_home(tmp_path / "home", {"wire": server.add("/wire", Wire("wire", *titles))})
        done(home, "poll")
        found = aggregator(
            home, "watch", "lint", "title:minister OR unicorn OR travels NOT body:dragon", "--json"
        ).lines
        assert [(f["pos"], f["message"]) for f in found] == [
            (6, "title:minister stands in 30 of the newest 30 entries"),
            (18, "unicorn stands in no stored entry"),
            (46, "body:dragon stands in no stored entry"),
        ]
        assert done(home, "watch", "lint", '"item 7"').code == 0


def test_doctor_tells_what_is_wrong_and_what_to_do(read: World) -> None:
    page = done(read.home, "doctor", "--deep").out
    assert "feed broken" in page
    assert "the server answered 500" in page
    assert "aggregator feeds show broken" in page
    assert "does not run" in page
    facts = done(read.home, "doctor", "--json").lines
    assert {"level", "problem", "do", "about"} in [set(f) for f in facts]
    (read.home / "config/digests.yaml").rename(read.home / "kept")
    (read.home / "config/digests.yaml").write_text("digests: [")
    broken = aggregator(read.home, "doctor")
    (read.home / "kept").replace(read.home / "config/digests.yaml")
    assert broken.code == 3
    assert "digests.yaml:1" in broken.out


def test_exports(read: World, tmp_path: Path) -> None:
    lines = done(read.home, "export").lines
    assert [list(e) for e in lines] == [ENTRY] * 4
    out = tmp_path / "csto.csv"
    said = done(read.home, "export", "matches", "--watchlist", "csto", "--format", "csv", "--out", str(out))
    assert "3 rows" in said.err
    table = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert list(table[0]) == ["watchlist_id", "matched_at", "revision", "reach", "terms", *ENTRY]
    # A term may begin with =, which a spreadsheet would run.
    assert {row["terms"] for row in table} == {"'=CSTO", "'=ОДКБ"}
    empty = done(read.home, "export", "--format", "csv", "--since", "2999-01-01").out
    assert empty.strip().split(",") == ENTRY
    assert aggregator(read.home, "export", "matches", "--watchlist", "nato").code == 2


def test_a_formula_in_the_news_is_text_in_a_spreadsheet(tmp_path: Path) -> None:
    titles = ["=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(1)", "＝1"]
    with FeedServer() as server:
        home = write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", *titles, "2 - 1"))})
        done(home, "poll")
    table = list(csv.DictReader(io.StringIO(done(home, "export", "--format", "csv").out)))
    assert {row["title"] for row in table} == {f"'{t}" for t in titles} | {"2 - 1"}
    assert {row["title"] for row in done(home, "export").lines} == {*titles, "2 - 1"}


# -- polling -------------------------------------------------------------------------------------------------------------


def test_poll(world: World) -> None:
    nothing = done(world.home, "poll")
    assert nothing.out == ""
    assert "no feed is due before" in nothing.err
    again = done(world.home, "poll", "--all", "--json").lines
    assert [(r["id"], r["outcome"], r["status"]) for r in again] == [("wire", "not_modified", 304)]
    world.wire.add("CSTO again")
    named = done(world.home, "poll", "--feed", "wire", "--json").lines
    assert [(r["outcome"], r["entries_new"], r["matches"]) for r in named] == [("new", 1, 1)]
    assert aggregator(world.home, "poll", "--feed", "nobody").code == 2
    done(world.home, "feeds", "pause", "wire")
    paused = done(world.home, "poll", "--feed", "wire")
    assert "wire was not polled (paused)" in paused.err
    assert "resumed wire" in done(world.home, "feeds", "resume", "wire").err
    assert len(done(world.home, "poll", "--json").lines) == 1


def test_the_server_s_own_word_holds_even_against_all(tmp_path: Path) -> None:
    with FeedServer() as server:
        busy = server.add("/busy", status(503, headers=[("Retry-After", "7200")]))
        home = write_home(tmp_path, {"busy": busy})
        assert done(home, "poll", "--json").lines[0]["error_class"] == "http_5xx"
        assert done(home, "poll", "--all", "--json").lines == []
        assert len(server.requests) == 1
        assert "the server asked to wait until" in done(home, "poll", "--feed", "busy").err


# -- queries on texts ----------------------------------------------------------------------------------------------------


def test_match_answers_like_grep(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    yes = done(home, "match", "=ОДКБ", "--text", "-", stdin="ОДКБ проведёт учения\n")
    assert yes.out == "ОДКБ проведёт учения\n"
    assert done(home, "match", "@csto", "--text", "the CSTO").code == 0
    no = aggregator(home, "match", "=CSTO", "--text", "CSTOs on the coast")
    assert (no.code, no.out) == (1, "")
    bad = aggregator(home, "match", 'Minsk "and so on', "--text", "x")
    assert bad.code == 2
    assert bad.err.splitlines()[1:] == ['Minsk "and so on', "      ^"]
    for arguments in ([], ["x"], ["x", "--cases", "y"], ["--text", "x"]):
        assert aggregator(home, "match", *arguments).code == 2


CASES = [
    {"id": 1, "query": "CSTO", "entry": {"title": "The CSTO"}},
    {"id": 2, "query": "CSTO", "entry": {"title": "coast"}},
    {"id": 3, "query": "@bloc", "entry": {"body": "ОДКБ"}, "aliases": {"bloc": ["=ОДКБ", "=CSTO"]}},
    {"id": 4, "query": "(a", "entry": {}},
    {"id": 5, "query": "@nothing", "entry": {"body": "x"}},
    {"id": 6, "query": "alpha", "entry": {"html": "<p>al<b>pha</b> <script>beta</script>"}},
    {"id": 7, "query": "beta", "entry": {"html": "<p>alpha <script>beta</script>"}},
    {"id": 8, "query": "url:example.org", "entry": {"title": "x", "url": "https://example.org/y"}},
    {"id": 9, "query": "Minsk -budget", "entry": {"title": "Minsk", "body": "the budget"}},
    {"id": "ten", "query": '"two words"', "entry": {"title": "two", "body": "words"}},
    {"id": None, "query": "пожар*", "entry": {"title": "Пожары", "lang": "ru", "source": "БелТА", "categories": ["a"]}},
]


def test_cases_have_the_same_answer_live_and_from_history(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(json.dumps(c, ensure_ascii=False) for c in CASES) + "\n\n")
    live = done(home, "match", "--cases", str(file))
    assert live.out == done(home, "match", "--cases", str(file), "--history").out
    answers = {line["id"]: line for line in live.lines}
    assert len(answers) == len(CASES)
    assert [answers[i].get("match") for i in (1, 2, 3, 6, 7, 9, "ten", None)] == [
        True, False, True, True, False, False, False, True,
    ]  # fmt: skip
    assert answers[4]["error"]["pos"] == 0
    assert set(answers[5]["error"]) == {"pos", "message"}
    for text in ("{", '{"id": 1}', "[]", '{"query": 1}', '{"query": "a", "entry": 1}', "[" * 100_000):
        file.write_text(text)
        bad = aggregator(home, "match", "--cases", str(file))
        assert bad.code == 2
        assert f"{file}:1:" in bad.err
    file.write_bytes(b"\xff\xfe{}")
    assert aggregator(home, "match", "--cases", str(file)).code == 2


# -- changing the files --------------------------------------------------------------------------------------------------


def test_feeds_come_and_go_and_entries_stay(world: World) -> None:
    home = world.home
    url = world.server.add("/more", Wire("more", "One"))
    assert done(home, "feeds", "add", url, "--id", "more", "--language", "en", "--tag", "x").out == "more\n"
    done(home, "poll", "--feed", "more")
    assert rows(home) == 3
    again = aggregator(home, "feeds", "add", url)
    assert again.code == 2
    assert "feeds.yaml" in again.err
    done(home, "feeds", "remove", "more")
    assert [f["id"] for f in done(home, "feeds", "list", "--json").lines] == ["wire"]
    assert rows(home) == 3
    assert len(done(home, "entries", "--feed", "more", "--json").lines) == 1
    assert aggregator(home, "feeds", "remove", "more").code == 2
    assert aggregator(home, "entries", "--feed", "nobody").code == 2


def test_opml_comes_in_once_and_goes_out_without_secrets(world: World, tmp_path: Path) -> None:
    file = tmp_path / "in.opml"
    file.write_text(
        "<opml version='2.0'><body><outline text='Agencies'>"
        "<outline type='rss' text='One' xmlUrl='https://one.example/rss'/>"
        "<outline type='rss' text='Secret' xmlUrl='https://user:s3cret@three.example/rss'/>"
        "<outline type='rss' text='Two' xmlUrl='https://two.example/rss?api_key=s3cret'/>"
        "<outline type='rss' text='Two again' xmlUrl='https://two.example/rss?api_key=s3cret'/>"
        "<outline type='rss' text='Bad' xmlUrl='file:///etc/passwd'/>"
        "</outline></body></opml>"
    )
    first = aggregator(world.home, "feeds", "import", str(file))
    assert first.code == 1
    assert "line 1: left out https://" in first.err
    assert "s3cret" not in first.text
    assert len(first.out.split()) == 2
    assert "2 feeds added" in first.err
    second = aggregator(world.home, "feeds", "import", str(file))
    assert "0 feeds added, 2 were there already" in second.err
    exported = done(world.home, "feeds", "export").out
    assert "two.example" in exported
    assert "s3cret" not in exported
    assert "Agencies" in exported
    file.write_text("no opml")
    assert aggregator(world.home, "feeds", "import", str(file)).code == 2


def test_discover(world: World) -> None:
    page = b"<html><link rel=alternate type='application/rss+xml' title='News' href='/rss'><p>x"
    url = world.server.add("/page", document(page, headers=[("Content-Type", "text/html")]))
    found = done(world.home, "feeds", "discover", url, "--json").lines
    assert found == [{"url": world.server.url("/rss"), "title": "News", "type": "application/rss+xml"}]
    assert done(world.home, "feeds", "discover", world.server.url("/wire"), "--json").lines == [
        {"url": world.server.url("/wire"), "title": "wire", "type": "application/rss+xml"}
    ]
    assert aggregator(world.home, "feeds", "discover", world.server.url("/nowhere")).code == 1
    assert aggregator(world.home, "feeds", "discover", "ftp://example.org/").code == 1


def test_a_watch_of_one_s_own(world: World) -> None:
    home = world.home
    added = done(home, "watch", "add", "Town", "budget")
    assert added.out == "town\n"
    assert "told in the digest morning" in added.err
    assert "1 stored entry" in added.err
    assert {w["id"]: w["matches"] for w in done(home, "watch", "list", "--json").lines} == {"csto": 1, "town": 1}
    before = (home / "config/watchlists.yaml").read_text()
    bad = aggregator(home, "watch", "add", "Broken", "(a")
    assert bad.code in {2, 3}
    assert aggregator(home, "watch", "add", "Broken", "a", "--digest", "evening").code == 2
    assert aggregator(home, "watch", "add", "???", "a").code == 2
    assert (home / "config/watchlists.yaml").read_text() == before


def test_init_by_options_and_by_answers(tmp_path: Path) -> None:
    with FeedServer() as server:
        url = server.add("/wire", Wire("wire", "CSTO meets"))
        options = ["--feed", url, "--word", "CSTO", "--address", "me@example.org", "--timezone", "Europe/Minsk"]
        one = tmp_path / "one"
        assert "1 feed, a watchlist and a digest" in done(one, "init", *options).err
        assert "1 feed, 1 watchlist, 1 digest: valid" in done(one, "check").out
        two = tmp_path / "two"
        asked = done(two, "init", stdin=f"{url}\n\nCSTO\nme@example.org\n")
        assert asked.out == ""
        assert (two / "feeds.yaml").read_text() == (one / "feeds.yaml").read_text()
        assert aggregator(one, "init", *options).code == 2
        before = (one / "feeds.yaml").read_text()
        for wrong in (
            ["--feed", "not an address"],
            ["--timezone", "Europe/Minks"],
            ["--address", "nobody"],
            ["--word", "(a"],
        ):
            home = tmp_path / f"wrong{wrong[0]}"
            rest = [o for i in range(0, 8, 2) if options[i] != wrong[0] for o in options[i : i + 2]]
            refused = aggregator(home, "init", *rest, *wrong)
            assert refused.code in {2, 3}, refused
            assert refused.err.strip()
            assert not (home / "feeds.yaml").exists()
        assert (one / "feeds.yaml").read_text() == before
        loose = {"AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]'}
        assert aggregator(one, "poll", environ=loose).code == 0
        assert "CSTO meets" in done(one, "digest", "morning", "--preview").out


# -- editions and mail -----------------------------------------------------------------------------------------------------


def test_preview_stores_nothing(world: World, tmp_path: Path) -> None:
    before = everything(world.home)
    text = done(world.home, "digest", "morning", "--preview").out
    assert "CSTO meets in Minsk" in text
    assert "Town budget" not in text
    for form in ("html", "text", "eml", "json"):
        out = tmp_path / f"preview.{form}"
        done(world.home, "digest", "morning", "--preview", "--format", form, "--out", str(out))
        assert "CSTO" in out.read_text("utf-8")
    assert json.loads((tmp_path / "preview.json").read_text())["stories"]
    assert "<html" in (tmp_path / "preview.html").read_text()
    assert message_from_bytes((tmp_path / "preview.eml").read_bytes(), policy=policy.default).is_multipart()
    assert everything(world.home) == before
    assert not list((world.home / "var/mail").iterdir())
    assert aggregator(world.home, "digest", "morning", "--preview", "--send").code == 2
    assert "there are: morning" in aggregator(world.home, "digest", "evening").err


def test_an_edition_is_composed_once_and_kept_as_sent(world: World) -> None:
    first = done(world.home, "digest", "morning", "--send")
    assert "1 story, 1 message" in first.err
    assert "1 sent" in first.err
    [mail] = (world.home / "var/mail").glob("*.eml")
    assert b"CSTO meets in Minsk" in mail.read_bytes()
    [edition] = done(world.home, "editions", "--json").lines
    assert (edition["digest_id"], edition["kind"], edition["stories"]) == ("morning", "digest", 1)
    assert done(world.home, "editions", str(edition["id"])).out == first.out
    assert "<html" in done(world.home, "editions", str(edition["id"]), "--format", "html").out
    eml = done(world.home, "editions", str(edition["id"]), "--format", "eml").out
    assert "\r\nMessage-ID: <preview@" in eml
    assert "\r\nList-Unsubscribe: <" in eml
    assert eml == done(world.home, "editions", str(edition["id"]), "--format", "eml").out
    assert json.loads(done(world.home, "editions", str(edition["id"]), "--format", "json").out)["stories"]
    assert aggregator(world.home, "editions", "99").code == 2
    assert "CSTO" in done(world.home, "editions").out
    done(world.home, "send")
    assert len(list((world.home / "var/mail").glob("*.eml"))) == 1


def test_a_refusing_server_and_the_outbox(world: World) -> None:
    home = world.home
    with Sink("450") as sink:
        config = json.loads((home / "config/aggregator.yaml").read_text())
        (home / "config/aggregator.yaml").write_text(json.dumps(config | smtp(sink.host, sink.port)))
        done(home, "digest", "morning")
        refused = aggregator(home, "send")
        assert refused.code == 1
        assert "0 sent, 1 to be tried again" in refused.err
        assert "450" in refused.err
        done(home, "send")  # not due yet
        [message] = done(home, "outbox", "list", "--json").lines
        assert (message["state"], message["attempts"]) == ("waiting", 1)
        assert "450" in done(home, "outbox", "show", str(message["id"])).out
        assert "token" not in done(home, "outbox", "show", str(message["id"]), "--json").out
        done(home, "outbox", "retry", str(message["id"]))
        sink.replies = {"DATA": "554 5.6.0 malformed"}
        assert "1 given up" in aggregator(home, "send").err
        assert done(home, "outbox", "list", "--state", "dead").out.count("desk@example.org") == 1
        assert "1 message given up" in done(home, "doctor").out
        done(home, "outbox", "retry", str(message["id"]))
        sink.replies, sink.mode = {}, "ok"
        assert done(home, "send", "--json").lines[0]["sent"] == 1
        assert len(sink.messages) == 1
        assert aggregator(home, "outbox", "retry", str(message["id"])).code == 2
        assert aggregator(home, "outbox", "drop", str(message["id"])).code == 2
        assert aggregator(home, "outbox", "show", "99").code == 2
        world.wire.add("CSTO once more")
        done(home, "poll", "--all")
        done(home, "digest", "morning")
        done(home, "outbox", "drop", str(message["id"] + 1))
        assert "0 sent" in done(home, "send").err
        assert len(sink.messages) == 1


def test_subscriptions_by_hand(world: World) -> None:
    home = world.home
    number = done(home, "subscriptions", "add", "morning", "anna@example.org").out.strip()
    listed = {s["address"]: s for s in done(home, "subscriptions", "list", "--json").lines}
    assert set(listed) == {"desk@example.org", "anna@example.org"}
    assert (listed["anna@example.org"]["origin"], listed["desk@example.org"]["origin"]) == ("operator", "config")
    assert aggregator(home, "subscriptions", "add", "morning", "no address").code == 2
    assert aggregator(home, "subscriptions", "add", "evening", "anna@example.org").code == 2
    done(home, "digest", "morning")
    done(home, "subscriptions", "end", number)
    assert "1 sent" in done(home, "send").err
    assert {m["state"] for m in done(home, "outbox", "list", "--json").lines} == {"sent", "cancelled"}
    assert aggregator(home, "subscriptions", "end", "99").code == 2
    known = json.loads(done(home, "subscriptions", "export", "anna@example.org").out)
    assert known["subscriptions"]
    erased = done(home, "subscriptions", "erase", "desk@example.org")
    assert "config/digests.yaml still names the address in morning" in erased.err
    done(home, "subscriptions", "erase", "anna@example.org")
    with_name = [p for p in (home / "var/aggregator.db").parent.glob("aggregator.db*") if b"anna@" in p.read_bytes()]
    assert done(home, "subscriptions", "list").text.count("anna@example.org") == 0
    assert all(p.name.endswith("-wal") for p in with_name)
    world.wire.add("CSTO once more")
    done(home, "poll", "--all")
    done(home, "digest", "morning", "--send")
    assert len(list((home / "var/mail").glob("*.eml"))) == 1


# -- care ------------------------------------------------------------------------------------------------------------------


@stored.file_only
def test_a_backup_comes_back_and_nothing_is_told_twice(world: World, tmp_path: Path) -> None:
    home = world.home
    done(home, "digest", "morning", "--send")
    world.wire.add("CSTO waits")
    done(home, "poll", "--all")
    done(home, "digest", "morning")
    before = everything(home)
    out = tmp_path / "backups/one.tar.gz"
    assert done(home, "backup", "--out", str(out)).out.strip() == str(out)
    assert out.stat().st_mode & 0o777 == 0o600
    with tarfile.open(out) as tar:
        assert sorted(tar.getnames()) == ["aggregator.db", "secret"]
    world.wire.add("CSTO is forgotten")
    done(home, "poll", "--all")
    done(home, "send")
    assert len(list((home / "var/mail").glob("*.eml"))) == 2

    known = done(home, "restore", str(out)).err
    assert "1 message that waited was sent since" in known
    assert "held" not in known
    assert everything(home) == before
    assert "0 sent" in done(home, "send").err

    shutil.rmtree(home / "var/sent")
    assert "does not reach back" in done(home, "restore", "--check", str(out)).err
    restored = done(home, "restore", str(out))
    assert "1 unsent message held" in restored.err
    assert everything(home) == before
    assert "0 sent" in done(home, "send").err
    assert "nothing new" not in done(home, "outbox", "list").out
    assert "1 message released" in done(home, "outbox", "release").err
    assert "1 sent" in done(home, "send").err
    # The same Message-ID is the same file: the reader has each mail once.
    assert len(list((home / "var/mail").glob("*.eml"))) == 2
    done(home, "poll", "--all")
    assert rows(home) == before["entries"] + 1
    done(home, "restore", str(out))
    assert (home / "var/aggregator.db.before-restore").exists()
    assert "every edition is held" in aggregator(home, "doctor").text
    done(home, "outbox", "release")
    assert done(home, "doctor", "--deep").code == 0


@stored.file_only
def test_what_is_no_backup_changes_nothing(world: World, tmp_path: Path) -> None:
    before = everything(world.home)
    for name, data in {"empty": b"", "noise": b"\x1f\x8bnoise", "text": b"hello"}.items():
        (tmp_path / name).write_bytes(data)
        bad = aggregator(world.home, "restore", str(tmp_path / name))
        assert bad.code == 2, bad
        assert "nothing was changed" in bad.err
    for members in ({"aggregator.db": b"no database", "secret": b"x"}, {"secret": b"x"}, {"../evil": b"x"}):
        file = tmp_path / "odd.tar.gz"
        with tarfile.open(file, "w:gz") as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        bad = aggregator(world.home, "restore", str(file))
        assert bad.code in {2, 5}, bad
        assert str(file) in bad.err
        assert "nothing was changed" in bad.err
    assert aggregator(world.home, "restore", str(tmp_path / "nowhere")).code == 2
    assert everything(world.home) == before


def test_prune_keeps_what_somebody_was_told(world: World) -> None:
    assert "removed: 0 entries" in done(world.home, "prune").err
    assert aggregator(world.home, "prune", "--keep", "long").code == 2
    assert "removed: 0 entries" in done(world.home, "prune", "--keep", "1d").err
    assert "removed: 1 entry" in done(world.home, "prune", "--keep", "0s").err
    assert [e["title"] for e in done(world.home, "entries", "--json").lines] == ["CSTO meets in Minsk"]
    done(world.home, "poll", "--all")
    assert rows(world.home) == 1


def test_configuration_shows_no_secret(world: World) -> None:
    schema = json.loads(done(world.home, "config", "schema").out)
    assert schema
    secret = {"AGGREGATOR__MAIL__PASSWORD": "s3cret", "AGGREGATOR__NETWORK__PROXY": "http://u:s3cret@127.0.0.1:1"}
    shown = aggregator(world.home, "config", "show", environ=secret)
    assert shown.code == 0
    assert "s3cret" not in shown.text
    assert json.loads(shown.out)["polling"]["workers"] == 1


def test_check_counts_and_warns(world: World) -> None:
    (world.home / "config/watchlists.yaml").write_text(
        json.dumps({"watchlists": [{"id": "csto", "query": "cat and dog"}, {"id": "lonely", "query": "x"}]})
    )
    checked = done(world.home, "check")
    assert checked.out.endswith("1 feed, 2 watchlists, 1 digest: valid\n")
    assert "AND" in checked.err
    assert "lonely is in no digest" in checked.err


# -- the frame -------------------------------------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    nested = {
        "config": ["schema", "show"],
        "feeds": ["add", "discover", "export", "import", "list", "pause", "remove", "resume", "show"],
        "outbox": ["drop", "hold", "list", "release", "retry", "show"],
        "subscriptions": ["add", "end", "erase", "export", "list"],
        "watch": ["add", "backtest", "lint", "list", "test"],
    }
    return [[c, *s] for c in COMMANDS for s in [[], *([x] for x in nested.get(c, []))]]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_is_there_with_an_example(tmp_path: Path, words: list[str]) -> None:
    page = done(tmp_path, *words, "--help").out
    assert page.startswith("Usage: aggregator " + " ".join(words))
    assert "Commands:" in page or "aggregator " + " ".join(words) in page.partition("\n")[2]
    assert "..." not in page.partition("Commands:")[2]


@stored.file_only
def test_the_version_is_light() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "aggregator", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert re.fullmatch(r"aggregator, version \d+\.\d+\.\d+\n", ended.stdout)
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "click" in imported
    heavy = {"pydantic", "feedparser", "aiohttp", "sqlite3", "jinja2", "yaml", "asyncio", "aggregator.app"}
    assert not imported & heavy


def test_a_reader_that_leaves_early_is_no_failure(read: World) -> None:
    command = f"{sys.executable} -m aggregator --home '{read.home}' entries --json | head -c 10"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment(), check=False
    )
    assert ended.returncode == 0
    assert ended.stderr == ""


def test_a_terminal_without_our_letters_is_no_failure(read: World) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "aggregator", "--home", str(read.home), "entries"],
        capture_output=True,
        env=environment(PYTHONIOENCODING="ascii"),
        check=False,
    )
    assert ended.returncode == 0
    assert b"CSTO meets in Minsk" in ended.stdout


def test_a_misspelt_command_is_told_its_neighbour(tmp_path: Path) -> None:
    bad = aggregator(tmp_path, "serch", "x")
    assert bad.code == 2
    assert "did you mean `search`?" in bad.err
