"""Days, and in a storm a year, of the daemon alone: what it takes up levels off, nothing is lost, nothing is told twice.

`AGGREGATOR_STORM=1 pytest tests/faults/test_years.py` simulates 365 days of 200 feeds and says how far it is; then the same
thing is done over and over, ten thousand polls, pages and mails, a thousand reloads and searches, on fifty feeds: no file and
no thread more, and no memory. `python -m tests.faults.yearbook` writes the plots of docs/years.md.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aggregator.web.links import PATHS, Links
from tests import counts
from tests.faults import gauges, yearbook, years
from tests.faults.press import DAY, HOUR, TOPICS

DAYS = counts.count(small=9, storm=365)
FEEDS = counts.count(small=20, storm=200)
STEP = counts.count(small=12, storm=1) * HOUR / 2
KEPT = counts.count(small=4, storm=60) * DAY
SETTLED = counts.count(small=4, storm=120)
"""From this day on, twice the retention, everything has its size."""
LAST = counts.count(small=3, storm=60)
"""So many days at the end are held against as many after that."""
WAL_MOST = 64 << 20
POLLS = counts.count(small=160, storm=10_000)
PAGES = counts.count(small=140, storm=10_000)
MAILS = counts.count(small=80, storm=10_000)
RELOADS = counts.count(small=8, storm=1_000)
SEARCHES = counts.count(small=40, storm=1_000)
WORN_FEEDS = 50
READERS = 40
MEASURES = 20
"""How often memory is looked at."""
DEARER = 1.0
"""Kilobytes that a round may cost, of memory: by least squares over the second half, when what is kept at all is kept."""
MINUTES = timedelta(minutes=10)


@dataclass
class Passed:
    """Days that have passed, what each took up, and what was not as promised."""

    of: years.Year
    rows: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    told: int = 0


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passed]:
    """A home that has been alone for so many days."""
    home = tmp_path_factory.mktemp("years") / "home"
    with years.year(home, FEEDS, seed=counts.seed(), step=STEP, retention=KEPT) as of:
        made = Passed(of)
        for row in years.simulate(of, DAYS):
            made.rows.append(row)
            if counts.STORM and sys.__stderr__ is not None:
                sys.__stderr__.write(f"{yearbook.progress(row, DAYS)}\n")
        made.wrong, made.told = of.verdict(), len(of.mailbox.told)
        yield made


@pytest.fixture(scope="module")
def worn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[years.Year]:
    """The same home; in a storm one with fifty feeds and a day behind it."""
    if not counts.STORM:
        passed: Passed = request.getfixturevalue("passed")
        yield passed.of
        return
    with years.year(tmp_path_factory.mktemp("wear") / "home", WORN_FEEDS, seed=counts.seed(), step=6 * HOUR) as of:
        of.day()
        yield of


def test_days_unattended_lose_nothing_and_tell_nothing_twice(passed: Passed) -> None:
    last = passed.rows[-1]
    shown = passed.of.truth.shown
    remark = f"{FEEDS} feeds, {last['polls']:,} polls, {shown:,} entries, {last['mails']:,} mails"
    counts.report("days unattended", DAYS, len(passed.wrong), remark)
    assert passed.wrong == []
    assert passed.told, "some of it is told"


def test_after_twice_the_retention_nothing_grows_but_what_is_kept_for_ever(passed: Passed, tmp_path: Path) -> None:
    yearbook.write(passed.rows, tmp_path)
    assert (tmp_path / "years-database.svg").stat().st_size > 1_000
    assert yearbook.grew(passed.rows, SETTLED, LAST) == {}
    assert max(row["wal"] for row in passed.rows) < WAL_MOST
    kept = KEPT + DAY
    newer = sum(source.rhythm.items + kept / source.rhythm.every for source in passed.of.sources)
    last = passed.rows[-1]
    assert last["rows_entries"] <= newer + last["rows_matches"], "what nothing matched is removed in time"


@dataclass
class Worn:
    """What one kind of work left behind."""

    what: str
    rounds: int
    samples: list[tuple[float, float]]
    before: dict[str, int]
    after: dict[str, int]

    def check(self) -> None:
        """No file, thread or process more than after the first tenth; in a storm no memory either."""
        half = self.samples[len(self.samples) // 2 :]
        slope = gauges.slope(half)
        most = {name: self.after[name] - self.before[name] for name in ("files", "threads", "children")}
        failed = int(counts.STORM and slope >= DEARER)
        remark = f"{slope:+.3f} kB each, {self.samples[0][1] / 1024:.0f} -> {self.samples[-1][1] / 1024:.0f} MB, {most}"
        counts.report(f"over and over: {self.what}", self.rounds, failed, remark)
        # A pool that is not full yet may grow by a thread and its connection.
        assert max(most.values()) <= 6, remark
        assert not failed, remark


def over_and_over(of: years.Year, what: str, rounds: int, work: Callable[[int], int]) -> Worn:
    """Have `work(n)` done, which says how many rounds it did, until there are enough; measured now and then."""
    done = work(0)
    before = gauges.process(of.process.pid)
    samples = [(float(done), float(before["rss_kb"]))]
    while done < rounds:
        done += work(done)
        if done >= samples[-1][0] + rounds / MEASURES:
            of.process.ask(do="gauge")
            samples.append((float(done), float(gauges.rss(of.process.pid))))
            for server in of.servers:
                server.requests.clear()
    return Worn(what, done, samples, before, gauges.process(of.process.pid))


def test_ten_thousand_polls_leave_nothing_behind(worn: years.Year) -> None:
    def poll(_: int) -> int:
        worn.now += MINUTES
        outcomes = worn.process.ask(do="polls", moment=worn.now.isoformat())["outcomes"]
        return sum(outcomes.values())

    over_and_over(worn, "polls", POLLS, poll).check()


def test_ten_thousand_pages_leave_nothing_behind(worn: years.Year) -> None:
    addresses = pages(worn)

    def look(done: int) -> int:
        with closing(HTTPConnection(urlsplit(worn.url).netloc, timeout=30)) as browser:
            for address in addresses:
                browser.request("GET", address)
                answer = browser.getresponse()
                answer.read()
                assert answer.status == 200, address
        return len(addresses) if done or addresses else 0

    assert len(addresses) >= 35
    over_and_over(worn, "pages", PAGES, look).check()


def pages(of: years.Year) -> list[str]:
    """Some forty addresses of every kind that a visitor may open."""
    with closing(sqlite3.connect(of.database)) as conn:
        stories = [r[0] for r in conn.execute("SELECT story_id FROM entries ORDER BY id DESC LIMIT 4")]
        digest, key = conn.execute("SELECT digest_id, key FROM editions LIMIT 1").fetchone()
    # The day before: where other tests came first, the daemon may not know yet how late it has become.
    link, day = Links(), f"{of.now - DAY:%Y-%m-%d}"
    one = {"day": day, "watchlist": TOPICS[0].lower(), "story": stories[0], "feed": "f0", "digest": digest, "key": key}
    kinds = [name for name, path in PATHS.items() if "{form}" not in path and name not in _CLOSED]
    found = [link(name, **{k: v for k, v in one.items() if f"{{{k}}}" in PATHS[name]}) for name in kinds]
    found += [link("listing", watchlist=TOPICS[0].lower(), form=form) for form in ("atom", "json")]
    found += [link("search", q=topic) for topic in TOPICS[:8]]
    found += [link("story", story=number) for number in stories[1:]]
    found += [link("feed", feed=f"f{n}") for n in range(1, 6)]
    return [*found, "/healthz", "/api/v1/openapi.json", *(link("watchlist", watchlist=t.lower()) for t in TOPICS[1:6])]


_CLOSED = {"outbox", "message", "quarantine", "configuration", "sign-out", "subscribe", "manage", "sign-in"}
"""For the operator, or not offered here."""


def test_ten_thousand_mails_leave_nothing_behind(worn: years.Year) -> None:
    for n in range(READERS):
        worn.process.ask(
            do="subscribe", address=f"w{n}@home.example", watchlist=TOPICS[n % 20].lower(), rhythm="daily 08:00"
        )
    worn.mailbox.empty()

    def send(_: int) -> int:
        before = worn.mailbox.mails
        worn.now += 24 * HOUR
        worn.down = True  # what is polled is another test's
        worn.tick()
        worn.mailbox.empty()
        return worn.mailbox.mails - before

    over_and_over(worn, "mails", MAILS, send).check()
    worn.down = False


def test_a_thousand_reloads_leave_nothing_behind(worn: years.Year) -> None:
    def reload(_: int) -> int:
        worn.process.ask(do="reload", rounds=2)
        return 2

    over_and_over(worn, "reloads", RELOADS, reload).check()


def test_a_thousand_searches_leave_nothing_behind(worn: years.Year) -> None:
    queries = [f"{a} OR {b}*" for a in TOPICS[:5] for b in ("babe", "kil")]

    def search(_: int) -> int:
        worn.process.ask(do="search", queries=queries)
        return len(queries)

    over_and_over(worn, "searches", SEARCHES, search).check()
