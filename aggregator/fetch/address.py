"""URLs as text: which may be asked, how they go on the wire, and how they may be shown.

A URL is sent as it was published: aiohttp would normalise percent-encoding, which breaks signed URLs, so only what may
not stand in a request at all (spaces, non-ASCII) is encoded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from aggregator.errors import WorkError

if TYPE_CHECKING:
    from yarl import URL

SAFE = "".join(map(chr, range(0x21, 0x7F))).translate(str.maketrans("", "", '"<>\\^`{|}#'))
_BYTE = r"(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_PLAIN = re.compile(
    rf"(https?)://((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|{_BYTE}(?:\.{_BYTE}){{3}})(?::([0-9]{{1,4}}|[1-5][0-9]{{4}}))?"
    rf"(/[{re.escape(SAFE.replace('?', ''))}]*)(?:\?([{re.escape(SAFE)}]+))?"
)
"""Nearly all addresses: an ordinary name or IPv4 address, and nothing that would have to be encoded."""
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
    plain = _PLAIN.fullmatch(text)
    return _plain_target(text, plain.groups()) if plain else _any_target(text)


def _plain_target(text: str, parts: Sequence[str | None]) -> Target:
    """What `_any_target` would say of it, in a third of the time."""
    from yarl import URL

    scheme, name, port, path, query = parts
    authority = name if port is None else f"{name}:{int(port)}"
    url = URL.build(
        scheme=scheme or "", authority=authority or "", path=path or "/", query_string=query or "", encoded=True
    )
    return Target(text, url, f"{scheme}://{name}:{url.port}", "")


def _any_target(text: str) -> Target:
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
