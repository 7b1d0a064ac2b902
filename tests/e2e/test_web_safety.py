"""The whole route table, walked: whatever page is added is held to this. Looking writes nothing, a form without a mark does nothing,
what is the operator's is nobody else's, no text of others is markup, no secret is shown, and no link says what a request called us.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from http.client import HTTPConnection  # noqa: TID251 - this is a browser
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from aggregator.app import build
from aggregator.clock import SetClock
from aggregator.digests import messages
from aggregator.errors import StoreError
from aggregator.readers import forms
from aggregator.readership import NewToken
from aggregator.web import pages as site
from aggregator.web import wrong
from aggregator.web.door import HEADERS
from aggregator.web.links import PATHS, Links
from tests.conftest import loopback_only
from tests.e2e.browser import Answer, Browser, link, served
from tests.e2e.homes import ENVIRON, START, write_home
from tests.e2e.hostile import ANNA, ATTACK, SECRETS, House, Markup, house, subscribe
from tests.e2e.test_subscribe import tables

OPEN = {
    "/favicon.ico",
    "/static/{name}", "/help", "/healthz", "/readyz", "/metrics", "/subscribe", "/manage", "/manage/export", "/sign-in", "/sign-in/{token}",
    *(f"/{kind}/{{token}}" for kind in ("confirm", "unsubscribe", "undo", "refuse", "manage")),
}  # fmt: skip
"""What answers to everybody although the pages are closed: subscribing and leaving, signing in, and what is no reading."""
SEALED = {"/editions/{digest}/{key}", "/editions/{digest}/{key}.css"}
"""What the link in a mail opens, closed or not."""
FIELDS = ("q", "query", "next", "by", "days", "day", "state", "feed", "feed_id", "since", "until", "page", "language", "country", "watchlist",
          "sort", "id", "do", "read", "from", "to", "limit", "after", "before")  # fmt: skip
"""Names that a page may look for by itself."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with loopback_only(), house(tmp_path_factory.mktemp("hostile")) as made:
        yield made


# -- the table -------------------------------------------------------------------------------------------------------


def routes(home: House, method: str) -> list[APIRoute]:
    """Those of the pages; what the programming interface serves has its own tests."""
    every = [r for r in home.site.routes if isinstance(r, APIRoute)]
    return [r for r in every if method in (r.methods or ()) and not r.path.startswith("/api/")]


def guards(route: APIRoute) -> set[str]:
    """Who may take it: "reader", "operator", or nobody in particular."""
    return {getattr(one.dependency, "__name__", "") for one in route.dependencies}


def filled(home: House, path: str) -> str:
    """A path that leads somewhere: each of its parts is one that the home has."""
    kind = path.split("/")[1]
    values = {
        "watchlist": "csto", "feed": "wire", "story": home.story, "digest": "morning", "key": home.key, "form": "atom",
        "day": f"{home.clock.now():%Y-%m-%d}", "message": 1, "name": Links().asset("aggregator.css").rpartition("/")[2],
        "token": home.tokens.get(kind, f"/{'a' * 26}").rpartition("/")[2],
    }  # fmt: skip
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: str(values.get(found[1], 1)), path)


def operator(home: House, url: str = "") -> Browser:
    browser = Browser(url or home.url)
    browser.sign_in(home.app)
    return browser


def mark(home: House, browser: Browser) -> str:
    """The mark of a browser's session, whatever it is worth."""
    named = [browser.cookies.get(f"__Host-{name}", "") for name in ("session", "manage")]
    return forms.sign(home.app.secret, "csrf", "|".join(named))


def readers(home: House) -> dict[str, Browser]:
    """A visitor, one who manages subscriptions, the operator."""
    token, now = messages.new_token(), home.clock.now()
    one = home.app.stores.subscriptions.list(states=["active"])[0].id
    home.app.stores.signups.issue(one, [NewToken(token, "manage", now + timedelta(hours=1))], now)
    manager = Browser(home.url, {"__Host-manage": token})
    return {"visitor": Browser(home.url), "manager": manager, "operator": operator(home)}


def is_html(answer: Answer) -> bool:
    return (answer.headers["Content-Type"] or "").startswith("text/html")


# -- looking and sending ---------------------------------------------------------------------------------------------


def test_looking_writes_nothing_whoever_looks(home: House) -> None:
    every = readers(home)
    token = link(home.app)
    before = tables(home.home)
    for route in routes(home, "GET"):
        path = f"/sign-in/{token}" if route.path == "/sign-in/{token}" else filled(home, route.path)
        for name, browser in every.items():
            for method in ("GET", "HEAD") if name == "operator" else ("GET",):
                answer = browser.ask(path, method=method)
                wanted = {403} if "operator" in guards(route) and name != "operator" else {200, 303, 400, 404}
                assert answer.status in wanted | {"/manage/export": {403}, "/metrics": {401}}.get(path, set()), (
                    path,
                    name,
                    answer.status,
                )
                assert {n: answer.headers[n] for n in HEADERS} == HEADERS, path
    assert tables(home.home) == before


def test_a_form_without_its_mark_is_refused_and_changes_nothing(home: House) -> None:
    every = readers(home)
    every["made up"] = Browser(home.url, {"__Host-session": "a" * 26, "session": "a" * 26})
    before = tables(home.home)
    known = ("/confirm/", "/unsubscribe/", "/undo/", "/refuse/")
    for route in routes(home, "POST"):
        path = filled(home, route.path) if not route.path.startswith(known) else route.path.replace("{token}", "a" * 26)
        for name, browser in every.items():
            for fields in (
                {},
                {"do": "all"},
                {"mark": "0" * 32, "stamp": "1.2"},
                {"mark": mark(home, Browser(home.url))},
            ):
                home.clock.advance(timedelta(minutes=1))
                status = browser.ask(path, fields).status
                assert status in (401, 403, 404), (path, name, fields, status)
            own = {"mark": mark(home, browser), "stamp": forms.stamp(home.app.secret, home.clock.now())}
            for headers in (
                {"Origin": "https://evil.example"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
            ):
                assert browser.ask(path, own, **headers).status in (401, 403, 404), (path, name, headers)
    assert tables(home.home) == before


def test_what_the_operator_does_is_refused_to_a_visitor_whose_form_is_right(home: House) -> None:
    visitors = [browser for name, browser in readers(home).items() if name != "operator"]
    before = tables(home.home)
    for method in ("GET", "POST"):
        for route in routes(home, method):
            if "operator" not in guards(route):
                continue
            for browser in visitors:
                fields = {"mark": mark(home, browser)} if method == "POST" else None
                assert browser.ask(filled(home, route.path), fields).status == 403, route.path
    assert tables(home.home) == before
    assert any("operator" in guards(route) for route in routes(home, "GET"))


def test_every_page_says_who_may_look(home: House) -> None:
    """A page that is added without a guard is open to everybody: it has to be named here."""
    unguarded = {route.path for route in routes(home, "GET") if not guards(route) & {"reader", "operator"}}
    assert unguarded - OPEN == SEALED
    named = {route.path for method in ("GET", "POST") for route in routes(home, method)}
    assert {"/sign-out", "/configuration"} <= named & set(PATHS.values())


def test_closed_pages_are_closed_and_what_readers_of_mail_need_is_not(home: House) -> None:
    visitor, mine = Browser(home.closed), operator(home, home.closed)
    for route in routes(home, "GET"):
        path = filled(home, route.path)
        answer = visitor.ask(path)
        if route.path in OPEN:
            assert answer.status in (200, 303, 404) or path in ("/manage/export", "/metrics"), path
        else:
            assert (answer.status, "aggregator admin link" in answer.page) == (403, True), path
            assert mine.ask(f"{path}?q=csto").status in (200, 303), path
    assert "--next configuration" in visitor.ask("/configuration").page
    page = visitor.ask("/help").page
    assert not re.search(r'href="/(search|feeds|watchlists|editions)?"', page)


def test_nothing_closed_and_nothing_of_ones_own_is_left_in_a_cache_that_others_share(home: House) -> None:
    mine, manager = operator(home, home.closed), readers(home)["manager"]
    closed = [filled(home, route.path) for route in routes(home, "GET") if route.path not in OPEN]
    for browser, path in (*((mine, path) for path in closed), (manager, "/manage"), (manager, "/manage/export")):
        answer = browser.ask(f"{path}?q=csto")
        assert answer.status == 200, path
        assert (answer.headers["Cache-Control"] or "").startswith("private"), path


def test_the_link_in_a_mail_opens_its_edition_alone_where_the_pages_are_closed(home: House) -> None:
    seal = forms.seal(home.app.secret, "morning", home.key)
    path = f"/editions/morning/{home.key}"
    visitor = Browser(home.closed)
    opened = visitor.ask(f"{path}?read={seal}")
    assert opened.status == 200
    [sheet] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', opened.page)
    assert visitor.ask(sheet).headers["Content-Type"] == "text/css; charset=utf-8"
    for wrong_one in (
        "",
        "?read=",
        f"?read={'0' * 32}",
        f"?read={forms.seal(home.app.secret, 'other', home.key)}",
        "?read=%C3%A9",
    ):
        assert visitor.ask(path + wrong_one).status == 403
        assert visitor.ask(f"{path}.css{wrong_one}").status == 403
    assert visitor.ask(f"/editions/morning/1999-01-01T0730?read={seal}").status == 403, (
        "and nobody learns which there are"
    )


def test_mails_of_a_closed_installation_hold_that_link(tmp_path: Path) -> None:
    web = {"public_url": "https://news.example", "visitors": "closed"}
    digest = {"id": "daily", "title": "Daily", "watchlists": ["csto"], "at": "07:30", "to": ["desk@example.org"]}
    write_home(
        tmp_path, [], watchlists={"watchlists": [{"id": "csto", "query": "csto"}]}, digests={"digests": [digest]}
    )
    (tmp_path / "config/aggregator.yaml").write_text(json.dumps({"web": web}))
    clock = SetClock(START)
    with build(tmp_path, ENVIRON, clock) as app, served(app) as url:
        app.sync()
        clock.advance(timedelta(days=1))
        app.compose.run()
        app.send.run()
        [mail] = app.configuration.home.mail.glob("*.eml")
        [found] = set(re.findall(rb"List-Archive: <https://news\.example(/editions/[^>]+)>", mail.read_bytes()))
        assert Browser(url).ask(found.decode()).status == 200
        assert Browser(url).ask(found.decode().partition("?")[0]).status == 403


# -- what others say -------------------------------------------------------------------------------------------------


def asked(home: House, route: APIRoute) -> list[str]:
    """A page as it is, and with an attack in everything that its address may ask."""
    path = filled(home, route.path)
    names = {*FIELDS, *(one.name for one in route.dependant.query_params)}
    parts = re.sub(r"\{\w+\}", urlencode({"": ATTACK})[1:], route.path)
    attacks = [
        f"{path}?{urlencode(dict.fromkeys(names, ATTACK))}",
        f"{path}?{urlencode({'q': f'csto {ATTACK}', 'query': 'csto ('})}",
    ]
    return [path, f"{path}?{urlencode({'q': 'csto', 'query': 'csto'})}", *attacks, *([parts] if parts != path else [])]


def test_no_text_of_others_is_markup_on_any_page(home: House) -> None:
    shown, visitor, mine = 0, Browser(home.url), operator(home)
    for route in routes(home, "GET"):
        for browser in (visitor, mine):
            for path in asked(home, route):
                home.clock.advance(timedelta(minutes=1))
                answer = browser.ask(path)
                assert answer.status < 500, (path, answer.page)
                if is_html(answer):
                    assert Markup(answer.page).wrong == [], path
                    shown += "&gt;&lt;script&gt;" in answer.page
                else:
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert shown > 8, "the attacks are on the pages"


def test_no_form_sends_markup_back(home: House) -> None:
    for route in routes(home, "POST"):
        # The links of a letter act whatever stands in the form.
        acts = route.path.startswith(("/confirm/", "/refuse/"))
        path = route.path.replace("{token}", "a" * 26) if acts else filled(home, route.path)
        for browser in readers(home).values():
            home.clock.advance(timedelta(minutes=1))
            fields = dict.fromkeys((*FIELDS, "address", "rhythm", "timezone", "quiet", "prominence", "title"), ATTACK)
            fields |= {"mark": mark(home, browser), "stamp": forms.stamp(home.app.secret, home.clock.now())}
            for more in (
                {},
                {"do": "preview", "rhythm": "hourly", "timezone": "UTC", "quiet": "", "prominence": "any"},
            ):
                home.clock.advance(timedelta(seconds=30))
                answer = browser.ask(path, fields | more)
                assert answer.status < 500, (route.path, answer.page)
                if is_html(answer):
                    assert Markup(answer.page).wrong == [], route.path


def test_no_secret_is_on_any_page_for_anybody(home: House) -> None:
    every = readers(home)
    secrets = home.secrets | {"session": every["operator"].cookies["__Host-session"], "link": link(home.app)}
    for route in routes(home, "GET"):
        for browser in every.values():
            page = browser.ask(filled(home, route.path)).page
            assert [name for name, secret in secrets.items() if secret in page] == [], route.path
    page = every["operator"].ask("/configuration").page
    assert "set, not shown here" in page
    assert "http://***@127.0.0.1:1" in page
    assert "a name and password, a proxy of its own, the header X-Key" in page
    assert "ntfys (chat or push)" in page
    assert len({name for name in home.secrets if name.startswith("message")}) == 3
    assert len(SECRETS) == 10


# -- what a request calls us -----------------------------------------------------------------------------------------

NAMES = ["evil.example", "evil.example:8080", "news.example.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example.",
         "[::1", "a b", "127.0.0.1@evil.example", "/unsubscribe/x?", "news.example/../"]  # fmt: skip
OURS = [
    "127.0.0.1",
    "127.0.0.1:9",
    "192.168.1.7:8080",
    "[::1]:8080",
    "localhost",
    "LocalHost:8080",
    "x.localhost",
    "localhost.",
    "desk",
]


def test_without_a_public_url_only_names_that_nobody_else_can_have_are_served(tmp_path: Path) -> None:
    write_home(tmp_path, [])
    with build(tmp_path, ENVIRON) as app, served(app) as url:
        browser = Browser(url)
        browser.sign_in(app)
        for name in NAMES:
            for path in ("/help", "/configuration"):
                answer = browser.ask(path, Host=name)
                assert answer.status in (400, 421), (name, answer.status)
                assert "<h1>Settings" not in answer.page
        assert "web.public_url" in answer.page or answer.status == 400
        assert [name for name in OURS if browser.ask("/configuration", Host=name).status != 200] == []
        assert browser.ask("/help", Host="news.example").status == 421


def test_with_a_public_url_what_a_request_calls_us_decides_nothing(home: House) -> None:
    browser, said = operator(home), []
    for name in ["news.example", *OURS, *NAMES]:
        answer = browser.ask("/help", Host=name)
        said.append(answer.page if answer.status == 200 else "")
    assert len(set(filter(None, said))) == 1
    assert said[0]


def test_no_page_and_no_mail_says_what_a_request_calls_us(home: House) -> None:
    said = {
        "Host": "forgedname",
        "X_Forwarded_Host": "evil.example",
        "Forwarded": "host=evil.example",
        "X_Original_Host": "evil.example",
    }
    paths = [filled(home, route.path) for route in routes(home, "GET")]
    for path in [*paths, *(f"{path}/" for path in paths if path != "/")]:
        answer = operator(home).ask(path, **said)
        everything = answer.page + str(answer.headers)
        assert "forgedname" not in everything, path
        assert "evil.example" not in everything, path
    before = set(home.app.configuration.home.mail.glob("*.eml"))
    with (
        build(home.home, ENVIRON | {"AGGREGATOR__MAIL__HOST": "", "AGGREGATOR__NETWORK__PROXY": ""}, home.clock) as app,
        served(app) as url,
    ):
        home.clock.advance(timedelta(days=2))
        subscribe(url, home.clock, **said)
        app.send.run()
        sent = [path.read_bytes() for path in set(app.configuration.home.mail.glob("*.eml")) - before]
    letters = [mail for mail in sent if ANNA.encode() in mail]
    assert letters
    assert not any(b"forgedname" in mail or b"evil.example" in mail for mail in sent)
    assert all(b"https://news.example/" in mail for mail in letters)


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "headers", "status", "says"),
    [
        ("GET /nowhere", {}, 404, "no page at this address"),
        ("GET /%00", {}, 404, "no page at this address"),
        ("POST /help", {"Content-Type": "application/x-www-form-urlencoded"}, 403, "shown too long ago"),
        ("PUT /unsubscribe/x", {}, 405, "not made for that"),
        ("POST /subscribe", {"Content-Length": "70000"}, 413, "too large"),
        ("POST /subscribe", {"Content-Length": "x"}, 400, ""),
        ("POST /subscribe", {"Transfer-Encoding": "chunked"}, 411, "how long"),
        ("POST /subscribe", {"Content-Type": "multipart/form-data"}, 400, "no form of ours"),
        ("GET /configuration", {}, 403, "aggregator admin link --next configuration"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_page_that_says_what_to_do(
    home: House, asked: str, headers: dict[str, str], status: int, says: str
) -> None:
    answer = raw(home.url, asked, headers)
    assert f" {status} " in answer.partition("\r\n")[0], answer
    assert says in answer
    if status == 405:
        assert re.search(r"^allow: \w+", answer, re.MULTILINE | re.IGNORECASE)
    if says:
        assert Markup(answer.partition("\r\n\r\n")[2]).wrong == []
        assert answer.count("<h1>") == 1
        assert "default-src 'none'" in answer


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "raw_unicode_escape"])
def test_half_a_character_that_a_charset_smuggles_in_is_no_form_of_ours(home: House, charset: str) -> None:
    fields = {"stamp": forms.stamp(home.app.secret, home.clock.now()), "rhythm": "hourly", "query": "x +2AA- \\ud800"}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    connection = HTTPConnection(urlsplit(home.url).netloc, timeout=10)
    try:
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        connection.request("POST", "/subscribe", "".join(parts) + "--x--\r\n", {"Content-Type": kind})
        assert connection.getresponse().status == 400
    finally:
        connection.close()


def raw(url: str, asked: str, headers: dict[str, str]) -> str:
    """An answer to bytes that no client library would send."""
    given = {"Host": "localhost", "Connection": "close"} | headers
    body = "0\r\n\r\n" if "Transfer-Encoding" in headers else ""
    lines = [f"{asked} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_fault_of_ours_is_a_whole_page_and_a_line_in_the_log(
    home: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("why, with a s3cret")

    def unusable() -> None:
        raise StoreError("disk I/O error")

    def halves() -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "<p>half"
            raise RuntimeError("the other half")

        return StreamingResponse(parts(), media_type="text/html")

    kept = site.build

    def build_more(app: object, **more: object) -> FastAPI:
        made = kept(app, **more)  # type: ignore[arg-type] # they are the App and its progress
        for path, answer in (
            ("/broken/{token}", broken),
            ("/unusable", unusable),
            ("/halves", halves),
            ("/numbers/{n}", numbers),
        ):
            made.get(path, response_model=None)(answer)
        return made

    def numbers(n: int, q: int = 0) -> str:
        return str(n + q)

    monkeypatch.setattr("aggregator.web.server.build", build_more)
    with ExitStack() as stack:
        url = stack.enter_context(served(home.app))
        with caplog.at_level(logging.ERROR, "aggregator"):
            answer = Browser(url).ask("/broken/a-token-of-somebody")
            assert (answer.status, "fault of ours" in answer.page, "</html>" in answer.page) == (500, True, True)
            assert "s3cret" not in answer.page
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            [record] = caplog.records
            assert (record.getMessage(), record.exc_info is not None) == ("web page /broken", True)
            assert "a-token" not in caplog.text
            assert Browser(url).ask("/unusable").status == 503
            assert caplog.messages[-1] == "web page /unusable: disk I/O error"
            half = raw(url, "GET /halves", {})
            assert "</html>" not in half
            assert not half.endswith("0\r\n\r\n"), "half a page is none: the connection breaks"
            assert [Browser(url).ask(path).status for path in ("/numbers/x", "/numbers/1?q=x", "/numbers/1")] == [
                404,
                400,
                200,
            ]


def test_where_no_page_can_be_made_a_bare_one_is_sent(
    home: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is gone when somebody with a session asks: the door fails, and the frame of pages after it."""

    def gone(*_: object) -> None:
        raise StoreError("the database is gone")

    browser = operator(home)
    monkeypatch.setattr(type(home.app.stores.credentials), "find", gone)
    monkeypatch.setattr(type(home.app), "subscribe", property(gone))
    with caplog.at_level(logging.ERROR, "aggregator"):
        answer = browser.ask("/help")
    assert (answer.status, wrong.NOT_NOW in answer.page) == (503, True)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "gone" not in answer.page


# -- what is told ----------------------------------------------------------------------------------------------------


def test_the_page_about_privacy_says_what_the_program_does(home: House) -> None:
    from aggregator import subscribe as line
    from aggregator.reading import LINK, SESSION
    from aggregator.store.sql import credentials, tidying

    page = Browser(home.url).ask("/help").page
    assert f"forgotten after {tidying.REQUESTS.days} days" in page
    assert f"forgotten after {tidying.UNCONFIRMED.days} days" in page
    assert f"works for {line.CONFIRM // timedelta(hours=1)} hours" in page
    assert (timedelta(hours=1), timedelta(hours=12), timedelta(days=7)) == (line.MANAGE, SESSION, credentials.KEPT)
    assert "for one hour" in page
    assert "for twelve hours" in page
    assert "a week after it is over" in page
    assert "<code>__Host-manage</code>" in page
    assert "<code>__Host-session</code>" in page
    assert timedelta(minutes=15) == LINK
    assert "within 15 minutes" in Browser(home.url).ask("/sign-in").page
    assert re.search(r"aggregator \d+\.\d+", page)
    # No cookie is set by looking around.
    for route in routes(home, "GET"):
        answer = Browser(home.url).ask(filled(home, route.path))
        assert answer.cookie == "" or route.path == "/manage/{token}", route.path


def test_the_settings_say_what_is_in_force_and_what_differs(home: House) -> None:
    page = operator(home).ask("/configuration").page
    changed = page.partition("<h2>Set here</h2>")[2].partition("</section>")[0]
    assert re.findall(r"<code>([\w.]+)</code>", changed) == [
        "network.host_spacing", "network.allow_private", "network.proxy", "polling.workers", "mail.host", "mail.port", "mail.security",
        "mail.username", "mail.password", "mail.from_name", "mail.footer", "web.public_url", "web.search_time", "signup.mode", "signup.queries",
        "signup.contact",
    ]  # fmt: skip
    assert "Default: closed." in changed
    from aggregator.settings import known_settings

    every = page.partition("<h2>Every setting</h2>")[2]
    assert re.findall(r"<code>([\w.]+)</code>", every) == [".".join(way) for way, _ in known_settings()]
    assert "4 feeds" in page
    assert "webhook, signed with 1 key" in page
    assert "1 address, 2 channels" in page
