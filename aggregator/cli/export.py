"""`aggregator export`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import Context, moment, pass_context, talk
from aggregator.errors import AggregatorError, UsageError

MATCH_FIELDS = ("watchlist_id", "matched_at", "revision", "reach", "terms")
STORY_FIELDS = ("id", "title", "entries", "feeds", "first_seen_at")
EDITION_FIELDS = ("id", "digest_id", "key", "kind", "title", "subject", "window_start", "window_end", "stories", "entries", "composed_at")  # fmt: skip
COUNT_FIELDS = ("watchlist_id", "day", "entries", "all_entries", "share")
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Wish:
    """What of it is wanted; no moment: without bound."""

    app: App
    feed: str = ""
    watchlist: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def in_time(self, at: datetime) -> bool:
        """Whether something of this moment is wanted."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


Row = dict[str, Any]


def _entries(wish: Wish) -> Iterator[Row]:
    for entry in wish.app.stores.entries.entries(wish.feed, wish.since):
        if wish.in_time(entry.first_seen_at):
            yield output.entry(entry)


def _matches(wish: Wish) -> Iterator[Row]:
    for match in wish.app.stores.watch.each_match(wish.watchlist, wish.since):
        entry = wish.app.stores.entries.get(match.entry_id) if wish.in_time(match.matched_at) else None
        if entry is not None and wish.feed in ("", entry.feed_id):
            terms = sorted({s.term for s in match.spans})
            head = (match.watchlist_id, output.when(match.matched_at), match.revision, match.reach, terms)
            yield dict(zip(MATCH_FIELDS, head, strict=True)) | output.entry(entry)


def _stories(wish: Wish) -> Iterator[Row]:
    for story in wish.app.stores.stories.list(wish.since):
        if wish.in_time(story.first_seen_at) and (not wish.feed or any(e.feed_id == wish.feed for e in story.entries)):
            yield output.story(story)


def _editions(wish: Wish) -> Iterator[Row]:
    before = 0
    while page := wish.app.stores.editions.editions(limit=200, whole=False, before=before):
        yield from (output.edition(one) for one in page if wish.in_time(one.composed_at))
        before = page[-1].id


def _feeds(wish: Wish) -> Iterator[Row]:
    yield from (output.feed(one) for one in wish.app.stores.feeds.list() if wish.feed in ("", one.id))


def _counts(wish: Wish) -> Iterator[Row]:
    until = wish.until or wish.app.clock.now()
    since = wish.since or until - YEAR
    for watchlist in wish.app.stores.watch.list():
        if wish.watchlist in ("", watchlist.id):
            for one in wish.app.stores.attention.days(watchlist.id, since.date(), until.date()):
                share = round(one.entries / one.all, 6) if one.all else 0.0
                yield dict(zip(COUNT_FIELDS, (watchlist.id, str(one.day), one.entries, one.all, share), strict=True))


THINGS: dict[str, tuple[Callable[[Wish], Iterator[Row]], tuple[str, ...]]] = {
    "entries": (_entries, tuple(output.ENTRY_FIELDS)),
    "matches": (_matches, (*MATCH_FIELDS, *output.ENTRY_FIELDS)),
    "stories": (_stories, STORY_FIELDS),
    "editions": (_editions, EDITION_FIELDS),
    "feeds": (_feeds, ()),
    "counts": (_counts, COUNT_FIELDS),
}
"""What can be had, how it is read, and its columns; none: those of its rows."""
OF_FEEDS, OF_WATCHLISTS = ("entries", "matches", "stories", "feeds"), ("matches", "counts")


@click.command("export")
@click.argument("what", type=click.Choice([*THINGS, "datasette"]), default="entries")
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), default="jsonl", show_default=True, help="How to write it."
)
@click.option("--feed", default="", metavar="ID", help="Only of this feed.")
@click.option("--watchlist", default="", metavar="ID", help="Only matches or counts of this watchlist.")
@click.option("--since", default="", metavar="WHEN", help="Since: 2023-02-02 or an age such as 7d.")
@click.option("--until", default="", metavar="WHEN", help="Until just before: 2023-02-09 or an age such as 1d.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of stdout.")
@pass_context
def command(
    context: Context, *, what: str, form: str, feed: str, watchlist: str, since: str, until: str, out: Path | None
) -> None:
    """Entries, matches, stories, editions, feeds or counts by day as CSV or JSON Lines; `datasette`: metadata for Datasette.

    A moment is that of first sight, of a match its own. Rows are read and written one by one. A file gets its name only when it is whole.
    JSON Lines hold every value as it is stored; in CSV lists are joined by "; " and a text that a spreadsheet would run begins with '.

    \b
    Examples:
      aggregator export --since 7d > entries.jsonl
      aggregator export matches --watchlist csto --format csv --out csto.csv
      aggregator export datasette --out metadata.json
    """
    _check(what, feed=feed, watchlist=watchlist)
    with context.app(reads=True) as app:
        if what == "datasette":
            from aggregator.store.sqlite import described

            with _opened(out) as file:
                json.dump(described.datasette(), file, ensure_ascii=False, indent=2)
                file.write("\n")
            return
        now = app.clock.now()
        start, end = (moment(text, now) if text else None for text in (since, until))
        _exists(app, feed, watchlist)
        rows, fields = THINGS[what]
        count = _write(rows(Wish(app, feed, watchlist, start, end)), form, out, fields)
    talk(output.many(count, "row"))


def _check(what: str, *, feed: str, watchlist: str) -> None:
    if watchlist and what not in OF_WATCHLISTS:
        raise UsageError(f"{what} are of no watchlist: `aggregator export matches --watchlist {watchlist}`")
    if feed and what not in OF_FEEDS:
        raise UsageError(f"{what} are of no feed; leave --feed out")


def _exists(app: App, feed: str, watchlist: str) -> None:
    """One of the configuration, or one that was taken out and has something yet."""
    stores = app.stores
    known = {"", *(w.id for w in app.configuration.watchlists)}
    if watchlist not in known and next(stores.watch.each_match(watchlist), None) is None:
        raise UsageError(f"no matches of a watchlist {watchlist!r} here; `aggregator watch list` names them")
    if feed and stores.feeds.get(feed) is None and next(stores.entries.entries(feed), None) is None:
        raise UsageError(f"no entries of a feed {feed!r} here; `aggregator feeds list` names them")


def _write(rows: Iterator[Row], form: str, out: Path | None, fields: tuple[str, ...]) -> int:
    count, writer = 0, None
    with _opened(out) as file:
        if form == "csv" and fields:
            writer = csv.DictWriter(file, fields)
            writer.writeheader()
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the answer
            if form == "jsonl":
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                continue
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow({k: output.cell(_flat(v)) for k, v in row.items()})
    return count


def _flat(value: Any) -> Any:
    """Of things inside a thing a cell holds the ids."""
    return [v["id"] if isinstance(v, dict) else v for v in value] if isinstance(value, list) else value


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """stdout, or a file that gets its name when everything stands in it."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(out)
    except OSError as e:
        raise AggregatorError(f"{out}: {e.strerror}; name another file with --out") from e
    finally:
        with suppress(OSError):
            part.unlink()
