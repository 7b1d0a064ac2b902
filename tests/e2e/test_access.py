"""A feed behind a password, from the file to the wire: it works, and its secrets turn up nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.feedserver import Behaviour, Call, FeedServer, redirect
from tests.e2e.program import Daemon, Wire, aggregator, done, write_home

PASSWORD, KEY, PROXY = "Pa55-of-the-desk", "k3y-of-the-desk", "pr0xy-of-the-desk"
BASIC = base64.b64encode(f"desk:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, KEY, PROXY, BASIC)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def locked(wire: Wire) -> Behaviour:
    """Only for those who know the password and the key."""

    def answer(call: Call) -> None:
        asked = call.request.headers
        if asked.get("authorization") == f"Basic {BASIC}" and asked.get("x-api-key") == KEY:
            wire(call)
        else:
            call.respond(401, headers=[("WWW-Authenticate", 'Basic realm="news"')])

    return answer


def home_of(tmp_path: Path, server: FeedServer) -> Path:
    home = write_home(tmp_path / "home", {})
    server.add("http://inside.example/feed", Wire("inside", "CSTO behind the proxy"))
    feeds = [
        {"id": "good", "url": server.add("/good", locked(Wire("good", "CSTO behind a password")))}
        | {"username": "desk", "password_file": "desk.txt", "headers": {"X-Api-Key": KEY}},
        {"id": "wrong", "url": server.add("/wrong", locked(Wire("wrong", "never seen")))}
        | {"username": "desk", "password": PASSWORD, "headers": {"X-Api-Key": KEY + "!"}},
        {"id": "moved", "url": server.add("/moved", redirect("http://127.0.0.1:9/"))}
        | {"username": "desk", "password": PASSWORD, "headers": {"Cookie": KEY}},
        {"id": "proxied", "url": "http://inside.example/feed"}
        | {"proxy": server.url().replace("//", f"//user:{PROXY}@")},
        {"id": "noproxy", "url": "http://outside.example/feed", "proxy": f"http://user:{PROXY}@127.0.0.1:9"},
    ]
    (home / "feeds.yaml").write_text(json.dumps({"feeds": feeds}))
    (home / "desk.txt").write_text(PASSWORD + "\n")
    return home


def test_a_password_opens_the_feed_and_is_shown_by_no_command_and_stored_in_no_file(
    tmp_path: Path, server: FeedServer
) -> None:
    home = home_of(tmp_path, server)
    said = [done(home, "-v", "poll").text]
    listed = {f["id"]: f for f in done(home, "feeds", "list", "--json").lines}
    assert {name: f["error_class"] for name, f in listed.items()} == {
        "good": "",
        "wrong": "auth",
        "moved": "connect",
        "proxied": "",
        "noproxy": "connect",
    }
    commands = [
        ["check"],
        ["config", "show"],
        ["doctor"],
        ["feeds", "list"],
        ["feeds", "list", "--json"],
        *(["feeds", "show", name, *more] for name in listed for more in ([], ["--json"])),
        ["feeds", "export"],
        ["feeds", "remove", "noproxy"],
        ["poll", "--all", "--json"],
        ["entries", "--json"],
        ["digest", "morning", "--preview"],
    ]
    said += [aggregator(home, *words).text for words in commands]
    stored = [path.read_bytes() for path in (home / "var").rglob("*") if path.is_file()]
    assert len(stored) >= 2
    for secret in SECRETS:
        assert not [text for text in said if secret in text]
        assert not [data for data in stored if secret.encode() in data]


def test_the_log_of_the_daemon_names_no_secret_either(tmp_path: Path, server: FeedServer) -> None:
    home = home_of(tmp_path, server)
    with Daemon(home, {"AGGREGATOR__LOG__LEVEL": "debug"}) as daemon:
        daemon.wait_for("proxied has a proxy of its own")
        daemon.wait_for("noproxy.*no connection to the proxy|no connection to the proxy.*noproxy")
        (home / "desk.txt").write_text("another-password-of-theirs\n")
        daemon.wait_for("configuration taken over: 5 feeds")
        daemon.end()
    assert not [secret for secret in SECRETS if secret in daemon.text]


def test_a_refused_header_is_told_with_its_line_and_without_its_value(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    (home / "feeds.yaml").write_text(
        f"feeds:\n- url: https://a.example/\n  headers:\n    User-Agent: {KEY}\n    X: 'ключ {KEY}'\n"
    )
    refused = aggregator(home, "check")
    assert refused.code == 3
    assert "feeds.yaml:4: feeds[0].headers.User-Agent: this header cannot be set: it stays honest" in refused.err
    assert "feeds.yaml:5: feeds[0].headers.X: holds what cannot stand in a header" in refused.err
    assert KEY not in refused.text
