"""Feeds that want a password, a header or a proxy of their own: what goes where, and where it never goes (P12, P32)."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import connector

from aggregator.access import Access
from aggregator.fetch import Client, FetchLimits
from aggregator.fetch.exchange import ACCEPT
from aggregator.model import FetchRequest
from tests.conformance import feedserver as fs
from tests.conformance.feedserver import RSS, FeedServer
from tests.conformance.fetching import SMALL, bad, good, opened

SECRET = "s3cret"
SIGNED = Access("desk", SECRET, (("X-Api-Key", "k3y"), ("Cookie", "paid=c00kie")))
BASIC = "Basic " + base64.b64encode(b"desk:" + SECRET.encode()).decode()
CERTIFICATE = Path(__file__).parents[1] / "data/tls/loopback.pem"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def other() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as made:
        yield made


class TlsServer(FeedServer):
    """The same over TLS, under a certificate that `trusted` makes known."""

    def _serve(self, wire: socket.socket, number: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        try:
            wrapped = context.wrap_socket(wire, server_side=True)
        except OSError:
            return
        super()._serve(wrapped, number)

    def url(self, path: str = "/", *, host: str = "") -> str:
        return super().url(path, host=host).replace("http:", "https:")


@pytest.fixture
def secure() -> Iterator[TlsServer]:
    """aiohttp makes its context when it is imported; a certificate of 127.0.0.1 in it harms nobody."""
    connector._SSL_CONTEXT_VERIFIED.load_verify_locations(CERTIFICATE)
    with TlsServer() as running:
        yield running


# -- headers and passwords -------------------------------------------------------------------------------------------


def test_name_password_and_headers_go_to_the_feed(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(RSS, etag='"1"'))
    assert good(client, url, access=SIGNED).url == url
    good(client, url, access=SIGNED, etag='"1"')
    for request in server.log("/feed"):
        assert request.headers["authorization"] == BASIC
        assert request.headers["x-api-key"] == "k3y"
        assert request.headers["cookie"] == "paid=c00kie"
        assert request.headers["user-agent"].startswith("aggregator/")
    assert server.requests[1].headers["if-none-match"] == '"1"'


def test_a_header_of_the_operator_s_replaces_ours_in_any_case(server: FeedServer, client: Client) -> None:
    good(client, server.add("/feed", fs.document()), access=Access(headers=(("accept", "text/xml"),)))
    assert server.requests[0].raw.lower().count(b"\r\naccept:") == 1
    assert server.requests[0].headers["accept"] == "text/xml"


def test_a_password_in_any_alphabet_is_sent_as_utf_8(server: FeedServer, client: Client) -> None:
    good(client, server.add("/feed", fs.document()), access=Access("стол", "пароль:с:двоеточием"))
    sent = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "стол:пароль:с:двоеточием"


def test_nothing_of_it_crosses_the_origin_and_all_of_it_stays_inside(
    server: FeedServer, other: FeedServer, client: Client
) -> None:
    away = other.add("/away", fs.document())
    server.add("/home", fs.document())
    good(client, server.add("/near", fs.redirect("/home")), access=SIGNED)
    good(client, server.add("/far", fs.redirect(away)), access=SIGNED)
    assert [r.headers.get("authorization") for r in server.requests] == [BASIC] * 3
    assert [r.headers.get("x-api-key") for r in server.requests] == ["k3y"] * 3
    assert set(other.requests[0].headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_feed_that_has_moved_elsewhere_is_asked_there_without_its_credentials(
    server: FeedServer, other: FeedServer, client: Client
) -> None:
    access = replace(SIGNED, home=server.url("/feed"))
    good(client, server.add("/here", fs.document()), access=access)
    good(client, other.add("/moved", fs.redirect(server.add("/back", fs.document()))), access=access)
    assert "authorization" not in other.requests[0].headers
    assert "x-api-key" not in other.requests[0].headers
    assert [r.headers.get("authorization") for r in server.requests] == [BASIC] * 2


def test_one_feed_s_credentials_are_no_other_s(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document())
    good(client, url, access=SIGNED)
    good(client, url)
    assert set(server.requests[1].headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_with_credentials_https_never_leads_to_http(server: FeedServer, secure: TlsServer, client: Client) -> None:
    plain = server.add("/plain", fs.document())
    down = secure.add("/down", fs.redirect(plain))
    for access in (SIGNED, Access("desk"), Access(headers=(("X-Api-Key", "k3y"),))):
        refused = bad(client, down, access=access)
        assert refused.error_class == "bad_scheme"
        assert "from https to http" in refused.message
    assert bad(client, down.replace("//", "//desk:pw@")).error_class == "bad_scheme"
    assert server.requests == []
    assert good(client, down).url == plain
    assert secure.requests[0].headers["authorization"] == BASIC


def test_http_may_lead_to_https_but_not_with_the_credentials(
    server: FeedServer, secure: TlsServer, client: Client
) -> None:
    up = server.add("/up", fs.redirect(secure.add("/feed", fs.document())))
    assert good(client, up, access=SIGNED).url == secure.url("/feed")
    assert "authorization" not in secure.requests[0].headers
    assert "x-api-key" not in secure.requests[0].headers


def test_no_repr_and_no_message_shows_a_secret(server: FeedServer, client: Client) -> None:
    access = replace(SIGNED, proxy="http://user:pr0xy@127.0.0.1:9")
    refused = bad(client, server.url("/feed"), access=access)
    assert refused.error_class == "connect"
    for shown in (repr(access), repr(FetchRequest("a", "b", access=access)), repr(refused), refused.message):
        assert not [word for word in (SECRET, "k3y", "c00kie", "pr0xy", BASIC) if word in shown]


# -- a proxy of one's own --------------------------------------------------------------------------------------------


def test_one_feed_has_a_proxy_and_the_others_have_none(
    server: FeedServer, other: FeedServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    server.add("http://feeds.example/feed", fs.document())
    proxied = Access("desk", SECRET, proxy=server.url().replace("//", "//user:pw@"))
    with caplog.at_level(logging.WARNING):
        assert good(client, "http://feeds.example/feed", access=proxied).body == RSS
        assert good(client, "http://feeds.example/feed", access=proxied).body == RSS
    assert good(client, other.add("/feed", fs.document())).body == RSS
    assert len(server.requests) == 2
    assert "proxy-authorization" in server.requests[0].headers
    assert server.requests[0].headers["authorization"] == BASIC
    assert "proxy-authorization" not in other.requests[0].headers
    assert caplog.text.count("ref has a proxy of its own: the address guard judges names only") == 1
    assert "pw@" not in caplog.text


def test_behind_a_feed_s_proxy_names_are_judged_and_elsewhere_addresses(server: FeedServer) -> None:
    proxied = Access(proxy=server.url())
    with opened(replace(SMALL, allow_private=())) as client:
        for host in ("10.0.0.1", "localhost", "127.1", "0x7f000001", "[::1]", "db.internal"):
            assert bad(client, f"http://{host}/", access=proxied).error_class == "blocked_address"
        assert bad(client, server.url("/feed")).error_class == "blocked_address"
    assert server.requests == []


def test_a_feed_s_proxy_goes_before_the_common_one(server: FeedServer, other: FeedServer) -> None:
    server.add("http://feeds.example/feed", fs.document())
    other.add("http://feeds.example/feed", fs.document())
    with opened(replace(SMALL, proxy=other.url())) as client:
        good(client, "http://feeds.example/feed", access=Access(proxy=server.url()))
        assert (len(server.requests), len(other.requests)) == (1, 0)
        good(client, "http://feeds.example/feed")
        assert (len(server.requests), len(other.requests)) == (1, 1)


# -- what we say of ourselves (P23, P24, P28) ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("https://news.example/about", "(+https://news.example/about)"),
        ("desk@news.example", "(+mailto:desk@news.example)"),
        ("mailto:desk@news.example", "(+mailto:desk@news.example)"),
        ("https://news.example/ desk@news.example", "(+https://news.example/; mailto:desk@news.example)"),
        ("https://news.example/; desk@news.example", "(+https://news.example/; mailto:desk@news.example)"),
        ("", "(feed watcher)"),
    ],
)
def test_the_user_agent_names_the_version_and_where_to_complain(contact: str, shown: str) -> None:
    product, _, comment = FetchLimits(contact=contact).agent().partition(" ")
    assert product.startswith("aggregator/")
    assert product.removeprefix("aggregator/").replace(".", "").isalnum()
    assert comment == shown


def test_a_feed_is_asked_for_once_by_get_and_for_every_format(server: FeedServer, client: Client) -> None:
    url = server.add("/feed", fs.document(headers=[("Set-Cookie", "a=b"), ("Link", "</favicon.ico>; rel=icon")]))
    good(client, url)
    good(client, url)
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/feed")] * 2
    assert (
        server.requests[0].headers["accept"]
        == ACCEPT["feed"]
        == (
            "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
            "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
        )
    )
    assert not {"cookie", "referer", "cache-control", "pragma"} & set(server.requests[1].headers)
