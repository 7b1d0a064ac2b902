"""A damaged database: nothing is written to it, one line says which backup to take, and no command shows a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.errors import StoreError
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, done, until, write_home
from tests.e2e.storyroom import ask
from tests.faults.furnished import READING, WRITING, opened

PAGE = 8192
PARTS = counts.count(small=4, storm=1)
FLIPS = counts.count(small=12, storm=400)


def flip(file: Path, at: int, size: int = 64) -> None:
    raw = bytearray(file.read_bytes())
    raw[at : at + size] = bytes(b ^ 0xA5 for b in raw[at : at + size])
    file.write_bytes(raw)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


EVERYWHERE: dict[str, Callable[[Path], object]] = {
    "the header": lambda f: flip(f, 0, 100),
    "the magic": lambda f: flip(f, 0, 16),
    "the schema's page": lambda f: flip(f, 100, 400),
    "cut in half": cut,
    "text": lambda f: f.write_text("this is no database\n" * 1000),
    "zeros": lambda f: f.write_bytes(bytes(f.stat().st_size)),
    "nothing": lambda f: f.write_bytes(b""),
}


@pytest.mark.parametrize("damage", EVERYWHERE)
def test_every_command_refuses_a_damaged_file_in_one_line_and_names_the_backup(home: Path, damage: str) -> None:
    file = home / "var/aggregator.db"
    [backup] = (home / "var/backups").glob("*.tar.gz")
    EVERYWHERE[damage](file)
    before = file.read_bytes()
    # In `make test` each kind of damage meets a part of the commands, and each command some of the kinds.
    commands = (READING + WRITING)[list(EVERYWHERE).index(damage) % PARTS :: PARTS]
    for argv in commands:
        result = aggregator(home, *argv)
        assert result.code == 5, (argv, result)
        [line] = [line for line in result.text.splitlines() if str(file) in line]
        assert f"aggregator restore {backup}" in result.text, (argv, line)
        assert file.read_bytes() == before, argv
    counts.report(f"commands on a damaged database: {damage}", len(commands), 0)
    done(home, "restore", str(backup))
    assert "entries" in done(home, "stats").out


def page_of(file: Path, text: bytes) -> int:
    """Where the page begins that holds this text last."""
    return file.read_bytes().rindex(text) // PAGE * PAGE


def settle(home: Path) -> Path:
    """The file with all in it that is in its log."""
    with opened(home) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return home / "var/aggregator.db"


def test_bytes_flipped_anywhere_never_bring_a_traceback(home: Path) -> None:
    die = random.Random(counts.seed())
    file = settle(home)
    sound = file.read_bytes()
    last = len(sound) // PAGE - 1
    refused = 0
    for turn in range(FLIPS):
        page = (1, last, last // 2)[turn] if turn < 3 else die.randrange(1, last + 1)
        file.write_bytes(sound)
        flip(file, page * PAGE + die.choice((0, die.randrange(PAGE - 64))), die.choice((8, 64, 2048)))
        for argv in (die.choice(READING), die.choice(WRITING[:-1]), ["doctor", "--deep"]):
            result = aggregator(home, *argv)
            assert result.code in (0, 1, 2, 5), (page, argv, result)
            refused += result.code == 5
        for beside in file.parent.glob("aggregator.db-*"):
            beside.unlink()
    counts.report("bytes flipped in the database", FLIPS, 0, f"{refused} commands refused with exit 5")


def test_the_daemon_does_not_start_on_a_damaged_page(home: Path) -> None:
    file = settle(home)
    flip(file, page_of(file, b"meeting 100 of many"), 8)
    before = file.read_bytes()
    result = aggregator(home, "run")
    assert result.code == 5
    assert "puts the newest sound backup in place" in result.err
    assert file.read_bytes() == before


def test_a_backup_that_is_damaged_itself_is_not_named(home: Path) -> None:
    file = settle(home)
    [newest] = (home / "var/backups").glob("*.tar.gz")
    older = newest.with_name("aggregator-20200101-000000.tar.gz")
    older.write_bytes(newest.read_bytes())
    flip(newest, newest.stat().st_size // 2, 1)
    cut(file)
    assert f"aggregator restore {older}" in aggregator(home, "entries").err
    flip(older, older.stat().st_size - 4, 1)
    said = aggregator(home, "entries").err
    assert "`aggregator restore`" in said
    assert "aggregator salvage" in said


def test_a_daemon_that_meets_damage_stops_writing_and_says_so_everywhere(home: Path) -> None:
    wire = Wire("wire", "CSTO at first")
    with FeedServer() as server:
        write_home(home, {"wire": server.add("/wire", wire)}, interval="1s", settings={"polling": {"floor": "1s"}})
        with Daemon(home) as daemon:
            url = daemon.wait_for("web pages on http").rpartition(" ")[2]
            daemon.ready().wait_for("feed wire: ")
            file = home / "var/aggregator.db"
            with opened(home) as other:
                # Another program's commit, or the daemon would go on with what it holds in memory.
                other.execute("INSERT INTO facts (name, value) VALUES ('one', 'more')")
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                last = file.stat().st_size // PAGE
                with file.open("r+b") as raw:
                    for page in range(2, last):
                        raw.seek(page * PAGE)
                        raw.write(bytes(8))
            wire.add("CSTO again")
            daemon.wait_for("line poll stopped for good: .*puts the newest sound backup in place")
            assert daemon.process.poll() is None
            answer, body = ask(url, "/readyz")
            assert (answer.status, '"storage_corrupt"' in body) == (503, True)
            assert "The database is damaged" in ask(url, "/help")[1]
            before = file.read_bytes()
            wire.add("CSTO once more")
            said = home / "var/daemon.json"
            until(lambda: said.read_text().count('"state": "storage_corrupt"') >= 4, "the other lines stop, too")
            assert file.read_bytes() == before
            assert daemon.end()[0] == 0
        assert "Traceback" not in daemon.text
        assert aggregator(home, "run").code == 5


def test_after_damage_was_read_nothing_is_written_where_it_could_be(home: Path) -> None:
    file = settle(home)
    with opened(home) as conn:
        [(page,)] = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries'").fetchall()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * PAGE)
        raw.write(bytes(8))
    before = file.read_bytes()
    with build(home) as app:
        app.stores.network.outage()
        with pytest.raises(StoreError):
            list(app.stores.entries.entries())
        with pytest.raises(StoreError, match="newest sound backup") as caught:
            app.stores.feeds.release("nobody")
        assert caught.value.state == "storage_corrupt"
    assert file.read_bytes() == before


def test_a_file_that_is_removed_under_a_running_program_is_not_made_anew(home: Path) -> None:
    file = settle(home)
    with build(home) as app:
        app.stores.feeds.release("nobody")
        for path in file.parent.glob("aggregator.db*"):
            path.unlink()
        for _ in range(3):
            with pytest.raises(StoreError, match="moved or removed while in use") as caught:
                app.stores.feeds.release("nobody")
            assert caught.value.state == "storage_missing"
    assert not file.exists()
