"""Exports: everything that is stored, read back to the same, in as much memory for a thousand rows as for a million."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.conftest import open_sqlite
from tests.conformance.feedserver import FeedServer
from tests.conformance.stores import NOW, Scene, new
from tests.counts import count, report
from tests.e2e.program import Wire, aggregator, done, write_home

THINGS = ("entries", "matches", "stories", "editions", "feeds", "counts")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two feeds that were read, and an edition."""
    with FeedServer() as server:
        wires = {
            n: server.add(f"/{n}", Wire(n, f"CSTO of {n}", f"=1+1 by {n}", 'He said "no", twice\nthen left'))
            for n in "ab"
        }
        home = write_home(tmp_path_factory.mktemp("export"), wires)
        done(home, "poll")
        done(home, "digest", "morning", "--send")
    return home


@pytest.mark.parametrize("what", THINGS)
def test_csv_and_json_lines_hold_the_same_rows(home: Path, what: str) -> None:
    lines = done(home, "export", what).lines
    table = list(csv.DictReader(io.StringIO(done(home, "export", what, "--format", "csv").out, newline="")))
    assert lines
    assert len(table) == len(lines)
    for row, line in zip(table, lines, strict=True):
        assert list(row) == list(line)
        for name, value in line.items():
            if isinstance(value, (str, int, float)):
                assert row[name].removeprefix("'") == str(value)


def test_what_is_exported_is_what_the_commands_print(home: Path) -> None:
    for what, command in {
        "entries": "entries",
        "stories": "stories",
        "feeds": "feeds list",
        "editions": "editions",
    }.items():
        printed = done(home, *command.split(), "--json").lines
        exported = done(home, "export", what).lines
        assert sorted(map(json.dumps, exported)) == sorted(map(json.dumps, printed)), what


def test_a_part_by_feed_watchlist_and_time(home: Path) -> None:
    assert {e["feed_id"] for e in done(home, "export", "--feed", "a").lines} == {"a"}
    assert {e["feed_id"] for e in done(home, "export", "matches", "--feed", "b", "--watchlist", "csto").lines} == {"b"}
    assert done(home, "export", "--until", "1h").lines == []
    assert done(home, "export", "matches", "--since", "2999-01-01").lines == []
    assert len(done(home, "export", "--since", "1h").lines) == 6


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["entries", "--watchlist", "csto"], "of no watchlist"),
        (["matches", "--watchlist", "nato"], "no matches of a watchlist 'nato'"),
        (["counts", "--feed", "a"], "of no feed"),
        (["entries", "--feed", "zz"], "no entries of a feed 'zz'"),
        (["--since", "soon"], "soon"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_line(home: Path, words: list[str], says: str) -> None:
    refused = aggregator(home, "export", *words)
    assert (refused.code, says in refused.err) == (2, True), refused


def test_a_file_is_whole_or_as_it_was(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    out.write_text("before")
    assert aggregator(home, "export", "--since", "soon", "--out", str(out)).code == 2
    assert out.read_text() == "before"
    done(home, "export", "--out", str(out))
    assert out.read_text() == done(home, "export").out
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]
    (tmp_path / "folder").mkdir()
    assert aggregator(home, "export", "--out", str(tmp_path / "no/x.jsonl")).code == 1
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


PEAK = """
import sys
from aggregator.cli import main
code = main(sys.argv[1:])
# Not by getrusage: its peak is inherited from whoever started the process.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stderr.write(f"peak {peak}\\n")
sys.exit(code)
"""


def test_a_long_export_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    short, long = 500, count(small=6_000, storm=200_000)
    peaks = []
    for number in (short, long):
        home = write_home(tmp_path / str(number), {})
        scene = Scene(open_sqlite(home / "var"))
        scene.feeds("a")
        for start in range(0, number, 500):
            scene.poll(
                "a",
                *(new(f"t{n}", "word " * 200) for n in range(start, start + 500)),
                now=NOW + timedelta(seconds=start),
            )
        scene.stores.upkeep.close()
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, "--home", str(home), "export", "--out", str(tmp_path / "x.jsonl")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"{number:,} rows" in ran.stderr.replace(f"{number} rows", f"{number:,} rows")
        peaks.append(int(ran.stderr.rsplit("peak ", 1)[1]))
    report("rows exported", long, 0, f"peak {peaks[1] // 1024} MB; of {short} rows {peaks[0] // 1024} MB")
    assert peaks[1] < peaks[0] + 20_000  # SQLite keeps 16 MB of pages
