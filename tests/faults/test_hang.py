"""Each line hangs in turn, in a server that holds it or in a lock: the watchdog is fed no more. One that is only busy goes on being fed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from aggregator.sample.sink import Sink
from aggregator.web import server
from tests.conformance.feedserver import RSS, Behaviour, Call, FeedServer, document, slow, status
from tests.e2e.program import Wire, done, until, write_home
from tests.faults.hanging import LIMIT, Watched, watched

MAIL = {"security": "none"}


def holds(released: threading.Event, behaviour: Behaviour) -> Behaviour:
    """Takes the request, and answers when the test lets it."""

    def answer(call: Call) -> None:
        while not released.is_set() and not call.pause(0.05):
            pass
        behaviour(call)

    return answer


@contextlib.contextmanager
def letting_go() -> Iterator[threading.Event]:
    """Whatever happens, what hangs is let go."""
    released = threading.Event()
    try:
        yield released
    finally:
        released.set()


@contextlib.contextmanager
def locked(seen: Watched) -> Iterator[sqlite3.Connection]:
    """Another program is in the middle of writing."""
    with contextlib.closing(sqlite3.connect(seen.app.configuration.home.db, isolation_level=None)) as conn:
        yield conn
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def quiet(seen: Watched) -> None:
    """Wait until no line is at work."""
    until(lambda: {w.name for w in seen.daemon.progress.at_work()} <= {"main", "ticks", "web"}, "all lines rest")


def busy_for(seen: Watched, line: str, seconds: float) -> None:
    """The line is at work for so long, and the watchdog is fed all the time."""
    until(lambda: any(w.name == line and w.seconds > seconds for w in seen.daemon.progress.at_work()), line, 20)
    assert seen.hung() == set()
    assert not any("hang" in said for said in seen.said)


def test_a_feed_that_holds_its_line_starves_the_watchdog(tmp_path: Path) -> None:
    with FeedServer() as feeds, letting_go() as released:
        url = feeds.add("/holds", holds(released, document(RSS)))
        with watched(tmp_path, {"url": url}) as seen:
            seen.starves("poll")
            released.set()
            seen.recovers()


def test_slow_feeds_that_answer_keep_it_fed(tmp_path: Path) -> None:
    """Eight of them one after the other: the line works for far longer than the limit, and gets on."""
    with FeedServer() as feeds:
        urls = [feeds.add(f"/{n}", slow(document(RSS), 0.4)) for n in range(8)]
        with watched(tmp_path, *({"url": url} for url in urls)) as seen:
            busy_for(seen, "poll", 2 * LIMIT)


def test_an_article_page_that_does_not_come_starves_it(tmp_path: Path) -> None:
    with FeedServer() as feeds, letting_go() as released:
        feeds.add("/robots.txt", holds(released, status(404)))
        wire = Wire("wire", "CSTO meets")
        wire._items[0] = wire._items[0].replace("https://wire.example/0", feeds.url("/page"))
        with watched(tmp_path, {"url": feeds.add("/rss", wire), "articles": "all"}) as seen:
            seen.starves("enrich")
            released.set()
            seen.recovers()


def test_a_lock_that_a_digest_waits_for_starves_it(tmp_path: Path) -> None:
    with watched(tmp_path) as seen, locked(seen) as conn:
        soon = datetime.now(UTC) + timedelta(seconds=1)  # noqa: TID251 - of the daemon's own clock
        conn.execute("UPDATE digests SET next_at = ?", (soon.isoformat(timespec="microseconds")[:-6] + "Z",))
        quiet(seen)
        conn.execute("BEGIN IMMEDIATE")
        seen.starves("compose")
        conn.execute("ROLLBACK")
        seen.recovers()


def test_a_lock_that_upkeep_waits_for_starves_it(tmp_path: Path) -> None:
    with watched(tmp_path) as seen, locked(seen) as conn:
        quiet(seen)
        conn.execute("BEGIN IMMEDIATE")
        again(seen, "upkeep")
        seen.starves("upkeep")
        conn.execute("ROLLBACK")
        seen.recovers()


def again(seen: Watched, name: str) -> None:
    """A line that runs by the clock runs at the next tick."""
    [line] = [line for line in seen.daemon._lines if line.name == name]
    line.not_before = 0.0


def test_a_look_at_rhythms_that_does_not_come_back_starves_it(tmp_path: Path) -> None:
    with letting_go() as released, watched(tmp_path) as seen:
        quiet(seen)
        really = seen.app.stores.signals.list
        planted: Any = lambda **more: released.wait() and really(**more)  # noqa: E731 - a fault in a line
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(seen.app.stores.signals, "list", planted)
            again(seen, "signals")
            seen.starves("signals")
            released.set()
            seen.recovers()


def with_mail(tmp_path: Path, url: str, *readers: str) -> dict[str, Any]:
    """An edition waits in the outbox for these readers; what the files say."""
    digests = {"digests": [{"id": "morning", "title": "M", "watchlists": ["csto"], "at": "07:30", "to": readers}]}
    home = write_home(tmp_path / "home", {"wire": url}, digests=digests, settings={"mail": {"host": "127.0.0.1"}})
    done(home, "poll")
    done(home, "digest", "morning")
    return digests


def test_a_mail_server_that_holds_a_message_starves_it(tmp_path: Path) -> None:
    with FeedServer() as feeds, socket.create_server(("127.0.0.1", 0)) as port:
        url = feeds.add("/rss", Wire("wire", "CSTO meets"))
        digests = with_mail(tmp_path, url, "a@example.org")
        mail = MAIL | {"host": "127.0.0.1", "port": port.getsockname()[1]}
        with watched(tmp_path, {"id": "wire", "url": url}, more={"mail": mail}, digests=digests) as seen:
            held, _ = port.accept()
            with held:
                seen.starves("send/mail")
            seen.recovers()


def test_a_slow_mail_server_that_takes_one_after_the_other_keeps_it_fed(tmp_path: Path) -> None:
    with FeedServer() as feeds, Sink("slow", 0.4) as sink:
        url = feeds.add("/rss", Wire("wire", "CSTO meets"))
        digests = with_mail(tmp_path, url, *(f"reader{n}@example.org" for n in range(8)))
        mail = MAIL | {"host": sink.host, "port": sink.port}
        with watched(tmp_path, {"id": "wire", "url": url}, more={"mail": mail}, digests=digests) as seen:
            busy_for(seen, "send/mail", 2 * LIMIT)


def test_pages_whose_threads_are_all_stuck_starve_it_and_so_does_a_dead_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WALK_SECONDS", 1)
    with letting_go() as released, watched(tmp_path, more={"web": {"enabled": True, "port": 0}}) as seen:
        busy_for(seen, "web", 5.0)
        assert seen.daemon._web is not None
        loop = seen.daemon._web._server._loop
        assert loop is not None

        async def all_threads() -> None:
            await asyncio.gather(*(run_sync(released.wait) for _ in range(server.THREADS)))

        asyncio.run_coroutine_threadsafe(all_threads(), loop)
        seen.starves("web")
        released.set()
        seen.recovers()
        released.clear()
        loop.call_soon_threadsafe(released.wait)
        seen.starves("web")
        released.set()
        seen.recovers()


def test_a_clock_that_does_not_tick_starves_it(tmp_path: Path) -> None:
    with letting_go() as released, watched(tmp_path) as seen, pytest.MonkeyPatch.context() as patch:
        really = seen.app.stores.agenda.version
        planted: Any = lambda: released.wait() and really()  # noqa: E731 - a fault in a tick
        patch.setattr(seen.app.stores.agenda, "version", planted)
        seen.starves("ticks")
        released.set()
        seen.recovers()


def test_a_main_thread_that_hangs_starves_it(tmp_path: Path) -> None:
    with letting_go() as released, watched(tmp_path) as seen, pytest.MonkeyPatch.context() as patch:
        really = seen.daemon._files._stamps
        planted: Any = lambda: released.wait() and really()  # noqa: E731 - a fault in a look at files
        patch.setattr(seen.daemon._files, "_stamps", planted)
        seen.starves("main")
        released.set()
        seen.recovers()
