"""The HTTP client against a server that misbehaves: every promise of ports.Fetcher and of fetch/, over real sockets."""

from __future__ import annotations

import base64
import itertools
import logging
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from aggregator.clock import SetClock
from aggregator.fetch import Client, FetchLimits
from aggregator.model import FetchFailure, FetchRequest, FetchResponse, Redirect
from tests.conformance import feedserver as fs
from tests.conformance.feedserver import RSS, FeedServer

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.ports import Fetcher

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SMALL = FetchLimits(
    total_timeout=5.0,
    connect_timeout=1.0,
    max_body=100_000,
    max_headers=16_000,
    host_spacing=0.0,
    concurrency=8,
    allow_private=(ip_network("127.0.0.1/32"),),
    contact="desk@example.org",
)
IMPATIENT = replace(SMALL, total_timeout=0.4)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as made:
        yield made


@contextmanager
def opened(limits: FetchLimits, resolver: Callable[[], AbstractResolver] | None = None) -> Iterator[Client]:
    client = Client(limits, SetClock(NOW), resolver=resolver)
    try:
        yield client
    finally:
        client.close()


def get(client: Client, url: str, **fields: Any) -> FetchResponse | FetchFailure:
    (answer,) = client.fetch_many([FetchRequest("ref", url, **fields)])
    return answer


def good(client: Client, url: str, **fields: Any) -> FetchResponse:
    answer = get(client, url, **fields)
    assert isinstance(answer, FetchResponse), answer
    return answer


def bad(client: Client, url: str, **fields: Any) -> FetchFailure:
    answer = get(client, url, **fields)
    assert isinstance(answer, FetchFailure), answer
    assert "\n" not in answer.message
    return answer


# -- the request -----------------------------------------------------------------------------------------------------


def test_a_document_comes_back_whole(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(RSS, headers=[("Content-Type", "text/xml"), ("X-A", "1"), ("x-a", "2")]))
    answer = good(client, url)
    assert (answer.status, answer.url, answer.body, answer.redirects) == (200, url, RSS, ())
    assert answer.headers["content-type"] == "text/xml"
    assert answer.headers["x-a"] == "2"
    assert (answer.request.ref, answer.fetched_at) == ("ref", NOW)
    assert 0 < answer.elapsed < 5


def test_the_request_says_who_we_are_and_nothing_more(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(headers=[("Set-Cookie", "id=1; Path=/")]))
    good(client, url)
    good(client, url)
    for request in server.log("/feed"):
        assert request.headers["user-agent"].startswith("aggregator/")
        assert "(+https://" in request.headers["user-agent"]
        assert "desk@example.org" in request.headers["user-agent"]
        assert request.headers["accept"].startswith("application/atom+xml, application/rss+xml, application/feed+json")
        assert request.headers["accept"].endswith("*/*;q=0.1")
        assert request.headers["accept-encoding"] == "gzip, deflate, br, zstd"
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_another_kind_asks_for_another_type(server: FeedServer, client: Client) -> None:
    good(client, server.add("/page", fs.document()), kind="article")
    assert server.requests[0].headers["accept"].startswith("text/html")


ETAGS = ['"1"', 'W/"1"', "unquoted", '"abc-gzip"', "'single'", '"с-кириллицей"', '"a, b"', "W/“curly”"]


@pytest.mark.parametrize("etag", ETAGS)
def test_validators_are_echoed_byte_for_byte(server: FeedServer, client: Client, etag: str) -> None:
    date = "Mon, 23 nov 2026 8:00:00 +0300 (odd)"
    url = server.add("/feed", fs.document(etag=etag, last_modified=date))
    first = good(client, url)
    second = get(client, url, etag=first.headers["etag"], last_modified=first.headers["last-modified"])
    one, two = server.log("/feed")
    assert not {"if-none-match", "if-modified-since"} & set(one.headers)
    assert b"If-None-Match: " + etag.encode() + b"\r\n" in two.raw
    assert b"If-Modified-Since: " + date.encode() + b"\r\n" in two.raw
    if etag.isascii():
        assert isinstance(second, FetchResponse)
        assert (second.status, second.body) == (304, b"")


def test_a_validator_that_is_no_text_is_not_kept(server: FeedServer, client: Client) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "\xe9"\r\nX-Name: \xe9\r\nContent-Length: 2\r\n\r\nhi'
    answer = good(client, server.add("/feed", fs.raw(head)))
    assert (answer.headers["etag"], answer.headers["x-name"]) == ("", "é")


def test_an_address_goes_on_the_wire_as_published(server: FeedServer, client: Client) -> None:
    for path in ("/a%7Eb//c?sig=%2f%2F+x&b=;&a", "/a/../b%20c?x=%41", "/p?q=a|b c"):
        get(client, server.url(path) + "#fragment")
    get(client, server.url("/новости?q=ОДКБ"))
    assert [r.path for r in server.requests] == [
        "/a%7Eb//c?sig=%2f%2F+x&b=;&a",
        "/a/../b%20c?x=%41",
        "/p?q=a%7Cb%20c",
        "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8?q=%D0%9E%D0%94%D0%9A%D0%91",
    ]


def test_a_304_that_nobody_asked_for_is_an_error(server: FeedServer, client: Client) -> None:
    assert bad(client, server.add("/feed", fs.status(304))).error_class == "bad_http"
    moved = server.add("/moved", fs.redirect("/feed"))
    assert bad(client, moved, etag='"1"').error_class == "bad_http"


def test_credentials_go_to_their_origin_only_and_are_never_shown(server: FeedServer, client: Client) -> None:
    with FeedServer() as other:
        away = other.add("/away", fs.document())
        server.add("/home", fs.document())
        server.add("/near", fs.redirect("/home"))
        server.add("/far", fs.redirect(away.replace("//", "//evil:pass@")))
        base = server.url().replace("//", "//us%40er:sec%3Aret@")
        direct = good(client, base + "home")
        good(client, base + "near")
        good(client, base + "far")
        sent = "Basic " + base64.b64encode(b"us@er:sec:ret").decode()
        assert [r.headers.get("authorization") for r in server.requests] == [sent] * 4
        assert "authorization" not in other.requests[0].headers
    assert direct.url == server.url("/home")
    refused = bad(client, base.replace("127.0.0.1", "127.0.0.9") + "x?api_key=hush&q=1")
    assert "sec" not in refused.message
    assert "hush" not in refused.message
    assert "q=1" in refused.message


# -- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "raw-deflate", "br", "zstd"])
def test_every_coding_is_undone(server: FeedServer, client: Client, coding: str) -> None:
    body = b"<rss>" + bytes(range(256)) * 350 + b"</rss>"
    assert good(client, server.add("/feed", fs.document(body, coding=coding))).body == body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "utf-8", "identity", "none"])
def test_a_body_that_is_not_compressed_despite_its_header_is_taken_as_it_is(
    server: FeedServer, client: Client, coding: str
) -> None:
    answer = good(client, server.add("/feed", fs.document(headers=[("Content-Encoding", coding)])))
    assert answer.body == RSS


def test_members_in_a_row_and_padding_are_understood(server: FeedServer, client: Client) -> None:
    for coding in ("gzip", "zstd"):
        body = fs.encode(b"one ", coding) + fs.encode(b"two", coding) + b"\0\0"
        url = server.add("/feed", fs.document(body, headers=[("Content-Encoding", coding)]))
        assert good(client, url).body == b"one two"


def test_only_one_coding_is_undone(server: FeedServer, client: Client) -> None:
    twice = fs.encode(fs.encode(RSS, "gzip"), "gzip")
    url = server.add("/feed", fs.document(twice, headers=[("Content-Encoding", "gzip, gzip")]))
    assert bad(client, url).error_class == "bad_http"
    url = server.add("/feed", fs.document(twice, headers=[("Content-Encoding", "gzip")]))
    assert good(client, url).body[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_body_that_is_cut_is_truncated(server: FeedServer, client: Client, coding: str) -> None:
    body = fs.encode(bytes(i * i % 251 for i in range(5000)), coding)[:-20]
    url = server.add("/feed", fs.document(body, headers=[("Content-Encoding", coding)]))
    assert bad(client, url).error_class == "truncated"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_does_not_go_off(server: FeedServer, coding: str) -> None:
    with opened(replace(SMALL, max_body=8_000_000)) as client:
        assert bad(client, server.add("/feed", fs.bomb(60_000_000, coding))).error_class == "bomb"


def test_too_large_is_too_large_announced_or_not_packed_or_not(server: FeedServer, client: Client) -> None:
    assert bad(client, server.add("/1", fs.large(50_000_000))).error_class == "too_large"
    assert bad(client, server.add("/2", fs.large(50_000_000, declared=False))).error_class == "too_large"
    assert bad(client, server.add("/3", fs.drip(b"x" * 9000, every=0))).error_class == "too_large"
    noise = random.Random(1).randbytes(150_000)
    assert bad(client, server.add("/4", fs.document(noise, coding="gzip"))).error_class == "too_large"
    assert len(good(client, server.add("/5", fs.large(100_000))).body) == 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nshort",
    ],
)
def test_a_body_that_ends_early_is_truncated(server: FeedServer, client: Client, data: bytes) -> None:
    assert bad(client, server.add("/feed", fs.raw(data))).error_class == "truncated"


def test_the_page_of_an_error_is_not_read(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.raw(b"HTTP/1.1 429 No\r\nRetry-After: 120\r\nContent-Length: 9999\r\n\r\ncut"))
    answer = good(client, url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "120", b"")


# -- time and form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [fs.silent(), fs.drip(), fs.slow(fs.document(), 3)])
def test_one_deadline_ends_whatever_takes_too_long(server: FeedServer, behaviour: fs.Behaviour) -> None:
    started = time.monotonic()
    with opened(IMPATIENT) as client:
        failure = bad(client, server.add("/feed", behaviour))
    assert failure.error_class == "timeout"
    assert 0.4 <= failure.elapsed < 1.5
    assert time.monotonic() - started < 2


def test_the_deadline_covers_the_whole_chain(server: FeedServer) -> None:
    for i in range(6):
        server.add(f"/{i}", fs.slow(fs.redirect(f"/{i + 1}"), 0.1))
    with opened(IMPATIENT) as client:
        failure = bad(client, server.url("/0"))
    assert failure.error_class == "timeout"
    assert len(failure.redirects) >= 1


def test_a_connection_that_is_not_answered_times_out() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    with (
        listener,
        socket.create_connection(listener.getsockname()),
        opened(replace(SMALL, connect_timeout=0.2)) as client,
        socket.socket() as second,
    ):
        # The places in the queue are taken, so the client's SYN is dropped.
        second.setblocking(False)
        second.connect_ex(listener.getsockname())
        failure = bad(client, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert failure.error_class == "timeout"
    assert failure.elapsed < 2


@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        (fs.raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "bad_http"),
        (fs.raw(b"<rss>no HTTP at all</rss>"), "bad_http"),
        (fs.raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), "bad_http"),
        (fs.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"), "bad_http"),
        (fs.raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "bad_http"),
        (fs.header_bomb(200_000), "header_too_large"),
        (fs.document(headers=[(f"X-{i}", "x" * 100) for i in range(200)]), "header_too_large"),
        (fs.document(headers=[("X", "x")] * 2000), "header_too_large"),
        (fs.reset(), "reset"),
        (fs.hang_up(), "reset"),
    ],
)
def test_what_is_not_an_answer_is_named(
    server: FeedServer, client: Client, behaviour: fs.Behaviour, error_class: str
) -> None:
    failure = bad(client, server.add("/feed?token=hush", behaviour))
    assert failure.error_class == error_class
    assert failure.message.startswith(server.url("/feed?token=***: "))
    assert len(server.requests) == 1, "no second try inside one poll"


def test_many_cookies_are_no_bomb(server: FeedServer, client: Client) -> None:
    cookies = [("Set-Cookie", f"c{i}=1") for i in range(300)]
    assert good(client, server.add("/feed", fs.document(headers=cookies))).body == RSS


def test_a_refused_port_a_name_that_is_none_and_a_server_without_tls(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert bad(client, f"http://127.0.0.1:{port}/").error_class == "connect"
    with FeedServer(greeting=b"220 mail.example ESMTP\r\n") as mail:
        assert bad(client, f"https://127.0.0.1:{mail.port}/").error_class == "tls"
    with opened(SMALL, resolver=lambda: names({})) as nameless:
        assert bad(nameless, "http://nowhere.example/").error_class == "dns"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/feed",
        "file:///etc/passwd",
        "gopher://x",
        "/feed",
        "",
        "http://",
        "http://[::1",
        "http://a:b/",
        "http://a b/",
        "javascript:alert(1)",
        "http://" + "x" * 300 + ".example/",
        "http://\ud800/",
    ],
)
def test_what_is_no_web_address_is_not_asked(client: Client, url: str) -> None:
    assert bad(client, url).error_class in ("bad_scheme", "dns")


def test_a_surprise_is_one_feeds_own(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document())
    answers = list(client.fetch_many([FetchRequest("a", url, etag="bad\r\nX: 1"), FetchRequest("b", url)]))
    classes = {a.request.ref: getattr(a, "error_class", "") for a in answers}
    assert classes == {"a": "internal", "b": ""}
    assert any("ValueError" in a.message for a in answers if isinstance(a, FetchFailure))


# -- redirects ---------------------------------------------------------------------------------------------------------


def test_redirects_are_followed_by_hand_and_told(server: FeedServer, client: Client) -> None:
    url = server.add("/1", fs.redirect("/2?a=b#part", 301, body=b"x" * 1000, headers=[("Content-Encoding", "gzip")]))
    server.add("/2?a=b", fs.redirect("3", 308))
    server.add("/3", fs.redirect(server.url("/4"), 307))
    end = server.add("/4", fs.document(etag='"1"'))
    answer = good(client, url, etag='"1"', last_modified="then")
    assert answer.redirects == (
        Redirect(301, server.url("/2?a=b")),
        Redirect(308, server.url("/3")),
        Redirect(307, end),
    )
    assert (answer.url, answer.status, answer.body) == (end, 200, RSS)
    assert ["if-none-match" in r.headers for r in server.requests] == [True, False, False, False]


def test_a_circle_is_seen_at_once(server: FeedServer, client: Client) -> None:
    server.add("/a", fs.redirect("/b"))
    server.add("/b", fs.redirect("/a"))
    assert bad(client, server.url("/a")).error_class == "redirect_loop"
    assert bad(client, server.add("/self", fs.redirect("/self"))).error_class == "redirect_loop"
    assert [r.path for r in server.requests] == ["/a", "/b", "/self"]


def test_a_chain_ends_after_its_limit(server: FeedServer) -> None:
    for i in range(60):
        server.add(f"/{i}", fs.redirect(f"/{i + 1}"))
    server.add("/60", fs.document())
    with opened(replace(SMALL, max_redirects=4)) as client:
        assert good(client, server.url("/56")).status == 200
        failure = bad(client, server.url("/0"))
    assert failure.error_class == "redirect_loop"
    assert len(server.requests) == 5 + 5


@pytest.mark.parametrize(
    ("to", "error_class"),
    [
        ("file:///etc/passwd", "bad_scheme"),
        ("ftp://127.0.0.1/", "bad_scheme"),
        ("http://127.0.0.2/", "blocked_address"),
        ("http://[::1]/", "blocked_address"),
        ("http://[::ffff:127.0.0.2]/", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("http://10.0.0.1/", "blocked_address"),
        ("//0.0.0.0/", "blocked_address"),
        ("http://[64:ff9b::a00:1]/", "blocked_address"),
        ("http://[::1", "bad_http"),
    ],
)
def test_a_redirect_leads_nowhere_it_must_not(server: FeedServer, client: Client, to: str, error_class: str) -> None:
    assert bad(client, server.add("/feed", fs.redirect(to))).error_class == error_class


# -- the guard ---------------------------------------------------------------------------------------------------------


def names(table: dict[str, list[str]]) -> AbstractResolver:
    """A resolver whose answers for a name come one after the other, the last for ever."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Table(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            if host not in table:
                raise OSError(None, "no such name")
            answers = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
            return [
                ResolveResult(hostname=host, host=a, port=port, family=family, proto=0, flags=0)
                for a in answers.split()
            ]

        async def close(self) -> None:
            pass

    return Table()


@pytest.mark.parametrize("kind", ["feed", "article", "robots", "page"])
def test_private_addresses_are_refused_by_default_for_every_kind(server: FeedServer, kind: str) -> None:
    with opened(replace(SMALL, allow_private=())) as client:
        failure = bad(client, server.add("/feed", fs.document()), kind=kind)
    assert failure.error_class == "blocked_address"
    assert "network.allow_private" in failure.message
    assert server.connections == 0


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "①27.0.0.1", "localhost", "127.0.0.1."]
)
def test_no_spelling_of_an_inner_address_gets_through(server: FeedServer, host: str) -> None:
    with opened(replace(SMALL, allow_private=())) as client:
        answer = get(client, server.url("/feed", host=host))
    assert isinstance(answer, FetchFailure)
    assert answer.error_class in ("blocked_address", "dns", "bad_scheme"), answer
    assert server.connections == 0


def test_the_guard_looks_at_the_address_of_the_moment(server: FeedServer) -> None:
    # Allowed when first resolved, inside a moment later: only a check at connect time notices.
    rebinding = {"rebind.example": ["127.0.0.1", "127.0.0.2"]}
    url = server.url("/feed", host="rebind.example")
    server.add("/feed", fs.closing(fs.document(headers=[("Connection", "close")])))
    from aggregator.fetch import engine

    with opened(SMALL, resolver=lambda: names(rebinding)) as client:
        assert good(client, url).status == 200
        engine_ = client._engine
        assert isinstance(engine_, engine.Engine)
        engine_.loop.call_soon_threadsafe(engine_._sessions.keeping.connector.clear_dns_cache)  # type: ignore[union-attr]
        failure = bad(client, url)
    assert failure.error_class == "blocked_address"
    assert "rebind.example" in failure.message
    assert "127.0.0.2" in failure.message


def test_an_inner_address_among_good_ones_is_never_connected_to() -> None:
    with (
        FeedServer() as server,
        opened(SMALL, resolver=lambda: names({"two.example": ["127.0.0.2 127.0.0.1"]})) as client,
    ):
        server.add("/feed", fs.document())
        assert good(client, server.url("/feed", host="two.example")).status == 200


def test_with_a_proxy_names_are_judged_and_it_is_said(server: FeedServer, caplog: pytest.LogCaptureFixture) -> None:
    server.add("http://feeds.example/feed", fs.document())
    limits = replace(SMALL, proxy=server.url().replace("//", "//user:pw@"), allow_private=())
    with caplog.at_level(logging.WARNING), opened(limits) as client:
        assert good(client, "http://feeds.example/feed").body == RSS
        for host in ("10.0.0.1", "localhost", "127.1", "0x7f000001", "[::1]", "db.internal"):
            assert bad(client, f"http://{host}/").error_class == "blocked_address"
    assert "names only" in caplog.text
    assert "proxy-authorization" in server.requests[0].headers
    assert len(server.requests) == 1


def test_the_environment_does_not_choose_a_proxy(
    server: FeedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    assert good(client, server.add("/feed", fs.document())).status == 200


# -- many at once ------------------------------------------------------------------------------------------------------


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
        answers.close()  # type: ignore[attr-defined]
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
        answers.close()  # type: ignore[attr-defined]


def test_closing_the_iterator_cancels_what_is_under_way(server: FeedServer, client: Client) -> None:
    with FeedServer() as stuck:
        quick = FetchRequest("quick", server.add("/feed", fs.document()))
        answers = client.fetch_many([quick] + [FetchRequest("stuck", stuck.add("/", fs.drip()))] * 5)
        assert next(answers).request.ref == "quick"
        answers.close()  # type: ignore[attr-defined]
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
    assert not [t for t in threading.enumerate() if t.name == "fetch-loop"]
    Client(SMALL, SetClock(NOW)).close()


def test_the_client_is_a_fetcher_and_light_to_import() -> None:
    fetcher: Fetcher = Client(SMALL, SetClock(NOW))
    fetcher.close()
    code = "import sys, aggregator.fetch; print(sorted({'aiohttp', 'asyncio', 'ssl', 'yarl'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
