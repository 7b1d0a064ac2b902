"""kill -9 while a home moves to PostgreSQL: the server has all of it or nothing, and the same command goes through afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import pytest

from aggregator import instance
from aggregator.app import build
from aggregator.store.postgres import PostgresStores
from tests import counts, postgres
from tests.conformance.stores import Scene
from tests.e2e.homes import write_home
from tests.e2e.moved import differences, is_empty
from tests.faults.newsroom import Zygote
from tests.faults.points import MOVE, STATEMENT

STEPS = {
    "move: a row is on its way": counts.count(small=40, storm=3),
    "move: before a table is copied": counts.count(small=20, storm=1),
    "move: a table is copied": counts.count(small=20, storm=1),
    STATEMENT: counts.count(small=60, storm=5),
}
"""Between two kills, so many visits of a point; of the others each."""
GONE = f"{instance.owner().partition(':')[0]}:{os.getpid()}:1:dead/send"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Path:
    """A home with entries, matches, an edition, and messages of which one is in its sender's hands when he falls."""
    home = tmp_path_factory.mktemp("move") / "home"
    digest = {"id": "morning", "title": "Morning", "watchlists": ["csto"], "at": "07:30", "to": ["desk@example.org"]}
    watchlist = {"id": "csto", "title": "CSTO", "query": "csto"}
    write_home(
        home,
        [{"id": "a", "url": "https://a.example/rss"}],
        watchlists={"watchlists": [watchlist]},
        digests={"digests": [digest]},
    )
    with build(home, {}) as app:
        app.sync()
        scene, now = Scene(app.stores), app.clock.now()
        for _ in range(5):
            scene.matched(feed="a", now=now)
        scene.message()
        doubtful = scene.claimed(owner=GONE)
        assert app.stores.outbox.enter_data(doubtful.id, GONE, now)
    assert zygote.command(home, ["stats"]) == 0
    return home


@pytest.mark.parametrize("point", [*MOVE, STATEMENT])
def test_a_kill_while_a_home_moves_leaves_all_or_nothing(
    tmp_path: Path, zygote: Zygote, town: Path, postgres_server: str, point: str
) -> None:
    killed = whole = 0
    for nth in itertools.count(1, STEPS.get(point, 1)):
        home = tmp_path / str(nth)
        file = home / "var/aggregator.db"
        shutil.copytree(town, home)
        with postgres.database(postgres_server) as url:
            ended = zygote.command(home, ["move", "--to", url], point, nth)
            assert ended in (0, -9)
            killed += ended == -9
            if ended == -9:
                # Whatever the server has, the file can still be used, and moves.
                assert zygote.command(home, ["stats"]) == 0
                assert is_empty(url) or differences(file, url) == []
                whole += not is_empty(url)
                assert zygote.command(home, ["move", "--to", url]) == 0
            assert differences(file, url) == []
            assert zygote.command(home, ["stats"]) == 5
            stores = PostgresStores(url, secret=bytes.fromhex((home / "var/secret").read_text().strip()))
            assert stores.upkeep.check(deep=True) == []
            assert {m.state for m in stores.outbox.list()} == {"waiting", "unknown"}
            stores.upkeep.close()
        if ended == 0:
            break
    counts.report("kill -9 in a move", killed, 0, f"{point}; {whole} with all of it stored")
    assert killed >= 1
    assert (
        bool(whole) == (point in ("move: the server has stored it", "move: the file has its mark, not yet for good"))
        or point == STATEMENT
    )
