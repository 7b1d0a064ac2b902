"""/metrics, for Prometheus: what the database and the files say at the moment, and what this process has counted.

No feed, no address and no query stands in a label: states, classes of errors, ids of the operator's watchlists and channels.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from aggregator import onduty
from aggregator.app import App
from aggregator.diagnosis import BOUNCES_SINCE, copies_missing
from aggregator.tally import BOUNDS, TALLY, Histogram
from aggregator.web.api.tokens import Tokens
from aggregator.web.routes import Routes

if TYPE_CHECKING:
    from prometheus_client import Metric

Labels = tuple[str, ...]
Values = Mapping[Labels, float]

STATES = ("new", "ok", "failing", "gone", "paused")
PILES = ("waiting", "claimed", "unknown", "dead", "held")
OUTCOMES = ("new", "not_modified", "unchanged", "failed")
GAUGES: Mapping[str, tuple[str, Labels]] = {
    "build_info": ("What runs: always 1.", ("version", "python")),
    "feeds": ("Feeds of the configuration, by state.", ("state",)),
    "feeds_failing": ("Feeds that cannot be read, by class of error.", ("class",)),
    "schedule_lag_seconds": ("For how long the feed is due that has waited longest.", ()),
    "messages": ("Messages that are not settled, by state; held: by a restore.", ("state",)),
    "messages_oldest_seconds": ("The age of the oldest message that waits to be sent.", ()),
    "alert_latency_median_seconds": ("From publication, or first sight, to the mailbox: alerts of the last day.", ("since",)),
    "alert_latency_p95_seconds": ("The same: 95 of 100 were as fast.", ("since",)),
    "bounced_addresses": ("Addresses whose mail came back in the last 14 days.", ("kind",)),
    "relay_failing_seconds": ("For how long mail, or a channel, has failed as a whole; mail is always there.", ("relay",)),
    "network_outage_seconds": ("For how long our own network has seemed down.", ()),
    "signals": ("Bursts and silences that last.", ("kind",)),
    "notices": ("Problems that doctor finds and that last.", ("level",)),
    "canary_missing": ("Copies of digests that did not arrive in the canary's mailbox, of the last 7 days.", ()),
    "database_bytes": ("Size of the database and its log.", ("file",)),
    "disk_free_bytes": ("Room on the disk of the database.", ()),
    "line_last_success_timestamp_seconds": ("When a line of the daemon last ended well.", ("line",)),
    "line_failures": ("Failures of a line in a row.", ("line",)),
    "backup_last_timestamp_seconds": ("When the newest backup was made; none: there is none.", ()),
    "worker_info": ("A worker on the database that several share: always 1.", ("worker", "version")),
    "worker_leads": ("1 for the worker that looks at the clock for all.", ("worker",)),
    "worker_seen_timestamp_seconds": ("When a worker last gave a sign of life.", ("worker",)),
}  # fmt: skip
COUNTERS: Mapping[str, tuple[str, Labels]] = {
    "entries": ("Entries stored, ever.", ()),
    "matches": ("Entries that a watchlist of the configuration found.", ("watchlist",)),
    "editions": ("Editions composed, ever.", ()),
    "attempts": ("Tries at handing a message over, ever.", ()),
    "polls": ("Polls of this process, by outcome.", ("outcome",)),
    "poll_failures": ("Polls of this process that failed, by class of error.", ("class",)),
    "poll_bytes": ("Bytes of the documents of these polls.", ()),
    "worker_runs": ("Runs of lines of a worker since it began.", ("worker",)),
    "worker_busy_seconds": ("What these runs took.", ("worker",)),
    "worker_polls": ("Polls of a worker.", ("worker",)),
    "worker_poll_failures": ("Polls of a worker that failed.", ("worker",)),
    "worker_poll_bytes": ("Bytes of the documents of its polls.", ("worker",)),
    "worker_entries": ("Entries that a worker stored.", ("worker",)),
    "worker_matches": ("Matches that a worker found.", ("worker",)),
    "worker_sent": ("Messages that a worker sent.", ("worker",)),
}
HISTOGRAMS: Mapping[str, str] = {
    "poll_seconds": "How long a poll of this process took, from request to document.",
    "match_seconds": "How long this process took to hold an entry against every watchlist.",
}
PREFIX = "aggregator_"


def add(routes: Routes) -> None:
    """Add the route."""
    routes.anyone("/metrics", Metrics(routes.frame.app).show)


class Metrics:
    """What the route answers, and the collector behind it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tokens = Tokens(app)

    def show(self, request: Request) -> Response:
        """Every metric, in Prometheus' text format, for who may see it."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

        if not self._app.configuration.settings.web.shows_metrics:
            try:
                self._tokens.allow("read")(request)
            except HTTPException as e:
                return PlainTextResponse(f"{e.detail}\n", e.status_code, e.headers)
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def describe(self) -> list[Metric]:
        """Nothing beforehand: a registry would ask the database for the names alone."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family with its values."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        values = {**self._stored(), **self._files(), **self._workers(), **_counted()}
        for name, (text, labels) in GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, text, labels=labels)
            for given, value in values[name].items():
                gauge.add_metric(given, value)
            yield gauge
        for name, (text, labels) in COUNTERS.items():
            counter = CounterMetricFamily(PREFIX + name, text, labels=labels)
            for given, value in values[name].items():
                counter.add_metric(given, value)
            yield counter
        for name, text in HISTOGRAMS.items():
            which = name.removesuffix("_seconds")
            found = TALLY.histograms[which]
            yield HistogramMetricFamily(PREFIX + name, text, buckets=_buckets(which, found), sum_value=found.total)

    def _stored(self) -> dict[str, Values]:
        app, now = self._app, self._app.clock.now()
        found = app.stores.measures.look([one.id for one in app.configuration.watchlists], now)
        relays: dict[Labels, float] = {("mail",): 0.0}
        relays |= {(one.name,): _since(one.since, now) for one in app.stores.relays.failing()}
        return {
            "feeds": {(state,): found.feeds.get(state, 0) for state in STATES},
            "feeds_failing": _labelled(found.failing),
            "schedule_lag_seconds": {(): _since(found.due_since, now)},
            "messages": {(pile,): found.messages.get(pile, 0) for pile in PILES},
            "messages_oldest_seconds": {(): _since(found.oldest_at, now)},
            "alert_latency_median_seconds": {(since,): pair[0] for since, pair in found.latency.items()},
            "alert_latency_p95_seconds": {(since,): pair[1] for since, pair in found.latency.items()},
            "bounced_addresses": _labelled(app.stores.bounces.recent(now - BOUNCES_SINCE)),
            "relay_failing_seconds": relays,
            "network_outage_seconds": {(): _since(app.stores.network.outage(), now)},
            "signals": {(kind,): found.signals.get(kind, 0) for kind in ("burst", "silence")},
            "notices": {(level,): found.notices.get(level, 0) for level in ("error", "warning")},
            "canary_missing": {(): len(copies_missing(app))},
            "matches": _labelled(found.matches),
            **{name: {(): found.made[name]} for name in ("entries", "editions", "attempts")},
        }

    def _files(self) -> dict[str, Values]:
        c = self._app.configuration
        lines = onduty.lines(self._app)
        upkeep = self._app.stores.upkeep
        backup = upkeep.backups().made_at
        return {
            "build_info": {(version("aggregator"), platform.python_version()): 1},
            "database_bytes": {
                ("database",): upkeep.size(),
                ("wal",): upkeep.log_bytes(),
            },
            "disk_free_bytes": {(): shutil.disk_usage(c.home.var).free},
            "line_last_success_timestamp_seconds": {
                (name,): datetime.fromisoformat(one.last_ok_at).timestamp()
                for name, one in lines.items()
                if one.last_ok_at
            },
            "line_failures": {(name,): one.failures for name, one in lines.items()},
            "backup_last_timestamp_seconds": {(): backup.timestamp()} if backup else {},
        }

    def _workers(self) -> dict[str, Values]:
        """Of each worker on the database what it has told there; where a file has the data there are none."""
        every = {(onduty.name(one),): one for one in onduty.workers(self._app)}
        counts: dict[str, Values] = {
            f"worker_{name}": {label: one.counts.get(name, 0) for label, one in every.items()}
            for name in ("runs", "polls", "poll_failures", "poll_bytes", "entries", "matches", "sent")
        }
        return {
            "worker_info": {(*label, one.version): 1 for label, one in every.items()},
            "worker_leads": {label: one.leads for label, one in every.items()},
            "worker_seen_timestamp_seconds": {label: one.beat_at.timestamp() for label, one in every.items()},
            "worker_busy_seconds": {label: one.counts.get("busy_ms", 0) / 1000 for label, one in every.items()},
            **counts,
        }


def _counted() -> dict[str, Values]:
    """What this process has counted; outcomes that are usual are there from the beginning, so that rates work."""
    polls = dict.fromkeys(OUTCOMES, 0) | dict(TALLY.counts.get("polls", {}))
    return {
        "polls": _labelled(polls),
        "poll_failures": _labelled(TALLY.counts.get("poll_failures", {})),
        "poll_bytes": {(): sum(TALLY.counts.get("poll_bytes", {}).values())},
    }


def _buckets(name: str, found: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, BOUNDS[name]), "+Inf"]
    return list(zip(bounds, accumulate(found.counts), strict=True))


def _labelled(found: Mapping[str, int]) -> dict[Labels, float]:
    return {(name,): value for name, value in found.items()}


def _since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
