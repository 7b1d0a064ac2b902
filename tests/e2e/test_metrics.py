"""/metrics: what Prometheus reads is true, can be parsed, costs little, and tells nobody more than it should."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aggregator import settings
from aggregator.jobs import Jobs
from aggregator.store.sql.measures import Measuring
from aggregator.store.sqlite.database import Database
from aggregator.web import metrics
from tests import stored
from tests.e2e.apisite import Site, site, token
from tests.e2e.browser import Answer, Browser
from tests.e2e.homes import ENVIRON

ROOT = Path(__file__).parents[2]
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("metrics")) as made:
        yield made


def scrape(place: Site, key: str = token("read")) -> Answer:
    return Browser(place.url).ask("/metrics", **({"Authorization": f"Bearer {key}"} if key else {}))


def samples(text: str) -> Samples:
    """Every value by name and labels, as Prometheus' own parser reads them."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[(f"aggregator_{name}", tuple(sorted(labels.items())))]


def test_prometheus_own_parser_reads_it_and_what_it_says_is_so(place: Site) -> None:
    answer = scrape(place)
    assert answer.status == 200
    assert (answer.headers["Content-Type"] or "").startswith("text/plain; version=")
    found = samples(answer.page)
    stats = place.app.stores.upkeep.stats(place.clock.now())
    assert value(found, "feeds", state="ok") == stats["feeds"]["ok"]
    assert value(found, "feeds", state="failing") == 0
    assert value(found, "entries_total") == stats["entries"] > 0
    assert value(found, "matches_total", watchlist="csto") == stats["matches"]["csto"] > 0
    assert value(found, "editions_total") == sum(stats["editions"].values())
    assert value(found, "database_bytes", file="database") == stats["database_bytes"]
    assert value(found, "disk_free_bytes") > 0
    assert value(found, "relay_failing_seconds", relay="mail") == 0


@pytest.fixture
def as_it_was(place: Site) -> Iterator[None]:
    """The feeds stand afterwards as they did before: the tests come in any order."""
    columns = "state, error_class, error, next_poll_at, id"
    home = place.app.configuration.home.path
    with stored.opened(home) as conn:
        before = [tuple(row) for row in conn.execute(f"SELECT {columns} FROM feeds")]
    yield
    if before:
        with stored.opened(home) as conn:
            sql = "UPDATE feeds SET state = ?, error_class = ?, error = ?, next_poll_at = ? WHERE id = ?"
            conn.executemany(sql, before)


@pytest.mark.usefixtures("as_it_was")
def test_what_goes_wrong_shows(place: Site) -> None:
    app, clock = place.app, place.clock
    before = samples(scrape(place).page)
    with stored.opened(app.configuration.home.path) as conn:
        (feed, *_), sql = (
            app.stores.feeds.list(),
            "state = 'failing', error_class = 'timeout', error = 'no answer in 30 s'",
        )
        conn.execute(f"UPDATE feeds SET {sql}, next_poll_at = '2023-02-02T12:00:00.000000Z' WHERE id = ?", (feed.id,))
    health = {"poll": {"last_ok_at": "2023-02-02T12:00:00+00:00", "failures": 3, "error": "no"}}
    app.configuration.home.health.write_text(json.dumps(health))
    app.stores.upkeep.note_backup(app.clock.now(), "aggregator-1.tar.gz")
    Jobs(app, threading.Event()).notices()
    found = samples(scrape(place).page)
    assert value(found, "feeds_failing", **{"class": "timeout"}) == 1
    assert value(found, "feeds", state="failing") == value(before, "feeds", state="failing") + 1
    assert value(found, "schedule_lag_seconds") == (clock.now() - feed.poll.next_poll_at.replace(
        year=2023, month=2, day=2, hour=12, minute=0, second=0, microsecond=0)).total_seconds()  # fmt: skip
    assert value(found, "line_failures", line="poll") == 3
    assert value(found, "line_last_success_timestamp_seconds", line="poll") == 1675339200
    assert value(found, "backup_last_timestamp_seconds") > 1.6e9
    assert value(found, "notices", level="error") >= 1


def test_polls_of_this_process_are_counted_by_outcome_and_timed(place: Site) -> None:
    before = samples(scrape(place).page)
    place.clock.advance(timedelta(hours=2))
    Jobs(place.app, threading.Event()).poll()
    found = samples(scrape(place).page)

    def more(name: str) -> float:
        return sum(v - before.get(k, 0) for k, v in found.items() if k[0] == f"aggregator_{name}")

    assert more("polls_total") == len(place.app.stores.feeds.list())
    assert more("poll_seconds_count") == more("polls_total")
    assert more("poll_bytes_total") > 0
    assert value(found, "poll_seconds_bucket", le="+Inf") == value(found, "poll_seconds_count")
    assert value(found, "match_seconds_count") > 0


def test_an_alert_is_timed_from_publication_and_from_first_sight(place: Site) -> None:
    place.publish("CSTO alarm in the night")
    place.clock.advance(timedelta(minutes=2))
    place.app.compose.run()
    place.app.send.run()
    found = samples(scrape(place).page)
    slow = value(found, "alert_latency_p95_seconds", since="seen")
    assert 119.9 <= slow <= 86_400  # a difference of days, as a fraction
    assert value(found, "alert_latency_median_seconds", since="published") >= value(
        found, "alert_latency_median_seconds", since="seen"
    )


@pytest.mark.parametrize("key", ["", token("operate"), "agg_" + "z" * 26, "nonsense"])
def test_nobody_reads_it_without_a_token_that_may_read(place: Site, key: str) -> None:
    answer = scrape(place, key)
    assert answer.status in (401, 403)
    assert "aggregator_" not in answer.page
    assert answer.headers["WWW-Authenticate"]


def test_anybody_reads_it_where_the_settings_say_so(place: Site) -> None:
    """Taken over while the pages are served."""
    home = place.app.configuration.home
    for text, status in (
        ("web: {metrics: open, public_url: https://news.example}\n", 200),
        ("web: {metrics: closed}\n", 401),
        ("", 200),
        ("web: {public_url: https://news.example}\n", 401),
        ("web: {host: 0.0.0.0}\n", 401),
    ):
        home.settings_file.write_text(text)
        place.app.reconfigure(settings.load(home.path, ENVIRON))
        assert scrape(place, "").status == status


def test_no_url_address_or_query_stands_in_it(place: Site) -> None:
    text = scrape(place).page
    for feed in place.app.stores.feeds.list():
        assert feed.spec.url not in text
        assert f'"{feed.id}"' not in text
    assert "://" not in text
    assert "@" not in text
    assert "ОДКБ" not in text


def test_the_document_names_every_metric_with_its_labels(place: Site) -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    told = {m[1]: (m[2], m[3].replace("`", ""), m[4]) for m in re.finditer(r"^\| `(aggregator_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", page, re.MULTILINE)}  # fmt: skip
    made = {
        metrics.PREFIX + name + suffix: (kind, ", ".join(labels), text)
        for kind, table, suffix in (("gauge", metrics.GAUGES, ""), ("counter", metrics.COUNTERS, "_total"))
        for name, (text, labels) in table.items()
    }
    made |= {metrics.PREFIX + name: ("histogram", "", text) for name, text in metrics.HISTOGRAMS.items()}
    assert {name: (kind, labels.strip(), text) for name, (kind, labels, text) in told.items()} == made
    families = {one.name for one in text_string_to_metric_families(scrape(place).page)}
    assert {name.removesuffix("_total") for name in made} == {one for one in families if one.startswith("aggregator_")}


def test_names_keep_to_the_conventions() -> None:
    """https://prometheus.io/docs/practices/naming: base units, _total for counters alone."""
    for name in [*metrics.GAUGES, *metrics.COUNTERS, *metrics.HISTOGRAMS]:
        assert re.fullmatch(r"[a-z][a-z_0-9]*[a-z]", name)
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_minutes", "_ms", "_kb"))


@stored.file_only
def test_a_scrape_walks_over_no_entries(place: Site) -> None:
    """SQLite says how it would answer each question: what grows with the years is looked up, never walked."""
    with closing(Database(place.app.configuration.home.db)) as db:
        asked: list[str] = []
        db.conn.set_trace_callback(asked.append)
        Measuring(db).look(["csto"], place.clock.now())
        db.conn.set_trace_callback(None)
        plans = {
            sql: [row["detail"] for row in db.conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
            for sql in asked
            if sql.startswith("SELECT")
        }
    assert len(plans) >= 8
    walked = {step for steps in plans.values() for step in steps if step.startswith("SCAN")}
    allowed = {
        "SCAN feeds",
        "SCAN sqlite_sequence",
        "SCAN hosts",
        "SCAN signals",
        "SCAN notices",
        "SCAN m",
        "SCAN t",
        "SCAN x",
    }
    assert {step.partition(" USING")[0].partition(" VIRTUAL")[0] for step in walked} - allowed <= {
        "SCAN w",
        "SCAN matches",
    }
