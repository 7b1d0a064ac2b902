"""The home folder: where everything stands, what must be writable, and the installation's one secret."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aggregator.errors import ConfigError
from aggregator.urls import mask

_SECRET_BYTES = 32
SQLITE = "sqlite:///"
DATABASE = f"{SQLITE}var/aggregator.db"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one installation; only what lies under `var`, `db` and `mail` is ever written by the daemon.

    Attributes:
        path: the home folder.
        db: the database file (`storage.url`); where a server has the data, there is none.
        mail: the folder for .eml files (`mail.directory`).
        server: the URL of the PostgreSQL database, which may hold a password; "" where a file has the data.
    """

    path: Path
    db: Path
    mail: Path
    server: str = field(default="", repr=False)

    @classmethod
    def at(cls, path: Path, database: str = DATABASE, mail: str = "var/mail") -> Home:
        """The home at `path`; relative names start there."""
        server = "" if database.startswith(SQLITE) else database
        file = DATABASE if server else database
        return cls(path, path / file.removeprefix(SQLITE), path / mail, server)

    @property
    def database(self) -> str:
        """Where the data is, for people: no password."""
        return mask(self.server) if self.server else str(self.db)

    @property
    def feeds_file(self) -> Path:
        """The feeds."""
        return self.path / "feeds.yaml"

    @property
    def config(self) -> Path:
        """The folder of the other three files."""
        return self.path / "config"

    @property
    def settings_file(self) -> Path:
        """The settings."""
        return self.config / "aggregator.yaml"

    @property
    def watchlists_file(self) -> Path:
        """Aliases and watchlists."""
        return self.config / "watchlists.yaml"

    @property
    def digests_file(self) -> Path:
        """The digests."""
        return self.config / "digests.yaml"

    @property
    def var(self) -> Path:
        """The only folder written to."""
        return self.path / "var"

    @property
    def pages(self) -> Path:
        """The archive of editions as HTML."""
        return self.var / "pages"

    @property
    def lock(self) -> Path:
        """Held by the instance that runs."""
        return self.var / "lock"

    @property
    def health(self) -> Path:
        """How the daemon's lines are doing, as it last wrote it."""
        return self.var / "daemon.json"

    @property
    def sent(self) -> Path:
        """The log of what was sent and who left, by month: it outlives the database (docs/decisions/0048)."""
        return self.var / "sent"

    @property
    def secret(self) -> Path:
        """The installation's secret; part of every backup."""
        return self.var / "secret"


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether it is a file that can be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def prepare(home: Home) -> None:
    """Make the folders that are written to. Raises ConfigError naming the one that cannot be."""
    for folder in (home.var, home.pages, home.mail, home.db.parent):
        _writable(folder)


def _writable(folder: Path) -> None:
    """Make a folder and try it with a file: always the same, so that processes that fall leave one at most."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_CREAT | os.O_NOFOLLOW | os.O_WRONLY, 0o600))
        probe.unlink(missing_ok=True)  # another process tries it, too
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    """What a person can do about a folder that cannot be written."""
    reason = error.strerror or str(error)
    return ConfigError(
        f"{path}: cannot be written: {reason}; make it writable for this user, or choose another home with --home"
    )


def secret(home: Home) -> bytes:
    """The installation's secret, 32 random bytes; made once, read ever after."""
    try:
        return _read_secret(home.secret)
    except FileNotFoundError:
        _make_secret(home.secret)
    except OSError as error:
        raise _unreadable(home.secret, error.strerror or str(error)) from None
    try:
        return _read_secret(home.secret)
    except OSError as error:
        raise _unreadable(home.secret, error.strerror or str(error)) from None


def _unreadable(path: Path, reason: str) -> ConfigError:
    """A secret that exists must not be replaced silently: links in sent mail depend on it."""
    return ConfigError(
        f"{path}: cannot be used: {reason}; restore it from a backup (links in mail already sent depend on it)"
    )


def _read_secret(path: Path) -> bytes:
    """The bytes in the file."""
    with path.open("rb") as file:
        raw = file.read(1_024).strip()
    try:
        value = bytes.fromhex(raw.decode("ascii"))
    except ValueError:
        value = b""
    if len(value) != _SECRET_BYTES:
        raise _unreadable(path, f"it does not hold {_SECRET_BYTES} bytes in hexadecimal")
    return value


def _make_secret(path: Path) -> None:
    """Write a new secret completely, then give it its name; whoever comes second leaves the first one's in place."""
    draft = path.with_name(f".secret-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(draft, (secrets.token_hex(_SECRET_BYTES) + "\n").encode("ascii"), 0o600)
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _unwritable(path.parent, error) from None


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet, down to the disk."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring a rename or a new name in a folder down to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
