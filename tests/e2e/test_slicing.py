"""Slicing and parsing whole leave the same rows, whatever a feed's documents look like from poll to poll (DESIGN §1)."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregator.app import App
from aggregator.feeds import slice  # noqa: A004 - the stage's name
from tests import counts
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
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        columns = [r[1] for r in conn.execute("PRAGMA table_info(entries)") if r[1] not in OF_THE_SWEEP]
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

    def counted(self: slice.Sliced, names: Any) -> bytes:
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


def test_only_unseen_items_reach_the_parser(
    server: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[bytes] = []

    versions = [Version("rss", 0, tuple((0, n, 0) for n in range(last)), 1, "") for last in (4, 5, 5)]
    write_home(tmp_path, [{"id": "feed", "url": server.url("/only")}])

    def noted(work: Any, each: Any) -> Any:
        bodies.extend(args[0] for args in each)
        return submit(work, each)

    with staged(tmp_path) as (app, clock):
        submit = app.workers.submit_all
        monkeypatch.setattr(app.workers, "submit_all", noted)
        for turn, version in enumerate(versions):
            server.add("/only", status(200, version.body(turn)))
            sweep(app)
            clock.advance(STEP)
    assert [body.count(b"<item>") for body in bodies] == [4, 1], "the third document brings a new date and nothing else"
