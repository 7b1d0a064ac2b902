"""Feeds for the benchmarks: RSS and Atom in turn, 30 entries each, about 37 kB a body, the same in every run."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape

ENTRIES = 30
START = datetime(2023, 2, 2, 12, tzinfo=UTC)
SYLLABLES = [a + b for a in "bklmnrstv" for b in "aeio"]


@cache
def vocabulary() -> tuple[str, ...]:
    """Some thousand words of two to four syllables."""
    die = random.Random(1)
    words = {"".join(die.choices(SYLLABLES, k=die.choice((2, 3, 3, 4)))) for _ in range(9000)}
    return tuple(sorted(words))[:6000]


def words(die: random.Random, count: int) -> str:
    """Running text: some words are much more frequent than others, as in any language."""
    known = vocabulary()
    return " ".join(known[int(len(known) * die.random() ** 3)] for _ in range(count))


@cache
def entry(feed: int, number: int) -> dict[str, str]:
    """One entry; entry `number` of a feed never changes. One in a hundred mentions what the watchlist looks for."""
    die = random.Random(feed * 1_000_003 + number)
    title = words(die, 9).capitalize()
    if die.random() < 0.01:
        title += " CSTO"
    summary = f"<p>{words(die, 30)}, <b>{words(die, 4)}</b> {words(die, 26)}.</p>"
    content = "".join(f"<p>{words(die, 60)}.</p>" for _ in range(4)) if number % 5 == 0 else ""
    moment = START + timedelta(minutes=7 * number)
    return {
        "guid": f"tag:feed{feed}.example,2023:{number}",
        "link": f"https://feed{feed}.example/news/{number}.html",
        "title": title,
        "summary": summary,
        "content": content,
        "rss_date": format_datetime(moment),
        "atom_date": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def document(feed: int, first: int, built: int = 0) -> bytes:
    """The feed as it stands when its oldest entry is number `first`; newest on top. `built` counts its builds."""
    entries = [entry(feed, n) for n in range(first + ENTRIES - 1, first - 1, -1)]
    return (_atom if feed % 2 else _rss)(feed, entries, START + timedelta(days=30, seconds=built)).encode()


def _rss(feed: int, entries: list[dict[str, str]], built: datetime) -> str:
    items = "".join(
        f"<item><title>{escape(e['title'])}</title><link>{e['link']}</link>"
        f'<guid isPermaLink="false">{e["guid"]}</guid><pubDate>{e["rss_date"]}</pubDate>'
        f"<category>news</category><author>desk@feed{feed}.example (Desk)</author>"
        f"<description>{escape(e['summary'])}</description>"
        + (f"<content:encoded><![CDATA[{e['content']}]]></content:encoded>" if e["content"] else "")
        + "</item>\n"
        for e in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Feed {feed}</title><link>https://feed{feed}.example/</link><description>News</description>\n"
        f"<lastBuildDate>{format_datetime(built)}</lastBuildDate>\n"
        f"{items}</channel></rss>\n"
    )


def _atom(feed: int, entries: list[dict[str, str]], built: datetime) -> str:
    items = "".join(
        f'<entry><title>{escape(e["title"])}</title><link href="{e["link"]}"/><id>{e["guid"]}</id>'
        f"<published>{e['atom_date']}</published><updated>{e['atom_date']}</updated>"
        f'<category term="news"/><author><name>Desk</name></author>'
        f'<summary type="html">{escape(e["summary"])}</summary>'
        + (f'<content type="html">{escape(e["content"])}</content>' if e["content"] else "")
        + "</entry>\n"
        for e in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f'<title>Feed {feed}</title><id>tag:feed{feed}.example,2023:feed</id><link href="https://feed{feed}.example/"/>'
        f"<updated>{built.strftime('%Y-%m-%dT%H:%M:%SZ')}</updated>\n{items}</feed>\n"
    )
