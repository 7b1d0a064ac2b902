"""The schema in words: the page is what the comments say, nothing is left out, and Datasette shows it without its readers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.store.sqlite import SqliteStores, described
from tests import schema_page
from tests.conformance.stores import INITIAL, NOW, Scene, match, message
from tests.e2e.program import done


def test_the_page_of_the_schema_is_what_the_comments_say() -> None:
    assert schema_page.PAGE.read_text("utf-8") == schema_page.page(), "docs/schema.md is behind: make docs"


def test_every_table_says_what_a_row_is_and_every_view_which_question_it_answers() -> None:
    for thing in described.things().values():
        assert thing.says, thing.name
        if thing.view:
            assert "?" in thing.says, thing.name
            assert thing.example.startswith("SELECT"), thing.name


def test_the_words_are_of_the_schema_as_it_is(tmp_path: Path) -> None:
    stores = SqliteStores(tmp_path / "x.db", secret=b"x" * 32)
    stores.upkeep.close()
    with closing(sqlite3.connect(tmp_path / "x.db")) as conn:
        names = {r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
        things = described.things()
        assert set(things) == {n for n in names if not n.startswith(("sqlite_", "_sqlite", "entry_index_"))}
        for thing in things.values():
            columns = {r[1] for r in conn.execute(f"PRAGMA table_info({thing.name})")}
            assert set(thing.columns) - columns == set(), thing.name
            assert thing.view or thing.name == "entry_index" or set(thing.columns) == columns, thing.name
            if thing.example:
                conn.execute(thing.example).fetchall()


def test_no_table_with_an_address_or_a_token_is_shown() -> None:
    """By the names of columns, so that a new table cannot slip through."""
    telling = ("address", "token", "hash", "hmac", "message_id")
    harmless = {"feeds", "notices"}  # the hash of a document
    for thing in described.things().values():
        if any(word in column for column in thing.columns for word in telling) and thing.name not in harmless:
            assert thing.name in described.PRIVATE, thing.name


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a reader."""
    file = tmp_path_factory.mktemp("datasette") / "aggregator.db"
    stores = SqliteStores(file, secret=b"x" * 32, initial=INITIAL)
    scene = Scene(stores).furnished()
    scene.entry("CSTO meets", match())
    reader = stores.subscriptions.add("morning", "reader@example.org", NOW)
    scene.tell("morning", scene.waiting("morning"), NOW, [message(reader.id, "reader@example.org")])
    stores.upkeep.close()
    return file


def test_datasette_opens_the_file_and_shows_no_reader(lived_in: Path, tmp_path: Path) -> None:
    app = pytest.importorskip("datasette.app", reason="datasette is not installed: pip install -e '.[dev]'")
    (tmp_path / "metadata.json").write_text(json.dumps(described.datasette()))
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    ds = app.Datasette([str(lived_in)], metadata=metadata)

    async def ask() -> dict[str, Any]:
        things = described.things()
        paths = ["/", "/aggregator", *(f"/aggregator/{name}" for name in things)]
        paths += [f"/aggregator/{name}.json?_shape=array" for name in things]
        paths += [f"/aggregator/{query}.json" for query in metadata["databases"]["aggregator"]["queries"]]
        paths += ["/aggregator.json?sql=select+address+from+subscribers", "/aggregator.db"]
        return {path: await ds.client.get(path) for path in paths}

    answers = asyncio.run(ask())
    ds.executor.shutdown()
    for thing in described.things().values():
        answer = answers[f"/aggregator/{thing.name}"]
        assert answer.status_code == (403 if thing.name in described.CLOSED else 200), thing.name
    assert "A digest settled" not in answers["/"].text
    assert "A match settled by a digest" in answers["/aggregator/edition_matches"].text
    assert "the publisher&#39;s own identifier, verbatim" in answers["/aggregator/entries"].text
    assert [row["title"] for row in answers["/aggregator/entries.json?_shape=array"].json()] == ["CSTO meets"]
    assert answers["/aggregator/ask_matched_entries.json"].json()["rows"][0][2] == "CSTO meets"
    assert answers["/aggregator.json?sql=select+address+from+subscribers"].status_code == 403
    told = {path for path, answer in answers.items() if "reader@example" in answer.text}
    assert told <= {"/aggregator.db"}
    assert answers["/aggregator.db"].status_code == 403


def test_datasette_shows_nothing_of_a_copy_under_another_name(lived_in: Path, tmp_path: Path) -> None:
    app = pytest.importorskip("datasette.app", reason="datasette is not installed: pip install -e '.[dev]'")
    copy = tmp_path / "copy.db"
    copy.write_bytes(lived_in.read_bytes())
    ds = app.Datasette([], immutables=[str(copy)], metadata=described.datasette())

    async def ask() -> set[int]:
        paths = [
            "/",
            "/copy",
            "/copy.db",
            "/copy.json?sql=select+1",
            *(f"/copy/{name}.json" for name in described.things()),
        ]
        return {(await ds.client.get(path)).status_code for path in paths}

    answers = asyncio.run(ask())
    ds.executor.shutdown()
    assert answers == {403}


def test_the_command_writes_the_metadata(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    out = tmp_path / "metadata.json"
    done(home, "export", "datasette", "--out", str(out))
    assert json.loads(out.read_text()) == described.datasette()
    assert json.loads(done(home, "export", "datasette").out) == described.datasette()
