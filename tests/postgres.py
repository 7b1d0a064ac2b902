"""PostgreSQL for the tests: the server that AGGREGATOR_TEST_POSTGRES names, else a private one for this run, else none.

A private cluster listens on a socket in its own folder and on a loopback port that the system chose. A keeper process starts
it, and stops it when the process that asked for it has ended, however it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMED = os.environ.get("AGGREGATOR_TEST_POSTGRES", "")
"""A superuser's URL of a server whose databases named `aggregator_test_...` may be made and dropped."""
REQUIRED = os.environ.get("AGGREGATOR_TEST_POSTGRES_REQUIRED", "") == "1"
"""Whether a test that cannot run for want of a server fails: so in `.ci/run`."""
OPTIONS = {
    "fsync": "off",  # nothing here pulls the plug of the machine
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "log_min_messages": "fatal",
    "timezone": "UTC",
}
_HERE = Path(__file__).resolve().parents[1]


def programs() -> Path | None:
    """The folder of initdb and postgres; None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def missing() -> str:
    """Why there is no server for tests; empty where there is one."""
    if NAMED or programs() is not None:
        return ""
    return "no PostgreSQL server programs here: apt install postgresql, or name a server in AGGREGATOR_TEST_POSTGRES"


@dataclass
class Cluster:
    """A private server in a folder of its own."""

    folder: Path
    port: int
    server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of its database `postgres`, as superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @classmethod
    def made(cls, folder: Path, **options: str) -> Cluster:
        """Lay one down and start it. `options` are added to those of postgresql.conf."""
        bin_dir = programs()
        assert bin_dir is not None, missing()
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "data"
        if os.getuid() == 0:
            os.chown(folder, *_account())
        args = [
            bin_dir / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(args, check=True, stdout=subprocess.DEVNULL, cwd="/", **_as_nobody())  # type: ignore[call-overload]
        cluster = cls(folder, _free_port())
        lines = [f"{name} = '{value}'" for name, value in (OPTIONS | options).items()]
        lines += [f"port = {cluster.port}", "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{folder}'"]
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        cluster.start()
        return cluster

    def start(self) -> None:
        """Start it, and wait until it answers."""
        bin_dir = programs()
        assert bin_dir is not None
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [bin_dir / "postgres", "-D", self.folder / "data"], stdout=log, stderr=log, cwd="/", **_as_nobody()
            )  # type: ignore[call-overload]
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.server is not None
            assert self.server.poll() is None, (self.folder / "log").read_text("utf-8", "replace")
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)  # noqa: TID251 - a real process

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT breaks every connection off, SIGQUIT does not even tidy up, and follows where that takes too long."""
        if self.server is not None:
            self.server.send_signal(number)
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                # Seen once in hundreds: a backend that was just starting missed its signal.
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait(20)
            self.server = None


def _account() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise AssertionError("no account to run PostgreSQL under; as root it refuses")


def _as_nobody() -> dict[str, int]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    user, group = _account()
    return {"user": user, "group": group}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- one server for the whole run ------------------------------------------------------------------------------------------


def shared(folder: Path, owner: int) -> str:
    """The URL of the server that all processes of a test run share; the first who asks has it started.

    `folder` is the run's own, `owner` the process whose end is the server's.
    """
    if NAMED:
        return NAMED
    with (folder / "postgres.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        note = folder / "postgres.json"
        if not note.exists():
            # Sockets have short names: not in the run's own folder, which may be deep.
            home = tempfile.mkdtemp(prefix="aggregator-pg-")
            keeper = subprocess.Popen(
                [sys.executable, "-m", "tests.postgres", home, str(owner)],
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                cwd=_HERE,
                start_new_session=True,
            )
            assert keeper.stdout is not None
            line = keeper.stdout.readline()
            assert line, "the server was not started"
            keeper.stdout.close()
            _KEEPERS.append(keeper)
            note.write_bytes(line)
        return str(json.loads(note.read_text())["url"])


_KEEPERS: list[subprocess.Popen[bytes]] = []
"""They outlive us; this keeps Python from minding."""


def _keep(folder: Path, owner: int) -> None:
    """The keeper: a server for as long as the owner lives."""
    try:
        cluster = Cluster.made(folder)
        print(json.dumps({"url": cluster.url}), flush=True)  # noqa: T201 - its answer
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nobody reads any more
        while Path(f"/proc/{owner}").exists():
            time.sleep(0.5)  # noqa: TID251 - a real process
        cluster.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def database(server: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, dropped at the end of the block."""
    import psycopg

    name = f"aggregator_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
    try:
        yield renamed(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def renamed(url: str, name: str) -> str:
    """The same server, another database."""
    head, _, tail = url.rpartition("/")
    return f"{head}/{name}" + (f"?{tail.partition('?')[2]}" if "?" in tail else "")


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), int(sys.argv[2]))
