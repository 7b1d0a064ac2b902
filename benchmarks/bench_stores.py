"""Ingest and search at a million entries, on SQLite and on PostgreSQL in one run, and what the same entries cost to percolate.

Both stores take the same polls by the same calls, in turn, so that what else the machine does falls on both; every commit is on
the disk when it returns (PostgreSQL's `fsync` and SQLite's `synchronous=FULL`). Writers are alone on both, so that the seconds
in `commit_polls` bound what all workers together can store. Percolation is Python's and asks no store but for how frequent words are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bench_search import CASES, texts, vocabulary
from bench_watch import World

from aggregator import tokens
from aggregator.cli.search import SHOWN
from aggregator.model import (
    EntryKey,
    FeedSpec,
    NewEntry,
    ParsedEntry,
    PollOutcome,
    PollState,
    StoredChange,
    StoryChoice,
    StoryKey,
)
from aggregator.query import parse
from aggregator.search import search, word_counts
from aggregator.store.postgres import PostgresStores
from aggregator.store.sqlite import SqliteStores
from aggregator.tokens import document
from aggregator.watch import match
from aggregator.watch.index import WatchIndex

START = datetime(2023, 2, 2, 12, tzinfo=UTC)
FEEDS, BATCH, EACH = 1_000, 250, 4
"""Feeds, those in one commit, and the new entries that each of them brings."""
QUIET = 20
"""Commits of polls that bring nothing, measured at the end."""
QUERIES, PERCOLATED = 10_000, 2_000
ROUNDS = 7
SECRET = b"x" * 32
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
}


@dataclass
class Ingest:
    """Seconds of each commit of a thousand entries."""

    seconds: list[float] = field(default_factory=list)

    def rate(self, part: slice) -> float:
        """Entries a second."""
        taken = self.seconds[part]
        return BATCH * EACH * len(taken) / sum(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    args, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="bench-stores-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL does not run as root
        with servers(Path(folder)) as stores:
            print(json.dumps(measured(stores, args.entries)))
    return 0


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, Any]]:
    """Both, empty; PostgreSQL as a private cluster with the usual care for its disk."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.postgres import Cluster, database

    cluster = Cluster.made(folder / "cluster", **DURABLE)
    try:
        with database(cluster.url) as url:
            found = {
                "SQLite": SqliteStores(folder / "a.db", secret=SECRET),
                "PostgreSQL": PostgresStores(url, secret=SECRET),
            }
            yield found
            for stores in found.values():
                stores.upkeep.close()
    finally:
        cluster.stop()


def measured(stores: dict[str, Any], entries: int) -> dict[str, Any]:
    """Everything, in turn."""
    words = vocabulary()
    specs = [FeedSpec(name(n), f"https://{name(n)}.example/rss") for n in range(FEEDS)]
    for each in stores.values():
        each.feeds.sync(specs, START)
    ingests = {which: Ingest() for which in stores}
    made = texts(entries, words)
    commits = entries // (BATCH * EACH)
    for number in range(commits):
        batch = polls(number, list(islice(made, BATCH * EACH)))
        for which in turn(stores, number):
            ingests[which].seconds.append(commit(stores[which], batch, number))
    quiet = {which: Ingest() for which in stores}
    for number in range(commits, commits + QUIET):
        batch = polls(number, [])
        for which in turn(stores, number):
            quiet[which].seconds.append(commit(stores[which], batch, number))
    tenth = max(1, commits // 10)
    rows = [("case", *stores, "ratio")]
    for what, part in (("ingest, first tenth", slice(tenth)), ("ingest, last tenth", slice(-tenth, None))):
        rows.append(line(f"{what}, entries/s", [ingests[w].rate(part) for w in stores], ".0f"))
    silent = [BATCH * QUIET / sum(quiet[w].seconds) for w in stores]
    rows.append(line("polls without news, feeds/s", silent, ".0f"))
    sizes = [each.upkeep.size() / (commits * BATCH * EACH) for each in stores.values()]
    rows.append(line("bytes an entry", sizes, ".0f"))
    named = {f"w{n}": word for n, word in enumerate(words[:400])}
    for case, text, _ in CASES:
        query = parse(text.format(**named))
        found = {w: [r.id for r in islice(search(s, query), SHOWN)] for w, s in stores.items()}
        assert len({tuple(ids) for ids in found.values()}) == 1, (case, found)
        works = [lambda s=s, query=query: sum(1 for _ in islice(search(s, query), SHOWN)) for s in stores.values()]
        rows.append(line(f"search: {case}, ms", timed(works), ".2f"))
    rows.append(line("percolation of 10,000 queries, ms an entry", percolated(list(stores.values())), ".3f"))
    facts = {
        "entries": f"{commits * BATCH * EACH:,}",
        "entries_in_a_commit": f"{BATCH * EACH:,} of {BATCH} feeds",
        "cpus": os.cpu_count(),
    }
    return {
        "promise": "what is stored and found is the same on both; ratio is PostgreSQL by SQLite",
        "facts": facts,
        "table": rows,
    }


def turn(stores: dict[str, Any], number: int) -> list[str]:
    """Who comes first changes."""
    names = list(stores)
    return names if number % 2 else names[::-1]


def line(case: str, values: Sequence[float], form: str) -> tuple[str, ...]:
    first, second = values
    return (case, *(f"{v:,{form}}" for v in values), f"{second / first:.2f}")


def name(number: int) -> str:
    return f"feed-{number:04d}"


def polls(number: int, both: Sequence[tuple[str, str]]) -> list[PollOutcome]:
    """The outcomes of one commit: each feed with its share of the texts."""
    now = START + timedelta(minutes=number)
    first = number * BATCH % FEEDS
    share = len(both) // BATCH
    return [
        PollOutcome(
            name((first + n) % FEEDS),
            PollState(now + timedelta(hours=1), "ok", etag=f'"{number}"', last_poll_at=now, last_ok_at=now),
            tuple(
                change(f"{number}-{n}-{k}", *both[n * share + k], now, draft=n * share + k + 1) for k in range(share)
            ),
        )
        for n in range(BATCH)
    ]


def change(guid: str, title: str, body: str, now: datetime, *, draft: int) -> StoredChange:
    entry = ParsedEntry(guid, f"https://wire.example/{guid}", title, f"<p>{body}</p>", body=body, published_at=now)
    keys = (EntryKey("id", guid), EntryKey("link", entry.link))
    story = StoryChoice(0, draft, "first", 1.0, (StoryKey("url", entry.link), StoryKey("title", title)))
    said = tokens.index_text(tokens.tokenize(title)), tokens.index_text(tokens.tokenize(body))
    return StoredChange(NewEntry(entry, keys, f"{hash(guid) & (1 << 62) - 1:064x}"), now, *said, "en", story)


def commit(stores: Any, batch: Sequence[PollOutcome], number: int) -> float:
    """Claim and commit; the seconds of the commit."""
    now = batch[0].poll.last_poll_at
    assert now is not None
    ids = [outcome.feed_id for outcome in batch]
    claimed = stores.feeds.claim_due("bench:1:1:1/poll", BATCH, now, ids=ids, everything=True)
    assert len(claimed) == BATCH, (number, len(claimed))
    began = time.perf_counter()
    added = stores.polls.commit_polls(batch, "bench:1:1:1/poll", now)
    took = time.perf_counter() - began
    assert sum(map(len, added.values())) == sum(len(outcome.changes) for outcome in batch)
    return took


def timed(works: Sequence[Callable[[], int]]) -> list[float]:
    """The median of the milliseconds that each takes, in turn: another process has its share of the work."""
    times: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(ROUNDS):
        for work, took in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            took.append((time.perf_counter() - began) * 1e3)
    return [statistics.median(took) for took in times]


def percolated(stores: Sequence[Any]) -> list[float]:
    """Milliseconds an entry against ten thousand queries, in an index that knows the words of each store."""
    world = World(7)
    asked = [world.asked(number) for number in range(QUERIES)]
    found = [document(title=t[:60], body=t[60:]) for t in (world.entry(asked, 3) for _ in range(PERCOLATED))]
    indexes = [WatchIndex([(str(n), parse(a.text)) for n, a in enumerate(asked)], word_counts(s)) for s in stores]
    works = [lambda index=index: sum(len(match.find(each, index)) for each in found) for index in indexes]
    return [took / PERCOLATED for took in timed(works)]


if __name__ == "__main__":
    sys.exit(main())
