"""A private postfix on loopback: its own configuration, queue and port; nothing of the machine's own mail is touched."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

POSTFIX = Path("/usr/sbin/postfix")
DAEMONS = Path("/usr/lib/postfix/sbin")
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def unusable() -> str:
    """Why a private instance cannot run here; "" when it can."""
    if not POSTFIX.exists() or not (DAEMONS / "master").exists():
        return "postfix is not installed (apt-get install postfix)"
    return "" if os.geteuid() == 0 else "postfix's master wants to be started by root"


class Postfix:
    """A relay for as long as the `with` block lasts; it takes mail on `port` and hands it on by `transports`.

    Args:
        folder: an empty one that everybody may enter: postfix's daemons give up root.
        transports: domain -> transport and next hop: `{"example.org": "smtp:[127.0.0.1]:2525"}`.
        services: more lines for master.cf.
        settings: more for main.cf.
    """

    def __init__(
        self,
        folder: Path,
        transports: Mapping[str, str],
        *,
        services: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.host, self.port = "127.0.0.1", _free_port()
        self._master: subprocess.Popen[bytes] | None = None
        self._write(transports, services, settings or {})

    @property
    def log(self) -> str:
        """What it has to say so far."""
        file = self.folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def __enter__(self) -> Self:
        """Start it, and wait until it listens."""
        environ = {"PATH": os.environ.get("PATH", ""), "MAIL_CONFIG": str(self.folder / "etc")}
        command = [str(DAEMONS / "master"), "-c", str(self.folder / "etc"), "-d"]
        self._master = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its daemons are its process group, which it ends with itself
        )
        end = time.monotonic() + 10
        while not self._listens():
            if self._master.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"postfix does not start: {self.log}")
            time.sleep(0.02)  # noqa: TID251 - another program is starting
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and every daemon of it."""
        if self._master is not None:
            self._master.terminate()
            self._master.wait(10)

    def waiting(self) -> int:
        """Mails it has not handed on."""
        queues = [self.folder / "queue" / name for name in ("incoming", "active", "deferred", "maildrop")]
        return sum(1 for queue in queues for path in queue.rglob("*") if path.is_file())

    def _listens(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 1) as client:
                return client.recv(3) == b"220"
        except OSError:
            return False

    def _write(self, transports: Mapping[str, str], services: str, settings: Mapping[str, str]) -> None:
        etc, queue, data = (self.folder / name for name in ("etc", "queue", "data"))
        for path in (etc, queue, data):
            path.mkdir()
        owner = pwd.getpwnam("postfix")
        _queues(queue, owner)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        (etc / "master.cf").write_text(f"{SERVICES.format(port=self.port)}{services}\n")
        routes = ", ".join(f"{{ {domain} = {route} }}" for domain, route in transports.items())
        main = {
            "compatibility_level": "3.6",
            "queue_directory": str(queue),
            "data_directory": str(data),
            "command_directory": "/usr/sbin",
            "daemon_directory": str(DAEMONS),
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": str(self.folder / "log"),
            "maillog_file_prefixes": str(self.folder),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "relay.news.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "local_recipient_maps": "",
            "recipient_delimiter": "+",
            "transport_maps": f"inline:{{ {routes} }}",
            "default_transport": "error:5.4.4 nowhere to go",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_peername_lookup": "no",
            "smtputf8_enable": "no",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "1s",
            "smtp_tls_security_level": "none",
            **settings,
        }
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
        for file in etc.iterdir():
            os.utime(file, (1, 1))  # a file that is seconds old may still be being written: postfix would wait


def _queues(queue: Path, owner: pwd.struct_passwd) -> None:
    """The folders that `postfix check` would make, with the owners that it would give them."""
    for name in (
        "active",
        "bounce",
        "corrupt",
        "defer",
        "deferred",
        "flush",
        "hold",
        "incoming",
        "private",
        "saved",
        "trace",
    ):
        (queue / name).mkdir(mode=0o700)
        os.chown(queue / name, owner.pw_uid, 0)
    (queue / "pid").mkdir(mode=0o755)
    for name, mode in (("public", 0o710), ("maildrop", 0o730)):
        (queue / name).mkdir()
        shutil.chown(queue / name, owner.pw_uid, "postdrop")
        (queue / name).chmod(mode | (stat.S_ISVTX if name == "maildrop" else 0))


def _free_port() -> int:
    """A port of the system's choosing; postfix cannot be told to choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
