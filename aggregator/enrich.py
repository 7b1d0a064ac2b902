"""The enrich line: due entries -> fetch article -> extract -> match => article text and matches, off the hot path."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.robotparser import RobotFileParser

from aggregator import tokens, urls
from aggregator.errors import WorkError
from aggregator.feeds import politeness
from aggregator.model import ArticleOutcome, ArticleTask, FetchFailure, FetchRequest, FetchResponse, NewMatch
from aggregator.ports import Clock, Fetcher, Stores, Workers
from aggregator.stories import extract
from aggregator.watch import documents, match
from aggregator.watch.index import WatchIndex

BATCH = 20
TRIES = 2
"""One try and one retry: the alert went out at once, the text is a courtesy."""
RETRY_AFTER = timedelta(hours=1)
ROBOT = "aggregator"
ROBOT_LINES = 5_000
PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class EnrichReport:
    """What became of the article pages that were due."""

    fetched: int = 0
    matches: int = 0
    failed: int = 0


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
        page_limit: int = 5_000_000,
    ) -> None:
        self._stores = stores
        self._fetcher = fetcher
        self._workers = workers
        self._clock = clock
        self._watch = watch
        self._owner = owner
        self._page_limit = page_limit

    def run(self, stop: threading.Event | None = None) -> EnrichReport:
        """Work off the article pages that are due now."""
        now = self._clock.now()
        fetched = matches = failed = 0
        if self._stores.network.outage() is not None:
            return EnrichReport()  # its two tries are not wasted on a network that is down
        while stop is None or not stop.is_set():
            tasks = self._stores.entries.claim_articles(self._owner, BATCH, now)
            if not tasks:
                break
            outcomes = self._outcomes(tasks)
            self._stores.entries.commit_articles(outcomes, self._owner, self._clock.now())
            fetched += sum(o.state == "done" for o in outcomes)
            failed += sum(o.state != "done" for o in outcomes)
            matches += sum(len(o.matches) for o in outcomes)
        return EnrichReport(fetched, matches, failed)

    def _outcomes(self, tasks: list[ArticleTask]) -> list[ArticleOutcome]:
        now = self._clock.now()
        robots = self._robots(tasks)
        outcomes: list[ArticleOutcome] = []
        wanted: dict[str, ArticleTask] = {}
        for task in tasks:
            rules = robots.get(urls.host_key(task.entry.link))
            if rules is None:
                outcomes.append(_later(task, "robots.txt could not be read", now))
            elif not _may_fetch(rules, task.entry.link):
                outcomes.append(_no(task, "robots.txt asks not to", now))
            else:
                wanted[str(task.entry.id)] = task
        requests = [FetchRequest(ref, t.entry.link, kind="article") for ref, t in wanted.items()]
        return outcomes + [self._outcome(wanted[a.request.ref], a) for a in self._fetcher.fetch_many(requests)]

    def _robots(self, tasks: list[ArticleTask]) -> dict[str, RobotFileParser | None]:
        """The rules of the tasks' hosts; None where they could not be had for now."""
        hosts = {urls.host_key(t.entry.link) for t in tasks} - {""}
        requests = [FetchRequest(host, f"{host}/robots.txt", kind="robots") for host in sorted(hosts)]
        return {answer.request.ref: _rules(answer) for answer in self._fetcher.fetch_many(requests)}

    def _outcome(self, task: ArticleTask, answer: FetchResponse | FetchFailure) -> ArticleOutcome:
        now = self._clock.now()
        if isinstance(answer, FetchFailure):
            return _later(task, answer.message, now)
        refused = politeness.classify(answer)
        if refused is not None:
            final = 400 <= answer.status < 500 and answer.status not in PASSING
            return _no(task, refused[1], now) if final else _later(task, refused[1], now)
        if len(answer.body) > self._page_limit:
            return _no(task, f"the page is larger than limits.articles_page ({self._page_limit:,} bytes)", now)
        try:
            entry = task.entry
            page = self._workers.submit(extract.article, answer.body, answer.url, entry.body, entry.title).result()
        except CancelledError:
            return _later(task, "stopped while its page was read", now)
        except WorkError as e:
            return _no(task, e.message, now)
        if page.withheld:
            return _no(task, f"the page asks not to be kept (meta robots: {page.withheld})", now)
        if not page.text:
            return _no(task, "no text of the article was found on its page", now)
        document = documents.of_entry(task.entry, page.text)
        found = match.find(document, self._watch())
        return ArticleOutcome(
            entry_id=task.entry.id,
            revision=task.entry.revisions,
            text=page.text,
            index_body=tokens.index_text(document.article),
            matches=tuple(NewMatch(f.watchlist_id, f.spans, task.reach) for f in found),
            state="done",
        )


def _rules(answer: FetchResponse | FetchFailure) -> RobotFileParser | None:
    """None forbids: the file could not be had for a reason that may pass (RFC 9309 §2.3.1.4)."""
    if isinstance(answer, FetchFailure) or answer.status >= 500:
        return None
    body = answer.body.decode("utf-8", "replace") if answer.status == 200 else ""
    lines = body.splitlines()[:ROBOT_LINES]
    rules = RobotFileParser()
    try:
        rules.parse(lines)
    except ValueError:  # one line that urllib cannot read must not take the others with it (RFC 9309 §2.2.4)
        rules = RobotFileParser()
        rules.parse([line for line in lines if _is_readable(line)])
    return rules


def _is_readable(line: str) -> bool:
    try:
        RobotFileParser().parse(["User-agent: *", line])
    except ValueError:
        return False
    return True


def _may_fetch(rules: RobotFileParser, link: str) -> bool:
    try:
        return rules.can_fetch(ROBOT, link)
    except ValueError:
        return False


def _no(task: ArticleTask, why: str, now: datetime) -> ArticleOutcome:  # noqa: ARG001 - the shape of _later
    return ArticleOutcome(task.entry.id, task.entry.revisions, "", "", (), "given_up", why)


def _later(task: ArticleTask, why: str, now: datetime) -> ArticleOutcome:
    if task.attempts + 1 >= TRIES:
        return _no(task, why, now)
    return ArticleOutcome(task.entry.id, task.entry.revisions, "", "", (), "retry", why, now + RETRY_AFTER)
