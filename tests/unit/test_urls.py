from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator import urls


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://www.example.org/a/", "example.org/a"),
        ("http://example.org", "example.org"),
        ("HTTP://EXAMPLE.org:80/A", "example.org/A"),
        ("https://example.org:443/a", "example.org/a"),
        ("https://example.org:8443/a", "example.org:8443/a"),
        ("https://user:pw@example.org/a", "example.org/a"),
        ("https://example.org./a", "example.org/a"),
        ("https://example.org/a#part", "example.org/a"),
        ("https://example.org/#!/a", "example.org#!/a"),
        ("https://example.org/index.html", "example.org"),
        ("https://example.org/d/index.php?id=5", "example.org/d?id=5"),
        ("https://example.org/a?b=2&a=1", "example.org/a?a=1&b=2"),
        ("https://example.org/a?utm_source=x&UTM_medium=y&id=3", "example.org/a?id=3"),
        ("https://example.org/a?fbclid=1&gclid=2&yclid=3&ysclid=4&igshid=5&mc_cid=6&cmpid=7&ref=x", "example.org/a"),
        ("https://example.org/a?from=rss&from=minsk", "example.org/a?from=minsk"),
        ("https://example.org/%7euser/%d0%9e%d0%94", "example.org/~user/%D0%9E%D0%94"),
        ("https://example.org/ОД", "example.org/%D0%9E%D0%94"),
        ("https://example.org/a b", "example.org/a%20b"),
        ("https://example.org/100%", "example.org/100%25"),
        ("https://example.org/a/../b/./c", "example.org/b/c"),
        ("https://белта.бел/а", "xn--80abmy9a.xn--90ais/%D0%B0"),
        ("https://www.by/a", "www.by/a"),
        ("http://[2001:db8::1]:8080/x", "[2001:db8::1]:8080/x"),
        ("mailto:a@example.org", ""),
        ("urn:uuid:1", ""),
        ("http://[::1", ""),
        ("http://example.org:99999/", ""),
        ("", ""),
    ],
)
def test_canonical_form(url: str, wanted: str) -> None:
    assert urls.canonical(url) == wanted


def test_a_query_that_tells_articles_apart_stays() -> None:
    assert urls.canonical("https://x.by/?a=1&b=2") != urls.canonical("https://x.by/?a=1&b=3")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.org/a", "https://example.org/a"),
        ("https://example.org/a", "https://www.example.org:443/a"),
        ("https://example.org/a", "https://example.org/a?utm_source=rss&utm_medium=feed"),
        ("https://example.org/a", "https://m.example.org/a"),
        ("https://example.org/a", "https://amp.example.org/a"),
        ("https://example.org/a", "https://example.org/a/amp/"),
        ("https://example.org/a", "https://example.org/amp/a"),
        ("https://example.org/a", "https://example.org/a?PHPSESSID=abc&sid=1"),
        ("https://example.org/a", "https://example.org/a?from=rss"),
        ("https://example.org/a?id=1", "https://EXAMPLE.org/a?id=1&ref=feed"),
    ],
)
def test_one_item_under_two_addresses(one: str, other: str) -> None:
    assert urls.identity(one) == urls.identity(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/live#p12", "https://example.org/live#p13"),
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org/a?from=minsk", "https://example.org/a"),
        ("https://example.org/a?ref=123", "https://example.org/a"),
        ("https://m.by/a", "https://by/a"),
    ],
)
def test_two_items_under_like_addresses(one: str, other: str) -> None:
    assert urls.identity(one) != urls.identity(other)


@pytest.mark.parametrize(
    ("base", "link", "wanted"),
    [
        ("https://x.by/d/feed.xml", "../a", "https://x.by/a"),
        ("https://x.by/d/feed.xml", "//y.by/a", "https://y.by/a"),
        ("https://x.by/", "  https://y.by/a\n", "https://y.by/a"),
        ("https://x.by/", "mailto:a@y.by", "mailto:a@y.by"),
        ("https://x.by/", "javascript:alert(1)", ""),
        ("https://x.by/", "java\tscript:alert(1)", ""),
        ("https://x.by/", "data:text/html,x", ""),
        ("https://x.by/", "file:///etc/passwd", ""),
        ("https://x.by/", "ftp://x.by/", ""),
        ("https://x.by/", "http://", ""),
        ("https://x.by/", "http://[::1", ""),
        ("https://x.by/", "", ""),
        ("", "/a", ""),
        ("https://x.by/", "HTTP://Y.by/A", "http://Y.by/A"),
        ("https://x.by/", "/a\x80b", "https://x.by/a%C2%80b"),
        ("https://x.by/", '/a b"<c>', "https://x.by/a%20b%22%3Cc%3E"),
    ],
)
def test_absolute_links(base: str, link: str, wanted: str) -> None:
    assert urls.absolute(base, link) == wanted


@given(st.from_regex(r"(https?|HTTP|ftp)://([a-z]*@)?[a-zA-Z0-9.-]{1,9}(:[0-9]{0,6})?[/?#\\ \x00é]?x?", fullmatch=True))
@example("http://example.org:0/")
@example("http://example.org:0080/")
@example("http://example.org./")
@example("http://example.org:65536/")
@example("https://example.org\n")
def test_the_short_way_to_a_host_key_leads_where_the_long_one_does(url: str) -> None:
    parts = urls._parse(url)
    assert urls.host_key(url) == (f"{parts.scheme}://{parts.host}:{parts.port}" if parts else "")


def test_host_key_is_scheme_name_and_port() -> None:
    assert (
        urls.host_key("https://Example.org/a") == urls.host_key("https://example.org:443/") == "https://example.org:443"
    )
    assert urls.host_key("http://example.org/") == "http://example.org:80"
    assert urls.host_key("nonsense") == ""


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://user:pa:ss@x.by/a", "https://***@x.by/a"),
        ("https://x.by/a?token=abc&b=1", "https://x.by/a?token=***&b=1"),
        ("https://x.by/a?b=1&API_KEY=abc", "https://x.by/a?b=1&API_KEY=***"),
        ("https://x.by/a?u=abcdefgh0123456789abcdef", "https://x.by/a?u=***"),
        ("https://x.by/rss?feed=belta", "https://x.by/rss?feed=belta"),
        ("GET https://u:p@x.by/ failed", "GET https://***@x.by/ failed"),
    ],
)
def test_secrets_are_masked(url: str, wanted: str) -> None:
    assert urls.mask(url) == wanted


URL_LIKE = st.one_of(
    st.text(),
    st.from_regex(r"(https?|mailto|ftp|javascript):(//)?[^\s]{0,40}", fullmatch=True),
    st.tuples(st.sampled_from(["http://", "https://www.", "//", "http://[", "https://x.by/"]), st.text()).map("".join),
)


@given(URL_LIKE, URL_LIKE)
def test_nothing_raises_and_forms_are_stable(one: str, other: str) -> None:
    link = urls.absolute(one, other)
    assert link == "" or link.startswith(("http:", "https:", "mailto:")) or ":" in link[:7]
    assert urls.host_key(one) == "" or "://" in urls.host_key(one)
    assert isinstance(urls.mask(one), str)
    canonical = urls.canonical(one)
    assert canonical == "" or urls.canonical(f"http://{canonical}") in {canonical, ""} or "?" in canonical
    assert isinstance(urls.identity(other), str)


@given(
    st.lists(st.sampled_from(["a=1", "b=2", "id=7", "x"]), unique=True), st.permutations(["utm_source=q", "fbclid=1"])
)
def test_trackers_and_order_change_nothing(pairs: list[str], trackers: list[str]) -> None:
    plain = "https://x.by/a?" + "&".join(pairs)
    noisy = "http://www.x.by/a/?" + "&".join([*trackers, *reversed(pairs)])
    assert urls.canonical(plain) == urls.canonical(noisy)
    assert urls.identity(plain) == urls.identity(noisy)


PIECES = ["http://", "https://", "HTTP:", "//", "/", ".", "..", "a", "B", "www.", "m.", "amp.", "amp", "x.by", "-", "~"]
PIECES += [
    "_",
    ":",
    ":80",
    "@",
    "?",
    "#",
    "?utm_id=1",
    "%",
    "%41",
    " ",
    "\n",
    "tag:x",
    "urn",
    "ht",
    "\t",
    "é",
    "[",
    "]",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text())
def test_the_short_ways_to_an_identity_lead_where_the_long_one_does(url: str) -> None:
    assert urls.identity(url) == urls._identity(url)
