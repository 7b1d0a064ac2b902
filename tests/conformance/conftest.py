"""The backends that the conformance suite of the store runs against; a new one joins BACKENDS and passes unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aggregator.store.postgres import PostgresStores
from aggregator.store.sqlite import SqliteStores
from aggregator.stores import Stores
from tests import emptydb, postgres
from tests.conformance.stores import INITIAL, Scene

SECRET = b"s" * 32


def open_sqlite(folder: Path) -> Stores:
    # Nothing here pulls the plug, so nothing has to wait for the disk.
    return SqliteStores(emptydb.put(folder / "aggregator.db"), secret=SECRET, initial=INITIAL, synchronous="OFF")


BACKENDS = ("postgres", "sqlite")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Stores]]:
    """Opens the database of a folder; of one folder always the same."""
    if request.param == "sqlite":
        yield open_sqlite
        return
    with ExitStack() as stack:
        urls: dict[Path, str] = {}

        def open_postgres(folder: Path) -> Stores:
            if folder not in urls:
                urls[folder] = stack.enter_context(postgres.database(*request.getfixturevalue("postgres_template")))
            return PostgresStores(urls[folder], secret=SECRET, initial=INITIAL)

        yield open_postgres


@pytest.fixture
def open_stores(backend: Callable[[Path], Stores], tmp_path: Path) -> Iterator[Callable[[], Stores]]:
    """Opens the test's database; each call is another process's view of it."""
    opened: list[Stores] = []

    def another() -> Stores:
        opened.append(backend(tmp_path))
        return opened[-1]

    yield another
    for stores in opened:
        stores.upkeep.close()


@pytest.fixture
def fresh_stores(
    backend: Callable[[Path], Stores], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Stores]]:
    """Opens a database of its own at each call; all must be sound in the end."""
    opened: list[Stores] = []

    def another() -> Stores:
        opened.append(backend(tmp_path_factory.mktemp("store")))
        return opened[-1]

    yield another
    for stores in opened:
        assert stores.upkeep.check(deep=True) == []
        stores.upkeep.close()


@pytest.fixture
def both(tmp_path: Path, postgres_template: tuple[str, str]) -> Iterator[tuple[Stores, Stores]]:
    """An empty store of each engine."""
    with postgres.database(*postgres_template) as url:
        made = open_sqlite(tmp_path), PostgresStores(url, secret=SECRET, initial=INITIAL)
        yield made
        for stores in made:
            assert stores.upkeep.check(deep=True) == []
            stores.upkeep.close()


@pytest.fixture
def stores(open_stores: Callable[[], Stores]) -> Stores:
    return open_stores()


@pytest.fixture
def scene(stores: Stores) -> Scene:
    """A store with two feeds, two watchlists, a morning digest and an instant one."""
    return Scene(stores).furnished()
