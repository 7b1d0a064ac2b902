"""Slicing and parsing whole leave the same rows, whatever a feed's documents look like from poll to poll (DESIGN §1)."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregator.app import App
from aggregator.feeds import parse, slice  # noqa: A004 - the stage's name
from aggregator.workers import Pool
from tests import counts, stored
from tests.conformance.feedserver import FeedServer, status
from tests.e2e.feedversions import Version, histories
from tests.e2e.homes import staged, sweep, write_home

QUERIES = {
    "entries": "SELECT {all} FROM entries",
    "keys": "SELECT k.feed_id, k.kind, k.key, e.guid, e.link, e.title, e.body FROM entry_keys k LEFT JOIN entries e ON e.id = k.entry_id",
    "revisions": "SELECT e.feed_id, e.guid, e.link, r.revision, r.title, r.link, r.body FROM entry_revisions r JOIN entries e ON e.id = r.entry_id",
    "matches": "SELECT e.feed_id, e.guid, e.link, e.title, m.watchlist_id, m.revision, m.spans, m.reach FROM matches m JOIN entries e ON e.id = m.entry_id",
    "events": "SELECT feed_id, at, kind, detail FROM feed_events",
    "gaps": "SELECT feed_id, after_at, before_at FROM gaps",
}
"""All that polling writes, told without numbers: feeds of one sweep may come in another order."""
OF_THE_SWEEP = ("id", "story_id", "story_reason", "story_score", "first_seen_at")
STATE = "id, state, failures, error_class, malformed, own_title, own_language, hints, items, next_poll_reason"
STEP = timedelta(hours=30)


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """Every document counts as too large to be cut."""
    largest, slice.LARGEST = slice.LARGEST, -1
    try:
        yield
    finally:
        slice.LARGEST = largest


def rows(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that polling has written, but for what is kept of the documents themselves."""
    with stored.opened(home) as conn:
        every = [column[0] for column in conn.execute("SELECT * FROM entries LIMIT 0").description]
        columns = [name for name in every if name not in OF_THE_SWEEP]
        found = {
            name: sorted(conn.execute(query.replace("{all}", ", ".join(columns))).fetchall(), key=repr)
            for name, query in QUERIES.items()
        }
        return found | {"feeds": conn.execute(f"SELECT {STATE} FROM feeds ORDER BY id").fetchall()}


def differing(homes: list[Path]) -> dict[str, tuple[list[Any], list[Any]]]:
    """What only one of two homes has, by table."""
    one, other = map(rows, homes)
    return {
        name: ([r for r in one[name] if r not in other[name]], [r for r in other[name] if r not in one[name]])
        for name in one
        if one[name] != other[name]
    }


def test_slicing_and_parsing_whole_leave_the_same_rows(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two homes on the same feeds; one of them parses every document whole."""
    polls = saved = 0
    sizes: list[int] = []
    cut = slice.Sliced.without

    def counted(self: slice.Sliced, names: Any) -> str:
        sizes.append(sum(name not in names for name in self.names) < len(self.names))
        return cut(self, names)

    monkeypatch.setattr(slice.Sliced, "without", counted)

    @settings(max_examples=counts.count(small=6, storm=150), phases=[Phase.explicit, Phase.generate])
    @given(st.lists(histories, min_size=8, max_size=16))
    def holds(feeds: list[list[Version]]) -> None:
        nonlocal polls
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            homes = [Path(folder) / "sliced", Path(folder) / "whole"]
            urls = [server.url(f"/{n}") for n in range(len(feeds))]
            for home in homes:
                write_home(home, [{"id": f"feed-{n}", "url": url} for n, url in enumerate(urls)])
            running = [stack.enter_context(staged(home)) for home in homes]
            for turn in range(max(map(len, feeds))):
                for n, versions in enumerate(feeds):
                    server.add(f"/{n}", status(200, versions[min(turn, len(versions) - 1)].body(turn, n)))
                polls += _both(running)
                wrong = differing(homes)
                assert not wrong, f"after poll {turn}: {wrong}"

    try:
        holds()
    finally:
        saved = sum(sizes)
        counts.report("documents sliced, against parsed whole", polls, 0, f"{saved} of them in part")
    assert saved, "no document was ever parsed in part: the test shows nothing"


def _both(running: list[tuple[App, Any]]) -> int:
    sliced, full = running
    reports = sweep(sliced[0])
    with whole():
        sweep(full[0])
    for _, clock in running:
        clock.advance(STEP)
    return len(reports)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """By whom items were parsed, and how many."""
    calls: list[tuple[str, int]] = []
    few, submit = parse.few, Pool.submit_all

    def beside(self: Pool, work: Any, each: Any) -> Any:
        calls.extend(("worker", args[0].count(b"<item>")) for args in each)
        return submit(self, work, each)

    def here(text: str, url: str) -> Any:
        found = few(text, url)
        if found is not None:
            calls.append(("here", text.count("<item>")))
        return found

    monkeypatch.setattr(Pool, "submit_all", beside)
    monkeypatch.setattr(parse, "few", here)
    return calls


def version(*numbers: int) -> Version:
    return Version("rss", 0, tuple((0, n, 0) for n in numbers), 1, "")


def test_an_item_that_stood_there_twice_and_stands_there_once_is_counted_once(
    server: FeedServer, tmp_path: Path
) -> None:
    write_home(tmp_path, [{"id": "feed", "url": server.url("/twice")}])
    counted = []
    with staged(tmp_path) as (app, clock):
        for turn, items in enumerate([(1, 2, 1), (1, 2, 1), (1, 2), (1, 2)]):
            server.add("/twice", status(200, version(*items).body(turn)))
            sweep(app)
            clock.advance(STEP)
            feed = app.stores.feeds.get("feed")
            assert feed is not None
            counted.append(feed.poll.items)
    assert counted == [3, 3, 2, 2]


def test_only_unseen_items_reach_the_parser(server: FeedServer, tmp_path: Path, parsed: list[tuple[str, int]]) -> None:
    write_home(tmp_path, [{"id": "feed", "url": server.url("/only")}])
    with staged(tmp_path) as (app, clock):
        for turn, items in enumerate([range(4), range(5), range(5)]):
            server.add("/only", status(200, version(*items).body(turn)))
            sweep(app)
            clock.advance(STEP)
    assert parsed == [("worker", 4), ("here", 1)], "the third document brings a new date and nothing else"


def test_what_was_in_hand_when_a_process_fell_is_read_by_a_worker(
    server: FeedServer, tmp_path: Path, parsed: list[tuple[str, int]]
) -> None:
    write_home(tmp_path, [{"id": "feed", "url": server.url("/fell")}])
    with staged(tmp_path) as (app, clock):
        for turn in range(4):
            server.add("/fell", status(200, version(*range(turn + 2)).body(turn)))
            if turn == 2:
                assert app.stores.feeds.claim_due("a process that falls", 9, clock.now())
                app.stores.feeds.release("a process that falls", fallen=True)
            sweep(app)
            clock.advance(STEP)
    assert parsed == [("worker", 2), ("here", 1), ("worker", 1), ("here", 1)]


def test_a_feed_that_fails_is_read_by_a_worker_until_it_is_well(
    server: FeedServer, tmp_path: Path, parsed: list[tuple[str, int]]
) -> None:
    write_home(tmp_path, [{"id": "feed", "url": server.url("/ill")}])
    good = [status(200, version(*range(turn + 2)).body(turn)) for turn in range(4)]
    with staged(tmp_path) as (app, clock):
        for answer in (good[0], good[1], status(200, b""), good[2], good[3]):
            server.add("/ill", answer)
            sweep(app)
            clock.advance(STEP)
    assert parsed == [("worker", 2), ("here", 1), ("worker", 1), ("here", 1)]


def test_more_than_a_few_items_are_read_by_a_worker(
    server: FeedServer, tmp_path: Path, parsed: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "FEW", 300)
    write_home(tmp_path, [{"id": "feed", "url": server.url("/more")}])
    with staged(tmp_path) as (app, clock):
        for turn, items in enumerate([range(2), range(9)]):
            server.add("/more", status(200, version(*items).body(turn)))
            sweep(app)
            clock.advance(STEP)
    assert parsed == [("worker", 2), ("worker", 7)]
