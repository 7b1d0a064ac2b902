"""What each of the daemon's lines does in one run, and what the log says of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from aggregator import backups, diagnosis, journal, retention
from aggregator.app import BREATH, App
from aggregator.errors import AggregatorError
from aggregator.heartbeat import Beaten, Heartbeat
from aggregator.model import PollReport, Problem
from aggregator.progress import Progress
from aggregator.running import Line
from aggregator.tally import TALLY

log = logging.getLogger("aggregator")
CHECK_EVERY = timedelta(days=1)
"""How often the whole database is read to see whether it is sound."""

LOG_PATIENCE = 5.0
"""Seconds that emptying the database's log waits for those who read."""

REINDEX_SECONDS = 10.0


class Jobs:
    """One run of each line; a run ends early once `stop` is set. Each raises what its line raises."""

    def __init__(
        self,
        app: App,
        stop: threading.Event,
        progress: Progress | None = None,
        is_well: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_well` says whether every line makes progress: else the heartbeat falls silent."""
        self._app = app
        self._stop = stop
        self._progress = progress or Progress(app.clock.monotonic, {})
        self._is_well = is_well
        self._heartbeat = Heartbeat(app.clock)
        self._beaten = Beaten()
        self._outage: datetime | None = None
        self._checked_at: datetime | None = None
        self._unsound: list[Problem] = []

    def lines(self) -> list[Line]:
        """Every line, and how often it is asked for at most."""
        options = self._app.configuration.settings
        tick = options.polling.tick.total_seconds()
        every = options.backup.every.total_seconds() or 60.0
        found = [
            Line("poll", tick, self.poll),
            Line("compose", min(2.0, tick), partial(self._alone, "compose", self.compose)),
            Line("send", min(2.0, tick), self.send),
            Line("enrich", max(5.0, tick), self.enrich),
            Line("signals", 300.0, partial(self._alone, "signals", self.signals)),
            Line("notices", 300.0, partial(self._alone, "notices", self.notices)),
            Line("heartbeat", min(15.0, options.operator.heartbeat_every.total_seconds()), self.heartbeat),
            Line("upkeep", 3600.0, partial(self._alone, "upkeep", self.upkeep)),
        ]
        if not self._app.configuration.home.server:  # that is backed up by its own tools
            found.append(Line("backup", min(60.0, max(1.0, every / 2)), self.backup))
        return found

    def _alone(self, line: str, work: Callable[[], object]) -> object:
        """Run a line that reads, decides and writes, unless another process does just now: then there is nothing left to do."""
        with self._app.stores.agenda.turn(line) as mine:
            return work() if mine else None

    def looked_through(self) -> None:
        """The database has just been found sound: for a day it is not read again to see that."""
        self._checked_at = self._app.clock.now()

    def poll(self) -> None:
        """Poll what is due, and go on looking while feeds are under way."""
        tried = failed = 0
        self._tell_outage()
        for report in self._app.poll.sweep(stop=self._stop, keep_looking=True, pulse=self._progress.pulse("poll")):
            _count(report)
            if report.error_class == "local_network":
                self._tell_outage()
                if self._outage is None:
                    log.warning("feed %s: %s", report.feed_id, report.error)
                continue
            journal.poll(report)
            tried += 1
            failed += report.outcome == "failed"
        self._tell_outage()
        if tried and failed == tried:
            log.warning(
                "no feed could be read (%d tried): is the network down? No feed is given up. "
                "`make demo` (`aggregator demo`) shows everything without one",
                tried,
            )

    def _tell_outage(self) -> None:
        before, self._outage = self._outage, self._app.stores.network.outage()
        journal.outage(before, self._outage)

    def enrich(self) -> None:
        """Read article pages that are due."""
        report = self._app.enrich.run(self._stop, pulse=self._progress.pulse("enrich"))
        if report.fetched or report.failed:
            extra = journal.about("articles", read=report.fetched, failed=report.failed, matches=report.matches)
            text = "article pages: %d read, %d failed, %d matches"
            log.info(text, report.fetched, report.failed, report.matches, extra=extra)

    def compose(self) -> bool:
        """Compose what is due; whether something noticed now is looked back for at the next tick."""
        more = self._app.following.attend()
        for made in self._app.compose.run(self._stop, pulse=self._progress.pulse("compose")):
            e = made.edition
            stories, messages = journal.many(e.stories, "story", "stories"), journal.many(made.messages, "message")
            extra = journal.about(
                "edition", digest_id=e.digest_id, key=e.key, kind=e.kind, stories=e.stories, messages=made.messages
            )
            log.info("edition %s %s: %s, %s", e.digest_id, e.key, stories, messages, extra=extra)
        return more

    def send(self) -> None:
        """Send what is due."""
        report = self._app.send.run(self._stop, pulse=self._progress.pulse("send"))
        TALLY.count("sent", by=report.sent)
        journal.sent(report)

    def signals(self) -> None:
        """Look who is out of rhythm."""
        journal.noticed(self._app.signals.run(self._stop, pulse=self._progress.pulse("signals")))

    def notices(self) -> None:
        """Note what is wrong, and tell the operator once a day."""
        from aggregator.notices import Desk, NoticeLine

        app = self._app
        c = app.configuration.settings
        line = NoticeLine(
            stores=app.stores,
            renderer=app.renderer,
            clock=app.clock,
            secret=app.secret,
            domain=c.mail.message_domain,
            desk=Desk(c.operator.address, c.operator.at, c.operator.timezone),
        )
        journal.notices(line.run(self._found()))

    def _found(self) -> Iterator[Problem]:
        """What doctor finds; whether the database is sound is asked once a day, and believed until the next."""
        now = self._app.clock.now()
        if self._checked_at is None or not timedelta(0) <= now - self._checked_at < CHECK_EVERY:
            self._unsound = list(diagnosis.database_problems(self._app))
            self._checked_at = now
        yield from self._unsound
        yield from diagnosis.other_problems(self._app)

    def backup(self) -> None:
        """Make a backup when one is due, and let go of old ones. Raises AggregatorError when it cannot be made."""
        c, upkeep, now = self._app.configuration, self._app.stores.upkeep, self._app.clock.now()
        rules, state = c.settings.backup, upkeep.backups()
        if not backups.due(state, rules, now):
            return
        if state.tried_at is None:
            upkeep.note_backup(now)  # a new database: there is nothing to lose yet
            return
        where = backups.folder(c.home, rules)
        try:
            made = backups.make(upkeep, c.home, backups.free_name(where, now), now, self._stop)
        except AggregatorError as e:
            if not self._stop.is_set():
                upkeep.note_backup(now, error=str(e))
                log.error("no backup was made: %s", e)  # noqa: TRY400 - no traceback for people
            return
        upkeep.note_backup(now, str(made))
        size = made.stat().st_size
        gone = backups.rotate(where, rules, made)
        log.info("backup %s: %d bytes, verified%s", made, size, f"; {len(gone)} older removed" if gone else "")

    def heartbeat(self) -> None:
        """Let somebody else know that all is well, where that is wanted."""
        operator = self._app.configuration.settings.operator
        beaten = self._heartbeat.beat(
            operator.heartbeat.get_secret_value(), operator.heartbeat_every, self._app.fetcher, self._is_all_well
        )
        if beaten.outcome:
            journal.beaten(self._beaten, beaten)
            self._beaten = beaten

    def _is_all_well(self) -> bool:
        """Every line makes progress, and mail arrives as far as the canary tells: where it does not, no mail can say so."""
        return self._is_well() and not diagnosis.canary_rings(self._app)

    def upkeep(self) -> None:
        """Tidy up."""
        pulse = self._progress.pulse("upkeep")
        self._app.stores.upkeep.fold_log(LOG_PATIENCE)
        now = self._app.clock.now()
        self._app.stores.moments.set_right(now)
        believed = self._app.stores.moments.believed(now)
        self._app.forget_texts()
        pulse.beat()
        self._app.stores.credentials.tidy(believed)
        rules = retention.keep(self._app.configuration)
        gone = retention.tidy(self._app.stores, rules, self._app.clock, self._stop, now=believed, pulse=pulse)
        if any(gone.values()):
            counts = ", ".join(f"{n} {t}" for t, n in gone.items() if n)
            log.info("removed what is old: %s", counts, extra=journal.about("pruned", **gone))
        pulse.beat()
        while self._app.stores.upkeep.merge_index(believed) and not self._stop.is_set():
            pulse.beat()
            self._app.clock.sleep(BREATH, self._stop)
        while more := self._app.reindex(REINDEX_SECONDS, self._stop):
            pulse.beat()
            if self._stop.is_set():
                break
        if more:
            log.info("the search index is not ready; making it goes on at the next start")


def _count(report: PollReport) -> None:
    """What metrics tell of polls."""
    TALLY.count("polls", report.outcome)
    TALLY.took("poll", report.elapsed)
    TALLY.count("poll_bytes", by=report.bytes)
    TALLY.count("entries", by=report.entries_new)
    TALLY.count("matches", by=report.matches)
    if report.outcome == "failed":
        TALLY.count("poll_failures", report.error_class)
