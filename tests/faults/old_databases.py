"""Databases of every released schema with rows in them, as the program of that time would have left them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlite_utils import Database as Utils

from aggregator import tokens, urls
from aggregator.store.sql import markup, rows
from aggregator.store.sqlite import SqliteStores, migrations

SECRET = b"s" * 32
STEPS = [step.name for step in migrations.migrations._migrations]
AT, LATER, LAST = (f"2023-02-02T1{hour}:00:00.000000Z" for hour in (2, 3, 4))
URL = "https://a.example/rss"
TOKEN = "t" * 22
SPAN = '[{"field":"title","start":0,"end":4,"term":"CSTO","alias":""}]'


def database(step: str, path: Path) -> Path:
    """A database whose last step is this one."""
    shutil.copyfile(_made(step), path)
    return path


@cache
def _made(step: str) -> Path:
    path = Path(mkdtemp(prefix="schema-")) / "aggregator.db"
    after = STEPS[STEPS.index(step) + 1 :]
    utils = Utils(path)
    migrations.migrations.apply(utils, stop_before=after[0] if after else None)
    with closing(utils.conn) as conn, conn:
        _fill(conn, step)
    return path


def put(conn: sqlite3.Connection, table: str, **values: Any) -> None:
    """One row, of those of its columns that this step's table has; none where there is no such table yet."""
    known = {row[1] for row in conn.execute(f"PRAGMA table_info({table})")}
    given = {name: value for name, value in values.items() if name in known}
    if given:
        sql = f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})"
        conn.execute(sql, list(given.values()))


def _fill(conn: sqlite3.Connection, step: str) -> None:
    packed = step >= "0005_smaller"
    put(conn, "facts", name="tokenizer_version", value=str(tokens.TOKENIZER_VERSION))
    _feeds(conn)
    for number, title in ((1, "CSTO summit"), (2, "Grain"), (3, "CSTO speaks")):
        _entry(conn, number, title, packed=packed)
    put(conn, "articles", entry_id=1, reach="alert", text="The page says more", next_at=AT, state="done", attempts=1)
    _match(conn)
    _editions(conn)
    if step >= "0012_reading":
        for statement in migrations.statements("0012_reading.sql"):
            if statement.startswith("INSERT"):
                conn.execute(statement)
    put(
        conn,
        "signals",
        id=1,
        kind="burst",
        watchlist_id="csto",
        began_at=AT,
        found_at=AT,
        observed=9,
        expected=1.0,
        detail="",
    )
    put(conn, "feed_days", feed_id="a", day=AT[:10], polls=2, answered=2, first_ok_at=AT, last_ok_at=LATER)
    put(conn, "poll_hours", hour=AT[:13], polls=2, answered=2)


def _feeds(conn: sqlite3.Connection) -> None:
    poll = {"etag": '"e"', "last_ok_at": LATER, "last_poll_at": LATER, "next_poll_at": LAST, "state": "ok"}
    learnt = {"host": urls.host_key(URL), "news_at": LATER, "looked_at": LATER}
    put(conn, "feeds", id="a", url=URL, title="A", added_at=AT, tags='["t"]', articles="short", **poll, **learnt)
    gone = {"state": "failing", "failures": 3, "failing_since": AT, "error_class": "http_5xx", "error": "500"}
    put(
        conn,
        "feeds",
        id="b",
        url="https://b.example/",
        added_at=AT,
        next_poll_at=AT,
        host="https://b.example:443",
        **gone,
    )
    put(conn, "feed_events", id=1, feed_id="a", at=AT, kind="back", detail="it is back")
    put(conn, "gaps", id=1, feed_id="a", after_at=AT, before_at=LATER, found_at=LATER)
    put(conn, "hosts", host="https://b.example:443", held_until=LAST, said_by="b", said_at=AT)


def _entry(conn: sqlite3.Connection, number: int, title: str, *, packed: bool) -> None:
    texts: dict[str, Any] = {
        "summary": f"<p>Of <b>{title}</b></p>",
        "content": f"<p>Of {title}, at length</p>",
        "body": f"Of {title}, at length",
    }
    print_ = hashlib.sha256(title.encode()).hexdigest()
    texts |= {"fingerprint": rows.pack_digest(print_) if packed else print_}
    texts |= {"markup": markup.pack(texts["summary"], texts["content"], texts["body"])}
    # A story's title is kept only where its lead reads otherwise now: from the fifth step on.
    put(conn, "stories", id=number, title="" if packed else title, first_seen_at=LATER)
    revision = 2 if number == 1 else 1
    times = {"sort_at": AT, "first_seen_at": LATER, "published_at": AT}
    put(
        conn, "entries", id=number, feed_id="a", story_id=number, guid=f"g{number}", link=f"{URL}/{number}", title=title, author="X",
        categories='["c"]', language="en", revision=revision, **texts, **times,
    )  # fmt: skip
    put(conn, "entry_keys", feed_id="a", kind="id", key=f"g{number}", entry_id=number)
    key = f"https://a.example/rss/{number}"
    put(conn, "story_keys", kind="url", key=rows.key_digest(key) if packed else key, entry_id=number, story_id=number)
    if number == 1:
        old = texts | {"title": "CSTO", "body": "Was", "summary": "<i>Was</i>", "content": ""}
        old["markup"] = markup.pack(old["summary"], "", "Was")
        put(conn, "entry_revisions", entry_id=1, revision=1, link=URL, replaced_at=LATER, **old)
    fed = [tokens.index_text(tokens.tokenize(text)) for text in (title, str(texts["body"]), "The page says more")]
    sql = "INSERT INTO entry_index (rowid, title, body, article) VALUES (?, ?, ?, ?)"
    conn.execute(sql, (number, *fed[:2], fed[2] if number == 1 else ""))


def _match(conn: sqlite3.Connection) -> None:
    put(conn, "watchlists", id="csto", title="CSTO", query="=CSTO", changed_at=AT)
    for number, entry in ((1, 1), (2, 3)):
        put(
            conn,
            "matches",
            id=number,
            watchlist_id="csto",
            entry_id=entry,
            revision=1,
            spans=SPAN,
            reach="alert",
            matched_at=LATER,
        )


def _editions(conn: sqlite3.Connection) -> None:
    usual = {"title": "Daily", "days": "[]", "timezone": "UTC", "covered_until": LATER, "next_at": LAST, "added_at": AT}
    put(conn, "digests", id="daily", every="at", at='["07:30"]', matches_after=1, **usual)
    put(conn, "digest_watchlists", digest_id="daily", watchlist_id="csto", position=0)
    shown = {
        "subject": "One story",
        "stories": 1,
        "entries": 1,
        "mail": b"Subject: x\r\n\r\nbody",
        "page": "<p>",
        "text": "t",
        "data": "{}",
    }
    window = {"window_start": AT, "window_end": LATER, "composed_at": LATER}
    put(conn, "editions", id=1, digest_id="daily", key="k", kind="digest", title="Daily", **window, **shown)
    put(conn, "edition_matches", digest_id="daily", match_id=1, edition_id=1)
    for number, state in enumerate(("sent", "waiting", "unknown", "dead"), 1):
        _message(conn, number, state)


def _message(conn: sqlite3.Connection, number: int, state: str) -> None:
    address, token = f"{state}@example.org", "" if state == "sent" else f"{TOKEN}{number}"
    put(conn, "subscribers", id=number, address=address, added_at=AT)
    put(
        conn,
        "subscriptions",
        id=number,
        subscriber_id=number,
        digest_id="daily",
        state="active",
        origin="config",
        created_at=AT,
    )
    hashed = hashlib.sha256(f"{TOKEN}{number}".encode()).hexdigest()
    put(conn, "tokens", hash=hashed, purpose="unsubscribe", subscription_id=number, created_at=AT)
    ended = {"settled_at": LATER} if state in ("sent", "dead") else {}
    tried = {"attempts": int(state != "waiting"), "phase": "data" if state in ("sent", "unknown") else "queued"}
    put(
        conn, "messages", id=number, edition_id=1, kind="digest", subscription_id=number, address=address, token=token,
        message_id=f"<{number}@x>", state=state, next_attempt_at=LATER, created_at=LATER, **ended, **tried,
    )  # fmt: skip
    if state != "waiting":
        outcome = {
            "started_at": LATER,
            "ended_at": LATER,
            "outcome": state,
            "phase": "data",
            "code": 250,
            "detail": "said",
        }
        put(conn, "attempts", id=number, message_id=number, **outcome)


def read(path: Path) -> dict[str, Any]:
    """Everything that people read of a database, after it was brought up to date."""
    stores = SqliteStores(path, secret=SECRET)
    try:
        messages = stores.outbox.list()
        return {
            "feeds": [(one.spec, one.poll, one.entries) for one in stores.feeds.list()],
            "entries": list(stores.entries.entries()),
            "stories": list(stores.stories.list()),
            "matches": [stores.watch.matches(entry_id=number) for number in (1, 2, 3)],
            "digests": stores.editions.digests(),
            "editions": stores.editions.editions(),
            "waiting": [one.match for one in stores.editions.waiting("daily", rows.moment(LAST))],
            "messages": messages,
            "mails": [stores.outbox.content(one) for one in messages],
            "readers": stores.subscriptions.list(),
            "ways out": [stores.subscriptions.find_token(f"{TOKEN}{number}") for number in (1, 2, 3, 4)],
            "known of a reader": json.dumps(stores.subscriptions.export("dead@example.org")),
            "watchlists": stores.watch.list(),
            "counted": stores.attention.days("csto", rows.moment(AT).date(), rows.moment(AT).date()),
            "revision": _rows(path, "SELECT entry_id, revision, title, body, hex(markup) FROM entry_revisions"),
            "keys": _rows(path, "SELECT feed_id, kind, key, entry_id FROM entry_keys ORDER BY 3"),
            "keys of stories": _rows(path, "SELECT kind, hex(key), entry_id FROM story_keys ORDER BY 2"),
            "unsound": stores.upkeep.check(deep=True),
        }
    finally:
        stores.upkeep.close()


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(sql).fetchall()


def tables(path: Path) -> dict[str, Any]:
    """The schema and every row of every table of ours, to see that nothing at all has changed."""
    with closing(sqlite3.connect(path)) as conn:
        schema = conn.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        ours = [
            name
            for name, sql in schema
            if sql and sql.startswith("CREATE TABLE") and not name.startswith("entry_index")
        ]
        return {"schema": schema, **{name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in ours}}
