"""What a person says of stories holds: copies that come later go where they were sent. Real polls, real commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from aggregator.app import App
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import Item, rss, staged, sweep, write_home
from tests.e2e.program import aggregator, done

TITLE = "Ministers meet in Minsk for talks"


def text(seed: int, words: int = 60) -> str:
    die = Random(seed)
    return " ".join("".join(die.choices("bcdfghklmnprstv", k=5)) for _ in range(words))


class Wire:
    """Feeds that each hold what the test gives them."""

    def __init__(self, home: Path, server: FeedServer, names: str) -> None:
        self.items: dict[str, list[Item]] = {name: [] for name in names}
        urls = {name: server.add(f"/{name}", partial(self._answer, name)) for name in names}
        write_home(home, [{"id": name, "url": url, "interval": "5m"} for name, url in urls.items()])

    def _answer(self, name: str, call: Call) -> None:
        call.respond(200, rss(*self.items[name]))

    def bring(self, app: App, name: str, title: str, body: str) -> int:
        """One new item; the id of its entry."""
        number = sum(map(len, self.items.values()))
        self.items[name].append(Item(f"{name}{number}", title, body, at=app.clock.now()))
        app.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
        sweep(app)
        return max(entry.id for entry in app.stores.entries.entries())


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def story_of(app: App, entry_id: int) -> int:
    entry = app.stores.entries.get(entry_id)
    assert entry is not None
    return entry.story_id


def test_a_split_holds_for_later_copies(tmp_path: Path, server: FeedServer) -> None:
    wire = Wire(tmp_path, server, "abcdef")
    talks, gas = text(1), text(2)
    half = f"{talks[: len(talks) // 2]} {gas[: len(gas) // 2]}"
    with staged(tmp_path) as (app, _):
        a = wire.bring(app, "a", TITLE, talks)
        b = wire.bring(app, "b", TITLE, half)
        assert story_of(app, a) == story_of(app, b), "the same headline, and half of the text"
        run = done(tmp_path, "stories", "split", str(story_of(app, a)), str(b))
        assert story_of(app, a) != story_of(app, b)
        assert run.out == f"story {story_of(app, b)}: {TITLE}\n"
        for copy, of in ((wire.bring(app, "c", TITLE, half), b), (wire.bring(app, "d", TITLE, talks), a)):
            assert story_of(app, copy) == story_of(app, of)
        again = wire.bring(app, "e", "Another headline over it", half)
        assert story_of(app, again) == story_of(app, b)


def test_a_merge_holds_for_later_copies_of_either(tmp_path: Path, server: FeedServer) -> None:
    wire = Wire(tmp_path, server, "abcdef")
    talks, gas = text(1), text(2)
    with staged(tmp_path) as (app, _):
        a = wire.bring(app, "a", TITLE, talks)
        b = wire.bring(app, "b", "Gas price falls for the third day", gas)
        one, two = story_of(app, a), story_of(app, b)
        assert one != two
        run = done(tmp_path, "stories", "merge", str(one), str(two))
        assert run.out == f"story {one}: {TITLE}\n"
        assert story_of(app, b) == one
        copies = [
            wire.bring(app, "c", "Gas price falls for the third day", gas),
            wire.bring(app, "d", "Prices: a look at the market", gas),
            wire.bring(app, "e", TITLE, talks),
        ]
        assert [story_of(app, copy) for copy in copies] == [one] * 3
        shown = done(tmp_path, "stories", "show", str(two))
        assert shown.out.startswith(f"story {one}: {TITLE}\n")
        assert "merged by hand" in shown.out
        # What is split off again takes its copies along.
        parts = [b, copies[0], copies[1]]
        done(tmp_path, "stories", "split", str(one), *map(str, parts))
        assert {story_of(app, entry) for entry in parts} == {two}
        assert story_of(app, wire.bring(app, "f", "Gas price falls for the third day", gas)) == two


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["merge", "1", "1"], "story 1 and the others must be different stories"),
        (["merge", "1", "77"], "no story 77; `aggregator stories` lists them"),
        (["split", "1", "1"], "entry 1 founded story 1 and stays; split the others off"),
        (["split", "1", "2"], "entry 2 is not in story 1; `aggregator stories show 1` lists it"),
        (["split", "9", "2"], "no story 9; `aggregator stories` lists them"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, server: FeedServer, command: list[str], says: str
) -> None:
    wire = Wire(tmp_path, server, "ab")
    with staged(tmp_path) as (app, _):
        wire.bring(app, "a", TITLE, text(1))
        wire.bring(app, "b", "Gas price falls for the third day", text(2))
    run = aggregator(tmp_path, "stories", *command)
    assert run.code == 2
    assert says in run.text
    assert "Traceback" not in run.text
