from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

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


RUSSIAN = [
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
RUSSIAN_SHORT = ["янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"]
RUSSIAN_NOMINATIVE = [
    "январь",
    "февраль",
    "март",
    "апрель",
    "май",
    "июнь",
    "июль",
    "август",
    "сентябрь",
    "октябрь",
    "ноябрь",
    "декабрь",
]
BELARUSIAN = [
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
BELARUSIAN_NOMINATIVE = [
    "студзень",
    "люты",
    "сакавік",
    "красавік",
    "май",
    "чэрвень",
    "ліпень",
    "жнівень",
    "верасень",
    "кастрычнік",
    "лістапад",
    "снежань",
]
BELARUSIAN_SHORT = ["сту", "лют", "сак", "кра", "май", "чэр", "ліп", "жні", "вер", "кас", "ліс", "сне"]
ENGLISH = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = [
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ["пн", "вт", "ср", "чт", "пт", "сб", "вс"],
    ["понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"],
    ["пн", "аў", "ср", "чц", "пт", "сб", "нд"],
    ["панядзелак", "аўторак", "серада", "чацвер", "пятніца", "субота", "нядзеля"],
]
ZONES = {
    "GMT": 0, "UT": 0, "Z": 0, "+0000": 0, "MSK": 180, "МСК": 180, "MSD": 240, "EET": 120, "EEST": 180, "SAMT": 240, "YEKT": 300,
    "CET": 60, "EST": -300, "PDT": -420, "GMT+3": 180, "UTC-05:30": -330, "+0300": 180, "-0330": -210, "+03": 180, "+05:45": 345,
    "+0300 (MSK)": 180, "GMT +0300": 180,
}  # fmt: skip
MONTHS = [RUSSIAN, RUSSIAN_SHORT, RUSSIAN_NOMINATIVE, BELARUSIAN, BELARUSIAN_NOMINATIVE, BELARUSIAN_SHORT, ENGLISH]


@pytest.mark.parametrize("names", MONTHS, ids=lambda names: names[0])
@pytest.mark.parametrize("number", range(1, 13))
def test_months_are_known_in_every_form(names: list[str], number: int) -> None:
    for name in (names[number - 1], names[number - 1].upper(), names[number - 1].title()):
        assert dates.parse(f"3 {name} 2023") == at(2023, number, 3)


def shapes(moment: datetime, months: list[str], days: list[str], zone: str) -> list[str]:
    """One moment in every way that we claim to read; `zone` stands where the way has one."""
    day, month, year, clock = moment.day, months[moment.month - 1], moment.year, f"{moment:%H:%M:%S}"
    weekday = days[moment.weekday()]
    numeric = zone.split(maxsplit=1)[0] if zone[0] in "+-Z" else ""
    iso = [f"{moment:%Y-%m-%d}T{clock}{numeric}", f"{moment:%Y-%m-%d} {clock} {numeric}", f"{moment:%G-W%V-%u}T{clock}{numeric}",
           f"{moment:%Y-%j}T{clock}{numeric}", f"{moment:%Y-%m-%d}t{clock}.500{numeric.lower()}", f"{moment:%Y%m%dT%H%M%S}{numeric}"]  # fmt: skip
    return [
        f"{weekday}, {day:02} {month} {year} {clock} {zone}",
        f"{days[0]}, {day} {month} {year} {clock} {zone}",
        f"{day} {month} {year}, {clock} {zone}",
        f"{clock} {zone}, {day} {month} {year}",
        f"{month} {day}, {year} {clock} {zone}",
        f"{day:02}-{month}-{year} {clock} {zone}",
        f"{day:02}.{moment.month:02}.{year} {clock} {zone}",
        f"{year}/{moment.month:02}/{day:02} {clock} {zone}",
        f"{weekday} {month} {day} {clock} {zone} {year}",
        f"{day} {month} {year} года в {clock} {zone}",
        *([f"{weekday}, {day} {month} {year % 100:02} {clock} {zone}"] if 1950 <= year < 2050 else []),
        *(iso if numeric else []),
    ]


@given(
    st.integers(min_value=-30_000_000_000, max_value=250_000_000_000).map(
        lambda n: at(1970, 1, 1) + timedelta(seconds=n)
    ),
    st.sampled_from(MONTHS),
    st.sampled_from(DAYS),
    st.sampled_from(sorted(ZONES)),
)
def test_one_moment_in_every_supported_format(moment: datetime, months: list[str], days: list[str], zone: str) -> None:
    wanted = moment - timedelta(minutes=ZONES[zone])
    for text in shapes(moment, months, days, zone):
        assert dates.parse(text) == wanted, text
        assert dates.parse(text.upper()) == wanted, text


@given(st.dates(date(1000, 1, 2), date(9998, 12, 30)))
def test_the_24th_hour_is_the_next_day(day: date) -> None:
    wanted = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    assert dates.parse(f"{day.isoformat()}T24:00:00Z") == wanted
    assert dates.parse(f"{day.day} {ENGLISH[day.month - 1]} {day.year} 24:00 GMT") == wanted


@given(st.integers(0, 10**13))
def test_a_number_alone_is_no_date_unless_it_is_written_as_one(number: int) -> None:
    found = dates.parse(str(number))
    assert found is None or (len(str(number)) == 8 and f"{found:%Y%m%d}" == str(number))


@given(st.text(max_size=60) | st.from_regex(r"[\d:TZ+\-. ]{1,30}", fullmatch=True))
def test_nothing_raises(text: str) -> None:
    found = dates.parse(text)
    assert found is None or found.tzinfo is UTC


@given(st.integers(min_value=-2_000_000_000, max_value=7_000_000_000))
def test_what_is_printed_is_read_back(seconds: int) -> None:
    aware = datetime.fromtimestamp(seconds, UTC)
    assert dates.parse(aware.isoformat()) == aware
    assert dates.parse(aware.strftime("%a, %d %b %Y %H:%M:%S GMT")) == aware
