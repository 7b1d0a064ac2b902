"""The configuration: whatever stands in a file or in the environment is a configuration or problems that say where.

An input is the name of what is written (`feeds`, `watch`, `digests`, `agg` or `env`), a line end, and its text.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from aggregator import settings
from aggregator.errors import ConfigError, UsageError
from aggregator.settings import Configuration, known_settings, variable
from aggregator.settings.problems import MOST

ROOT = Path(__file__).parents[2]
FILES = {
    "feeds": "feeds.yaml",
    "watch": "config/watchlists.yaml",
    "digests": "config/digests.yaml",
    "agg": "config/aggregator.yaml",
}
SMALL = {
    "feeds": "defaults: {interval: 1h}\nfeeds:\n  # the agency\n  - url: https://eng.belta.by/rss   # looked up\n    id: belta\n    tags: [a, b]\n\n  - {url: 'https://tass.ru/rss', excerpt: 200}\n# the end\n",
    "watch": "aliases:\n  csto: [=CSTO, '=ОДКБ']\nwatchlists:\n- id: csto\n  query: '@csto minsk~'\n  must: [CSTO in Minsk, {title: x, body: y}]\n  must_not:\n  - nothing\n",
    "digests": 'digests:\n  - id: morning\n    watchlists: [csto]\n    at: ["07:30"]\n    days: [mon, fri]\n    timezone: Europe/Minsk\n    to: [a@b.example, {address: c@d.example, prominence: lead}]\n  - {id: now, watchlists: [csto], every: instant, quiet: "22:00-07:00", to: [a@b.example]}\n',
    "agg": "mail: {host: smtp.example, port: 25, from_name: News, from_address: n@x.example}\nnetwork: {allow_private: [127.0.0.0/8], total_timeout: 20s}\nweb: {enabled: yes, public_url: https://n.example/}\npolling: {floor: 10m}\n",
    "env": 'AGGREGATOR__MAIL__PORT=587\nAGGREGATOR__NETWORK__ALLOW_PRIVATE=["10.0.0.0/8"]\nAGGREGATOR__WEB={"enabled": "no"}\nAGGREGATOR__LOG__LEVEL=info\n',
}
WORDS = tuple(
    word.encode("utf-8", "surrogatepass")
    for word in (
        "- ", "  ", ": ", "\n", "\t", "\r\n", "#", " # note", "|", "|+\n", ">-\n", "&a ", "*a", "<<: *a", "!!python/object ", "!x ", "? ", "---\n", "...\n", "{", "}", "[", "]", ",",
        "'", '"', "~", "null", "yes", "12:30", "0x10", "1e3", ".inf", "%YAML 1.1\n", "\\", '"\\ud800"', '"\\0"', "\x00", "\x85", "\u2028", "\ufeff", "\ud800", "=", "id: ",
        "url: ", "feeds:\n", "watchlists:\n", "digests:\n", "channels:\n", "aliases:\n", "tags: ", "interval: 5m", "interval: 999999w", "excerpt: none", "headers: {a: b}", "password_file: x",
        "password_file: /", 'password_file: "\\0"', "username: u", "proxy: http://u:p@h:1", "https://[", "https://x.by/", "https://бел.бел/", "https://x:99999/", "webhook: ", "secret_file: x", "notify_file: /",
        "every: hourly", "at: ", "25:61", "timezone: Mars/X", "timezone: ../../etc/passwd", 'timezone: "\\0"', "to: ", "quiet: ", '"07:00-22:00"', "query: ", "must: ", "@csto", "defaults: ", "mail: ", "storage: {url: x}",
        "polling: ", "AGGREGATOR__", "AGGREGATOR__MAIL__HOST_FILE=/dev/null", "AGGREGATOR__MAIL__HOST_FILE=/", "AGGREGATOR__X=", "=", '{"a": [[[', "9" * 400, "-1", "1e999", "١٢",
    )
)  # fmt: skip
_PLACE = re.compile(r"(.*?:\d+|.?AGGREGATOR__.*?|[^:]*): .")
_COMMENT = re.compile(r"(?<![^\r\n])[ ]*#[^\r\n]*")


def samples() -> list[bytes]:
    """The files of this repository, small ones with every kind of value, and every setting by its variable."""
    found = [f"{name}\n{text}".encode() for name, text in SMALL.items()]
    found += [f"{name}\n".encode() + (ROOT / path).read_bytes() for name, path in FILES.items()]
    found += [f"{name}\n".encode() for name in FILES]
    return found + [f"env\n{variable(loc)}={value}".encode() for loc, value in known_settings()]


@cache
def home() -> Path:
    """A home whose files are small and right."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "config").mkdir()
    return folder


def _written(name: str, text: bytes) -> Path:
    """The home, with one file as wanted and the others right."""
    for each, path in FILES.items():
        wanted = text if each == name else SMALL[each].encode()
        if not (home() / path).exists() or (home() / path).read_bytes() != wanted:
            (home() / path).write_bytes(wanted)
    return home()


def settings_any(data: bytes) -> None:
    """A configuration, or problems that each say on one line where and what; and what can be read can be edited."""
    head, _, text = data.partition(b"\n")
    name = head.decode("ascii", "replace")
    environ = _environ(text) if name == "env" else {}
    folder = _written(name, text) if name in FILES else _written("", b"")
    found = loaded(folder, environ)
    if found is None or name not in FILES:
        return
    settings.masked(found.settings)
    if name == "feeds":
        feeds_edited(folder, found)
    elif name == "watch":
        lists_edited(folder, found)
    elif name == "digests":
        digests_edited(folder, found)


def _environ(text: bytes) -> dict[str, str]:
    """What an environment can hold: anything but a NUL."""
    lines = text.replace(b"\x00", b"").decode("utf-8", "surrogateescape").split("\n")
    return dict(line.partition("=")[::2] for line in lines if "=" in line[1:])


def loaded(folder: Path, environ: dict[str, str]) -> Configuration | None:
    """What the files say, or None where they are refused in order."""
    try:
        return settings.load(folder, environ)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - both ends are fine
        assert len(error.problems) < 5 * MOST + len(environ)  # noqa: PT017
        for problem in error.problems:
            is_told(problem)
        return None


def is_told(problem: str) -> None:
    """Where and what, on one line; under a fault of a query that query and a caret. Nothing that cannot be printed."""
    first, *more = problem.splitlines()
    assert _PLACE.match(first), repr(problem)
    assert not more or (len(more) == 2 and more[1].strip() == "^"), repr(problem)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", problem), repr(problem)
    problem.encode("utf-8")


# -- editing -------------------------------------------------------------------------------------------------------------


def edited(path: Path, change: Callable[[], Any], *, within: bool = False) -> str | None:
    """The file after a change, which kept every comment; None where it was refused in order, and the file stayed as it was.

    `within`: what is taken out may have comments inside.
    """
    before = path.read_bytes() if path.exists() else b""
    try:
        change()
    except (ConfigError, UsageError) as error:
        assert str(error).strip()  # noqa: PT017 - both ends are fine
        assert path.read_bytes() == before
        return None
    after = path.read_bytes().decode("utf-8-sig")  # with its line ends as they are
    assert within or not lost(before.decode("utf-8-sig"), after), "a comment went"
    return after


def lost(before: str, after: str) -> list[str]:
    """Comments that stood on lines of their own and do so no longer."""
    left = _COMMENT.findall(after)
    return [comment for comment in _COMMENT.findall(before) if comment not in left]


def feeds_edited(folder: Path, before: Configuration) -> None:
    """One feed more is there behind the others, and gone again without a trace."""
    path = folder / FILES["feeds"]
    if (
        edited(
            path,
            lambda: settings.add_feed(folder, url="https://fuzz.example/rss?a=#b", title="'x': [y", tags=("no", "1")),
        )
        is None
    ):
        return
    more = settings.load(folder, {}).feeds
    assert more[:-1] == before.feeds
    assert (more[-1].url, more[-1].title, more[-1].tags) == ("https://fuzz.example/rss?a=#b", "'x': [y", ("no", "1"))
    if edited(path, lambda: settings.remove_feed(folder, more[-1].id)) is not None:
        assert settings.load(folder, {}).feeds == before.feeds
    first = [feed.id for feed in before.feeds[:1]]
    if first and edited(path, lambda: settings.remove_feed(folder, first[0]), within=True) is not None:
        assert {feed.url for feed in settings.load(folder, {}).feeds} <= {feed.url for feed in before.feeds}


def lists_edited(folder: Path, before: Configuration) -> None:
    """One watchlist more is there behind the others."""
    path = folder / FILES["watch"]
    if edited(path, lambda: settings.add_watchlist(folder, "fuzz", "T: #", '"a b" NEAR/3 c')) is not None:
        after = settings.load(folder, {})
        assert after.watchlists[:-1] == before.watchlists
        assert (after.watchlists[-1].id, after.watchlists[-1].query) == ("fuzz", '"a b" NEAR/3 c')
        assert after.aliases == before.aliases


def digests_edited(folder: Path, before: Configuration) -> None:
    """One digest more is there behind the others, and the first one covers one watchlist more."""
    path = folder / FILES["digests"]
    if (
        edited(
            path,
            lambda: settings.add_digest(folder, id="fuzz", watchlists=["csto"], every="hourly", to=["f@x.example"]),
        )
        is not None
    ):
        assert settings.load(folder, {}).digests[:-1] == before.digests
