"""Past editions as sent, under addresses that stay. Their styles are served beside them: our pages hold none themselves."""

from __future__ import annotations

import hashlib
import hmac
import html
import re

from fastapi import HTTPException, Response
from fastapi.responses import HTMLResponse

from aggregator.readers import forms, rhythm
from aggregator.web.frame import Frame
from aggregator.web.routes import Routes

SHOWN = 100
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_INLINE = re.compile(r'(<[a-z][^<>]*?) style="([^"]*)"')
_CLASS = re.compile(r'( class=")')


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

    def list(self) -> Response:
        """Past editions; those that readers chose for themselves are reached by the links in their mail alone."""
        found = self._app.stores.editions.editions(limit=2 * SHOWN, whole=False)
        shown = [e for e in found if not rhythm.is_readers(e.digest_id)][:SHOWN]
        return self._frame.page("archive.html.j2", here="editions", editions=shown)

    def edition(self, digest: str, key: str, read: str = "") -> Response:
        """One edition, as sent; where the pages are closed, `read` is what the link in its mail ends with."""
        self._may_read(digest, key, read)
        page = self._page(digest, key)
        if page is None:
            return self._frame.say(404, "No such edition", "There is no edition at this address.")
        sheet = f"{self._frame.link('edition', digest=digest, key=key)}.css{'' if self._frame.readable else f'?read={read}'}"
        link = f'<link rel="stylesheet" href="{html.escape(sheet)}">'
        return HTMLResponse(apart(page, link)[0])

    def sheet(self, digest: str, key: str, read: str = "") -> Response:
        """The styles of an edition."""
        self._may_read(digest, key, read)
        page = self._page(digest, key)
        if page is None:
            raise HTTPException(404)
        return Response(apart(page)[1], media_type="text/css")

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

    A style of one element becomes a class of its own; written three times it is as strong as it was against those of the page.
    """
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        style = html.unescape(found[2])
        name = names.setdefault(style, f"i{hashlib.sha256(style.encode()).hexdigest()[:8]}")
        tag, classes = found[1], f'class="{name} '
        return tag.replace('class="', classes, 1) if ' class="' in tag else f'{tag} class="{name}"'

    sheets = _STYLE.findall(page)
    bare = _INLINE.sub(named, page)
    placed = _STYLE.sub(lambda _: "", bare).replace("</head>", f"{link}</head>", 1)
    rules = [f".{name}.{name}.{name}{{{style}}}" for style, name in names.items()]
    return placed, "\n".join([*sheets, *rules])
