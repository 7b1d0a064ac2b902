"""Who runs on this home: the lock that admits one daemon, and names of processes that tell whether they still live."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import threading
from pathlib import Path

from aggregator.errors import ConfigError, InstanceError

TRIES = 20
PAUSE = 0.05
"""How often, and after how many seconds, a lock is tried again: `doctor` looks at it for an instant, and a daemon that
has just taken it has not yet written its name."""

FIRST_SPACE = "4026531836"
"""The number that Linux gives the pids of a machine itself (PROC_PID_INIT_INO)."""
RUNS, STOP_IT = "another instance runs here", "stop it first or name another --home"


def owner() -> str:
    """A name for this process's claims: where its pid is one, the pid, start of the process, and a die."""
    pid = os.getpid()
    return f"{_place()}:{pid}:{_started(pid)}:{secrets.token_hex(4)}"


def is_gone(name: str) -> bool:
    """Whether the process behind a claim surely no longer runs; of other hosts nothing is known, so False."""
    parts = name.split(":")
    if len(parts) < 4 or parts[0] != _place() or not parts[1].isdigit():
        return False
    started = _started(int(parts[1]))
    return started != parts[2]


def living(name: str) -> int:
    """The pid of the process behind a claim where it surely runs on this machine; else 0."""
    pid = [*name.split(":"), ""][1]
    return int(pid) if is_here(name) and pid.isdigit() and not is_gone(name) else 0


def is_here(name: str) -> bool:
    """Whether the process behind a claim is, or was, one of this machine, or of this container."""
    return name.partition(":")[0] == _place()


def _place() -> str:
    """Where a pid says who is meant: the host and, in a container, its own pids; several may bear the name of their host."""
    with contextlib.suppress(OSError):
        space = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
        return socket.gethostname() if space == FIRST_SPACE else f"{socket.gethostname()}+{space}"
    return socket.gethostname()


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot (proc(5), field 22); "" when there is none such."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return "" if Path("/proc/self").exists() else _alive(pid)
    fields = stat.rpartition(")")[2].split()
    # A zombie holds nothing any more.
    return "" if fields[0] in ("Z", "X") else fields[19]


def _alive(pid: int) -> str:
    """Without /proc all we can ask is whether the pid is taken."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


class InstanceLock:
    """The exclusive right to be the daemon of a home; the kernel frees it when the process ends, however it ends."""

    def __init__(self, path: Path, *, said: str = RUNS, do: str = STOP_IT) -> None:
        """`said` and `do` are the words of a refusal: what the other one does, and what to do about it."""
        self._path = path
        self._said, self._do = said, do
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock or raise InstanceError naming the pid of the one that has it."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise ConfigError(f"{self._path}: {e.strerror}; make the folder writable or name another --home") from e
        try:
            self._flock(fd)
            os.ftruncate(fd, 0)
            with contextlib.suppress(OSError):  # on a full disk it holds without a name
                os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _flock(self, fd: int) -> None:
        for attempt in range(TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pid = _written(fd)
                if attempt and pid and _started(pid):
                    break
                threading.Event().wait(PAUSE)
            else:
                return
        raise InstanceError(f"{self._path}: {self._said} (pid {_written(fd) or 'unknown'}); {self._do}")

    def release(self) -> None:
        """Give it back; safe to call twice."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def running_pid(path: Path) -> int:
    """The pid of the daemon that holds the lock at `path`, or 0; -1 when it has not said its pid yet."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _written(fd) or -1
    else:
        return 0
    finally:
        os.close(fd)


def _written(fd: int) -> int:
    """The pid in a lock file, or 0."""
    text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isascii() and text.isdigit() else 0
