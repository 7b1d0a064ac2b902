"""What stands around an article on its page, taken out of the tree before the text is: menus, lists, cards, calls.

A foreign headline must not be taken for the article's words, so what may be either goes. What holds the article's own
heading or its body never goes as a whole, whatever its class is called. Trees are lxml's; nothing of lxml is imported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from aggregator.stories import calls


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEVER_TEXT = _set(
    "script style noscript template nav aside footer dialog iframe button select textarea svg canvas video audio "
    "figcaption marquee menu object embed"
)
_ROLES = _set("navigation complementary contentinfo banner search dialog alertdialog menu menubar toolbar tablist")
_BLOCKS = _set(
    "p div li ul ol dl dt dd td th tr table tbody section article blockquote center h1 h2 h3 h4 h5 h6 main body form "
    "header details summary pre figure address fieldset"
)
_INLINE = _set("b i em strong span font u abbr cite q small sup sub time mark")
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_CLASS_WORDS = _set(
    "breadcrumb breadcrumbs sidebar navbar nav menu submenu related recommended recommend recommendation recommendations "
    "teaser teasers promo subscribe subscription newsletter cookie cookies consent gdpr comment comments disqus share "
    "sharing social socials sharer tags tagcloud ticker popular trending banner advert adverts advertisement ads footer "
    "pagination pager caption captions copyright sponsored outbrain taboola readmore readalso seealso mostread lastnews "
    "latest newsline newsfeed lenta partners popup modal overlay toolbar also login signup skip"
)
_CLASS_PAIR = re.compile(
    r"(?:last|latest|recent|top|more|other|main|hot|read|see|next|similar|linked)(?:news|posts?|articles|stories|items|also|materials|more)"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_SPACE = re.compile(r"\s+")
_LABELLED = frozenset({*_HEADINGS, *_set("p div b strong span dt summary legend label")})
_PROSE = 60
_SHARE = 0.5
"""A block of which so much is links leads elsewhere."""
_MOST = 0.6
_ROW = 2
_CARD = 400
"""Characters of a teaser, its heading included."""
_SURE = 30
"""Characters of the feed's text that tell where the article begins."""


def clear(tree: Any, start: str = "") -> None:
    """Take the surroundings out of a page's tree; `start` is how the article begins, "" where that is not known."""
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.tag in _NEVER_TEXT:
            _drop(element)
    _open_tables(tree)
    sure = _lineage(tree, [*_marked(tree), *_beginnings(tree, start)])
    for element in list(tree.iter()):
        if element not in sure and _stands_beside(element):
            _drop(element)
    kept = sure | _bulk(tree)
    _drop_rows(tree, sure)
    _drop_cards(tree, kept)
    _drop_under_labels(tree, kept)
    _drop_calls(tree, kept)
    _drop_link_blocks(tree, kept)


def article(tree: Any) -> Any:
    """The element that the page itself marks as the article, or None where marks and words do not agree."""
    marked = [e for e in tree.iter() if "articlebody" in _attribute(e, "itemprop").lower().split()]
    if marked:
        return max(marked, key=lambda e: len(text(e)))
    proses = _proses(tree)
    for candidates in (list(tree.iter("article")), [e for e in tree.iter() if _is_main(e)]):
        headed = [e for e in candidates if next(e.iter("h1"), None) is not None]
        best = max(headed or candidates, key=lambda e: proses[e], default=None)
        if best is not None and (headed or proses[best] > _MOST * proses[tree]):
            return best
    return None


def text(element: Any) -> str:
    """The words inside an element, blanks folded."""
    return _SPACE.sub(" ", element.text_content()).strip()


def _opening(element: Any, size: int) -> str:
    """The same, no further than is needed to see that it is longer than `size`."""
    parts: list[str] = []
    room = size
    for part in element.itertext():
        parts.append(part)
        room -= len(part.strip())
        if room < 0:
            break
    return _SPACE.sub(" ", "".join(parts)).strip()


# -- what goes -------------------------------------------------------------------------------------------------------


def _stands_beside(element: Any) -> bool:
    """Whether tag, role, visibility or class say that this is not the article."""
    if element.tag in ("body", "html", "main"):
        return False
    if element.tag == "header":
        return next(element.iter("h1"), None) is None
    if element.tag == "form" or _attribute(element, "role").lower() in _ROLES:
        return True
    if element.get("hidden") is not None or _attribute(element, "aria-hidden").lower() == "true":
        return True
    if _HIDDEN.search(_attribute(element, "style").lower()):
        return True
    named = _CAMEL.sub("-", f"{_attribute(element, 'class')} {_attribute(element, 'id')}").lower()
    words = re.split(r"[^a-z0-9]+", named)
    pairs = ("".join(pair) for pair in pairwise(words))
    return bool(_CLASS_WORDS & {*words}) or any(_CLASS_PAIR.fullmatch(w) for w in (*words, *pairs))


def _drop_rows(tree: Any, sure: set[Any]) -> None:
    """Teasers without a link: boxes of one form side by side, each a heading and a few words."""
    for parent in [e for e in tree.iter() if len(e) >= _ROW]:
        row = [e for e in parent if e not in sure and _is_card(e)]
        forms = [(e.tag, e.get("class")) for e in row]
        count = Counter(forms)
        for element, form in zip(row, forms, strict=True):
            if count[form] >= _ROW:
                _drop(element)


def _is_card(element: Any) -> bool:
    if element.tag in _HEADINGS or len(_opening(element, _CARD)) > _CARD:
        return False
    return sum(1 for _ in element.iter(*_HEADINGS)) == 1 and sum(1 for _ in element.iter("p")) <= 2


def _drop_cards(tree: Any, kept: set[Any]) -> None:
    """Teasers: a heading that is a link, with all that stands in its box; in the article's own box, the next paragraph."""
    for heading in [h for h in tree.iter(*_HEADINGS) if _link_share(h) > _SHARE or _inside_link(h)]:
        if heading.getparent() is None:
            continue
        box = heading.getparent()
        while box is not None and box.tag == "a":
            box = box.getparent()
        if box is not None and box not in kept:
            _drop(box)
            continue
        following = heading.getnext()
        if following is not None and following.tag in ("p", "div"):
            _drop(following)
        _drop(heading)


def _drop_under_labels(tree: Any, kept: set[Any]) -> None:
    """Sections whose heading says that others' news follow: up to the next heading; after a list, up to the next text."""
    for label in [e for e in tree.iter() if _is_label(e)]:
        parent = label.getparent()
        if parent is None or label in kept:
            continue
        if parent not in kept and text(parent).startswith(text(label)):
            _drop(parent)
            continue
        for sibling in _section(label):
            if sibling not in kept:
                _drop(sibling)
        _drop(label)


def _section(label: Any) -> Iterator[Any]:
    lists = False
    for sibling in list(label.itersiblings()):
        leads_elsewhere = sibling.tag in ("ul", "ol", "table", "dl") or _link_share(sibling) > _SHARE
        if sibling.tag in (*_HEADINGS, "h1") or ((lists or label.tag not in _HEADINGS) and not leads_elsewhere):
            return
        lists = lists or leads_elsewhere
        yield sibling


def _is_label(element: Any) -> bool:
    return (
        element.tag in _LABELLED
        and len(element) <= 2
        and calls.is_label(_opening(element, calls.LONGEST))
        and _link_share(element) < _SHARE
    )


def _drop_calls(tree: Any, kept: set[Any]) -> None:
    """Lines that speak of the page or its publisher."""
    for element in [
        e for e in tree.iter(*_BLOCKS) if e not in kept and e.tag != "h1" and calls.is_call(_opening(e, calls.LONGEST))
    ]:
        _drop(element)


def _drop_link_blocks(tree: Any, kept: set[Any]) -> None:
    """Blocks that are links for the greater part, the innermost first; what is gone counts no more."""
    sizes: dict[Any, tuple[int, int]] = {}
    for element in reversed(list(tree.iter())):
        whole = _length(element.text)
        linked = 0
        for child in element:
            size, links = sizes[child]
            whole += size + _length(child.tail)
            linked += links
        sizes[element] = (whole, whole if element.tag == "a" else linked)
        if element in kept:
            _drop_bare_links(element)
        elif element.tag in _BLOCKS and element.tag != "h1" and linked and linked >= _SHARE * whole:
            sizes[element] = (0, 0)
            _drop(element)


def _drop_bare_links(element: Any) -> None:
    """Links that are lines of their own between <br>s or blocks."""
    for link in [a for a in element.iterchildren("a") if len(text(a).split()) > 2]:
        before = link.getprevious()
        alone_before = not ((before.tail if before is not None else element.text) or "").strip()
        alone_after = not (link.tail or "").strip()
        edges = (before is None or before.tag in (*_BLOCKS, "br", "a")) and (
            link.getnext() is None or link.getnext().tag in (*_BLOCKS, "br", "a")
        )
        if alone_before and alone_after and edges:
            _drop(link)


# -- measures ----------------------------------------------------------------------------------------------------------


def _lineage(tree: Any, held: list[Any]) -> set[Any]:
    """The elements and all that they stand in."""
    return {tree, *held, *(above for element in held for above in element.iterancestors())}


def _marked(tree: Any) -> list[Any]:
    """What the page marks as the article, else its heading."""
    body = article(tree)
    return list(tree.iter("h1")) if body is None else [body]


def _beginnings(tree: Any, start: str) -> list[Any]:
    """The innermost block that begins as the feed says that the article does, if any."""
    if len(start) < _SURE:
        return []
    size = 2 * len(start)
    opening = [e for e in tree.iter(*_BLOCKS) if _opening(e, size).casefold().startswith(start)]
    blocks = [e for e in opening if _link_share(e) < _SHARE]
    outer = {above for block in blocks for above in block.iterancestors()}
    innermost = [block for block in blocks if block not in outer]
    # A teaser of the same article is not longer than its own first paragraph.
    return [max(innermost, key=lambda e: len(text(e)))] if innermost else []


def _bulk(tree: Any) -> set[Any]:
    """What holds most of the running text, of the article where it is marked."""
    body = article(tree)
    proses = _proses(tree if body is None else body)
    most = _MOST * max(proses.values(), default=0)
    return {element for element, size in proses.items() if most and size > most}


def _open_tables(tree: Any) -> None:
    """Tables that lay out a page become boxes: in a table, trafilatura reads rows of numbers."""
    for table in [t for t in tree.iter("table") if next(t.iter("p", "div", "h1", "h2"), None) is not None]:
        for part in [table, *table.iter("tbody", "thead", "tfoot", "tr", "td", "th")]:
            part.tag = "div"


def _is_main(element: Any) -> bool:
    return element.tag == "main" or _attribute(element, "role").lower() == "main"


def _proses(tree: Any) -> dict[Any, int]:
    """How much running text each element holds: that of the blocks in it that have some of their own."""
    held: dict[Any, int] = {}
    for element in reversed(list(tree.iter())):
        own = _own(element) if element.tag in _BLOCKS else 0
        held[element] = (own if own >= _PROSE else 0) + sum(held[child] for child in element)
    return held


def _own(block: Any) -> int:
    """Characters that stand in a block itself, outside of links and of blocks in it."""
    own = _length(block.text)
    for child in block:
        own += _length(child.tail) + (_own(child) if child.tag in _INLINE else 0)
    return own


def _length(text: str | None) -> int:
    return len((text or "").strip())


def _link_share(element: Any) -> float:
    whole = len(text(element))
    if element.tag == "a":
        return 1.0
    return sum(len(text(a)) for a in element.iter("a")) / whole if whole else 0.0


def _inside_link(element: Any) -> bool:
    return any(e.tag == "a" for e in element.iterancestors())


def _attribute(element: Any, name: str) -> str:
    return str(element.get(name) or "") if isinstance(element.tag, str) else ""


def _drop(element: Any) -> None:
    """Take an element out and leave the text behind it."""
    if element.getparent() is not None:
        element.drop_tree()
