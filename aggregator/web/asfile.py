"""A page as a file: what only a server can do is taken out of it, everything else stays byte for byte."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping
from html.parser import HTMLParser

from aggregator.web.filelinks import DROPPED, NOWHERE

BLOCKS = ("section", "details")
"""What goes too where nothing but its heading is left."""
_PLACE = re.compile(r'<[^<>]*\sid="([^"]*)"')
_TO_PLACE = re.compile(r'<a [^<>]*href="#([^"]+)"')
HEADS = ("h1", "h2", "h3", "h4", "summary", "label")


def as_file(page: str) -> str:
    """The page without forms, and without links that lead nowhere: their text stays where it says something.

    A section or what opens goes with the form that it was there for, and so do links to it on the page.
    """
    made = _read(page, ())
    places = {html.unescape(one) for one in _PLACE.findall(made)}
    gone = {f"#{one}" for one in map(html.unescape, _TO_PLACE.findall(made)) if one not in places}
    return _read(page, gone) if gone else made


def _read(page: str, gone: Collection[str]) -> str:
    reader = _Page(gone)
    reader.feed(page)
    reader.close()
    return "".join(reader.out)


class _Block:
    """A section that is open: where it begins in what is written, whether it lost a form, and whether it says something."""

    def __init__(self, tag: str, start: int) -> None:
        self.tag = tag
        self.start = start
        self.lost = False
        self.says = False


class _Page(HTMLParser):
    """Copies what it reads."""

    def __init__(self, gone: Collection[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._gone = gone
        self._in: list[str] = []
        self._blocks: list[_Block] = []
        self._dropped: list[str] = []
        self._links: list[bool] = []

    # -- what is dropped ----------------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        leads_nowhere = given.get("href", "") in (NOWHERE, DROPPED, *self._gone)
        if self._dropped:
            self._dropped += [tag] if tag == self._dropped[0] else []
        elif tag == "form" or (tag == "a" and leads_nowhere and self._is_button(given)):
            self._dropped = [tag]
            for block in self._blocks:
                block.lost |= tag == "form"
        elif tag == "a":
            self._links.append(leads_nowhere)
            self._write("" if leads_nowhere else self._tag())
        elif not (tag == "link" and leads_nowhere):
            self._open(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            self._dropped = self._dropped[:-1] if tag == self._dropped[0] else self._dropped
        elif tag == "a" and self._links:
            self._write("" if self._links.pop() else "</a>")
        else:
            self._close(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's shape
        self._write(self._tag())

    def _is_button(self, given: Mapping[str, str]) -> bool:
        """Whether a link is there to do something, and its text says nothing else."""
        return given["href"] != NOWHERE or "rel" in given or "alone" in given.get("class", "") or "nav" in self._in

    # -- what stays ----------------------------------------------------------------------------------------------------

    def _open(self, tag: str) -> None:
        if tag in BLOCKS:
            self._blocks.append(_Block(tag, len(self.out)))
        if tag in ("nav", *HEADS):
            self._in.append(tag)
        self._write(self._tag())

    def _close(self, tag: str) -> None:
        self._write(f"</{tag}>")
        if tag in self._in:
            self._in.remove(tag)
        if tag in BLOCKS and self._blocks:
            block = self._blocks.pop()
            if block.lost and not block.says:
                del self.out[block.start :]
            elif self._blocks:
                self._blocks[-1].says = True

    def _tag(self) -> str:
        return self.get_starttag_text() or ""

    def _write(self, text: str) -> None:
        if not self._dropped:
            self.out.append(text)

    def handle_data(self, data: str) -> None:
        if self._blocks and not self._dropped and data.strip() and not set(self._in) & set(HEADS):
            self._blocks[-1].says = True
        self._write(data)

    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._write(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self._write(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self._write(f"<![{data}]>")
