"""What can still be read of a damaged database comes back; the damaged file is not touched."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests import counts
from tests.e2e.program import aggregator, done, everything, rows
from tests.faults.furnished import ENTRIES, opened
from tests.faults.test_damage import PAGE, flip, settle

FLIPS = counts.count(small=5, storm=200)
SALVAGED = "var/aggregator.salvaged.db"


def page_of_entry(file: Path, number: int) -> int:
    """Where the page begins that the entry's row is on: a leaf of a table that holds its text."""
    raw = file.read_bytes()
    pages = (raw[at : at + PAGE] for at in range(0, len(raw), PAGE))
    texts = (f"meeting {number} of many".encode(), b"reported at some length")
    [found] = [n for n, page in enumerate(pages) if page[0] == 13 and all(text in page for text in texts)]
    return found * PAGE


def titles(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as conn:
        return {r[0] for r in conn.execute("SELECT title FROM entries")}


def test_of_a_sound_database_everything_comes_over(home: Path) -> None:
    before = everything(home)
    file = home / "var/aggregator.db"
    raw = file.read_bytes()
    said = done(home, "salvage", "--json")
    assert all(line["lost"] == 0 for line in said.lines)
    assert {line["table"]: line["rows"] for line in said.lines}.items() >= before.items()
    assert "missing" not in said.err
    assert file.read_bytes() == raw
    with closing(sqlite3.connect(home / SALVAGED)) as new, closing(sqlite3.connect(file)) as old:
        for table in before:
            select = f"SELECT * FROM {table} ORDER BY 1, 2, 3"
            wanted = old.execute(select).fetchall()
            assert (new.execute(select).fetchall() == wanted) or table == "messages"
        assert new.execute("SELECT DISTINCT held_at IS NOT NULL FROM messages").fetchall() == [(1,)]


def test_behind_and_before_a_damaged_page_all_rows_come_back(home: Path) -> None:
    file = settle(home)
    known = titles(file)
    flip(file, page_of_entry(file, 150), 64)
    raw = file.read_bytes()
    said = aggregator(home, "salvage", "--json")
    assert said.code == 1
    found = titles(home / SALVAGED)
    [entries] = [line for line in said.lines if line["table"] == "entries"]
    lost = len(known - found)
    assert 0 < lost <= 20
    assert entries == {"table": "entries", "rows": ENTRIES - lost, "lost": lost}
    assert {f"town meeting {ENTRIES - 1} of many", "CSTO meeting 0 of many"} <= found
    assert file.read_bytes() == raw
    assert sorted(p.name for p in file.parent.glob(".*damaged*")) == []
    counts.report("rows salvaged behind a damaged page", ENTRIES, 0, f"{lost} entries lost with it")


def test_what_is_put_in_place_works_and_is_sound_or_says_what_is_missing(home: Path) -> None:
    file = settle(home)
    flip(file, page_of_entry(file, 150), 64)
    raw = file.read_bytes()
    aggregator(home, "salvage", "--put-in-place")
    assert file.with_name("aggregator.db.before-salvage").read_bytes() == raw
    deep = aggregator(home, "doctor", "--deep")
    assert "integrity_check" not in deep.out
    assert "foreign key" not in deep.out
    assert "search index" not in deep.out
    assert len(done(home, "search", "CSTO", "--json").lines) > 80
    assert done(home, "outbox", "release").code == 0
    assert rows(home) == len(done(home, "entries", "--json").lines)


@pytest.mark.parametrize("damage", ["header", "cut", "text"])
def test_a_header_is_put_right_and_what_is_no_database_is_refused(home: Path, damage: str) -> None:
    file = settle(home)
    if damage == "header":
        flip(file, 0, 100)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 5])
    else:
        file.write_text("this is no database\n" * 10_000)
    said = aggregator(home, "salvage")
    if damage == "text":
        assert said.code == 5
        assert "cannot be salvaged" in said.err
        assert not (home / SALVAGED).exists()
    else:
        assert said.code == int(damage == "cut"), said
        assert len(titles(home / SALVAGED)) > (ENTRIES - 1 if damage == "header" else 50)


def test_whatever_is_flipped_nothing_but_a_line_is_said_and_most_comes_back(home: Path) -> None:
    die = random.Random(counts.seed())
    file = settle(home)
    sound = file.read_bytes()
    came = 0
    for _ in range(FLIPS):
        file.write_bytes(sound)
        for _ in range(3):
            flip(file, die.randrange(1, len(sound) // PAGE) * PAGE, 64)
        said = aggregator(home, "salvage", "--json")
        assert said.code in (0, 1, 5), said
        if said.code != 5:
            came += len(titles(home / SALVAGED))
            with closing(sqlite3.connect(home / SALVAGED)) as conn:
                assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
        (home / SALVAGED).unlink(missing_ok=True)
    counts.report(
        "salvaged with three damaged pages", FLIPS, 0, f"{came / (FLIPS * ENTRIES):.0%} of the entries came back"
    )
    assert came > FLIPS * ENTRIES // 2


def test_it_refuses_to_write_over_anything(home: Path) -> None:
    (home / SALVAGED).write_text("mine")
    assert aggregator(home, "salvage").code == 2
    assert (home / SALVAGED).read_text() == "mine"
    with opened(home) as conn:
        assert conn.execute("SELECT count(*) FROM entries").fetchone() == (ENTRIES,)
