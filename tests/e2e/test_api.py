"""The programming interface over real HTTP: who may, what is answered, how it fails."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from aggregator.errors import StoreError
from aggregator.reading import Signal
from aggregator.web.api.reading import SEARCHES
from tests import stored
from tests.e2e import apisite
from tests.e2e.apisite import Site, token
from tests.e2e.program import done, everything

GETS = [
    "/entries", "/entries/1", "/stories", "/stories/1", "/search?q=csto", "/watchlists", "/watchlists/csto",
    "/watchlists/csto/attention", "/watchlists/csto/attention?days=7&by=feed", "/matches", "/matches?watchlist=csto",
    "/editions", "/feeds", "/feeds/wire",
]  # fmt: skip
POSTS = ["/feeds/wire/pause", "/feeds/wire/resume", "/feeds/wire/poll"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with apisite.site(tmp_path_factory.mktemp("api"), excerpt="40") as made:
        yield made


@pytest.fixture(scope="module")
def described(site: Site) -> dict[str, Any]:
    response, text = site.ask("/openapi.json", key="")
    assert response.status == 200
    found: dict[str, Any] = json.loads(text)
    return found


def problem(site: Site, path: str, status: int, **asked: Any) -> dict[str, Any]:
    response, text = site.ask(path, **asked)
    assert response.status == status, text
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(text)
    assert (found["type"], found["status"]) == ("about:blank", status)
    assert found["title"]
    assert found["detail"]
    return found


# -- who may -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*GETS, "/health", "/nothing"])
def test_without_a_token_nothing_is_told_but_the_description(site: Site, path: str) -> None:
    status = 404 if path == "/nothing" else 401
    for key in ("", "nonsense", "agg_" + "z" * 26, "agg_" + "z" * 2_000):
        problem(site, path, status, key=key)
    response, _ = site.ask("/entries", key="")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert site.ask("/openapi.json", key="")[0].status == 200


def test_a_token_counts_in_its_header_alone(site: Site) -> None:
    key = token("read")
    for path, headers in [
        (f"/entries?token={key}", {}),
        (f"/entries?access_token={key}", {}),
        ("/entries", {"Cookie": f"session={key}; token={key}"}),
        ("/entries", {"Authorization": f"Basic {key}"}),
        ("/entries", {"Authorization": key}),
    ]:
        problem(site, path, 401, key="", **headers)
    assert site.ask("/entries", key="", Authorization=f"bearer  {key} ")[0].status == 200


def test_a_session_of_the_pages_opens_nothing_here(site: Site) -> None:
    site.app.stores.credentials.issue("session", "b" * 26, "operator", site.clock.now())
    problem(site, "/entries", 401, key="", Cookie=f"session={'b' * 26}; __Host-session={'b' * 26}")
    problem(site, "/feeds/wire/pause", 401, method="POST", key="b" * 26)


@pytest.mark.parametrize(("path", "method", "scope"), [
    *[(path, "GET", "read") for path in GETS], *[(path, "POST", "operate") for path in POSTS], ("/health", "GET", "health"),
])  # fmt: skip
def test_a_token_does_what_its_scopes_say_and_no_more(site: Site, path: str, method: str, scope: Any) -> None:
    others = [token(one) for one in ("read", "operate", "health") if one != scope]
    for key in others:
        assert scope in problem(site, path, 403, method=method, key=key)["detail"]
    assert site.ask(path, method, token(scope))[0].status in (200, 202)
    site.app.stores.feeds.resume("wire", site.clock.now())


def test_a_token_that_was_ended_or_has_run_out_is_no_token(site: Site) -> None:
    credentials, now = site.app.stores.credentials, site.clock.now()
    ended, late = token("read") + "-ended", token("read") + "-late"
    number = credentials.issue("api", ended, "ended", now, scopes=("read",))
    credentials.issue("api", late, "late", now, scopes=("read",), expires_at=now + timedelta(days=1))
    for key in (ended, late):
        assert site.ask("/entries", key=key)[0].status == 200
    credentials.end(number, now)
    site.clock.advance(timedelta(days=2))
    for key in (ended, late):
        problem(site, "/entries", 401, key=key)


def test_the_use_of_a_token_is_noted_once_a_minute_and_reading_writes_nothing_else(site: Site) -> None:
    def used() -> Any:
        return next(c.used_at for c in site.app.stores.credentials.list(site.clock.now(), "api") if c.name == "read")

    site.clock.advance(timedelta(hours=1))
    before = everything(site.app.configuration.home.path)
    site.read("/entries")
    first = used()
    assert first == site.clock.now()
    for seconds, then in ((30, first), (29, first), (61, first + timedelta(seconds=120))):
        site.clock.advance(timedelta(seconds=seconds))
        for path in GETS:
            site.read(path)
        assert used() == then
    assert everything(site.app.configuration.home.path) == before


# -- what is answered ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "shape"), [
    ("/entries?limit=1", "Entry"), ("/stories?limit=1", "Story"), ("/search?q=csto&limit=1", "Result"), ("/matches?limit=1", "Match"),
    ("/watchlists", "Watchlist"), ("/editions?limit=1", "Edition"), ("/feeds", "Feed"), ("/entries/1", "FullEntry"),
    ("/stories/1", "FullStory"), ("/watchlists/csto/attention", "Attention"), ("/feeds/wire", "FullFeed"), ("/health", "Health"),
    ("/editions/daily/{key}", "FullEdition"),
])  # fmt: skip
def test_every_answer_holds_the_keys_that_are_described_and_no_others(
    site: Site, described: dict[str, Any], path: str, shape: str
) -> None:
    key = quote(site.read("/editions")["items"][0]["key"], safe="")
    found = site.read(path.replace("{key}", key), token("read", "operate", "health"))
    one = found["items"][0] if "items" in found else found
    assert set(one) == set(described["components"]["schemas"][shape]["required"])


@pytest.mark.parametrize(("path", "command"), [
    ("/stories?limit=200", ["stories"]), ("/feeds", ["feeds", "list"]), ("/editions", ["editions"]),
    ("/entries?fields=full&limit=200", ["entries"]), ("/search?q=csto&fields=full&limit=200", ["search", "csto"]),
])  # fmt: skip
def test_the_fields_are_those_of_the_command_line(site: Site, path: str, command: list[str]) -> None:
    printed = {line["id"]: line for line in done(site.app.configuration.home.path, *command, "--json").lines}
    served = {item["id"]: item for item in site.read(path)["items"]}
    assert set(served) == set(printed)
    for number, item in served.items():
        if item.get("feed_id") != "echo":  # whose licence lets less of its text out
            assert {name: item[name] for name in printed[number]} == printed[number]


def test_a_feeds_licence_binds_the_interface_too(site: Site) -> None:
    [limited] = site.read("/entries?feed=echo&fields=full&limit=200")["items"]
    assert (limited["summary"], limited["content"]) == ("", "")
    assert 0 < len(limited["text"]) <= 40
    assert len(limited["excerpt"]) <= 40
    assert site.read(f"/entries/{limited['id']}") == limited
    assert len(json.dumps(site.read("/search?q=csto&feed=echo"))) < 3_000


def test_texts_come_only_where_they_are_asked_for(site: Site) -> None:
    [usual] = [one for one in site.read("/entries?feed=wire&limit=200")["items"] if one["guid"] == "drill"]
    assert not {"summary", "content", "text"} & set(usual)
    assert 0 < len(usual["excerpt"]) <= 300
    full = site.read(f"/entries/{usual['id']}")
    assert full["text"].count("Minsk") == 20
    assert problem(site, "/entries?fields=all", 400)["errors"][0]["name"] == "fields"


@pytest.mark.parametrize(
    "path", ["/entries?feed=wire", "/stories?", "/search?q=csto", "/matches?watchlist=csto", "/feeds?", "/editions?"]
)
def test_portions_join_without_gap_or_overlap_while_entries_come_in(site: Site, path: str) -> None:
    whole = [item["id"] for item in site.read(f"{path}&limit=200")["items"]]
    assert len(whole) > (0 if "editions" in path else 1)
    at, found = f"/api/v1{path}&limit=2", []
    while at:
        response, text = site.ask(at)
        portion = json.loads(text)
        assert len(portion["items"]) <= 2
        found += [item["id"] for item in portion["items"]]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
        assert bool(link) == bool(portion["next"])
        at = urljoin(at, link[1]) if link else ""
        assert not at or f"cursor={portion['next']}" in at
        site.publish(f"CSTO meanwhile {len(found)} of {path}")
    assert found == whole


def test_lists_are_narrowed_by_time_feed_watchlist_and_language(site: Site) -> None:
    site.publish("CSTO at the latest moment")
    now = site.clock.now().isoformat().replace("+00:00", "Z")
    for path in ("/entries?", "/stories?", "/search?q=csto", "/matches?"):
        newest = site.read(f"{path}&since={now}")["items"]
        assert len(newest) == 1, path
        assert newest[0]["id"] not in {one["id"] for one in site.read(f"{path}&until={now}")["items"]}
    assert {one["feed_id"] for one in site.read("/entries?feed=echo")["items"]} == {"echo"}
    assert {one["language"] for one in site.read("/entries?language=ru")["items"]} == {"ru"}
    assert "Weather" not in {one["title"] for one in site.read("/entries?watchlist=csto")["items"]}
    assert site.read("/search?q=weather&language=ru")["items"] == []
    east = quote(site.clock.now().astimezone().isoformat())
    assert site.read(f"/entries?since={east}")["items"]
    for path in ("/entries?watchlist=none", "/matches?watchlist=none", "/editions?digest=none", "/watchlists/none", "/feeds/none",
                 "/entries/99999", "/stories/99999", "/editions/daily/none", "/watchlists/none/attention"):  # fmt: skip
        problem(site, path, 404)


def test_a_search_names_the_places_and_a_broken_one_shows_where(site: Site) -> None:
    [hit] = site.read(f"/search?q={quote('weather')}")["items"]
    assert hit["spans"][0] == {"field": "title", "start": 0, "end": 7, "term": "weather", "alias": ""}
    found = problem(site, f"/search?q={quote('csto AND')}", 400)
    assert (found["query"], found["pos"]) == ("csto AND", 8)
    assert found["caret"].endswith("^")
    for query in ("", "(minsk", "@nobody", "\x00", "a" * 4_001, "((((" * 100):
        problem(site, f"/search?q={quote(query)}", 400)


def test_a_search_that_takes_long_says_where_to_go_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [item["id"] for item in site.read("/search?q=minsk%20-weather&limit=200")["items"]]
    web = site.app.configuration.settings.web.model_copy(update={"search_time": timedelta()})
    settings = site.app.configuration.settings.model_copy(update={"web": web})
    monkeypatch.setattr(site.app, "configuration", replace(site.app.configuration, settings=settings))
    cursor: str | None = ""
    found: list[int] = []
    asked = 0
    while cursor is not None:
        portion = site.read(f"/search?q=minsk%20-weather&cursor={cursor}")
        found += [item["id"] for item in portion["items"]]
        cursor, asked = portion["next"], asked + 1
    assert found == whole
    assert asked > 1


def test_only_a_few_search_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, under_way = threading.Event(), threading.Semaphore(0)
    real = site.app.stores.entries.propose

    def slow(*asked: Any, **more: Any) -> Any:
        under_way.release()
        assert go_on.wait(10)
        return real(*asked, **more)

    monkeypatch.setattr(site.app.stores.entries, "propose", slow)
    with ThreadPoolExecutor(SEARCHES) as pool:
        asked = [pool.submit(site.ask, "/search?q=csto") for _ in range(SEARCHES)]
        try:
            assert all(under_way.acquire(timeout=10) for _ in range(SEARCHES))
            response, text = site.ask("/search?q=csto")
            assert (response.status, json.loads(text)["status"]) == (429, 429)
            assert int(response.headers["Retry-After"]) > 0
            assert site.ask("/entries")[0].status == 200, "who only reads is let through"
        finally:
            go_on.set()
    assert {one.result()[0].status for one in asked} == {200}
    assert site.ask("/search?q=csto")[0].status == 200


def test_what_a_program_has_is_not_sent_again_until_it_changes(site: Site) -> None:
    for path in GETS:
        response, _ = site.ask(path)
        tag = response.headers["ETag"]
        assert "private" in response.headers["Cache-Control"]
        again, text = site.ask(path, If_None_Match=f'"other", W/{tag}')
        assert (again.status, text, again.headers["ETag"]) == (304, "", tag)
        head, nothing = site.ask(path, "HEAD")
        assert (head.status, nothing, head.headers["ETag"]) == (200, "", tag)
    tag = site.ask("/entries")[0].headers["ETag"]
    site.publish("CSTO changes the list")
    assert site.ask("/entries", If_None_Match=tag)[0].status == 200


def test_attention_is_told_by_day_and_taken_apart(site: Site) -> None:
    found = site.read("/watchlists/csto/attention?days=400&by=language")
    assert len(found["days"]) == 400
    assert found["days"][-1]["day"] == found["until"] == site.clock.now().date().isoformat()
    assert sum(day["entries"] for day in found["days"]) == sum(part["entries"] for part in found["parts"])
    for path in ("days=0", "days=5000", "by=colour", "days=x"):
        problem(site, f"/watchlists/csto/attention?{path}", 400)


def test_an_edition_is_told_as_webhooks_get_it(site: Site) -> None:
    [edition] = site.read("/editions?digest=daily")["items"]
    found = site.read(f"/editions/daily/{quote(edition['key'], safe='')}")
    assert edition.items() <= found.items()
    assert found["archive"].startswith("https://news.example/editions/daily/")
    assert "CSTO soldiers begin a drill" in found["text"]
    assert {story["id"] for story in found["told"]["stories"]} <= {
        story["id"] for story in site.read("/stories?limit=200")["items"]
    }


def test_a_feed_is_paused_resumed_and_polled_when_it_is_not_due(site: Site) -> None:
    key = token("operate")
    paused = json.loads(site.ask("/feeds/echo/pause", "POST", key)[1])
    assert paused["state"] == "paused"
    assert site.ask("/feeds/echo/pause", "POST", key)[0].status == 200
    assert "paused" in problem(site, "/feeds/echo/poll", 409, method="POST", key=key)["detail"]
    assert json.loads(site.ask("/feeds/echo/resume", "POST", key)[1])["state"] == "ok"
    list(site.app.poll.sweep())
    feed = site.app.stores.feeds.get("echo")
    assert feed is not None
    assert feed.poll.next_poll_at > site.clock.now()
    response, text = site.ask("/feeds/echo/poll", "POST", key)
    assert response.status == 202
    assert json.loads(text)["next_poll_reason"] == "asked for by hand"
    assert {report.feed_id for report in site.app.poll.sweep()} == {"echo"}
    for verb in ("pause", "resume", "poll"):
        problem(site, f"/feeds/none/{verb}", 404, method="POST", key=key)


# -- how it fails -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/entries?limit=0", "/entries?limit=201", "/entries?limit=x", "/entries?limt=5", "/entries?limit=5&limit=6", "/entries?cursor=-1",
    "/entries?cursor=abc", "/entries?since=yesterday", "/entries?since=2023-02-30T00:00:00Z", "/entries?since=2023-02-02T12:00:00",
    "/entries?until=", "/entries/0", "/entries/x", "/entries/99999999999999999999", "/stories/-1", "/search",
])  # fmt: skip
def test_what_cannot_be_taken_is_named(site: Site, path: str) -> None:
    found = problem(site, path, 400)
    assert found["errors"]
    assert all({"in", "name", "detail"} == set(one) for one in found["errors"])


def test_addresses_and_methods_that_are_not_made_are_problems_too(site: Site) -> None:
    for path in ("/api/v1", "/api/v1/", "/api/v1/entries/", "/api/v1?x=1", "/api/v2/entries", "/api/", "/api/v1/docs"):
        problem(site, path, 404)
    for method in ("PUT", "DELETE", "PATCH", "POST", "OPTIONS", "TRACE"):
        problem(site, "/entries", 405, method=method)
    response, _ = site.ask("/entries", "POST")
    assert response.headers["Allow"] == "GET, HEAD"
    response, _ = site.ask("/feeds/wire/pause")
    assert (response.status, response.headers["Allow"]) == (405, "POST")


def test_a_database_that_cannot_be_used_is_a_503_and_a_bug_a_500(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise StoreError("/secret/path/aggregator.db: disk I/O error")

    def bug(*_: object) -> Any:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(site.app.stores.portions, "entries", broken)
    assert "secret" not in json.dumps(problem(site, "/entries", 503))
    monkeypatch.setattr(site.app.stores.portions, "entries", bug)
    assert "secret" not in json.dumps(problem(site, "/entries", 500))


def test_the_name_that_we_are_called_by_is_in_no_answer(site: Site) -> None:
    for path in [*GETS, "/entries?limit=1", "/openapi.json"]:
        response, text = site.ask(path, Host="evil.example", X_Forwarded_Host="evil.example")
        assert "evil.example" not in text + str(response.headers)
    for path in ("/api/v1", "/api/v1/entries/", "/api//entries"):
        response, text = site.ask(path, Host="evil.example")
        assert "evil.example" not in text + str(response.headers)
        assert response.status == 404, "no redirect: it would name the host"


def test_readers_own_watchlists_and_digests_are_nobody_elses(site: Site) -> None:
    problem(site, f"/editions/{quote('csto.instant')}/x", 404)
    problem(site, f"/editions?digest={quote('csto.instant')}", 404)
    assert {one["id"] for one in site.read("/watchlists")["items"]} == {"csto"}
    app, now = site.app, site.clock.now()
    of_reader = quote("tractors.of-a-reader")
    with stored.opened(app.configuration.home.path) as conn:
        conn.execute(
            "INSERT INTO watchlists (id, title, query, changed_at, origin) VALUES (?, 'Own', 'tractors', ?, 'reader')",
            (of_reader, now.isoformat()),
        )
    own = app.stores.signals.begin(Signal(0, "burst", of_reader, "", now, now, 42, 5.0, ""))
    everybodys = app.stores.signals.begin(Signal(0, "burst", "csto", "", now, now, 12, 1.0, ""))
    [told] = site.read("/health", token("health"))["signals"]
    assert told["watchlist_id"] == "csto"
    assert told["detail"] == "12 entries, usually 1"
    app.stores.signals.end(own, now)
    app.stores.signals.end(everybodys, now)


def test_the_description_is_openapi_and_says_how_every_call_fails(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    operations = [op for path in described["paths"].values() for op in path.values()]
    names = [op["operationId"] for op in operations]
    assert len(names) == len(set(names)) == 17
    for operation in operations:
        assert operation["security"][0]["token"][0] in ("read", "operate", "health")
        assert operation["summary"]
        assert operation["description"]
        assert {"401", "403", "500", "503"} <= set(operation["responses"])
        assert "422" not in operation["responses"]
        for status, response in operation["responses"].items():
            assert response["description"]
            kinds = list(response.get("content", {}))
            assert kinds == (
                [] if status == "304" else ["application/json"] if status < "300" else ["application/problem+json"]
            )
        for parameter in operation.get("parameters", []):
            assert parameter["description"], parameter


def test_nothing_is_described_before_somebody_asks(tmp_path: Path) -> None:
    from aggregator.app import build
    from aggregator.web.pages import build as pages

    (tmp_path / "config").mkdir()
    with build(tmp_path, {}) as app:
        web = pages(app)
    [mounted] = [route for route in web.routes if getattr(route, "path", "") == "/api/v1"]
    assert getattr(mounted, "app", None) is not None
    assert mounted.app.openapi_schema is None  # type: ignore[attr-defined] # a Mount, whatever its type says


def test_answers_are_served_under_the_pages_own_headers(site: Site) -> None:
    response, _ = site.ask("/entries", key="")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in response.headers
    assert urlsplit(site.url).hostname == "127.0.0.1"
