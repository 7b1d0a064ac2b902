"""A listing as Atom (RFC 4287) or JSON Feed 1.1. Every text is one line without controls, every link http or https.

A story's id is `tag:AUTHORITY,2026:story/7` (RFC 4151) in every listing, so a reader that has two of them sees it once. Feeds are named by
their ids here, never by their URLs: those may hold keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal
from urllib.parse import quote, urlsplit

from aggregator.listing import ListedOutlet, ListedStory, Listing
from aggregator.render.columns import plain
from aggregator.render.view import web_link
from aggregator.render.wording import cut

Form = Literal["atom", "json"]
TYPES: dict[Form, str] = {"atom": "application/atom+xml", "json": "application/feed+json"}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_ADDRESS = re.compile(r"(https?://[\w.~:@\[\]-]+)([/?#].*|)", re.DOTALL)
_HALF = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE = "%/?:@!$&'()*+,;="
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_BEYOND_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 (§2.2) cannot hold beside the controls."""
_TITLE = 500
OUTLETS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Who publishes listings and where.

    Attributes:
        authority: the domain in ids.
        public_url: where the pages are reached, "" for nowhere: then there are no links to ourselves.
    """

    authority: str
    public_url: str = ""

    @classmethod
    def at(cls, public_url: str, domain: str) -> Place:
        """The place of pages at `public_url`; `domain` stands in ids where there are none."""
        return cls(urlsplit(public_url).hostname or domain, public_url)

    def tag(self, what: str) -> str:
        """A tag URI."""
        return f"tag:{self.authority},2026:{what}"

    def self_link(self, listing: Listing, form: Form) -> str:
        """Where the listing itself is, or ""."""
        query = f"?{listing.query}" if listing.query else ""
        return f"{self.public_url}{listing.path}.{form}{query}" if self.public_url else ""


def render(listing: Listing, form: Form, place: Place) -> str:
    """The document; the same listing and place give the same text."""
    return _atom(listing, place) if form == "atom" else _json(listing, place)


def updated(listing: Listing) -> datetime:
    """When the newest of it came."""
    return max((story.updated_at for story in listing.stories), default=NEVER)


# -- Atom ----------------------------------------------------------------------------------------------------------


def _atom(listing: Listing, place: Place) -> str:
    links = [_link("self", place.self_link(listing, "atom"), type=TYPES["atom"])]
    links += [_link("alternate", place.public_url and f"{place.public_url}/", type="text/html")]
    query = f"?{listing.query}" if listing.query else ""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
        _element("id", place.tag(listing.path.strip("/") + query)),
        _element("title", _line(listing.title) or "aggregator"),
        _element("subtitle", _line(listing.about)),
        _element("updated", _when(updated(listing))),
        "<author><name>aggregator</name></author>",
        *links,
        "<generator>aggregator</generator>",
    ]
    for story in listing.stories:
        lines += _entry(story, place)
    return "\n".join([line for line in lines if line] + ["</feed>", ""])


def _entry(story: ListedStory, place: Place) -> list[str]:
    first, *others = story.outlets[:OUTLETS] or (ListedOutlet("", "aggregator", "", ""),)
    related = [_link("related", _href(one.link), title=_both(one)) for one in others]
    return [
        f'<entry xml:lang="{language(story.language)}">',
        _element("id", place.tag(f"story/{story.id}")),
        _element("title", _headline(story)),
        _element("published", _when(story.published_at)),
        _element("updated", _when(story.updated_at)),
        f"<author>{_element('name', _name(first))}</author>",
        _link("alternate", _href(first.link)),
        *related,
        *(f'<category term="{escape(term)}" label="{escape(_line(label))}"/>' for term, label in story.tags),
        _element("summary", _line(story.excerpt, 2_000)) if story.excerpt else "",
        f'<content type="html">{escape("".join(_html(story)))}</content>',
        "<source>" + _element("id", place.tag(f"feed/{first.feed_id}")) + _element("title", _name(first)),
        _element("updated", _when(story.updated_at)) + "</source>",
        "</entry>",
    ]


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>"


def _link(rel: str, href: str, **more: str) -> str:
    """A link, or nothing where there is none to show."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in {**more, "href": href}.items() if value)
    return f'<link rel="{rel}"{attributes}/>' if href else ""


# -- JSON Feed -----------------------------------------------------------------------------------------------------


def _json(listing: Listing, place: Place) -> str:
    feed: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _line(listing.title) or "aggregator",
        "description": _line(listing.about),
        "home_page_url": place.public_url and f"{place.public_url}/",
        "feed_url": place.self_link(listing, "json"),
        "language": "en",
        "items": [_item(story, place) for story in listing.stories],
    }
    return json.dumps({key: value for key, value in feed.items() if value != ""}, ensure_ascii=False, indent=1) + "\n"


def _item(story: ListedStory, place: Place) -> Mapping[str, object]:
    outlets = story.outlets[:OUTLETS]
    item: dict[str, object] = {
        "id": place.tag(f"story/{story.id}"),
        "url": _href(outlets[0].link) if outlets else "",
        "title": _headline(story),
        "content_html": "".join(_html(story)),
        "summary": _line(story.excerpt, 2_000),
        "date_published": _when(story.published_at),
        "date_modified": _when(story.updated_at),
        "authors": [{"name": _name(one)} for one in outlets[:1]],
        "tags": [_line(label) for _, label in story.tags],
        "language": language(story.language),
    }
    return {key: value for key, value in item.items() if value not in ("", [])}


# -- what both say ---------------------------------------------------------------------------------------------------


def _html(story: ListedStory) -> Iterator[str]:
    """Excerpt, the other outlets and the reasons, as HTML in which the reading direction of one part moves no other."""
    if story.excerpt:
        yield f'<p dir="auto" lang="{language(story.language)}">{escape(_line(story.excerpt, 2_000))}</p>'
    others = story.outlets[1:OUTLETS]
    if others:
        yield "<ul>" + "".join(f'<li dir="auto">{_anchor(one)}</li>' for one in others) + "</ul>"
    yield from (f'<p dir="auto"><small>{escape(_line(reason))}</small></p>' for reason in story.why)
    yield f"<p><small>{escape(', '.join(dict.fromkeys(_name(one) for one in story.outlets[:1])))}</small></p>"


def _anchor(outlet: ListedOutlet) -> str:
    link, text = _href(outlet.link), escape(_both(outlet))
    return f'<a href="{escape(link)}">{text}</a>' if link else text


def _both(outlet: ListedOutlet) -> str:
    title = _line(outlet.title)
    return f"{_name(outlet)}: {title}" if title else _name(outlet)


def _name(outlet: ListedOutlet) -> str:
    """The outlet's name; an author without one would be none."""
    return _line(outlet.name) or outlet.feed_id


def _headline(story: ListedStory) -> str:
    return _line(story.title) or "(no title)"


def _line(text: str, length: int = _TITLE) -> str:
    """One line, as XML may hold it."""
    return cut(plain(_BEYOND_XML.sub("", text)), length)


def _href(link: str) -> str:
    """A link that may be shown, as an address may be written (RFC 3986); or ""."""
    found = _ADDRESS.fullmatch(web_link(_BEYOND_XML.sub("", link)))
    if found is None:
        return ""
    path, mark, fragment = _HALF.sub("%25", found[2]).partition("#")
    return found[1] + quote(path, safe=_SAFE) + mark + quote(fragment, safe=_SAFE)


def _when(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def language(tag: str) -> str:
    """A language tag that may stand in `xml:lang`, or "" for an unknown one."""
    return tag if _LANGUAGE.fullmatch(tag) else ""
