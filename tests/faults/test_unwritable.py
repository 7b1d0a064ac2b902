"""Where nothing can be written, or a file is where a folder is meant: one line with the path; what only reads still answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from tests import counts
from tests.e2e.program import Result, aggregator
from tests.faults.furnished import READING, WRITING, copy, opened
from tests.faults.test_damage import settle

NOBODY = 65534
PART = counts.count(small=3, storm=1)


def as_nobody(home: Path, commands: Sequence[Sequence[str]]) -> list[Result]:
    """Run commands in a process without root's rights, to whom everything is allowed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        said = []
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            said = [asdict(aggregator(home, *argv)) for argv in commands]
        except BaseException as e:  # noqa: BLE001 - whatever it was, the test reads it
            said = [{"code": -1, "out": "", "err": repr(e)}]
        finally:
            with os.fdopen(write, "w") as pipe:
                pipe.write(json.dumps(said))
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = [Result(**one) for one in json.load(pipe)]
    os.waitpid(child, 0)
    return found


@pytest.fixture
def public(furnished: Path) -> Iterator[Path]:
    """A home in a place that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="unwritable-"))
    folder.chmod(0o755)
    yield copy(furnished, folder / "home")
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o755)
    shutil.rmtree(folder)


def lock_up(home: Path) -> None:
    """Take the right to write from everything, and let everybody read."""
    for place, _, files in os.walk(home):
        for name in files:
            (Path(place) / name).chmod(0o444)
        Path(place).chmod(0o555)


@pytest.fixture
def read_only_disk(furnished: Path, tmp_path: Path) -> Iterator[Path]:
    """A file system that is mounted to be read."""
    settle(furnished)
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    copy(furnished, disk / "home")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    yield disk / "home"
    subprocess.run(["umount", "-l", str(disk)], check=True)


def judge(home: Path, results: Sequence[Result], commands: Sequence[Sequence[str]]) -> None:
    """What reads has answered; what writes has said in one line where it cannot."""
    assert len(results) == len(commands), results
    for argv, result in zip(commands, results, strict=True):
        if argv in READING:
            assert result.code == int(argv == ["doctor"]), (argv, result)
            assert str(home) in result.text or argv == ["watch", "lint"] or result.out, (argv, result)
        else:
            assert result.code in (3, 5), (argv, result)
            assert len(result.err.splitlines()) == 1, (argv, result)
            assert str(home / "var") in result.err, (argv, result)


def test_a_home_that_may_not_be_written_is_still_read(public: Path) -> None:
    settle(public)
    lock_up(public)
    before = sorted(p.name for p in (public / "var").iterdir())
    commands = [*(READING + WRITING)[::PART], ["doctor"]]
    judge(public, as_nobody(public, commands), commands)
    assert sorted(p.name for p in (public / "var").iterdir()) == before
    counts.report("commands on a home that may not be written", len(commands), 0)


def test_on_a_read_only_disk_what_reads_answers_and_what_writes_says_so(read_only_disk: Path) -> None:
    commands = [*(READING + WRITING)[1::PART], ["doctor"]]
    results = [aggregator(read_only_disk, *argv) for argv in commands]
    judge(read_only_disk, results, commands)
    assert f"{read_only_disk / 'var'} cannot be written" in results[-1].out
    counts.report("commands on a read-only disk", len(commands), 0)


def test_commits_in_a_log_that_cannot_be_read_are_never_passed_over(public: Path) -> None:
    """The log of a daemon that was killed: without the right to write beside it, SQLite cannot read it."""
    with opened(public) as conn:
        conn.execute("INSERT INTO facts (name, value) VALUES ('one', 'more')")
        for name in ("aggregator.db", "aggregator.db-wal"):
            shutil.copy(public / "var" / name, public / f"var/copy-{name}")
    for name in ("aggregator.db", "aggregator.db-wal"):
        (public / f"var/copy-{name}").replace(public / "var" / name)
    (public / "var/aggregator.db-shm").unlink(missing_ok=True)
    lock_up(public)
    [result] = as_nobody(public, [["entries"]])
    assert result.code == 5
    assert result.out == ""
    assert "make the folder writable, or copy both files to another home" in result.err


def _dangling(home: Path) -> Path:
    shutil.rmtree(home / "var")
    (home / "var").symlink_to(home / "nowhere" / "at" / "all")
    return home / "var"


def _a_file(home: Path) -> Path:
    shutil.rmtree(home / "var")
    (home / "var").write_text("in the way")
    return home / "var"


def _a_folder(home: Path) -> Path:
    (home / "var/aggregator.db").unlink()
    (home / "var/aggregator.db").mkdir()
    return home / "var/aggregator.db"


def _nothing(home: Path) -> Path:
    shutil.rmtree(home)
    return home


def _home_is_a_file(home: Path) -> Path:
    shutil.rmtree(home)
    home.write_text("in the way")
    return home


IN_THE_WAY: dict[str, tuple[Callable[[Path], Path], tuple[int, ...]]] = {
    "var is a dangling link": (_dangling, (3,)),
    "var is a file": (_a_file, (3,)),
    "the database is a folder": (_a_folder, (5,)),
    "there is no home": (_nothing, (2, 3)),
    "home is a file": (_home_is_a_file, (2,)),
}


@pytest.mark.parametrize("case", IN_THE_WAY)
def test_what_is_in_the_way_is_named_with_its_path(home: Path, case: str) -> None:
    spoil, codes = IN_THE_WAY[case]
    path = spoil(home)
    commands = (READING + WRITING)[list(IN_THE_WAY).index(case) % (2 * PART) :: 2 * PART]
    for argv in commands:
        result = aggregator(home, *argv)
        assert result.code in codes, (argv, result)
        assert str(path) in result.text, (argv, result)
    counts.report(f"commands where {case}", len(commands), 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("name", ["feeds.yaml", "config", "var", "."])
def test_what_may_not_be_read_is_named_with_its_path(public: Path, name: str) -> None:
    (public / name).chmod(0o000)
    commands = [["entries"], ["poll"], ["doctor"], ["check"]]
    for argv, result in zip(commands, as_nobody(public, commands), strict=True):
        if (name, argv) != ("var", ["check"]):
            assert result.code in (2, 3, 5), (argv, result)
            assert str(public / name) in result.text, (argv, result)
