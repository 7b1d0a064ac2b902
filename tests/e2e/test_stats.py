"""`stats` gives the numbers that the open schema and the pages have."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aggregator import topwords
from aggregator.app import build
from aggregator.reading import Signal
from aggregator.web.server import WebThread
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, write_home

SINCE = (datetime.now(UTC) - timedelta(days=29)).date()  # noqa: TID251 - the command has the machine's clock
ENGLISH = [f"CSTO summit opens, part {part}" for part in "abc"] + [
    "CSTO summit ends",
    "Weather report",
    "=SUM(A1) of CSTO",
]
RUSSIAN = ["Саммит ОДКБ открылся в Минске", "Погода"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stats")
    with FeedServer() as server:
        wires = {"wire": Wire("wire", *ENGLISH), "agency": Wire("agency", *RUSSIAN)}
        write_home(folder, {name: server.add(f"/{name}", wire) for name, wire in wires.items()})
        assert aggregator(folder, "poll").code == 0
    return folder


def sql(home: Path, query: str) -> list[tuple[Any, ...]]:
    with stored.opened(home) as conn:
        if not stored.POSTGRES:
            conn.execute("CREATE VIRTUAL TABLE temp.entry_words USING fts5vocab (main, entry_index, instance)")
        found: list[tuple[Any, ...]] = conn.execute(query).fetchall()
        return found


def stats(home: Path, by: str, *options: str) -> list[dict[str, Any]]:
    return aggregator(home, "stats", "--watchlist", "csto", "--by", by, "--json", *options).lines


def test_attention_by_day_is_that_of_the_view_and_of_the_pages(home: Path) -> None:
    told = stats(home, "day")
    of_view = sql(
        home, f"SELECT day, entries, all_entries, share FROM attention WHERE watchlist_id = 'csto' AND day >= '{SINCE}'"
    )
    assert [tuple(row.values()) for row in told if row["entries"]] == of_view
    assert sum(row["entries"] for row in told) == 6
    with build(home) as app:
        days = app.stores.attention.days("csto", SINCE, SINCE + timedelta(days=29))
    assert [(str(d.day), d.entries, d.all) for d in days] == [(r["day"], r["entries"], r["all_entries"]) for r in told]
    assert len(told) == 30


@pytest.mark.parametrize(("by", "column"), [("feed", "feed_id"), ("language", "language"), ("country", "country")])
def test_attention_by_feed_language_and_country_is_that_of_the_view(home: Path, by: str, column: str) -> None:
    told = {row[column]: (row["entries"], row["all_entries"]) for row in stats(home, by)}
    of_view = sql(
        home,
        f"SELECT {column}, sum(entries) FROM attention_by_feed WHERE watchlist_id = 'csto' AND day >= '{SINCE}' GROUP BY 1",
    )
    assert {key: entries for key, (entries, _) in told.items()} == dict(of_view)
    if by == "feed":
        every = dict(sql(home, f"SELECT feed_id, sum(entries) FROM entry_counts WHERE day >= '{SINCE}' GROUP BY 1"))
        assert {key: every_one for key, (_, every_one) in told.items()} == every == {"wire": 6, "agency": 2}


@stored.file_only
def test_words_are_counted_as_the_index_has_them(home: Path) -> None:
    told = {str(row["word"]): row["entries"] for row in stats(home, "word")}
    of_index = dict(
        sql(home, "SELECT term, count(DISTINCT doc) FROM temp.entry_words WHERE col = 'title' AND doc IN (SELECT entry_id FROM matches WHERE watchlist_id = 'csto') GROUP BY term")
    )  # fmt: skip
    with build(home) as app:
        shown = topwords.top(app.stores, "csto", SINCE, SINCE + timedelta(days=29), 50)
    assert told == {one.word: one.entries for one in shown}
    assert told == {word: of_index[word] for word in told}


def test_csv_has_the_same_rows_and_no_formula(home: Path) -> None:
    said = aggregator(home, "stats", "--watchlist", "csto", "--by", "feed", "--csv").out
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [(row["feed_id"], int(row["entries"])) for row in rows] == [("wire", 5), ("agency", 1)]
    assert list(rows[0]) == list(stats(home, "feed")[0])


def test_a_table_is_for_people(home: Path) -> None:
    lines = aggregator(home, "stats", "--watchlist", "csto", "--by", "feed").out.splitlines()
    assert lines[0].split() == ["feed", "id", "title", "entries", "all", "entries", "share"]
    assert lines[1].split() == ["wire", "wire", "5", "6", "83.33%"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--watchlist", "nothing"], "there is no watchlist 'nothing'"),
        (["--by", "feed"], "want a --watchlist"),
        (["--csv"], "want a --watchlist"),
        (["--watchlist", "csto", "--csv", "--json"], "not both"),
        (["--watchlist", "csto", "--days", "0"], "0 is not in the range"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_said_in_a_line(home: Path, options: list[str], says: str) -> None:
    answer = aggregator(home, "stats", *options)
    assert (answer.code, says in answer.err) == (2, True), answer.err


def test_days_before_there_was_anything_are_empty_and_any_number_of_them_may_be_asked_for(home: Path) -> None:
    rows = stats(home, "day", "--days", "36500")
    assert len(rows) == 36500
    assert [tuple(rows[0].values())[1:]] == [(0, 0, 0.0)]


def test_what_lasts_is_in_stats_and_a_silence_in_doctor(home: Path) -> None:
    with build(home) as app:
        now = app.clock.now()
        one = app.stores.signals.begin(Signal(0, "burst", "csto", "", now, now, 42, 5.0, ""))
        two = app.stores.signals.begin(Signal(0, "silence", "", "wire", now, now, 0, 24.0, ""))
        try:
            assert [s["signal_id"] for s in aggregator(home, "stats", "--json").lines[0]["signals"]] == [two, one]
            said = aggregator(home, "stats").out
            assert "out of rhythm      feed wire: nothing since" in said
            assert "watchlist csto: 42 entries since" in said
            problems = [line["problem"] for line in aggregator(home, "doctor", "--json").lines if "problem" in line]
            assert [p for p in problems if "usually" in p] == [
                f"feed wire: nothing since {now:%Y-%m-%d %H:%M} UTC, usually 24 a day"
            ]
        finally:
            app.stores.signals.end(one, now)
            app.stores.signals.end(two, now)
    assert sql(home, "SELECT title, kind, told_in FROM bursts_and_silences WHERE ended_at IS NOT NULL") == [
        ("wire", "silence", None), ("CSTO", "burst", None),
    ]  # fmt: skip


KINDS = {"feed": "feed_id", "language": "language", "country": "country"}


@dataclass
class Shown:
    """The pages and the interface of a home."""

    url: str
    key: str

    def page(self, path: str) -> str:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return response.read().decode()
        finally:
            connection.close()

    def attention(self, days: int, by: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page(f"/api/v1/watchlists/csto/attention?days={days}&by={by}"))
        return found


@contextmanager
def shown(home: Path) -> Iterator[Shown]:
    environ = {"AGGREGATOR__WEB__VISITORS": "open"}
    with build(home, environ) as app:
        key = "agg_" + secrets.token_hex(13)
        app.stores.credentials.issue("api", key, key, app.clock.now(), scopes=("read",))
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        try:
            yield Shown(thread.url, key)
        finally:
            thread.stop()


def test_page_csv_and_interface_give_the_numbers_of_stats(home: Path) -> None:
    """One number, four ways to it, over the same days."""
    days = stats(home, "day", "--days", "90")
    with shown(home) as web:
        page, table = web.page("/watchlists/csto?days=90"), web.page("/watchlists/csto.csv")
        told = {by: web.attention(90, by) for by in KINDS}
    assert [tuple(day.values()) for day in told["feed"]["days"]] == [tuple(day.values()) for day in days]
    cells = re.findall(r'<th scope="row">(\d{4}-\d\d-\d\d)</th>((?:<td class="number">\d+</td>){2})', page)
    of_page = {day: tuple(map(int, re.findall(r">(\d+)<", numbers))) for day, numbers in cells}
    assert of_page == {day["day"]: (day["entries"], day["all_entries"]) for day in days}
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["day"] >= days[0]["day"]]
    for by, column in KINDS.items():
        of_stats = {row[column]: (row["entries"], row["all_entries"]) for row in stats(home, by, "--days", "90")}
        assert {part["key"]: (part["entries"], part["all"]) for part in told[by]["parts"]} == of_stats
        summed: Counter[str] = Counter()
        for row in rows:
            summed[row[by]] += int(row["entries"])
        assert summed == {name: entries for name, (entries, _) in of_stats.items()}
        [part] = re.findall(rf"<h3>By {by}</h3>.*?</table>", page, re.DOTALL)
        numbers = re.findall(r'</th><td class="number">(\d+)</td>', part)
        assert [int(n) for n in numbers] == [entries for entries, _ in of_stats.values()]


def test_words_of_the_page_and_of_the_interface_are_those_of_stats(tmp_path: Path) -> None:
    with FeedServer() as server:
        wire = Wire("wire", *ENGLISH, *(f"Fair number {n} opens" for n in range(14)))
        write_home(tmp_path, {"wire": server.add("/wire", wire)})
        assert aggregator(tmp_path, "poll").code == 0
    of_stats = {row["word"]: row["entries"] for row in stats(tmp_path, "word")}
    assert of_stats == {"summit": 4, "part": 3}
    with shown(tmp_path) as web:
        page, trial = web.page("/watchlists/csto"), web.page("/watchlists/csto?query=csto")
        told = web.attention(30, "word")
    assert {word["word"]: word["entries"] for word in told["words"]} == of_stats
    assert told["parts"] == []
    [part] = re.findall(r"<h2>Words</h2>.*?</table>", page, re.DOTALL)
    found = re.findall(r"<bdi>(\w+)</bdi></th><td[^>]*>(\d+)</td><td[^>]*>([^<]+)</td>", part)
    # Of 5 headlines that it found 4 have it, and of all 20 the same 4.
    assert found == [("summit", "4", "4.0 times"), ("part", "3", "4.0 times")]
    assert "<h2>Words</h2>" not in trial
