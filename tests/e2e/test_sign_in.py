"""Signing in: a link from the command line, one button, twelve hours; and what others make of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.jobs import Jobs
from aggregator.reading import SESSION
from aggregator.web import throttle
from aggregator.web.door import TOKEN
from aggregator.web.frame import Frame
from aggregator.web.visit import VISIT, Visit
from tests.e2e.browser import Browser, link, served
from tests.e2e.homes import ENVIRON, START, write_home
from tests.e2e.program import aggregator, done
from tests.e2e.test_subscribe import tables

PRIVATE = "/manage/do"
REDIRECTS = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%2f%2fevil.example", "%2f%2fevil.example",
    "https://evil.example", "https:evil.example", "http:/\\evil.example", "HTTPS://EVIL.EXAMPLE/", "javascript:alert(1)",
    "data:text/html,x", "/outbox", "/", "?x", "outbox?x=//evil.example", "outbox\r\nLocation: https://evil.example", " outbox",
    "story", "sign-out", "sign-in", "evil.example", "@evil.example", "today/../../evil", "Outbox", "﹨evil.example",
]  # fmt: skip
"""What stands in `next` in other people's bug reports; none is the name of a page that stands by itself."""


@dataclass
class Place:
    app: App
    clock: SetClock
    url: str

    def browser(self) -> Browser:
        return Browser(self.url)

    def calm(self) -> None:
        """Let the tries of the tests before this one be over."""
        self.clock.advance(throttle.SPAN)

    @property
    def home(self) -> Path:
        return self.app.configuration.home.path


def settled(home: Path, stack: ExitStack, **web: Any) -> Place:
    """A home without feeds, and its pages."""
    write_home(home, [])
    (home / "config/aggregator.yaml").write_text(json.dumps({"web": web}))
    clock = SetClock(START)
    app = stack.enter_context(build(home, ENVIRON, clock))
    app.sync()
    return Place(app, clock, stack.enter_context(served(app)))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield settled(
            tmp_path_factory.mktemp("house"), stack, public_url="https://news.example", trusted_proxies=["127.0.0.0/8"]
        )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Without a public URL and without a proxy."""
    with ExitStack() as stack:
        yield settled(tmp_path_factory.mktemp("plain"), stack)


@pytest.fixture
def place(house: Place) -> Place:
    house.calm()
    return house


# -- the way in ------------------------------------------------------------------------------------------------------


def test_a_link_from_the_command_line_signs_a_browser_in_and_leads_on(place: Place) -> None:
    # The command has a clock of its own, which is not staged.
    said = done(place.home, "admin", "link", "--next", "outbox")
    assert re.fullmatch(r"https://news\.example/sign-in/[a-z2-7]{26}\?next=outbox\n", said.out)
    browser, path = place.browser(), said.out.strip().removeprefix("https://news.example")
    shown = browser.ask(path)
    assert (shown.status, shown.field("next")) == (200, "outbox")
    entered = browser.ask(path, {"stamp": shown.field("stamp"), "next": shown.field("next")})
    assert (entered.status, entered.location) == (303, "/outbox")
    assert "You are signed in" in browser.ask("/sign-in").page
    assert "Sign out" in browser.ask("/help").page
    assert "You are signed in" not in place.browser().ask("/sign-in").page


def test_looking_at_a_link_a_hundred_times_does_not_use_it_up_and_its_button_does(place: Place) -> None:
    token = link(place.app)
    before = tables(place.home)
    for method in ["GET", "HEAD"] * 50:
        assert place.browser().ask(f"/sign-in/{token}", method=method).status == 200
    assert tables(place.home) == before
    browser = place.browser()
    stamp = browser.ask(f"/sign-in/{token}").field("stamp")
    assert browser.ask(f"/sign-in/{token}", {"stamp": stamp}).status == 303
    again = place.browser()
    for answer in (again.ask(f"/sign-in/{token}"), again.ask(f"/sign-in/{token}", {"stamp": stamp})):
        assert (answer.status, "This link signs nobody in" in answer.page, answer.cookie) == (404, True, "")


def test_a_link_works_for_fifteen_minutes(place: Place) -> None:
    token = link(place.app)
    place.clock.advance(timedelta(minutes=14, seconds=59))
    assert place.browser().ask(f"/sign-in/{token}").status == 200
    place.clock.advance(timedelta(seconds=1))
    assert place.browser().ask(f"/sign-in/{token}").status == 404


@pytest.mark.parametrize("page", REDIRECTS)
def test_what_follows_a_sign_in_is_a_page_of_ours_by_name_or_today(place: Place, page: str) -> None:
    browser = place.browser()
    answer = browser.sign_in(place.app, page)
    assert (answer.status, answer.location) == (303, "/")
    if page.isascii() and page.isprintable():
        token = link(place.app)
        assert browser.ask(f"/sign-in/{token}?next={page.replace(' ', '+')}").field("next") == ""


def test_a_sign_in_is_not_taken_from_another_site_or_without_our_form(place: Place) -> None:
    token = link(place.app)
    stamp = place.browser().ask(f"/sign-in/{token}").field("stamp")
    for fields, headers in (
        ({"stamp": stamp}, {"Origin": "https://evil.example"}),
        ({"stamp": stamp}, {"Origin": "null", "Sec_Fetch_Site": "cross-site"}),
        ({"stamp": stamp}, {"Origin": "https://["}),
        ({"stamp": "1.2"}, {}),
        ({}, {}),
    ):
        answer = place.browser().ask(f"/sign-in/{token}", fields, **headers)
        assert (answer.status, answer.cookie) == (403, ""), (fields, headers)
    assert place.browser().ask(f"/sign-in/{token}", {"stamp": stamp}, Origin="https://news.example").status == 303


def test_only_the_hash_of_a_link_and_of_a_session_is_stored(place: Place) -> None:
    token, browser = link(place.app), place.browser()
    browser.ask(f"/sign-in/{token}", {"stamp": browser.ask(f"/sign-in/{token}").field("stamp")})
    everything = repr(tables(place.home))
    assert token not in everything
    assert browser.cookies["__Host-session"] not in everything


# -- the session -----------------------------------------------------------------------------------------------------


def test_the_cookie_is_sent_to_nobody_else_and_read_by_no_script(place: Place, plain: Place) -> None:
    cookie = place.browser().sign_in(place.app).cookie
    value = re.fullmatch(
        r"__Host-session=([a-z2-7]{26}); HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure", cookie
    )
    assert value, cookie
    unproxied = plain.browser().sign_in(plain.app).cookie
    assert re.fullmatch(r"session=[a-z2-7]{26}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", unproxied)


def test_a_session_that_somebody_else_chose_is_worth_nothing(place: Place) -> None:
    chosen = "a" * 26
    browser = place.browser()
    browser.cookies["__Host-session"] = chosen
    assert "Sign out" not in browser.ask("/help").page
    browser.sign_in(place.app)
    assert browser.cookies["__Host-session"] != chosen
    fixed = place.browser()
    fixed.cookies["__Host-session"] = chosen
    assert "Sign out" not in fixed.ask("/help").page
    # Over https a cookie of the plain name, which a neighbour's host may set, is not looked at.
    fixed.cookies = {"session": browser.cookies["__Host-session"]}
    assert "Sign out" not in fixed.ask("/help").page


def test_a_session_lasts_twelve_hours_however_much_it_is_used(place: Place) -> None:
    browser = place.browser()
    browser.sign_in(place.app)
    for _ in range(11):
        place.clock.advance(timedelta(hours=1))
        assert "Sign out" in browser.ask("/help").page
    place.clock.advance(timedelta(hours=1))
    assert "Sign out" not in browser.ask("/help").page


def test_signing_in_again_ends_the_session_before(place: Place) -> None:
    browser = place.browser()
    browser.sign_in(place.app)
    before = Browser(place.url, dict(browser.cookies))
    browser.sign_in(place.app)
    assert "Sign out" in browser.ask("/help").page
    assert "Sign out" not in before.ask("/help").page


def test_signing_out_ends_the_session_in_the_database(place: Place) -> None:
    browser = place.browser()
    browser.sign_in(place.app)
    stolen = Browser(place.url, dict(browser.cookies))
    mark = browser.ask("/help").field("mark")
    assert browser.ask("/sign-out", {"mark": "0" * 32}).status == 403
    assert browser.ask("/sign-out", {"mark": mark}, Origin="https://evil.example").status == 403
    answer = browser.ask("/sign-out", {"mark": mark})
    assert (answer.status, answer.location, browser.cookies) == (303, "/sign-in", {})
    assert "Sign out" not in stolen.ask("/help").page
    # A page that was left open: what is over can be ended again.
    assert stolen.ask("/sign-out", {"mark": mark}).status == 303


def test_a_mark_is_that_of_one_session(place: Place) -> None:
    one, other = place.browser(), place.browser()
    one.sign_in(place.app)
    other.sign_in(place.app)
    assert other.ask("/sign-out", {"mark": one.ask("/help").field("mark")}).status == 403
    assert "Sign out" in other.ask("/help").page


def test_pages_that_are_kept_hold_the_mark_of_who_asks(place: Place) -> None:
    frame, marks = Frame(place.app), set()
    for binding in ("a|", "b|"):
        VISIT.set(Visit("operator", binding))
        body = bytes(frame.kept("page", (), lambda: (frame.text("signin.html.j2"), ())).body).decode()
        marks.add(re.findall(r'name="mark" value="(\w+)"', body)[0])
    VISIT.set(Visit())
    assert len(marks) == 2


# -- tries -----------------------------------------------------------------------------------------------------------


def test_who_tries_links_that_are_none_waits_a_minute_and_no_longer(place: Place) -> None:
    guesser = "198.51.100.7"
    for n in range(throttle.OF_ONE):
        assert place.browser().ask(f"/sign-in/{'a' * 25}{'bcdefgh'[n]}", X_Forwarded_For=guesser).status == 404
    right = link(place.app)
    for _ in range(20):
        held = place.browser().ask(f"/sign-in/{right}", X_Forwarded_For="198.51.100.200")
        assert (held.status, held.headers["Retry-After"]) == (429, "60")
    assert "Too many tries" in held.page
    stamp = place.browser().ask(f"/sign-in/{right}", X_Forwarded_For="203.0.113.1").field("stamp")
    assert stamp, "another network is not held up"
    assert place.browser().ask(f"/sign-in/{right}", {"stamp": stamp}, X_Forwarded_For=guesser).status == 429
    place.calm()
    assert place.browser().ask(f"/sign-in/{right}", {"stamp": stamp}, X_Forwarded_For=guesser).status == 303


def test_a_guesser_on_many_networks_locks_nobody_out_and_fills_no_memory(place: Place) -> None:
    held = throttle.Throttle(place.clock)
    for n in range(5 * throttle.KEPT):
        held.wrong(f"10.{n >> 8}.{n & 255}.0/24")
    assert len(held._wrong) == throttle.KEPT
    assert held.wait("10.19.135.0/24") == 60, "after one try, where so many are wrong"
    assert held.wait("203.0.113.0/24") == 0
    place.clock.advance(timedelta(seconds=59.5))
    assert held.wait("10.19.135.0/24") == 1
    place.clock.advance(timedelta(seconds=0.5))
    assert held.wait("10.19.135.0/24") == 0
    held.wrong("192.0.2.0/24")
    place.clock.advance(timedelta(days=-1))
    for _ in range(throttle.OF_ONE):
        held.wrong("192.0.2.0/24")
    assert held.wait("192.0.2.0/24") == 60
    place.clock.advance(timedelta(days=1))


# -- proxies ---------------------------------------------------------------------------------------------------------


def test_what_a_proxy_says_is_believed_of_those_that_are_named(place: Place, plain: Place) -> None:
    plain.calm()
    for n in range(throttle.OF_ONE):
        wrong = f"/sign-in/{'a' * 26}"
        assert plain.browser().ask(wrong, X_Forwarded_For=f"198.51.{n}.1").status == 404
    assert plain.browser().ask(wrong, X_Forwarded_For="198.51.99.1").status == 429, (
        "one network: that of the connection"
    )
    plain.calm()
    said = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9"}
    for where, secure, network in ((place, True, "203.0.113.0/24"), (plain, False, "127.0.0.0/24")):
        browser, path = where.browser(), f"/sign-in/{link(where.app)}"
        answer = browser.ask(path, {"stamp": browser.ask(path).field("stamp")}, **said)
        assert ("Secure" in answer.cookie) is secure
        session = where.app.stores.credentials.list(where.clock.now(), "session")[-1]
        assert session.name == network


def test_without_a_public_url_a_named_proxy_makes_the_cookie_secure(tmp_path: Path) -> None:
    with ExitStack() as stack:
        near = settled(tmp_path, stack, trusted_proxies=["127.0.0.1/32", "10.0.0.0/8"])
        browser, path = near.browser(), f"/sign-in/{link(near.app)}"
        stamp = browser.ask(path).field("stamp")
        # The last address is that of the proxy's own visitor: what a visitor writes before it is not believed.
        said = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.1, 203.0.113.9, 10.0.0.7"}
        assert browser.ask(path, {"stamp": stamp}, **said).cookie.endswith("; Secure")
        assert near.app.stores.credentials.list(near.clock.now(), "session")[0].name == "203.0.113.0/24"


# -- the commands ----------------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_from_the_command_line(tmp_path: Path) -> None:
    write_home(tmp_path, [])
    with build(tmp_path, ENVIRON) as app, served(app) as url:
        first, second = Browser(url), Browser(url)
        first.sign_in(app)
        second.sign_in(app)
        link(app)
        listed = done(tmp_path, "admin", "sessions", "list", "--json").lines
        assert [(one["name"], len(one)) for one in listed] == [("127.0.0.0/24", 4)] * 2
        assert "127.0.0.0/24" in done(tmp_path, "admin", "sessions", "list").out
        assert "1 session ended" in done(tmp_path, "admin", "sessions", "end", str(listed[0]["id"])).err
        assert "Sign out" not in first.ask("/help").page
        assert "Sign out" in second.ask("/help").page
        assert "1 session ended" in done(tmp_path, "admin", "sessions", "end", "--all").err
        assert "Sign out" not in second.ask("/help").page
        assert app.stores.credentials.list(app.clock.now()) == [], "and the link that was not used yet"
    for wrong in (["end"], ["end", "1"], ["end", "1", "--all"], ["end", "x"]):
        assert aggregator(tmp_path, "admin", "sessions", *wrong).code == 2


def test_a_token_is_printed_once_kept_as_a_hash_and_revoked_by_number(tmp_path: Path) -> None:
    write_home(tmp_path, [])
    said = done(
        tmp_path, "admin", "token", "add", "dashboard", "--scope", "operate", "--scope", "read", "--expires", "90d"
    )
    token = said.out.strip()
    assert re.fullmatch(r"agg_[a-z2-7]{26}", token)
    other = done(tmp_path, "admin", "token", "add", "probe", "--scope", "health", "--json").lines[0]
    assert (other["scopes"], other["expires_at"]) == (["health"], None)
    assert token not in repr(tables(tmp_path))
    with build(tmp_path, ENVIRON) as app:
        now = app.clock.now()
        found = app.stores.credentials.find("api", token, now)
        assert found
        assert (found.name, found.scopes) == ("dashboard", ("read", "operate"))
        assert app.stores.credentials.find("session", token, now) is None
        assert app.stores.credentials.find("api", token, now + timedelta(days=91)) is None
        listed = done(tmp_path, "admin", "token", "list", "--json")
        assert [one["id"] for one in listed.lines] == [found.id, other["id"]]
        assert token not in listed.text + done(tmp_path, "admin", "token", "list").text
        done(tmp_path, "admin", "token", "revoke", str(found.id))
        assert app.stores.credentials.find("api", token, now) is None
    for wrong in (
        ["revoke", str(found.id)], ["revoke", "99"], ["add", "x"], ["add", "x", "--scope", "all"], ["add", "", "--scope", "read"],
        ["add", "x\ny", "--scope", "read"], ["add", "x", "--scope", "read", "--expires", "soon"],
        ["add", "x", "--scope", "read", "--expires", "0d"], ["add", "x", "--scope", "read", "--expires", "999999w"],
    ):  # fmt: skip
        assert aggregator(tmp_path, "admin", "token", *wrong).code == 2, wrong


@pytest.mark.parametrize(
    ("web", "base"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "0.0.0.0", "port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "::1"}, "http://[::1]:8080"),
        ({"public_url": "https://news.example/"}, "https://news.example"),
        ({"port": 0}, ""),
    ],
)
def test_a_link_starts_where_the_pages_are_reached(tmp_path: Path, web: dict[str, Any], base: str) -> None:
    write_home(tmp_path, [])
    (tmp_path / "config/aggregator.yaml").write_text(json.dumps({"web": web}))
    said = aggregator(tmp_path, "admin", "link", "--json")
    assert said.code == (0 if base else 3), said
    if base:
        assert said.lines[0]["url"].rpartition("/sign-in/")[0] == base
        assert TOKEN.fullmatch(said.lines[0]["url"].rpartition("/")[2])
    else:
        assert "web.public_url" in said.err
    assert aggregator(tmp_path, "admin", "link", "--next", "//evil.example").code == 2


def test_the_daemons_upkeep_forgets_what_was_over_a_week_ago(tmp_path: Path) -> None:
    write_home(tmp_path, [])
    clock = SetClock(START)
    with build(tmp_path, ENVIRON, clock) as app:
        app.sync()
        link(app)
        app.stores.credentials.issue("session", "s", "", clock.now(), expires_at=clock.now() + SESSION)
        kept = app.stores.credentials.issue("api", "t", "dashboard", clock.now())
        jobs = Jobs(app, threading.Event())
        clock.advance(timedelta(days=7, hours=12))
        jobs.upkeep()
        assert len(tables(tmp_path)["credentials"]) == 2
        clock.advance(timedelta(seconds=1))
        jobs.upkeep()
        assert [row[0] for row in tables(tmp_path)["credentials"]] == [kept]
