"""URLs as text: which may be asked, how they go on the wire, and how they may be shown.

A URL is sent as it was published: aiohttp would normalise percent-encoding, which breaks signed URLs, so only what may
not stand in a request at all (spaces, non-ASCII) is encoded.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from aggregator.errors import WorkError

if TYPE_CHECKING:
    from yarl import URL

SAFE = "".join(map(chr, range(0x21, 0x7F))).translate(str.maketrans("", "", '"<>\\^`{|}#'))
SECRET_KEY = re.compile(
    r"(?i)^(.*[-_.])?(token|key|apikey|secret|pass|passwd|password|pwd|auth|authorization|sig|signature|session|sid|code|hash|jwt)$"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One hop's address, ready to be asked.

    Attributes:
        text: the URL without credentials and fragment.
        url: the same for aiohttp.
        host: scheme, name and port: what politeness counts by, and the origin of RFC 9110 §4.3.1.
        authorization: the header that its credentials make (RFC 7617), or "".
    """

    text: str
    url: URL
    host: str
    authorization: str


def target(text: str) -> Target:
    """Read a URL. Raises WorkError with class bad_scheme when it is not one we ask."""
    try:
        parts = urlsplit(text.strip())
        scheme, port = parts.scheme, parts.port
    except ValueError as e:
        raise WorkError("bad_scheme", "not an address that can be fetched") from e
    if scheme not in ("http", "https"):
        kind = f"{scheme[:20]}:" if scheme else "a relative address"
        raise WorkError("bad_scheme", f"only http and https are fetched, not {kind}")
    try:
        url = _on_the_wire(parts, port)
    except (ValueError, UnicodeError) as e:
        raise WorkError("bad_scheme", "not an address that can be fetched") from e
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    host = f"{scheme}://{_name(url)}:{url.port}"
    return Target(plain, url, host, _authorization(parts))


def follow(base: str, location: str) -> str:
    """The absolute URL that a Location names (RFC 9110 §10.2.2), less any credentials: those are not ours to send."""
    try:
        parts = urlsplit(urljoin(base, location.strip()))
    except ValueError as e:
        raise WorkError("bad_http", "the server redirects to something that is not an address") from e
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def shown(text: str) -> str:
    """A URL fit for messages and logs: credentials and the values of secret-looking parameters masked, one line."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "(an unreadable address)"
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"***@{host}" if at or user else host
    query = "&".join(_masked(p) for p in parts.query.split("&")) if parts.query else ""
    line = urlunsplit(parts._replace(netloc=netloc, query=query, fragment=""))
    return "".join(c if c.isprintable() else "?" for c in line[:500])


def basic(username: str, password: str) -> str:
    """The Authorization header for a name and a password, in UTF-8 (RFC 7617 §2)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _on_the_wire(parts: SplitResult, port: int | None) -> URL:
    from yarl import URL

    name = URL.build(scheme=parts.scheme, host=parts.hostname or "", path="/").raw_host
    if not name:
        raise ValueError("no host")
    bracketed = f"[{name}]" if ":" in name else name
    return URL.build(
        scheme=parts.scheme,
        authority=bracketed if port is None else f"{bracketed}:{port}",
        path=quote(parts.path or "/", safe=SAFE),
        query_string=quote(parts.query, safe=SAFE),
        encoded=True,
    )


def _name(url: URL) -> str:
    return (url.raw_host or "").lower().rstrip(".")


def _authorization(parts: SplitResult) -> str:
    credentials, at, _ = parts.netloc.rpartition("@")
    if not at:
        return ""
    user, _, password = credentials.partition(":")
    return basic(unquote(user), unquote(password))


def _masked(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}=***" if equals and SECRET_KEY.match(unquote(name)) else parameter
