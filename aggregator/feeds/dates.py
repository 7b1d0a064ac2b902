"""Dates as publishers print them -> aware UTC. A date that cannot be read for certain is None, never a guess.

RFC 822 and its careless relatives, ISO 8601 and W3C-DTF, asctime, day.month.year, and month names in English, Russian,
Belarusian, Ukrainian, German, French, Spanish and Polish. Epoch numbers are refused: they are often something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

_LONGEST = 120


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# -- names ---------------------------------------------------------------------------------------------------------

_MONTHS = (
    "jan january янв январь января январе сту студз студзень студзеня січ січень січня januar jänner janvier enero stycznia styczeń sty",
    "feb february фев февр февраль февраля феврале лют люты лютага лютий лютого februar février févr fév febrero lutego luty",
    "mar march мар март марта марте сак сакавік сакавіка бер березень березня märz mär mars marzo marzec marca",
    "apr april апр апрель апреля апреле кра крас красавік красавіка квіт квітень квітня avril avr abril abr kwietnia kwiecień kwi",
    "may май мая мае травень траўня травня трав mai mayo maja maj",
    "jun june июн июнь июня июне чэр чэрв чэрвень чэрвеня чер червень червня juni juin junio czerwca czerwiec cze",
    "jul july июл июль июля июле ліп ліпень ліпеня липень липня лип juli juillet juil julio lipca lipiec lip",
    "aug august авг август августа августе жн жні жнівень жніўня серп серпень серпня août agosto ago sierpnia sierpień sie",
    "sep sept september сен сент сентябрь сентября сентябре вер верасень верасня вересень вересня septembre septiembre września wrzesień wrz",
    "oct october окт октябрь октября октябре кас кастр кастрычнік кастрычніка жовт жовтень жовтня oktober okt octobre octubre października październik paź",
    "nov november ноя нояб ноябрь ноября ноябре ліс ліст лістапад лістапада листопад листопада novembre noviembre listopada listopad lis",
    "dec december дек декабрь декабря декабре сне снеж снежань снежня груд грудень грудня dezember dez décembre déc diciembre dic grudnia grudzień gru",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}

_IGNORED = _set(
    "mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday "
    "пн вт ср чт пт сб вс понедельник вторник среда среду четверг пятница пятницу суббота субботу воскресенье "
    "пан аў аўт сер срд чц чцв чац пят суб няд нядз нд пнд панядзелак аўторак серада сераду чацвер пятніца пятніцу "
    "субота суботу нядзеля нядзелю "
    "понеділок вівторок середа п'ятниця неділя mo di mi do fr sa so mo. lun mar. mer jeu ven sam dim "
    "г г. год года гадоў р рік року в у at um à le de del of the"
)
_HOURS = {
    0: "z ut utc gmt wet",
    1: "cet bst met west wat",
    2: "eet cest mest cat sast",
    3: "msk мск eest fet eat trt",
    4: "msd samt gst azt amt",
    5: "yekt uzt pkt tjt tmt",
    6: "omst almt kgt",
    7: "krat novt ict wib",
    8: "irkt hkt sgt awst",
    9: "yakt jst kst",
    10: "vlat aest",
    11: "magt aedt sakt",
    12: "pett nzst",
    13: "nzdt",
    -2: "ndt",
    -3: "adt brt art",
    -4: "edt ast clt",
    -5: "est cdt",
    -6: "cst mdt",
    -7: "mst pdt",
    -8: "pst akdt",
    -9: "akst",
    -10: "hst",
}
_ZONE = {name: timedelta(hours=h) for h, names in _HOURS.items() for name in names.split()} | {
    "ist": timedelta(hours=5, minutes=30),
    "nst": timedelta(hours=-3, minutes=-30),
    "acst": timedelta(hours=9, minutes=30),
    "irst": timedelta(hours=3, minutes=30),
}

# -- shapes --------------------------------------------------------------------------------------------------------

_CLOCK = r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
_ISO = re.compile(
    r"(?P<Y>\d{4})-(?:(?P<M>\d{1,2})-(?P<D>\d{1,2})|W(?P<W>\d{2})(?:-(?P<wd>[1-7]))?|(?P<yd>\d{3})|(?P<M2>\d{2}))"
    rf"(?:(?:T|\s+|\s*T\s*){_CLOCK}\s*(?P<z>.*))?",
    re.ASCII | re.IGNORECASE,
)
_BASIC = re.compile(
    r"(?P<Y>\d{4})(?P<M>\d{2})(?P<D>\d{2})(?:T(?P<h>\d{2})(?P<m>\d{2})(?P<s>\d{2})?(?P<z>\S*))?", re.ASCII
)
_TIME = re.compile(rf"{_CLOCK}(?P<half>am|pm)?(?P<z>z|[+-]\d\d:?\d\d)?", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})\.?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})", re.ASCII)
_OFFSET = re.compile(r"(?:gmt|utc|ut|msk)?([+-]|\u2212)(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_COMMENT = re.compile(r"\([^()]*\)")
_DASHED = re.compile(r"(\d{1,2})-([^\W\d_]+)-(\d{2,4})")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|-?го|-га|er|\.)", re.ASCII)


@dataclass
class _Found:
    """What a printed date has told so far."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    offset: timedelta | None = None
    clock: bool = False


_USUAL = re.compile(
    r"(?:[A-Za-z]{3}, )?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d\d):([0-5]\d):([0-5]\d) "
    r"(?:(GMT|UTC|Z)|([+-])(\d\d)([0-5]\d))",
    re.ASCII,
)
"""RFC 822 as most write it; the rest goes the long way."""


@lru_cache(maxsize=2048)
def parse(text: str) -> datetime | None:
    """The moment a printed date means, or None. Without a zone it is taken as UTC."""
    text = " ".join(text.split()).strip(" ,;")
    if not text or len(text) > _LONGEST:
        return None
    try:
        if usual := _USUAL.fullmatch(text):
            return _usual(usual)
        found = _iso(text) or _spoken(text)
        return _moment(found) if found else None
    except (ValueError, OverflowError):
        return None


def _usual(found: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, utc, sign, hours, minutes = found.groups()
    if hour > "23" or (hours or "00") > "15":
        return _moment(_spoken(found[0]) or _Found())
    moment = datetime(int(year), _MONTH[month.lower()], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    if utc:
        return moment
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return moment - offset if sign == "+" else moment + offset


def _moment(f: _Found) -> datetime | None:
    if f.year is None or f.month is None or f.day is None:
        return None
    if f.hour > 24 or (f.hour == 24 and (f.minute or f.second)) or f.second > 60:
        return None
    zone = timezone(f.offset or timedelta(0))
    moment = datetime(f.year, f.month, f.day, f.hour % 24, f.minute, min(f.second, 59), tzinfo=zone)
    return (moment + timedelta(days=f.hour // 24)).astimezone(UTC)


# -- ISO 8601 ------------------------------------------------------------------------------------------------------


def _iso(text: str) -> _Found | None:
    found = _ISO.fullmatch(text) or _basic(text)
    if found is None:
        return None
    groups = found.groupdict()
    day = _iso_day(groups)
    clock = {unit: int(groups[unit] or 0) for unit in ("h", "m", "s")}
    offset = _zone(groups["z"] or "")
    if offset is None:
        return None
    return _Found(day.year, day.month, day.day, clock["h"], clock["m"], clock["s"], offset, clock=True)


def _basic(text: str) -> re.Match[str] | None:
    """`20230202T100000Z`; eight bare digits only where they cannot be a number of something else."""
    found = _BASIC.fullmatch(text)
    return found if found and (found["h"] or 1990 <= int(found["Y"]) <= 2100) else None


def _iso_day(groups: dict[str, str | None]) -> date:
    year = int(groups["Y"] or 0)
    if groups.get("W"):
        return date.fromisocalendar(year, int(groups["W"] or 0), int(groups["wd"] or 1))
    if groups.get("yd"):
        return date(year, 1, 1) + _days_into(year, int(groups["yd"] or 0))
    return date(year, int(groups["M"] or groups.get("M2") or 0), int(groups["D"] or 1))


def _days_into(year: int, number: int) -> timedelta:
    if not 1 <= number <= (date(year, 12, 31) - date(year, 1, 1)).days + 1:
        raise ValueError(number)
    return timedelta(days=number - 1)


def _zone(text: str) -> timedelta | None:
    """A zone's distance from UTC; none given is UTC, an unknown one None."""
    words = _COMMENT.sub(" ", text).casefold().split()
    if not words:
        return timedelta(0)
    offset = _offset("".join(words)) if len(words) <= 2 else None
    return offset if offset is not None else _offset(words[0])


def _offset(word: str) -> timedelta | None:
    if word in _ZONE:
        return _ZONE[word]
    found = _OFFSET.fullmatch(word)
    if found is None:
        return None
    distance = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if distance > timedelta(hours=15):
        raise ValueError(word)
    return distance if found[1] == "+" else -distance


# -- words and numbers ---------------------------------------------------------------------------------------------


def _spoken(text: str) -> _Found | None:
    """Any order of weekday, day, month name, year, time and zone, as long as it can mean only one thing."""
    words = _DASHED.sub(r"\1 \2 \3", _COMMENT.sub(" ", text)).replace(",", " ").casefold().split()
    found = _Found()
    for word in words:
        if not _take(found, word):
            return None
    return found if found.month is not None and (len(words) > 1 or found.day is not None) else None


def _take(found: _Found, word: str) -> bool:
    if _take_clock(found, word) or _take_numeric(found, word):
        return True
    bare = word.rstrip(".")
    month = _MONTH.get(bare)
    if month is not None and found.month is None:
        found.month = month
        return True
    return word in _IGNORED or bare in _IGNORED or _take_zone(found, word)


def _take_clock(found: _Found, word: str) -> bool:
    if word in {"am", "pm"} and found.clock:
        found.hour = found.hour % 12 + (12 if word == "pm" else 0)
        return True
    time = _TIME.fullmatch(word)
    if time is None or found.clock:
        return False
    found.hour, found.minute, found.second = int(time["h"]), int(time["m"]), int(time["s"] or 0)
    if time["half"]:
        found.hour = found.hour % 12 + (12 if time["half"] == "pm" else 0)
    found.offset = _offset(time["z"]) if time["z"] else found.offset
    found.clock = True
    return True


def _take_numeric(found: _Found, word: str) -> bool:
    if dotted := _DOTTED.fullmatch(word):
        found.day, found.month, found.year = int(dotted[1]), int(dotted[2]), _year(dotted[3])
        return True
    if ordered := _YEAR_FIRST.fullmatch(word):
        found.year, found.month, found.day = int(ordered[1]), int(ordered[2]), int(ordered[3])
        return True
    if ordinal := _ORDINAL.fullmatch(word):
        word = ordinal[1]
    if not (word.isascii() and word.isdigit()) or len(word) > 4:
        return False
    return _take_number(found, word)


def _take_number(found: _Found, word: str) -> bool:
    if len(word) <= 2 and found.day is None:
        found.day = int(word)
        return True
    if found.year is None and len(word) != 1:
        found.year = _year(word)
        return True
    return False


def _year(digits: str) -> int:
    """RFC 2822 §4.3: two digits are 1950 to 2049, three count from 1900."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _take_zone(found: _Found, word: str) -> bool:
    offset = _offset(word)
    if offset is None and len(word) == 1 and word.isascii() and word.isalpha():
        offset = timedelta(0)  # RFC 2822 §4.3: military letters were defined wrongly and mean nothing
    if offset is None:
        return False
    # "GMT +0300" names the zone and then the distance: the second word tells more.
    if found.offset in (None, timedelta(0)):
        found.offset = offset
    return True
