"""`aggregator subscriptions`: by hand what the pages do, and nothing that a bad word could break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Result, Wire, aggregator, done, write_home
from tests.e2e.test_subscribe import ANNA, BORIS, tables

OPEN = {"web": {"public_url": "https://news.example"}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with FeedServer() as server:
        write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", "CSTO meets", "Grain is sown"))}, settings=OPEN)
        done(tmp_path, "poll")
    return tmp_path


def listed(home: Path) -> list[tuple[str, str, str]]:
    lines = done(home, "subscriptions", "list", "--json").lines
    return [(s["digest_id"], s["state"], s["suppressed"]) for s in lines if s["address"] == ANNA]


def test_the_operator_adds_a_watchlist_at_a_rhythm_pauses_resumes_and_ends_it(home: Path) -> None:
    choice = ("--watchlist", "csto", "--rhythm", "instant", "--timezone", "Asia/Tokyo", "--quiet", "22:00-07:00")
    mine = done(home, "subscriptions", "add", *choice, ANNA).out.strip()
    assert listed(home) == [("csto.instant.asia-tokyo.quiet-2200-0700", "active", "")]
    done(home, "subscriptions", "add", "--watchlist", "csto", "--rhythm", "daily 07:30", ANNA)
    assert listed(home) == [("csto.daily-0730.utc", "active", "")], "another rhythm moves it"
    done(home, "subscriptions", "pause", mine, "--days", "3")
    assert "paused until" in done(home, "subscriptions", "list").out
    done(home, "subscriptions", "resume", mine)
    done(home, "subscriptions", "end", mine)
    assert listed(home) == [("csto.daily-0730.utc", "ended", "")]
    events = [c["event"] for c in done(home, "subscriptions", "export", ANNA).lines[0]["consents"]]
    assert events == ["added", "added", "paused", "resumed", "ended"]


def test_a_query_of_ones_own_is_in_the_next_digest(home: Path) -> None:
    done(home, "subscriptions", "add", "--query", "grain", "--rhythm", "daily 07:30", ANNA)
    digest_id = listed(home)[0][0]
    assert "Grain is sown" in done(home, "digest", digest_id, "--preview").out
    done(home, "subscriptions", "erase", ANNA)
    assert "anna" not in repr(tables(home)).lower()


def test_a_request_by_hand_sends_one_letter(home: Path) -> None:
    asked = ("subscriptions", "request", "--watchlist", "csto", "--rhythm", "hourly", ANNA)
    done(home, *asked)
    assert aggregator(home, *asked).code == 1
    done(home, "send")
    [mail] = (home / "var/mail").glob("*.eml")
    assert "Please confirm: CSTO" in mail.read_text("utf-8")
    assert listed(home) == [("csto.hourly.utc", "pending", "")]


def test_the_suppression_list_goes_out_and_comes_in_and_names_nobody(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = ("subscriptions", "suppressions")
    done(home, *words, "add", ANNA)
    done(home, *words, "add", BORIS)
    csv = done(home, *words, "export").out
    assert "example" not in csv
    assert len(csv.splitlines()) == 3
    mine = done(home, "subscriptions", "add", "morning", BORIS).out.strip()
    assert len(done(home, *words, "list", "--json").lines) == 1, "the operator's word lifts it"
    file = tmp_path_factory.mktemp("out") / "list.csv"
    file.write_text(csv)
    assert "1 address added, 1 there already" in done(home, *words, "import", str(file)).err
    assert done(home, *words, "import", "-", stdin=csv).err.startswith("0 addresses added")
    assert [s["suppressed"] for s in done(home, "subscriptions", "list", "--json").lines if s["address"] == BORIS] != [
        ""
    ]
    done(home, "subscriptions", "resume", mine)
    done(home, *words, "remove", csv.splitlines()[1].partition(",")[0])
    assert done(home, *words, "list", "--json").lines == []


BAD = [
    (("add", "nowhere", ANNA), "no digest"),
    (("add", ANNA), "no digest"),
    (("add", "morning", "nonsense"), "is not a mail address"),
    (("add", "morning", "--watchlist", "csto", "--rhythm", "hourly", ANNA), "not both"),
    (("add", "morning", "--rhythm", "hourly", ANNA), "goes with --watchlist"),
    (("add", "--watchlist", "csto", "--query", "x", "--rhythm", "hourly", ANNA), "not both"),
    (("add", "--watchlist", "nothing", "--rhythm", "hourly", ANNA), "no watchlist"),
    (("add", "--watchlist", "csto", ANNA), "is not a rhythm"),
    (("add", "--watchlist", "csto", "--rhythm", "hourly", "--timezone", "Minsk", ANNA), "IANA"),
    (("add", "--query", "(", "--rhythm", "hourly", ANNA), "("),
    (("add", "--query", "x\0y", "--rhythm", "hourly", ANNA), ""),
    (("pause", "99"), "no subscription 99"),
    (("resume", "99"), "no subscription 99"),
    (("end", "99"), "no subscription 99"),
    (("suppressions", "remove", ANNA), "not on the list"),
    (("suppressions", "remove", "abc"), "not on the list"),
    (("suppressions", "add", "nobody"), "is not a mail address"),
]


@pytest.mark.parametrize(
    ("words", "says"), BAD, ids=lambda v: " ".join(v)[:40].replace("\0", "") if isinstance(v, tuple) else ""
)
def test_bad_words_are_told_what_is_wrong(home: Path, words: tuple[str, ...], says: str) -> None:
    told: Result = aggregator(home, "subscriptions", *words)
    assert (told.code, says in told.err) == (2, True), told


@pytest.mark.parametrize("text", ["hash,reason\nabc,x\n", '"', "\0", "\x1b[31m\n"])
def test_a_torn_list_is_refused_with_its_line(home: Path, text: str) -> None:
    told = aggregator(home, "subscriptions", "suppressions", "import", "-", stdin=text)
    assert told.code == 2, told
    assert "\x1b" not in told.text


def test_letters_need_an_address_for_their_links(home: Path) -> None:
    (home / "config/aggregator.yaml").write_text("{}")
    told = aggregator(home, "subscriptions", "request", "--watchlist", "csto", "--rhythm", "hourly", ANNA)
    assert (told.code, "web.public_url" in told.err) == (3, True), told
    (home / "config/aggregator.yaml").write_text("signup: {mode: open}")
    told = aggregator(home, "check")
    assert (told.code, "signup.mode: open needs" in told.text) == (3, True), told
