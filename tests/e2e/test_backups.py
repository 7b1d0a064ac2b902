"""The daemon's backups, a backup under full load, and the restore drill: nothing lost that the feeds still show, nothing sent twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import backups
from aggregator.app import build
from aggregator.sample.sink import Sink
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.counts import count, report
from tests.e2e import homes
from tests.e2e.drill import HOUR, Drill, subjects, told
from tests.e2e.homes import Item
from tests.e2e.program import DIGESTS, Daemon, Wire, aggregator, done, rows, smtp, until, write_home

pytestmark = stored.file_only

DAY = timedelta(days=1)


# -- the daemon ------------------------------------------------------------------------------------------------------------


def test_the_daemon_makes_backups_rotates_them_and_says_so(tmp_path: Path) -> None:
    wire = Wire("wire", "CSTO one")
    with FeedServer() as server:
        settings = {"backup": {"every": "1s", "daily": 1, "weekly": 0, "directory": str(tmp_path / "disk")}}
        home = write_home(tmp_path / "home", {"wire": server.add("/rss", wire)}, settings=settings)
        with Daemon(home) as daemon:
            daemon.ready()
            for _ in range(2):
                daemon.wait_for(r"backup .*/disk/aggregator-\S+\.tar\.gz: \d+ bytes, verified")
            assert daemon.end()[0] == 0
    (left,) = (tmp_path / "disk").iterdir()
    assert done(home, "backup", "list", "--json").lines[0]["file"] == str(left)
    assert "sound" in done(home, "backup", "verify", str(left)).out
    said = aggregator(home, "doctor").out
    assert str(left) in said


def test_doctor_misses_a_backup_that_is_late_gone_or_broken(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    with build(home, {}) as app:
        assert "none yet" in aggregator(home, "doctor").text
        made = done(home, "backup").out.strip()
        assert "last backup" not in aggregator(home, "doctor", "--deep").text
        data = Path(made).read_bytes()
        Path(made).write_bytes(data[:-40])
        assert "the last backup is not sound" in aggregator(home, "doctor", "--deep").text
        Path(made).unlink()
        assert "not there any more" in aggregator(home, "doctor").text
        app.stores.upkeep.note_backup(app.clock.now() - 3 * DAY, made)
        assert "the last backup is of" in aggregator(home, "doctor").text
        app.stores.upkeep.note_backup(app.clock.now(), error="no room")
        assert "no room" in aggregator(home, "doctor").text


# -- under load ---------------------------------------------------------------------------------------------------------------


def test_a_backup_under_load_holds_every_commit_made_before_it_began(tmp_path: Path) -> None:
    rounds = count(small=3, storm=40)
    with FeedServer() as server:
        wires = [Wire(f"w{n}", f"CSTO {n}") for n in range(4)]
        home = write_home(tmp_path / "home", {w.title: server.add(f"/{w.title}", w) for w in wires})
        with build(home, {}) as app:
            app.sync()
            stop = threading.Event()
            failed: list[BaseException] = []

            def poll() -> None:
                number = 0
                try:
                    while not stop.is_set():
                        number += 1
                        for wire in wires:
                            wire.add(*(f"CSTO {wire.title} {number} {n}" for n in range(5)))
                        for _ in app.poll.sweep(everything=True):
                            pass
                except BaseException as e:  # noqa: BLE001 - seen below
                    failed.append(e)

            poller = threading.Thread(target=poll)
            poller.start()
            lost = 0
            for number in range(rounds):
                before = rows(home)
                target = tmp_path / f"backup{number}.tar.gz"
                backups.make(app.stores.upkeep, app.configuration.home, target, app.clock.now())
                with tarfile.open(target) as tar:
                    tar.extract("aggregator.db", tmp_path / "out", filter="data")
                with contextlib.closing(sqlite3.connect(tmp_path / "out/aggregator.db")) as conn:
                    assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                    lost += conn.execute("SELECT count(*) FROM entries").fetchone()[0] < before
                assert "sound" in done(home, "backup", "verify", str(target)).out
            stop.set()
            poller.join()
            assert failed == []
            assert rows(home) > 20
    report("backup while polling at full rate", rounds, lost)
    assert lost == 0


# -- the drill ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    with FeedServer() as server, Sink() as sink:
        yield Drill(tmp_path / "home", server, sink)


def test_a_database_that_is_deleted_and_restored_sends_nothing_twice_and_loses_no_news(drill: Drill) -> None:
    drill.live(3)
    backup = drill.backup()
    drill.live(6, 4 * HOUR)  # over a morning
    before = len(drill.sink.messages)
    assert drill.twice() == []
    drill.lose()
    said = done(drill.home, "restore", str(backup)).err
    assert "sent since, by the log, and not sent again: 7 editions" in said
    assert "daily 2023-02-03T07:30+03:00: 2 of 2 sent" in said
    with drill.app() as app:
        homes.sweep(app)
        app.compose.run()
        app.send.run()
        assert app.stores.upkeep.check(deep=True) == []
        assert {e.title for e in app.stores.entries.entries()} == {i.title for i in drill.items}
    assert len(drill.sink.messages) == before
    drill.live(6, 4 * HOUR)
    assert drill.twice() == []
    text = told(drill.sink)
    assert [i.title for i in drill.items if i.title not in text] == []
    with drill.app() as app:
        assert app.stores.upkeep.check(deep=True) == []
    report("restore drill: mails that came, told twice", len(drill.sink.messages), 0)


def test_without_the_log_everything_waits_for_a_person(drill: Drill) -> None:
    drill.live(3)
    backup = drill.backup()
    drill.live(3)
    before = len(drill.sink.messages)
    drill.lose()
    shutil.rmtree(drill.home / "var/sent")
    assert "every edition is held" in done(drill.home, "restore", str(backup)).err
    drill.live(4, 6 * HOUR)
    assert len(drill.sink.messages) == before
    assert "every edition is held" in aggregator(drill.home, "doctor").text
    with drill.app() as app:
        assert app.stores.outbox.release_held(drill.now) > 2
        app.send.run()
    assert len(drill.sink.messages) > before
    with_release = len(drill.sink.messages)
    drill.live(1)
    assert len(drill.sink.messages) == with_release + 2


def test_who_left_after_the_backup_stays_away_and_who_was_erased_is_erased_again(drill: Drill) -> None:
    drill.live(2)
    backup = drill.backup()
    with drill.app() as app:
        first = next(s for s in app.stores.subscriptions.list("now") if s.address == "desk@example.org")
        app.stores.subscriptions.end(first.id, "asked to", drill.now)
        app.stores.subscriptions.erase("second@example.org", drill.now)
    drill.lose()
    said = done(drill.home, "restore", str(backup)).err
    assert "subscriptions ended or paused since" in said
    with drill.app() as app:
        states = {(s.digest_id, s.address): s.state for s in app.stores.subscriptions.list()}
        assert states["now", "desk@example.org"] == "ended"
        assert states["daily", "desk@example.org"] == "active"
        assert not [a for _, a in states if a == "second@example.org"]
        assert app.stores.suppressions.reason("second@example.org") == "erased"
    before = len(drill.sink.messages)
    drill.live(3)
    assert len(drill.sink.messages) == before


def test_the_log_names_no_reader(drill: Drill) -> None:
    drill.live(2)
    with drill.app() as app:
        app.stores.subscriptions.end(app.stores.subscriptions.list("now")[0].id, "desk@example.org asked to", drill.now)
    text = b"".join(p.read_bytes() for p in (drill.home / "var/sent").iterdir())
    assert text.count(b'"sent"') == 2  # the first hour is what was there before
    assert b"@" not in text
    assert (drill.home / "var/sent").stat().st_mode & 0o777 == 0o700


def test_an_edition_that_reached_nobody_is_composed_anew_after_a_restore(drill: Drill) -> None:
    drill.live(2)
    backup = drill.backup()
    drill.now += HOUR
    drill.items.append(Item("late", "CSTO report late.", "Nobody has this yet.", drill.now))
    with drill.app() as app:
        homes.sweep(app)
        assert len(app.compose.run()) == 1
    drill.lose()
    done(drill.home, "restore", str(backup))
    assert "CSTO report late." not in told(drill.sink)
    drill.live(1)
    assert told(drill.sink).count("CSTO report late.") == 2
    assert drill.twice() == []


def test_a_killed_daemon_and_a_deleted_database_come_back_by_a_restore(tmp_path: Path) -> None:
    """The drill with real processes: kill -9, delete, restore, run."""
    wire = Wire("wire", "CSTO one")
    at_once = {
        "id": "now",
        "title": "At once",
        "every": "instant",
        "wait": "0s",
        "watchlists": ["csto"],
        "to": ["desk@example.org"],
    }
    with FeedServer() as server, Sink() as sink:
        home = write_home(
            tmp_path / "home",
            {"wire": server.add("/rss", wire)},
            settings=smtp(sink.host, sink.port),
            digests={"digests": [*DIGESTS["digests"], at_once]},
        )
        done(home, "poll", "--all")
        with Daemon(home) as daemon:
            daemon.ready()
            wire.add("CSTO two")
            done(home, "poll", "--all")
            until(lambda: len(sink.messages) == 1, "the first alert", 20)
            backup = done(home, "backup").out.strip()
            wire.add("CSTO three")
            done(home, "poll", "--all")
            until(lambda: len(sink.messages) == 2, "the second alert", 20)
            os.kill(daemon.pid, signal.SIGKILL)
        for path in (home / "var").glob("aggregator.db*"):
            path.unlink()
        lost = " ".join(aggregator(home, "doctor").out.split())
        assert "the database is new, but" in lost
        assert f"`aggregator restore {backup}` brings it back" in lost
        said = done(home, "restore", backup).err
        assert "1 edition" in said
        assert "the database is new" not in aggregator(home, "doctor").out
        with Daemon(home) as daemon:
            daemon.ready()
            wire.add("CSTO four")
            done(home, "poll", "--all")
            until(lambda: "CSTO four" in told(sink), "the alert after the restore", 20)
            daemon.end()
        assert max(subjects(sink).values()) == 1
        assert [told(sink).count(f"CSTO {n}\r\n") for n in ("two", "three", "four")] == [1, 1, 1]
        assert aggregator(home, "doctor", "--deep").code == 0


def test_a_restore_of_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    home = write_home(tmp_path / "home", {})
    (tmp_path / "x.tar.gz").write_bytes(b"no")
    for command in (["backup", "verify"], ["restore", "--check"]):
        bad = aggregator(home, *command, str(tmp_path / "x.tar.gz"))
        assert (bad.code, "nothing was changed" in bad.err) == (2, True)
