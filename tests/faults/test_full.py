"""A full disk: nothing is marked seen or sent, health says storage_full, and everything goes on by itself once there is room."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.errors import StoreError
from aggregator.store.sqlite import opening
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, done, everything, rows, until, write_home
from tests.e2e.storyroom import ask

LITTLE = 4096
AT_ONCE = {
    "digests": [
        {"id": "now", "title": "At once", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": ["a@example.org"]}
    ]
}  # fmt: skip
OFTEN = {"polling": {"floor": "1s"}}
LONG = "at length " * 400


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


@contextlib.contextmanager
def no_room(pid: int) -> Iterator[None]:
    """From outside: no file of this process may grow beyond a few bytes."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LITTLE, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def ballast(folder: Path) -> Iterator[None]:
    """A disk that another program has filled to the last byte."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as raw, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while raw.write(bytes(size)) == size:
                    pass
    try:
        yield
    finally:
        file.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def states(home: Path) -> set[str]:
    """What the lines say in the health file."""
    return {line["state"] for line in json.loads((home / "var/daemon.json").read_text()).values()} - {""}


def mails(home: Path) -> list[Path]:
    return list((home / "var/mail").glob("*.eml"))


def go_through(home: Path, wire: Wire, full: contextlib.AbstractContextManager[None], daemon: Daemon, url: str) -> None:
    """The disk fills, news comes, there is room again."""
    before = everything(home)
    with full:
        wire.add(*(f"CSTO statement {n}" for n in range(20)), text=LONG)
        said = daemon.wait_for("line poll stopped: .*again in")
        assert "make room, nothing stored is lost" in said
        answer, body = ask(url, "/readyz")
        assert (answer.status, json.loads(body)["state"]) == (503, "storage_full")
        page = ask(url, "/")
        assert page[0].status == 200
        assert "The disk is full" in page[1]
        until(lambda: states(home) == {"storage_full"}, "health says it")
        assert everything(home) == before
        assert "storage_full: no room to write to" in aggregator(home, "doctor").out
        assert daemon.process.poll() is None
    daemon.wait_for("line poll works again", 40)
    until(lambda: rows(home, "matches") == 21, "all that came meanwhile is there", 20)
    until(lambda: rows(home, "messages WHERE state = 'sent'") == rows(home, "messages") > 0, "all is sent", 20)
    assert len(mails(home)) == rows(home, "messages")
    assert states(home) == set()
    assert ask(url, "/readyz")[0].status == 200
    assert "storage_full" not in aggregator(home, "doctor").out
    assert daemon.end()[0] == 0
    assert "Traceback" not in daemon.text
    assert rows(home) == 21
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def start(home: Path, server: FeedServer, wire: Wire) -> None:
    write_home(home, {"wire": server.add("/wire", wire)}, interval="1s", settings=OFTEN, digests=AT_ONCE)


@pytest.mark.skipif(not counts.STORM, reason="the small disk shows it in `make test`; ten seconds more")
def test_a_process_that_may_write_no_more_waits_and_goes_on_by_itself(tmp_path: Path, server: FeedServer) -> None:
    wire = Wire("wire", "CSTO at first")
    start(tmp_path, server, wire)
    with Daemon(tmp_path) as daemon:
        url = daemon.wait_for("web pages on http").rpartition(" ")[2]
        daemon.wait_for("feed wire: 1 new")
        go_through(tmp_path, wire, no_room(daemon.pid), daemon, url)


def test_a_disk_that_fills_up_stops_nothing_for_good(small_disk: Path, server: FeedServer) -> None:
    wire = Wire("wire", "CSTO at first")
    home = small_disk / "home"
    start(home, server, wire)
    with Daemon(home) as daemon:
        url = daemon.wait_for("web pages on http").rpartition(" ")[2]
        daemon.wait_for("feed wire: 1 new")
        go_through(home, wire, ballast(small_disk), daemon, url)


def test_on_a_full_disk_every_command_says_so_in_a_line_or_reads(
    small_disk: Path, server: FeedServer, tmp_path: Path
) -> None:
    home = small_disk / "home"
    wire = Wire("wire", *(f"CSTO {n}" for n in range(5)))
    start(home, server, wire)
    done(home, "poll")
    before = everything(home)
    with ballast(small_disk):
        for argv in (["entries"], ["search", "CSTO"], ["stats"], ["watch", "list"], ["export", "entries"]):
            result = aggregator(home, *argv)
            assert result.code == 0, (argv, result)
        for argv in (["poll", "--all"], ["digest", "now"], ["backup"], ["feeds", "pause", "wire"], ["run"]):
            result = aggregator(home, *argv)
            assert result.code in (1, 3, 5), (argv, result)
            assert any(word in result.err for word in ("full", "No space left", "no room")), (argv, result)
        assert list((home / "var/backups").glob("*")) == []
    assert everything(home) == before
    assert not list(home.rglob("*.part"))
    done(home, "poll", "--all")
    done(home, "backup", "--out", str(tmp_path / "elsewhere.tar.gz"))  # a backup wants more room than this disk has


def test_a_database_that_may_not_grow_keeps_validators_and_entries_together(
    tmp_path: Path, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire("wire", "CSTO at first")
    start(tmp_path, server, wire)
    done(tmp_path, "poll")
    real = opening.to_write

    def bounded(path: Path, *args: object, **more: object) -> sqlite3.Connection:
        conn: sqlite3.Connection = real(path, *args, **more)  # type: ignore[arg-type]
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count={pages}")
        return conn

    def validators() -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as conn:
            return conn.execute("SELECT etag, body_hash FROM feeds").fetchall()

    before, known = validators(), rows(tmp_path)
    wire.add(*(f"CSTO statement {n}" for n in range(40)), text=LONG)
    monkeypatch.setattr(opening, "to_write", bounded)
    with build(tmp_path) as app:
        with pytest.raises(StoreError, match="disk is full") as caught:
            list(app.poll.sweep(everything=True))
        assert caught.value.state == "storage_full"
        assert (validators(), rows(tmp_path)) == (before, known)
        monkeypatch.setattr(opening, "to_write", real)
        app.stores.upkeep._db._let_go()  # type: ignore[attr-defined] # the claims were given back by a connection so bounded
        app.stores.feeds.release(f"{app.owner}/poll")
        list(app.poll.sweep(everything=True))
        assert app.stores.upkeep.trouble() is None
    assert validators() != before
    assert rows(tmp_path) == known + 40


def test_an_output_that_takes_no_more_is_one_line(tmp_path: Path, server: FeedServer) -> None:
    start(tmp_path, server, Wire("wire", *(f"CSTO {n}" for n in range(5))))
    done(tmp_path, "poll")
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("this system has no /dev/full")
    command = f"{sys.executable} -m aggregator --home {tmp_path} entries --json > /dev/full"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "aggregator: the output: No space left on device; make room or mend it, then run it again"
    ]
