"""One daemon a home, and claims that tell whether their process still lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator import instance
from aggregator.errors import ConfigError, InstanceError
from aggregator.instance import InstanceLock


@contextmanager
def child(code: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and the first line it says."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as p:
        assert p.stdout is not None
        yield p, p.stdout.readline().strip()
        p.kill()


HOLD = """
import sys
from pathlib import Path
from aggregator.instance import InstanceLock
InstanceLock(Path({path!r})).acquire()
print("held", flush=True)
sys.stdin.read()
"""
NAME = "import sys\nfrom aggregator import instance\nprint(instance.owner(), flush=True)\nsys.stdin.read()"


def test_the_second_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with child(HOLD.format(path=str(path))) as (first, said):
        assert said == "held"
        with pytest.raises(InstanceError, match=rf"lock: another instance runs here \(pid {first.pid}\)") as caught:
            InstanceLock(path).acquire()
        assert caught.value.exit_code == 4
        assert instance.running_pid(path) == first.pid
        first.kill()
        first.wait()
        # The kernel frees it, however its holder ended; the pid of the dead is believed by nobody.
        assert instance.running_pid(path) == 0
        lock = InstanceLock(path)
        lock.acquire()
        assert instance.running_pid(path) == os.getpid()
        lock.release()
        lock.release()
        assert instance.running_pid(path) == 0


def test_somebody_who_only_looks_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    looking = os.open(path, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    timer = threading.Timer(0.15, os.close, [looking])
    timer.start()
    lock = InstanceLock(path)
    lock.acquire()
    lock.release()
    timer.join()


def test_a_holder_without_a_name_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "PAUSE", 0.001)
    path = tmp_path / "lock"
    path.write_text("not a pid\n")
    holding = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(holding, fcntl.LOCK_EX)
        with pytest.raises(InstanceError, match="pid unknown"):
            InstanceLock(path).acquire()
        assert instance.running_pid(path) == -1
    finally:
        os.close(holding)


def test_a_lock_that_cannot_be_made_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lock: "):
        InstanceLock(tmp_path / "nowhere/lock").acquire()
    assert instance.running_pid(tmp_path / "nowhere/lock") == 0


def test_a_claim_is_gone_with_its_process_and_not_before() -> None:
    with child(NAME) as (process, name):
        assert not instance.is_gone(name)
        assert not instance.is_gone(f"{name}/poll")
        process.kill()
        process.wait()
        assert instance.is_gone(name)
        assert instance.is_gone(f"{name}/poll")


def test_of_a_container_that_bears_the_same_name_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two containers with the host's network have one name, and each its own pids."""
    with child(NAME) as (process, name):
        process.kill()
        process.wait()
    assert instance.is_gone(name)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "readlink", lambda _: Path("pid:[4026532999]"))
        assert not instance.is_gone(name)
        there = instance.owner()
        assert not instance.is_gone(there)
        assert instance.living(f"{there}/send") == os.getpid()
    assert not instance.is_gone(there)
    assert instance.living(there) == instance.living(name) == instance.living("") == 0


def test_of_others_nothing_is_known() -> None:
    own = instance.owner()
    host, pid, started, die = own.split(":")
    assert not instance.is_gone(own)
    assert instance.owner() != own
    for name in (f"elsewhere:{pid}:{started}:{die}", "test", "", "a:b:c:d", f"{host}:x:{started}:{die}"):
        assert not instance.is_gone(name)
    # The same number, given to another process since.
    assert instance.is_gone(f"{host}:{pid}:{int(started) - 1}:{die}")
