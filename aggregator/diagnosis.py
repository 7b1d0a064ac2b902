"""The diagnosis of a whole installation: what there is, what is wrong, and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from aggregator import feedview, health, known, signalview, storage
from aggregator.app import App
from aggregator.feeds import pace, redirects
from aggregator.instance import running_pid
from aggregator.model import Problem
from aggregator.plain import many, masked

ROOM = 500 * 1024 * 1024
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before this nothing of ours existed."""
TOLERATED = timedelta(minutes=5)
LONG = timedelta(days=60)
GAPS_SINCE = timedelta(days=7)
BOUNCES_SINCE = timedelta(days=14)
_BOUNCED = {
    "hard": "{}: no such mailbox, in the last 14 days; suspended",
    "soft": "{}: mail came back for a while, in the last 14 days; suspended after five such days",
    "complaint": "{}: a reader complained, in the last 14 days; never written to again",
}


def facts(app: App) -> Iterator[tuple[str, str]]:
    """What there is, by name. Raises StoreError."""
    c = app.configuration
    yield "home", str(c.home.path.resolve())
    yield "clock", f"{app.clock.now():%Y-%m-%d %H:%M:%S} UTC"
    pid = running_pid(c.home.lock)
    yield "daemon", f"runs (pid {pid})" if pid else "does not run"
    stats = app.stores.upkeep.stats(app.clock.now())
    yield (
        "database",
        f"{c.home.db}, {stats['database_bytes']:,} bytes, {stats['entries']:,} entries, {stats['stories']:,} stories",
    )
    if stats["entries_to_index"]:
        yield (
            "search index",
            f"is made anew, {stats['entries_to_index']:,} entries to go; searches may miss some of them",
        )
    outage = app.stores.network.outage()
    yield "network", f"down since {_short(outage)} UTC" if outage else "no outage known"
    states = ", ".join(f"{count} {state}" for state, count in stats["feeds"].items()) or "none"
    yield "feeds", states
    yield "watchlists", ", ".join(f"{w.id} ({stats['matches'].get(w.id, 0)})" for w in c.watchlists) or "none"
    for digest in app.stores.editions.digests():
        readers = app.stores.subscriptions.list(digest.spec.id, ["active"])
        at = (
            "when something new matches" if digest.spec.schedule.every == "instant" else f"{_short(digest.next_at)} UTC"
        )
        yield (
            f"digest {digest.spec.id}",
            f"next edition {at}; to {many(len(readers), 'address', 'addresses')}",
        )
    mail = c.settings.mail
    yield (
        "mail",
        f"{mail.host}:{mail.port} ({mail.security})" if mail.host else f"files in {c.home.mail}",
    )
    yield "outbox", ", ".join(f"{count} {state}" for state, count in stats["messages"].items()) or "empty"
    yield "log", storage.log_size(app)
    yield "disk", f"{shutil.disk_usage(c.home.var).free // (1 << 20):,} MB free"


def problems(app: App, *, deep: bool = False) -> Iterator[Problem]:
    """What is wrong, each with what to do; `deep` reads every page of the database. Raises StoreError."""
    c = app.configuration
    if not c.feeds:
        yield Problem("no feeds", "`aggregator feeds add URL`")
    if not c.watchlists:
        yield Problem("no watchlists", '`aggregator watch add NAME "QUERY"`')
    for problem in known.failing(c.known_items, c.aliases):
        yield Problem(problem, "`aggregator check` looks again")
    for problem in app.renderer.problems():
        yield Problem(
            f"{problem}; the built-in template is used", "correct the template; `aggregator check` looks again"
        )
    yield from storage.problems(app, deep=deep)
    yield from _clock_problems(app)
    if shutil.disk_usage(c.home.var).free < ROOM:
        yield Problem("the disk is nearly full", "make room, or set retention.entries", "error")
    if c.feeds and not c.settings.network.user_agent_contact:
        yield Problem(
            "server owners cannot reach you", "set network.user_agent_contact to a web page or a mail address"
        )
    yield from _network_problems(app)
    yield from _feed_problems(app)
    yield from _delivery_problems(app)
    yield from _line_problems(app)


def _clock_problems(app: App) -> Iterator[Problem]:
    """A clock that cannot be right: all times are told by it, and nobody else may be asked for a better one."""
    now, latest = app.clock.now(), app.stores.moments.latest()
    do = "set it, and let it be kept: `timedatectl set-ntp true`"
    if now < FIRST:
        yield Problem(f"the clock says {now:%Y-%m-%d}, which is long past", do, "error", "clock")
    elif latest is not None and latest > now + TOLERATED:
        ahead = pace.spell(latest - now)
        yield Problem(f"the clock was set back: the last poll was {ahead} later than now", do, "error", "clock")
    elif latest is not None and now > latest + LONG:
        since = pace.spell(now - latest)
        yield Problem(
            f"no feed was polled for {since}: was this switched off, or is the clock ahead?", do, "warning", "clock"
        )


def _network_problems(app: App) -> Iterator[Problem]:
    now = app.clock.now()
    outage = app.stores.network.outage()
    if outage is not None:
        yield Problem(
            f"our own network seems down since {_short(outage)} UTC: most hosts fail at once",
            "look at it; nothing is held against the feeds, a few are tried every minute, all when it is back",
            "error",
        )
    for hold in app.stores.network.holds(now):
        yield Problem(
            f"host {hold.host} asked for a pause until {_short(hold.held_until)} UTC; its feeds wait",
            f"poll it less often; `aggregator feeds resume {hold.said_by}` asks before that",
        )
    gaps = app.stores.polls.gaps(since=now - GAPS_SINCE)
    for feed_id, gap in {g.feed_id: g for g in reversed(gaps)}.items():
        yield Problem(f"feed {feed_id}: {feedview.missed(gap)}", "a shorter `interval` in feeds.yaml leaves no gaps")


def _feed_problems(app: App) -> Iterator[Problem]:
    for feed in app.stores.upkeep.checked().failing:
        since = f" since {_short(feed.since)} UTC" if feed.since else ""
        known = app.stores.feeds.get(feed.feed_id)
        if known is None or known.poll.state in ("new", "ok"):
            continue
        do = f"`aggregator feeds show {feed.feed_id}`"
        if known.poll.state == "gone":
            do = f"the server says it is gone for good: remove it, or `aggregator feeds resume {feed.feed_id}`"
        yield Problem(f"feed {feed.feed_id} {known.poll.state}{since}: {feed.error}", do)
    yield from _silences(app)
    yield from _moves(app)


def _silences(app: App) -> Iterator[Problem]:
    for signal in app.stores.signals.list(lasting=True):
        if signal.kind == "silence":
            do = f"`aggregator feeds show {signal.feed_id}`; has it moved, or does it publish elsewhere now?"
            if signal.watchlist_id:
                do = f"`aggregator stats --watchlist {signal.watchlist_id} --by feed` tells which feeds it came from"
            yield Problem(signalview.text(signal), do)


def _moves(app: App) -> Iterator[Problem]:
    """Feeds that do not live where feeds.yaml says, and validators that cannot be trusted."""
    for feed in app.stores.feeds.list():
        poll = feed.poll
        target = poll.moved_url or redirects.settled(poll)
        where = masked(target)
        other = app.stores.history.living_at(target, but=feed.id) if target else ""
        if other:
            yield Problem(
                f"feed {feed.id} leads to {where}, which is the feed {other}",
                f"`aggregator feeds remove {feed.id}` or {other}",
            )
        elif target:
            do = f"put the new address into feeds.yaml, or `aggregator feeds undo {feed.id}`"
            yield Problem(f"feed {feed.id} moved to {where}", do if poll.moved_url else do.partition(",")[0])
        if poll.frozen_at is not None:
            since = _short(poll.frozen_at)
            yield Problem(
                f"feed {feed.id}: since {since} UTC its server says that nothing changed although it has",
                "it is read in full once a day; its publisher should know",
            )


def _delivery_problems(app: App) -> Iterator[Problem]:
    dead = app.stores.outbox.list(["dead"])
    if dead:
        yield Problem(
            f"{many(len(dead), 'message')} given up, the newest: {dead[0].error}",
            "`aggregator outbox list --state dead`",
        )
    for relay in app.stores.relays.failing():
        what = "mail" if relay.name == "mail" else relay.name.replace(":", " ")
        yield Problem(
            f"{what} has not gone out since {_short(relay.since)} UTC ({many(relay.failures, 'failure')} in a row): {relay.error}",
            f"mend it; it is tried again at {_short(relay.until)} UTC, or at once by `aggregator send`",
            "error",
        )
    since = app.clock.now() - BOUNCES_SINCE
    for kind, count in sorted(app.stores.bounces.recent(since).items()):
        yield Problem(_BOUNCED[kind].format(many(count, "address", "addresses")), "`aggregator subscriptions list`")
    listed = {(d.id, a.lower()) for d in app.configuration.digests for a in d.to}
    for s in app.stores.subscriptions.list(states=["ended"]):
        if (s.digest_id, s.address.lower()) in listed:
            yield Problem(
                f"{s.address} is in digests.yaml but ended its subscription to {s.digest_id}; no mail goes there",
                "take it out of the file",
            )
    if app.configuration.settings.mail.host and not app.configuration.settings.web.public_url:
        yield Problem(
            "web.public_url is not set: mail has no one-click unsubscribe", "set it to where readers reach the pages"
        )


def _line_problems(app: App) -> Iterator[Problem]:
    for name, line in health.read(app.configuration.home.health).items():
        if line.failures and not line.state:
            yield Problem(
                f"line {name} failed {many(line.failures, 'time')}: {line.error}",
                "see the daemon's log",
                "error",
            )


def _short(moment: datetime | None) -> str:
    """Minutes, UTC."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
