"""Files that are broken while the daemon runs: the old configuration stays in force, and everybody is told where to look."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator import diagnosis
from aggregator.app import build
from aggregator.web.configuring import _refused
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, rows, until, write_home
from tests.faults.nursery import Nursery

FEEDS, WATCH, DIGESTS, SETTINGS = (
    "feeds.yaml",
    "config/watchlists.yaml",
    "config/digests.yaml",
    "config/aggregator.yaml",
)
ONE = "{id: one, title: One, watchlists: [csto], "
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)
TEXTS: dict[str, tuple[str, bytes, int]] = {
    "a bracket that stays open": (FEEDS, b"feeds: [\n", 1),
    "a tab": (FEEDS, b"feeds:\n  - url: https://a.example/\n\tid: x\n", 3),
    "a list where a mapping stands": (SETTINGS, b"- a\n- b\n", 1),
    "a word where a list stands": (FEEDS, b"feeds: all\n", 1),
    "a number that is none": (SETTINGS, b"network:\n  concurrency: many\n", 2),
    "a bool that is none": (SETTINGS, b"web:\n  enabled: maybe\n", 2),
    "an unknown key": (FEEDS, b"feeds:\n  - {url: https://a.example/rss, langauge: en}\n", 2),
    "an unknown section": (SETTINGS, b"netwrok: {}\n", 1),
    "a key that stands twice": (FEEDS, b"feeds: []\nfeeds: []\n", 2),
    "an id that stands twice": (
        FEEDS,
        b"feeds:\n  - {url: https://a.example/1, id: a}\n  - {url: https://a.example/2, id: a}\n",
        3,
    ),
    "a url that stands twice": (FEEDS, b"feeds:\n  - {url: https://a.example/1}\n  - {url: https://a.example/1}\n", 3),
    "a url of another kind": (FEEDS, b"feeds:\n  - {url: 'ftp://a.example/rss'}\n", 2),
    "no url": (FEEDS, b"feeds:\n  - {id: a}\n", 2),
    "an interval that is none": (FEEDS, b"feeds:\n  - {url: https://a.example/, interval: soon}\n", 2),
    "a query with an open bracket": (WATCH, b"watchlists:\n  - {id: csto, query: 'Minsk AND (CSTO'}\n", 2),
    "an alias that nobody made": (WATCH, b"watchlists:\n  - {id: csto, query: '@nato'}\n", 2),
    "an alias that is broken": (WATCH, b"aliases: {csto: ['\"open']}\nwatchlists: [{id: csto, query: '@csto'}]\n", 1),
    "aliases in a circle": (
        WATCH,
        b"aliases:\n  a: ['@b']\n  b: ['@a']\nwatchlists: [{id: csto, query: '@a'}]\n",
        2,
    ),
    "a watchlist that is not there": (
        DIGESTS,
        b"digests:\n  - {id: one, title: One, watchlists: [csot], at: '07:30'}\n",
        2,
    ),
    "a zone that is none": (DIGESTS, f"digests:\n  - {ONE}at: '07:30', timezone: Europe/Minks}}\n".encode(), 2),
    "a time that is none": (DIGESTS, f"digests:\n  - {ONE}at: '27:30'}}\n".encode(), 2),
    "an address that is none": (DIGESTS, f"digests:\n  - {ONE}at: '07:30', to: [nobody]}}\n".encode(), 2),
    "a channel that is not there": (DIGESTS, f"digests:\n  - {ONE}at: '07:30', to: ['channel:desk']}}\n".encode(), 2),
    "a NUL byte": (FEEDS, b"feeds:\n  - {url: https://a.example/\x00}\n", 2),
    "another encoding": (WATCH, "watchlists:\n  - {id: csto, title: ОДКБ, query: CSTO}\n".encode("cp1251"), 2),
    "UTF-16": (WATCH, "watchlists: []\n".encode("utf-16"), 1),
    "a bomb of aliases": (SETTINGS, BOMB.encode(), 0),
    "deep nesting": (SETTINGS, b"a: " + b"[" * 10_000 + b"\n", 1),
    "a tag that makes objects": (SETTINGS, b"mail: !!python/object/apply:os.system ['true']\n", 1),
    "two documents": (SETTINGS, b"web: {}\n---\nweb: {}\n", 2),
    "half a file": (DIGESTS, f"digests:\n  - {ONE}at: '07:30', to: [desk@exa".encode(), 2),
    "a hundred megabytes": (FEEDS, b"", 0),
    "a folder": (WATCH, b"", 0),
    "a pipe": (WATCH, b"", 0),
    "an empty file": (FEEDS, b"", 1),
    "no file": (DIGESTS, b"", 1),
}
FINE_AT_START = ("an empty file", "no file")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100_000_000)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a hundred megabytes": huge,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "no file": lambda _: None,
}


@contextmanager
def broken(home: Path, name: str) -> Iterator[str]:
    """The home with one file that is broken so; how its place is told."""
    file, text, line = TEXTS[name]
    path, aside = home / file, home / "aside"
    path.rename(aside)
    try:
        if name in SPECIAL:
            SPECIAL[name](path)
        else:
            path.write_bytes(text)
        yield f"{path}:{line}: " if line else f"{path}:"
    finally:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        aside.rename(path)


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as started:
        yield started


def test_thirty_broken_files_leave_the_old_configuration_in_force_and_are_told(
    tmp_path: Path, server: FeedServer, nursery: Nursery
) -> None:
    wire = Wire("wire", "One")
    home = write_home(tmp_path, {"wire": server.add("/wire", wire)}, interval="1s")
    daemon = nursery.start(home, "run")
    daemon.wait_for("feed wire: 1 new")
    for name in TEXTS:
        with broken(home, name) as place:
            seen = len(daemon.text)
            daemon.signal(signal.SIGHUP)
            seen = daemon.wait_for("the old one stays in force", since=seen)
            assert place in daemon.text, name
            told(home, place, started=name in FINE_AT_START)
    seen = len(daemon.text)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("configuration taken over: 1 feed, 1 watchlist, 1 digest", since=seen)
    with build(home) as app:
        assert not [p for p in diagnosis.problems(app) if p.about == "configuration"]
        assert _refused(app) == ""
    wire.add("Two")
    daemon.wait_for("feed wire: 1 new", since=seen)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "Traceback" not in daemon.text
    assert rows(home, "feeds WHERE removed_at IS NOT NULL") == 0
    counts.report(
        "broken files on reload", len(TEXTS), 0, "the old configuration stays in force, each told with its place"
    )


def told(home: Path, place: str, *, started: bool) -> None:
    """In `doctor`, and by whatever starts now."""
    assert json.loads((home / "var/daemon.json").read_text())["configuration"]["error"].startswith(place)
    said = aggregator(home, "doctor")
    assert said.code == (1 if started else 3)
    assert place in said.out
    if not started:
        refused = aggregator(home, "run")
        assert refused.code == 3
        assert place in refused.err


def test_the_page_of_settings_says_why_the_files_were_not_taken_over(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    with build(home) as app:
        assert _refused(app) == ""
        health = {
            "configuration": {"last_ok_at": "", "failures": 1, "error": "feeds.yaml:3: https://me:secret@a.example/"}
        }
        (home / "var/daemon.json").write_text(json.dumps(health))
        assert "feeds.yaml:3: " in _refused(app)
        assert "secret" not in _refused(app)


def test_quick_saves_and_an_editor_that_renames_end_in_the_last_word(
    tmp_path: Path, server: FeedServer, nursery: Nursery
) -> None:
    """Twenty saves within a second, each in two writes with nothing between; then one by rename, without a signal."""
    url = server.add("/saved", Wire("saved", "One"))
    home = write_home(tmp_path, {"wire": url})
    daemon = nursery.start(home, "run")
    daemon.wait_for("running on")
    file = home / FEEDS
    for number in range(20):
        with file.open("w") as saved:
            saved.flush()
            saved.write("feeds:\n")
            saved.flush()
            saved.write(f"  - {{url: '{url}', id: wire, title: Title {number}}}\n")
    daemon.wait_for("configuration taken over")
    until(lambda: rows(home, "feeds WHERE title = 'Title 19' AND removed_at IS NULL") == 1, "the last one counts")
    shutil.copy(file, home / "new.yaml")
    (home / "new.yaml").write_text(file.read_text().replace("Title 19", "Renamed"))
    (home / "new.yaml").replace(file)
    until(lambda: rows(home, "feeds WHERE title = 'Renamed' AND removed_at IS NULL") == 1, "so does a rename")
    for _ in range(counts.count(small=50, storm=1000)):
        daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "not taken over" not in daemon.text
    assert "Traceback" not in daemon.text
