from __future__ import annotations

import asyncio
import json
import re
import smtplib
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import aiohttp
import feedparser
import pytest
import trafilatura
import yaml

from aggregator.sample import pages
from aggregator.sample.business import HIDDEN
from aggregator.sample.home import WATCHLISTS, digests_yaml, feeds_yaml
from aggregator.sample.newsroom import EXPECTED, OUTLETS
from aggregator.sample.server import Newsroom
from aggregator.sample.sink import Mode, Sink
from aggregator.sample.story import OPENING, Item, Outlet
from aggregator.sample.wire import WIRE_URL

LIVE = tuple(outlet for outlet in OUTLETS if not outlet.gone)
BY_ID = {outlet.id: outlet for outlet in OUTLETS}
CSTO = re.compile(
    r"\bCSTO\b|\bОДКБ\b|\bАДКБ\b|Collective Security Treaty Organi[sz]ation"
    r"|(?i:организаци\w* договора о коллективной безопасности|арганізацы\w* дагавор\w* аб калектыўнай бяспецы)"
)
ENERGY = re.compile(r"\belectricity\b|\bpower grid\b|\bэлектроэнерги|\bэлектраэнергі", re.IGNORECASE)

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as room:
        yield room


async def _get(url: str, headers: dict[str, str]) -> Answer:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers={"Accept-Encoding": "identity", **headers}) as response,
    ):
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.read()


def get(url: str, **headers: str) -> Answer:
    return asyncio.run(_get(url, {name.replace("_", "-"): value for name, value in headers.items()}))


def origin(newsroom: Newsroom, feed_id: str) -> str:
    return newsroom.url(feed_id).removesuffix(BY_ID[feed_id].path)


# -- the content ---------------------------------------------------------------------------------------------------


def test_the_newsroom_is_as_varied_as_promised() -> None:
    assert len(LIVE) == 10
    assert {outlet.format for outlet in LIVE} == {"rss", "rdf", "atom", "json"}
    assert {outlet.language for outlet in LIVE} == {"en", "ru", "be"}
    assert EXPECTED.entries == sum(len(outlet.items) for outlet in OUTLETS) == 64


def test_guids_are_unique_within_their_feed() -> None:
    for outlet in OUTLETS:
        assert len({outlet.guid(item) for item in outlet.items}) == len(outlet.items)


def test_every_item_is_older_than_the_opening_and_none_sits_on_the_edge_of_the_silent_baseline() -> None:
    for outlet in OUTLETS:
        for item in outlet.items:
            age = (OPENING - item.at).total_seconds() / 3600
            assert age > 0.1
            assert not 23.9 < age < 24.1
        assert any(item.at.month == 1 for item in outlet.items) or outlet.gone


@pytest.mark.parametrize("outlet", LIVE, ids=lambda outlet: outlet.id)
def test_the_marks_of_an_item_agree_with_its_words(outlet: Outlet) -> None:
    for item in outlet.items:
        words = "\n".join((item.title, *item.text))
        assert bool(CSTO.search(words)) == (item.csto and not item.article)
        assert bool(CSTO.search("\n".join(item.article))) == (item.csto and bool(item.article))
        assert bool(ENERGY.search(words)) == item.energy


def test_the_near_misses_are_there() -> None:
    words = " ".join(f"{item.title} {' '.join(item.text)}" for outlet in OUTLETS for item in outlet.items)
    for miss in ("CSTOs", "coast", "cost", " csto "):
        assert miss in words
    assert len(EXPECTED.near_misses) == 5
    assert not EXPECTED.near_misses & (EXPECTED.csto | EXPECTED.csto_in_article)


def _wire_items() -> dict[str, tuple[Outlet, Item]]:
    return {outlet.id: (outlet, item) for outlet in OUTLETS for item in outlet.items if item.wire}


def test_five_outlets_carry_the_wire_and_the_agency_came_first() -> None:
    assert EXPECTED.wire[0][0] == "minsk-wire"
    assert len({feed for feed, _ in EXPECTED.wire}) == len(EXPECTED.wire) == 5
    assert all(
        one.at < other.at for one, other in pairwise(sorted((i for _, i in _wire_items().values()), key=lambda i: i.at))
    )


def test_every_copy_shares_the_canonical_address_or_the_title_with_the_agency() -> None:
    copies = _wire_items()
    title = copies["minsk-wire"][1].title
    assert len(title.split()) >= 4
    by_address = [i for i in copies if copies[i][1].link.split("?")[0].rstrip("/") == WIRE_URL]
    by_title = [i for i in copies if title in copies[i][1].title]
    assert sorted(by_address) == ["amber-post", "continental-desk", "minsk-wire"]
    assert sorted(by_title) == ["minsk-wire", "open-ledger", "steppe-courier"]
    for _, item in copies.values():
        assert set(item.text[:2]) & set(copies["minsk-wire"][1].text)


def test_only_the_hidden_story_needs_its_page() -> None:
    assert EXPECTED.csto_in_article == {("summit-review", f"summit-review.example:{HIDDEN}")}
    for item in BY_ID["summit-review"].items:
        assert len(" ".join(item.text)) < 200


@pytest.mark.parametrize("item", BY_ID["summit-review"].items, ids=lambda item: item.slug)
def test_article_pages_are_mostly_navigation_that_names_the_alliance_and_can_be_told_from_text(item: Item) -> None:
    page = pages.article(BY_ID["summit-review"], item).decode()
    assert page.count("<li>") > 30
    assert "CSTO calendar" in page
    text = trafilatura.extract(page, favor_precision=True) or ""
    assert item.article[-1] in text
    assert ("CSTO" in text) == item.csto


def test_the_truth_adds_up() -> None:
    assert len(EXPECTED.csto) == 17
    assert len(EXPECTED.energy) == 4
    assert len(EXPECTED.told) == 18
    assert (EXPECTED.stories, EXPECTED.csto_stories) == (14, 10)
    assert sum(feed.entries for feed in EXPECTED.feeds.values()) == EXPECTED.entries
    assert set(EXPECTED.wire) <= EXPECTED.csto & EXPECTED.told


# -- the documents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outlet", [o for o in LIVE if o.format != "json"], ids=lambda outlet: outlet.id)
def test_feedparser_finds_every_entry(newsroom: Newsroom, outlet: Outlet) -> None:
    parsed = feedparser.parse(newsroom.document(outlet.id))
    assert [entry.id for entry in parsed.entries] == [outlet.guid(item) for item in outlet.items]
    assert [entry.title for entry in parsed.entries] == [item.title for item in outlet.items]
    assert bool(parsed.bozo) == outlet.broken
    assert parsed.version == {"rss": "rss20", "rdf": "rss10", "atom": "atom10"}[outlet.format]


@pytest.mark.parametrize("outlet", [o for o in LIVE if o.format != "json"], ids=lambda outlet: outlet.id)
def test_xml_is_well_formed_but_for_the_broken_one(newsroom: Newsroom, outlet: Outlet) -> None:
    if outlet.broken:
        with pytest.raises(ET.ParseError):
            ET.fromstring(newsroom.document(outlet.id))
    else:
        ET.fromstring(newsroom.document(outlet.id))


def test_the_json_feed_is_one(newsroom: Newsroom) -> None:
    feed = json.loads(newsroom.document("open-ledger"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == newsroom.url("open-ledger")
    assert len(feed["items"]) == EXPECTED.feeds["open-ledger"].entries
    for item in feed["items"]:
        assert item["id"]
        assert item["url"].startswith("https://")
        assert item["content_html"].startswith("<p>")
        assert re.fullmatch(r"2023-0[12]-\d\dT\d\d:\d\d:00\+03:00", item["date_published"])


def test_vestnik_is_really_windows_1251(newsroom: Newsroom) -> None:
    document = newsroom.document("vestnik")
    assert document.startswith(b'<?xml version="1.0" encoding="windows-1251"?>')
    with pytest.raises(UnicodeDecodeError):
        document.decode("utf-8")
    assert "ОДКБ" in document.decode("windows-1251")
    assert "charset" not in get(newsroom.url("vestnik"))[1]["content-type"]


def test_one_date_is_written_as_russians_write_it(newsroom: Newsroom) -> None:
    assert "<pubDate>2 февраля 2023 10:00</pubDate>" in newsroom.document("vestnik").decode("windows-1251")


# -- the servers ---------------------------------------------------------------------------------------------------


def test_every_feed_has_a_host_of_its_own_and_a_line_for_feeds_yaml(newsroom: Newsroom) -> None:
    assert len({origin(newsroom, outlet.id) for outlet in OUTLETS}) == len(OUTLETS)
    written = yaml.safe_load(feeds_yaml(newsroom.feeds))
    assert written == {"defaults": {"interval": "30m"}, "feeds": newsroom.feeds}
    assert set(newsroom.feeds[0]) == {"id", "url", "title", "language", "country", "tags", "articles"}


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_the_second_sweep_costs_nothing(newsroom: Newsroom, outlet: Outlet) -> None:
    truth = EXPECTED.feeds[outlet.id]
    status, headers, body = get(newsroom.url(outlet.id))
    assert status == truth.status[0]
    if outlet.gone:
        return
    echo = {
        ours: headers[theirs]
        for ours, theirs in (("If_None_Match", "etag"), ("If_Modified_Since", "last-modified"))
        if theirs in headers
    }
    again, _, second = get(newsroom.url(outlet.id), **echo)
    assert again == truth.status[1]
    assert second == (b"" if again == 304 else body)
    assert (truth.second == "not_modified") == (again == 304)


def test_a_validator_that_is_not_echoed_exactly_is_not_honoured(newsroom: Newsroom) -> None:
    etag = get(newsroom.url("vestnik"))[1]["etag"]
    assert etag.startswith('W/"')
    assert get(newsroom.url("vestnik"), If_None_Match=etag.removeprefix("W/"))[0] == 200
    assert get(newsroom.url("nyoman"), If_Modified_Since="Thu, 02 Feb 2023 11:50:01 GMT")[0] == 200
    stale = {"If_None_Match": '"old"', "If_Modified_Since": get(newsroom.url("minsk-wire"))[1]["last-modified"]}
    assert get(newsroom.url("minsk-wire"), **stale)[0] == 200


def test_gzip_is_sent_to_those_who_take_it_and_has_an_etag_of_its_own(newsroom: Newsroom) -> None:
    url = newsroom.url("continental-desk")
    plain, packed = get(url), get(url, Accept_Encoding="gzip, br")
    assert packed[1]["content-encoding"] == "gzip"
    assert len(packed[2]) < len(plain[2])
    assert packed[1]["etag"] == plain[1]["etag"][:-1] + '-gzip"'
    assert get(url, Accept_Encoding="gzip", If_None_Match=packed[1]["etag"])[0] == 304


def test_the_slow_one_is_slow_but_answers_whole(newsroom: Newsroom) -> None:
    before = time.monotonic()
    body = get(newsroom.url("radio-pripyat"))[2]
    assert 1.2 < time.monotonic() - before < 5
    assert body == newsroom.document("radio-pripyat")


def test_article_pages_and_robots_are_served(newsroom: Newsroom) -> None:
    base = origin(newsroom, "summit-review")
    links = [entry.link for entry in feedparser.parse(newsroom.document("summit-review")).entries]
    assert links[0] == f"{base}/articles/{HIDDEN}.html"
    for link in links:
        status, headers, body = get(link)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<article>" in body
    assert get(f"{base}/robots.txt")[0] == 200
    assert get(f"{base}/nothing")[0] == 404
    assert get(f"{origin(newsroom, 'arena')}/robots.txt")[0] == 404


def test_requests_are_logged() -> None:
    with Newsroom((BY_ID["arena"],)) as room:
        get(room.url("arena"), User_Agent="watcher/1")
        (request,) = room.requests("arena")
    assert (request.method, request.path, request.status) == ("GET", "/rss/all", 200)
    assert request.headers["user-agent"] == "watcher/1"
    assert request.size == len(room.document("arena"))


def test_the_newsroom_closes_at_once_with_clients_on_the_line(capfd: pytest.CaptureFixture[str]) -> None:
    async def leave_open(urls: list[str]) -> None:
        connections = []
        for url in urls:
            host, _, port = url.split("/")[2].partition(":")
            connections.append(await asyncio.open_connection(host, int(port)))
            connections[-1][1].write(f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        await asyncio.sleep(0.1)
        for _, writer in connections[::2]:
            writer.close()
        before = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, room.close)
        took.append(time.monotonic() - before)
        for _, writer in connections:
            writer.close()

    took: list[float] = []
    with Newsroom() as room:
        asyncio.run(leave_open([str(feed["url"]) for feed in room.feeds]))
    assert took[0] < 0.3
    assert capfd.readouterr() == ("", "")


# -- the home folder -----------------------------------------------------------------------------------------------


def test_the_home_files_are_yaml_as_the_design_has_it() -> None:
    lists = yaml.safe_load(WATCHLISTS)
    assert [entry["id"] for entry in lists["watchlists"]] == ["csto", "energy"]
    assert {"=CSTO", "=ОДКБ", "=АДКБ"} <= set(lists["aliases"]["csto"])
    afternoon, at_once = yaml.safe_load(digests_yaml(at="15:30"))["digests"]
    assert (afternoon["at"], afternoon["timezone"], afternoon["to"]) == ("15:30", "Europe/Minsk", ["desk@news.example"])
    assert (at_once["id"], at_once["every"]) == ("csto-now", "instant")


# -- the sink ------------------------------------------------------------------------------------------------------

LETTER = "Subject: Afternoon\r\n\r\nСаміт увосень.\r\n".encode()


def send(sink: Sink) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
        client.sendmail("watcher@news.example", ["desk@news.example"], LETTER)


def test_the_sink_keeps_what_it_is_sent() -> None:
    with Sink() as sink:
        send(sink)
        send(sink)
        first, second = sink.wait_for(2)
    assert (first.sender, first.recipients) == ("watcher@news.example", ("desk@news.example",))
    assert first.content == second.content == LETTER


@pytest.mark.parametrize(("mode", "code"), [("450", 450), ("550", 550), ("421", 421)])
def test_the_sink_refuses_when_told_to(mode: Mode, code: int) -> None:
    with Sink(mode) as sink:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            send(sink)
        assert (caught.value.smtp_code, sink.attempts, sink.messages) == (code, 1, [])
        sink.mode = "ok"
        send(sink)
        assert len(sink.messages) == 1


def test_the_sink_can_lose_its_reply_after_keeping_the_message(capfd: pytest.CaptureFixture[str]) -> None:
    with Sink("drop") as sink:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(sink)
        assert sink.wait_for(1)[0].content == LETTER
    assert capfd.readouterr() == ("", "")


def test_the_sink_can_be_slow() -> None:
    with Sink("slow", delay=0.3) as sink:
        before = time.monotonic()
        send(sink)
        assert time.monotonic() - before > 0.3


def test_the_sink_can_keep_a_message_and_never_answer() -> None:
    with Sink("hang") as sink, smtplib.SMTP(sink.host, sink.port, timeout=0.2) as client:
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            client.sendmail("watcher@news.example", ["desk@news.example"], LETTER)
        assert sink.wait_for(1)[0].content == LETTER


def test_the_sink_answers_a_step_or_a_mailbox_as_told() -> None:
    with Sink() as sink:
        sink.mailboxes["gone@news.example"] = "550 5.1.1 nobody"
        with smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
            refused = client.sendmail("w@news.example", ["gone@news.example", "desk@news.example"], LETTER)
        assert (list(refused), sink.wait_for(1)[0].recipients) == (["gone@news.example"], ("desk@news.example",))
        for step, reply in (("MAIL", "553 5.1.8 who"), ("RCPT", "451 4.7.1 later"), ("DATA", "554 5.6.0 no")):
            sink.replies = {step: reply}  # type: ignore[dict-item]
            with pytest.raises(smtplib.SMTPException) as caught:
                send(sink)
            assert reply[:3] in str(caught.value)


def test_the_sink_knows_one_password() -> None:
    with Sink(password="right") as sink, smtplib.SMTP(sink.host, sink.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("desk", "wrong")
        assert client.login("desk", "right")[0] == 235


def test_waiting_for_mail_that_does_not_come_ends_with_an_error() -> None:
    with Sink() as sink, pytest.raises(TimeoutError, match="0 of 1 messages"):
        sink.wait_for(1, timeout=0.05)


def test_the_sink_lets_go_of_clients_that_stay() -> None:
    with Sink() as sink:
        client = smtplib.SMTP(sink.host, sink.port, timeout=5)
        client.ehlo()
        before = time.monotonic()
    assert time.monotonic() - before < 4
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()


# -- the shipped files ---------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


def test_every_shipped_feed_is_named_once_and_says_where_its_address_was_found() -> None:
    text = (ROOT / "feeds.yaml").read_text(encoding="utf-8")
    feeds = yaml.safe_load(text)["feeds"]
    assert len(feeds) >= 25
    assert len({feed["id"] for feed in feeds}) == len({feed["url"] for feed in feeds}) == len(feeds)
    assert {"en", "ru", "be"} <= {feed["language"] for feed in feeds}
    for feed in feeds:
        above = text.split(f"- url: {feed['url']}\n")[0].rstrip().rsplit("\n", 1)[1]
        assert above.startswith("  # ")


def test_the_shipped_watchlist_and_digest_fit_together() -> None:
    lists = yaml.safe_load((ROOT / "config" / "watchlists.yaml").read_text(encoding="utf-8"))
    (digest,) = yaml.safe_load((ROOT / "config" / "digests.yaml").read_text(encoding="utf-8"))["digests"]
    assert digest["watchlists"] == [entry["id"] for entry in lists["watchlists"]] == ["csto"]
    assert set(yaml.safe_load(WATCHLISTS)["aliases"]["csto"]) <= set(lists["aliases"]["csto"])
    assert digest["to"] == []
