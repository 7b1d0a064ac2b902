"""robots.txt: what its lines say to us, by the rules of RFC 9309."""

from __future__ import annotations

import re
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import robots
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

NOON = datetime(2023, 2, 2, 12, tzinfo=UTC)
REQUEST = FetchRequest("h", "https://a.example/robots.txt", kind="robots")


def allowed(text: str, path: str) -> bool:
    return robots.read(text).allows(f"https://a.example{path}")


@pytest.mark.parametrize(
    ("text", "path", "may"),
    [
        ("", "/news/1", True),
        ("User-agent: *\nDisallow: /", "/news/1", False),
        ("User-agent: *\nDisallow:", "/news/1", True),
        ("User-agent: *\nDisallow: /private", "/news/1", True),
        ("User-agent: *\nDisallow: /private", "/privates", False),
        ("User-agent: *\nDisallow: /private/", "/private", True),
        ("user-AGENT : *\ndisALLOW : /x # all of it", "/x/1", False),
        ("\ufeffUser-agent: *\r\nDisallow: /x\r\n", "/x", False),
        # ours goes before everybody's, and groups of one name are one
        ("User-agent: *\nDisallow: /\n\nUser-agent: aggregator\nDisallow: /x", "/news/1", True),
        ("User-agent: Aggregator\nDisallow: /x\n\nUser-agent: aggregator/1.0\nDisallow: /y", "/x", False),
        ("User-agent: Aggregator\nDisallow: /x\n\nUser-agent: aggregator/1.0\nDisallow: /y", "/y", False),
        ("User-agent: aggregatorbot\nDisallow: /", "/x", True),
        ("User-agent: news-aggregator\nDisallow: /", "/x", True),
        ("User-agent: googlebot\nUser-agent: aggregator\nDisallow: /x", "/x", False),
        ("User-agent: googlebot\nDisallow: /\nUser-agent: *\nAllow: /", "/x", True),
        ("User-agent: aggregator\nSitemap: https://a.example/s.xml\nDisallow: /x", "/x", False),
        ("User-agent: aggregator\n\nDisallow: /x", "/x", False),
        ("Disallow: /x\nUser-agent: *\nDisallow: /y", "/x", True),
        # the longest rule decides; a tie allows
        ("User-agent: *\nDisallow: /news\nAllow: /news/open", "/news/open/1", True),
        ("User-agent: *\nAllow: /news/open\nDisallow: /news", "/news/1", False),
        ("User-agent: *\nDisallow: /news\nAllow: /news", "/news/1", True),
        ("User-agent: *\nDisallow: /\nAllow: /$", "/", True),
        ("User-agent: *\nDisallow: /\nAllow: /$", "/x", False),
        # wildcards
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("User-agent: *\nDisallow: /*/print", "/news/1/print", False),
        ("User-agent: *\nDisallow: *print", "/news/print/1", False),
        ("User-agent: *\nDisallow: /a*", "/b", True),
        ("User-agent: *\nDisallow: /a$", "/ab", True),
        ("User-agent: *\nDisallow: /a*a$", "/a", True),
        ("User-agent: *\nDisallow: /*?print=", "/news/1?print=1", False),
        # spellings
        ("User-agent: *\nDisallow: /навіны", "/%D0%BD%D0%B0%D0%B2%D1%96%D0%BD%D1%8B/1", False),
        ("User-agent: *\nDisallow: /%6Eews", "/news", False),
        ("User-agent: *\nDisallow: /a%2fb", "/a/b", True),
        ("User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
        # what cannot be understood
        ("<html><body>Not found</body></html>", "/x", True),
        ("User-agent: *\nDisallow: http://[x\nDisallow: /x", "/x", False),
        ("User-agent\nDisallow: /x", "/x", True),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
    ],
)
def test_what_may_be_read(text: str, path: str, may: bool) -> None:
    assert allowed(text, path) is may


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example#top", "https://a.example/?"])
def test_an_address_without_a_path_is_the_front_page(url: str) -> None:
    assert not robots.read("User-agent: *\nDisallow: /$").allows(url)


@pytest.mark.parametrize("url", ["http://[x", "", "mailto:a@b.example"])
def test_no_address_raises(url: str) -> None:
    assert isinstance(robots.read("User-agent: *\nDisallow: /x").allows(url), bool)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("10", 10), ("0.5", 0.5), ("3600", 60), ("-1", 0), ("²", 0), ("nan", 0), ("1e999", 0), ("soon", 0), ("", 0)],
)
def test_a_crawl_delay_is_heard_up_to_a_minute(value: str, seconds: float) -> None:
    assert robots.read(f"User-agent: *\nCrawl-delay: {value}").delay == timedelta(seconds=seconds)


def test_the_crawl_delay_of_others_is_not_ours() -> None:
    text = "User-agent: bingbot\nCrawl-delay: 30\n\nUser-agent: *\nCrawl-delay: 7\nDisallow: /x"
    assert robots.read(text) == robots.Rules((("/x", False),), timedelta(seconds=7))


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (200, False),
        (203, False),
        (404, True),
        (401, True),
        (403, True),
        (410, True),
        (429, None),
        (500, None),
        (503, None),
    ],
)
def test_a_status_says_whether_there_are_rules(status: int, may: bool | None) -> None:
    body = b"User-agent: *\nDisallow: /" if status < 300 else b""
    rules = robots.told(FetchResponse(REQUEST, status, REQUEST.url, {}, body, (), NOON, 0.1))
    assert (None if rules is None else rules.allows("https://a.example/x")) is may


def test_a_host_that_cannot_be_reached_forbids_for_now() -> None:
    assert robots.told(FetchFailure(REQUEST, "timeout", "too slow", NOON)) is None


@given(st.text(alphabet="ab*", max_size=12), st.booleans(), st.text(alphabet="ab", max_size=14))
def test_a_pattern_fits_what_the_same_regular_expression_fits(pattern: str, whole: bool, path: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*") + ("$" if whole else "")
    assert robots._fits(pattern + "$" * whole, path) == (re.match(expression, path) is not None)


def test_a_pattern_of_many_stars_is_quick() -> None:
    assert not allowed(f"User-agent: *\nDisallow: /{'*a' * 2000}b$\nDisallow: /", "/" + "a" * 20_000)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(robots.read(f"User-agent: *\n{text}").allows("https://a.example/x"), bool)


def test_thousands_of_names_before_thousands_of_rules_cost_no_memory() -> None:
    letters = "abcdefghijklmnopqrst"
    names = "".join(f"user-agent: {one}{two}{three}\n" for one in letters for two in letters for three in letters)
    rule = "disallow: /secret\n"
    tracemalloc.start()
    rules = robots.read(f"{names}user-agent: *\n{rule * 8_000}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not rules.allows("https://x.example/secret/1")
    assert peak < 30_000_000
