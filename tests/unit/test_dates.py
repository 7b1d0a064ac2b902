from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import dates


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


TEN = at(2023, 2, 2, 10, 0)
SEVEN = at(2023, 2, 2, 7, 0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Thu, 02 Feb 2023 10:00:00 GMT", TEN),
        ("Thu, 02 Feb 2023 10:00:00 +0000", TEN),
        ("Thu, 2 Feb 23 10:00 UT", TEN),
        ("Mon, 02 Feb 2023 10:00:00 Z", TEN),
        ("Thu, 02 Feb 2023 05:00:00 EST", TEN),
        ("Thu, 02 Feb 2023 13:00:00 MSK", TEN),
        ("Thu, 02 Feb 2023 13:00:00 МСК", TEN),
        ("Thu, 02 Feb 2023 12:00:00 EET", TEN),
        ("Thu, 02 Feb 2023 15:00:00 YEKT", TEN),
        ("Thu, 02 Feb 2023 13:00:00 GMT+3", TEN),
        ("Thu, 02 Feb 2023 13:00:00 GMT+0300", TEN),
        ("Thu, 02 Feb 2023 13:00:00 UTC+03:00", TEN),
        ("Thu, 02 Feb 2023 13:00:00 +0300 (MSK)", TEN),
        ("Thu Feb  2 10:00:00 2023", TEN),
        ("February 2, 2023 at 10:00 am", TEN),
        ("02-Feb-2023 10:00", TEN),
        ("2023-02-02T10:00:00Z", TEN),
        ("2023-02-02T13:00:00+03", TEN),
        ("2023-02-02T13:00:00.123+03:00", TEN),
        ("2023-02-02t10:00:00z", TEN),
        ("2023-02-02 13:00:00 +0300", TEN),
        ("2023-02-02 10:00", TEN),
        ("20230202T100000Z", TEN),
        ("2023-02-02T10:00:00 UTC", TEN),
        ("2023-02-02", at(2023, 2, 2)),
        ("2023-02", at(2023, 2, 1)),
        ("2023-W05-4", at(2023, 2, 2)),
        ("2023-033", at(2023, 2, 2)),
        ("2023-02-01T24:00:00Z", at(2023, 2, 2)),
        ("2016-12-31T23:59:60Z", at(2016, 12, 31, 23, 59, 59)),
        ("Чт, 02 фев 2023 13:00:00 +0300", TEN),
        ("2 февраля 2023 10:00", TEN),
        ("2 февраля 2023 г., 10:00", TEN),
        ("четверг, 2 Февраля 2023", at(2023, 2, 2)),
        ("02 лютага 2023", at(2023, 2, 2)),
        ("чац, 02 лют 2023 13:00:00 +0300", TEN),
        ("5 мая 2023", at(2023, 5, 5)),
        ("5 траўня 2023", at(2023, 5, 5)),
        ("7 чэрвеня 2023", at(2023, 6, 7)),
        ("02 лютого 2023 р.", at(2023, 2, 2)),
        ("02.02.2023 10:00", TEN),
        ("10:00 02.02.2023", TEN),
        ("2023/02/02 10:00", TEN),
        ("Thu, 02 Feb 49 10:00:00 GMT", at(2049, 2, 2, 10)),
        ("Thu, 02 Feb 99 10:00:00 GMT", at(1999, 2, 2, 10)),
    ],
)
def test_dates_as_publishers_print_them(text: str, wanted: datetime) -> None:
    assert dates.parse(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1675321200",
        "1675321200000",
        "-5",
        "2023",
        "31 Feb 2023",
        "2023-02-31",
        "2023-13-01",
        "2023-02-02T25:00:00Z",
        "2023-02-02T24:01:00Z",
        "2023-02-02T10:61:00Z",
        "02/03/2023",
        "Thu, 02 Feb 2023 10:00:00 Mars/Base",
        "0001-01-01T00:00:00+03:00",
        "9999-12-31T23:59:59-03:00",
        "2023-W54-1",
        "2023-366",
        "Thu, 02 Feb 2023 10:00:00 +9900",
        "Feb 2023",
        "10:00",
        "2 2 2 2 2",
        "x" * 10_000,
    ],
)
def test_what_cannot_be_read_for_certain_is_no_date(text: str) -> None:
    assert dates.parse(text) is None


@pytest.mark.parametrize("number", range(1, 13))
def test_every_month_is_known_in_russian_and_belarusian(number: int) -> None:
    russian = [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ]
    belarusian = [
        "студзеня",
        "лютага",
        "сакавіка",
        "красавіка",
        "мая",
        "чэрвеня",
        "ліпеня",
        "жніўня",
        "верасня",
        "кастрычніка",
        "лістапада",
        "снежня",
    ]
    for names in (russian, belarusian):
        assert dates.parse(f"3 {names[number - 1]} 2023") == at(2023, number, 3)


@given(st.text(max_size=60) | st.from_regex(r"[\d:TZ+\-. ]{1,30}", fullmatch=True))
def test_nothing_raises(text: str) -> None:
    found = dates.parse(text)
    assert found is None or found.tzinfo is UTC


@given(st.integers(min_value=-2_000_000_000, max_value=7_000_000_000))
def test_what_is_printed_is_read_back(seconds: int) -> None:
    aware = datetime.fromtimestamp(seconds, UTC)
    assert dates.parse(aware.isoformat()) == aware
    assert dates.parse(aware.strftime("%a, %d %b %Y %H:%M:%S GMT")) == aware
