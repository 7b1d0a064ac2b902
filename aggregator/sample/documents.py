"""Outlets as documents: RSS 2.0, RSS 1.0, Atom 1.0 and JSON Feed 1.1, byte for byte the same on every call."""

from __future__ import annotations

import json
from email.utils import format_datetime
from html import escape

from aggregator.sample.story import OPENING, Item, Outlet

_RSS_HEAD = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel>
<title>{title}</title>
<link>https://{host}/</link>
<description>{description}</description>
<language>{language}</language>
<lastBuildDate>{built}</lastBuildDate>
"""
_RDF_HEAD = """<?xml version="1.0" encoding="{encoding}"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel rdf:about="https://{host}/">
<title>{title}</title>
<link>https://{host}/</link>
<description>{description}</description>
<dc:language>{language}</dc:language>
<items><rdf:Seq>
{members}
</rdf:Seq></items>
</channel>
"""
_ATOM_HEAD = """<?xml version="1.0" encoding="{encoding}"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}">
<title>{title}</title>
<subtitle>{description}</subtitle>
<id>https://{host}/</id>
<link rel="self" href="{self_url}"/>
<link rel="alternate" type="text/html" href="https://{host}/"/>
<updated>{built}</updated>
<author><name>{title}</name></author>
"""


def render(outlet: Outlet, origin: str) -> bytes:
    """The outlet's feed as its server at `origin` sends it."""
    writer = {"rss": _rss, "rdf": _rdf, "atom": _atom, "json": _json}[outlet.format]
    text = writer(outlet, origin)
    if outlet.broken:
        text = _spoil(text)
    return text.encode(outlet.encoding)


def _spoil(text: str) -> str:
    """Do what careless publishers do: ampersands as typed, an HTML entity XML does not know, and no end.

    Items stay whole, so that a forgiving parser finds every one of them.
    """
    return text.replace(" &amp; ", " & ").replace(" – ", "&nbsp;– ").removesuffix("</channel>\n</rss>\n")


def _paragraphs(item: Item) -> str:
    return "".join(f"<p>{escape(paragraph, quote=False)}</p>" for paragraph in item.text)


def _xml(text: str) -> str:
    return escape(text, quote=False)


def _head(template: str, outlet: Outlet, built: str, **more: str) -> str:
    return template.format(
        encoding=outlet.encoding,
        title=_xml(outlet.title),
        description=_xml(outlet.description),
        host=outlet.host,
        language=outlet.language,
        built=built,
        **more,
    )


def _rss(outlet: Outlet, origin: str) -> str:
    head = _head(_RSS_HEAD, outlet, format_datetime(OPENING))
    return head + "".join(_rss_item(outlet, item, origin) for item in outlet.items) + "</channel>\n</rss>\n"


def _rss_item(outlet: Outlet, item: Item, origin: str) -> str:
    """An item; one of several paragraphs carries its first as description and all of them as content."""
    lines = [
        "<item>",
        f"<title>{_xml(item.title)}</title>",
        f"<link>{_xml(outlet.link(item, origin))}</link>",
        f'<guid isPermaLink="false">{_xml(outlet.guid(item))}</guid>',
        f"<pubDate>{item.date_text or format_datetime(item.at)}</pubDate>",
        f"<description>{_xml(item.text[0])}</description>",
    ]
    if len(item.text) > 1:
        lines.append(f"<content:encoded>{_xml(_paragraphs(item))}</content:encoded>")
    if item.author:
        lines.append(f"<dc:creator>{_xml(item.author)}</dc:creator>")
    lines += [f"<category>{_xml(category)}</category>" for category in item.categories]
    return "\n".join([*lines, "</item>\n"])


def _rdf(outlet: Outlet, origin: str) -> str:
    members = "\n".join(f'<rdf:li rdf:resource="{outlet.guid(item)}"/>' for item in outlet.items)
    head = _head(_RDF_HEAD, outlet, "", members=members)
    return head + "".join(_rdf_item(outlet, item, origin) for item in outlet.items) + "</rdf:RDF>\n"


def _rdf_item(outlet: Outlet, item: Item, origin: str) -> str:
    lines = [
        f'<item rdf:about="{outlet.guid(item)}">',
        f"<title>{_xml(item.title)}</title>",
        f"<link>{_xml(outlet.link(item, origin))}</link>",
        f"<description>{_xml(' '.join(item.text))}</description>",
        f"<dc:date>{item.date_text or item.at.isoformat()}</dc:date>",
        *(f"<dc:subject>{_xml(category)}</dc:subject>" for category in item.categories),
        "</item>\n",
    ]
    return "\n".join(lines)


def _atom(outlet: Outlet, origin: str) -> str:
    head = _head(_ATOM_HEAD, outlet, OPENING.isoformat(), self_url=f"{origin}{outlet.path}")
    return head + "".join(_atom_entry(outlet, item, origin) for item in outlet.items) + "</feed>\n"


def _atom_entry(outlet: Outlet, item: Item, origin: str) -> str:
    when = item.date_text or item.at.isoformat()
    lines = [
        "<entry>",
        f'<title type="text">{_xml(item.title)}</title>',
        f"<id>{_xml(outlet.guid(item))}</id>",
        f'<link rel="alternate" type="text/html" href="{escape(outlet.link(item, origin))}"/>',
        f"<published>{when}</published>",
        f"<updated>{when}</updated>",
        f'<summary type="text">{_xml(item.text[0])}</summary>',
        f'<content type="html">{_xml(_paragraphs(item))}</content>',
        *(f'<category term="{escape(category)}"/>' for category in item.categories),
    ]
    if item.author:
        lines.append(f"<author><name>{_xml(item.author)}</name></author>")
    return "\n".join([*lines, "</entry>\n"])


def _json(outlet: Outlet, origin: str) -> str:
    items = [
        {
            "id": outlet.guid(item),
            "url": outlet.link(item, origin),
            "title": item.title,
            "content_html": _paragraphs(item),
            "summary": item.text[0],
            "date_published": item.at.isoformat(),
            "authors": [{"name": item.author or outlet.title}],
            "tags": list(item.categories),
        }
        for item in outlet.items
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.title,
        "description": outlet.description,
        "home_page_url": f"https://{outlet.host}/",
        "feed_url": f"{origin}{outlet.path}",
        "language": outlet.language,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"
