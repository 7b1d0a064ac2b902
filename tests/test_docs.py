"""The papers are tested like code: they are complete, current, and what they tell people to type works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands_page, counts, errors_page, figures
from tests.conformance.feedserver import RSS, FeedServer, document

ROOT = Path(__file__).parents[1]
FAULTS = (
    "Killed at any moment", "The power fails", "The disk is full", "Another program holds the database", "The database is damaged",
    "The folder cannot be written", "The clock is set", "the machine sleeps", "A mail server is away", "Our own network is down", "a captive portal",
    "Servers hang", "A document kills", "The configuration is broken", "Two daemons", "A new version changes the tables", "A backup is made",
    "After a restore", "Memory, files, threads", "write-ahead log", "Told to end", "comes back empty, cut off", "one broken entry",
)  # fmt: skip
"""What may go wrong, as the page of promises calls it."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    text = commands_page.PAGE.read_text("utf-8")
    assert text == commands_page.page(text), "docs/commands.md is behind: make docs"


def test_the_page_of_errors_is_what_the_program_says() -> None:
    text = errors_page.PAGE.read_text("utf-8")
    assert text == errors_page.page(text), "docs/errors.md is behind: make docs"


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    missing = [path[0] for path, _ in commands_page.commands() if len(path) == 1 and f"`{path[0]}`" not in text]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    assert [t for t in targets if t and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_into_pages_lead_to_a_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = [t.partition("#") for t in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", text) if "://" not in t]
    assert [f"{file}#{at}" for file, _, at in targets if at not in anchors(page.parent / file if file else page)] == []


def anchors(page: Path) -> set[str]:
    """Where one can lead into a page: its headings, as they are spelled in addresses."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_metric_that_a_page_names_is_one() -> None:
    table = (ROOT / "docs/metrics.md").read_text("utf-8")
    known = set(re.findall(r"^\| `(aggregator_\w+)`", table, re.MULTILINE))
    named = {page.name: set(re.findall(r"\baggregator_\w+", page.read_text("utf-8"))) - known for page in PAGES}
    assert {name: words for name, words in named.items() if words} == {}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "docs/route.md", ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name
)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(r"`((?:aggregator|tests|docs|config|benchmarks)/[\w./-]*)`", page.read_text("utf-8"))
    assert named
    assert [n for n in named if not (ROOT / n).exists()] == []


def test_every_promise_names_tests_that_exist_and_every_fault_has_its_promise() -> None:
    text = (ROOT / "docs/promises.md").read_text("utf-8")
    shown = re.findall(r"^- `(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`", text, re.MULTILINE)
    assert len(shown) > 40
    for file, name in shown:
        path = ROOT / file
        assert path.exists(), file
        assert not name or re.search(rf"^def {name}\(", path.read_text("utf-8"), re.MULTILINE), f"{file}::{name}"
    promises = re.split(r"^\*\*", text.partition("## What is not")[0], flags=re.MULTILINE)[1:]
    assert all("\n- `tests/" in one for one in promises), [one[:60] for one in promises if "\n- `tests/" not in one]
    assert [fault for fault in FAULTS if fault not in text] == []


def test_the_figures_of_a_storm_find_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [counts.Row("kill -9, anywhere", 12_000, 0, "every 2. commit"), counts.Row("races", 50, 1)]
    monkeypatch.setattr(counts, "rows", rows)
    log = "\n".join(["..... 100%", *counts.table(), "", "=== 2000 passed ==="])
    page = figures.page(figures.PAGE.read_text("utf-8"), log, "2026-11-27")
    assert "| kill -9, anywhere | 12,000 | 0 | every 2. commit |\n| races | 50 | 1 |  |\n\n<!-- end -->" in page
    assert "Not measured" not in page
    with pytest.raises(ValueError, match="no table"):
        figures.page(page, "2 passed", "2026-11-27")


def test_decisions_are_short_numbered_and_dated() -> None:
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [f.name[:4] for f in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        assert len(lines) <= 40, file.name
        assert re.fullmatch(r"# \d+\. .+", lines[0]), file.name
        assert re.search(r"^20\d\d-\d\d-\d\d\b", "\n".join(lines), re.MULTILINE), file.name


def test_the_glossary_has_every_word_of_the_design() -> None:
    text = (ROOT / "docs/glossary.md").read_text("utf-8")
    words = (
        "feed, entry, item, guid, entry key, revision, story, host, poll, fetch, validators, due, interval, watchlist, query, "
        "term, phrase, alias, match, search, result, digest, edition, alert, window, subscriber, subscription, message, "
        "outbox, attempt, transport, suppression, claim, quarantine, retention"
    )
    assert [w for w in words.split(", ") if not re.search(rf"^\| [^|]*\b{w}\b[^|]*\|", text, re.MULTILINE)] == []


def test_the_readmes_commands_lead_from_nothing_to_a_digest(tmp_path: Path) -> None:
    """Those between `init` and `run`, as printed, but for the address of the feed."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = next(b for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "aggregator init" in b)
    lines = [line.partition("  #")[0].strip() for line in block.strip().splitlines()]
    assert len(lines) == 5
    assert lines[-1].endswith("aggregator run")
    with FeedServer() as server:
        url = server.add("/rss", document(RSS))
        env = {k: v for k, v in os.environ.items() if k != "AGGREGATOR_HOME"}
        env["AGGREGATOR__NETWORK__ALLOW_PRIVATE"] = '["127.0.0.0/8"]'
        assert "export AGGREGATOR_HOME=~/news" in lines[0]
        env["AGGREGATOR_HOME"] = str(tmp_path / "news")
        for line in lines[:-1]:
            words = shlex.split(line)
            if not words[0].endswith("aggregator"):
                continue
            words = [re.sub(r"^https?://.*", url, word) for word in words]
            command = [sys.executable, "-m", "aggregator", *words[1:]]
            done = subprocess.run(
                command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert (tmp_path / "news/var/aggregator.db").exists()
