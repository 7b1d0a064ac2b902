"""Homes of so many entries for the benchmark of the pages: 200 feeds and 100 watchlists over a year that ends now.

Texts are those of corpus.py. A watchlist is one of its words: the most frequent stands in one entry of eleven, the rarest in one of 250,
a hundredth in the mean. A third of the events are told by several feeds. Written by SQL into the tables that polls write, chunk
by chunk; the counts are made by the statements of the migration that first made them.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import corpus

from aggregator.app import build as build_app
from aggregator.store.sql import markup, rows
from aggregator.store.sqlite.migrations import statements

FEEDS, WATCHLISTS, DAYS = 200, 100, 365
LANGUAGES = ("en", "ru", "be", "uk", "pl", "de", "")
COUNTRIES = ("BY", "RU", "UA", "PL", "DE", "US", "GB", "KZ", "AM", "")
CHUNK = 20_000
KEYS = timedelta(days=30)
"""How long keys of stories are kept."""
SINCE_EDITION = timedelta(hours=12)
DIGEST = "morning"


@dataclass(frozen=True, slots=True)
class Told:
    """An event as one feed tells it."""

    at: datetime
    event: int
    feed: int
    title: str
    body: str


def watched() -> list[str]:
    """The word of each watchlist."""
    known = corpus.vocabulary()
    step = len(known) // WATCHLISTS
    return [known[step * (n + 1) - 1] for n in range(WATCHLISTS)]


def prepare(folder: Path, entries: int) -> Path:
    """The home of so many entries in this folder; made where it is not there yet, and whole then."""
    home = folder / f"home-{entries}"
    if not home.exists():
        part = folder / f"home-{entries}.part"
        configure(part, [f"http://127.0.0.1:9/{n}" for n in range(FEEDS)])
        fill(part, entries, datetime.now(UTC))
        part.rename(home)
    return home


def configure(home: Path, urls: Sequence[str]) -> None:
    """Write the configuration: feeds under these addresses, and nothing that mails."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    feeds = [
        {
            "id": f"feed-{n:03}",
            "url": url,
            "title": f"Wire {n}",
            "language": LANGUAGES[n % len(LANGUAGES)],
            "country": COUNTRIES[n % len(COUNTRIES)],
        }
        for n, url in enumerate(urls)
    ]
    lists = [{"id": f"w{n:03}", "title": word.capitalize(), "query": word} for n, word in enumerate(watched())]
    at = (datetime.now(UTC) - SINCE_EDITION).strftime("%H:%M")
    digest = {"id": DIGEST, "title": "Morning", "watchlists": [one["id"] for one in lists], "at": at, "timezone": "UTC"}
    settings = {
        "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"},
        "web": {"visitors": "open", "port": 0},
        "log": {"level": "info"},
    }
    for name, values in (
        ("feeds", {"defaults": {"interval": "1h"}, "feeds": feeds}),
        ("config/watchlists", {"watchlists": lists}),
        ("config/digests", {"digests": [digest]}),
        ("config/aggregator", settings),
    ):
        (home / f"{name}.yaml").write_text(json.dumps(values))  # JSON is YAML


def fill(home: Path, entries: int, now: datetime) -> None:
    """Put the entries in, their matches, an edition a day, and the counts."""
    with build_app(home, {}) as app:
        app.sync()
        path = app.configuration.home.db
    conn = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "cache_size=-200000", "temp_store=FILE"):
        conn.execute(f"PRAGMA {pragma}")
    writer = Writer(conn, now)
    told = events(entries, now)
    while chunk := sorted(itertools.islice(told, CHUNK), key=lambda one: one.at):
        conn.execute("BEGIN")
        writer.write(chunk)
        conn.execute("COMMIT")
        print(f"{writer.entries:,} of {entries:,} entries", file=sys.stderr)
    conn.execute("BEGIN")
    editions(conn, now)
    feeds(conn, now)
    for statement in statements("0012_reading.sql"):
        if statement.startswith("INSERT"):
            conn.execute(statement)
    conn.execute("COMMIT")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()


def events(entries: int, now: datetime) -> Iterator[Told]:
    """So many tellings, nearly in order of time; each event by one feed, or by a few with minutes between them."""
    die = random.Random(7)
    left, count = entries, 0
    step = timedelta(days=DAYS) / entries
    while left:
        count += 1
        outlets = min(left, 1 if die.random() < 0.7 else die.randint(2, 6))
        at = now - step * left
        title, body = corpus.words(die, 9).capitalize(), corpus.words(die, 60)
        for n, feed in enumerate(die.sample(range(FEEDS), outlets)):
            lag = timedelta(minutes=die.uniform(1, 40) * n)
            yield Told(min(at + lag, now), count, feed, title, body if not n else f"{body} {corpus.words(die, 4)}")
        left -= outlets


class Writer:
    """Rows of entries; ids and the clock go up together."""

    def __init__(self, conn: sqlite3.Connection, now: datetime) -> None:
        self._conn = conn
        self._keyed_from = now - KEYS
        self._stories: dict[int, int] = {}
        self._words = {word: f"w{n:03}" for n, word in enumerate(watched())}
        self._story = 0
        self.entries = 0

    def write(self, chunk: Sequence[Told]) -> None:
        """One chunk, in order of time."""
        stories, entries, keys, story_keys, index, matches = [], [], [], [], [], []
        for one in chunk:
            self.entries += 1
            number, feed, at = self.entries, f"feed-{one.feed:03}", rows.stamp(one.at)
            first = one.event not in self._stories
            if first:
                self._story += 1
                self._stories[one.event] = self._story
                stories.append((self._story, at))
            story = self._stories[one.event]
            guid, link = f"tag:{feed}.example:{one.event}", f"https://{feed}.example/news/{one.event}.html"
            packed = markup.pack(f"<p>{one.body}</p>", "", one.body)
            reason = "first" if first else "title"
            language = LANGUAGES[one.feed % len(LANGUAGES)]
            entries.append(
                (
                    number,
                    feed,
                    story,
                    reason,
                    guid,
                    link,
                    one.title,
                    packed,
                    one.body,
                    language,
                    at,
                    at,
                    at,
                    os.urandom(32),
                )
            )
            keys += [(feed, "id", guid, number), (feed, "link", link, number)]
            if one.at > self._keyed_from:
                story_keys.append(("title", rows.key_digest(one.title), number))
            index.append((number, one.title.lower(), one.body))
            matches += self._matches(number, one, at)
        write = self._conn.executemany
        write("INSERT INTO stories (id, title, first_seen_at) VALUES (?, '', ?)", stories)
        write(_ENTRY, entries)
        write("INSERT OR IGNORE INTO entry_keys (feed_id, kind, key, entry_id) VALUES (?, ?, ?, ?)", sorted(keys))
        write("INSERT OR IGNORE INTO story_keys (kind, key, entry_id) VALUES (?, ?, ?)", sorted(story_keys))
        write("INSERT INTO entry_index (rowid, title, body, article) VALUES (?, ?, ?, '')", index)
        write(_MATCH, matches)
        while len(self._stories) > CHUNK:
            self._stories.pop(next(iter(self._stories)))

    def _matches(self, number: int, one: Told, at: str) -> Iterator[tuple[str, int, str, str]]:
        fields = {"title": one.title.lower(), "body": one.body}
        for word in sorted(set(" ".join(fields.values()).split()) & self._words.keys()):
            spans = []
            for name, text in fields.items():
                if word in text.split():
                    begins = f" {text} ".index(f" {word} ")
                    spans.append({"field": name, "start": begins, "end": begins + len(word), "term": word, "alias": ""})
            yield self._words[word], number, rows.dump(spans), at


def editions(conn: sqlite3.Connection, now: datetime) -> None:
    """One a day; what is older than the last is settled."""
    last = now - SINCE_EDITION
    page, facts = "<!doctype html><title>Morning</title><p>Told.</p>", (DIGEST, "digest", "Morning")
    conn.executemany(
        "INSERT INTO editions (digest_id, kind, title, key, window_start, window_end, subject, stories, entries, composed_at, mail, page, text, data) "
        "VALUES (?, ?, ?, ?, ?, ?, 'Morning', 30, 60, ?, x'', ?, '', '{}')",
        [
            (
                *facts,
                end.strftime("%Y-%m-%dT%H%M+0000"),
                rows.stamp(end - timedelta(days=1)),
                rows.stamp(end),
                rows.stamp(end),
                page,
            )
            for end in (last - timedelta(days=n) for n in range(DAYS - 1, -1, -1))
        ],
    )
    settled = "SELECT coalesce(max(id), 0) FROM matches WHERE matched_at < ?"
    conn.execute(
        f"UPDATE digests SET covered_until = ?, matches_after = ({settled}), added_at = ?",
        (rows.stamp(last), rows.stamp(last), rows.stamp(now - timedelta(days=DAYS))),
    )


def feeds(conn: sqlite3.Connection, now: datetime) -> None:
    """Every feed was asked every hour of the year and is well."""
    conn.execute(
        "UPDATE feeds SET state = 'ok', last_poll_at = ?, last_ok_at = ?, news_at = ?, added_at = ?",
        (*[rows.stamp(now)] * 3, rows.stamp(now - timedelta(days=DAYS))),
    )
    for n in range(DAYS):
        day = str((now - timedelta(days=n)).date())
        conn.execute(
            "INSERT INTO feed_days (feed_id, day, polls, answered, first_ok_at, last_ok_at) SELECT id, ?, 24, 24, ?, ? FROM feeds",
            (day, f"{day}T00:10:00.000000Z", f"{day}T23:10:00.000000Z"),
        )


_ENTRY = """INSERT INTO entries (id, feed_id, story_id, story_reason, guid, link, title, markup, body, author, categories, language,
  published_at, sort_at, first_seen_at, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '[]', ?, ?, ?, ?, ?)"""
_MATCH = """INSERT OR IGNORE INTO matches (watchlist_id, entry_id, revision, spans, reach, matched_at)
VALUES (?, ?, 1, ?, 'digest', ?)"""

if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    prepare(Path(sys.argv[1]), int(sys.argv[2]))
