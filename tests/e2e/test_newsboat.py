"""A real feed reader, newsboat of Debian, subscribed to a watchlist: one entry a story, and what is new once."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, sweep, write_home

NEWSBOAT = shutil.which("newsboat") or ""
TEXT = "Soldiers of six countries began a drill near Minsk on Thursday, the organisation said. " * 8
DRILL = "CSTO soldiers begin a drill near Minsk"

pytestmark = pytest.mark.skipif(not NEWSBOAT, reason="newsboat is not installed: apt-get install newsboat")


@dataclass
class Reader:
    """newsboat with a folder of its own, and what it reads."""

    folder: Path
    app: App
    clock: SetClock
    items: list[Item]

    def run(self, *commands: str) -> str:
        asked = [
            NEWSBOAT,
            "-C",
            str(self.folder / "config"),
            "-u",
            str(self.folder / "urls"),
            "-c",
            str(self.folder / "cache.db"),
        ]
        done = subprocess.run(
            [*asked, "-x", *commands],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={"HOME": str(self.folder), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def unread(self) -> int:
        found = re.search(r"\d+", self.run("print-unread"))
        assert found
        return int(found[0])

    def titles(self) -> list[str]:
        with closing(sqlite3.connect(self.folder / "cache.db")) as conn:
            return [row[0] for row in conn.execute("SELECT title FROM rss_item ORDER BY title")]

    def publish(self, *items: Item) -> None:
        self.clock.advance(timedelta(minutes=10))
        self.items[:] = [*(i for i in self.items if i.guid not in {new.guid for new in items}), *items]
        list(self.app.poll.sweep(everything=True))
        self.run("reload")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    items = [Item("1", DRILL, TEXT), Item("2", "CSTO & guests meet", "They met."), Item("3", "Weather", "It rains.")]

    def serve(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    def echo(call: Call) -> None:
        call.respond(
            200, rss(Item("e", DRILL, TEXT, link="https://echo.example/1")), [("Content-Type", "application/rss+xml")]
        )

    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        feeds = [{"id": "wire", "url": server.add("/wire", serve)}, {"id": "echo", "url": server.add("/echo", echo)}]
        write_home(tmp_path / "home", feeds, watchlists=WATCHLISTS, digests=digests())
        (tmp_path / "home/config/aggregator.yaml").write_text(
            json.dumps({"web": {"public_url": "https://news.example"}})
        )
        clock = SetClock(START)
        app = stack.enter_context(build(tmp_path / "home", ENVIRON, clock))
        app.sync()
        sweep(app)
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        stack.callback(thread.stop)
        (tmp_path / "config").write_text("refresh-on-startup no\n")
        (tmp_path / "urls").write_text(f"{thread.url}watchlists/csto.atom\n")
        yield Reader(tmp_path, app, clock, items)


def test_newsboat_shows_one_entry_a_story_and_what_is_new_once(reader: Reader) -> None:
    reader.run("reload")
    assert reader.titles() == ["CSTO & guests meet", DRILL], "two outlets of one story are one entry"
    assert reader.unread() == 2
    reader.run("reload")
    assert reader.unread() == 2, "nothing new is nothing new"
    reader.publish(Item("4", "CSTO summit in Yerevan", "Leaders came.", reader.clock.now()))
    assert reader.titles() == ["CSTO & guests meet", DRILL, "CSTO summit in Yerevan"]
    assert reader.unread() == 3


def test_a_story_that_was_changed_does_not_come_twice(reader: Reader) -> None:
    reader.run("reload")
    reader.publish(Item("2", "CSTO & guests meet, and part", "They met, and went home again.", reader.clock.now()))
    entry = next(iter(reader.app.stores.entries.entries("wire")))
    assert {one.revisions for one in reader.app.stores.entries.entries("wire")} == {1, 2}, entry
    assert len(reader.titles()) == 2
    assert reader.unread() == 2


def test_a_copy_that_comes_later_joins_its_story_there(reader: Reader) -> None:
    reader.run("reload")
    reader.publish(Item("5", DRILL, TEXT, reader.clock.now(), link="https://wire.example/again"))
    assert len(reader.titles()) == 2
