"""Subscribing, leaving and managing over real HTTP and SMTP: looking changes nothing, and no page says whose address is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.readership import Asker
from aggregator.sample.sink import Sink
from aggregator.web.links import Links
from aggregator.web.pages import build as pages
from aggregator.web.server import WebThread
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, rss, write_home
from tests.e2e.program import smtp
from tests.e2e.test_subscribe import ANNA, BORIS, tables

HOUR = timedelta(hours=1)
CHOICE = {"watchlist": "csto", "rhythm": "daily 07:30", "timezone": "Europe/Minsk", "do": "ask"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass
class Place:
    """A home whose clock is staged, its pages, its mail server, and a browser with cookies."""

    app: App
    clock: SetClock
    url: str
    sink: Sink
    items: list[Item]
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, fields: dict[str, str] | None = None, method: str = "", **headers: str
    ) -> tuple[HTTPResponse, str]:
        """GET, or POST of the fields."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        body = None
        if fields is not None:
            body = urlencode(fields)
            given.setdefault("Content-Type", "application/x-www-form-urlencoded")
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, given)
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def stamp(self, path: str = "/subscribe") -> str:
        """That of a form shown half a minute ago."""
        found = re.search(r'name="stamp" value="([^"]+)"', self.ask(path)[1])
        assert found
        self.clock.advance(timedelta(seconds=30))
        return found[1]

    def sign_up(self, address: str, network: str = "203.0.113.9", **fields: str) -> tuple[int, str]:
        given = CHOICE | {"address": address, "stamp": self.stamp()} | fields
        response, page = self.ask("/subscribe", given, X_Forwarded_For=network)
        return response.status, page

    def publish(self, title: str) -> None:
        self.clock.advance(timedelta(minutes=1))
        self.items.append(Item(title, title, title, self.clock.now()))
        list(self.app.poll.sweep(everything=True))

    def tick(self, by: timedelta = timedelta()) -> None:
        self.clock.advance(by)
        self.app.following.attend()
        self.app.compose.run()
        self.app.send.run()

    def mails(self, address: str = "") -> list[EmailMessage]:
        parsed = [
            message_from_bytes(m.content, policy=policy.default)
            for m in self.sink.messages
            if address in "".join(m.recipients)
        ]
        return [m for m in parsed if isinstance(m, EmailMessage)]

    def link(self, kind: str, address: str = ANNA) -> str:
        """The path of the newest link of this kind."""
        text = "".join(part.get_content() for m in self.mails(address) for part in m.walk() if not part.is_multipart())
        return str(re.findall(rf"https://news\.example(/{kind}/[a-z2-7]{{26}})", text)[-1])

    def states(self) -> list[tuple[str, str]]:
        return [(s.address, s.state) for s in self.app.stores.subscriptions.list()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    items = [Item("0", "Nothing yet")]

    def serve(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    with ExitStack() as stack:
        server, sink = stack.enter_context(FeedServer()), stack.enter_context(Sink())
        write_home(tmp_path, [{"id": "a", "url": server.add("/a", serve)}], watchlists=WATCHLISTS)
        settings: dict[str, Any] = {
            **smtp(sink.host, sink.port),
            "web": {"public_url": "https://news.example", "trusted_proxies": ["127.0.0.0/8"]},
            "signup": {"mode": "open", "queries": True, "contact": "The news desk"},
        }
        (tmp_path / "config/aggregator.yaml").write_text(json.dumps(settings))
        clock = SetClock(START)
        app = stack.enter_context(build(tmp_path, ENVIRON, clock))
        app.sync()
        list(app.poll.sweep())  # the first poll of a feed raises no alert
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        stack.callback(thread.stop)
        yield Place(app, clock, thread.url, sink, items)


def test_from_the_form_to_the_mailbox_and_out_again_with_one_click(place: Place) -> None:
    status, page = place.sign_up(ANNA)
    assert status == 200
    assert "Look into your mailbox" in page
    place.tick()
    [letter] = place.mails()
    assert letter["To"] == ANNA
    assert letter["Subject"] == "Please confirm: CSTO"
    assert letter["Auto-Submitted"] == "auto-generated"
    parts = [part.get_content() for part in letter.iter_parts()]
    links = [sorted(re.findall(r"https://news\.example/[^\s>\"]+", part)) for part in parts]
    assert links[0] == links[1]
    assert all("203.0.113.0/24" in part and "@csto" in part for part in parts)
    assert "daily 07:30 (Europe/Minsk)" in place.ask(place.link("confirm"))[1]
    assert place.states() == [(ANNA, "pending")]
    assert place.ask(place.link("confirm"), {})[0].status == 200
    assert place.states() == [(ANNA, "active")]
    assert place.ask(place.link("confirm"), {})[0].status == 404, "once"
    place.publish("CSTO meets")
    place.tick(24 * HOUR)
    digest = place.mails()[-1]
    assert "CSTO meets" in digest.as_string()
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    place.publish("CSTO meets again")
    place.clock.advance(24 * HOUR)
    place.app.compose.run()
    assert [m.state for m in place.app.stores.outbox.list(["waiting"])] == ["waiting"]
    for _ in range(2):
        response, page = place.ask(place.link("unsubscribe"), ONE_CLICK)
        assert (response.status, "You are unsubscribed" in page) == (200, True)
    assert place.states() == [(ANNA, "ended")]
    place.tick()
    assert len(place.mails()) == 2, "what was queued is cancelled"
    assert place.app.stores.editions.digests() == []


def test_the_one_click_is_taken_as_multipart_too_and_nothing_else_is_taken_for_it(place: Place) -> None:
    token = self_made(place)
    for body in ({}, {"List-Unsubscribe": "Two-Clicks"}, {"x": "One-Click"}):
        response, page = place.ask(token, body)
        assert (response.status, "Press one of the buttons" in page) == (400, True)
    assert place.states() == [(ANNA, "active")]
    connection = HTTPConnection(urlsplit(place.url).netloc, timeout=10)
    multipart = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    connection.request(
        "POST", token, multipart, {"Content-Type": "multipart/form-data; boundary=b", "Origin": "https://mail.example"}
    )
    answer = connection.getresponse()
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    connection.close()
    assert place.states() == [(ANNA, "ended")]


def self_made(place: Place, rhythm: str = "instant") -> str:
    """The path that ends a subscription which the operator made, out of its first mail."""
    line = place.app.subscribe
    line.add(ANNA, line.choice({"watchlist": "csto", "rhythm": rhythm}), Asker("command line"))
    place.publish(f"CSTO meets, told {rhythm}")
    place.tick(HOUR)
    return place.link("unsubscribe")


def test_scanners_that_fetch_every_link_change_nothing(place: Place) -> None:
    """Every GET route, twice, with tokens that are good for it: the database stays as it is. (All others: test_web_safety.py.)"""
    end = self_made(place)
    place.clock.advance(HOUR)
    place.sign_up(BORIS)
    stamp = place.stamp("/manage")
    place.ask("/manage", {"address": ANNA, "stamp": stamp})
    place.tick()
    _, page = place.ask(end, ONE_CLICK)
    undo = re.search(r"/undo/[a-z2-7]{26}", page)
    assert undo
    edition = place.app.stores.editions.editions()[0]
    tokens = {
        "/confirm/{token}": place.link("confirm", BORIS),
        "/refuse/{token}": place.link("refuse", BORIS),
        "/manage/{token}": place.link("manage"),
        "/unsubscribe/{token}": end,
        "/undo/{token}": undo[0],
        "/editions/{digest}/{key}": f"/editions/{edition.digest_id}/{edition.key}",
        "/editions/{digest}/{key}.css": f"/editions/{edition.digest_id}/{edition.key}.css",
        "/static/{name}": Links().asset("aggregator.css"),
        "/days/{day}": Links()("day", day=f"{place.clock.now():%Y-%m-%d}"),
        "/watchlists/{watchlist}": "/watchlists/csto",
        "/watchlists/{watchlist}.{form}": "/watchlists/csto.atom",
        "/digests/{digest}.{form}": f"/digests/{edition.digest_id}.json",
        "/search.{form}": "/search.atom?q=csto",
    }
    routes = [r for r in pages(place.app).routes if "GET" in getattr(r, "methods", ())]
    names = [str(getattr(route, "path", "")) for route in routes]
    assert not set(tokens) - set(names)
    paths = [tokens.get(name, name) for name in names if name in tokens or "{" not in name]
    home = place.app.configuration.home.path
    place.cookies["__Host-manage"] = place.link("manage").rpartition("/")[2]
    before = tables(home)
    for path in paths * 2:
        for method in ("GET", "HEAD"):
            status = place.ask(path, method=method)[0].status
            # What a reader chose for themselves is nobody else's feed.
            wanted = (
                (404,)
                if path.startswith("/digests/")
                else (200, 303)
                if path in tokens.values()
                else (200, 303, 401, 403)
            )
            assert status in wanted, (path, status)
    assert tables(home) == before


def test_the_answer_is_the_same_whoever_the_address_is(place: Place) -> None:
    self_made(place)
    place.app.subscribe.erase(BORIS)
    answers = [
        place.sign_up(a, f"198.51.{n}.1")
        for n, a in enumerate([ANNA, BORIS, "new@example.org", "new@example.org", "abuse@example.org"])
    ]
    answers.append(place.sign_up("another@example.org", website="https://spam.example"))
    assert len(set(answers)) == 1
    links = []
    for address in (ANNA, BORIS, "nobody@example.org"):
        response, page = place.ask("/manage", {"address": address, "stamp": place.stamp("/manage")})
        links.append((response.status, page))
    assert len(set(links)) == 1
    place.tick()
    subjects = sorted((m["To"], m["Subject"]) for m in place.mails() if not m["List-Id"])
    assert subjects == [(ANNA, "Please confirm: CSTO"), ("new@example.org", "Please confirm: CSTO")]


def test_a_flood_of_requests_sends_no_more_letters_than_the_limits(place: Place) -> None:
    stamp = place.stamp()
    for n in range(counts.count(150, 1000)):
        fields = CHOICE | {"address": f"victim{n % 7}@d{n}.example", "stamp": stamp}
        place.ask("/subscribe", fields, X_Forwarded_For=f"10.{n % 20}.0.{n % 250}")
    place.tick()
    assert len(place.mails()) == 60
    assert len(place.app.stores.subscriptions.list()) == 60


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"address": "nonsense"}, "is not a mail address"),
        ({"address": "a@b@c\r\nBcc: x@y.example"}, "is not a mail address"),
        ({"rhythm": "now and then"}, "is not a rhythm"),
        ({"timezone": "Mars/Olympus"}, "is not an IANA time zone"),
        ({"quiet": "late"}, "quiet hours"),
        ({"watchlist": "<script>"}, "no watchlist"),
        ({"query": "(unclosed"}, "("),
        ({"prominence": "huge"}, "is no prominence"),
        ({"stamp": "1.2"}, "once more"),
        ({"stamp": ""}, "once more"),
    ],
)
def test_a_bad_form_is_told_what_is_wrong_and_nothing_is_stored(
    place: Place, fields: dict[str, str], says: str
) -> None:
    given = {"address": ANNA} | fields
    status, page = place.sign_up(given.pop("address"), **given)
    assert (status, says in page) == (403 if "stamp" in fields else 400, True), page
    assert "<script>" not in page
    assert place.app.stores.subscriptions.list() == []


def test_forms_of_other_sites_torn_forms_and_large_ones_are_refused(place: Place) -> None:
    fields = CHOICE | {"address": ANNA, "stamp": place.stamp()}
    assert place.ask("/subscribe", fields, Origin="https://evil.example")[0].status == 403
    assert place.ask("/subscribe", fields | {"query": "x\0y"})[0].status == 400
    assert place.ask("/subscribe", {"query": "x" * 70_000})[0].status == 413
    assert place.ask("/subscribe", fields, Content_Type="multipart/form-data; boundary=b")[0].status in (400, 403)
    assert place.ask("/subscribe", method="DELETE")[0].status in (403, 405)
    assert place.app.stores.subscriptions.list() == []
    assert place.ask("/subscribe", fields, Origin="https://news.example")[0].status == 200


def test_a_form_comes_from_our_own_pages_as_browsers_send_it(place: Place) -> None:
    """Whoever sends no referrer sends `Origin: null` with its forms (Fetch, "append a request Origin header")."""
    fields = CHOICE | {"address": ANNA, "stamp": place.stamp()}
    assert place.ask("/subscribe", fields, Origin="null", Sec_Fetch_Site="cross-site")[0].status == 403
    assert place.ask("/subscribe", fields, Origin="null", Sec_Fetch_Site="same-origin")[0].status == 200
    assert place.ask("/manage", {"address": ANNA, "stamp": place.stamp()}, Origin="null")[0].status == 200


def test_a_preview_tells_what_a_choice_would_have_brought_and_stores_nothing(place: Place) -> None:
    for n in range(3):
        place.publish(f"Grain & number {n}")
    before = tables(place.app.configuration.home.path)
    response, page = place.ask("/subscribe", CHOICE | {"query": "grain", "do": "preview", "stamp": place.stamp()})
    assert response.status == 200
    assert "In the last 30 days: 3 entries, 3 stories" in page
    assert "<mark>Grain</mark> &amp; number" in page
    assert "About 0.1 entries a day" in page
    assert (
        "a day" not in place.ask("/subscribe", CHOICE | {"query": "barley", "do": "preview", "stamp": place.stamp()})[1]
    )
    assert tables(place.app.configuration.home.path) == before


def test_the_page_behind_the_link_offers_pause_rhythm_all_and_second_thoughts(place: Place) -> None:
    path = self_made(place)
    assert place.ask(path, {"do": "pause"})[0].status == 200
    [paused] = place.app.stores.subscriptions.list()
    assert (paused.state, paused.paused_until) == ("paused", place.clock.now() + timedelta(days=30))
    assert place.ask(path, {"do": "rhythm", "rhythm": "weekly fri 17:00", "timezone": "Asia/Tokyo"})[0].status == 200
    assert place.app.stores.subscriptions.list()[0].digest_id == "csto.weekly-fri-1700.asia-tokyo"
    assert place.ask(path, {"do": "rhythm", "rhythm": "never"})[0].status == 400
    page = place.ask(path, {"do": "all"})[1]
    [undo] = re.findall(r"/undo/[a-z2-7]{26}", page)
    assert place.states() == [(ANNA, "ended")]
    assert place.ask(undo, {})[0].status == 200
    assert place.states() == [(ANNA, "active")]
    assert place.ask(undo, {})[0].status == 404


def test_ones_own_subscriptions_are_managed_behind_a_link_that_leaves_the_address_bar(place: Place) -> None:
    self_made(place)
    place.clock.advance(HOUR)
    place.ask("/manage", {"address": ANNA.upper(), "stamp": place.stamp("/manage")})
    place.tick()
    response, _ = place.ask(place.link("manage"))
    assert (response.status, response.headers["Location"], response.headers["Referrer-Policy"]) == (
        303,
        "/manage",
        "no-referrer",
    )
    cookie = response.headers["Set-Cookie"]
    for part in ("__Host-manage=", "HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert part in cookie
    name, _, value = cookie.partition(";")[0].partition("=")
    assert ANNA not in place.ask("/manage")[1], "without the cookie there is a form only"
    place.cookies[name] = value
    page = place.ask("/manage")[1]
    assert ANNA in page
    [mark] = set(re.findall(r'name="mark" value="(\w+)"', page))
    mine = str(place.app.stores.subscriptions.list()[0].id)
    assert place.ask("/manage/do", {"do": "end", "id": mine, "mark": "0" * 32})[0].status == 403
    assert (
        place.ask("/manage/do", {"do": "end", "id": mine, "mark": mark}, Origin="https://evil.example")[0].status == 403
    )
    steps = {"pause long": "paused", "resume": "active", "pause": "paused", "end": "ended"}
    for do, state in steps.items():
        assert place.ask("/manage/do", {"do": do, "id": mine, "mark": mark})[0].status == 303
        assert place.states() == [(ANNA, state)]
    assert place.ask("/manage/do", {"do": "resume", "id": "999", "mark": mark})[0].status == 400
    exported = json.loads(place.ask("/manage/export")[1])
    assert [c["event"] for c in exported["consents"]] == ["added", "paused", "resumed", "paused", "ended"]
    assert place.ask("/manage/do", {"do": "erase", "mark": mark})[0].status == 200
    assert "anna" not in repr(tables(place.app.configuration.home.path)).lower()
    assert "Send me the link" in place.ask("/manage")[1]


def test_a_session_lasts_as_long_as_its_link(place: Place) -> None:
    self_made(place)
    place.clock.advance(HOUR)
    place.ask("/manage", {"address": ANNA, "stamp": place.stamp("/manage")})
    place.tick()
    place.cookies["__Host-manage"] = place.link("manage").rpartition("/")[2]
    assert ANNA in place.ask("/manage")[1]
    place.clock.advance(HOUR)
    assert ANNA not in place.ask("/manage")[1]
    assert place.ask("/manage/export")[0].status == 403
    assert place.ask("/manage/do", {"do": "end all"})[0].status == 403
    assert place.ask(place.link("manage"))[0].status == 404


def test_a_letter_is_no_way_to_write_to_strangers(place: Place) -> None:
    """What the form is filled in with comes to a mailbox that did not ask: no subject, no link of it."""
    text = '"buy pills" OR "visit https://spam.example/now" OR mail@spam.example'
    assert place.sign_up(ANNA, query=text)[0] == 200
    place.tick()
    [letter] = place.mails()
    assert letter["Subject"] == "Please confirm: a query of your own"
    for part in letter.iter_parts():
        said = part.get_content()
        assert "spam.example" not in said
        assert "https://spam" not in said


def test_readers_own_editions_stand_in_no_public_list(place: Place) -> None:
    self_made(place)
    edition = place.app.stores.editions.editions()[0]
    path = f"/editions/{edition.digest_id}/{edition.key}"
    assert place.ask(path)[0].status == 200
    assert edition.digest_id not in place.ask("/")[1]
    assert edition.subject not in (place.app.configuration.home.pages / "index.html").read_text("utf-8")


def test_without_a_public_address_no_link_is_promised(place: Place) -> None:
    closed = place.app.configuration.settings.model_copy(update={"web": type(place.app.configuration.settings.web)()})
    stamp = place.stamp("/manage")
    place.app.configuration = replace(place.app.configuration, settings=closed)
    for answer in (place.ask("/manage"), place.ask("/manage", {"address": ANNA, "stamp": stamp})):
        assert "The news desk" in answer[1]
        assert answer[0].status in (200, 403)


def test_closed_is_closed(place: Place) -> None:
    place.app.subscribe.rules = type(place.app.subscribe.rules)()
    response, page = place.ask("/subscribe")
    assert (response.status, "The news desk" in page) == (200, True)
    assert place.ask("/subscribe", CHOICE | {"address": ANNA})[0].status == 403
    assert place.app.stores.subscriptions.list() == []
    page = place.ask("/help")[1]
    assert "The news desk" in page
    assert "/subscribe" not in page
