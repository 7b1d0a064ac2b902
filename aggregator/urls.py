"""URLs as names: canonical form, identity, absolute links, hosts, and masking. Never raises, whatever the string."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_LINK_SCHEMES = ("http", "https", "mailto")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TRACKERS = _set(
    "fbclid gclid gclsrc dclid wbraid gbraid msclkid yclid ysclid twclid ttclid igshid igsh _openstat cmpid "
    "mc_cid mc_eid mkt_tok vero_id _hsenc _hsmi rb_clickid at_medium at_campaign"
)
_TRACKER_PREFIXES = ("utm_", "mc_", "pk_", "mtm_")
_SOURCE_KEYS = frozenset({"from", "rss", "ref", "source"})
_SOURCE_VALUES = frozenset({"rss", "feed", "rss_feed"})
_SESSION_KEYS = frozenset({"sid", "phpsessid", "jsessionid", "sessionid"})
_AMP_QUERY = frozenset({"amp", "amp=1", "outputtype=amp", "output=amp"})
_INDEX = re.compile(r"/index\.(?:html?|php|aspx?)$", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST_SAFE = "!$&'()*+,;=~%"
_PATH_SAFE = "/!$&'()*+,;=:@%~"
_QUERY_SAFE = _PATH_SAFE + "?"
# Most ids and links are one of these, and need not be taken apart.
_OTHER_SCHEME = re.compile(r"(?![Hh][Tt][Tt][Pp])[!-~]{5}")
_PLAIN = re.compile(r"https?://(\.*[a-z0-9-][a-z0-9.-]*)((?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?)")
_PLAIN_HOST = re.compile(r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([0-9]{1,4}|[1-5][0-9]{4}))?(?=[/?#]|\Z)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE_IN_LINK = re.compile(r"[\s\"<>`{}|\\^\x80-\x9f\ud800-\udfff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_USERINFO = re.compile(r"(?<=//)[^/?#\s\"'<>]*@")
_PRIVATE_KEYS = (
    "access_token|auth_token|token|apikey|api_key|api-key|key|secret|client_secret|password|passwd|pass|pwd|auth|"
    "authorization|signature|sig|session|sessionid|sid|phpsessid|hash|code|user_key|private"
)
_PRIVATE = re.compile(rf"(?i)([?&;#](?:{_PRIVATE_KEYS})=)[^&#;\s\"'<>]+")
_TOKEN_LIKE = re.compile(
    r"([?&;][^=&#;\s]{1,64}=)(?=[A-Za-z0-9_\-]*[0-9])(?=[A-Za-z0-9_\-]*[A-Za-z])[A-Za-z0-9_\-]{24,}(?=[&#;\s]|$)"
)


class _Parts(NamedTuple):
    """An http(s) URL taken apart; `host` is in lower-case ASCII with a port where it is not the scheme's own."""

    scheme: str
    host: str
    port: int
    path: str
    query: str
    fragment: str


@lru_cache(maxsize=4096)
def canonical(url: str) -> str:
    """The form in which a story's address is compared across feeds: `example.org/a?b=1`, or "" when not http(s)."""
    parts = _parse(url)
    if parts is None:
        return ""
    path = _INDEX.sub("/", _clean_path(parts.path)).rstrip("/")
    pairs = [p for p in _pairs(parts.query) if not _is_tracker(p, any_ref=True)]
    tail = f"#{_normal(parts.fragment, _QUERY_SAFE)}" if parts.fragment.startswith("!") else ""
    return _joined(_without_www(parts.host), parts, path, sorted(pairs)) + tail


_LITERAL = re.compile(
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?/[A-Za-z0-9/._~%+-]*(?:\?[A-Za-z0-9/._~%+=&-]+)?"
)


def identity(url: str) -> str:
    """The form in which a guid or link is compared inside one feed; the fragment counts. "" when not http(s)."""
    if _OTHER_SCHEME.match(url):
        return ""
    plain = _PLAIN.fullmatch(url)
    return _plain_identity(*plain.groups()) if plain else _identity(url)


@lru_cache(maxsize=4096)
def _identity(url: str) -> str:
    parts = _parse(url)
    if parts is None:
        return ""
    path = _without_amp(_clean_path(parts.path)).rstrip("/")
    pairs = [p for p in _pairs(parts.query) if not (_is_tracker(p) or _is_session(p) or p.casefold() in _AMP_QUERY)]
    tail = f"#{_normal(parts.fragment, _QUERY_SAFE)}" if parts.fragment else ""
    return _joined(_without_variant(_without_www(parts.host)), parts, path, sorted(pairs)) + tail


def is_plain(url: str) -> bool:
    """Whether it is absolute, http(s), and there is nothing in it to resolve, mend or escape."""
    return _LITERAL.fullmatch(url) is not None


def absolute(base: str, link: str) -> str:
    """`link` as seen from `base`; "" unless the result is http, https or mailto."""
    if is_plain(link):
        return link
    text = _CONTROLS.sub("", link).strip()
    if not text:
        return ""
    try:
        # What is escaped must still be an address: a bracketed host may come to be none.
        joined = _UNSAFE_IN_LINK.sub(_escaped, urljoin(_CONTROLS.sub("", base).strip(), text))
        parts = urlsplit(joined)
        usable = parts.scheme in _LINK_SCHEMES and bool(parts.hostname or parts.scheme == "mailto")
    except ValueError:
        return ""
    if not usable:
        return ""
    # RFC 3986 §6.2.2.1: a scheme is lower case; urljoin leaves that of an absolute link alone.
    return parts.scheme + joined[len(parts.scheme) :]


def host_key(url: str) -> str:
    """Scheme, host and port in full (`https://example.org:443`): who may be asked one thing at a time. "" if none."""
    plain = _PLAIN_HOST.match(url)
    if plain is not None:  # asked for each feed of every sweep: nearly all URLs are like this
        scheme, host, port = plain.groups()
        return f"{scheme}://{host}:{int(port or 0) or _PORTS[scheme]}"
    parts = _parse(url)
    return f"{parts.scheme}://{parts.host}:{parts.port}" if parts else ""


def mask(url: str) -> str:
    """The URL (or a text with URLs) fit for logs and exports: no user, password or token in it."""
    shown = _USERINFO.sub("***@", url)
    return _TOKEN_LIKE.sub(r"\1***", _PRIVATE.sub(r"\1***", shown))


# -- parts -----------------------------------------------------------------------------------------------------------


def named(url: str, text: str) -> str:
    """What went wrong, with the masked URL it went wrong at in front unless the text has it."""
    shown = mask(url)
    return text if shown in text else f"{shown}: {text}"


def _parse(url: str) -> _Parts | None:
    text = _CONTROLS.sub("", url).strip()
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    known = _PORTS[parts.scheme]
    return _Parts(parts.scheme, _ascii_host(host), port or known, parts.path, parts.query, parts.fragment)


def _ascii_host(host: str) -> str:
    """IDNA where it can be had; a host no resolver would take stays as it is, percent-coded."""
    host = host.lower()
    if ":" in host:
        return f"[{quote(host, safe=_HOST_SAFE + ':')}]"
    if not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode("ascii")
    return quote(host, safe=_HOST_SAFE, errors="replace").lower()


def _plain_identity(host: str, path: str) -> str:
    return _without_variant(_without_www(host.rstrip("."))) + _without_amp(path).rstrip("/")


def _joined(host: str, parts: _Parts, path: str, pairs: list[str]) -> str:
    port = "" if parts.port == _PORTS[parts.scheme] else f":{parts.port}"
    query = f"?{'&'.join(pairs)}" if pairs else ""
    return f"{host}{port}{path}{query}"


def _without_www(host: str) -> str:
    rest = host.removeprefix("www.")
    return rest if "." in rest else host


def _without_variant(host: str) -> str:
    """Off with `m.` and `amp.`, unless nothing but a top-level domain would stay."""
    for prefix in ("m.", "amp.", "mobile."):
        rest = host.removeprefix(prefix)
        if rest != host and "." in rest:
            return rest
    return host


def _without_amp(path: str) -> str:
    trimmed = path.rstrip("/")
    if trimmed.casefold().endswith("/amp"):
        return trimmed[:-4]
    if path.casefold().startswith("/amp/"):
        return path[4:]
    return path


def _clean_path(path: str) -> str:
    """Dot segments resolved and percent-coding normalised."""
    if "/." in path and not path.startswith("//"):
        path = urlsplit(urljoin("http://h/", path)).path
    return _normal(path, _PATH_SAFE)


def _pairs(query: str) -> list[str]:
    return [_normal(p, _QUERY_SAFE) for p in query.split("&") if p]


def _is_tracker(pair: str, *, any_ref: bool = False) -> bool:
    key, _, value = pair.partition("=")
    key = key.casefold()
    if key in _TRACKERS or key.startswith(_TRACKER_PREFIXES):
        return True
    if key == "ref" and any_ref:
        return True
    return key in _SOURCE_KEYS and value.casefold() in _SOURCE_VALUES


def _is_session(pair: str) -> bool:
    return pair.partition("=")[0].casefold() in _SESSION_KEYS


def _normal(part: str, safe: str) -> str:
    """Percent-coding as RFC 3986 §6.2.2 wants it: unreserved characters plain, hex digits upper case."""
    return quote(_PERCENT.sub(_recode, part), safe=safe, errors="replace")


def _recode(found: re.Match[str]) -> str:
    digits = found.group(1)
    if digits is None:
        return "%25"
    char = chr(int(digits, 16))
    return char if char in _UNRESERVED else f"%{digits.upper()}"


def _escaped(found: re.Match[str]) -> str:
    return quote(found.group(), safe="", errors="replace")
