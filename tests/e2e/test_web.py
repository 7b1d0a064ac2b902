"""The web pages over real HTTP: reading changes nothing, one POST ends a subscription."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from urllib.parse import urlsplit

import pytest

from aggregator.app import App, build
from aggregator.web.server import WebThread
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, done, environment, everything, rows, write_home

Reader = tuple[App, str]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with FeedServer() as server:
        public = {"web": {"public_url": "https://news.example"}}
        home = write_home(
            tmp_path_factory.mktemp("web"),
            {"wire": server.add("/wire", Wire("wire", "CSTO <b>meets</b> & talks"))},
            settings=public,
        )
        done(home, "poll")
        done(home, "digest", "morning", "--send")
    with build(home, {}) as app:
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        yield app, thread.url
        thread.stop()


def ask(url: str, path: str, method: str = "GET", body: bytes = b"") -> tuple[HTTPResponse, str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def token(app: App) -> str:
    """The one in the mail that was sent."""
    [mail] = app.configuration.home.mail.glob("*.eml")
    found = re.search(rb"https://news\.example/unsubscribe/([a-z2-7]{26})", mail.read_bytes())
    assert found
    return found[1].decode()


def without_way_back(page: str) -> tuple[str, str, list[str]]:
    """A page, what its way back says, and where that leads."""
    found = re.search(r'<nav class="back".*?</nav>', page)
    assert found
    said = re.sub(r"<[^>]+>", "", found[0])
    return page.replace(found[0], ""), said, re.findall(r'href="([^"]+)"', found[0])


def test_the_archive_leads_to_the_edition_as_sent(reader: Reader) -> None:
    app, url = reader
    response, page = ask(url, "/")
    assert response.status == 200
    [path] = re.findall(r'href="(/editions/[^"]+)"', page)
    response, page = ask(url, path.replace("%3A", ":"))
    assert response.status == 200
    sent = app.stores.editions.editions()[0].rendered.page
    page, back, links = without_way_back(page)
    assert (back, links) == ("Today Editions", ["/", "/editions"])
    assert re.findall(r">([^<>]+)<", page) == re.findall(
        r">([^<>]+)<", re.sub(r"<style>.*?</style>", "", sent, flags=re.DOTALL)
    )
    [sheet] = re.findall(r'<link rel="stylesheet" href="(/editions/[^"]+)"', page)
    assert "color-scheme" in ask(url, sheet.replace("%3A", ":"))[1]
    assert "<b>meets" not in page
    assert ask(url, "/editions/morning/1999-01-01T0000")[0].status == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/nowhere", "/unsubscribe/" + "a" * 26, "/unsubscribe/x"])
def test_every_answer_carries_the_headers_that_keep_readers_safe(reader: Reader, path: str) -> None:
    response, page = ask(reader[1], path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "server" not in response.headers
    assert response.status == (404 if "nowhere" in path or "unsubscribe" in path else 200)
    assert ask(reader[1], path, "HEAD")[0].status == response.status
    assert not re.search(r"<script(?! src=\"/static/)|<style| style=", page)


def test_no_redirect_names_the_host_as_the_request_does(reader: Reader) -> None:
    for path in ("/help/", "/editions/", "/api/v1", "/healthz/"):
        response, page = ask(reader[1], path)
        assert (response.status, response.headers["Location"]) == (404, None)
        assert urlsplit(reader[1]).netloc not in page


def test_health_is_one_word(reader: Reader) -> None:
    assert ask(reader[1], "/healthz")[1] == "ok\n"
    assert json.loads(ask(reader[1], "/readyz")[1])["database"] == "ok"


def test_looking_at_the_unsubscribe_page_changes_nothing_and_one_post_ends_it(reader: Reader) -> None:
    app, url = reader
    path = f"/unsubscribe/{token(app)}"
    before = everything(app.configuration.home.path)
    for method in ["GET", "HEAD"] * 50:
        response, page = ask(url, path, method)
        assert response.status == 200
        if method == "GET":
            assert "Stop this mail?" in page
    assert [s.state for s in app.stores.subscriptions.list()] == ["active"]
    assert everything(app.configuration.home.path) == before
    # RFC 8058 §3.2: the body may be one pair or none; a mail program posts it once, or twice.
    for _ in range(2):
        response, page = ask(url, path, "POST", b"List-Unsubscribe=One-Click")
        assert response.status == 200
        assert "unsubscribed" in page
    [ended] = app.stores.subscriptions.list()
    assert (ended.state, ended.reason) == ("ended", "unsubscribed by link")
    assert "You are unsubscribed" in ask(url, path)[1]
    # The file still names the address: the reader's word wins.
    done(app.configuration.home.path, "check")
    app.sync()
    assert [s.state for s in app.stores.subscriptions.list()] == ["ended"]
    assert rows(app.configuration.home.path, "messages") == 1
    assert "desk@example.org is in digests.yaml but ended" in done(app.configuration.home.path, "doctor").out


@pytest.mark.parametrize(
    "path", ["/unsubscribe/" + "a" * 26, "/unsubscribe/..%2f..%2fetc", "/unsubscribe/%00", "/unsubscribe/"]
)
def test_an_unknown_token_is_404_for_looking_and_for_posting(reader: Reader, path: str) -> None:
    for method in ("GET", "POST"):
        assert ask(reader[1], path, method)[0].status == 404


def _hear_interrupts() -> None:
    """A background job of a shell ignores SIGINT, and so do its children; here it is to be heard."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_pages_alone_are_served_until_they_are_told_to_end(reader: Reader) -> None:
    home = reader[0].configuration.home.path
    command = [sys.executable, "-m", "aggregator", "--home", str(home), "web"]
    with subprocess.Popen(
        [*command, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 - it sets a signal and nothing more
    ) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found
        assert ask(found[0], "/healthz")[1] == "ok\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "Traceback" not in process.stderr.read()
    taken = aggregator(home, "web", "--port", str(urlsplit(reader[1]).port))
    assert taken.code == 3
    assert "name another with --port" in taken.err


def test_an_answer_on_a_connection_that_stays_is_sent_at_once(reader: Reader) -> None:
    connection = HTTPConnection(urlsplit(reader[1]).netloc, timeout=10)
    took = []
    for _ in range(12):
        began = time.perf_counter()
        connection.request("GET", "/help")
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    connection.close()
    # A body that waits until its head is acknowledged waits for 40 ms, each time.
    assert min(took[1:]) < 0.035


def test_pages_wait_for_no_thread_that_computes(reader: Reader) -> None:
    """How long they would is measured by `make bench ARGS="pages"`: a time that is asserted here would tell of the machine."""
    assert ask(reader[1], "/healthz")[0].status == 200
    assert sys.getswitchinterval() <= 0.001


def test_a_port_is_known_to_be_taken_before_anything_starts(reader: Reader) -> None:
    with pytest.raises(OSError, match="in use"):
        WebThread(reader[0], "127.0.0.1", urlsplit(reader[1]).port or 0)
