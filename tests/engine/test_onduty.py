"""Workers are seen: in `doctor`, by `health`, at /readyz, on the page of feeds and in /metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aggregator import onduty
from aggregator.app import App, build
from aggregator.fellows import LINES, Worker
from aggregator.instance import InstanceLock, owner
from aggregator.web.server import WebThread
from tests.e2e.browser import Browser
from tests.e2e.program import Result, aggregator, write_home

NOW = datetime.now(UTC)  # noqa: TID251 - the command's own clock
ONE = Worker(
    "elsewhere:7:8:ab",
    "elsewhere",
    7,
    "0.1.0",
    LINES,
    leads=True,
    started_at=NOW,
    beat_at=NOW,
    counts={"polls": 1234, "entries": 5, "sent": 6, "busy_ms": 1500},
    health={"poll": {"last_ok_at": "2026-11-27T12:00:00+00:00"}},
)
OTHER = replace(ONE, name="elsewhere:9:10:cd", pid=9, leads=False, lines=("poll", "send"), counts={}, health={})


@pytest.fixture
def home(tmp_path: Path, postgres_database: str) -> Path:
    return write_home(
        tmp_path,
        {"wire": "http://127.0.0.1:1/rss"},
        settings={"storage": {"url": postgres_database}, "web": {"port": 0}},
    )


@pytest.fixture
def app(home: Path) -> Iterator[App]:
    with build(home, {}) as made:
        made.sync()
        yield made


def work(app: App, *workers: Worker) -> None:
    """These are the workers, and live."""
    for one in app.stores.workers.list():
        app.stores.workers.forget(one.name)
    for one in workers:
        app.stores.workers.beat(replace(one, beat_at=app.clock.now()))


def silent(app: App, *workers: Worker) -> None:
    for one in workers:
        app.stores.workers.beat(replace(one, beat_at=app.clock.now() - timedelta(minutes=5)))


def told(app: App) -> dict[str, str]:
    """What doctor says of the workers: what it is about, and the words."""
    return {one.about: one.what for one in onduty.problems(app)}


def doctor(app: App) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    said = aggregator(app.configuration.home.path, "doctor", "--json")
    facts = {line["fact"]: line["value"] for line in said.lines if "fact" in line}
    return facts, {line["about"]: line for line in said.lines if "about" in line}


def test_doctor_shows_who_works_who_leads_and_what_each_has_done(app: App) -> None:
    work(app, ONE, OTHER)
    facts, found = doctor(app)
    assert facts["daemon"] == "does not run; 2 workers on the database; 1 line, none failing"
    assert facts["worker elsewhere:7"].startswith("leads; every line; version 0.1.0, since 20")
    assert facts["worker elsewhere:7"].endswith("; 1,234 polls, 5 entries, 6 sent")
    assert facts["worker elsewhere:9"].startswith("poll, send; version 0.1.0, since 20")
    assert not [about for about in found if about.startswith("worker")]


def test_doctor_says_who_is_silent_and_what_to_do(app: App) -> None:
    work(app, ONE)
    silent(app, OTHER)
    facts, found = doctor(app)
    assert facts["worker elsewhere:9"].startswith("silent since 20")
    assert "1 worker on the database" in facts["daemon"]
    problem = found["worker:elsewhere:9:silent"]
    assert problem["level"] == "warning"
    assert "others take up what it had in hand" in problem["do"]


def test_a_line_that_nobody_runs_and_a_clock_that_nobody_looks_at_are_errors(app: App) -> None:
    assert told(app) == {}, "no workers are none that are missed"
    work(app, replace(ONE, lines=("poll", "compose", "enrich", "signals", "notices", "upkeep")))
    assert told(app) == {"workers:lines": "no worker runs send"}
    work(app, replace(ONE, leads=False))
    assert list(told(app)) == ["workers:leader"]
    work(app)
    silent(app, ONE)
    assert set(told(app)) == {"worker:elsewhere:7:silent", "workers:lines"}


def test_versions_that_differ_are_told(app: App) -> None:
    work(app, ONE, replace(OTHER, version="0.2.0"))
    assert told(app) == {"workers:versions": "workers of several versions: 0.1.0, 0.2.0"}


def test_a_line_is_as_well_as_where_it_is_worst(app: App, home: Path) -> None:
    failing: dict[str, dict[str, Any]] = {
        "poll": {"failures": 3, "error": "no", "of_a_later_version": 1},
        "send": {"hung_since": "2026-11-27T12:00"},
    }
    (home / "var/daemon.json").write_text(
        json.dumps({"compose": {"failures": 9, "error": "of a daemon that was here once"}})
    )
    work(app, ONE, replace(OTHER, health=failing))
    facts, found = doctor(app)
    assert facts["daemon"].endswith("; failing: poll")
    assert found["line:poll:failing"]["problem"] == "line poll failed 3 times: no"
    assert found["line:send:hangs"]["level"] == "error"
    assert "line:compose:failing" not in found
    work(app, ONE)
    silent(app, replace(OTHER, health=failing))
    assert "line:poll:failing" not in doctor(app)[1], "what a fallen one said is over"


def test_health_is_about_the_workers_of_this_machine(app: App, home: Path) -> None:
    def health() -> Result:
        return aggregator(home, "health")

    work(app, ONE)
    assert (health().code, health().out.partition(", and")[2]) == (1, " no worker here: `aggregator worker`\n")
    mine = replace(ONE, name=owner(), host="here", pid=1)
    work(app, ONE, mine)
    assert (health().code, health().out) == (0, "healthy\n")
    work(app, ONE, replace(mine, health={"send": {"hung_since": "2026-11-27T12:00:00+00:00"}}))
    assert health().out == "send of worker here:1 hangs; its log says more\n"
    work(app, ONE)
    silent(app, mine)
    assert (health().code, health().out) == (1, "worker here:1 has not said for a minute that it lives\n")


def test_the_pages_know_that_workers_poll_and_metrics_stand_by_worker(app: App) -> None:
    thread = WebThread(app, "127.0.0.1", 0)
    thread.start()
    browser = Browser(thread.url)
    try:
        work(app, replace(OTHER, lines=("send",)))
        assert json.loads(browser.ask("/readyz").page)["daemon"] == "does not run"
        work(app, ONE, OTHER)
        answer = browser.ask("/metrics").page
    finally:
        thread.stop()
    assert onduty.runs(app)
    found = {
        (sample.name.removeprefix("aggregator_"), sample.labels.get("worker")): sample.value
        for family in text_string_to_metric_families(answer)
        for sample in family.samples
        if "worker" in sample.labels
    }
    assert found["worker_polls_total", "elsewhere:7"] == 1234
    assert found["worker_busy_seconds_total", "elsewhere:7"] == 1.5
    assert (found["worker_leads", "elsewhere:7"], found["worker_leads", "elsewhere:9"]) == (1, 0)
    assert found["worker_polls_total", "elsewhere:9"] == 0
    assert found["worker_info", "elsewhere:9"] == 1


def test_a_daemon_on_the_home_counts_beside_workers(app: App, home: Path) -> None:
    lock = InstanceLock(app.configuration.home.lock)
    lock.acquire()
    try:
        (home / "var/daemon.json").write_text(json.dumps({"compose": {"failures": 9, "error": "no"}}))
        silent(app, ONE)
        assert onduty.lines(app)["compose"].failures == 9
        assert onduty.runs(app)
        assert list(told(app)) == ["worker:elsewhere:7:silent"]
    finally:
        lock.release()
