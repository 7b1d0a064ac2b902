"""The HTTP client against a server that misbehaves: requests, bodies, deadlines and forms, over real sockets."""

from __future__ import annotations

import base64
import random
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aggregator.fetch import Client
from aggregator.model import FetchFailure, FetchRequest, FetchResponse
from tests.conformance import feedserver as fs
from tests.conformance.feedserver import RSS, FeedServer
from tests.conformance.fetching import NOW, SMALL, bad, get, good, names, opened


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as made:
        yield made


IMPATIENT = replace(SMALL, total_timeout=0.4)


# -- the request -----------------------------------------------------------------------------------------------------
HEADERS = [
    ("Content-Type", "text/xml"),
    ("X-A", "1"),
    ("x-a", "2"),
    ("X-Robots-Tag", "noarchive"),
    ("X-Robots-Tag", "googlebot: nofollow"),
]


def test_a_document_comes_back_whole(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(RSS, headers=HEADERS))
    answer = good(client, url)
    assert (answer.status, answer.url, answer.body, answer.redirects) == (200, url, RSS, ())
    assert answer.headers["content-type"] == "text/xml"
    assert answer.headers["x-a"] == "2"
    assert answer.headers["x-robots-tag"] == "noarchive\ngooglebot: nofollow"
    assert (answer.request.ref, answer.fetched_at) == ("ref", NOW)
    assert 0 < answer.elapsed < 5


def test_the_request_says_who_we_are_and_nothing_more(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(headers=[("Set-Cookie", "id=1; Path=/")]))
    good(client, url)
    good(client, url)
    for request in server.log("/feed"):
        assert request.headers["user-agent"].startswith("aggregator/")
        assert re.fullmatch(r"aggregator/[\d.]+ \(\+mailto:desk@example.org\)", request.headers["user-agent"])
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
