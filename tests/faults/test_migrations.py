"""From every schema there was to the newest: nothing is lost, whenever the process falls and whatever the disk does."""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.store.sqlite import SqliteStores, copies, migrations
from aggregator.store.sqlite.database import Database
from tests import counts
from tests.faults import old_databases
from tests.faults.newsroom import Zygote
from tests.faults.old_databases import SECRET, STEPS, database, read, tables
from tests.faults.points import COPY, STATEMENT

OLD, NEWEST = STEPS[:-1], STEPS[-1]
SAMPLED = random.Random(counts.seed()).sample(OLD, counts.count(small=3, storm=len(OLD)))
STRIDE = counts.count(small=60, storm=1)
CHANGED = {"documents", "story_keys", "story_keys_before", "_sqlite_migrations", "facts", "digests", "sqlite_sequence"}
"""Tables whose rows a step makes anew or adds to; what people read of them is compared."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What people read of the same rows when they are laid down in the newest schema."""
    return read(database(NEWEST, tmp_path_factory.mktemp("newest") / "aggregator.db"))


def count_of_rows(path: Path) -> dict[str, int]:
    return {name: len(found) for name, found in tables(path).items() if name not in CHANGED | {"schema"}}


@pytest.mark.parametrize("step", OLD)
def test_what_people_read_is_the_same_from_every_schema_there_was(
    tmp_path: Path, step: str, expected: dict[str, Any]
) -> None:
    path = database(step, tmp_path / "aggregator.db")
    before = count_of_rows(path)
    assert read(path) == expected
    after = count_of_rows(path)
    assert {name: after.get(name) for name in before} == before
    assert expected["unsound"] == []


def test_a_kill_before_any_statement_of_a_migration_loses_nothing(
    tmp_path: Path, zygote: Zygote, expected: dict[str, Any]
) -> None:
    """Every step and its commits are among them; the next start comes through without a hand."""
    killed, failed = 0, []
    for step in SAMPLED:
        for nth in itertools.count(random.Random(counts.seed()).randrange(STRIDE) + 1, STRIDE):
            path = database(step, tmp_path / "aggregator.db")
            before = tables(path)
            if zygote.migrate(path, STATEMENT, nth) == 0:
                break
            killed += 1
            failed += [f"{step}, statement {nth}: {what}" for what in _come_through(path, before, expected)]
    counts.report("kill -9 in a migration", killed, len(failed), f"{len(SAMPLED)} schemas, every {STRIDE}. statement")
    assert failed == []


def test_a_kill_while_the_search_index_is_made_anew_leaves_it_for_the_next_start(
    tmp_path: Path, zygote: Zygote, expected: dict[str, Any]
) -> None:
    killed = 0
    for nth in itertools.count(1, counts.count(small=20, storm=1)):
        path = database(NEWEST, tmp_path / "aggregator.db")
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute("UPDATE facts SET value = '0' WHERE name = 'tokenizer_version'")
        if zygote.migrate(path, STATEMENT, nth) == 0:
            break
        killed += 1
        assert read(path) == expected
        for left in path.parent.glob("aggregator.db*"):
            left.unlink()
    counts.report("kill -9 while the index is made anew", killed, 0)
    assert killed >= 1


@pytest.mark.parametrize("point", COPY)
def test_a_kill_while_the_copy_before_is_made_loses_nothing_and_leaves_one_copy(
    tmp_path: Path, zygote: Zygote, point: str, expected: dict[str, Any]
) -> None:
    step = random.Random(counts.seed()).choice(OLD)
    for nth in range(1, counts.count(small=2, storm=50)):
        path = database(step, tmp_path / "aggregator.db")
        before = tables(path)
        ended = zygote.migrate(path, point, nth)
        assert _come_through(path, before, expected) == []
        (kept,) = (tmp_path / "backups").iterdir()
        assert kept.name == copies.KEPT.format(STEPS[STEPS.index(step) + 1])
        assert tables(kept) == before
        shutil.rmtree(tmp_path / "backups")
        if ended == 0:
            break


def _come_through(path: Path, before: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Look at a database whose migration fell, and have it brought up to date; then put the file away."""
    found = [] if tables(path) in (before, _newest(path)) else ["the schema is neither the old one nor the new one"]
    SqliteStores(path, secret=SECRET, backups=path.parent / "backups").upkeep.close()
    after = read(path)
    found += [f"{name} differ" for name in expected if after[name] != expected[name]]
    for left in path.parent.glob("aggregator.db*"):
        left.unlink()
    return found


def _newest(path: Path) -> dict[str, Any] | None:
    """The tables as they are, where all steps are taken."""
    now = tables(path)
    return now if len(now["_sqlite_migrations"]) == len(STEPS) else None


@pytest.mark.parametrize("step", SAMPLED)
def test_a_disk_that_fills_up_leaves_the_old_schema_and_one_clear_line(
    tmp_path: Path, step: str, expected: dict[str, Any], limit_pages: Callable[[int], None]
) -> None:
    path = database(step, tmp_path / "aggregator.db")
    before = tables(path)
    with closing(sqlite3.connect(path)) as conn:
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
    refused = 0
    for room in itertools.count(0, counts.count(small=12, storm=1)):
        limit_pages(pages + room)
        if not (said := _refusal(path)):
            break
        refused += 1
        assert "the disk is full; make room, nothing stored is lost" in said
        assert "\n" not in said
        assert tables(path) == before
    assert refused >= 1
    assert read(path) == expected


def _refusal(path: Path) -> str:
    """The line with which a database is refused; empty when it is not."""
    try:
        SqliteStores(path, secret=SECRET).upkeep.close()
    except StoreError as e:
        return str(e)
    return ""


@pytest.fixture
def limit_pages(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the databases that are opened from now on grow to so many pages: SQLite says what it says of a full disk."""
    connect = Database._connect

    def limit(pages: int) -> None:
        def limited(self: Database) -> sqlite3.Connection:
            conn = connect(self)
            conn.execute(f"PRAGMA max_page_count={pages}")
            return conn

        monkeypatch.setattr(Database, "_connect", limited)

    return limit


def test_where_there_is_no_room_no_copy_is_kept_and_the_log_says_so(
    tmp_path: Path, expected: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(OLD[3], tmp_path / "aggregator.db")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=path.stat().st_size))
    SqliteStores(path, secret=SECRET, backups=tmp_path / "backups").upkeep.close()
    (said,) = [r.getMessage() for r in caplog.records]
    assert "no copy of the database is kept from before" in said
    assert "of room are needed" in said
    assert list((tmp_path / "backups").iterdir()) == []
    assert read(path) == expected


def test_a_folder_that_cannot_be_made_does_not_keep_the_tables_from_being_brought_up_to_date(
    tmp_path: Path, expected: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = database(OLD[3], tmp_path / "aggregator.db")
    (tmp_path / "backups").write_text("in the way")
    SqliteStores(path, secret=SECRET, backups=tmp_path / "backups").upkeep.close()
    assert "no copy" in caplog.text
    assert read(path) == expected


def test_only_the_newest_copy_from_before_stays_and_other_files_are_left_alone(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    for name in ("before-0002_politeness.db", "before-0009_articles.db.part", "aggregator-20261127.tar.gz"):
        (backups / name).write_text("x")
    path = database(OLD[-1], tmp_path / "aggregator.db")
    SqliteStores(path, secret=SECRET, backups=backups).upkeep.close()
    assert sorted(p.name for p in backups.iterdir()) == ["aggregator-20261127.tar.gz", f"before-{NEWEST}.db"]
    assert (backups / f"before-{NEWEST}.db").stat().st_mode & 0o777 == 0o600


def test_an_empty_database_is_not_worth_a_copy(tmp_path: Path) -> None:
    SqliteStores(tmp_path / "aggregator.db", secret=SECRET, backups=tmp_path / "backups").upkeep.close()
    assert not (tmp_path / "backups").exists()


def test_two_processes_that_open_an_old_database_at_once_bring_it_up_to_date_once(
    tmp_path: Path, zygote: Zygote, expected: dict[str, Any]
) -> None:
    other = Zygote()
    try:
        for _ in range(counts.count(small=2, storm=25)):
            path = database(OLD[0], tmp_path / "aggregator.db")
            for one in (zygote, other):
                one.begin_migration(path)
            assert [one.wait() for one in (zygote, other)] == [0, 0]
            assert read(path) == expected
            assert [p.name for p in (tmp_path / "backups").iterdir()] == [f"before-{OLD[1]}.db"]
            for left in tmp_path.glob("aggregator.db*"):
                left.unlink()
            shutil.rmtree(tmp_path / "backups")
    finally:
        other.close()


@pytest.mark.parametrize("step", SAMPLED)
def test_an_older_program_refuses_a_newer_database_and_leaves_it_as_it_is(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(NEWEST, tmp_path / "aggregator.db")
    before = tables(path)
    known = [one for one in migrations.migrations._migrations if one.name <= step]
    monkeypatch.setattr(migrations.migrations, "_migrations", known)
    with pytest.raises(StoreError, match=r"written by a newer version .*; upgrade aggregator") as caught:
        SqliteStores(path, secret=SECRET, backups=tmp_path / "backups")
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert tables(path) == before
    assert old_databases.STEPS[-1] in str(caught.value)
