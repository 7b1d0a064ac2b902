"""The floor: one sweep by a bare HTTP client, lxml and executemany, with nothing that makes a reader a reader.

Arguments: database, file with one URL a line, `start` to open the database and ask nobody.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from lxml import etree

AT_ONCE = 64
ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
SCHEMA = """
CREATE TABLE IF NOT EXISTS feeds (url TEXT PRIMARY KEY, etag TEXT, modified TEXT);
CREATE TABLE IF NOT EXISTS entries (url TEXT, guid TEXT, link TEXT, title TEXT, published TEXT, summary TEXT, content TEXT,
  PRIMARY KEY (url, guid));
"""
Row = tuple[str, str, str, str, str, str, str]


def rows(url: str, body: bytes) -> Iterator[Row]:
    """Six fields of every item."""
    root = etree.fromstring(body)
    for item in root.iter("item"):
        text = item.findtext
        yield (
            url,
            text("guid", ""),
            text("link", ""),
            text("title", ""),
            text("pubDate", ""),
            text("description", ""),
            text(CONTENT, ""),
        )
    for entry in root.iter(ATOM + "entry"):
        text = entry.findtext
        link = entry.find(ATOM + "link")
        href = "" if link is None else link.get("href", "")
        yield (
            url,
            text(ATOM + "id", ""),
            href,
            text(ATOM + "title", ""),
            text(ATOM + "published", ""),
            text(ATOM + "summary", ""),
            text(ATOM + "content", ""),
        )


async def sweep(db: sqlite3.Connection, urls: list[str]) -> None:
    """Ask every feed once."""
    known = {url: (etag, modified) for url, etag, modified in db.execute("SELECT * FROM feeds")}
    room = asyncio.Semaphore(AT_ONCE)
    found: list[Row] = []
    validators: list[tuple[str, str, str]] = []

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        etag, modified = known.get(url, ("", ""))
        headers = {"If-None-Match": etag, "If-Modified-Since": modified} if etag else {}
        async with room, session.get(url, headers=headers) as answer:
            if answer.status == 200:
                found.extend(rows(url, await answer.read()))
                validators.append((url, answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(ask(session, url) for url in urls))
    with db:
        db.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", found)
        db.executemany("INSERT OR REPLACE INTO feeds VALUES (?, ?, ?)", validators)


def main(database: str, listed: str, what: str = "") -> None:
    """One sweep."""
    db = sqlite3.connect(database)
    db.executescript(SCHEMA)
    if what != "start":
        asyncio.run(sweep(db, Path(listed).read_text().split()))
    print(json.dumps({"entries": db.execute("SELECT count(*) FROM entries").fetchone()[0], "failed": 0}))
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
