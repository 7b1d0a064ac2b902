"""A home whose every text is an attack and which holds a secret in every place where one can stand; and what a page shows of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from fastapi import FastAPI

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.web import pages
from tests import stored
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.browser import Browser, served
from tests.e2e.homes import ENVIRON, START

ATTACK = """x"><script>alert(1)</script><img src=x onerror=alert(1)>' onfocus=alert(1) autofocus x='</title></textarea></select>{{7777*7777}}"""
SECRETS = {
    "mail": "s3cret-of-the-mail-server", "proxy": "s3cret-of-the-proxy", "token": "s3cret-in-a-feed-address", "feed": "s3cret-of-a-feed",
    "header": "s3cret-in-a-header", "feedproxy": "s3cret-of-a-feeds-proxy", "hook": "s3cret-of-a-hook", "chat": "s3cretofachat",
    "file": "s3cret-in-a-file",
    "key": "czNjcmV0LXRoYXQtc2lnbnMtYS13ZWJob29r",
}  # fmt: skip
ANNA = "anna@example.org"
DESK = "desk@example.org"


def document(call: Call) -> None:
    """A feed in which everything attacks."""
    text = escape(ATTACK)
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}{text}</guid><title>CSTO talks {n} {text}</title><link>{link}</link>"
        f"<author>{text}</author><category>{text}</category><description>CSTO {escape(text)} {text}</description>"
        "<pubDate>Thu, 02 Feb 2023 11:00:00 GMT</pubDate></item>"
        for n, link in enumerate(["https://a.example/1", "javascript:alert(1)", f"https://a.example/?{text}"])
    )
    body = f"<rss version='2.0'><channel><title>{text}</title><language>{text}</language>{items}</channel></rss>"
    call.respond(200, body.encode(), [("Content-Type", "application/rss+xml")])


def write(home: Path, url: str, settings: dict[str, Any]) -> None:
    """The four files."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "password").write_text(SECRETS["file"])
    feeds: list[dict[str, Any]] = [
        {"id": "wire", "url": url, "country": ATTACK, "tags": [ATTACK]},
        {"id": "named", "url": f"{url}?token={SECRETS['token']}", "title": ATTACK, "language": "en"},
        {
            "id": "locked", "url": f"http://127.0.0.1:1/x?apikey={SECRETS['token']}", "username": "who", "password": SECRETS["feed"],
            "headers": {"X-Key": SECRETS["header"]}, "proxy": f"http://who:{SECRETS['feedproxy']}@127.0.0.1:1",
        },
        {"id": "filed", "url": "http://127.0.0.1:1/y", "username": "who", "password_file": "password"},
    ]  # fmt: skip
    watchlists = [{"id": "csto", "title": ATTACK, "query": "csto OR onerror OR script"}]
    digests = [
        {"id": "morning", "title": ATTACK, "watchlists": ["csto"], "at": "07:30", "to": [DESK, {"channel": "desk"}, {"channel": "chat"}]}
    ]  # fmt: skip
    channels = [
        {"id": "desk", "webhook": f"http://127.0.0.1:1/{SECRETS['hook']}", "secret": f"whsec_{SECRETS['key']}"},
        {"id": "chat", "notify": f"ntfys://{SECRETS['chat']}@127.0.0.1:1/topic"},
    ]
    (home / "feeds.yaml").write_text(json.dumps({"feeds": feeds}))
    (home / "config/watchlists.yaml").write_text(json.dumps({"watchlists": watchlists}))
    (home / "config/digests.yaml").write_text(json.dumps({"digests": digests, "channels": channels}))
    (home / "config/aggregator.yaml").write_text(json.dumps(settings))


SETTINGS: dict[str, Any] = {
    "mail": {"from_name": ATTACK, "footer": ATTACK},
    "web": {"public_url": "https://news.example"},
    "signup": {"mode": "open", "queries": True, "contact": ATTACK},
}


@dataclass
class House:
    """The home, served: `url` to everybody, `closed` to who signs in; `tokens` are paths that letters and mails hold."""

    app: App
    clock: SetClock
    url: str
    closed: str
    tokens: dict[str, str]
    site: FastAPI
    secrets: dict[str, str]

    @property
    def home(self) -> Path:
        return self.app.configuration.home.path

    @property
    def story(self) -> int:
        return next(iter(self.app.stores.stories.list())).id

    @property
    def key(self) -> str:
        return self.app.stores.editions.editions("morning", 1)[0].key


@contextmanager
def house(home: Path) -> Iterator[House]:
    """Poll, compose, send, subscribe; then serve with a proxy and a mail server that have passwords."""
    clock = SetClock(START)
    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        write(home, server.add("/wire", document), SETTINGS)
        with build(home, ENVIRON, clock) as app, served(app) as url:
            app.sync()
            list(app.poll.sweep())
            clock.advance(timedelta(days=1))
            app.compose.run()
            waiting = _message_tokens(home)
            subscribe(url, clock)
            app.send.run()
            tokens = _mailed(app)
            app.compose.run()
        mail = {
            "mail": {"host": "127.0.0.1", "port": 1, "security": "none", "username": "who", "password": SECRETS["mail"]}
        }
        network = {"proxy": f"http://who:{SECRETS['proxy']}@127.0.0.1:1"}
        write(home, server.url("/wire"), SETTINGS | {"mail": SETTINGS["mail"] | mail["mail"], "network": network})
        app = stack.enter_context(build(home, ENVIRON, clock))
        shut = stack.enter_context(build(home, ENVIRON | {"AGGREGATOR__WEB__VISITORS": "closed"}, clock))
        app.sync()
        secrets = (
            SECRETS | {f"message {n}": token for n, token in enumerate(waiting)} | {"installation": app.secret.hex()}
        )
        url, closed = (stack.enter_context(served(one)) for one in (app, shut))
        yield House(app, clock, url, closed, tokens, pages.build(app), secrets)


def subscribe(url: str, clock: SetClock, **headers: str) -> None:
    """Two letters: one that asks to confirm, one with the link to one's subscriptions."""
    browser = Browser(url)
    stamps = [browser.ask(path).field("stamp") for path in ("/subscribe", "/manage")]
    clock.advance(timedelta(seconds=30))
    choice = {"watchlist": "csto", "rhythm": "instant", "address": ANNA, "stamp": stamps[0], "do": "ask"}
    assert browser.ask("/subscribe", choice, **headers).status == 200
    assert browser.ask("/manage", {"address": DESK, "stamp": stamps[1]}, **headers).status == 200


def _message_tokens(home: Path) -> list[str]:
    with stored.opened(home) as conn:
        return [token for (token,) in conn.execute("SELECT token FROM messages WHERE token != ''")]


def _mailed(app: App) -> dict[str, str]:
    """Kind of link -> its path, of all mail that was sent."""
    text = b"".join(path.read_bytes() for path in app.configuration.home.mail.glob("*.eml"))
    found = re.findall(rb"https://news\.example(/(confirm|refuse|manage|unsubscribe)/[a-z2-7]{26})", text)
    return {kind.decode(): path.decode() for path, kind in found}


class Markup(HTMLParser):
    """What a page holds that none of ours may; `wrong` says it in words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(page)
        self.wrong += [f"as it came: {part}" for part in ('"><script', "<img src=x", "60481729") if part in page]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("style", "img", "iframe", "object", "embed", "base"):
            self.wrong.append(f"<{tag}>")
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.wrong.append("a script that is not ours")
        self.wrong += [
            f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or name in ("style", "autofocus")
        ]
        for name in ("href", "src", "action", "formaction"):
            scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", given.get(name) or "", re.IGNORECASE)
            if (scheme and scheme[1].lower() not in ("http", "https", "mailto")) or (given.get(name) or "").startswith(
                ("//", "/\\")
            ):
                self.wrong.append(f"{tag} {name}={given[name]}")
            if name in ("src", "action") and scheme:
                self.wrong.append(f"{tag} {name} leads elsewhere: {given[name]}")
