"""kill -9 while a backup is made or put in place, or what was salvaged is, and while old entries are pruned: the next command finishes or knows nothing of it."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import counts
from tests.e2e.homes import write_home
from tests.faults.newsroom import Zygote, unsound
from tests.faults.old_databases import STEPS, database
from tests.faults.points import FILES, STATEMENT

STEP = counts.count(small=4, storm=1)
MADE = [point for point in FILES if "folder" not in point]
"""Making a backup comes to these."""
OLD, NEW = "before the restore", "in the backup"


def mark(home: Path, text: str) -> None:
    """Something that tells one database from another."""
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        conn.execute("INSERT OR REPLACE INTO facts VALUES ('mark', ?)", (text,))


def marked(home: Path) -> str:
    return marked_in(home / "var/aggregator.db")


def marked_in(file: Path) -> str:
    with closing(sqlite3.connect(file)) as conn:
        (found,) = conn.execute("SELECT value FROM facts WHERE name = 'mark'").fetchone()
    return str(found)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Path:
    """A home, and beside it a backup of another time and of another secret: a home is restored on a new machine."""
    folder = tmp_path_factory.mktemp("restore")
    for name, text in (("other", NEW), ("home", OLD)):
        write_home(folder / name, [])
        assert zygote.command(folder / name, ["stats"]) == 0
        mark(folder / name, text)
    assert zygote.command(folder / "other", ["backup", "--out", str(folder / "backup.tar.gz")]) == 0
    return folder


def falls(tmp_path: Path, zygote: Zygote, town: Path, command: list[str], point: str) -> Iterator[tuple[Path, int]]:
    """A copy of the home for each time that the command comes to the point and is killed there, and how it ended; the last one is through."""
    for nth in itertools.count(1, STEP):
        home = tmp_path / str(nth)
        shutil.copytree(town / "home", home)
        ended = zygote.command(home, command, point, nth)
        assert ended in (0, -9)
        yield home, ended
        if ended == 0:
            return


@pytest.mark.parametrize("point", FILES)
def test_a_kill_while_a_backup_is_put_in_place_leaves_the_one_database_or_the_other(
    tmp_path: Path, zygote: Zygote, town: Path, point: str
) -> None:
    killed = 0
    for home, ended in falls(tmp_path, zygote, town, ["restore", str(town / "backup.tar.gz")], point):
        killed += ended == -9
        assert zygote.command(home, ["stats"]) == 0
        found = marked(home)
        assert found == NEW or ended == -9
        secret = town / ("other" if found == NEW else "home") / "var/secret"
        assert (home / "var/secret").read_bytes() == secret.read_bytes(), "a database and its secret go together"
        assert unsound(home) == []
        assert not (home / "var/restoring").exists()
        assert zygote.command(home, ["restore", str(town / "backup.tar.gz")]) == 0
        assert marked(home) == NEW
        left = [file.name for file in (home / "var").iterdir() if file.name.startswith(".")]
        assert left == []
    counts.report("kill -9 in a restore", killed, 0, point)
    assert killed >= 1


@pytest.mark.parametrize("point", FILES)
def test_a_kill_while_what_was_salvaged_is_put_in_place_loses_no_database(
    tmp_path: Path, zygote: Zygote, town: Path, point: str
) -> None:
    killed = 0
    for home, ended in falls(tmp_path, zygote, town, ["salvage", "--put-in-place"], point):
        killed += ended == -9
        assert zygote.command(home, ["stats"]) == 0
        assert marked(home) == OLD
        assert (home / "var/secret").read_bytes() == (town / "home/var/secret").read_bytes()
        assert unsound(home) == []
        assert not (home / "var/salvaging").exists()
        assert zygote.command(home, ["salvage", "--put-in-place"]) == 0
        assert marked(home) == OLD
        assert [file.name for file in (home / "var").iterdir() if file.name.startswith(".")] == []
        assert marked_in(home / "var/aggregator.db.before-salvage") == OLD
    counts.report("kill -9 while a salvaged database is put in place", killed, 0, point)
    assert killed >= 1


@pytest.mark.parametrize("point", MADE)
def test_a_kill_while_a_backup_is_made_leaves_a_whole_one_or_none(
    tmp_path: Path, zygote: Zygote, town: Path, point: str
) -> None:
    killed = 0
    for nth in itertools.count(1, STEP):
        home, out = tmp_path / "home", tmp_path / "out.tar.gz"
        shutil.copytree(town / "home", home)
        ended = zygote.command(home, ["backup", "--out", str(out)], point, nth)
        assert ended in (0, -9)
        killed += ended == -9
        if out.exists():
            assert zygote.command(home, ["restore", str(out)]) == 0
        assert marked(home) == OLD
        assert zygote.command(home, ["backup", "--out", str(out)]) == 0
        shutil.rmtree(home)
        out.unlink()
        if ended == 0:
            break
    counts.report("kill -9 in a backup", killed, 0, point)
    assert killed >= 1


def test_a_kill_before_any_statement_of_pruning_leaves_it_for_the_next_time(
    tmp_path: Path, zygote: Zygote, town: Path
) -> None:
    killed = 0
    for nth in itertools.count(1, counts.count(small=40, storm=1)):
        home = tmp_path / str(nth)
        shutil.copytree(town / "home", home)
        database(STEPS[-1], home / "var/aggregator.db")
        ended = zygote.command(home, ["prune", "--keep", "1d"], STATEMENT, nth)
        assert ended in (0, -9)
        killed += ended == -9
        assert zygote.command(home, ["prune", "--keep", "1d"]) == 0
        with closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
            assert conn.execute("SELECT id FROM entries").fetchall() == [(1,), (3,)], "what matches stays"
        assert unsound(home) == []
        if ended == 0:
            break
    counts.report("kill -9 in pruning", killed, 0)
    assert killed >= 1
