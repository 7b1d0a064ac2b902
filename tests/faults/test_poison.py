"""Documents that bring down whoever reads them: they cost themselves a day, and nobody else anything."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App
from aggregator.feeds import parse
from aggregator.workers import Pool
from tests import counts
from tests.conformance.feedserver import FeedServer, document
from tests.e2e.homes import WATCHLISTS, Item, rss, staged, sweep, write_home
from tests.e2e.program import alive, descendants, until
from tests.faults.poisons import WAYS, read

HOUR = timedelta(hours=1)
POISONS = counts.count(small=8, storm=100)


class Poisoned:
    """The real workers, reading by `read`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        return self._pool.submit(read if work is parse.document else work, *args)

    def submit_all(self, work: Callable[..., Any], each: Sequence[tuple[Any, ...]]) -> list[Future[Any]]:
        return self._pool.submit_all(read if work is parse.document else work, each)

    def close(self) -> None:
        self._pool.close()


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(max_workers=2, timeout=4.0, memory=256 * 2**20)
    yield made
    made.close()


@pytest.mark.usefixtures("_quiet")
def test_a_poisonous_feed_is_quarantined_after_three_times_and_the_others_are_untouched(
    tmp_path: Path, pool: Pool
) -> None:
    ways = [*WAYS] if counts.STORM else ["abort", "eat"]
    with FeedServer() as server:
        feeds = [{"id": way, "url": server.add(f"/{way}", document(rss(Item("1", "Well"))))} for way in ways]
        feeds += [{"id": f"good{n}", "url": server.add(f"/{n}", document(rss(Item("1", "Well"))))} for n in range(3)]
        write_home(tmp_path, feeds, watchlists=WATCHLISTS)
        with staged(tmp_path) as (app, clock):
            app.__dict__["workers"] = Poisoned(pool)
            assert {r.outcome for r in sweep(app).values()} == {"new"}
            for way in ways:
                poison = rss(Item("1", "Well"), Item("2", "More")).replace(b"News", f"poison {way}".encode())
                server.add(f"/{way}", document(poison))
            for number in range(3):
                server.add("/0", document(rss(Item("1", "Well"), Item(f"news{number}", "News"))))
                clock.advance(timedelta(hours=6))
                found = sweep(app)
                assert {found[way].error_class for way in ways} == {"parse_timeout"}, found
                assert {r.outcome for name, r in found.items() if name not in ways} <= {"new", "unchanged"}
            polls = {f.id: f.poll for f in app.stores.feeds.list()}
            for way in ways:
                assert "in quarantine" in polls[way].next_poll_reason
                assert polls[way].next_poll_at - clock.now() >= timedelta(days=1)
                assert polls[way].next_poll_at - clock.now() <= timedelta(days=1.1)
            before = len(server.log(f"/{ways[0]}"))
            clock.advance(timedelta(hours=23))
            assert not set(ways) & sweep(app).keys()
            assert len(server.log(f"/{ways[0]}")) == before
            for way in ways:
                server.add(f"/{way}", document(rss(Item("1", "Well"), Item("2", "Cured"))))
            clock.advance(timedelta(hours=4))
            assert {sweep(app)[way].outcome for way in ways[:1]} == {"new"}
            assert stored(app) == 2 * len(ways) + 3 + 3


def stored(app: App) -> int:
    return int(app.stores.upkeep.stats(app.clock.now())["entries"])


@pytest.fixture
def _quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What a worker says when it falls is nobody's."""
    yield
    capfd.readouterr()


def test_after_many_falls_no_process_file_or_thread_is_left(pool: Pool) -> None:
    good = rss(Item("1", "Well"))
    others = frozenset(running())

    def fall(ways: Sequence[str]) -> None:
        for way in ways:
            bad = pool.submit(read, rss(Item("1", f"poison {way}")), "https://x.example/", "")
            assert getattr(bad.exception(60), "error_class", "") == "parse_timeout"
            assert len(pool.submit(read, good, "https://x.example/", "").result(60).entries) == 1

    with ExitStack() as stack:
        stack.callback(pool.close)
        fall(["abort", "eat"])
        files, threads, below = files_now(), threading.active_count(), len(running())
        ways = [*(["abort", "segfault", "abort", "eat"] * POISONS)[: POISONS - 1], "spin"]
        fall(ways)
        until(lambda: files_now() <= files + 4, "files are closed", 30)
        until(lambda: threading.active_count() <= threads + 2, "threads end", 30)
        until(lambda: len(running()) <= below + 1, "processes end", 30)
        assert not zombies()
    until(
        lambda: not [pid for pid in running() if pid not in others and not stays(pid)],
        "no worker is left",
        30,
    )
    counts.report("documents that bring their worker down", len(ways), 0, "no process, file or thread left")


def files_now() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def running() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if alive(pid)]


def zombies() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if not alive(pid) and Path(f"/proc/{pid}").exists()]


def stays(pid: int) -> bool:
    """Whether multiprocessing keeps it for the next pool: its fork server and its tracker of resources."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return True  # it has ended meanwhile
    return "forkserver" in command or "tracker" in command
