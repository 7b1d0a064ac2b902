"""Bad input: one clear line with file:line or URL, the documented exit code, and nothing stored is lost."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.cli import COMMANDS
from aggregator.store.sqlite import database
from tests import counts, stored
from tests.conformance.feedserver import Behaviour, FeedServer, cut, document, drip, large
from tests.e2e.program import Wire, aggregator, done, everything, merged, smtp, write_home

WATCH = "config/watchlists.yaml"
DIGEST = "config/digests.yaml"
SETTING = "config/aggregator.yaml"
ONE = "  - {id: one, title: One, watchlists: [csto], at: '07:30'"
GOOD = b"<rss version='2.0'><channel><title>x</title><item><guid>1</guid><title>CSTO one</title></item>"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with an entry, a match, an edition and a message."""
    with FeedServer() as server:
        write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", "CSTO meets", "Town budget"))})
        done(tmp_path, "poll")
        done(tmp_path, "digest", "morning")
        yield tmp_path


# -- files -----------------------------------------------------------------------------------------------------------------

FILES = [
    ("feeds.yaml", "feeds: [", 1, "feeds.yaml"),
    ("feeds.yaml", "feeds:\n  - url: https://a.example/\n\tid: x\n", 3, "tab"),
    ("feeds.yaml", "feeds:\n  - {url: https://a.example/rss, langauge: en}\n", 2, "did you mean `language`"),
    ("feeds.yaml", "feeds:\n  - {url: https://a.example/rss}\nfeeds: []\n", 3, "feeds"),
    ("feeds.yaml", "feeds:\n  - {url: ftp://a.example/rss}\n", 2, "http"),
    ("feeds.yaml", "feeds:\n  - {url: https://a.example/, interval: soon}\n", 2, "30m"),
    (WATCH, "watchlists:\n  - {id: csto, query: 'Minsk AND (CSTO'}\n", 2, "Minsk AND (CSTO"),
    (WATCH, "watchlists:\n  - id: csto\n    query: '@nato'\n", 3, "nato"),
    (WATCH, "aliases: {csto: ['\"open']}\nwatchlists: [{id: csto, query: '@csto'}]\n", 1, "csto"),
    (DIGEST, f"digests:\n{ONE}, timezone: Europe/Minks}}\n", 2, "Europe/Minsk"),
    (DIGEST, f"digests:\n{ONE}, to: [nobody]}}\n", 2, "nobody"),
    (DIGEST, "digests:\n  - {id: one, title: One, watchlists: [csot], at: '07:30'}\n", 2, "csto"),
    (DIGEST, "digests:\n  - {id: one, title: One, watchlists: [csto], at: '27:30'}\n", 2, "27:30"),
    (SETTING, "network: {total_timeot: 1s}\n", 1, "did you mean `total_timeout`"),
    (SETTING, "web:\n  port: eighty\n", 2, "eighty"),
    (SETTING, "mail: {templates: nowhere}\n", 1, "nowhere"),
    (SETTING, "- a\n- b\n", 1, "aggregator.yaml"),
]


@pytest.mark.parametrize(("file", "text", "line", "words"), FILES)
def test_a_bad_file_is_named_with_its_line(home: Path, file: str, text: str, line: int, words: str) -> None:
    before = everything(home)
    (home / file).write_text(text)
    for command in (["check"], ["poll"], ["run"], ["entries"]):
        refused = aggregator(home, *command)
        assert refused.code == 3, refused
        assert refused.out == ""
        assert f"{home / file}:{line}: " in refused.err
        assert words in refused.err
        assert len(refused.err.splitlines()) <= 3  # a query is shown with its caret
    assert everything(home) == before


def test_every_problem_of_every_file_is_told_at_once(home: Path) -> None:
    (home / "feeds.yaml").write_text("feeds:\n  - {}\n  - {url: 1}\n")
    (home / DIGEST).write_text("digest: []\n")
    (home / WATCH).write_bytes(b"\xff\xfe\x00")
    said = aggregator(home, "check").err
    assert {f"{home / f}" in said for f in ("feeds.yaml", DIGEST, WATCH)} == {True}


def test_a_variable_that_is_wrong_is_named(home: Path) -> None:
    for name, value in {"WEB__PORT": "x", "NETWORK__ALLOW_PRIVATE": "all", "NOBODY": "1"}.items():
        refused = aggregator(home, "check", environ={f"AGGREGATOR__{name}": value})
        assert refused.code == 3
        assert f"AGGREGATOR__{name}: " in refused.err


# -- templates, folders, the mail server -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["{{ nothing.at.all }}", "{% if %}", "{{ 1 / 0 }}", "{% include 'nowhere.j2' %}", "\xff"]
)
@pytest.mark.parametrize("folder", ["config/templates", "mine"])
def test_a_broken_template_is_named_and_the_digest_comes_out_all_the_same(
    home: Path, caplog: pytest.LogCaptureFixture, text: str, folder: str
) -> None:
    expected = done(home, "digest", "morning", "--preview", "--format", "html").out
    (home / folder).mkdir()
    (home / folder / "edition.html.j2").write_bytes(text.encode("latin-1"))
    if folder == "mine":
        config = json.loads((home / SETTING).read_text())
        (home / SETTING).write_text(json.dumps(merged(config, {"mail": {"templates": "mine"}})))
    previewed = done(home, "digest", "morning", "--preview", "--format", "html")
    assert _lines(previewed.out) == _lines(expected)
    assert f"{home / folder}/" in previewed.err + caplog.text
    checked = aggregator(home, "check")
    assert checked.code == 3
    assert f"{home / folder}/" in checked.err
    assert ".j2" in checked.err
    assert len(checked.err.splitlines()) == 1
    assert f"{home / folder}/" in aggregator(home, "doctor").out
    done(home, "digest", "morning", "--send")
    (home / folder / "edition.html.j2").unlink()
    done(home, "check")


def _lines(page: str) -> list[str]:
    """A page without what the time of its making changes."""
    return [line for line in page.splitlines() if "Covers what" not in line and "</p>" in line and "2023" not in line]


@pytest.mark.parametrize("where", ["var", "var/pages", "var/mail"])
def test_a_file_where_a_folder_is_meant(tmp_path: Path, where: str) -> None:
    write_home(tmp_path, {})
    shutil.rmtree(tmp_path / "var")
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("in the way")
    for command in (["poll"], ["run"], ["stats"]):
        refused = aggregator(tmp_path, *command)
        assert refused.code == 3, refused
        assert f"{tmp_path / where}: cannot be written" in refused.err


def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    for command in (["poll"], ["check"], ["feeds", "add", "https://a.example/"], ["config", "show"], ["run"]):
        refused = aggregator(tmp_path / "nowhere", *command)
        assert refused.code == 3
        assert f"{tmp_path / 'nowhere'}" in refused.err
        assert "init" in refused.err
    (tmp_path / "file").write_text("")
    assert aggregator(tmp_path / "file", "check").code == 2


@stored.file_only
def test_what_cannot_be_written_is_named(home: Path) -> None:
    (home / "file").write_text("")
    for command in (["backup", "--out"], ["export", "--out"], ["digest", "morning", "--preview", "--out"]):
        refused = aggregator(home, *command, str(home / "file/inside"))
        assert refused.code == 1, refused
        assert str(home / "file/inside") in refused.err


def test_a_mail_server_that_cannot_be_reached(home: Path) -> None:
    with FeedServer() as server:  # a port that nobody listens on a moment later
        port = server.port
    config = json.loads((home / SETTING).read_text())
    (home / SETTING).write_text(json.dumps(config | smtp("127.0.0.1", port)))
    refused = aggregator(home, "send")
    assert refused.code == 1
    assert f"127.0.0.1:{port}" in refused.err
    [message] = done(home, "outbox", "list", "--json").lines
    assert message["state"] == "waiting"
    with FeedServer() as server:  # somebody else's port: this is no mail server
        (home / SETTING).write_text(json.dumps(config | smtp("127.0.0.1", server.port) | {}))
        done(home, "outbox", "retry", "1")
        assert aggregator(home, "send", environ={"AGGREGATOR__MAIL__TIMEOUT": "1s"}).code == 1
    (home / SETTING).write_text(json.dumps(config))
    done(home, "outbox", "retry", "1")
    assert "1 sent" in done(home, "send").err


# -- feeds -----------------------------------------------------------------------------------------------------------------

HTML = b"<!doctype html><html><head><title>Welcome</title></head><body><p>CSTO news</p></body></html>"
LIMITS = {"AGGREGATOR__LIMITS__BODY": "200kB", "AGGREGATOR__NETWORK__TOTAL_TIMEOUT": "1s"}
FEEDS: dict[str, tuple[Behaviour, str]] = {
    "html": (document(HTML, headers=[("Content-Type", "text/html")]), "not_a_feed"),
    "empty": (document(b""), "empty"),
    "blank": (document(b" \n "), "empty"),
    "noise": (document(bytes(range(256)) * 20), "not_a_feed"),
    "short": (cut(GOOD, 5_000), "truncated"),
    "endless": (drip(b" "), "timeout"),
    "fast": (drip(b"x" * 65_536, every=0), "too_large"),
    "large": (large(50_000_000), "too_large"),
    "silent": (large(50_000_000, declared=False), "too_large"),
    "secret": (document(b"{}", headers=[("Content-Type", "application/json")]), "not_a_feed"),
}


def test_feeds_that_are_no_feeds_fail_alone(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        # A server of its own for each: hosts are asked side by side.
        servers = {name: stack.enter_context(FeedServer()) for name in (*FEEDS, "good", "torn")}
        urls = {name: servers[name].add(f"/{name}", behaviour) for name, (behaviour, _) in FEEDS.items()}
        urls["secret"] += "?token=s3cret"
        servers["secret"].add("/secret?token=s3cret", FEEDS["secret"][0])
        urls["good"] = servers["good"].add("/good", Wire("good", "CSTO meets"))
        # Cut off within the document, though HTTP was complete: what is whole in it is kept.
        urls["torn"] = servers["torn"].add("/torn", document(GOOD + b"<item><title>half"))
        write_home(tmp_path, urls)
        polled = aggregator(tmp_path, "poll", "--json", environ=LIMITS)
        assert polled.code == 0
        reports = {line["id"]: line for line in polled.lines}
        assert {n: reports[n]["error_class"] for n in FEEDS} == {n: c for n, (_, c) in FEEDS.items()}
        assert all(reports[n]["outcome"] == "failed" and "\n" not in reports[n]["error"] for n in FEEDS)
        assert (reports["good"]["entries_new"], reports["good"]["matches"]) == (1, 1)
        assert reports["torn"]["entries_new"] >= 1
        before = everything(tmp_path)
        again = aggregator(tmp_path, "poll", "--all", environ=LIMITS)
        assert again.code == 0
        for name in FEEDS:
            [line] = [one for one in again.out.splitlines() if one.startswith(f"{name}: failed: ")]
            assert servers[name].url(f"/{name}") in line
        assert everything(tmp_path) == before
        listed = done(tmp_path, "feeds", "list").text + done(tmp_path, "doctor").text + polled.text + again.text
        assert "s3cret" not in listed


def test_a_feed_that_turns_bad_keeps_its_entries(home: Path) -> None:
    before = everything(home)
    with FeedServer() as server:
        (home / "feeds.yaml").write_text(
            json.dumps({"feeds": [{"id": "wire", "url": server.add("/x", document(HTML))}]})
        )
        polled = aggregator(home, "poll", "--all", environ=LIMITS)
    assert "wire: failed: not_a_feed" in polled.out
    assert server.url("/x") in polled.out
    assert everything(home) == before
    assert len(done(home, "search", "@csto", "--json").lines) == 1


# -- the database ------------------------------------------------------------------------------------------------------------

READING = [["entries"], ["poll"], ["stats"], ["search", "x"], ["send"], ["run"], ["backup"], ["outbox", "list"]]


@stored.file_only
def test_a_database_that_somebody_holds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in (["poll"], ["digest", "morning"], ["send"]):
            refused = aggregator(home, *command)
            assert refused.code == 5, refused
            assert f"{home / 'var/aggregator.db'}: database is locked" in refused.err
            assert len(refused.err.splitlines()) == 1
        other.execute("ROLLBACK")
    assert len(done(home, "entries", "--json").lines) == 2


@stored.file_only
def test_a_database_that_is_none_or_of_a_newer_version(home: Path) -> None:
    file = home / "var/aggregator.db"
    done(home, "stats")
    kept = file.read_bytes()
    for damage in (b"this is no database" * 1000, kept[:200] + b"\xff" * 20_000 + kept[20_200:]):
        for rest in file.parent.glob("aggregator.db-*"):
            rest.unlink()
        file.write_bytes(damage)
        for command in READING:
            refused = aggregator(home, *command)
            assert refused.code == 5, (command, refused)
            assert str(file) in refused.err
            assert "restore" in refused.err or "doctor" in refused.err
        assert aggregator(home, "doctor").code == 5
        assert file.read_bytes() == damage
    file.write_bytes(kept)
    with contextlib.closing(sqlite3.connect(file)) as conn:
        conn.execute("INSERT INTO _sqlite_migrations VALUES (NULL, 'aggregator', '9999_future', '2099-01-01')"
                     if _columns(conn) == 4 else
                     "INSERT INTO _sqlite_migrations VALUES ('aggregator', '9999_future', '2099-01-01')")  # fmt: skip
        conn.commit()
    refused = aggregator(home, "entries")
    assert refused.code == 5
    assert "9999_future" in refused.err
    assert "upgrade" in refused.err


def _columns(conn: sqlite3.Connection) -> int:
    return len(conn.execute("PRAGMA table_info(_sqlite_migrations)").fetchall())


@stored.file_only
def test_a_page_that_is_damaged_is_told_as_such(home: Path) -> None:
    file = home / "var/aggregator.db"
    with contextlib.closing(sqlite3.connect(file)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries'").fetchall()
        [(size,)] = conn.execute("PRAGMA page_size").fetchall()
    raw = bytearray(file.read_bytes())
    raw[(page - 1) * size : page * size] = b"\xde\xad" * (size // 2)
    file.write_bytes(raw)
    for command in (["entries"], ["search", "CSTO"], ["stories"], ["why", "1", "csto"], ["run"], ["doctor"]):
        refused = aggregator(home, *command)
        assert refused.code in {1, 5}, (command, refused)
        assert refused.code == 5 or command == ["doctor"], (command, refused)
        assert "restore" in refused.text


# -- anything at all -----------------------------------------------------------------------------------------------------------

ODD = [
    "", " ", "-", "--", "-1", "0", "99999999999999999999999", "csto", "wire", "morning", "1", "@", "@csto", "(", ")", '"', "'",
    "a" * 5_000, "NOT", "NEAR/5", "a OR", "-a", "*", "~", "=", "ОДКБ", "\u202e\u200b", "\x00", "\x1b[2J", "\udcff", "%s{0}$(x)",
    "--json", "--help", "--feed", "--since", "--limit", "--all", "--out", "--format", "--days", "--keep", "--state", "-h", "-vv",
    "2023-02-02", "7d", "99999999w", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "/dev/null", "/nowhere/at/all", ".",
    "list", "show", "add", "remove", "test", "lint", "html", "https://", "http://127.0.0.1:1/x", "file:///etc/passwd", "nobody",
]  # fmt: skip
QUIET = sorted(set(COMMANDS) - {"run", "web", "demo"})


def test_no_argument_leads_to_a_traceback(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # `salvage --out nobody` makes a file of that name
    die = random.Random(counts.seed())
    before = everything(home)
    for _ in range(counts.count(small=150, storm=5_000)):
        words = [die.choice(QUIET), *(die.choice(ODD) for _ in range(die.randint(0, 4)))]
        ended = aggregator(home, *words)
        assert ended.code in {0, 1, 2, 3, 130}, (words, ended)
        assert ended.code == 0 or ended.text.strip() or words[0] in {"match", "why"}, words
    for word in ODD:
        for head in (["search"], ["watch", "test"], ["why", "1"], ["why"], ["entries", "--feed"], ["entries", "--since"],
                     ["match", "--text", "x"], ["outbox", "show"], ["editions"], ["subscriptions", "export"]):  # fmt: skip
            ended = aggregator(home, *head, word)
            assert ended.code in {0, 1, 2}, (head, word, ended)
    after = everything(home)
    assert (after["entries"], after["entry_keys"]) == (before["entries"], before["entry_keys"])


def test_an_entry_that_is_no_number(home: Path) -> None:
    refused = aggregator(home, "why", "one", "csto")
    assert refused.code == 2
    assert "'one' is not a valid" in refused.err
