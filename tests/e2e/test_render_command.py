"""`aggregator render`: the reading pages as files that hold together, on any server and from the disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aggregator.delivery.folder import MANIFEST, PART
from tests.e2e.homes import WATCHLISTS
from tests.e2e.program import Result, aggregator, done
from tests.e2e.storyroom import Room, room

QUERIES = {**WATCHLISTS, "watchlists": [*WATCHLISTS["watchlists"], {"id": "gas", "title": "Gas", "query": "gas"}]}


class Links(HTMLParser):
    """What a page leads to and loads, and what it holds that a file must not."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.odd: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given["id"]} if "id" in given else set()
        self.odd += [f"<{tag}>"] if tag in ("form", "button", "style", "iframe", "object", "base") else []
        self.odd += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        self.odd += ["<script> inline"] if tag == "script" and "src" not in given else []
        if tag in ("link", "script", "img") and "alternate" not in given.get("rel", ""):
            self.loads += [given.get("href") or given.get("src", "")]
        elif "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("render")) as made:
        made.configure([made.feed("wire", title="Wire"), made.feed("echo", title="Echo")], QUERIES)
        made.pass_time()
        made.publish("wire", "w1", "CSTO & partners meet in Minsk for talks", "CSTO talks on gas began in Minsk today.")
        made.pass_time(timedelta(hours=1))
        made.publish("echo", "e1", "CSTO & partners meet in Minsk for talks", "CSTO talks on gas began in Minsk today.")
        made.pass_time(timedelta(hours=20))
        yield made


def render(home: Path, out: Path, **environ: str) -> Result:
    return aggregator(home, "render", "--out", str(out), environ=environ)


def files(site: Path) -> dict[str, bytes]:
    return {str(f.relative_to(site)): f.read_bytes() for f in site.rglob("*") if f.is_file() and f.name != MANIFEST}


@pytest.fixture(scope="module")
def site(read: Room, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "deep" / "site"
    result = render(read.home, out)
    assert result.code == 0, result
    assert re.fullmatch(
        rf"\d+ pages in {re.escape(str(out))}: \d+ files written, 0 as they were, 0 removed\n", result.out
    )
    return out


def test_every_link_of_every_page_leads_to_a_file(site: Path) -> None:
    """As a browser resolves them from the disk: no folder has an index there, and nothing begins with a slash."""
    pages = {name: Links(body.decode()) for name, body in files(site).items() if name.endswith(".html")}
    assert len(pages) >= 4
    for name, page in pages.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                assert parts.hostname == "news.example", f"{name}: {link}: a publisher's"
                continue
            assert not parts.scheme, f"{name}: {link}"
            assert not link.startswith("/"), f"{name}: {link}"
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            assert target.is_file(), f"{name}: {link}"
            assert site.resolve() in target.resolve().parents
            if parts.fragment:
                assert parts.fragment in Links(target.read_text()).ids, f"{name}: {link}"


def test_nothing_is_inline_or_needs_a_server_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for name, body in files(site).items():
        if name.endswith(".html"):
            page = Links(body.decode())
            assert page.odd == [], name
            assert all(not urlsplit(link).scheme for link in page.loads), name
            assert "about:blank" not in body.decode(), name


def test_what_only_an_operator_or_a_server_can_do_is_not_there(site: Path) -> None:
    names = files(site)
    assert not [
        n for n in names if n.startswith(("outbox", "configuration", "sign-in", "search", "subscribe", "manage"))
    ]
    for name, body in names.items():
        if name.endswith(".html") and "editions/" not in name.replace("editions/index.html", ""):
            assert not re.search(r">(Search|Subscribe|Outbox|Settings|Sign out|Your subscriptions)<", body.decode()), (
                name
            )


def test_the_pages_of_the_archive_the_stories_and_the_listings_are_there(site: Path) -> None:
    names = files(site)
    assert {"editions/index.html", "help/index.html", "watchlists/csto.atom", "digests/daily.json"} <= names.keys()
    assert [n for n in names if re.fullmatch(r"editions/daily/2023-02-03T07-30\+03-00/index\.html", n)]
    assert [n for n in names if n.startswith("static/aggregator.") and n.endswith(".css")]
    if "index.html" in names:
        assert [n for n in names if re.fullmatch(r"stories/\d+/index\.html", n)]


def test_with_a_public_address_what_is_not_a_file_leads_there(read: Room, tmp_path: Path) -> None:
    assert render(read.home, tmp_path / "x", AGGREGATOR__WEB__PUBLIC_URL="https://news.example").code == 0
    page = (tmp_path / "x/editions/index.html").read_text()
    assert 'href="https://news.example/search"' in page
    assert Links(page).odd == []


def test_closed_pages_are_given_to_whoever_gets_the_files_and_the_operator_is_told(read: Room, tmp_path: Path) -> None:
    result = render(read.home, tmp_path, AGGREGATOR__WEB__VISITORS="closed")
    assert result.code == 0
    assert "whoever gets these files reads them" in result.err
    assert "Not for visitors" not in (tmp_path / "editions/index.html").read_text()


def test_a_second_run_writes_nothing_and_a_third_what_changed(read: Room, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert render(read.home, out).code == 0
    before = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    (out / "robots.txt").write_text("mine")
    (out / "watchlists/gas.json").write_text("changed by hand")
    again = render(read.home, out)
    assert " 1 file written, " in again.out, "the one that was changed by hand is ours"
    assert sum((out / name).stat().st_mtime_ns != at for name, at in before.items()) == 1
    (out / "watchlists/gas.json").write_text("changed by hand")
    read.configure([read.feed("wire", title="Wire"), read.feed("echo", title="Echo")], WATCHLISTS)
    try:
        third = render(read.home, out)
    finally:
        read.configure([read.feed("wire", title="Wire"), read.feed("echo", title="Echo")], QUERIES)
    assert third.code == 0
    assert not (out / "watchlists/gas.atom").exists()
    assert (out / "watchlists/gas.json").read_text() == "changed by hand", "not as we wrote it: somebody's own"
    assert (out / "robots.txt").read_text() == "mine"
    assert not (out / PART).exists()


def test_a_file_that_is_not_ours_is_in_the_way_and_nothing_is_changed(read: Room, tmp_path: Path) -> None:
    (tmp_path / "editions").mkdir()
    (tmp_path / "editions/index.html").write_text("mine")
    result = render(read.home, tmp_path)
    assert result.code == 2
    assert "is in the way" in result.err
    assert files(tmp_path) == {"editions/index.html": b"mine"}


def test_a_link_that_is_not_ours_is_in_the_way_also_where_it_leads_nowhere(read: Room, tmp_path: Path) -> None:
    (tmp_path / "index.html").symlink_to(tmp_path / "gone")
    assert "is in the way" in render(read.home, tmp_path).err
    assert (tmp_path / "index.html").is_symlink()


def test_what_is_given_away_does_not_lie_beside_what_is_kept(read: Room) -> None:
    for out in (read.home, read.home / "var", read.home / "var/pages", read.home / "var/new", read.home.parent):
        result = render(read.home, out)
        assert (result.code, "name another folder" in result.err) == (2, True), out
    assert not (read.home / "index.html").exists()
    assert not (read.home / "var/new").exists()


def test_a_manifest_that_names_files_elsewhere_removes_none(read: Room, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    out = tmp_path / "site"
    out.mkdir()
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    (out / MANIFEST).write_text(
        json.dumps({"../precious": digest, str(tmp_path / "precious"): digest, "": digest, "x/../../precious": digest})
    )
    assert render(read.home, out).code == 0
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("given", ["file", "file/below", "nofolder\0"])
def test_what_is_no_folder_is_said_in_a_line(read: Room, tmp_path: Path, given: str) -> None:
    (tmp_path / "file").write_text("x")
    result = (
        render(read.home, tmp_path / given) if "\0" not in given else aggregator(read.home, "render", "--out", given)
    )
    assert result.code in (1, 2)
    assert "name another folder" in result.err or "Error" in result.err or "NUL" in result.err


def test_the_home_itself_may_hold_the_files(read: Room) -> None:
    assert done(read.home, "render", "--out", str(read.home / "site")).code == 0
    assert (read.home / "site/editions/index.html").exists()
