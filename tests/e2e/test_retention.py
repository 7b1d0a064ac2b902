"""Retention: by feed and tag, in small steps beside everything else, and a file whose size levels off."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aggregator import retention
from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.store.sqlite.database import Database
from tests import stored
from tests.conformance.feedserver import Call, FeedServer
from tests.counts import count, report
from tests.e2e import homes
from tests.e2e.homes import ENVIRON, START, Item
from tests.e2e.program import aggregator, done

DAY = timedelta(days=1)


class Shelf:
    """Feeds whose documents the test writes, on a clock that it sets."""

    def __init__(self, home: Path, server: FeedServer, feeds: dict[str, dict[str, Any]]) -> None:
        self.home = home
        self.items: dict[str, list[Item]] = {name: [] for name in feeds}
        listed = []
        for name, more in feeds.items():
            url = server.add(f"/{name}", partial(self._answer, name))
            listed.append({"id": name, "url": url, "interval": "5m", **more})
        homes.write_home(home, listed, watchlists=homes.WATCHLISTS, digests=homes.digests())

    def _answer(self, name: str, call: Call) -> None:
        call.respond(200, homes.rss(*self.items[name]))

    @contextmanager
    def app(self, at: timedelta, **environ: str) -> Iterator[App]:
        with build(self.home, ENVIRON | environ, SetClock(START + at)) as app:
            app.sync()
            yield app

    def poll(self, app: App) -> None:
        for _ in app.poll.sweep(everything=True):
            pass

    def tidy(self, app: App) -> dict[str, int]:
        return dict(retention.tidy(app.stores, retention.keep(app.configuration), app.clock, everything=True))

    def titles(self, app: App) -> set[str]:
        return {e.title for e in app.stores.entries.entries()}


def shelf_of(tmp_path: Path, server: FeedServer, **feeds: dict[str, Any]) -> Shelf:
    return Shelf(tmp_path / "home", server, feeds or {"wire": {}})


def test_a_feeds_own_age_counts_before_its_tags_and_the_longest_of_these_before_the_default(tmp_path: Path) -> None:
    with FeedServer() as server:
        shelf = shelf_of(
            tmp_path,
            server,
            own={"keep": "10d", "tags": ["agency"]},
            tagged={"tags": ["agency", "slow"]},
            always={"keep": "forever"},
            plain={},
        )
        for name, items in shelf.items.items():
            items.append(Item(name, f"News of {name}"))
            items.append(Item(f"{name}-csto", f"CSTO by {name}"))
        rules = {"entries": "30d", "tags": {"agency": "20d", "slow": "40d"}}
        (shelf.home / "config/aggregator.yaml").write_text(json.dumps({"retention": rules}))
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        left = []
        for days in (11, 21, 31, 41, 5000):
            with shelf.app(days * DAY) as app:
                found = app.stores.retention.prunable(app.clock.now(), retention.keep(app.configuration))
                gone = shelf.tidy(app)
                assert sum(found.values()) == gone["entries"]
                left.append({t.removeprefix("News of ") for t in shelf.titles(app) if t.startswith("News")})
                assert sum(t.startswith("CSTO") for t in shelf.titles(app)) == 4
                assert app.stores.upkeep.check(deep=True) == []
    assert left == [
        {"tagged", "always", "plain"},
        {"tagged", "always", "plain"},
        {"tagged", "always"},
        {"always"},
        {"always"},
    ]


def test_forever_keeps_everything_and_an_empty_text_is_refused(tmp_path: Path) -> None:
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server)
        shelf.items["wire"].append(Item("a", "News"))
        (shelf.home / "config/aggregator.yaml").write_text("retention:\n  entries: forever\n")
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        with shelf.app(9000 * DAY) as app:
            assert shelf.tidy(app)["entries"] == 0
            assert shelf.titles(app) == {"News"}
        (shelf.home / "config/aggregator.yaml").write_text("retention:\n  entries: ''\n")
        refused = aggregator(shelf.home, "prune", "--dry-run")
        assert (refused.code, "aggregator.yaml:2" in refused.err, "or forever" in refused.err) == (3, True, True)


def test_the_command_says_what_would_go_and_then_removes_it(tmp_path: Path) -> None:
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server)
        shelf.items["wire"] += [Item("a", "News"), Item("b", "CSTO")]
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        dry = done(shelf.home, "prune", "--keep", "30d", "--dry-run", "--json")
        assert dry.lines == [{"feed_id": "wire", "entries": 1}]
        assert "1 entry; nothing was changed" in dry.err
        assert "removed: 1 entry, 1 story" in done(shelf.home, "prune", "--keep", "30d").err
        assert "removed: 0 entries" in done(shelf.home, "prune", "--keep", "forever").err
        for bad in ("soon", "-1d"):
            refused = aggregator(shelf.home, "prune", "--keep", bad)
            assert (refused.code, bad in refused.err) == (2, True)


def test_an_item_that_is_still_shown_never_comes_back_as_new_however_old(tmp_path: Path) -> None:
    """Of a removed entry the name stays as long as the document has it; of one that went, twice the age."""
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server, wire={"keep": "30d"})
        pinned, passing = Item("pinned", "How to read us"), Item("passing", "News of a day")
        shelf.items["wire"] += [pinned, passing]
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        for days in range(1, 140, 9):
            shelf.items["wire"] = [pinned, Item(f"n{days}", f"News {days}", at=START + days * DAY)]
            with shelf.app(days * DAY, AGGREGATOR__RETENTION__ENTRIES="30d") as app:
                shelf.poll(app)
                shelf.tidy(app)
        with shelf.app(140 * DAY) as app:
            known = {row[0] for row in app.stores.upkeep._db.ask("SELECT key FROM entry_keys WHERE kind = 'id'")}  # type: ignore[attr-defined]
            assert "pinned" in known
            assert "passing" not in known
            assert "How to read us" not in shelf.titles(app)
            assert len(app.stores.upkeep._db.ask("SELECT 1 FROM entry_days")) < 10  # type: ignore[attr-defined]


def test_an_entry_that_returns_when_its_name_is_forgotten_raises_no_alert(tmp_path: Path) -> None:
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server, wire={"keep": "30d"})
        old = Item("old", "Town news")
        shelf.items["wire"] = [old, Item("other", "Other news")]
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        for days in (1, 40, 50, 61, 62, 100):
            shelf.items["wire"] = [Item(f"n{days}", f"News {days}", at=START + days * DAY)]
            with shelf.app(days * DAY) as app:
                shelf.poll(app)
                shelf.tidy(app)
        again = Item("old", "Town news of the CSTO", at=old.at)
        shelf.items["wire"].append(again)
        with shelf.app(101 * DAY) as app:
            shelf.poll(app)
            (match,) = app.stores.watch.matches("csto")
            assert match.reach == "digest"
            app.compose.run()
            assert [e.kind for e in app.stores.editions.editions("now")] == []


def test_settled_messages_go_with_their_addresses_and_nothing_is_told_twice(tmp_path: Path) -> None:
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server)
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        shelf.items["wire"].append(Item("a", "CSTO meets", at=START + DAY))
        with shelf.app(DAY) as app:
            shelf.poll(app)
            app.compose.run()
            app.send.run()
            sent = len(app.stores.outbox.list(["sent"]))
            assert sent
        with shelf.app(300 * DAY, AGGREGATOR__RETENTION__EDITIONS="500d") as app:
            assert "messages" not in shelf.tidy(app)
        with shelf.app(402 * DAY, AGGREGATOR__RETENTION__EDITIONS="500d") as app:
            gone = shelf.tidy(app)
            assert (gone["messages"], gone["attempts"], gone["mails"]) == (sent, sent, sent)
            assert app.stores.outbox.list() == []
            (edition, *_) = app.stores.editions.editions("now")
            assert (edition.rendered.mail, "CSTO meets" in edition.rendered.page) == (b"", True)
            assert app.stores.editions.waiting("now", app.clock.now()) == []
            assert app.stores.upkeep.check(deep=True) == []
        with shelf.app(502 * DAY, AGGREGATOR__RETENTION__EDITIONS="500d") as app:
            shelf.tidy(app)
            (edition, *_) = app.stores.editions.editions("now")
            assert "retention.editions" in edition.rendered.page
            assert app.stores.upkeep.check(deep=True) == []


@stored.file_only
def test_no_write_transaction_of_a_big_prune_holds_up_a_poll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timed at the transactions themselves, and by a poller that goes on meanwhile."""
    many = count(small=1_000, storm=5_000)
    held: list[float] = []
    write = Database.write

    @contextmanager
    def timed(self: Database) -> Iterator[Any]:
        with write(self) as conn:
            began = time.monotonic()
            yield conn
            ended = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            held.append(ended - began)

    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server, wire={"keep": "30d"}, live={})
        shelf.items["wire"] = [Item(f"a{n}", f"News {n} of town", "word " * 60 + str(n)) for n in range(many)]
        with shelf.app(timedelta(0)) as app:
            shelf.poll(app)
        with shelf.app(60 * DAY) as app:
            monkeypatch.setattr(Database, "write", timed)
            monkeypatch.setattr(SetClock, "sleep", lambda *given: threading.Event().wait(given[1]))
            stop, polls = threading.Event(), []

            def poll() -> None:
                while not stop.is_set():
                    began = time.monotonic()
                    with app.stores.upkeep._db.write() as conn:  # type: ignore[attr-defined]
                        conn.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('poller', '1')")
                    polls.append(time.monotonic() - began)
                    stop.wait(0.01)

            poller = threading.Thread(target=poll)
            poller.start()
            gone = shelf.tidy(app)
            stop.set()
            poller.join()
    assert gone["entries"] == many
    held.sort()
    usual, longest = held[len(held) // 2], max(held)
    report(
        "prune beside a writer",
        many,
        0,
        f"{usual * 1000:.0f} ms a transaction, longest {longest * 1000:.0f}; the writer waited {max(polls) * 1000:.0f}",
    )
    assert len(held) >= many // 50
    assert usual < 0.2


def test_the_file_levels_off(tmp_path: Path) -> None:
    """Days of news with ten days' keep: after the first twenty the file grows no more, for its room is used again."""
    days, each = count(small=40, storm=365), count(small=25, storm=40)
    sizes = []
    with FeedServer() as server:
        shelf = shelf_of(tmp_path, server, wire={"keep": "5d"})
        with shelf.app(timedelta(0)) as app:
            assert isinstance(app.clock, SetClock)
            for day in range(days):
                app.clock.advance(DAY)
                shelf.items["wire"] = [
                    Item(f"{day}-{n}", f"News {n} of day {day}", f"text {n} {day} " * 40, at=app.clock.now())
                    for n in range(each)
                ]
                shelf.poll(app)
                shelf.tidy(app)
                sizes.append(app.stores.upkeep.stats(app.clock.now())["database_bytes"])
            names = len(app.stores.upkeep._db.ask("SELECT 1 FROM entry_keys"))  # type: ignore[attr-defined]
            assert app.stores.upkeep.check(deep=True) == []
            entries = app.stores.upkeep.stats(app.clock.now())["entries"]
    half = sizes[len(sizes) // 2]
    report(
        "days with retention",
        days,
        0,
        f"{half:,} bytes at half-time, {sizes[-1]:,} at the end; {entries} entries, {names} names",
    )
    assert sizes[-1] <= half * 1.1
    assert entries <= 6 * each
