"""What a document says of its own rhythm: RSS ttl, skipHours, skipDays, and mod_syndication."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import hints, parse
from aggregator.model import Hints

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("<ttl>60</ttl>", HOUR),
        ("<ttl> 90.0 </ttl>", HOUR * 1.5),
        ("<TTL><![CDATA[60]]></TTL>", HOUR),
        ("<ttl>soon</ttl><ttl>60</ttl><ttl>5</ttl>", HOUR),
        ("<ttl>0</ttl>", None),
        ("<ttl>-60</ttl>", None),
        ("<ttl>9999999999999</ttl>", None),
        ("<ttl/>60", None),
        ("<!-- <ttl>60</ttl> -->", None),
        ("<description><![CDATA[<ttl>60</ttl>]]></description>", None),
        ("<description>&lt;ttl>60&lt;/ttl></description>", None),
        ("<x:ttl>60</x:ttl>", None),
        ("<ttl>60", HOUR),
    ],
)
def test_a_ttl_is_minutes(head: str, wanted: timedelta | None) -> None:
    assert hints.read(head).ttl == wanted


@pytest.mark.parametrize(
    ("period", "frequency", "wanted"),
    [
        ("hourly", "1", HOUR),
        ("hourly", "4", HOUR / 4),
        ("daily", "2", DAY / 2),
        (" Weekly ", "", DAY * 7),
        ("monthly", "0", DAY * 30),
        ("yearly", "-3", DAY * 365),
        ("", "24", HOUR),
        ("never", "", None),
        ("", "", None),
    ],
)
def test_mod_syndication_is_a_period_and_how_often_in_it(period: str, frequency: str, wanted: timedelta | None) -> None:
    head = f"<sy:updatePeriod>{period}</sy:updatePeriod>\n<sy:updateFrequency>{frequency}</sy:updateFrequency>"
    assert hints.read(head).update == wanted
    assert hints.read(head.replace("sy:", "")).update == wanted


def test_hours_are_of_gmt_and_the_24th_is_midnight() -> None:
    head = "<skipHours><hour>24</hour><hour>07</hour>\n<hour> 8 </hour><hour>25</hour><hour>x</hour><hour>-1</hour></skipHours>"
    assert hints.read(head).skip_hours == {0, 7, 8}
    assert hints.read("<skiphours><hour>1, 2 3</hour></skiphours>").skip_hours == {1, 2, 3}
    assert hints.read("<hour>7</hour><skipDays><hour>7</hour></skipDays>").skip_hours == frozenset()


def test_days_start_on_monday() -> None:
    head = "<skipDays><day>Monday</day><day>SUNDAY</day><day>wed</day><day>Feiertag</day></skipDays><day>Friday</day>"
    assert hints.read(head).skip_days == {0, 2, 6}


def test_a_feed_that_skips_everything_skips_nothing() -> None:
    hours = "".join(f"<hour>{n}</hour>" for n in range(24))
    days = "".join(
        f"<day>{d}</day>" for d in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    )
    assert hints.read(f"<skipHours>{hours}</skipHours><skipDays>{days}</skipDays>") == Hints()


def test_the_head_is_what_stands_outside_the_items() -> None:
    assert hints.head("<a><item>1</item><x/><item>2</item></a>") == "<a></a>"
    assert hints.head("<a><atom:entry x='1'>1</atom:entry >\n</a>") == "<a>\n</a>"
    assert hints.head("<a><items>1</items></a>") == "<a><items>1</items></a>"
    assert hints.head("<a><item>1</item><item>cut o") == "<a><item>cut o"
    assert hints.head("<a><item>cut o") == "<a>"


def test_a_parsed_feed_carries_its_hints_wherever_they_stand() -> None:
    body = (
        "<rss version='2.0' xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'><channel><ttl>30</ttl>"
        "<item><guid>1</guid><ttl>7</ttl><description>&lt;ttl>8&lt;/ttl></description></item><item/>"
        "<skipHours><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>"
        "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency></channel></rss>"
    )
    found = parse.document(body.encode(), "https://x.by/rss")
    assert found.hints == Hints(HOUR / 2, DAY / 2, frozenset({3}), frozenset({6}))


PIECES = st.sampled_from(
    [
        "<ttl>",
        "</ttl>",
        "60",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<skipHours>",
        "<hour>",
        "7",
        "24",
        "</hour>",
        "<",
        ">",
        "<day>",
        "mon",
        "<skipDays>",
        "</skipDays>",
        "<sy:updatePeriod>",
        "hourly",
        "<sy:updateFrequency>",
        "٣",
        "²",
        "<item>",
        "</item>",
    ]
)


@given(st.lists(PIECES).map("".join) | st.text())
def test_any_text_gives_hints_that_can_be_meant(text: str) -> None:
    found = hints.read(text)
    assert found.ttl is None or found.ttl > timedelta(0)
    assert found.update is None or found.update > timedelta(0)
    assert found.skip_hours < set(range(24))
    assert found.skip_days < set(range(7))
    assert hints.read(hints.head(text)) is not None


@pytest.mark.parametrize(
    "piece", ["<!--", "<![CDATA[", "<a ", "<ttl ", "<ttl>", "<a:", "</item ", "<item ", "<hour>1 "]
)
def test_reading_is_linear_whatever_the_text(piece: str) -> None:
    text = "<ttl>x</ttl><skipHours>" + piece * 200_000
    started = time.process_time()
    hints.read(hints.head(text))
    assert time.process_time() - started < 3
