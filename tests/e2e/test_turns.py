"""Two processes read the same news at the same instant: who decides takes turns, and one story begins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg

from aggregator.app import build
from aggregator.clock import SetClock
from aggregator.model import PollReport
from aggregator.watch.index import WatchIndex
from tests.conformance.feedserver import FeedServer, document
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, write_home
from tests.e2e.program import until

TEXT = "The Collective Security Council of the CSTO agreed on the plan for the year, the secretariat said on Thursday."
NAMES = ("one", "other")


def test_the_same_news_in_two_processes_at_the_same_instant_is_one_story(
    tmp_path: Path, postgres_database: str
) -> None:
    deciding: set[str] = set()
    start = threading.Barrier(len(NAMES))

    def waits() -> bool:
        """Whether somebody waits for the turn."""
        sql = """SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'
                 AND datname = current_database()"""
        with psycopg.connect(postgres_database) as conn:
            return bool(conn.execute(sql).fetchall())

    with ExitStack() as stack:
        # A port is a host: the two may be asked at once.
        urls = {
            name: stack.enter_context(FeedServer()).add(
                "/rss",
                document(rss(Item(name, "CSTO council agrees on the plan", TEXT, link=f"https://{name}.example/"))),
            )
            for name in NAMES
        }
        feeds = [{"id": name, "url": url} for name, url in urls.items()]
        write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
        environ = ENVIRON | {"AGGREGATOR__STORAGE__URL": postgres_database}
        apps = {name: stack.enter_context(build(tmp_path, environ, SetClock(START))) for name in NAMES}
        for app in apps.values():
            app.sync()

        def swept(name: str) -> list[PollReport]:
            def watch() -> WatchIndex:
                # The stories are chosen by now, and nothing is stored: here the other comes if it may, and else waits.
                deciding.add(name)
                until(lambda: len(deciding) == len(NAMES) or waits(), "the other decides, too, or waits", 30)
                return apps[name].watch_index()

            start.wait()
            return list(replace(apps[name].poll, watch=watch).sweep(ids=[name]))

        with ThreadPoolExecutor(len(NAMES)) as pool:
            reports = [report for found in pool.map(swept, NAMES) for report in found]
        assert [(report.feed_id, report.outcome) for report in reports] == [(name, "new") for name in NAMES]
        [story] = apps["one"].stores.stories.list()
        assert {entry.feed_id for entry in story.entries} == {*NAMES}
