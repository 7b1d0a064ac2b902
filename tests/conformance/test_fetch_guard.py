"""The HTTP client is led inside: redirects, addresses, names that change; the guard stands at every hop."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aggregator.fetch import Client
from aggregator.model import FetchFailure, Redirect
from tests.conformance import feedserver as fs
from tests.conformance.feedserver import RSS, FeedServer
from tests.conformance.fetching import SMALL, bad, get, good, names, opened


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as made:
        yield made


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
        ("http://[::10.0.0.1]/", "blocked_address"),
        ("http://[2002:a00:1::1]/", "blocked_address"),
        ("http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/", "blocked_address"),
        ("http://[fec0::1]/", "blocked_address"),
        ("http://[fd12:3456::1]/", "blocked_address"),
        ("http://[fe80::1]/", "blocked_address"),
        ("http://[::1", "bad_http"),
    ],
)
def test_a_redirect_leads_nowhere_it_must_not(server: FeedServer, client: Client, to: str, error_class: str) -> None:
    assert bad(client, server.add("/feed", fs.redirect(to))).error_class == error_class


@pytest.mark.parametrize("kind", ["feed", "article", "robots", "page"])
def test_no_kind_of_request_follows_a_redirect_inside(server: FeedServer, client: Client, kind: str) -> None:
    with FeedServer("127.0.0.2") as inside:
        url = server.add("/start", fs.redirect(server.add("/hop", fs.redirect(inside.url("/secret"), 307)), 301))
        failure = bad(client, url, kind=kind)
    assert failure.error_class == "blocked_address"
    assert "127.0.0.2" in failure.message
    assert inside.connections == 0


def test_a_redirect_to_a_name_that_stands_for_an_inner_address_is_refused(server: FeedServer) -> None:
    url = server.add("/feed", fs.redirect("http://db.example/"))
    for inner in ("10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "fec0::1", "::1"):
        with opened(SMALL, resolver=lambda inner=inner: names({"db.example": [inner]})) as client:  # type: ignore[misc]  # bound at once
            failure = bad(client, url)
        assert failure.error_class == "blocked_address", inner
        assert f"db.example is at {inner}" in failure.message


# -- the guard ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["feed", "article", "robots", "page"])
def test_private_addresses_are_refused_by_default_for_every_kind(server: FeedServer, kind: str) -> None:
    with opened(replace(SMALL, allow_private=())) as client:
        failure = bad(client, server.add("/feed", fs.document()), kind=kind)
    assert failure.error_class == "blocked_address"
    assert "network.allow_private" in failure.message
    assert server.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "①27.0.0.1",
        "localhost",
        "127.0.0.1.",
        "0x7f.0.0.1",
        "0x7F.1",
        "0177.1",
        "017700000001",
        "127.0.1",
        "00127.0.0.1",
        "127.0.0.1%00.example",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[fec0::1]",
        "[::]",
        "0.0.0.0",
        "0",
    ],
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
