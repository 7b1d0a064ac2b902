"""`aggregator demo`: the whole main job, offline, on a staged clock, and a check that it all really happened."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path

import click

from aggregator.app import App, build
from aggregator.cli import output
from aggregator.clock import SetClock
from aggregator.compose import Composed
from aggregator.errors import UsageError
from aggregator.model import Entry, FetchRequest, FetchResponse, PollReport
from aggregator.sample import home as sample_home
from aggregator.sample.newsroom import EXPECTED
from aggregator.sample.server import Newsroom
from aggregator.sample.sink import Received, Sink
from aggregator.sample.story import MINSK, OPENING

SETTINGS = """\
# The home of `aggregator demo`: loopback is allowed, and mail goes to the demo's own SMTP server.
network: {{allow_private: ["127.0.0.0/8"], host_spacing: 0s, article_spacing: 0s}}
mail:
  from_address: briefing@news.example
  from_name: Sample newsroom
  host: {host}
  port: {port}
  security: none
web: {{public_url: "https://news.example", timezone: Europe/Minsk}}
"""
LEFT = """\
# What is left of `aggregator demo`, whose feeds and mail server are gone: mail goes to var/mail/, pages to whoever sits here.
network: {allow_private: ["127.0.0.0/8"]}
mail: {from_address: briefing@news.example, from_name: Sample newsroom}
web: {timezone: Europe/Minsk}
"""


@dataclass
class Ledger:
    """What was promised and whether it happened."""

    checks: list[tuple[str, bool]] = field(default_factory=list)

    def expect(self, what: str, happened: bool) -> None:
        """Note one promise."""
        self.checks.append((what, happened))

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(ok for _, ok in self.checks)


@click.command("demo")
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Home of the demo; must be empty."
)
def command(folder: Path | None) -> int:
    """Show the whole main job without a network: eleven local feeds, real HTTP, matches, a digest through real SMTP, pages.

    Example: aggregator demo --dir /tmp/news
    """
    began = time.monotonic()
    home = _fresh(folder)
    clock = SetClock(OPENING)
    click.echo(
        f"The clock is staged: it starts on {_local(clock.now())} (Minsk) and moves an hour for the second sweep."
    )
    click.echo(f"Home: {home}\n")
    ledger = Ledger()
    with ExitStack() as stack:
        newsroom = stack.enter_context(Newsroom())
        sink = stack.enter_context(Sink())
        _write_home(home, newsroom, sink)
        app = stack.enter_context(build(home, {}, clock))
        app.sync()
        _first_sweep(app, ledger)
        clock.advance(timedelta(hours=1))
        _second_sweep(app, newsroom, ledger)
        _matches(app, ledger)
        made = _edition(app, ledger)
        _send(app, sink, home, made, ledger)
        _room(app, ledger)
    (home / "config/aggregator.yaml").write_text(LEFT, "utf-8")
    _verdict(ledger, time.monotonic() - began)
    if made:
        click.echo(f"\nOpen  {home / 'var/pages/index.html'}\n      {_page(home, made[0])}\n      {_eml(home)}")
    _invite(home)
    return 0 if ledger.kept else 1


def _fresh(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="aggregator-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: not empty; name a new folder for the demo's home with --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"{folder}: {e.strerror}; name another folder with --dir") from e
    return folder.resolve()


def _write_home(home: Path, newsroom: Newsroom, sink: Sink) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "feeds.yaml").write_text(sample_home.feeds_yaml(newsroom.feeds), "utf-8")
    (home / "config/watchlists.yaml").write_text(sample_home.WATCHLISTS, "utf-8")
    (home / "config/digests.yaml").write_text(sample_home.digests_yaml(), "utf-8")
    (home / "config/aggregator.yaml").write_text(SETTINGS.format(host=sink.host, port=sink.port), "utf-8")


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(MINSK):%-d %B %Y, %H:%M}"


# -- sweeps ----------------------------------------------------------------------------------------------------------


def _first_sweep(app: App, ledger: Ledger) -> None:
    click.echo(click.style("First sweep", bold=True))
    reports = {r.feed_id: r for r in app.poll.sweep()}
    enriched = app.enrich.finish()
    _table(app, reports)
    click.echo(f"article pages read: {enriched.fetched}, matches found only there: {enriched.matches}\n")
    stored = {f.id: f.entries for f in app.stores.feeds.list()}
    ledger.expect(
        f"{EXPECTED.entries} entries of {len(stored)} feeds stored, each once",
        stored == {f.feed_id: f.entries for f in EXPECTED.feeds.values()},
    )
    ledger.expect("the first poll of a feed raised no alert", not app.compose.run())


def _second_sweep(app: App, newsroom: Newsroom, ledger: Ledger) -> None:
    click.echo(click.style(f"Second sweep, {_local(app.clock.now())}", bold=True))
    before = app.stores.upkeep.stats(app.clock.now())["entries"]
    reports = {r.feed_id: r for r in app.poll.sweep()}
    _table(app, reports)
    asked = {f: [r for r in newsroom.requests(f) if r.path == newsroom.requests(f)[0].path] for f in EXPECTED.feeds}
    sent = sum(r.size for requests in asked.values() for r in requests[1:])
    click.echo(f"nothing was parsed and nothing stored; the servers sent {sent:,} bytes of documents\n")
    costless = all(r.outcome in ("not_modified", "unchanged") for r in reports.values())
    after = app.stores.upkeep.stats(app.clock.now())["entries"]
    ledger.expect("the second sweep parsed nothing and stored nothing", costless and bool(reports) and before == after)
    ledger.expect(
        "servers answered as foreseen (304, same bytes, 410 not asked again)",
        {f: tuple(r.status for r in requests) for f, requests in asked.items()}
        == {f: tuple(s for s in truth.status if s) for f, truth in EXPECTED.feeds.items()},
    )


def _table(app: App, reports: dict[str, PollReport]) -> None:
    rows = [["feed", "answer", "new", "matches", "remark"]]
    for feed in app.stores.feeds.list():
        report = reports.get(feed.id)
        if report is None:
            rows.append([feed.id, "not asked", "", "", f"{feed.poll.state}: {feed.poll.error}"])
            continue
        remark = report.error or {"not_modified": "nothing new, no body", "unchanged": "same bytes, not parsed"}.get(
            report.outcome, ""
        )
        if feed.poll.malformed and report.outcome == "new":
            remark = f"malformed, its entries are good: {feed.poll.malformed}"
        if report.elapsed > 1:
            remark = remark or f"slow: {report.elapsed:.1f} s"
        rows.append(
            [
                feed.id,
                str(report.status or report.error_class),
                str(report.entries_new or ""),
                str(report.matches or ""),
                remark,
            ]
        )
    output.table(rows, limits=[18, 10, 4, 7, 72])


# -- matches, edition, mail ------------------------------------------------------------------------------------------


def _matches(app: App, ledger: Ledger) -> None:
    entries = {e.id: e for e in app.stores.entries.entries()}
    csto = {_key(entries[m.entry_id]) for m in app.stores.watch.matches("csto")}
    energy = {_key(entries[m.entry_id]) for m in app.stores.watch.matches("energy")}
    ledger.expect(
        f"{len(EXPECTED.csto | EXPECTED.csto_in_article)} entries match CSTO in three languages, no near-miss does",
        csto == EXPECTED.csto | EXPECTED.csto_in_article and not csto & EXPECTED.near_misses,
    )
    ledger.expect(f"{len(EXPECTED.energy)} entries match Energy", energy == EXPECTED.energy)
    wire = {entries[i].story_id for i in entries if _key(entries[i]) in set(EXPECTED.wire)}
    ledger.expect(f"the wire report in {len(EXPECTED.wire)} outlets is one story", len(wire) == 1)


def _key(entry: Entry) -> tuple[str, str]:
    return entry.feed_id, entry.guid


def _edition(app: App, ledger: Ledger) -> list[Composed]:
    made = app.compose.run()
    ledger.expect("one edition was due at 16:00 and was composed", [m.edition.digest_id for m in made] == ["afternoon"])
    for composed in made:
        click.echo(click.style(composed.edition.subject, bold=True))
        for line in _told(composed):
            click.echo(line)
    told = {e for m in made for e in _assigned(app, m)}
    ledger.expect(f"it tells the {len(EXPECTED.told)} matched entries of the last day", told == EXPECTED.told)
    ledger.expect(f"as {EXPECTED.stories} stories, each once", [m.edition.stories for m in made] == [EXPECTED.stories])
    ledger.expect("composing again makes nothing", not app.compose.run())
    return made


def _assigned(app: App, composed: Composed) -> Iterator[tuple[str, str]]:
    """The entries that the edition names."""
    for story in json.loads(composed.edition.rendered.data)["stories"]:
        for outlet in story["outlets"]:
            entry = app.stores.entries.get(outlet["entry_id"])
            if entry is not None:
                yield _key(entry)


def _told(composed: Composed) -> Iterator[str]:
    data = json.loads(composed.edition.rendered.data)
    for story in data["stories"]:
        outlets = [o["feed_title"] for o in story["outlets"]]
        others = f" + {len(outlets) - 1}" if len(outlets) > 1 else ""
        yield f"  {output.fit(story['headline'], 88)}"
        yield f"      {outlets[0]}{others}: {'; '.join(story['why'])}"
    yield ""


def _send(app: App, sink: Sink, home: Path, made: list[Composed], ledger: Ledger) -> None:
    report = app.send.run()
    try:
        received = sink.wait_for(1)
    except TimeoutError:
        received = []
    ledger.expect("one message went through a real SMTP conversation", report.sent == 1 and len(received) == 1)
    if not received or not made:
        return
    _mail(received[0], made[0], ledger)
    _eml(home).parent.mkdir(parents=True, exist_ok=True)
    _eml(home).write_bytes(received[0].content)
    ledger.expect("the page lies in the archive", _page(home, made[0]).is_file())
    ledger.expect("the database is sound", not app.stores.upkeep.check(deep=True))


def _mail(received: Received, made: Composed, ledger: Ledger) -> None:
    """What the mail carries, read as a mail program would, its one click as raw bytes."""
    mail = message_from_bytes(received.content, policy=policy.default)
    ledger.expect("its subject is the edition's", mail["Subject"] == made.edition.subject)
    one_click = re.search(
        rb"^List-Unsubscribe: <https://news\.example/unsubscribe/[a-z2-7]{26}>", received.content, re.MULTILINE
    )
    posted = mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    ledger.expect("one click to https://news.example ends it (RFC 8058)", bool(one_click) and posted)
    names = ("List-Id", "List-Help", "List-Owner", "List-Archive", "Auto-Submitted", "Message-ID", "Date")
    ledger.expect("it names its list and its archive, and that a program wrote it", all(mail[name] for name in names))
    ledger.expect(
        "its return path says whose it is, should it bounce",
        re.fullmatch(r"briefing\+[a-z2-7]{14,26}@news\.example", received.sender) is not None,
    )
    parts = list(mail.iter_parts())
    ledger.expect(
        "it has a text part and an HTML part", [p.get_content_type() for p in parts] == ["text/plain", "text/html"]
    )
    text, html = (part.get_content() for part in parts)
    in_html = {unescape(link) for link in re.findall(r'href="([^"]+)"', html)}
    ledger.expect(
        f"both hold the same {len(in_html)} links, and nothing is loaded from afar",
        in_html == set(re.findall(r"<(\S+:\S+)>", text)) and not re.search(r"<(img|script|link|iframe)\b", html),
    )


# -- the reading room ------------------------------------------------------------------------------------------------


def _room(app: App, ledger: Ledger) -> None:
    """The pages, asked over HTTP as a visitor's browser asks."""
    from aggregator.web.server import WebThread

    thread = WebThread(app, "127.0.0.1", 0)
    thread.start()
    try:
        wire = _story(app)
        asked = (
            f"days/{OPENING:%Y-%m-%d}",
            "search?q=%40csto",
            "watchlists/csto.csv?days=365",
            f"stories/{wire}",
            "outbox",
        )
        day, search, numbers, story, outbox = _ask(app, thread.url, asked)
    finally:
        thread.stop()
    found = len(EXPECTED.csto | EXPECTED.csto_in_article)
    ledger.expect(
        f"pages answer over HTTP: the day has {EXPECTED.stories} stories, and an end",
        day.count("<h3>") == EXPECTED.stories and "That is all of Thursday, 2 February 2023." in day,
    )
    ledger.expect(
        f"a search for @csto finds those {found} entries, as CSTO, ОДКБ and АДКБ",
        f">{found} results<" in search and all(f"<mark>{name}</mark>" in search for name in ("CSTO", "ОДКБ", "АДКБ")),
    )
    counted = sum(int(row["entries"]) for row in csv.DictReader(numbers.splitlines()))
    ledger.expect(f"a year of CSTO's attention adds up to {found} entries", counted == found)
    told, _, absent = story.partition("Who did not carry it")
    silent, _, unread = absent.partition("Not known to have been read in that time")
    ledger.expect(
        "the wire report's page names who was first, who was read without it, and who was not read",
        re.search(r">first</strong>.*?<bdi>Minsk Wire</bdi>", told, re.DOTALL) is not None
        and "Вестник Содружества" in silent
        and "The Old Lantern" in unread,
    )
    ledger.expect("the outbox is not for visitors", outbox == "403")


def _story(app: App) -> int:
    """The story of the wire report."""
    return next(e.story_id for e in app.stores.entries.entries() if _key(e) == EXPECTED.wire[0])


def _ask(app: App, base: str, paths: Sequence[str]) -> list[str]:
    """What stands at each address; where it does not answer with 200, the number that it answers with."""
    answers = app.fetcher.fetch_many([FetchRequest(path, base + path) for path in paths])
    got = {
        a.request.ref: a.body.decode() if a.status == 200 else str(a.status)
        for a in answers
        if isinstance(a, FetchResponse)
    }
    return [got.get(path, "") for path in paths]


def _invite(home: Path) -> None:
    """Where to look at the pages of the home that is left."""
    program = f"{shlex.quote(sys.executable)} -m aggregator --home {shlex.quote(str(home))}"
    click.echo(f"\nLook around: {program} web")
    click.echo(f"      then open http://127.0.0.1:8080/days/{OPENING:%Y-%m-%d}; this signs you in as the operator:")
    click.echo(f"      {program} admin link")


# -- files -----------------------------------------------------------------------------------------------------------


def _page(home: Path, composed: Composed) -> Path:
    from aggregator.delivery.pages import name

    return home / "var/pages" / name(composed.edition)


def _eml(home: Path) -> Path:
    return home / "var/mail/afternoon.eml"


def _verdict(ledger: Ledger, seconds: float) -> None:
    for what, happened in ledger.checks:
        mark = click.style("ok  ", fg="green") if happened else click.style("FAIL", fg="red", bold=True)
        click.echo(f"{mark} {what}")
    click.echo(f"{sum(ok for _, ok in ledger.checks)} of {len(ledger.checks)} promises kept in {seconds:.1f} s")
