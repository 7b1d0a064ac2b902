"""The diagnosis of a whole installation: what is wrong, and what to do. What there is stands in `standing`."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aggregator import backups, canary, fallback, feedview, health, known, onduty, restoring, signalview, storage, urls
from aggregator.app import App
from aggregator.errors import AggregatorError
from aggregator.feeds import pace, redirects
from aggregator.model import Feed, Problem
from aggregator.plain import many, masked, short
from aggregator.settings import is_file

ROOM = 500 * 1024 * 1024
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before this nothing of ours existed."""
TOLERATED = timedelta(minutes=5)
LONG = timedelta(days=60)
GAPS_SINCE = timedelta(days=7)
CERTIFICATE_ENDS = timedelta(days=14)
"""How long before the certificate of a server runs out it is told; those that renew by themselves have done it by then."""
CHANGED_SINCE = timedelta(days=3)
EMPTY_FOR = timedelta(days=3)
BOUNCES_SINCE = timedelta(days=14)
_BOUNCED = {
    "hard": "{}: no such mailbox, in the last 14 days; suspended",
    "soft": "{}: mail came back for a while, in the last 14 days; suspended after five such days",
    "complaint": "{}: a reader complained, in the last 14 days; never written to again",
}


def problems(app: App, *, deep: bool = False) -> Iterator[Problem]:
    """What is wrong, each with what to do, errors first; `deep` reads every page of the database. Raises StoreError."""
    found = [*database_problems(app, deep=deep), *other_problems(app)]
    yield from sorted(found, key=lambda one: one.level != "error")


def database_problems(app: App, *, deep: bool = False) -> Iterator[Problem]:
    """What is wrong with the database. Reads all of it in part, or with `deep` every page: seconds or minutes of a large one."""
    yield from storage.damage(app, deep=deep)
    if deep:
        yield from _unsound_backup(app)


def other_problems(app: App) -> Iterator[Problem]:
    """What else is wrong; cheap enough to be asked every few minutes. Raises StoreError."""
    yield from _configuration_problems(app)
    yield from storage.problems(app)
    yield from _clock_problems(app)
    if shutil.disk_usage(app.configuration.home.var).free < ROOM:
        yield Problem("the disk is nearly full", "make room, or set retention.entries", "error", "disk:full")
    yield from _network_problems(app)
    yield from _feed_problems(app)
    yield from _delivery_problems(app)
    yield from _canary_problems(app)
    yield from _lost_problems(app)
    yield from _restore_problems(app)
    yield from _line_problems(app)
    yield from onduty.problems(app)
    yield from _backup_problems(app)


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


def _configuration_problems(app: App) -> Iterator[Problem]:
    c = app.configuration
    if not c.feeds:
        yield Problem("no feeds", "`aggregator feeds add URL`", about="configuration:feeds")
    if not c.watchlists:
        yield Problem("no watchlists", '`aggregator watch add NAME "QUERY"`', about="configuration:watchlists")
    for problem in known.failing(c.known_items, c.aliases):
        yield Problem(problem, "`aggregator check` looks again", about=f"configuration:known:{problem}")
    for problem in app.renderer.problems():
        yield Problem(
            f"{problem}; the built-in template is used",
            "correct the template; `aggregator check` looks again",
            about=f"configuration:template:{problem}",
        )
    if c.feeds and not c.settings.network.user_agent_contact:
        yield Problem(
            "server owners cannot reach you",
            "set network.user_agent_contact to a web page or a mail address",
            about="configuration:contact",
        )
    if c.settings.mail.host and not c.settings.web.public_url:
        yield Problem(
            "web.public_url is not set: mail has no one-click unsubscribe",
            "set it to where readers reach the pages",
            about="configuration:public_url",
        )


def _network_problems(app: App) -> Iterator[Problem]:
    now = app.clock.now()
    outage = app.stores.network.outage()
    if outage is not None:
        yield Problem(
            f"our own network seems down since {short(outage)} UTC: most hosts fail at once",
            "look at it; nothing is held against the feeds, a few are tried every minute, all when it is back",
            "error",
            "network:outage",
        )
    for hold in app.stores.network.holds(now):
        yield Problem(
            f"host {hold.host} asked for a pause until {short(hold.held_until)} UTC; its feeds wait",
            f"poll it less often; `aggregator feeds resume {hold.said_by}` asks before that",
            about=f"host:{hold.host}:held",
        )
    gaps = app.stores.polls.gaps(since=now - GAPS_SINCE)
    for feed_id, gap in {g.feed_id: g for g in reversed(gaps)}.items():
        yield Problem(
            f"feed {feed_id}: {feedview.missed(gap)}",
            "a shorter `interval` in feeds.yaml leaves no gaps",
            about=f"feed:{feed_id}:gap",
        )


def _feed_problems(app: App) -> Iterator[Problem]:
    feeds = app.stores.feeds.list()
    yield from _troubled(app, {feed.id: feed for feed in feeds})
    yield from _silences(app)
    yield from _certificates(feeds, app.clock.now())
    yield from _changed(app, {feed.id for feed in feeds})
    for feed in feeds:
        yield from _moves(app, feed)
        yield from _empty(feed, app.clock.now())


def _troubled(app: App, feeds: Mapping[str, Feed]) -> Iterator[Problem]:
    for failing in app.stores.upkeep.checked().failing:
        since = f" since {short(failing.since)} UTC" if failing.since else ""
        feed = feeds.get(failing.feed_id)
        if feed is None or feed.poll.state in ("new", "ok"):
            continue
        do = f"`aggregator feeds show {feed.id}`"
        if feed.poll.state == "gone":
            do = f"the server says it is gone for good: remove it, or `aggregator feeds resume {feed.id}`"
        elif feed.poll.error_class == "tls":
            do = f"only its publisher can mend a certificate; {do} tells when it is tried again"
        yield Problem(
            f"feed {feed.id} {feed.poll.state}{since}: {failing.error}", do, about=f"feed:{feed.id}:{feed.poll.state}"
        )


def _silences(app: App) -> Iterator[Problem]:
    for signal in app.stores.signals.list(lasting=True):
        if signal.kind == "silence":
            do = f"`aggregator feeds show {signal.feed_id}`; has it moved, or does it publish elsewhere now?"
            if signal.watchlist_id:
                do = f"`aggregator stats --watchlist {signal.watchlist_id} --by feed` tells which feeds it came from"
            of = f"watchlist:{signal.watchlist_id}" if signal.watchlist_id else f"feed:{signal.feed_id}"
            yield Problem(signalview.text(signal), do, about=f"{of}:silent")


def _certificates(feeds: Sequence[Feed], now: datetime) -> Iterator[Problem]:
    """Of each host the certificate that runs out first, where that is soon."""
    soonest: dict[str, tuple[datetime, str]] = {}
    for feed in feeds:
        until = feed.poll.certificate_until
        if until is not None and until - now <= CERTIFICATE_ENDS and feed.poll.state != "paused":
            host = urls.host_key(feed.url)
            soonest[host] = min(soonest.get(host, (until, feed.id)), (until, feed.id))
    for host, (until, feed_id) in sorted(soonest.items()):
        when = f"has run out on {until:%Y-%m-%d}" if until <= now else f"runs out on {until:%Y-%m-%d}"
        yield Problem(
            f"the certificate of {urlsplit(host).hostname} {when}: its feeds, such as {feed_id}, cannot be read without a new one",
            "most servers renew in time; if not, tell the publisher",
            about=f"host:{host}:certificate",
        )


def _changed(app: App, feed_ids: Collection[str]) -> Iterator[Problem]:
    since = app.clock.now() - CHANGED_SINCE
    events = app.stores.history.events(limit=200)
    newest = {e.feed_id: e for e in reversed(events) if e.kind == "format_changed" and e.at >= since}
    for event in newest.values():
        if event.feed_id in feed_ids:
            yield Problem(
                f"feed {event.feed_id} changed its format on {short(event.at)} UTC: {event.detail}",
                f"`aggregator entries --feed {event.feed_id}`: does it still tell what it told?",
                about=f"feed:{event.feed_id}:format",
            )


def _empty(feed: Feed, now: datetime) -> Iterator[Problem]:
    """A document in order that holds nothing, where there was something, for days."""
    since = feed.poll.news_at
    if feed.poll.state == "ok" and feed.entries and not feed.poll.items and since and since <= now - EMPTY_FOR:
        yield Problem(
            f"feed {feed.id} answers, but holds no entries any more",
            f"`aggregator feeds show {feed.id}`; has it moved?",
            about=f"feed:{feed.id}:empty",
        )


def _moves(app: App, feed: Feed) -> Iterator[Problem]:
    """A feed that does not live where feeds.yaml says, and validators that cannot be trusted."""
    poll = feed.poll
    target = poll.moved_url or redirects.settled(poll)
    where = masked(target)
    other = app.stores.history.living_at(target, but=feed.id) if target else ""
    if other:
        yield Problem(
            f"feed {feed.id} leads to {where}, which is the feed {other}",
            f"`aggregator feeds remove {feed.id}` or {other}",
            about=f"feed:{feed.id}:moved",
        )
    elif target:
        do = f"put the new address into feeds.yaml, or `aggregator feeds undo {feed.id}`"
        yield Problem(
            f"feed {feed.id} moved to {where}",
            do if poll.moved_url else do.partition(",")[0],
            about=f"feed:{feed.id}:moved",
        )
    if poll.frozen_at is not None:
        yield Problem(
            f"feed {feed.id}: since {short(poll.frozen_at)} UTC its server says that nothing changed although it has",
            "it is read in full once a day; its publisher should know",
            about=f"feed:{feed.id}:frozen",
        )


def _delivery_problems(app: App) -> Iterator[Problem]:
    yield from _dead(app)
    for relay in app.stores.relays.failing():
        what = "mail" if relay.name == "mail" else relay.name.replace(":", " ")
        yield Problem(
            f"{what} has not gone out since {short(relay.since)} UTC ({many(relay.failures, 'failure')} in a row): {relay.error}",
            f"mend it; it is tried again at {short(relay.until)} UTC, or at once by `aggregator send`",
            "error",
            f"relay:{relay.name}:failing",
        )
    since = app.clock.now() - BOUNCES_SINCE
    for kind, count in sorted(app.stores.bounces.recent(since).items()):
        yield Problem(
            _BOUNCED[kind].format(many(count, "address", "addresses")),
            "`aggregator subscriptions list`",
            about=f"bounces:{kind}",
        )
    canarys = app.configuration.settings.operator.canary.lower()
    listed = {(d.id, a.lower()) for d in app.configuration.digests for a in d.to if a.lower() != canarys}
    for s in app.stores.subscriptions.list(states=["ended"]):
        if (s.digest_id, s.address.lower()) in listed:
            yield Problem(
                f"{s.address} is in digests.yaml but ended its subscription to {s.digest_id}; no mail goes there",
                "take it out of the file",
                about=f"subscription:{s.id}:ended",
            )


def _dead(app: App) -> Iterator[Problem]:
    """Messages that were given up. Those to the operator stand apart: a mail cannot tell that no mail comes."""
    dead = app.stores.outbox.list(["dead"])
    letters = [one for one in dead if one.kind == "notice"]
    others = [one for one in dead if one.kind != "notice"]
    if others:
        yield Problem(
            f"{many(len(others), 'message')} given up, the newest: {others[0].error}",
            "`aggregator outbox list --state dead`",
            about="outbox:dead",
        )
    if letters:
        yield Problem(
            f"{many(len(letters), 'mail')} of notices given up, the newest: {letters[0].error}",
            "see that operator.address takes mail; `aggregator outbox list --state dead`",
            "error",
            "notices:dead",
        )
    address = app.configuration.settings.operator.address
    if address and app.stores.suppressions.reason(address):
        yield Problem(
            "operator.address is suppressed: notices reach nobody",
            "name another address, or take it off with `aggregator suppressions`",
            "error",
            "notices:suppressed",
        )


def _canary_problems(app: App) -> Iterator[Problem]:
    copies, now, within = _copies(app), app.clock.now(), app.configuration.settings.operator.canary_within
    missing = canary.overdue(copies, now, within)
    if missing:
        newest = missing[0]
        yield Problem(
            f"{many(len(missing), 'edition')} of the last 7 days did not arrive in the canary's mailbox, the newest: "
            f"{newest.digest_id} {newest.key}, which a mail server took at {short(newest.sent_at)} UTC",
            "see what became of it there (spam, a full mailbox, a queue), and whether that mailbox is piped to `aggregator bounce`",
            "error" if canary.rings(copies, now, within) else "warning",
            "canary:missing",
        )


def copies_missing(app: App) -> list[canary.Copy]:
    """Copies of digests that should have been seen in the canary's mailbox by now, newest first. Raises StoreError."""
    return canary.overdue(_copies(app), app.clock.now(), app.configuration.settings.operator.canary_within)


def canary_rings(app: App) -> bool:
    """Whether mail does not arrive now, as far as the canary tells. Raises StoreError."""
    return canary.rings(_copies(app), app.clock.now(), app.configuration.settings.operator.canary_within)


def _copies(app: App) -> Sequence[canary.Copy]:
    address = app.configuration.settings.operator.canary
    return app.stores.canary.copies(address) if address else ()


def _line_problems(app: App) -> Iterator[Problem]:
    for name, line in onduty.lines(app).items():
        if line.hung_since:
            yield Problem(
                f"{name} hangs: no progress since {line.hung_since[:16].replace('T', ' ')} UTC",
                "the daemon's log says what every thread is at; start it anew: what it has in hand is taken up",
                "error",
                f"line:{name}:hangs",
            )
        if line.failures and name == health.CONFIGURATION:
            what = f"the daemon goes on with its old configuration, the files were not taken over: {line.error}"
            yield Problem(what, "correct the file; `aggregator check` looks again", "error", name)
        elif line.failures and not line.state:
            yield Problem(
                f"line {name} failed {many(line.failures, 'time')}: {line.error}",
                "see the daemon's log",
                "error",
                f"line:{name}:failing",
            )


def _lost_problems(app: App) -> Iterator[Problem]:
    """A database that knows of no mail, beside a log that does: it was made anew where another one stood."""
    home = app.configuration.home
    if home.server or app.stores.measures.look((), app.clock.now()).made["attempts"]:
        return
    if any(b'"sent"' in file.read_bytes() for file in home.sent.glob("*.jsonl")):
        backup = fallback.newest(backups.folder(home, app.configuration.settings.backup)) or "FILE"
        yield Problem(
            f"the database is new, but {home.sent} knows of mail that was sent before",
            f"if it was lost: `aggregator restore {backup}` brings it back, and nothing is sent twice",
            about="database:new",
        )


def _restore_problems(app: App) -> Iterator[Problem]:
    """What a restore holds back."""
    held = app.stores.upkeep.held()
    if held.messages or held.since is not None:
        waiting = many(held.messages, "unsent message")
        yield Problem(
            f"every edition is held after the restore of {short(held.since)} UTC: {waiting}"
            if held.since
            else f"{waiting} held after a restore",
            "look at `aggregator outbox list`, then `aggregator outbox release` or `outbox drop`",
            "error" if held.since else "warning",
            "restore:held",
        )


def _backup_problems(app: App) -> Iterator[Problem]:
    """Backups that are not made, or not there any more."""
    state, now = app.stores.upkeep.backups(), app.clock.now()
    rules, made_at = app.configuration.settings.backup, state.made_at
    if not rules.every or app.configuration.home.server:
        return
    do = "`aggregator backup` makes one now; the daemon makes them while it runs"
    if state.error:
        yield Problem(f"no backup at {short(state.tried_at)} UTC: {state.error}", do, "error", "backup:failed")
    if made_at is not None and now - made_at > 2 * rules.every:
        yield Problem(f"the last backup is of {short(made_at)} UTC", do, about="backup:old")
    elif made_at is not None and not is_file(Path(state.file)):
        yield Problem(f"the last backup is not there any more: {state.file}", do, about="backup:gone")


def _unsound_backup(app: App) -> Iterator[Problem]:
    """Whether the last backup could be put in place."""
    file = app.stores.upkeep.backups().file
    if file and is_file(Path(file)):
        try:
            restoring.verify(app.configuration.home, Path(file), app.clock.now())
        except AggregatorError as e:
            do = "`aggregator backup` makes one now"
            yield Problem(f"the last backup is not sound: {e}", do, "error", "backup:unsound")
