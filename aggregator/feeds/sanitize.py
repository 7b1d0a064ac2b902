"""The one door for HTML that others wrote: safe HTML for pages and mails, plain text for matching and search."""

from __future__ import annotations

import html as entities
import re
from contextvars import ContextVar
from functools import cache

import nh3

from aggregator import urls

MAX_DEPTH = 200
"""html5ever is quadratic in nesting: 20,000 nested `<div>` cost five seconds. Deeper markup keeps its text alone."""
MAX_COPIES = 20_000
MAX_GROWTH = 256_000
"""HTML repeats an unclosed `<b>` in every paragraph after it: 200 of them before 5,000 `<p>`, 22 kB, become 17 MB. Markup that
would make more such copies, or has come to more characters than this and four times its own, keeps its text alone as well."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BLOCKS = _set(
    "address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main menu nav ol p pre section summary table tbody td tfoot "
    "th thead tr ul title option"
)
_INLINE = _set(
    "a abbr acronym b bdi bdo big cite code col colgroup data del dfn em font i img ins kbd label mark q rp rt ruby s "
    "samp small span strike strong sub sup time tt u var wbr"
)
_DROPPED = _set(
    "script style iframe object embed applet noscript noframes svg math template head textarea select audio video "
    "canvas map button xmp plaintext frameset"
)
_KNOWN = _BLOCKS | _INLINE | _DROPPED | _set("html body meta link base input param source track area basefont")
_KEPT = (_BLOCKS | _INLINE) - _set(
    "address article aside center dialog dir fieldset footer form header hgroup main menu nav section title option "
    "font label span data acronym big strike tt"
)
_ATTRIBUTES = {
    "*": {"lang", "dir"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"cite", "datetime"},
    "img": {"src", "alt", "title", "width", "height"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "reversed"},
    "q": {"cite"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "time": {"datetime"},
}
_LINKS = frozenset({"href", "src", "cite"})
_SHORT = frozenset({"lang", "dir", "width", "height", "colspan", "rowspan", "span", "start", "value", "datetime"})
_FORMATTING = _set("a b big code em font i nobr s small strike strong tt u")
"""What HTML opens again where a block has cut it off (the list of active formatting elements)."""
_VOID = _set("br hr img wbr col input meta link base area param source track embed")
_SELF_CLOSING = _set("p li dt dd tr td th thead tbody tfoot option colgroup rt rp")

_CONTROLS = dict.fromkeys([*range(1, 9), 11, 12, *range(14, 32), *range(0x7F, 0x85), *range(0x86, 0xA0)]) | {
    0: "\ufffd"
}
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)")
_NAME = re.compile(r"/?([a-z][a-z0-9]*)")
_OUTPUT_TAG = re.compile(r"</?[a-z][a-z0-9]*[^>]*>")
_INLINE_TAG = re.compile(rf"</?(?!(?:{'|'.join(sorted(_BLOCKS))})\b)[a-z][a-z0-9]*[^>]*>")
_IMAGE = re.compile(r"<img\b[^>]*>")
_TINY = re.compile(r'\s(?:width|height)="[01](?:px)?"')
_UNCLEAN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_ESCAPED_TAG = re.compile(r"&lt;/?([A-Za-z][A-Za-z0-9]*)")
_ESCAPED_CLOSE = re.compile(r"&lt;/[A-Za-z][A-Za-z0-9]*\s*&gt;|&lt;(?:br|img|hr)\b", re.IGNORECASE)


def html(fragment: str, base: str = "") -> str:
    """Safe HTML: our tags and attributes only, links absolute over http, https or mailto, no tracking pixels."""
    if not fragment:
        return ""
    fragment = _prepared(fragment)
    if _is_bomb(fragment):
        return _paragraphs(_shallow_text(fragment))
    _base.set(base)
    clean: str = _safe().clean(fragment)
    if len(clean) > MAX_GROWTH and len(clean) > 4 * len(fragment):  # a long base in many links, for instance
        return _paragraphs(_shallow_text(fragment))
    if "&#" in fragment:  # a reference becomes the control that it names
        clean = cleaned(clean)
    return (_IMAGE.sub(_seen_image, clean) if "<img" in clean else clean).strip()


_base: ContextVar[str] = ContextVar("base")
"""Where the links of the fragment in hand start from; a cleaner for each base would cost more than most fragments do."""


@cache
def _safe() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_KEPT),
        clean_content_tags=set(_DROPPED),
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


@cache
def _bare() -> nh3.Cleaner:
    return nh3.Cleaner(tags=set(_BLOCKS - {"title"}), clean_content_tags=set(_DROPPED | {"title"}), attributes={})


def text(fragment: str) -> str:
    """Plain text as a reader sees it: blocks on lines of their own, inline tags gone without a trace."""
    if "<" not in fragment and "&" not in fragment:
        return tidy(fragment)
    fragment = _prepared(fragment)
    if _is_bomb(fragment):
        return tidy(_shallow_text(fragment))
    return _flattened(_bare().clean(fragment))


def safe_text(clean: str) -> str:
    """Plain text of what `html` returned, without parsing it again."""
    return _flattened(clean)


def title(fragment: str) -> str:
    """A headline that may hold HTML, as one plain line; `1 < 2` and `AT&T` stay what they are."""
    if "<" not in fragment and "&" not in fragment:
        return plain(fragment)
    return plain(lenient(fragment))


def lenient(fragment: str) -> str:
    """Plain text of what may be HTML or not; `1 < 2` and `Vec<CSTO>` stay what they are."""
    return text(_only_known_tags(fragment))


def plain(value: str) -> str:
    """One line of plain text: no controls, white space collapsed. Nothing is taken for markup."""
    return " ".join(cleaned(value).split())


def tidy(value: str) -> str:
    """Several lines of plain text: no controls, no blank lines, white space collapsed inside a line."""
    if "  " not in value and value.replace("\n", "").isprintable():  # of white space only the blank is printable
        lines = (line.strip(" ") for line in value.split("\n"))
    else:
        lines = (" ".join(line.split()) for line in cleaned(value).replace("\r", "\n").split("\n"))
    return "\n".join(filter(None, lines))


def cleaned(value: str) -> str:
    """Text that databases and terminals can take: NUL and lone surrogates are U+FFFD, other controls are gone."""
    if value.isprintable():
        return value
    return _SURROGATES.sub("\ufffd", value.translate(_CONTROLS)) if _UNCLEAN.search(value) else value


def escaped(value: str) -> str:
    """Plain text as HTML: its paragraphs, marked up."""
    return _paragraphs(tidy(value))


# -- before the parser -------------------------------------------------------------------------------------------------


def _prepared(fragment: str) -> str:
    fragment = cleaned(fragment)
    fragment = cleaned(entities.unescape(fragment)) if _escaped_twice(fragment) else fragment
    if _has_cells(fragment) and "<table" not in fragment.lower():
        return _CELL.sub(
            "<br>", fragment
        )  # parts of a table cut off from it are dropped by HTML's rules, and two cells were one word
    return fragment


_CELL = re.compile(r"</?(?:td|th|tr|tbody|thead|tfoot|caption)\b[^<>]*>", re.IGNORECASE)


def _has_cells(fragment: str) -> bool:
    """Nearly no fragment has: the plain looks come first."""
    return any(start in fragment for start in ("<t", "<T", "</t", "</T")) and _CELL.search(fragment) is not None


def _escaped_twice(fragment: str) -> bool:
    """Whether a publisher escaped the markup once too often: no tag stands there, but whole ones would after."""
    if "&lt;" not in fragment or any(name.lower() in _KNOWN for _, name in _TAG.findall(fragment)):
        return False
    if not _ESCAPED_CLOSE.search(fragment):
        return False
    names = {name.lower() for name in _ESCAPED_TAG.findall(fragment)}
    return names <= _KNOWN


def _only_known_tags(fragment: str) -> str:
    """The same text in which a `<` that begins no tag of HTML is a character."""
    if "<" not in fragment:
        return fragment
    pieces = fragment.split("<")
    return pieces[0] + "".join(("<" if _begins_tag(piece) else "&lt;") + piece for piece in pieces[1:])


def _begins_tag(piece: str) -> bool:
    if piece.startswith(("!--", "![CDATA[")):
        return True
    found = _TAG.match("<" + piece[:40])
    return found is not None and found.group(2).lower() in _KNOWN and ">" in piece


def _is_bomb(fragment: str) -> bool:
    """Whether the markup may nest deeper, or repeat itself more often, than any text needs; told without parsing it."""
    if fragment.count("<") <= MAX_DEPTH:
        return False
    depth = deepest = unclosed = copies = 0
    opened = dict.fromkeys(_FORMATTING, 0)
    for close, name in _TAG.findall(fragment.lower()):
        if name in _FORMATTING:
            step = -min(1, opened[name]) if close else 1
            opened[name] += step
            unclosed += step
        else:
            copies += unclosed
        if name in _VOID or name in _SELF_CLOSING:
            continue
        depth = max(0, depth - 1) if close else depth + 1
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH or copies > MAX_COPIES


def _shallow_text(fragment: str) -> str:
    """Text of markup too deep to parse: tags cut out by position alone. Linear whatever the input."""
    pieces: list[str] = []
    at, lower = 0, fragment.lower()
    while (start := fragment.find("<", at)) >= 0:
        pieces.append(fragment[at:start])
        found = _TAG.match(fragment, start)
        end = fragment.find(">", start)
        if end < 0:
            break
        if found is None:
            pieces.append("<")
            at = start + 1
            continue
        name = found.group(2).lower()
        pieces.append("\n" if name in _BLOCKS else "")
        at = _after_raw(lower, end + 1, name) if name in {"script", "style"} and not found.group(1) else end + 1
    else:
        pieces.append(fragment[at:])
    return entities.unescape("".join(pieces))


def _after_raw(lower: str, at: int, name: str) -> int:
    """Where a script or style ends; an unclosed one runs to the end, as browsers have it."""
    close = lower.find(f"</{name}", at)
    return close if close >= 0 else len(lower)


# -- after the parser --------------------------------------------------------------------------------------------------


def _flattened(clean: str) -> str:
    text = clean.replace("\n", " ")
    if "<" in text:
        text = _without_tags(text)
    return tidy(entities.unescape(text) if "&" in text else text)


def _without_tags(text: str) -> str:
    """Blocks on lines of their own, inline tags gone; by pieces, which is three times as fast as the expressions are."""
    pieces = iter(text.split("<"))
    parts = [next(pieces)]
    for piece in pieces:
        tag, end, rest = piece.partition(">")
        name = _NAME.match(tag)
        if not end or name is None:  # a "<" that is no tag's, in an attribute
            return _OUTPUT_TAG.sub("\n", _INLINE_TAG.sub("", text))
        if name[1] in _BLOCKS:
            parts.append("\n")
        parts.append(rest)
    return "".join(parts)


def _paragraphs(value: str) -> str:
    return "".join(f"<p>{entities.escape(line, quote=False)}</p>" for line in value.split("\n") if line.strip())


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name in _LINKS:
        link = urls.absolute(_base.get(), value)
        return None if tag == "img" and not link.startswith("http") else link or None
    return value if name not in _SHORT or len(value) <= 40 else None


def _seen_image(found: re.Match[str]) -> str:
    """An image one can see: with a source, and larger than a tracking pixel."""
    image = found.group()
    return image if ' src="' in image and not _TINY.search(image) else ""
