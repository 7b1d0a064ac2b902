"""The enrich line: due entries -> fetch article -> extract -> match => article text and matches, off the hot path."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator import tokens, urls
from aggregator.errors import WorkError
from aggregator.feeds import charset, headers, politeness
from aggregator.manners import Manners
from aggregator.model import ArticleOutcome, ArticleTask, FetchFailure, FetchRequest, FetchResponse, NewMatch
from aggregator.ports import Clock, Fetcher, Workers
from aggregator.progress import QUIET, Pulse
from aggregator.stores import Stores
from aggregator.stories import extract, withheld
from aggregator.watch import documents, match
from aggregator.watch.index import WatchIndex

BATCH = 20
TRIES = 2
"""One try and one retry: the alert went out at once, the text is a courtesy."""
RETRY_AFTER = timedelta(hours=1)
PATIENCE = timedelta(minutes=1)
LONGEST_REST = timedelta(days=7)
PASSING = (408, 425, 429)
PAGES = ("text/html", "application/xhtml+xml", "application/xml", "text/xml", "text/plain")


@dataclass(frozen=True, slots=True)
class EnrichReport:
    """What became of the article pages that were due."""

    fetched: int = 0
    matches: int = 0
    failed: int = 0

    def __add__(self, other: EnrichReport) -> EnrichReport:
        return EnrichReport(self.fetched + other.fetched, self.matches + other.matches, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class EnrichRules:
    """How much and how often: bytes of a page at most, and the pause between two pages of a host."""

    page_limit: int = 5_000_000
    spacing: timedelta = timedelta(seconds=5)


class EnrichLine:
    """Fetches the article pages behind entries whose feed text is short. robots.txt is asked first (RFC 9309)."""

    def __init__(
        self,
        *,
        stores: Stores,
        fetcher: Fetcher,
        workers: Workers,
        clock: Clock,
        watch: Callable[[], WatchIndex],
        owner: str,
        manners: Manners,
        rules: EnrichRules,
    ) -> None:
        self._stores = stores
        self._fetcher = fetcher
        self._workers = workers
        self._clock = clock
        self._watch = watch
        self._owner = owner
        self._manners = manners
        self._rules = rules

    def run(self, stop: threading.Event | None = None, *, pulse: Pulse = QUIET) -> EnrichReport:
        """Work off the article pages that are due now and whose hosts may be asked now; the others stay due."""
        report = EnrichReport()
        while stop is None or not stop.is_set():
            if self._stores.network.outage() is not None:
                break  # its two tries are not wasted on a network that is down
            now = self._clock.now()
            tasks = self._stores.entries.claim_articles(self._owner, BATCH, now, but=self._busy(now))
            if not tasks:
                break
            outcomes = []
            for outcome in self._outcomes(tasks):
                outcomes.append(outcome)
                pulse.beat()
            rests = self._manners.rests(self._clock.now())
            self._stores.entries.commit_articles(outcomes, self._owner, self._clock.now(), rests=rests)
            report += _report(outcomes)
        return report

    def finish(self, patience: timedelta = PATIENCE) -> EnrichReport:
        """The same, waiting for the turns of hosts until nothing is due, but no longer than this; what is left stays due.

        For a process that does not come back soon.
        """
        report = self.run()
        until = self._clock.now() + patience
        while (wait := self._turn()) is not None and self._clock.now() + wait <= until:
            self._clock.sleep(wait.total_seconds())
            report += self.run()
        return report

    def _turn(self) -> timedelta | None:
        """How long until the next page that is due may be asked for; None when none is, or not before long."""
        now = self._clock.now()
        if self._stores.network.outage() is not None:
            return None
        return self._manners.turn({*self._stores.entries.article_hosts(now)} - self._held(now), now)

    def _busy(self, now: datetime) -> set[str]:
        return self._held(now) | self._manners.resting(now) | self._manners.waiting(now)

    def _held(self, now: datetime) -> set[str]:
        """The hosts that asked the poll line for a pause."""
        return {hold.host for hold in self._stores.network.holds(now)}

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _outcomes(self, tasks: list[ArticleTask]) -> Iterator[ArticleOutcome]:
        """What becomes of each; of a host there is one at most."""
        wanted: dict[str, ArticleTask] = {}
        asked = [task for task in tasks if not task.entry.article]
        rules = self._manners.rules({_host(t) for t in asked} - {""}, self._fetcher, self._clock.now())
        for task in tasks:
            known = rules.get(_host(task))
            if task.entry.article:  # a poll has revised it while its page was read: what we have is matched again
                yield self._matched(task, task.entry.article)
            elif not _host(task):
                yield _no(task, "its link leads to no page")
            elif known is None:
                yield _later(task, "robots.txt could not be read", self._clock.now())
            elif not known.allows(task.entry.link):
                yield _no(task, "robots.txt asks not to")
            else:
                wanted[str(task.entry.id)] = task
        for answer in self._fetcher.fetch_many([_request(ref, task) for ref, task in wanted.items()]):
            yield self._answered(wanted[answer.request.ref], answer)

    def _answered(self, task: ArticleTask, answer: FetchResponse | FetchFailure) -> ArticleOutcome:
        """What an answer means, for its host and for its entry."""
        now = self._clock.now()
        self._manners.asked(_host(task), now, self._rules.spacing)
        if isinstance(answer, FetchFailure):
            return _later(task, answer.message, now)
        if answer.status == 304:
            return _no(task, "its page has not changed, and no text of the article was found in it")
        refused = politeness.classify(answer)
        if refused is not None:
            return self._refused(task, answer, refused[1], now)
        return self._elsewhere(task, answer, now) or self._unfit(task, answer) or self._read(task, answer, now)

    def _refused(self, task: ArticleTask, answer: FetchResponse, why: str, now: datetime) -> ArticleOutcome:
        """No page: for good, or for now; a host that asks for a pause gets it, for all of its pages."""
        if 400 <= answer.status < 500 and answer.status not in PASSING:
            return _no(task, why)
        pause = max(RETRY_AFTER, min(headers.retry_after(answer) or RETRY_AFTER, LONGEST_REST))
        if answer.status in (429, 503):
            self._manners.rest(urls.host_key(answer.url), now, now + pause)
            self._manners.rest(_host(task), now, now + pause)
        return _later(task, why, now, pause)

    def _elsewhere(self, task: ArticleTask, answer: FetchResponse, now: datetime) -> ArticleOutcome | None:
        """Why a page that was found at another address may not be kept: that has an owner with rules, too."""
        if not answer.redirects:
            return None
        host = urls.host_key(answer.url)
        self._manners.asked(host, now, self._rules.spacing)
        rules = self._manners.rules({host}, self._fetcher, now)[host]
        if rules is None:
            return _later(task, "robots.txt of the page it leads to could not be read", now)
        return None if rules.allows(answer.url) else _no(task, "robots.txt of the page it leads to asks not to")

    def _unfit(self, task: ArticleTask, answer: FetchResponse) -> ArticleOutcome | None:
        """Why an answer is no page that may be read, or None."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind not in PAGES:
            return _no(task, f"its link leads to no page ({kind})")
        if len(answer.body) > self._rules.page_limit:
            return _no(task, f"the page is larger than limits.articles_page ({self._rules.page_limit:,} bytes)")
        word = withheld.by_header(answer.headers.get("x-robots-tag", ""))
        return _no(task, f"the page asks not to be kept (X-Robots-Tag: {word})") if word else None

    def _read(self, task: ArticleTask, answer: FetchResponse, now: datetime) -> ArticleOutcome:
        entry = task.entry
        html = charset.decide(answer.body, answer.headers.get("content-type", "")).text
        try:
            page = self._workers.submit(extract.article, html, answer.url, entry.body, entry.title).result()
        except CancelledError:
            return _later(task, "stopped while its page was read", now)
        except WorkError as e:
            return _no(task, e.message)
        if page.withheld:
            return _no(task, f"the page asks not to be kept (meta robots: {page.withheld})")
        if not page.text:
            return _later(task, "no text of the article was found on its page", now, answer=answer)
        return self._matched(task, page.text)

    def _matched(self, task: ArticleTask, text: str) -> ArticleOutcome:
        document = documents.of_entry(task.entry, text)
        found = match.find(document, self._watch())
        return ArticleOutcome(
            entry_id=task.entry.id,
            revision=task.entry.revisions,
            text=text,
            index_body=tokens.index_text(document.article),
            matches=tuple(NewMatch(f.watchlist_id, f.spans, task.reach) for f in found),
            state="done",
        )


def _host(task: ArticleTask) -> str:
    return urls.host_key(task.entry.link)


def _request(ref: str, task: ArticleTask) -> FetchRequest:
    return FetchRequest(ref, task.entry.link, task.etag, task.last_modified, kind="article")


def _no(task: ArticleTask, why: str) -> ArticleOutcome:
    return ArticleOutcome(task.entry.id, task.entry.revisions, "", "", (), "given_up", why)


def _later(
    task: ArticleTask,
    why: str,
    now: datetime,
    pause: timedelta = RETRY_AFTER,
    answer: FetchResponse | None = None,
) -> ArticleOutcome:
    """Once more, with the validators of a page that was read in vain; not a third time."""
    if task.attempts + 1 >= TRIES:
        return _no(task, why)
    own = {} if answer is None or answer.redirects else answer.headers
    return ArticleOutcome(
        entry_id=task.entry.id,
        revision=task.entry.revisions,
        text="",
        index_body="",
        matches=(),
        state="retry",
        error=why,
        next_at=now + pause,
        etag=own.get("etag", ""),
        last_modified=own.get("last-modified", ""),
    )


def _report(outcomes: Iterable[ArticleOutcome]) -> EnrichReport:
    counted = EnrichReport()
    for outcome in outcomes:
        done = outcome.state == "done"
        counted += EnrichReport(int(done), len(outcome.matches), int(not done))
    return counted
