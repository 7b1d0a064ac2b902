"""Past editions as sent, under addresses that stay. Their styles are served beside them: our pages hold none themselves."""

from __future__ import annotations

import hashlib
import hmac
import html
import re
from collections.abc import Sequence
from datetime import date
from itertools import groupby

from fastapi import HTTPException, Response
from fastapi.responses import HTMLResponse

from aggregator.publication import StoredEdition
from aggregator.readers import forms, rhythm
from aggregator.web.frame import ASK_AGAIN, Frame
from aggregator.web.links import number
from aggregator.web.routes import Routes

SHOWN = 100
LOOKS = 20
"""Readings of the archive for one page: where readers' own editions are many, a page may come out shorter."""
BACK = """
.back { max-width: 40rem; margin: 0 auto; padding: 0 1.125rem; font: 1rem/1.5 -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.back a { display: inline-block; margin-right: 1.25rem; padding: 0.625rem 0; color: #0d5563; text-decoration: none; }
@media print { .back { display: none; } }
"""
"""What the way back to our pages wears above an edition, dark as the edition's own links are."""
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"<style(?:\s[^>]*)?>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_QUOTES = "\"'"
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+)"""
_TAG = re.compile(rf"""<[a-zA-Z][a-zA-Z0-9-]*(?:\s+[^\s"'<>/=]+(?:\s*=\s*{_VALUE})?)+\s*/?>""")
_ATTRIBUTE = re.compile(rf"""\s+([^\s"'<>/=]+)(?:\s*=\s*({_VALUE}))?""")


def add(routes: Routes) -> None:
    """Add the routes."""
    editions = Editions(routes.frame)
    routes.page("editions", editions.list)
    routes.anyone("/editions/{digest}/{key}.css", editions.sheet)
    routes.anyone("/editions/{digest}/{key}", editions.edition)


class Editions:
    """What each route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def list(self, before: str = "") -> Response:
        """Past editions by day; those that readers chose for themselves are reached by the links in their mail alone."""
        first = number(before)
        return self._frame.kept(("editions", first), (), lambda: (self._list(first), ()))

    def _list(self, before: int) -> str:
        found = self._found(before)
        days = groupby(found[:SHOWN], key=self._day)
        return self._frame.text(
            "archive.html.j2",
            here="editions",
            days=[(day, tuple(editions)) for day, editions in days],
            before=before,
            older=found[SHOWN - 1].id if len(found) > SHOWN else 0,
        )

    def _found(self, before: int) -> Sequence[StoredEdition]:
        """A page of them and one more, newest first."""
        found: list[StoredEdition] = []
        for _ in range(LOOKS):
            read = self._app.stores.editions.editions(limit=2 * SHOWN, whole=False, before=before)
            found += [e for e in read if not rhythm.is_readers(e.digest_id)]
            if len(found) > SHOWN or len(read) < 2 * SHOWN:
                break
            before = read[-1].id
        return found

    def _day(self, edition: StoredEdition) -> date:
        return edition.composed_at.astimezone(self._frame.zone).date()

    def edition(self, digest: str, key: str, read: str = "") -> Response:
        """One edition, as sent, below the way back to the pages; where the pages are closed, `read` is what the link in its mail ends with."""
        self._may_read(digest, key, read)
        page = self._page(digest, key)
        if page is None:
            return self._frame.say(404, "No such edition", "There is no edition at this address.")
        more = {} if self._frame.readable else {"read": read}
        sheet = self._frame.link("sheet", digest=digest, key=key, **more)
        placed = apart(page, f'<link rel="stylesheet" href="{html.escape(sheet)}">')[0]
        return HTMLResponse(_BODY.sub(lambda body: body[0] + self._back(), placed, count=1), headers=ASK_AGAIN)

    def _back(self) -> str:
        """The way back to the pages, for who may read them: an edition itself leads to none."""
        if not self._frame.readable:
            return ""
        ways = (("today", "Today"), ("editions", "Editions"))
        links = " ".join(
            f'<a class="link" href="{html.escape(self._frame.link(name))}">{text}</a>' for name, text in ways
        )
        return f'<nav class="back" aria-label="Pages">{links}</nav>'

    def sheet(self, digest: str, key: str, read: str = "") -> Response:
        """The styles of an edition."""
        self._may_read(digest, key, read)
        page = self._page(digest, key)
        if page is None:
            raise HTTPException(404)
        return Response(apart(page)[1] + BACK, media_type="text/css", headers=ASK_AGAIN)

    def _may_read(self, digest: str, key: str, read: str) -> None:
        """Let through who may read the pages, or has the link of this edition. Raises HTTPException 403."""
        seal = forms.seal(self._app.secret, digest, key)
        if not (self._frame.readable or hmac.compare_digest(seal.encode(), read.encode("utf-8", "replace"))):
            raise HTTPException(403)

    def _page(self, digest: str, key: str) -> str | None:
        found = self._app.stores.editions.editions(digest, 1, key)
        return found[0].rendered.page if found else None


def apart(page: str, link: str = "") -> tuple[str, str]:
    """A page whose styles stand in it -> the page with `link` in their place, and the sheet.

    A style of one element becomes a class of its own; written three times it is as strong as it was against those of the page,
    and as weak against what is `!important` there.
    """
    names: dict[str, str] = {}
    sheets = [found[1] for found in _STYLE.finditer(page)]
    bare = _TAG.sub(lambda found: _classed(found[0], names), _STYLE.sub("", page))
    rules = [f".{name}.{name}.{name}{{{style}}}" for style, name in names.items()]
    return bare.replace("</head>", f"{link}</head>", 1), "\n".join([*sheets, *rules])


def _classed(tag: str, names: dict[str, str]) -> str:
    """A start tag with the class of its style instead of the style; `names` holds a class for each style."""
    found = {one[1].lower(): (one[0], one[2] or "") for one in reversed([*_ATTRIBUTE.finditer(tag)])}
    if "style" not in found:
        return tag
    written, value = found["style"]
    style = html.unescape(value.strip(_QUOTES))
    name = names.setdefault(style, f"i{hashlib.sha256(style.encode()).hexdigest()[:8]}")
    if "class" not in found:
        return tag.replace(written, f' class="{name}"', 1)
    known, classes = found["class"]
    both = f"{name} {classes.strip(_QUOTES)}"
    return tag.replace(written, "", 1).replace(known, f' class="{both}"', 1)
