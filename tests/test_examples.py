"""What the papers tell people to type is typed here, and what they say is seen is seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import examples, exampleworld
from tests.conformance.feedserver import FeedServer
from tests.forking import Forking

ROOT = Path(__file__).parents[1]
NEEDED = (
    "mkdir news && cd news",
    'aggregator init --feed https://example.org/rss --word CSTO --address ""',
    "aggregator poll",
)
"""What of the tutorial makes the home that the recipes work on, besides the files it shows."""


class Made(NamedTuple):
    """A home, and the world around it: its addresses and ours."""

    home: Path
    world: dict[str, str]


@pytest.fixture(scope="module")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with Forking(tmp_path_factory.mktemp("f")) as started:
        yield started


def test_the_tutorial_leads_from_nothing_to_the_first_digest(tmp_path: Path, forking: Forking) -> None:
    page = ROOT / "docs/tutorial.md"
    with FeedServer() as server:
        world = exampleworld.serve(server)
        with examples.Shell(tmp_path, _environ(forking), world) as shell:
            wrong = _told(page, shell, tmp_path / "news")
    assert not wrong, "\n\n".join(wrong)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, forking: Forking) -> Iterator[Made]:
    """What the tutorial leaves: a home, three entries, a watchlist, a digest; and the world that it asks."""
    folder = tmp_path_factory.mktemp("made")
    tutorial = (ROOT / "docs/tutorial.md").read_text("utf-8")
    with FeedServer() as server:
        world = exampleworld.serve(server)
        with examples.Shell(folder, _environ(forking), world) as shell:
            for one in examples.of(tutorial):
                if isinstance(one, examples.File) or one.command in NEEDED:
                    _do(one, shell, folder / "news")
        yield Made(folder / "news", world)


@pytest.mark.parametrize("page", ["howto", "operations"])
def test_the_recipes_work_on_what_the_tutorial_made(page: str, tmp_path: Path, forking: Forking, made: Made) -> None:
    home = Path(shutil.copytree(made.home, tmp_path / "news"))
    with examples.Shell(home, _environ(forking), made.world) as shell:
        wrong = _told(ROOT / f"docs/{page}.md", shell, home)
    assert not wrong, "\n\n".join(wrong)


def _do(example: examples.Typed | examples.File, shell: examples.Shell, home: Path) -> str:
    """Write the file or type the command; what was seen."""
    if isinstance(example, examples.Typed):
        return shell.type(example)
    file = home / example.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(shell.here(example.text), "utf-8")
    return ""


def _told(page: Path, shell: examples.Shell, home: Path) -> list[str]:
    """What a page shows and is not so."""
    wrong = []
    for example in examples.of(page.read_text("utf-8")):
        seen = _do(example, shell, home)
        if isinstance(example, examples.Typed) and not examples.fits(example.seen, seen):
            where = f"{page.name}:{example.line}: {example.command}"
            wrong.append(f"{where}\n--- the page says\n{example.seen}--- seen\n{seen}")
    return wrong


def _environ(forking: Forking) -> dict[str, str]:
    """What a person's shell has, and the loopback opened."""
    return {
        "PATH": f"{forking.bin}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]',
        "AGGREGATOR__NETWORK__HOST_SPACING": "0s",
        "AGGREGATOR__POLLING__WORKERS": "1",
        "AGGREGATOR__WEB__PORT": "0",
    }


def test_an_example_that_is_not_so_is_seen() -> None:
    assert examples.fits("a ... c\n...\nend\n", "a b c\nx\ny\nend")
    assert examples.fits("", "")
    assert not examples.fits("a ... c\nend\n", "a b c\nx\nend")
    assert not examples.fits("", "something")
    assert not examples.fits("1 feed\n", "2 feeds")
