"""What every test lives in: no network but loopback, no settings from outside, the same dice every time."""

from __future__ import annotations

import dataclasses
import errno
import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest

from tests import counts, postgres, stored

# The same examples at every run: the fiftieth has found what the hundredth will; a storm makes new ones.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.register_profile(
    "storm", parent=hypothesis.settings.get_profile("house"), derandomize=False, max_examples=2000
)
hypothesis.settings.load_profile("storm" if counts.STORM else "house")

LONG = (
    "tests/faults/",
    "tests/browser/",
    "tests/e2e/test_daemon",
    "tests/e2e/test_local_mornings",
    "tests/faultserver/",
)
"""What takes long goes first, so that no process works on alone when the others are done."""
FOREIGN = ("AGGREGATOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected lives to the end: the garbage collector need not look at it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by what they cost; within a file the dice have the word."""
    items.sort(key=lambda item: next((n for n, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's own settings and proxies decide nothing here."""
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """The URL of a PostgreSQL server in which databases may be made (tests/postgres.py); skips, or fails, where there is none."""
    if why := postgres.missing():
        (pytest.fail if postgres.REQUIRED else pytest.skip)(why)
    alone = worker_id == "master"
    base = tmp_path_factory.getbasetemp()
    return postgres.shared(base if alone else base.parent, os.getpid() if alone else os.getppid())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[tuple[str, str]]:
    """The server, and the name of a database in it with our tables, empty, that others are copied from."""
    from aggregator.store.postgres import PostgresStores

    with loopback_only(), postgres.database(postgres_server) as url:
        made = PostgresStores(url, secret=b"s" * 32)
        with made.db.write() as conn:
            conn.execute("DELETE FROM facts WHERE name = 'installation_mark'")  # it belongs to nobody yet
        made.upkeep.close()
        yield postgres_server, url.rpartition("/")[2].partition("?")[0]


@pytest.fixture(scope="session")
def _homes_on_postgres(request: pytest.FixtureRequest) -> Iterator[None]:
    """With AGGREGATOR_TEST_STORE=postgres: see tests/stored.py."""
    if not stored.POSTGRES:
        yield
        return
    stored.begin(*request.getfixturevalue("postgres_template"))
    yield
    with loopback_only():
        stored.drop()


@pytest.fixture(autouse=True)
def _no_database_stays(_homes_on_postgres: None, request: pytest.FixtureRequest) -> Iterator[None]:
    below = request.getfixturevalue("tmp_path") if stored.POSTGRES and "tmp_path" in request.fixturenames else None
    yield
    if below is not None:
        stored.drop(below)


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    with loopback_only():
        yield


@contextmanager
def loopback_only() -> Iterator[None]:
    """To this process the world ends at loopback, and a test that reaches for more fails even if the code bears it.

    A fixture of a wider scope than a test's takes it itself.
    """
    tried: list[object] = []

    def guarded(real: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_near(address[0]):
                tried.append(address)
                raise OSError(errno.ENETUNREACH, "Network is unreachable (tests stay on loopback)")
            return real(self, address)

        return connect

    real_lookup = socket.getaddrinfo

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and name != "localhost" and not is_literal(name):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known (tests look nothing up)")
        return real_lookup(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", lookup)
        yield
    assert not tried, f"the test reached for the network: {tried}"


def is_literal(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_near(host: str) -> bool:
    """Whether connecting to a host stays on this machine. 0.0.0.0 and :: reach it too."""
    if not is_literal(host):
        return host == "localhost"
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that ran a part of the tests hands its rows over."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["rows"] = [dataclasses.astuple(row) for row in counts.rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the rows of such a process."""
    counts.rows.extend(counts.Row(*row) for row in getattr(node, "workeroutput", {}).get("rows", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often the repeating tests repeated."""
    for line in counts.table():
        terminalreporter.write_line(line)
