"""The truth table of entry identity through the real ingest: served over HTTP, read back as rows of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from tests import stored
from tests.conformance.feedserver import Call, FeedServer, redirect
from tests.conformance.stores import prune
from tests.e2e import truth
from tests.e2e.homes import WATCHLISTS, digests, staged, sweep, write_home
from tests.e2e.truth import CASES, Case, Flavour, Told

QUIET = (Told("quiet", "https://x.by/quiet", "Nothing yet", "The office is closed until the first day of the month."),)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


@dataclass
class Stand:
    """A feed that shows what it was last told to."""

    version: int = 0
    body: bytes = b""

    def show(self, flavour: Flavour, items: tuple[Told, ...]) -> None:
        self.version += 1
        self.body = truth.document(flavour, items, self.version)

    def __call__(self, call: Call) -> None:
        tag = f'"{self.version}"'
        if call.request.headers.get("if-none-match") == tag:
            call.respond(304, headers=[("ETag", tag)])
        else:
            call.respond(200, self.body, [("ETag", tag)])


@dataclass(frozen=True)
class Rows:
    """Entry id -> (revision, title, link, kept titles of earlier revisions), read straight from the file."""

    entries: dict[int, tuple[int, str, str]]
    kept: dict[int, list[str]]
    stories: dict[int, int]

    @classmethod
    def of(cls, app: App) -> Rows:
        with stored.opened(app.configuration.home.path) as conn:
            entries = {r[0]: (r[1], r[2], r[3]) for r in conn.execute("SELECT id, revision, title, link FROM entries")}
            kept: dict[int, list[str]] = {}
            for entry_id, title in conn.execute("SELECT entry_id, title FROM entry_revisions ORDER BY revision"):
                kept.setdefault(entry_id, []).append(title)
            stories = dict(conn.execute("SELECT id, story_id FROM entries").fetchall())
        return cls(entries, kept, stories)


def poll(app: App, clock: SetClock) -> None:
    """Every feed, each at its time; then what is to be told is told."""
    due = max((f.poll.next_poll_at for f in app.stores.feeds.list()), default=clock.now())
    clock.advance(max(due - clock.now(), timedelta(0)))
    reports = sweep(app)
    assert reports
    assert not [r.error for r in reports.values() if r.outcome == "failed"]


ROWS = [(case, pair) for case in CASES for pair in case.flavours]


def test_all_thirty_cases_are_here() -> None:
    assert {case.number for case in CASES} == set(range(1, 31))


@pytest.mark.parametrize(("case", "pair"), ROWS, ids=[f"{case} ({' then '.join(p)})" for case, p in ROWS])
def test_the_truth_table(tmp_path: Path, server: FeedServer, case: Case, pair: tuple[Flavour, Flavour]) -> None:
    first, second = pair
    stand, other = Stand(), Stand()
    feeds = [{"id": "news", "url": server.add("/rss", stand)}]
    if case.feed == "other":
        feeds.append({"id": "other", "url": server.add("/other", other)})
    write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
    stand.show(first, QUIET)
    other.show(second, QUIET)
    alerts = 0
    with staged(tmp_path) as (app, clock):

        def look() -> Rows:
            nonlocal alerts
            poll(app, clock)
            alerts += sum(made.edition.digest_id == "now" for made in app.compose.run())
            return Rows.of(app)

        look()
        if case.stored:
            stand.show(first, case.stored)
            assert len(look().entries) == len(feeds) + len(case.stored)
        if case.absent:
            stand.show(first, QUIET)
            look()
            clock.advance(timedelta(days=case.absent))
            pruned = prune(app.stores, clock.now(), timedelta(days=30))
            assert pruned["entries"] == len(case.stored) + 1
        before = Rows.of(app)
        if case.feed == "moved":
            server.add("/new", stand)
            server.add("/rss", redirect(server.url("/new"), 301))
        (other if case.feed == "other" else stand).show(second, case.now)
        after = look()
        new = after.entries.keys() - before.entries.keys()
        revised = {i for i in before.entries if after.entries[i][0] > before.entries[i][0]}
        assert (len(new), len(revised)) == (case.new, case.revised)
        for i in revised:
            assert after.kept[i][-1] == before.entries[i][1]
            assert after.entries[i][1:] == (case.now[0].title, case.now[0].link)
        (other if case.feed == "other" else stand).show(second, case.now[::-1])
        assert look() == after
    assert alerts == case.alerts
    if case.stories is not None:
        told = [i for i, entry in after.entries.items() if entry[1] != QUIET[0].title]
        assert len({after.stories[i] for i in told}) == case.stories
