"""What the daemon's log says of polls, outages and changed files: a line when something happened, none when not."""

from __future__ import annotations

import errno
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator import replies, signalview, urls
from aggregator.model import PollReport

if TYPE_CHECKING:
    from aggregator.catalog import CatalogReport
    from aggregator.heartbeat import Beaten
    from aggregator.notice import Changed
    from aggregator.reading import Signal
    from aggregator.send import SendReport
    from aggregator.settings import Configuration, Settings
    from aggregator.signals import Noticed

log = logging.getLogger("aggregator")
MINUTE = "%Y-%m-%d %H:%M"
TOLD = ("network:", "line:")
"""Notices of what has lines of its own in the log."""


def about(event: str, **fields: object) -> dict[str, object]:
    """For `extra`: what an event is called and what it is about, where the log is for machines. Names no reader."""
    return {"event": event, "fields": fields}


def many(count: int, one: str, more: str = "") -> str:
    """A number and its noun."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def poll(report: PollReport) -> None:
    """What one poll brought."""
    for event in report.events:
        more = about("feed_event", feed_id=report.feed_id, kind=event.kind)
        log.warning("feed %s: %s: %s", report.feed_id, event.kind.replace("_", " "), event.detail, extra=more)
    extra = about("poll", **_facts(report))
    if report.outcome == "failed":
        error = urls.named(report.url, report.error)
        when = report.next_poll_at.strftime(f"{MINUTE} UTC")
        log.warning("feed %s: %s: %s; next try %s", report.feed_id, report.error_class, error, when, extra=extra)
    elif report.entries_new or report.entries_revised:
        revised = f", {report.entries_revised} revised" if report.entries_revised else ""
        matches = f", {many(report.matches, 'match', 'matches')}" if report.matches else ""
        missed = _missed(report)
        log.info("feed %s: %d new%s%s%s", report.feed_id, report.entries_new, revised, matches, missed, extra=extra)
    else:
        log.debug("feed %s: %s", report.feed_id, report.outcome, extra=extra)


def _facts(report: PollReport) -> dict[str, object]:
    return {
        "feed_id": report.feed_id,
        "outcome": report.outcome,
        "error_class": report.error_class,
        "status": report.status,
        "bytes": report.bytes,
        "new": report.entries_new,
        "revised": report.entries_revised,
        "matches": report.matches,
        "ms": round(report.elapsed * 1000),
    }


def _missed(report: PollReport) -> str:
    if report.gap is None:
        return ""
    return f", possibly missed between {report.gap.after_at:{MINUTE}} and {report.gap.before_at:{MINUTE}} UTC"


def outage(before: datetime | None, now: datetime | None) -> None:
    """One line when our own network goes, one when it is back; not one for each feed."""
    if now is not None and before is None:
        log.warning(
            "our own network seems down since %s UTC: most hosts fail at once. Nothing is held against the feeds; a few are "
            "tried every minute. `make demo` (`aggregator demo`) shows everything without a network",
            now.strftime(MINUTE),
            extra=about("outage", since=now.isoformat()),
        )
    elif now is None and before is not None:
        since = before.strftime(MINUTE)
        log.info(
            "our own network is back (down since %s UTC): what is due is polled now", since, extra=about("outage_over")
        )


def span(step: timedelta) -> str:
    """By how much a clock was set: `3650 days back`, `1 h forward`."""
    seconds = round(abs(step.total_seconds()))
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next(pair for pair in units if seconds >= pair[0] or pair[0] == 1)
    return f"{many(round(seconds / size), unit)} {'back' if step < timedelta(0) else 'forward'}"


def limit(error: BaseException) -> str:
    """What to do where the machine's limits stopped a line; "" for any other error."""
    if isinstance(error, MemoryError):
        return "this machine or its limits give no more memory (MemoryMax; ulimit -v)"
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many open files; raise the limit (LimitNOFILE, ulimit -n) to 256 at least"
    if isinstance(error, OSError) and error.errno in (errno.ENOMEM, errno.EAGAIN):
        return f"this machine or its limits give no more memory or processes: {error.strerror}"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return "this machine or its limits give no more threads (TasksMax, MemoryMax; ulimit -u, -v)"
    return ""


def noticed(found: Noticed) -> None:
    """Which watchlists and feeds are out of their rhythm, and which are no longer."""
    for signal in found.begun:
        level = logging.WARNING if signal.kind == "silence" else logging.INFO
        log.log(level, "%s", signalview.text(signal), extra=_signal(signal, "begun"))
    for signal in found.ended:
        of, name = signalview.subject(signal)
        log.info("%s %s: the %s is over", of, name, signal.kind, extra=_signal(signal, "over"))


def _signal(signal: Signal, state: str) -> dict[str, object]:
    return about(signal.kind, watchlist_id=signal.watchlist_id, feed_id=signal.feed_id, state=state)


def sent(report: SendReport) -> None:
    """What became of messages that were due."""
    numbers = ("sent", "retry", "unknown", "dead", "cancelled", "late")
    extra = about("messages", **{name: getattr(report, name) for name in numbers})
    if report.sent:
        log.info("sent %s", many(report.sent, "message"), extra=extra)
    if report.late:
        text = "%s too late to be sent: a later edition tells what stood there"
        log.warning(text, many(report.late, "message"), extra=extra)
    if report.error:
        wait = many(report.retry + report.unknown, "message")
        log.warning("%s to be tried again, %d given up: %s", wait, report.dead, report.error, extra=extra)


def beaten(before: Beaten, now: Beaten) -> None:
    """The heartbeat, once when it fails or falls silent, and once when it is back."""
    if now.outcome == before.outcome:
        return
    extra = about("heartbeat", outcome=now.outcome)
    if now.outcome == "failed":
        log.warning(
            "the heartbeat was not taken: %s; it is tried again, nothing else is disturbed", now.error, extra=extra
        )
    elif now.outcome == "silent":
        log.warning(
            "the heartbeat falls silent: a line makes no progress, or mail does not arrive; see `aggregator doctor`",
            extra=extra,
        )
    elif before.outcome:
        log.info("the heartbeat is taken again", extra=extra)


def notices(changed: Changed) -> None:
    """Errors at once, for a mail may not be able to tell them; the rest stands in `doctor` and in the day's mail."""
    for one in changed.begun:
        if one.level == "error" and not one.about.startswith(TOLD):
            what, do = replies.nameless(one.what), replies.nameless(one.do)
            log.error("%s; %s", what, do, extra=about("notice", about=one.about, state="begun"))
    for one in changed.ended:
        if one.level == "error" and not one.about.startswith(TOLD):
            log.info("over: %s", replies.nameless(one.what), extra=about("notice", about=one.about, state="over"))


def sync(report: CatalogReport) -> None:
    """What the files changed in the database, when they did."""
    for what in ("feeds", "watchlists", "digests", "subscriptions"):
        part = getattr(report, what)
        counts = [f"{len(ids)} {how}" for how in ("added", "changed", "removed") if (ids := getattr(part, how))]
        if counts:
            log.info("%s: %s", what, ", ".join(counts), extra=about("configuration", what=what))
    if report.matches:
        log.info("%s among entries of the last day", many(report.matches, "match", "matches"))


def summary(c: Configuration) -> str:
    """What is watched, and where it goes: one line."""
    feeds = f"{many(len(c.feeds), 'feed')}, {many(len(c.watchlists), 'watchlist')}, {many(len(c.digests), 'digest')}"
    mail = c.settings.mail
    where = f"mail by {mail.host}:{mail.port}" if mail.host else f"mail to {c.home.mail}"
    return f"{feeds}; {where}; pages in {c.home.pages}"


def needs_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that a running daemon cannot take over."""
    pairs = {
        "polling.tick": (before.polling.tick, after.polling.tick),
        "daemon": (before.daemon, after.daemon),
        "storage": (before.storage, after.storage),
        "log": (before.log, after.log),
        "web": tuple((s.web.enabled, s.web.host, s.web.port, s.web.trusted_proxies) for s in (before, after)),
    }
    return [name for name, (old, new) in pairs.items() if old != new]
