"""Backups: when one is due, which are kept, and files that are not ours."""

from __future__ import annotations

import tarfile
import threading
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import backups, restoring
from aggregator.care import BackupState
from aggregator.errors import AggregatorError, InstanceError, StoreError
from aggregator.instance import InstanceLock
from aggregator.settings import BackupSettings, Home, secret
from aggregator.store.sqlite import SqliteStores
from tests import emptydb

NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RULES = BackupSettings()


def made(folder: Path, *moments: datetime) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for at in moments:
        (folder / f"aggregator-{at:%Y%m%d-%H%M%S}.tar.gz").write_bytes(b"x")
    return sorted(folder.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path)
    emptydb.put(home.db)
    secret(home)
    return home


@pytest.fixture
def stores(home: Home) -> SqliteStores:
    return SqliteStores(home.db, secret=secret(home), sent=home.sent)


# -- when --------------------------------------------------------------------------------------------------------------


def test_a_backup_is_due_a_day_after_the_last_one_whatever_ran_meanwhile() -> None:
    at = NOW - DAY
    assert backups.due(BackupState(at, "x", at), RULES, NOW)
    assert not backups.due(BackupState(at, "x", at), RULES, NOW - timedelta(seconds=1))
    assert not backups.due(BackupState(at, "x", at), BackupSettings(every=timedelta(0)), NOW + DAY)


def test_a_backup_that_failed_is_tried_again_in_an_hour() -> None:
    state = BackupState(NOW - 2 * DAY, "x", NOW - HOUR + timedelta(minutes=1), "no room")
    assert not backups.due(state, RULES, NOW)
    assert backups.due(state, RULES, NOW + timedelta(minutes=1))


def test_a_clock_that_was_years_ahead_does_not_end_backups() -> None:
    ahead = NOW + 3650 * DAY
    assert backups.due(BackupState(ahead, "x", ahead), RULES, NOW)


# -- which are kept ------------------------------------------------------------------------------------------------------


def test_the_last_of_each_of_seven_days_and_four_weeks_stay(tmp_path: Path) -> None:
    moments = [NOW - n * HOUR * 12 for n in range(120)]
    made(tmp_path, *moments)
    backups.rotate(tmp_path, RULES, tmp_path / f"aggregator-{NOW:%Y%m%d-%H%M%S}.tar.gz")
    left = [one.made_at for one in backups.listed(tmp_path)]
    days = {f"{at:%F}": max(m for m in moments if f"{m:%F}" == f"{at:%F}") for at in moments[:13]}
    assert left[:7] == sorted(days.values(), reverse=True)[:7]
    weeks = list(dict.fromkeys(f"{m:%G-%V}" for m in moments))[:4]
    assert {f"{at:%G-%V}" for at in left} == set(weeks)
    assert len(left) == 7 + 2
    assert left == sorted({*left}, reverse=True)


def test_the_one_just_made_stays_though_its_name_is_older_than_all(tmp_path: Path) -> None:
    """The clock was ahead when the others were made."""
    made(tmp_path, *(NOW + n * DAY for n in range(1, 60)), NOW)
    just = tmp_path / f"aggregator-{NOW:%Y%m%d-%H%M%S}.tar.gz"
    backups.rotate(tmp_path, BackupSettings(daily=1, weekly=0), just)
    assert {p.name for p in tmp_path.iterdir()} == {just.name, f"aggregator-{NOW + 59 * DAY:%Y%m%d-%H%M%S}.tar.gz"}


def test_after_months_without_the_machine_the_old_ones_are_still_there(tmp_path: Path) -> None:
    old = [NOW - 300 * DAY - n * DAY for n in range(6)]
    made(tmp_path, *old, NOW)
    backups.rotate(tmp_path, RULES, tmp_path / f"aggregator-{NOW:%Y%m%d-%H%M%S}.tar.gz")
    assert len(backups.listed(tmp_path)) == 7


def test_files_that_are_not_ours_are_neither_listed_nor_removed(tmp_path: Path) -> None:
    foreign = [
        "aggregator-old.tar.gz",
        "notes.txt",
        "aggregator-20261341-000000.tar.gz",
        "aggregator-20250101-000000.tar.gz.asc",
    ]
    for name in foreign:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "aggregator-20250102-000000.tar.gz").mkdir()
    (tmp_path / "aggregator-20250103-000000.tar.gz").symlink_to(tmp_path / "notes.txt")
    made(tmp_path, *(NOW - n * DAY for n in range(80)))
    backups.rotate(tmp_path, BackupSettings(daily=1, weekly=0), tmp_path / f"aggregator-{NOW:%Y%m%d-%H%M%S}.tar.gz")
    assert len(backups.listed(tmp_path)) == 1
    assert set(foreign) < {p.name for p in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == len(foreign) + 3


# -- making ----------------------------------------------------------------------------------------------------------------


def test_a_backup_is_private_whole_and_leaves_nothing_beside_it(
    home: Home, stores: SqliteStores, tmp_path: Path
) -> None:
    target = tmp_path / "disk/backups/one.tar.gz"
    assert backups.make(stores.upkeep, home, target, NOW) == target
    assert target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in target.parent.iterdir()] == ["one.tar.gz"]
    found = restoring.verify(home, target, NOW)
    assert (found.made_at, found.recalled.whole, found.held) == (NOW, True, 0)
    stores.upkeep.close()


def test_no_two_backups_are_made_at_once_and_the_second_says_so(
    home: Home, stores: SqliteStores, tmp_path: Path
) -> None:
    lock = InstanceLock(home.var / "backup.lock")
    lock.acquire()
    with pytest.raises(InstanceError, match="a backup is being made"):
        backups.make(stores.upkeep, home, tmp_path / "one.tar.gz", NOW)
    lock.release()
    backups.make(stores.upkeep, home, tmp_path / "one.tar.gz", NOW)
    stores.upkeep.close()


def test_without_room_nothing_is_written_and_the_notice_says_what_to_do(
    home: Home, stores: SqliteStores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - what shutil gives
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 1 << 20))
    with pytest.raises(backups.NoRoomError, match=r"MB, 1 MB are free; make room, or set backup\.directory"):
        backups.make(stores.upkeep, home, tmp_path / "out/one.tar.gz", NOW)
    assert list((tmp_path / "out").iterdir()) == []
    stores.upkeep.close()


def test_a_program_that_stops_leaves_no_half_backup(home: Home, stores: SqliteStores, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(AggregatorError, match="broken off"):
        backups.make(stores.upkeep, home, tmp_path / "out/one.tar.gz", NOW, stop)
    assert list((tmp_path / "out").iterdir()) == []
    stores.upkeep.close()


def test_what_a_killed_backup_left_goes_with_the_next(home: Home, stores: SqliteStores, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".backup-theirs-1").mkdir(parents=True)
    with backups._scratch(home, out) as scratch:
        left = out / f"{scratch.name}killed"
        left.mkdir()
        (left / "aggregator.db").write_bytes(b"half")
    backups.make(stores.upkeep, home, out / "one.tar.gz", NOW)
    assert sorted(p.name for p in out.iterdir()) == [".backup-theirs-1", "one.tar.gz"]
    stores.upkeep.close()


def test_a_flipped_byte_in_an_archive_is_found(home: Home, stores: SqliteStores, tmp_path: Path) -> None:
    target = backups.make(stores.upkeep, home, tmp_path / "one.tar.gz", NOW)
    data = target.read_bytes()
    refused = 0
    for place in (*range(64, len(data) - 9, len(data) // 7), len(data) - 6):
        target.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with pytest.raises(AggregatorError, match="nothing was changed"):
            restoring.verify(home, target, NOW)
        refused += 1
    assert refused >= 7
    stores.upkeep.close()


def test_a_disk_that_gives_back_other_bytes_is_noticed_before_the_backup_has_its_name(tmp_path: Path) -> None:
    part = tmp_path / "part"
    (tmp_path / "a").write_bytes(b"a" * 1000)
    sums = backups._pack(part, [(tmp_path / "a", "a")], NOW, None)
    backups._compare(part, sums)
    with pytest.raises(StoreError, match="is the disk sound"):
        backups._compare(part, {"a": "0" * 64})
    with tarfile.open(part) as tar:
        assert [m.mode for m in tar.getmembers()] == [0o600]
