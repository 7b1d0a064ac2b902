"""The types of single settings: each turns the text of a YAML scalar into a value, or says how to write it instead."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Iterable
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, SecretStr, WithJsonSchema

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
_SIZE = re.compile(r"(\d{1,12})\s?([kmg]?i?b?)", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOCAL_LENGTH = 64
ZONE_LENGTH = 64  # a name is looked up as a path, and one of thousands of folders would be walked
TAGGED_LENGTH = _LOCAL_LENGTH - 27
"""Of what stands before an @, where `+` and a tag of 26 characters follow it."""
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_OF_CONNECTION = "it belongs to the connection, not to the feed"
_OF_VALIDATORS = "the validators of the last answer stand there"
OWNED_HEADERS = {
    **dict.fromkeys(("host", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"), _OF_CONNECTION),
    **dict.fromkeys(("content-length", "transfer-encoding", "content-type", "content-encoding"), "a GET has no body"),
    **dict.fromkeys(
        ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range"), _OF_VALIDATORS
    ),
    **dict.fromkeys(("proxy-authorization", "proxy-connection"), "give the proxy's name and password in `proxy`"),
    "accept-encoding": "it says what the program can unpack",
    "range": "a feed is read whole",
    "user-agent": "it stays honest; `network.user_agent_contact` adds an address to it",
}
"""Headers that the client answers for, in lower case, and why nobody else sets them."""
_USERINFO = re.compile(r"//[^/?#\s]*@")


def shown(value: Any) -> str:
    """A value as an error may show it: short, on one line, without a password."""
    if isinstance(value, (list, tuple, dict)):
        return "keys with values" if isinstance(value, dict) else "a list"
    text = _USERINFO.sub("//***@", str(value))
    return repr(text if len(text) <= 60 else text[:59] + "…")


def nearest(word: str, names: Iterable[str]) -> str:
    """`; did you mean `x`?`, or nothing when no name is close."""
    by_fold = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_fold, 1, 0.6)
    return f"; did you mean `{by_fold[close[0]]}`?" if close else ""


def duration(value: Any) -> timedelta:
    """`90s`, `30m`, `1h`, `1d`, `2w`."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(str(value))
    if not found:
        raise ValueError(f"{shown(value)} is not a duration; write it like 90s, 30m, 1h, 1d or 2w")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def show_duration(value: timedelta) -> str:
    """A duration as it is written: the largest unit that leaves no remainder, and `60s` for a minute."""
    seconds = int(value.total_seconds())
    unit = next((unit for unit in "wdhm" if seconds > 60 and seconds % _SECONDS[unit] == 0), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"


def _positive(value: timedelta) -> timedelta:
    """A duration that is not zero."""
    if not value:
        raise ValueError("must be longer than zero")
    return value


def size(value: Any) -> int:
    """`64kB`, `16MB`, `1GiB`, or a number of bytes."""
    if isinstance(value, int):
        return value
    found = _SIZE.fullmatch(str(value))
    unit = found[2].lower() if found else "?"
    if not found or unit not in _BYTES or not int(found[1]):
        raise ValueError(f"{shown(value)} is not a size; write it like 64kB or 16MB")
    return int(found[1]) * _BYTES[unit]


def show_size(value: int) -> str:
    """A size as it is written."""
    for unit, label in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if value and value % unit == 0:
            return f"{value // unit}{label}"
    return str(value)


def excerpt(value: Any) -> int | None:
    """`whole` (None), `none` (0) or a number of characters."""
    word = str(value).strip().lower()
    if value is None or word == "whole":
        return None
    if word == "none":
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", word):
        raise ValueError(f"{shown(value)} is no limit; write whole, none or a number of characters")
    return int(word)


def show_excerpt(value: int | None) -> int | str:
    """A limit as it is written."""
    return "whole" if value is None else value or "none"


def wall_time(value: Any) -> time:
    """`07:30`: a time of day."""
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(str(value))
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f'{shown(value)} is not a time of day; write it like "07:30"')
    return time(int(found[1]), int(found[2]))


def hours(value: Any) -> tuple[time, time]:
    """`22:00-07:00`: from a time of day to another, over midnight where the second is earlier."""
    start, dash, end = str(value).partition("-")
    try:
        found = wall_time(start.strip()), wall_time(end.strip())
    except ValueError:
        dash = ""
    if not dash or found[0] == found[1]:
        raise ValueError(f'{shown(value)} are no hours of a day; write them like "22:00-07:00"')
    return found


def zone(value: str) -> str:
    """The name of an IANA time zone that exists here."""
    if len(value) > ZONE_LENGTH or not _is_zone(value):
        raise ValueError(f"{shown(value)} is not an IANA time zone{_nearest_zone(value[:ZONE_LENGTH])}")
    return value


def _is_zone(value: str) -> bool:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _nearest_zone(value: str) -> str:
    """A zone of a similar name, or the one whose city is named."""
    zones = sorted(name for name in zoneinfo.available_timezones() if not name.startswith(("Etc/", "SystemV/")))
    city = value.rpartition("/")[2].replace(" ", "_").lower()
    for name in zones:
        if "/" in name and name.rpartition("/")[2].lower() == city:
            return f"; did you mean `{name}`?"
    return nearest(value, zones) or "; write it like Europe/Minsk"


def text(value: str) -> str:
    """One line of text without control characters."""
    if CONTROL.search(value):
        raise ValueError("holds a line break or a control character")
    return value


def query_text(value: str) -> str:
    """The text of a query, which may run over lines."""
    if not value.strip():
        raise ValueError("is empty")
    if "\0" in value or re.search("[\ud800-\udfff]", value):
        raise ValueError("holds a control character")
    return value.strip()


def slug(value: str) -> str:
    """A stable name: lower-case Latin letters, digits and hyphens."""
    if not _SLUG.fullmatch(value):
        raise ValueError(f"{shown(value)} is not an id; use a-z, 0-9 and hyphens, 64 characters at most")
    return value


def domain(value: str) -> str:
    """A host name in ASCII and lower case (internationalised names are converted)."""
    try:
        plain = value.lower() if value.isascii() else value.encode("idna").decode("ascii").lower()
    except UnicodeError:
        plain = ""
    if len(plain) > 253 or not _DOMAIN.fullmatch(plain):
        raise ValueError(f"{shown(value)} is not a domain name")
    return plain


def address(value: str) -> str:
    """A plain mail address: `name@domain`, nothing around it."""
    local, at, host = value.rpartition("@")
    if not at or not local or not host or re.search(r'[\s<>,;:"()\[\]\\]', value):
        raise ValueError(
            f"{shown(value)} is not a mail address; write it like desk@example.org, without a name around it"
        )
    if not _LOCAL.fullmatch(local) or len(local) > _LOCAL_LENGTH:
        raise ValueError(f"{shown(value)}: the part before @ may hold ASCII letters, digits and .+-_ only, 64 at most")
    return f"{local}@{domain(host)}"


def return_path(value: str) -> str:
    """An address that leaves room for a tag before its @, or nothing."""
    if value and len(value.rpartition("@")[0]) > TAGGED_LENGTH:
        raise ValueError(
            f"{shown(value)}: the part before @ may be {TAGGED_LENGTH} characters long, since `+` and a tag follow it"
        )
    return address(value) if value else ""


def http_url(value: str) -> str:
    """An http or https URL with a host and without a password in it."""
    parts = _split_url(value)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"{shown(value)} is not an http:// or https:// address")
    if "@" in parts.netloc:
        raise ValueError(
            "take the name and password out of the address; they would show in every list and log "
            "(a feed has keys of its own for them: `username` and `password_file`)"
        )
    return value


def header_name(value: str) -> str:
    """A header that the operator may set: a token (RFC 9110 §5.1), and none of those that the client answers for."""
    if not _TOKEN.fullmatch(value):
        raise ValueError("is not the name of a header; write it like X-Api-Key")
    reason = OWNED_HEADERS.get(value.lower())
    if reason:
        raise ValueError(f"this header cannot be set: {reason}")
    return value


def header_value(value: SecretStr) -> SecretStr:
    """What can stand in a header (RFC 9110 §5.5); never shown, as it may be a key."""
    if not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value.get_secret_value()):
        raise ValueError("holds what cannot stand in a header: ASCII on one line only, no blanks around it")
    return value


def username(value: str) -> str:
    """The name of Basic authentication, in which a colon ends it (RFC 7617 §2)."""
    if ":" in text(value):
        raise ValueError("a name to sign in with cannot hold a colon")
    return value


def password(value: SecretStr) -> SecretStr:
    """A password on one line; never shown."""
    if CONTROL.search(value.get_secret_value()):
        raise ValueError("holds a line break or a control character")
    return value


def base_url(value: str) -> str:
    """An http or https URL to which paths are added, without the last slash; empty stays empty."""
    if not value:
        return value
    if re.search(r"[?#]", http_url(value)):
        raise ValueError(f"{shown(value)} must end with its path: no ? and no #")
    return value.rstrip("/")


def proxy_url(value: str) -> str:
    """The URL of an HTTP proxy, which may carry a name and password."""
    if _split_url(value).scheme not in {"http", "https"}:
        raise ValueError(f"{shown(value)} is not an http:// or https:// address of a proxy")
    return value


def _split_url(value: str) -> Any:
    """The parts of a URL that has a host, a real port, and no blanks."""
    if len(value) > 2_048 or CONTROL.search(value) or " " in value:
        raise ValueError(f"{shown(value)} is not a URL: it is too long or holds blanks")
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{shown(value)} is not a complete URL; write it like https://example.org/rss")
    return parts


def network(value: Any) -> IPv4Network | IPv6Network:
    """A block of addresses in CIDR form."""
    try:
        return ip_network(value)
    except ValueError as error:
        hint = "its host bits are set" if "host bits" in str(error) else "write it like 127.0.0.0/8"
        raise ValueError(f"{shown(value)} is not a network; {hint}") from None


def feedback_id(value: str) -> str:
    """One word of ASCII, 120 characters at most."""
    if not re.fullmatch(r"[!-~]{0,120}", value):
        raise ValueError(f"{shown(value)} is not one word of ASCII; write it like news:morning:aggregator")
    return value


def contact(value: str) -> str:
    """A mail address, a URL or both, as they may stand in the User-Agent header."""
    if not re.fullmatch(r"[ -~]{0,200}", value) or re.search(r'[()\\<>"]', value):
        raise ValueError(f"{shown(value)} cannot stand in a header; name a URL, a mail address or both")
    return value


def lower(value: Any) -> Any:
    """Words of a fixed list may be written in any case."""
    return value.lower() if isinstance(value, str) else value


def lone(value: Any) -> Any:
    """One value where a list is meant."""
    return [value] if isinstance(value, (str, time)) else value


DURATION_SCHEMA = {"type": "string", "pattern": r"^\d{1,6}[smhdw]$", "examples": ["90s", "30m", "1h", "1d", "2w"]}
_SIZE_SCHEMA = {"type": ["string", "integer"], "examples": ["64kB", "16MB"]}
_ZONE_SCHEMA = {"type": "string", "examples": ["Europe/Minsk", "UTC"]}
_URL_SCHEMA = {"type": "string", "format": "uri", "pattern": "^https?://"}

Excerpt = Annotated[
    int | None,
    BeforeValidator(excerpt),
    PlainSerializer(show_excerpt, return_type=int | str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["none", "whole"]}]}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(show_duration, return_type=str),
    WithJsonSchema(DURATION_SCHEMA),
]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Size = Annotated[int, BeforeValidator(size), PlainSerializer(show_size, return_type=str), WithJsonSchema(_SIZE_SCHEMA)]
WallTime = Annotated[
    time,
    BeforeValidator(wall_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d{2}$", "examples": ["07:30"]}),
]
Hours = Annotated[
    tuple[time, time],
    BeforeValidator(hours),
    PlainSerializer(lambda value: f"{value[0]:%H:%M}-{value[1]:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d{2}-\d{1,2}:\d{2}$", "examples": ["22:00-07:00"]}),
]
Zone = Annotated[str, AfterValidator(zone), WithJsonSchema(_ZONE_SCHEMA)]
Text = Annotated[str, AfterValidator(text)]
QueryText = Annotated[str, AfterValidator(query_text)]
Slug = Annotated[str, AfterValidator(slug), WithJsonSchema({"type": "string", "pattern": f"^{_SLUG.pattern}$"})]
Address = Annotated[str, AfterValidator(address), WithJsonSchema({"type": "string", "format": "email"})]
ReturnPath = Annotated[str, AfterValidator(return_path), WithJsonSchema({"type": "string"})]
AddressOrNone = Annotated[str, AfterValidator(lambda value: value and address(value))]
HttpUrl = Annotated[str, AfterValidator(http_url), WithJsonSchema(_URL_SCHEMA)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
ProxyUrl = Annotated[
    str,
    AfterValidator(proxy_url),
    PlainSerializer(lambda value: _USERINFO.sub("//***@", value), return_type=str),
    WithJsonSchema(_URL_SCHEMA),
]
Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.0/8"]}),
]
DomainName = Annotated[str, AfterValidator(lambda value: value and domain(value))]
FeedbackId = Annotated[str, AfterValidator(feedback_id)]
Contact = Annotated[str, AfterValidator(contact)]
HeaderName = Annotated[str, AfterValidator(header_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(header_value)]
Username = Annotated[str, AfterValidator(username)]
Password = Annotated[SecretStr, AfterValidator(password)]
