"""The configuration: four files and the environment in, one checked value or every problem out."""

from __future__ import annotations

import ipaddress
import json
import os
import stat
import threading
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aggregator import settings
from aggregator.access import Access
from aggregator.errors import ConfigError
from aggregator.model import FeedSpec, Watchlist
from aggregator.publication import DigestSpec, Schedule
from aggregator.settings import Configuration, Home, fields
from aggregator.settings.files import FeedsFile

ROOT = Path(__file__).parents[2]
FILES = {
    "feeds": "feeds.yaml",
    "watch": "config/watchlists.yaml",
    "digests": "config/digests.yaml",
    "agg": "config/aggregator.yaml",
}


def write(home: Path, **texts: str) -> Path:
    (home / "config").mkdir(exist_ok=True)
    for name, text in texts.items():
        (home / FILES[name]).write_text(text, encoding="utf-8")
    return home


def load(home: Path, environ: dict[str, str] | None = None, **texts: str) -> Configuration:
    return settings.load(write(home, **texts), environ or {})


def problems(home: Path, environ: dict[str, str] | None = None, **texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(home, environ, **texts)
    return [problem.replace(f"{home}/", "") for problem in caught.value.problems]


# -- what is read --------------------------------------------------------------------------------------------------


def test_an_empty_home_is_a_configuration_without_feeds(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert (loaded.feeds, loaded.watchlists, loaded.digests, dict(loaded.aliases)) == ((), (), (), {})
    assert loaded.settings == settings.Settings()
    assert loaded.initial == timedelta(days=1)


def test_the_files_of_the_design_read_as_its_words(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        feeds="""
defaults: {interval: 2h, tags: [x]}
feeds:
  - url: https://example.org/rss
    id: belta-en
    title: BelTA
    language: en
    country: NO
    tags: [agency, state]
    interval: 30m
    articles: short
  - url: https://other.example/
""",
        watch="aliases: {csto: ['=CSTO', '=ОДКБ']}\nwatchlists: [{id: csto, title: CSTO, query: '@csto'}]",
        digests="""
digests:
  - {id: morning, watchlists: [csto], at: 07:30, timezone: Europe/Minsk, days: [fri, mon], to: [desk@example.org]}
  - {id: now, title: At once, watchlists: [csto], every: instant, empty: skip}
  - {id: twice, watchlists: [csto], at: ["19:00", 7:05]}
""",
    )
    assert loaded.feeds == (
        FeedSpec(
            "belta-en",
            "https://example.org/rss",
            "BelTA",
            "en",
            "NO",
            ("agency", "state"),
            timedelta(minutes=30),
            "short",
        ),
        FeedSpec("other-example", "https://other.example/", tags=("x",), interval=timedelta(hours=2)),
    )
    assert loaded.watchlists == (Watchlist("csto", "CSTO", "@csto"),)
    assert loaded.aliases == {"csto": ("=CSTO", "=ОДКБ")}
    morning = Schedule("at", "Europe/Minsk", (time(7, 30),), ("mon", "fri"))
    assert loaded.digests[0] == DigestSpec("morning", "morning", ("csto",), morning, ("desk@example.org",))
    assert loaded.digests[1] == DigestSpec(
        "now", "At once", ("csto",), Schedule("instant", wait=timedelta(seconds=3), most=10), empty="skip"
    )
    assert loaded.digests[2].schedule.at == (time(7, 5), time(19, 0))


def test_an_address_may_have_a_clock_of_its_own(tmp_path: Path) -> None:
    digests = DIGEST + "  at: 07:30\n  to: [a@example.org, {address: b@example.org, timezone: Asia/Tokyo}]\n"
    [digest] = load(tmp_path, watch=WATCH, digests=digests).digests
    assert digest.zones == (("b@example.org", "Asia/Tokyo"),)


def test_signing_up_by_oneself_needs_an_address_for_the_links_of_letters(tmp_path: Path) -> None:
    assert problems(tmp_path, agg="signup: {mode: Open}")[0].startswith(
        "config/aggregator.yaml:1: signup.mode: open needs `web.public_url`"
    )
    loaded = load(tmp_path, agg="signup: {mode: Open}\nweb: {public_url: https://news.example}")
    assert loaded.settings.signup.mode == "open"


def test_an_address_may_have_a_stricter_threshold_than_its_digest(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        watch="watchlists: [{id: csto, query: CSTO}]",
        digests="""
digests:
  - id: now
    watchlists: [csto]
    every: instant
    prominence: Lead
    to: [a@example.org, {address: b@example.org, prominence: title}, {address: c@example.org}]
""",
    )
    (digest,) = loaded.digests
    assert digest.prominence == "lead"
    assert digest.to == ("a@example.org", "b@example.org", "c@example.org")
    assert digest.stricter == (("b@example.org", "title"),)


def test_the_shipped_files_load() -> None:
    loaded = settings.load(ROOT, {})
    assert len(loaded.feeds) >= 25
    assert loaded.settings.network == settings.Settings().network


def test_default_ids_come_from_the_host_and_are_unique(tmp_path: Path) -> None:
    urls = [
        "https://eng.belta.by/rss",
        "https://eng.belta.by/rss/politics",
        "https://www.tass.ru/",
        "http://127.0.0.1:80/a",
        "https://белта.бел/rss",
        "https://eng.belta.by/third",
    ]
    rows = [f"- {{url: '{url}'}}" for url in urls] + ["- {url: 'https://x.example/', id: eng-belta-by-2}"]
    ids = [feed.id for feed in load(tmp_path, feeds="feeds:\n" + "\n".join(rows)).feeds]
    assert ids == [
        "eng-belta-by",
        "eng-belta-by-3",
        "tass-ru",
        "127-0-0-1",
        "xn-80abmy9a-xn-90ais",
        "eng-belta-by-4",
        "eng-belta-by-2",
    ]


def test_settings_read_every_kind_of_value(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        agg="""
network: {total_timeout: 90s, concurrency: 8, allow_private: [127.0.0.0/8, "::1/128"], proxy: "http://u:pw@proxy:3128"}
limits: {body: 2MB, headers: 64KiB, parse_memory: 1000}
mail:
  from_address: news@БелТА.бел
  host: smtp.example
  port: 465
  security: TLS
  password: 0123
web: {enabled: no, public_url: "https://news.example/"}
retention: {entries: 400d}
storage:
""",
    ).settings
    assert loaded.network.total_timeout == timedelta(seconds=90)
    assert loaded.network.allow_private == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert (loaded.limits.body, loaded.limits.headers, loaded.limits.parse_memory) == (2_000_000, 65_536, 1_000)
    assert loaded.mail.message_domain == "xn--80abmy9a.xn--90ais"
    assert (loaded.mail.security, loaded.mail.password.get_secret_value()) == ("tls", "0123")
    assert (loaded.web.enabled, loaded.web.public_url) == (False, "https://news.example")
    assert loaded.retention.entries == timedelta(days=400)


def test_secrets_are_masked_wherever_settings_are_shown(tmp_path: Path) -> None:
    loaded = load(tmp_path, agg="network: {proxy: 'http://user:hidden1@proxy:1'}\nmail: {password: hidden2}").settings
    for shown in (json.dumps(settings.masked(loaded)), repr(loaded), str(loaded)):
        assert "hidden" not in shown
    assert settings.masked(loaded)["network"]["proxy"] == "http://***@proxy:1"


ACCESS = """
feeds:
  - {url: "https://a.example/", id: plain, hints: no, homepage: "https://a.example/about"}
  - {url: "https://b.example/", id: signed, username: стол, password: hidden1, headers: {X-Key: hidden2, Cookie: c=hidden3}}
  - {url: "https://c.example/", id: file, username: desk, password_file: secrets/c.txt}
  - {url: "https://d.example/", id: proxied, proxy: "http://user:hidden4@proxy:1"}
"""


def test_a_feed_may_have_a_password_headers_and_a_proxy(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/c.txt").write_text("hidden5\r\n")
    loaded = load(tmp_path, feeds=ACCESS)
    assert loaded.access == {
        "signed": Access("стол", "hidden1", (("X-Key", "hidden2"), ("Cookie", "c=hidden3")), home="https://b.example/"),
        "file": Access("desk", "hidden5", home="https://c.example/"),
        "proxied": Access(proxy="http://user:hidden4@proxy:1", home="https://d.example/"),
    }
    assert loaded.homepages == {"plain": "https://a.example/about"}
    assert [feed.hints for feed in loaded.feeds] == [False, True, True, True]
    file = FeedsFile.model_validate(yaml.safe_load(ACCESS))
    for shown in (
        repr(loaded),
        str(loaded.access),
        repr(file),
        file.model_dump_json(),
        json.dumps(settings.json_schema()),
    ):
        assert "hidden" not in shown
    (tmp_path / "secrets/c.txt").write_text("\n")
    assert problems(tmp_path) == [
        "feeds.yaml:5: feeds[2].password_file: 'secrets/c.txt' is empty; it should hold the password"
    ]


def test_masked_settings_can_be_read_again(tmp_path: Path) -> None:
    loaded = load(tmp_path, agg=yaml.safe_dump(settings.masked(settings.Settings()), sort_keys=False))
    assert loaded.settings == settings.Settings()


def test_five_thousand_feeds_load(tmp_path: Path) -> None:
    """How fast is for benchmarks/bench_settings.py to say."""
    row = "  - {{url: 'https://host{0}.example/rss', title: Feed {0}, language: en, tags: [a, b], interval: 30m}}\n"
    write(tmp_path, feeds="feeds:\n" + "".join(row.format(n) for n in range(5_000)))
    assert len(settings.load(tmp_path, {}).feeds) == 5_000


# -- what is refused -----------------------------------------------------------------------------------------------

DIGEST = "digests:\n- id: d\n  watchlists: [w]\n"
WATCH = "watchlists: [{id: w, query: csto}]"
FEED = "feeds:\n- url: https://a.example/\n  "
BROKEN: list[tuple[str, str, int, str]] = [
    ("feeds", FEED + "headers: {Host: a}", 3, "feeds[0].headers.Host: this header cannot be set: it belongs to"),
    ("feeds", FEED + "headers:\n    X-Key: a\n    user-agent: Mozilla/5.0 hunter2", 5, "it stays honest"),
    ("feeds", FEED + "headers:\n    Accept-Encoding: br", 4, "what the program can unpack"),
    ("feeds", FEED + "headers:\n    if-none-match: x", 4, "the validators of the last answer stand there"),
    ("feeds", FEED + "headers:\n    Content-Length: 0", 4, "a GET has no body"),
    ("feeds", FEED + "headers:\n    Transfer-Encoding: chunked", 4, "a GET has no body"),
    ("feeds", FEED + "headers:\n    Proxy-Authorization: hunter2", 4, "give the proxy's name and password in `proxy`"),
    ("feeds", FEED + "headers:\n    'X Key': hunter2", 4, "is not the name of a header"),
    ("feeds", FEED + 'headers:\n    X-Key: "hunter2\\r\\nX-Evil: 1"', 4, "holds what cannot stand in a header"),
    ("feeds", FEED + "headers:\n    X-Key: хунтер2", 4, "holds what cannot stand in a header"),
    ("feeds", FEED + "headers:\n    X-Key: [hunter2]", 4, "expected plain text, found a list"),
    ("feeds", FEED + "headers: [X-Key]", 3, "feeds[0].headers: expected keys with values, found a list"),
    ("feeds", FEED + "headers: {X-Key: a, x-key: b}", 2, "the header X-Key stands there twice"),
    ("feeds", FEED + "password: hunter2", 2, "a password without `username`"),
    ("feeds", FEED + "username: a\n  password: hunter2\n  password_file: x", 2, "exclude each other; keep one"),
    ("feeds", FEED + "username: a\n  headers: {Authorization: hunter2}", 2, "exclude each other; keep one"),
    ("feeds", FEED + "username: 'a:b'", 3, "cannot hold a colon"),
    ("feeds", FEED + 'username: a\n  password: "hunter2\\n"', 4, "holds a line break or a control character"),
    ("feeds", FEED + "username: a\n  password_file: nowhere", 4, "nowhere' cannot be read: No such file"),
    ("feeds", FEED + "username: a\n  password_file: /", 4, "cannot be read: Is a directory"),
    ("feeds", FEED + "proxy: 'socks5://user:hunter2@proxy'", 3, "address of a proxy"),
    (
        "feeds",
        FEED + "excerpt: half",
        3,
        "feeds[0].excerpt: 'half' is no limit; write whole, none or a number of characters",
    ),
    ("feeds", FEED + "excerpt: -3", 3, "feeds[0].excerpt: '-3' is no limit"),
    ("feeds", FEED + "hints: perhaps", 3, "feeds[0].hints: expected true or false, found 'perhaps'"),
    ("feeds", FEED + "homepage: example.org", 3, "is not a complete URL"),
    (
        "feeds",
        "feeds:\n- url: https://a.example/\n  intervall: 1h",
        3,
        "feeds[0].intervall: unknown key; did you mean `interval`?",
    ),
    ("feeds", "feeds:\n- url: https://a.example/\n  xyzzy: 1h", 3, "known here: url, id, title"),
    ("feeds", "fedes: []", 1, "fedes: unknown key; did you mean `feeds`?"),
    ("feeds", "defaults:\n  intervall: 1h", 2, "defaults.intervall: unknown key; did you mean `interval`?"),
    ("feeds", "feeds:\n- title: x", 2, "feeds[0]: `url` is missing"),
    ("feeds", "feeds:\n- url:\n  title: x", 2, "feeds[0]: `url` is missing"),
    ("feeds", "feeds:\n- url: ftp://a.example/", 2, "is not an http:// or https:// address"),
    ("feeds", "feeds:\n- url: example.org/rss", 2, "is not a complete URL"),
    ("feeds", "feeds:\n- url: 'https://user:hunter2@a.example/'", 2, "take the name and password out"),
    ("feeds", "feeds:\n- url: 'https://a.example/a b'", 2, "holds blanks"),
    ("feeds", "feeds:\n- url: 'https://a.example:99999/'", 2, "is not a complete URL"),
    ("feeds", "feeds:\n- url: https://a.example/\n  interval: 90", 3, "'90' is not a duration; write it like 90s, 30m"),
    ("feeds", "feeds:\n- url: https://a.example/\n  interval: 0s", 3, "must be longer than zero"),
    ("feeds", "feeds:\n- url: https://a.example/\n  interval: [1h]", 3, "a list is not a duration"),
    (
        "feeds",
        "feeds:\n- url: https://a.example/\n  articles: some",
        3,
        "'some' is not one of 'never', 'matched', 'short' or 'all'",
    ),
    ("feeds", "feeds:\n- url: https://a.example/\n  tags: state", 3, "feeds[0].tags: expected a list, found 'state'"),
    ("feeds", "feeds:\n- url: https://a.example/\n  id: Два", 3, "is not an id"),
    ("feeds", "feeds:\n- https://a.example/", 2, "feeds[0]: expected keys with values, found 'https://a.example/'"),
    ("feeds", "feeds:\n- ", 2, "feeds[0]: expected keys with values, found nothing"),
    ("feeds", "feeds: {a: b}", 1, "feeds: expected a list, found keys with values"),
    (
        "feeds",
        "feeds:\n- {url: https://a.example/, id: a}\n- {url: https://b.example/, id: a}",
        3,
        "the same id as feeds[0] in line 2",
    ),
    (
        "feeds",
        "feeds:\n- url: https://a.example/\n- url: HTTPS://A.example:443/#x",
        3,
        "the same url as feeds[0] in line 2",
    ),
    (
        "feeds",
        "feeds:\n- url: https://a.example/\n  title: x\n  title: y",
        4,
        "duplicate key `title`; it stands in line 3 already",
    ),
    ("feeds", "feeds:\n- url: https://a.example/\n\tid: a", 3, "a tab where YAML wants spaces"),
    ("feeds", 'feeds:\n- url: https://a.example/\n  title: "a\\0b"', 3, "holds a line break or a control character"),
    ("watch", "watchlists:\n- id: a\n  query: '(CSTO'", 3, "watchlists[0].query: character "),
    ("watch", "watchlists:\n- id: a\n  query: '@nobody'", 3, "there is no alias @nobody"),
    ("watch", "watchlists:\n- id: a\n  query: ' '", 3, "watchlists[0].query: is empty"),
    ("watch", "aliases:\n  a: ['ok', '(x']\nwatchlists: [{id: a, query: '@a'}]", 2, "aliases.a[1]: character "),
    ("watch", "aliases:\n  a: ['@b']\n  b: ['@a']", 2, "leads back to itself"),
    ("watch", "aliases:\n  a b: [x]", 2, "alias's name"),
    ("watch", "aliases:\n  a: x", 2, "aliases.a: expected a list, found 'x'"),
    ("watch", "watchlists: [{id: a, query: x}, {id: a, query: y}]", 1, "the same id as watchlists[0] in line 1"),
    ("digests", DIGEST + "  at: '25:00'", 4, "'25:00' is not a time of day"),
    ("digests", DIGEST + "  at: []", 4, "digests[0].at: the list is empty"),
    ("digests", DIGEST + "  at: '07:30'\n  every: hourly", 2, "`at` and `every` exclude each other"),
    ("digests", DIGEST, 2, "says neither when nor how often"),
    ("digests", DIGEST + "  every: daily", 4, "'daily' is not one of 'instant' or 'hourly'"),
    ("digests", DIGEST + "  every: hourly\n  days: [mon]", 2, "`days` goes with `at` only"),
    ("digests", DIGEST + "  at: 07:30\n  timezone: Europe/Minks", 5, "did you mean `Europe/Minsk`?"),
    ("digests", DIGEST + "  at: 07:30\n  timezone: minsk", 5, "did you mean `Europe/Minsk`?"),
    ("digests", DIGEST + "  at: 07:30\n  timezone: ../../etc/passwd", 5, "is not an IANA time zone"),
    ("digests", DIGEST + "  at: 07:30\n  timezone: Europe", 5, "is not an IANA time zone"),
    ("digests", DIGEST + "  at: 07:30\n  days: [monday]", 5, "digests[0].days[0]: 'monday' is not one of"),
    ("digests", DIGEST + "  at: 07:30\n  to: ['Desk <desk@example.org>']", 5, "is not a mail address"),
    ("digests", DIGEST + "  at: 07:30\n  to: ['a@b, c@d']", 5, "is not a mail address"),
    ("digests", DIGEST + "  at: 07:30\n  to: ['дежурный@example.org']", 5, "ASCII letters"),
    ("digests", DIGEST + "  at: 07:30\n  to:\n  - ok@example.org\n  - a@-b-.example", 7, "is not a domain name"),
    ("digests", DIGEST + "  at: 07:30\n  prominence: headline", 5, "'headline' is not one of 'any', 'lead' or 'title'"),
    ("digests", DIGEST + "  at: 07:30\n  to:\n  - {address: a@b.org, prominence: top}", 6, "'top' is not one of"),
    (
        "digests",
        DIGEST + "  at: 07:30\n  to:\n  - {address: a@b.org, prominent: title}",
        6,
        "did you mean `prominence`?",
    ),
    (
        "digests",
        DIGEST + "  at: 07:30\n  prominence: title\n  to: [{address: a@b.org, prominence: lead}]",
        2,
        "a@b.org asks for `prominence: lead`, less than the digest's own title",
    ),
    (
        "digests",
        "digests:\n- id: d\n  at: 07:30\n  watchlists:\n  - ww",
        5,
        "there is no watchlist 'ww'; did you mean `w`?",
    ),
    ("digests", "digests:\n- id: d\n  at: 07:30\n  watchlists: []", 4, "the list is empty"),
    ("agg", "netwrk: {}", 1, "netwrk: unknown key; did you mean `network`?"),
    ("agg", "network:\n  total_time: 3s", 2, "network.total_time: unknown key; did you mean `total_timeout`?"),
    ("agg", "network: fast", 1, "network: expected keys with values, found 'fast'"),
    ("agg", "network:\n  concurrency: many", 2, "expected a whole number, found 'many'"),
    ("agg", "network:\n  concurrency: 0", 2, "must be at least 1"),
    ("agg", "network:\n  allow_private: [10.0.0.1/8]", 2, "its host bits are set"),
    ("agg", "network:\n  allow_private: [localhost]", 2, "write it like 127.0.0.0/8"),
    ("agg", "network:\n  proxy: 'socks5://user:hunter2@proxy'", 2, "address of a proxy"),
    ("agg", 'network:\n  user_agent_contact: "x\\r\\nX-Evil: 1"', 2, "cannot stand in a header"),
    ("agg", "limits:\n  body: 16 potatoes", 2, "'16 potatoes' is not a size"),
    ("agg", "limits:\n  body: 0", 2, "'0' is not a size"),
    ("agg", "mail:\n  prot: 25", 2, "mail.prot: unknown key; did you mean `port`?"),
    ("agg", "mail: {port: 70000}", 1, "must be at most 65535"),
    ("agg", "mail:\n  password: [hunter2]", 2, "mail.password: expected plain text, found a list"),
    ("agg", "mail:\n  templates: nowhere", 2, "is no folder"),
    ("agg", "web:\n  enabled: maybe", 2, "expected true or false, found 'maybe'"),
    ("agg", "web:\n  public_url: https://a.example/?x=1", 2, "no ? and no #"),
    (
        "agg",
        "storage:\n  url: postgresql://u:hunter2@db/",
        2,
        "names no database; write it like postgresql://user@host/aggregator",
    ),
    ("agg", "storage:\n  url: mysql://u:hunter2@db/x", 2, "'mysql://***@db/x' is not a database URL"),
    ("agg", "storage:\n  url: mysql://x", 2, "is not a database URL"),
    ("agg", "log:\n  level: loud", 2, "'loud' is not one of 'debug', 'info', 'warning' or 'error'"),
    ("agg", "a: 1\nb", 2, "broken YAML"),
]


@pytest.mark.parametrize(("name", "text", "line", "words"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_refused_at_its_line(tmp_path: Path, name: str, text: str, line: int, words: str) -> None:
    write(tmp_path, **{"watch": WATCH, name: text})
    first, *more = problems(tmp_path)
    assert first.startswith(f"{FILES[name]}:{line}: ")
    assert words in first
    assert name == "watch" or not more
    assert name == "watch" or "\n" not in first
    assert "hunter2" not in first


def test_a_bad_query_is_shown_with_a_caret(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, watch="watchlists:\n- {id: a, query: 'CSTO AND (x OR'}")
    first, query, caret = problem.split("\n")
    assert first.startswith("config/watchlists.yaml:2: watchlists[0].query: character ")
    assert query == "    CSTO AND (x OR"
    assert caret.strip() == "^"


def test_a_fault_in_an_alias_is_told_once_where_the_alias_stands(tmp_path: Path) -> None:
    text = "aliases:\n  a: ['(x']\n  b: ['@a']\nwatchlists: [{id: a, query: '@b'}, {id: c, query: 'c)'}]"
    assert [one.partition(" ")[0] for one in problems(tmp_path, watch=text)] == [
        "config/watchlists.yaml:2:",
        "config/watchlists.yaml:4:",
    ]


def test_all_problems_of_all_files_are_told_in_order(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        {"AGGREGATOR__LOG__LEVEL": "loud"},
        feeds="feeds:\n- url: x\n  id: A\n- {url: https://a.example/, x: y, x: z}\n- {url: 'https://a.example/'}",
        digests="digests: [{id: d, at: 1, watchlists: [none], to: [x]}]",
        agg="network: {concurrency: x}\nlog: {format: y}\n\tbroken",
    )
    assert [one.partition(" ")[0] for one in told] == [
        "config/aggregator.yaml:3:",
        *["feeds.yaml:2:", "feeds.yaml:3:", "feeds.yaml:4:", "feeds.yaml:4:", "feeds.yaml:5:"],
        *["config/digests.yaml:1:"] * 3,
    ]


def test_a_flood_of_problems_is_cut(tmp_path: Path) -> None:
    told = problems(tmp_path, feeds="feeds:\n" + "- {}\n" * 100)
    assert len(told) == 21
    assert told[-1] == "feeds.yaml: and 80 more"


def test_a_home_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such folder"):
        settings.load(tmp_path / "none", {})


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    write(tmp_path, feeds="")
    (tmp_path / "feeds.yaml").write_bytes("feeds:\n- {title: ОДКБ}".encode("cp1251"))
    with pytest.raises(ConfigError, match=r"feeds\.yaml:2: not UTF-8"):
        settings.load(tmp_path, {})


_KEYS = "feeds url id title aliases watchlists query digests at every to tags network mail smtp days timezone storage web limits body"
_VALUES = (
    "instant https://a.example/ a@b.example 07:30 @a ( NOT 1h -1 ~ x interval allow_private 10.0.0.0/8 \u202e ё 1_0 1e9"
)
WORDS = st.sampled_from([*_KEYS.split(), *_VALUES.split()])
TREES = st.recursive(
    WORDS | st.none() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
YAMLISH = st.one_of(
    TREES.map(lambda tree: yaml.safe_dump(tree, allow_unicode=True)),
    st.lists(
        WORDS
        | st.sampled_from([":", ": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "'", '"', "# ", "|\n"])
    ).map("".join),
)


@given(
    st.sampled_from(sorted(FILES)),
    YAMLISH,
    st.dictionaries(st.sampled_from(["LOG", "LOG__LEVEL", "NETWORK__ALLOW_PRIVATE", "X"]), YAMLISH),
)
def test_any_text_is_loaded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str, environ: dict[str, str]
) -> None:
    home = tmp_path_factory.mktemp("home")
    try:
        load(home, {f"AGGREGATOR__{key}": value for key, value in environ.items()}, **{name: text})
    except ConfigError as error:
        assert all(problem.strip() for problem in error.problems)  # noqa: PT017 - both ends are fine
        assert error.problems  # noqa: PT017


# -- the environment -----------------------------------------------------------------------------------------------


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    environ = {
        "AGGREGATOR_HOME": "/elsewhere",
        "AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]',
        "AGGREGATOR__NETWORK__TOTAL_TIMEOUT": "20s",
        "AGGREGATOR__WEB__ENABLED": "no",
        "AGGREGATOR__MAIL": '{"host": "smtp.example", "port": 25}',
        "AGGREGATOR__MAIL__PORT": "26",
        "AGGREGATOR__LOG__FORMAT": "",
    }
    text = "network: {total_timeout: 9s, connect_timeout: 2s}\nlog: {format: json}\nmail: {username: me}"
    loaded = load(tmp_path, environ, agg=text).settings
    assert str(loaded.network.allow_private[0]) == "127.0.0.0/8"
    assert loaded.network.total_timeout == timedelta(seconds=20)
    assert loaded.network.connect_timeout == timedelta(seconds=2)
    assert (loaded.mail.host, loaded.mail.port, loaded.mail.username) == ("smtp.example", 26, "me")
    assert (loaded.web.enabled, loaded.log.format) == (False, "text")


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    name = "AGGREGATOR__MAIL__PASSWORD_FILE"
    (tmp_path / "pw").write_text(" s3cret \r\n")
    assert load(tmp_path, {name: str(tmp_path / "pw")}).settings.mail.password.get_secret_value() == " s3cret "


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"AGGREGATOR__NETWRK__PROXY": "x"},
            "AGGREGATOR__NETWRK__PROXY: unknown setting; did you mean `AGGREGATOR__NETWORK__PROXY`?",
        ),
        ({"AGGREGATOR__ZZZ": "x"}, "AGGREGATOR__ZZZ: unknown setting"),
        ({"AGGREGATOR__": "x"}, "AGGREGATOR__: unknown setting"),
        ({"AGGREGATOR__LOG__LEVEL": "loud"}, "AGGREGATOR__LOG__LEVEL: 'loud' is not one of"),
        ({"AGGREGATOR__NETWORK__ALLOW_PRIVATE": "127.0.0.0/8"}, """: expected JSON, for example '["127.0.0.0/8"]'"""),
        ({"AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["x"]'}, "AGGREGATOR__NETWORK__ALLOW_PRIVATE: 'x' is not a network"),
        ({"AGGREGATOR__NETWORK": '{"proxi": "x"}'}, "AGGREGATOR__NETWORK: unknown key; did you mean `proxy`?"),
        ({"AGGREGATOR__NETWORK": "[" * 100_000}, "AGGREGATOR__NETWORK: expected JSON"),
        ({"AGGREGATOR__LOG__LEVEL_FILE": "/no/such"}, "AGGREGATOR__LOG__LEVEL_FILE: '/no/such' cannot be read"),
        ({"AGGREGATOR__LOG__LEVEL_FILE": "\0"}, "cannot be read"),
        ({"AGGREGATOR__LOG__LEVEL_FILE": "/dev/zero"}, "is larger than 64 kB"),
        (
            {"AGGREGATOR__MAIL__PASSWORD": "a", "AGGREGATOR__MAIL__PASSWORD_FILE": "/dev/null"},
            "sets the same; keep one",
        ),
        (
            {"AGGREGATOR__STORAGE__URL": "postgres://x"},
            "AGGREGATOR__STORAGE__URL: 'postgres://x' is not a database URL",
        ),
    ],
)
def test_a_bad_variable_is_refused_by_its_name(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    (problem,) = problems(tmp_path, environ)
    assert words in problem


def test_a_good_variable_replaces_a_bad_value_in_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, {"AGGREGATOR__LOG__LEVEL": "DEBUG"}, agg="log: {level: loud}").settings.log.level == "debug"


# -- single values -------------------------------------------------------------------------------------------------


@given(st.integers(0, 999_999), st.sampled_from("smhdw"))
def test_a_duration_is_shown_as_it_can_be_read(number: int, unit: str) -> None:
    value = fields.duration(f"{number}{unit}")
    if value < timedelta(days=10_000):
        assert fields.duration(fields.show_duration(value)) == value


@given(st.integers(1, 10**12 - 1))
def test_a_size_is_shown_as_it_can_be_read(number: int) -> None:
    assert fields.size(fields.show_size(number)) == number


@pytest.mark.parametrize("good", ["a@b", "a.b+c@example.org", "o'neil@x-y.example", "news@xn--80abmy9a.xn--90ais"])
def test_good_addresses_pass_unchanged(good: str) -> None:
    assert settings.address(good) == good


BAD_ADDRESSES = [
    "",
    "a",
    "@b",
    "a@",
    "a@b@c",
    "a b@c",
    "a@b c",
    ".a@b",
    "a.@b",
    "a..b@c",
    "<a@b>",
    "a@b,c@d",
    "a@b\n",
    "a@b..c",
]
BAD_ADDRESSES += ["a@[127.0.0.1]", "é@b", "a" * 65 + "@b", "a@" + "b" * 64, "a@b_c", "a@b.", "a@" + "b." * 130 + "c"]


@pytest.mark.parametrize("bad", BAD_ADDRESSES)
def test_bad_addresses_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"address|domain|before @"):
        settings.address(bad)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        assert settings.address(text).isascii()
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ends are fine


# -- the home folder -----------------------------------------------------------------------------------------------


def test_paths_follow_the_settings(tmp_path: Path) -> None:
    home = load(tmp_path, agg="storage: {url: 'sqlite:////srv/a.db'}\nmail: {directory: out}").home
    assert (home.db, home.mail, home.var) == (Path("/srv/a.db"), tmp_path / "out", tmp_path / "var")
    assert load(tmp_path, agg="").home.db == tmp_path / "var/aggregator.db"


def test_folders_are_made_where_they_are_missing(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "new")
    settings.prepare(home)
    settings.prepare(home)
    assert sorted(path.name for path in home.var.iterdir()) == ["mail", "pages"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    for step in (settings.prepare, settings.secret):
        with pytest.raises(ConfigError, match=rf"{tmp_path}/var.*(cannot be written|cannot be used): .*") as caught:
            step(Home.at(tmp_path))
        assert "\n" not in str(caught.value)


def test_the_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    first = settings.secret(home)
    assert len(first) == 32
    assert settings.secret(home) == first
    assert stat.S_IMODE(home.secret.stat().st_mode) == 0o600
    assert os.listdir(home.var) == ["secret"]  # noqa: PTH208 - names only


def test_everyone_who_makes_the_secret_at_once_gets_the_same(tmp_path: Path) -> None:
    home, found = Home.at(tmp_path), set[bytes]()
    threads = [threading.Thread(target=lambda: found.add(settings.secret(home))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 31])
def test_a_damaged_secret_is_never_replaced(tmp_path: Path, text: str) -> None:
    home = Home.at(tmp_path)
    home.var.mkdir()
    home.secret.write_text(text)
    with pytest.raises(ConfigError, match="restore it from a backup"):
        settings.secret(home)
    assert home.secret.read_text() == text


# -- papers --------------------------------------------------------------------------------------------------------


def test_every_setting_stands_in_the_docs_and_in_the_shipped_file(tmp_path: Path) -> None:
    docs = (ROOT / "docs/configuration.md").read_text()
    shipped = (ROOT / "config/aggregator.yaml").read_text()
    rows = {
        line.split("`")[1]: line for line in docs.splitlines() if line.startswith("| `") and "." in line.split("`")[1]
    }
    defaults = settings.masked(settings.Settings())
    for loc, help_text in settings.known_settings():
        value: Any = defaults
        for part in loc:
            value = value[part]
        row = rows[".".join(loc)]
        assert help_text.partition("; default:")[0] in row
        assert f"# {loc[-1]}:" in shipped
        assert help_text in shipped
        if value and loc != ("polling", "workers"):
            assert (f"`{value}`" if value is not True else "`true`") in row
    uncommented = shipped.replace("    # ", "    ").replace("  # ", "  ").replace("workers: 4", "workers:")
    uncommented = "\n".join(_with_comment_again(line) for line in uncommented.splitlines())
    assert load(tmp_path, agg=uncommented).settings == settings.Settings()


def _with_comment_again(line: str) -> str:
    """A line of the shipped file keeps its setting and loses its help."""
    key, colon, rest = line.partition(":")
    return line if line.startswith("#") or not colon else f"{key}: {rest.split('  ')[0].strip()}"


def test_keys_of_the_other_files_stand_in_the_docs() -> None:
    docs = (ROOT / "docs/configuration.md").read_text()
    for name, schema in settings.json_schema().items():
        assert f"## {name}" in docs
        definitions = {} if name == FILES["agg"] else schema["$defs"]
        for definition in definitions.values():
            assert all(f"{key}`" in docs for key in definition.get("properties", {}))


def test_the_schema_is_plain_json_with_defaults_as_written() -> None:
    schemas = settings.json_schema()
    assert sorted(schemas) == sorted(FILES.values())
    text = json.dumps(schemas)
    assert '"PT' not in text
    network = schemas["config/aggregator.yaml"]["$defs"]["NetworkSettings"]
    assert network["properties"]["total_timeout"]["default"] == "30s"
    assert network["additionalProperties"] is False
    assert "default" not in schemas["config/aggregator.yaml"]["$defs"]["PollingSettings"]["properties"]["workers"]


def test_variables_are_named_after_the_setting() -> None:
    assert settings.variable(("mail", "host")) == "AGGREGATOR__MAIL__HOST"
