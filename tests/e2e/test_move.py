"""A home moves to PostgreSQL: everything goes on where it stood, nothing is sent twice, and what cannot be is refused clearly."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from aggregator import instance, moving, settings
from aggregator.app import build
from aggregator.errors import StoreError
from aggregator.instance import InstanceLock
from aggregator.sample.sink import Sink
from aggregator.search import search
from tests import counts, postgres, stored
from tests.conformance.feedserver import FeedServer
from tests.conformance.stores import NOW, Scene
from tests.e2e import homes
from tests.e2e.drill import HOUR, Drill, subjects, told
from tests.e2e.homes import Item
from tests.e2e.moved import differences, is_empty
from tests.e2e.program import aggregator, done, write_home

pytestmark = stored.file_only

GONE = f"{instance.owner().partition(':')[0]}:{os.getpid()}:1:dead/send"
"""Who claimed something and runs no more: the pid is another's now."""
STORAGE = "AGGREGATOR__STORAGE__URL"


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    with FeedServer() as server, Sink() as sink:
        yield Drill(tmp_path / "home", server, sink)


def leave_some_unsent(drill: Drill) -> tuple[str, str]:
    """An alert to two readers of which one waits, and one may have been sent when its sender fell: their Message-IDs."""
    drill.now += HOUR
    title = f"CSTO report {len(drill.items)}."
    drill.items.append(Item(title, title, "As was said.", drill.now))
    with drill.app() as app:
        homes.sweep(app)
        app.compose.run()
        (doubtful,) = app.stores.outbox.claim_due(GONE, 1, drill.now)
        assert app.stores.outbox.enter_data(doubtful.id, GONE, drill.now)
        (waiting,) = app.stores.outbox.list(["waiting"])
    return waiting.message_id, doubtful.message_id


# -- the move --------------------------------------------------------------------------------------------------------------


def test_a_home_that_moved_goes_on_where_it_stood(drill: Drill, postgres_database: str) -> None:
    drill.live(8, 4 * HOUR)
    waiting, doubtful = leave_some_unsent(drill)
    before = subjects(drill.sink)
    moved = done(drill.home, "move", "--to", postgres_database, "--json")
    assert {line["table"]: line["rows"] for line in moved.lines}["entries"] == len(drill.items)
    assert differences(drill.home / "var/aggregator.db", postgres_database) == []

    drill.environ[STORAGE] = postgres_database
    with drill.app() as app:
        assert {m.message_id: m.phase for m in app.stores.outbox.list(["unknown"])} == {doubtful: "data"}
        app.send.run()
        # As after a restart: what may have been sent is sent again, and its Message-ID says that it is the same.
        assert subjects(drill.sink) - before == {waiting: 1, doubtful: 1}
    drill.now += HOUR
    with drill.app() as app:
        asked = len(drill.server.log("/rss"))
        assert [report.outcome for report in homes.sweep(app).values()] == ["not_modified"]
        assert drill.server.log("/rss")[asked].headers["if-none-match"] == f'"{len(drill.items)}"'
    drill.live(8, 4 * HOUR)
    assert drill.twice() == []
    assert [item.title for item in drill.items if item.title not in told(drill.sink)] == []
    with drill.app() as app:
        assert app.stores.upkeep.check(deep=True) == []
    with psycopg.connect(postgres_database) as conn:
        asked_for = "SELECT window_start, window_end FROM editions WHERE digest_id = 'daily' ORDER BY window_end"
        windows = conn.execute(asked_for).fetchall()
    assert len(windows) > 2
    assert [start for start, _ in windows[1:]] == [end for _, end in windows[:-1]]


def test_a_number_that_was_given_once_is_not_given_again(tmp_path: Path, postgres_database: str) -> None:
    home = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    with build(home, {}) as app:
        app.sync()
        app.stores.subscriptions.add("morning", "first@example.org", app.clock.now())
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        conn.execute("INSERT INTO gaps (id, feed_id, after_at, before_at, found_at) VALUES (41, 'a', '', '', '')")
        conn.execute("DELETE FROM gaps")
        given = dict(conn.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"))
    done(home, "move", "--to", postgres_database)
    with psycopg.connect(postgres_database) as server:
        assert dict(server.execute("SELECT name, seq FROM given_ids").fetchall()) == given
        next_ids = "SELECT nextval('gaps_id_seq'), nextval('subscribers_id_seq'), nextval('entries_id_seq')"
        assert server.execute(next_ids).fetchone() == (42, given["subscribers"] + 1, 1)


def test_texts_that_postgresql_does_not_hold_are_mended_and_told(tmp_path: Path, postgres_database: str) -> None:
    home = write_home(tmp_path / "home", {})
    with build(home, {}) as app:
        scene = Scene(app.stores).furnished()
        entry = scene.entry("One\0two", body="Three\0four\0")
    assert "6 NUL characters of the texts became U+FFFD" in done(home, "move", "--to", postgres_database).err
    with build(home, {STORAGE: postgres_database}) as app:
        assert app.stores.entries.get(entry).title == "One\N{REPLACEMENT CHARACTER}two"  # type: ignore[union-attr]
        assert app.stores.upkeep.check(deep=True) == []
        assert [one.entry.id for one in search(app.stores, app.query("four"))] == [entry]


def test_what_a_column_is_not_for_becomes_what_it_is_for(tmp_path: Path, postgres_database: str) -> None:
    """SQLite keeps what it is given: a float in a column of integers, a text in one of bytes."""
    home = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    done(home, "stats")
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        conn.execute("UPDATE feeds SET rhythm_seconds = 3600.5, last_ok_at = added_at")
        conn.execute("INSERT INTO documents (feed_id, head, settled, items) VALUES ('a', '', 1, '')")
    done(home, "move", "--to", postgres_database)
    with psycopg.connect(postgres_database) as server:
        assert server.execute(
            "SELECT rhythm_seconds, d.items FROM feeds JOIN documents d ON feed_id = id"
        ).fetchone() == (
            3600,
            b"",
        )


def test_whatever_a_text_or_bytes_hold_comes_over_as_it_is(tmp_path: Path, postgres_database: str) -> None:
    """COPY has an escape of its own; every text here is made of what might be one."""
    die = random.Random(counts.seed())
    alphabet = [
        "\\",
        "\\.",
        "\\N",
        "\t",
        "\n",
        "\r",
        "\v",
        "\x01",
        "\x7f",
        "'",
        '"',
        "%s",
        "?",
        "$1",
        "ё",
        "і",
        "漢",
        "🙂",
        "\u2028",
        "\ufeff",
        "\uffff",
        "x",
    ]
    texts = ["".join(die.choices(alphabet, k=die.randrange(8))) for _ in range(500)]
    home = write_home(tmp_path / "home", {})
    done(home, "stats")
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        rows = [
            (number, text, die.randbytes(die.randrange(40)), -(1 << 63) + number) for number, text in enumerate(texts)
        ]
        conn.executemany("INSERT INTO relays VALUES (?1, ?4, '', '', ?2, ?2)", rows)
        conn.executemany("INSERT INTO story_keys (kind, key, entry_id) VALUES (?2 || ?1, ?3, ?4)", rows)
        conn.executemany(
            "INSERT INTO signals (kind, watchlist_id, began_at, found_at, ended_at, observed, expected, detail) VALUES ('burst', 'csto', '', '', '', 1, ?, '')",
            [(die.uniform(-1e9, 1e9) ** 3,) for _ in texts],
        )
    done(home, "move", "--to", postgres_database)
    assert differences(home / "var/aggregator.db", postgres_database) == []


# -- the file that was left ------------------------------------------------------------------------------------------------


@pytest.fixture
def left(tmp_path: Path, postgres_database: str) -> Path:
    """A home that has moved, while its settings still name the file."""
    home = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    done(home, "move", "--to", postgres_database.replace("postgres@", "postgres:sesame@"))
    return home


def test_nobody_uses_the_file_by_mistake(left: Path) -> None:
    for command in (
        "run",
        "web",
        "poll",
        "send",
        "search x",
        "stats",
        "feeds list",
        "digest morning",
        "backup",
        "prune",
    ):
        said = aggregator(left, *command.split())
        assert (said.code, said.out) == (5, ""), command
        (line,) = said.err.splitlines()
        assert "its data moved to postgresql://127.0.0.1:" in line
        assert "storage.url" in line
        assert "`aggregator move --undo`" in line
        assert "sesame" not in line


def test_a_file_that_was_left_can_still_be_salvaged(left: Path, tmp_path: Path) -> None:
    done(left, "salvage", "--out", str(tmp_path / "out.db"))
    (tmp_path / "out.db").replace(left / "var/aggregator.db")
    assert aggregator(left, "stats").code == 5


def test_doctor_says_where_the_data_is(left: Path) -> None:
    said = aggregator(left, "doctor")
    assert said.code != 0
    assert "its data moved to postgresql://" in said.text


def test_who_had_the_file_open_writes_nothing_more_to_it(tmp_path: Path, postgres_database: str) -> None:
    home = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    with build(home, {}) as app:
        app.sync()
        done(home, "move", "--to", postgres_database)
        with pytest.raises(StoreError, match="its data moved to"):
            app.stores.feeds.pause("a", app.clock.now())


def test_a_move_that_is_taken_back_sends_nothing_twice(drill: Drill, postgres_database: str) -> None:
    drill.live(3, 4 * HOUR)
    done(drill.home, "move", "--to", postgres_database)
    drill.environ[STORAGE] = postgres_database
    drill.live(4, 4 * HOUR)
    before = subjects(drill.sink)
    refused = aggregator(drill.home, "move", "--undo", environ={STORAGE: postgres_database})
    assert (refused.code, "name the file there" in refused.err) == (2, True)
    del drill.environ[STORAGE]
    said = done(drill.home, "move", "--undo").err
    assert "sent since, by the log, and not sent again: " in said
    assert "every edition is held" in said
    assert (aggregator(drill.home, "move", "--undo").code, "has not moved" in said) == (2, False)
    with drill.app() as app:
        homes.sweep(app)
        app.compose.run()
        app.send.run()
        assert subjects(drill.sink) == before
        app.stores.outbox.release_held(drill.now)
        app.send.run()
    drill.live(4, 4 * HOUR)
    assert drill.twice() == []


def test_a_move_that_fell_between_the_two_databases_is_finished_by_the_next(
    tmp_path: Path, postgres_database: str
) -> None:
    home = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    with build(home, {}) as app:
        app.sync()
        Scene(app.stores).matched(feed="a")
    done(home, "move", "--to", postgres_database)
    unmark(home)
    assert aggregator(home, "stats").code == 0
    with build(home, {STORAGE: postgres_database}) as app:
        app.stores.feeds.pause("a", NOW)  # it is in use already
    said = done(home, "move", "--to", postgres_database)
    assert "it was all there already" in said.err
    assert aggregator(home, "stats").code == 5
    unmark(home)
    with build(home, {}) as app:
        app.stores.feeds.pause("a", NOW)
    refused = aggregator(home, "move", "--to", postgres_database)
    assert (refused.code, "was written to since" in refused.err) == (5, True)
    assert aggregator(home, "stats").code == 0


def unmark(home: Path) -> None:
    """As a fall leaves it that comes when the server has stored all, and the file not yet its mark."""
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        conn.execute("DELETE FROM facts WHERE name IN ('moved_to', 'backup')")


# -- what cannot be ------------------------------------------------------------------------------------------------------------


def refusal(home: Path, url: str, code: int) -> str:
    """A move that is refused in one line, after which the home is as it was."""
    said = aggregator(home, "move", "--to", url)
    assert (said.code, said.out) == (code, ""), said.text
    (line,) = [line for line in said.err.splitlines() if line]
    assert "sesame" not in line
    assert aggregator(home, "stats").code == 0
    return line


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = write_home(tmp_path / "home", {"a": "https://a.example/rss"})
    assert aggregator(made, "stats").code == 0
    return made


def test_while_the_daemon_runs_nothing_moves(home: Path, postgres_database: str) -> None:
    lock = InstanceLock(home / "var/lock")
    lock.acquire()
    try:
        assert f"pid {os.getpid()}" in refusal(home, postgres_database, 4)
    finally:
        lock.release()
    assert is_empty(postgres_database)


def test_while_a_command_works_nothing_moves(home: Path, postgres_database: str) -> None:
    with build(home, {}) as app:
        app.sync()
        app.stores.feeds.claim_due(f"{instance.owner()}/poll", 1, app.clock.now())
        assert f"a command is at work here (pid {os.getpid()})" in refusal(home, postgres_database, 4)
    assert is_empty(postgres_database)


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("mysql://root:sesame@127.0.0.1/x", 2, "postgresql://user@host/aggregator"),
        ("sqlite:///other.db", 2, "to PostgreSQL alone"),
        ("postgresql://u:sesame@127.0.0.1:1", 2, "names no database"),
        ("postgresql://u:sesame@127.0.0.1:1/x?sesame=1", 5, "none that PostgreSQL takes"),
        ("postgresql://u:sesame@127.0.0.1:port/x", 5, "port"),
        ("postgresql://u:sesame@127.0.0.1:1/x", 5, "see that the server runs"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(home: Path, url: str, code: int, says: str) -> None:
    assert says in refusal(home, url, code)


def test_a_database_that_is_not_there_is_named(home: Path, postgres_server: str) -> None:
    url = postgres.renamed(postgres_server.replace("postgres@", "postgres:sesame@"), "aggregator_test_none")
    assert "aggregator_test_none" in refusal(home, url, 5)


def test_without_its_library_the_way_to_it_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("aggregator.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "psycopg is not installed; pip install 'aggregator[postgres]'" in refusal(
        home, "postgresql://127.0.0.1/x", 3
    )


def test_what_is_there_is_never_touched(home: Path, postgres_template: tuple[str, str], tmp_path: Path) -> None:
    with postgres.database(postgres_template[0]) as url, psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE orders (id int)")
        assert "it holds tables of another program (orders)" in refusal(home, url, 5)
        assert conn.execute("SELECT relname FROM pg_class WHERE relname IN ('orders', 'feeds')").fetchall() == [
            ("orders",)
        ]
    with postgres.database(*postgres_template) as url:
        with build(home, {STORAGE: url}) as app:
            app.sync()
        assert "it holds data already (consents, digest_watchlists, digests, ...)" in refusal(home, url, 5)
    with postgres.database(*postgres_template) as url:
        done(write_home(tmp_path / "other", {}), "stats", "--json")
        with build(tmp_path / "other", {STORAGE: url}) as app:
            assert app.stores.feeds.list() == []
        assert "not the secret of the installation" in refusal(home, url, 5)
        assert is_empty(url)


def test_a_server_that_only_reads_or_holds_no_cyrillic_is_refused(home: Path, postgres_server: str) -> None:
    with postgres.database(postgres_server) as url:
        assert "only read" in refusal(home, f"{url}?options=-cdefault_transaction_read_only%3Don", 5)
        assert is_empty(url)
    name = "aggregator_test_latin"
    with psycopg.connect(postgres_server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'")
        try:
            assert "its texts are LATIN1" in refusal(home, postgres.renamed(postgres_server, name), 5)
        finally:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_rows_that_are_one_to_postgresql_are_named(home: Path, postgres_database: str) -> None:
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        conn.executemany(
            "INSERT INTO subscribers (address, added_at) VALUES (?, '')", [("É@a.example",), ("é@a.example",)]
        )
    said = refusal(home, postgres_database, 5)
    assert "does not take a row of subscribers: " in said
    assert "é@a.example" in said
    assert is_empty(postgres_database)


def test_what_is_damaged_does_not_move(home: Path, postgres_database: str) -> None:
    with (home / "var/aggregator.db").open("r+b") as file:
        file.seek(8192 * 12)
        file.write(os.urandom(8192))
    said = aggregator(home, "move", "--to", postgres_database)
    assert said.code == 5
    assert "`aggregator restore`" in said.err or "aggregator salvage" in said.err
    assert is_empty(postgres_database)


def test_what_is_on_a_server_moves_by_its_own_tools(home: Path, postgres_database: str) -> None:
    said = aggregator(home, "move", "--to", "postgresql://127.0.0.1/x", environ={STORAGE: postgres_database})
    assert (said.code, "pg_dump" in said.err) == (2, True)
    for wrong in (["move"], ["move", "--to", postgres_database, "--undo"]):
        assert aggregator(home, *wrong).code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "killed"])
def test_a_server_that_goes_in_the_middle_leaves_everything_as_it_was(drill: Drill, number: int) -> None:
    drill.live(4)
    home = drill.home
    configuration = settings.load(home, {})
    secret = settings.secret(configuration.home)
    folder = Path(tempfile.mkdtemp(prefix="aggregator-pg-"))
    server = postgres.Cluster.made(folder)
    try:
        with pytest.raises(StoreError, match="run the same command again"):
            moving.move(configuration, server.url, secret, drill.now, lambda _: server.stop(number))
        assert aggregator(home, "stats").code == 0
        server.start()
        assert is_empty(server.url)
        done(home, "move", "--to", server.url)
        assert differences(home / "var/aggregator.db", server.url) == []
    finally:
        server.stop()
        shutil.rmtree(folder)
