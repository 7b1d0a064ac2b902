"""How an installation stands: the facts that `doctor` begins with, a line each."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from aggregator import onduty
from aggregator.app import App
from aggregator.digests import windows
from aggregator.fellows import LINES
from aggregator.instance import running_pid
from aggregator.plain import many, short
from aggregator.publication import Schedule
from aggregator.settings import show_duration

DAY = timedelta(days=1)


def facts(app: App) -> Iterator[tuple[str, str]]:
    """What there is, by name. Raises StoreError."""
    c, now = app.configuration, app.clock.now()
    yield "home", str(c.home.path.resolve())
    yield "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC"
    yield "daemon", _daemon(app)
    yield from _workers(app)
    stats = app.stores.upkeep.stats(now)
    log = "" if c.home.server else f", log {_size(app.stores.upkeep.log_bytes())}"
    held = f"{many(stats['entries'], 'entry', 'entries')}, {many(stats['stories'], 'story', 'stories')}"
    yield "database", f"{c.home.database}, {_size(stats['database_bytes'])}{log}; {held}"
    if stats["entries_to_index"]:
        yield (
            "search index",
            f"is made anew, {stats['entries_to_index']:,} entries to go; searches may miss some of them",
        )
    yield "backup", _backup(app)
    yield "retention", _retention(app)
    yield "disk", f"{shutil.disk_usage(c.home.var).free // (1 << 20):,} MB free"
    outage = app.stores.network.outage()
    yield "network", f"down since {short(outage)} UTC" if outage else "no outage known"
    yield "feeds", _feeds(app, stats["feeds"])
    if certificate := _certificate(app):
        yield "certificates", certificate
    yield "watchlists", ", ".join(f"{w.id} ({stats['matches'].get(w.id, 0):,})" for w in c.watchlists) or "none"
    yield from _digests(app)
    yield "mail", _mail(app)
    if canary := _canary(app):
        yield "canary", canary
    yield "outbox", ", ".join(f"{count:,} {state}" for state, count in stats["messages"].items()) or "empty"
    yield "notices", _notices(app)


def _daemon(app: App) -> str:
    home = app.configuration.home
    pid = running_pid(home.lock)
    lines = onduty.lines(app)
    alive = sum(onduty.lives(one, app.clock.now()) for one in onduty.workers(app))
    failing = [name for name, one in lines.items() if one.failures]
    said = f"runs (pid {pid})" if pid else "does not run"
    if alive:
        said += f"; {many(alive, 'worker')} on the database"
    if failing:
        said += f"; failing: {', '.join(failing)}"
    elif (pid or alive) and lines:
        said += f"; {many(len(lines), 'line')}, none failing"
    return said


def _workers(app: App) -> Iterator[tuple[str, str]]:
    """Each worker on the database, and what it has done."""
    for one in onduty.workers(app):
        said = ["leads"] if one.leads else []
        if not onduty.lives(one, app.clock.now()):
            said = [f"silent since {short(one.beat_at)} UTC"]
        said.append("every line" if set(LINES) <= set(one.lines) else ", ".join(sorted(one.lines)))
        said.append(f"version {one.version}, since {short(one.started_at)} UTC")
        said.append(", ".join(f"{one.counts.get(name, 0):,} {name}" for name in ("polls", "entries", "sent")))
        yield f"worker {onduty.name(one)}", "; ".join(said)


def _backup(app: App) -> str:
    if app.configuration.home.server:
        return "the server's own: pg_dump or pg_basebackup, beside a copy of var/secret"
    every, state = app.configuration.settings.backup.every, app.stores.upkeep.backups()
    rhythm = f"every {show_duration(every)}" if every else "none by itself"
    return f"the last of {short(state.made_at)} UTC, {state.file}; {rhythm}" if state.made_at else f"none yet; {rhythm}"


def _retention(app: App) -> str:
    keep = app.configuration.settings.retention.entries
    return f"entries without a match for {show_duration(keep)}" if keep else "everything for ever"


def _feeds(app: App, states: dict[str, int]) -> str:
    silent = Counter(bool(one.feed_id) for one in app.stores.signals.list(lasting=True) if one.kind == "silence")[True]
    told = [f"{count:,} {state}" for state, count in states.items()] + ([f"{silent:,} silent"] if silent else [])
    return ", ".join(told) or "none"


def _certificate(app: App) -> str:
    """Which certificate runs out first; "" where no feed has one."""
    found = [(one.poll.certificate_until, one) for one in app.stores.feeds.list() if one.poll.certificate_until]
    if not found:
        return ""
    until, feed = min(found, key=lambda pair: pair[0])
    return f"the first to run out: {urlsplit(feed.url).hostname}, on {until:%Y-%m-%d}"


def _digests(app: App) -> Iterator[tuple[str, str]]:
    for digest in app.stores.editions.digests():
        readers = app.stores.subscriptions.list(digest.spec.id, ["active"])
        at = "when something new matches" if digest.spec.schedule.every == "instant" else f"{short(digest.next_at)} UTC"
        yield f"digest {digest.spec.id}", f"next edition {at}; to {many(len(readers), 'address', 'addresses')}"


def _mail(app: App) -> str:
    c = app.configuration
    mail = c.settings.mail
    where = f"{mail.host}:{mail.port} ({mail.security})" if mail.host else f"files in {c.home.mail}"
    failing = next((one for one in app.stores.relays.failing() if one.name == "mail"), None)
    if failing is not None:
        return f"{where}; failing since {short(failing.since)} UTC"
    at = app.stores.measures.look((), app.clock.now()).sent_at
    return f"{where}; the last message was taken {short(at)} UTC" if at else f"{where}; nothing sent yet"


def _canary(app: App) -> str:
    """When a copy of a digest was last seen where mail should arrive; "" where there is no such mailbox."""
    address = app.configuration.settings.operator.canary
    if not address:
        return ""
    copies = app.stores.canary.copies(address)
    seen = max((c for c in copies if c.arrived_at), key=lambda c: c.sent_at, default=None)
    if seen is None or seen.arrived_at is None:
        return f"{address}; nothing was seen there yet"
    return f"{address}; {seen.digest_id} {seen.key} was seen there {short(seen.arrived_at)} UTC"


def _notices(app: App) -> str:
    operator = app.configuration.settings.operator
    lasting = [one for one in app.stores.notices.list() if one.ended_at is None]
    told = f"{len(lasting):,} last"
    if not operator.address:
        return f"{told}; told to nobody: operator.address is not set"
    due = windows.next_due(Schedule("at", operator.timezone, (operator.at,)), app.clock.now())
    return f"{told}; the next mail to {operator.address} is due {short(due)} UTC"


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 100_000 else f"{number:,} bytes"
