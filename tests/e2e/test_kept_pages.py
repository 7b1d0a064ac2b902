"""Kept pages over real HTTP: made once for whoever sees the same, told to be the same to who has them, and nobody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from urllib.parse import urlsplit

import pytest
from fastapi import Response

from aggregator import settings
from aggregator.app import App, build
from aggregator.model import Watchlist
from aggregator.web import pages
from aggregator.web.routes import Routes
from aggregator.web.server import WebThread
from tests.conformance.stores import Scene, match
from tests.e2e.program import SETTINGS, write_home

PATH = "/kept"


@dataclass
class Room:
    """A served home with a page of our own on it, which counts how often it is made."""

    app: App
    url: str = ""
    made: int = 0
    shown: list[int] = field(default_factory=list)

    def add(self, routes: Routes) -> None:
        def page() -> Response:
            return routes.frame.kept(PATH, ["csto"], make)

        def make() -> tuple[str, list[int]]:
            self.made += 1
            return routes.frame.text("message.html.j2", title="Kept", text=str(routes.frame.zone)), self.shown

        routes.anyone(PATH, page)

    def ask(self, session: str = "", tag: str = "") -> tuple[HTTPResponse, str]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        headers = {name: value for name, value in (("Cookie", f"session={session}"), ("If-None-Match", tag)) if value}
        connection.request("GET", PATH, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def signed_in(self, token: str) -> str:
        now = self.app.clock.now()
        self.app.stores.credentials.issue("session", token, "browser", now)
        return token


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    home = write_home(tmp_path_factory.mktemp("kept"), {})
    with build(home, {}) as app:
        app.sync()
        served = Room(app)
        monkeypatch.setattr(pages, "PARTS", (*pages.PARTS, served.add))
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        served.url = thread.url
        yield served
        thread.stop()


def test_a_page_is_made_once_and_who_has_it_is_told_that_it_is_the_same(room: Room) -> None:
    first, text = room.ask()
    again, same = room.ask()
    assert (first.status, again.status, same) == (200, 200, text)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in first.headers["Vary"]
    tag = first.headers["ETag"]
    for said in (tag, f'W/"x", {tag}', "*"):
        told, nothing = room.ask(tag=said)
        assert (told.status, nothing, told.headers["ETag"]) == (304, "", tag)
    assert room.ask(tag='"other"')[0].status == 200
    assert room.made == 1


def test_a_page_is_made_again_when_its_watchlist_got_something(room: Room) -> None:
    tag = room.ask()[0].headers["ETag"]
    scene = Scene(room.app.stores)
    scene.feeds("a")
    room.app.stores.watch.sync(
        [Watchlist("csto", "CSTO", "csto"), Watchlist("other", "Other", "other")], room.app.clock.now()
    )
    scene.entry("of another", match("other"))
    assert room.ask(tag=tag)[0].status == 304
    assert room.made == 1
    scene.entry("one", match())
    room.ask()
    assert room.made == 2


def test_each_session_gets_the_forms_that_are_its_own(room: Room) -> None:
    one, other = room.signed_in("a" * 26), room.signed_in("b" * 26)
    marks = [re.findall(r'name="mark" value="([^"]+)"', room.ask(session)[1]) for session in (one, other, one)]
    assert marks[0] == marks[2] != marks[1]
    assert all(marks)
    assert 'name="mark"' not in room.ask()[1], "and a visitor none"
    assert room.made == 3


def test_another_configuration_makes_every_page_again(room: Room) -> None:
    assert "UTC" in room.ask()[1]
    home = room.app.configuration.home
    for zone in ("Europe/Minsk", "UTC", "Europe/Minsk"):
        home.settings_file.write_text(json.dumps(SETTINGS | {"web": {"timezone": zone}}))
        room.app.reconfigure(settings.load(home.path, {}))
        assert zone in room.ask()[1]
    assert room.made == 4
