"""Article pages as newspapers serve them: a few paragraphs of text in the middle of everything else.

Menus, two lists of headlines, a teaser box and a footer stand around every article. The headlines of other articles
name the alliance too, on purpose: a watcher that reads the whole page raises a false alert for each of them.
"""

from __future__ import annotations

from html import escape

from aggregator.sample.story import Item, Outlet

_SECTIONS = (
    "Home",
    "Diplomacy",
    "People",
    "Science",
    "History",
    "Calendar",
    "Letters",
    "Subscribe",
    "About us",
    "Sign in",
)
_MOST_READ = (
    "CSTO calendar: the year at a glance",
    "Why summits are held in small towns",
    "Five things nobody tells young envoys",
    "The longest handshake on record",
    "CSTO and its chairs, a short history",
    "A glossary of polite refusals",
    "How to read a communique backwards",
    "The last typewriter in the ministry",
    "Who pays for the flowers",
    "Seating plans and how they fail",
)
_LATEST = (
    "Museum of gifts reopens with a stuffed bear",
    "Protocol school changes its entrance test",
    "Border town celebrates its bridge",
    "Chair of the CSTO to receive envoys on Monday",
    "Stamp collectors meet in Vienna",
    "A consulate moves into a bakery",
    "New rules for flags in the rain",
    "The treaty that fits on a postcard",
    "Concert hall hosts negotiators for a week",
    "Readers' letters: more maps, please",
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} | {outlet}</title>
<meta name="viewport" content="width=device-width">
<meta property="og:site_name" content="{outlet}">
<style>body {{ font: 1rem/1.5 serif; margin: 0 auto; max-width: 70rem }} nav li {{ display: inline }}</style>
</head>
<body>
<header>
<p class="logo"><a href="/">{outlet}</a></p>
<nav class="menu"><ul>
{menu}
</ul></nav>
</header>
<div class="columns">
<aside class="sidebar left"><h2>Most read</h2><ul>
{most_read}
</ul></aside>
<main>
<article>
<h1>{title}</h1>
<p class="byline">{author}, {date}</p>
{text}
</article>
<section class="related"><h2>Read next</h2><ul>
{related}
</ul></section>
</main>
<aside class="sidebar right"><h2>Latest</h2><ul>
{latest}
</ul></aside>
</div>
<footer>
<ul>
{footer}
</ul>
<p>All texts by our own authors. Subscribe to our newsletter and never miss a summit again.</p>
</footer>
</body>
</html>
"""


def article(outlet: Outlet, item: Item) -> bytes:
    """The article page of an item."""
    others = [other for other in outlet.items if other.slug != item.slug]
    page = _PAGE.format(
        title=escape(item.title),
        outlet=escape(outlet.title),
        author=escape(item.author or outlet.title),
        date=f"{item.at:%-d %B %Y}",
        menu=_links(_SECTIONS, "section"),
        most_read=_links(_MOST_READ, "read"),
        text="\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in item.article or item.text),
        related="\n".join(
            f'<li><a href="/articles/{other.slug}.html">{escape(other.title)}</a></li>' for other in others
        ),
        latest=_links(_LATEST, "latest"),
        footer=_links(("Imprint", "Privacy", "Terms", "Advertise", "Contact"), "info"),
    )
    return page.encode()


def _links(titles: tuple[str, ...], kind: str) -> str:
    return "\n".join(f'<li><a href="/{kind}/{number}">{escape(text)}</a></li>' for number, text in enumerate(titles))
