"""Many fetches at once: one at a time and a pause per host, hosts side by side, nothing lost, nothing left open."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from aggregator.clock import SetClock
from aggregator.fetch import Client
from aggregator.model import FetchFailure, FetchRequest, FetchResponse
from tests.conformance import feedserver as fs
from tests.conformance.feedserver import FeedServer
from tests.conformance.fetching import NOW, SMALL, good, opened

if TYPE_CHECKING:
    from aggregator.ports import Fetcher


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as made:
        yield made


def test_every_request_gets_exactly_one_answer(server: FeedServer, client: Client) -> None:
    server.add("/ok", fs.document())
    paths = ["/ok", "/missing", "/ok"] * 30
    requests = [FetchRequest(str(i), server.url(p)) for i, p in enumerate(paths)] + [FetchRequest("x", "nonsense")]
    answers = list(client.fetch_many(iter(requests)))
    assert sorted(a.request.ref for a in answers) == sorted(r.ref for r in requests)
    assert list(client.fetch_many([])) == []


def test_a_host_is_asked_one_at_a_time_over_one_connection(server: FeedServer) -> None:
    server.add("/feed", fs.slow(fs.document(), 0.02))
    with opened(replace(SMALL, host_spacing=0.1)) as client:
        list(client.fetch_many(FetchRequest(str(i), server.url("/feed")) for i in range(3)))
        list(client.fetch_many([FetchRequest("later", server.url("/feed"))]))
    gaps = [b.started - a.ended for a, b in itertools.pairwise(server.requests)]
    assert len(gaps) == 3
    assert min(gaps) >= 0.095
    assert server.connections == 1, "kept across calls"


def test_the_pause_holds_between_the_hops_of_a_redirect(server: FeedServer) -> None:
    url = server.add("/old", fs.redirect("/new"))
    server.add("/new", fs.document())
    with opened(replace(SMALL, host_spacing=0.1, total_timeout=0.09)) as client:
        assert good(client, url).status == 200, "our own pause does not count against the deadline"
    old, new = server.requests
    assert new.started - old.ended >= 0.095


def test_hosts_are_asked_side_by_side(client: Client) -> None:
    with FeedServer() as a, FeedServer() as b, FeedServer() as c:
        requests = [FetchRequest(s.url(), s.add("/", fs.slow(fs.document(), 0.3))) for s in (a, b, c)]
        started = time.monotonic()
        assert all(isinstance(r, FetchResponse) for r in client.fetch_many(requests))
        assert time.monotonic() - started < 0.7


def test_a_stuck_host_does_not_hold_up_the_others(server: FeedServer) -> None:
    with FeedServer() as stuck, opened(replace(SMALL, concurrency=2, total_timeout=2.0)) as client:
        waiting = [FetchRequest("stuck", stuck.add("/", fs.silent()))] * 100
        server.add("/ok", fs.document())
        moved = [FetchRequest("moved", server.add("/moved", fs.redirect(stuck.url("/"))))] * 10
        ready = [FetchRequest("ok", server.url("/ok"))] * 20
        started = time.monotonic()
        answers = client.fetch_many(waiting + moved + ready)
        first = list(itertools.islice(answers, 20))
        assert time.monotonic() - started < 1.5
        answers.close()
    assert {a.request.ref for a in first} == {"ok"}


def test_requests_are_read_no_further_than_needed_and_a_slow_caller_slows_us(server: FeedServer) -> None:
    read = itertools.count()
    url = server.add("/feed", fs.document())

    def endless() -> Iterator[FetchRequest]:
        for i in read:
            yield FetchRequest(str(i), url)

    with opened(replace(SMALL, concurrency=4, lookahead=10)) as client:
        answers = client.fetch_many(endless())
        list(itertools.islice(answers, 3))
        threading.Event().wait(0.2)
        assert len(server.requests) <= 3 + 4
        list(itertools.islice(answers, 30))
        assert next(read) <= 33 + 10
        answers.close()


def test_closing_the_iterator_cancels_what_is_under_way(server: FeedServer, client: Client) -> None:
    with FeedServer() as stuck:
        quick = FetchRequest("quick", server.add("/feed", fs.document()))
        answers = client.fetch_many([quick] + [FetchRequest("stuck", stuck.add("/", fs.drip()))] * 5)
        assert next(answers).request.ref == "quick"
        answers.close()
        threading.Event().wait(0.2)
        assert len(stuck.requests) <= 1
        assert good(client, server.url("/feed")).status == 200, "the client stays usable"


def test_an_error_in_the_callers_own_requests_is_the_callers(server: FeedServer, client: Client) -> None:
    def broken() -> Iterator[FetchRequest]:
        yield FetchRequest("a", server.add("/feed", fs.document()))
        raise LookupError("no more feeds")

    with pytest.raises(LookupError):
        list(client.fetch_many(broken()))
    assert good(client, server.url("/feed")).status == 200


def test_several_threads_share_one_client_and_its_manners(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.slow(fs.document(), 0.01))
    seen: list[int] = []

    def work() -> None:
        seen.extend(a.status for a in client.fetch_many([FetchRequest("", url)] * 5) if isinstance(a, FetchResponse))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == [200] * 20
    assert all(b.started >= a.ended for a, b in itertools.pairwise(server.requests))


def test_a_fetch_inside_a_fetch_does_not_lock_up(server: FeedServer) -> None:
    url = server.add("/feed", fs.document())
    with opened(replace(SMALL, concurrency=1)) as client:
        for answer in client.fetch_many([FetchRequest("outer", url)] * 4):
            assert isinstance(answer, FetchResponse)
            assert good(client, url).status == 200
    assert len(server.requests) == 8


def test_a_kept_connection_that_grew_stale_is_replaced_without_a_failure(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.in_turn(fs.document(), fs.hang_up(), fs.document()))
    assert good(client, url).status == 200
    assert good(client, url).status == 200
    assert (len(server.requests), server.connections) == (3, 2)


def test_what_nobody_asked_for_is_not_the_next_answer(server: FeedServer, client: Client) -> None:
    sent, answered = threading.Event(), threading.Event()

    def twice(call: fs.Call) -> None:
        call.respond(200, b"one")
        answered.wait(5)
        call.send(b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n")
        sent.set()

    url = server.add("/feed", twice)
    assert good(client, url).body == b"one"
    answered.set()
    assert sent.wait(5)
    with FeedServer() as other:
        good(client, other.add("/feed", fs.document()))  # the loop has read what came by then
    assert good(client, url).body == b"one"
    assert server.connections == 2


def test_connections_are_not_kept_without_end(
    server: FeedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aggregator.fetch import exchange

    monkeypatch.setattr(exchange, "IDLE_CONNECTIONS", 0)
    url = server.add("/feed", fs.document())
    for _ in range(3):
        assert good(client, url).status == 200
    assert [r.headers.get("connection") for r in server.requests] == [None, "close", "close"]
    assert server.connections == 3


def test_closing_the_client_ends_a_waiting_caller_and_may_be_repeated(server: FeedServer) -> None:
    others = set(threading.enumerate())
    client = Client(SMALL, SetClock(NOW))
    stuck = [FetchRequest(str(i), server.add("/", fs.silent())) for i in range(3)]
    ended: list[list[FetchResponse | FetchFailure]] = []
    caller = threading.Thread(target=lambda: ended.append(list(client.fetch_many(stuck))))
    caller.start()
    threading.Event().wait(0.2)
    client.close()
    client.close()
    caller.join(5)
    assert ended == [[]]
    with pytest.raises(RuntimeError):
        list(client.fetch_many([]))
    assert not [t for t in threading.enumerate() if t.name == "fetch-loop" and t not in others]
    Client(SMALL, SetClock(NOW)).close()


def test_the_turn_is_free_while_the_client_waits_and_the_client_waits_for_the_turn() -> None:
    turn = threading.Lock()
    limits = replace(SMALL, allow_private=(ip_network("127.0.0.0/8"),))
    answers: list[str] = []
    with FeedServer("0.0.0.0") as server, closing(Client(limits, SetClock(NOW), turn=turn)) as client:
        server.add("/hangs", fs.silent())
        server.add("/good", fs.document())

        def ask(path: str, host: str) -> threading.Thread:
            request = FetchRequest(path, server.url(path, host=host))
            thread = threading.Thread(
                target=lambda: answers.extend(a.request.ref for a in client.fetch_many([request]))
            )
            thread.start()
            return thread

        ask("/hangs", "127.0.0.2")
        while not server.log("/hangs"):
            threading.Event().wait(0.01)
        with turn:
            asking = ask("/good", "127.0.0.3")
            asking.join(0.3)
            assert asking.is_alive()
            assert server.log("/good") == []
        asking.join(5)
        assert answers == ["/good"]
    assert turn.acquire(blocking=False)


def test_the_client_is_a_fetcher_and_light_to_import() -> None:
    fetcher: Fetcher = Client(SMALL, SetClock(NOW))
    fetcher.close()
    code = "import sys, aggregator.fetch; print(sorted({'aiohttp', 'asyncio', 'ssl', 'yarl'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_hosts_that_hang_lend_their_places_but_no_more_than_there_are() -> None:
    limits = replace(SMALL, concurrency=2, total_timeout=3.0, allow_private=(ip_network("127.0.0.0/8"),))
    with FeedServer("0.0.0.0") as server, opened(limits) as client:
        server.add("/hangs", fs.silent())
        server.add("/ok", fs.document())
        hanging = [FetchRequest(f"h{i}", server.url("/hangs", host=f"127.0.0.{2 + i}")) for i in range(6)]
        good = [FetchRequest(f"g{i}", server.url("/ok", host=f"127.0.0.{20 + i}")) for i in range(6)]
        answers = {a.request.ref: a for a in client.fetch_many([*hanging[:2], *good, *hanging[2:]])}
        starts = sorted(r.started for r in server.log("/hangs"))
        first = starts[0]
        assert max(r.started for r in server.log("/ok")) - first < 2.5, "the first two stand aside"
        assert starts[3] - first < 2.5
        assert starts[4] - first > 2.5, "nobody stands aside any more until one of them is done"
        assert len(answers) == 12
        assert all(isinstance(answers[r.ref], FetchFailure) for r in hanging)
        assert all(isinstance(answers[r.ref], FetchResponse) for r in good)
        assert client._engine is not None
        traffic = client._engine.traffic
        assert (traffic._running, traffic._aside, dict(traffic._slow)) == (0, 0, {})


def test_a_slow_answer_takes_its_room_again_until_it_is_taken() -> None:
    """Those that stood aside do not fill the memory of a slow caller."""
    limits = replace(SMALL, concurrency=2, allow_private=(ip_network("127.0.0.0/8"),))
    with FeedServer("0.0.0.0") as server, opened(limits) as client:
        server.add("/slow", fs.slow(fs.document(), 1.3))
        requests = [FetchRequest(str(i), server.url("/slow", host=f"127.0.0.{2 + i}")) for i in range(8)]
        answers = client.fetch_many(requests)
        next(answers)
        time.sleep(3.0)  # noqa: TID251 - a caller that takes its time
        asked = len(server.requests)
        assert asked <= 5, "two with a place, two aside, one taken"
        assert len(list(answers)) == 7


def test_a_request_that_is_not_wanted_any_more_is_not_sent_and_costs_its_host_no_pause(server: FeedServer) -> None:
    server.add("/feed", fs.document())
    refused: list[str] = []

    def wanted(request: FetchRequest) -> bool:
        return len(server.requests) < 2 or refused.append(request.ref) is not None  # type: ignore[func-returns-value]

    with opened(replace(SMALL, host_spacing=0.2)) as client:
        started = time.monotonic()
        requests = [FetchRequest(str(i), server.url("/feed")) for i in range(50)]
        answers = list(client.fetch_many(requests, wanted=wanted))
    assert time.monotonic() - started < 5, "not a pause for each"
    assert len(server.requests) == 2
    withdrawn = [a.request.ref for a in answers if isinstance(a, FetchFailure) and a.error_class == "withdrawn"]
    assert sorted(withdrawn) == sorted(refused)
    assert len(withdrawn) == 48
    assert len(answers) == 50
