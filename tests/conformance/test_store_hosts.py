"""Claims of several processes at once: each row is taken once, and no two processes ever have one host."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from aggregator import urls
from aggregator.model import ArticleOutcome, PollOutcome
from aggregator.stores import Stores
from tests import counts
from tests.conformance.stores import HOUR, MINUTE, NOW, Scene, message, poll, spec

FEEDS = counts.count(small=400, storm=5_000)
MESSAGES = counts.count(small=200, storm=2_000)
WORKERS = 6
SECOND = timedelta(seconds=1)


def owner(number: int, line: str = "poll") -> str:
    return f"vm:{number}:1:ab/{line}"


def ids(stores: Stores, number: int, now: object = NOW, **more: object) -> list[str]:
    return [feed.id for feed in stores.feeds.claim_due(owner(number), 9, now, **more)]  # type: ignore[arg-type]


# -- one host, two processes -------------------------------------------------------------------------------------------------


def three_of_a_host(stores: Stores) -> None:
    stores.feeds.sync([spec(n, f"https://one.example/{n}") for n in "abc"] + [spec("d")], NOW)


def test_feeds_of_a_host_that_another_process_asks_are_left_alone(stores: Stores) -> None:
    three_of_a_host(stores)
    assert ids(stores, 1, ids=["a"]) == ["a"]
    assert ids(stores, 2) == ["d"]
    assert ids(stores, 1) == ["b", "c"], "its own process may ask on"


def test_a_host_is_free_when_nothing_of_it_is_in_hand_and_its_rest_is_over(stores: Stores) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a", "b"])
    for name, now in (("a", NOW), ("b", NOW + SECOND)):
        outcome = PollOutcome(name, poll(now, next_poll_at=now + HOUR))
        stores.polls.commit_polls([outcome], owner(1), now, rest=5 * SECOND)
        assert "c" not in ids(stores, 2, now + 4 * SECOND)
    assert ids(stores, 2, NOW + 6 * SECOND) == ["c"]


def test_the_process_itself_need_not_wait_for_the_rest(stores: Stores) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    stores.polls.commit_polls([PollOutcome("a", poll(NOW))], owner(1), NOW, rest=5 * SECOND)
    assert ids(stores, 1, ids=["b"]) == ["b"]


def test_a_process_that_lets_go_frees_its_hosts(stores: Stores) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    stores.feeds.release(owner(1))
    assert ids(stores, 2, ids=["b"]) == ["b"]


def test_what_a_process_lets_go_rests_if_it_was_asked_a_moment_ago(stores: Stores) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    stores.feeds.release(owner(1), rest_until=NOW + 5 * SECOND)
    assert ids(stores, 2, NOW + 4 * SECOND, ids=["a"]) == []
    assert ids(stores, 2, NOW + 5 * SECOND, ids=["a"]) == ["a"]


@pytest.mark.parametrize("line", ["poll", "send"])
def test_a_rest_outlasts_the_end_of_the_process(stores: Stores, line: str) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    stores.polls.commit_polls([PollOutcome("a", poll(NOW))], owner(1), NOW, rest=MINUTE)
    stores.feeds.release(owner(1, line))
    assert ids(stores, 2, NOW + MINUTE - SECOND, ids=["b"]) == []
    assert ids(stores, 2, NOW + MINUTE, ids=["b"]) == ["b"]


@pytest.mark.parametrize("ended", ["committed", "released"])
def test_what_the_process_asks_meanwhile_makes_a_rest_no_shorter(stores: Stores, ended: str) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    stores.polls.commit_polls([PollOutcome("a", poll(NOW))], owner(1), NOW, rest=MINUTE)
    ids(stores, 1, ids=["b"])
    if ended == "committed":
        stores.polls.commit_polls([PollOutcome("b", poll(NOW))], owner(1), NOW, rest=SECOND)
    else:
        stores.feeds.release(owner(1))
    assert ids(stores, 2, NOW + MINUTE - SECOND, ids=["c"]) == []
    assert ids(stores, 2, NOW + MINUTE, ids=["c"]) == ["c"]


def test_a_page_s_rest_is_remembered_while_the_process_has_more_of_its_host_in_hand(scene: Scene) -> None:
    entry, stores = scene.entry("x", article="alert"), scene.stores
    [task] = stores.entries.claim_articles(owner(1, "enrich"), 9, NOW)
    ids(stores, 1, ids=["a"])
    done = ArticleOutcome(entry, 1, "text", "text", (), "done")
    rests = {urls.host_key(task.entry.link): NOW + MINUTE}
    stores.entries.commit_articles([done], owner(1, "enrich"), NOW, rests=rests)
    stores.polls.commit_polls([PollOutcome("a", poll(NOW, next_poll_at=NOW))], owner(1), NOW, rest=SECOND)
    assert ids(stores, 2, NOW + MINUTE - SECOND, ids=["a"]) == []
    assert ids(stores, 2, NOW + MINUTE, ids=["a"]) == ["a"]


def test_a_claim_on_a_host_runs_out_with_those_on_its_feeds_and_is_renewed_with_them(stores: Stores) -> None:
    three_of_a_host(stores)
    ids(stores, 1, ids=["a"])
    assert stores.feeds.renew(owner(1), NOW + 5 * MINUTE) == 1
    assert ids(stores, 2, NOW + 14 * MINUTE, ids=["a", "b"]) == []
    assert ids(stores, 2, NOW + 15 * MINUTE, ids=["a", "b"]) == ["a", "b"]
    assert stores.feeds.renew(owner(1), NOW + 16 * MINUTE) == 0


def test_article_pages_and_feeds_of_one_host_go_to_one_process(scene: Scene) -> None:
    entry = scene.entry("x", article="alert")
    stores = scene.stores
    assert [task.entry.id for task in stores.entries.claim_articles(owner(1, "enrich"), 9, NOW)] == [entry]
    assert ids(stores, 2, NOW + HOUR - 56 * MINUTE, ids=["a"]) == [], "its site is just asked for the page"
    assert ids(stores, 1, ids=["a"]) == ["a"]
    done = ArticleOutcome(entry, 1, "text", "text", (), "done")
    stores.entries.commit_articles([done], owner(1, "enrich"), NOW)
    assert ids(stores, 2, ids=["a"]) == []
    outcome = PollOutcome("a", poll(NOW, next_poll_at=NOW))
    stores.polls.commit_polls([outcome], owner(1), NOW)
    assert ids(stores, 2, ids=["a"]) == ["a"]


def test_a_page_s_host_rests_for_as_long_as_robots_txt_asks(scene: Scene) -> None:
    entry, stores = scene.entry("x", article="alert"), scene.stores
    [task] = stores.entries.claim_articles(owner(1, "enrich"), 9, NOW)
    done = ArticleOutcome(entry, 1, "text", "text", (), "done")
    rests = {urls.host_key(task.entry.link): NOW + MINUTE}
    stores.entries.commit_articles([done], owner(1, "enrich"), NOW, rests=rests)
    assert ids(stores, 2, NOW + MINUTE - SECOND, ids=["a"]) == []
    assert ids(stores, 2, NOW + MINUTE, ids=["a"]) == ["a"]


# -- many at once -----------------------------------------------------------------------------------------------------------


class Hosts:
    """Who asks which host, as a bystander sees it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, Counter[int]] = {}
        self.met: list[str] = []

    def begin(self, process: int, hosts: list[str]) -> None:
        with self._lock:
            for host in hosts:
                others = self._asked.setdefault(host, Counter())
                if any(count for other, count in others.items() if other != process):
                    self.met.append(host)
                others[process] += 1

    def end(self, process: int, hosts: list[str]) -> None:
        with self._lock:
            for host in hosts:
                self._asked[host][process] -= 1


def at_once(open_stores: Callable[[], Stores], work: Callable[[int, Stores], None]) -> None:
    failed: list[BaseException] = []

    def run(number: int, stores: Stores) -> None:
        try:
            work(number, stores)
        except BaseException as e:  # noqa: BLE001 - told by the test
            failed.append(e)

    threads = [threading.Thread(target=run, args=[n, open_stores()]) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_no_two_processes_meet_at_a_host_and_each_feed_is_polled_once(open_stores: Callable[[], Stores]) -> None:
    names = [f"f{n}" for n in range(FEEDS)]
    specs = [spec(name, f"https://host{n % (FEEDS // 7)}.example/{n}") for n, name in enumerate(names)]
    open_stores().feeds.sync(specs, NOW)
    hosts, polled, looked = Hosts(), Counter[str](), Counter[int]()

    def work(number: int, stores: Stores) -> None:
        idle = 0
        while idle < 50 and polled.total() < FEEDS:
            feeds = stores.feeds.claim_due(owner(number), 10, NOW)
            idle = 0 if feeds else idle + 1
            asked = [urls.host_key(feed.url) for feed in feeds]
            hosts.begin(number, asked)
            looked[number] += len(feeds)
            polled.update(feed.id for feed in feeds)
            hosts.end(number, asked)
            outcomes = [PollOutcome(feed.id, poll(NOW, next_poll_at=NOW + HOUR)) for feed in feeds]
            stores.polls.commit_polls(outcomes, owner(number), NOW)

    at_once(open_stores, work)
    counts.report("feeds claimed by six processes at once", FEEDS, len(hosts.met), f"{FEEDS // 7} hosts")
    assert hosts.met == []
    assert polled == Counter(names)


def test_each_message_goes_to_one_process(open_stores: Callable[[], Stores]) -> None:
    first = open_stores()
    scene = Scene(first).furnished()
    people = [f"reader{n}@example.org" for n in range(MESSAGES)]
    added = [first.subscriptions.add("morning", one, NOW) for one in people]
    scene.tell("morning", [], NOW, [message(s.id, s.address) for s in added])
    taken: Counter[str] = Counter()

    def work(number: int, stores: Stores) -> None:
        idle = 0
        while idle < 5:
            found = stores.outbox.claim_due(owner(number, "send"), 7, NOW)
            idle = 0 if found else idle + 1
            taken.update(one.address for one in found)

    at_once(open_stores, work)
    counts.report("messages claimed by six processes at once", MESSAGES, sum(n > 1 for n in taken.values()))
    assert taken == Counter(people)


def test_a_turn_is_one_process_s_at_a_time(open_stores: Callable[[], Stores]) -> None:
    inside, most, turns = 0, 0, 0
    lock = threading.Lock()

    def work(_: int, stores: Stores) -> None:
        nonlocal inside, most, turns
        for _ in range(10):
            with stores.agenda.turn("decide", 30.0) as mine:
                assert mine
                with lock:
                    inside += 1
                    most, turns = max(most, inside), turns + 1
                stores.feeds.list()
                with lock:
                    inside -= 1

    at_once(open_stores, work)
    assert turns == 10 * WORKERS
    # Where a database has one daemon there is nobody else to wait for.
    assert most == 1 or type(open_stores()).__name__ == "SqliteStores"
