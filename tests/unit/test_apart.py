"""An edition's page with its styles apart: the same text, the same attributes, and nothing inline."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.web.editions import apart

VALUES = st.sampled_from(["a", "a b", "x &amp; y", "1 > 0", "it's", "", "style", 'data-class="'.replace('"', "&#34;")])
NAMES = st.sampled_from(["id", "dir", "lang", "data-class", "data-style", "href", "title", "hidden"])
STYLES = st.sampled_from(
    ["color:#22262b;", "margin:0;padding:1px 2px;", "font-family:&#39;Segoe UI&#39;,Arial", "width:100%"]
)
CLASSES = st.sampled_from(["ink", "ink soft", "rule story"])
TEXTS = st.sampled_from(
    ["Talks", "a &lt;p style=&#34;x&#34;&gt; b", ' style="color:red" ', "5 &gt; 4", "\n", "ОДКБ &amp; co"]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> str:
    tag = draw(st.sampled_from(["p", "td", "a", "h1", "mark"]))
    attributes = [(name, draw(VALUES)) for name in draw(st.lists(NAMES, max_size=3, unique=True))]
    attributes += [("style", draw(STYLES))] if draw(st.booleans()) else []
    attributes += [("class", draw(CLASSES))] if draw(st.booleans()) else []
    shown = "".join(f' {name}="{value}"' for name, value in draw(st.permutations(attributes)))
    inner = draw(st.lists(st.one_of(TEXTS, elements(depth - 1)) if depth else TEXTS, max_size=3))
    return f"<{tag}{shown}>{''.join(inner)}</{tag}>"


class Seen(HTMLParser):
    """What a browser sees of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.classes: list[list[str]] = []
        self.styles: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "a browser forgets the second of two"
        known = dict(attrs)
        self.styles.append(known.pop("style", "") or "")
        self.classes.append((known.pop("class", "") or "").split())
        if tag not in ("style", "link"):
            self.seen.append((tag, known))

    def handle_endtag(self, tag: str) -> None:
        if tag != "style":
            self.seen.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            return
        self.seen.append(data)


@settings(max_examples=60)
@given(st.lists(elements(), max_size=3))
def test_text_and_attributes_stay_as_they_were(found: list[str]) -> None:
    page = f"<html><head><title>x</title></head><body>{''.join(found)}</body></html>"
    placed, sheet = apart(page)
    before, after = Seen(page), Seen(placed)
    assert after.seen == before.seen
    assert not any(after.styles)
    assert "<style" not in placed
    rules = dict(re.findall(r"^\.(\w+)\.\1\.\1\{(.*)\}$", sheet, re.MULTILINE))
    for style, old, new in zip(before.styles, before.classes, after.classes, strict=True):
        assert new[len(new) - len(old) :] == old
        assert [rules[name] for name in new[: len(new) - len(old)]] == ([style] if style else [])


def test_the_sheet_of_the_page_goes_first_and_what_is_important_in_it_still_wins() -> None:
    dark = "@media (prefers-color-scheme: dark) { .ink { color: #e4e6e8 !important; } }"
    page = f'<html><head><style>{dark}</style></head><body><p class="ink" style="color:#22262b">x</p></body></html>'
    placed, sheet = apart(page, "<link>")
    assert placed.count("<link></head>") == 1
    assert sheet.startswith(dark)
    assert "important" not in sheet.removeprefix(dark), "no rule of one element is as strong as that"


def test_a_style_with_a_type_is_a_style_and_one_of_single_quotes_too() -> None:
    page = "<head><style type=\"text/css\">p{}</style></head><p style='margin:0' class=ink>x</p>"
    placed, sheet = apart(page)
    assert "style" not in placed
    name = re.findall(r'<p class="(\w+) ink">x</p>', placed)[0]
    assert sheet == f"p{{}}\n.{name}.{name}.{name}{{margin:0}}"
    assert html.escape(placed)
