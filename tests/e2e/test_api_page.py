"""docs/api.md: what it tells people to type works, and it names every call and status that the description has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import apisite
from tests.e2e.apisite import Site, token

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")
CURL = shutil.which("curl") or ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with apisite.site(tmp_path_factory.mktemp("page")) as made:
        yield made


@pytest.mark.skipif(not CURL, reason="curl is not installed")
def test_the_examples_work_as_they_are_printed(site: Site) -> None:
    """All but the token's making; feeds and digests have the names of this home."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.strip().splitlines()]
    asked = [
        line.replace("belta-en", "wire").replace("=morning", "=daily") for line in lines if line.startswith("curl ")
    ]
    assert len(asked) == len(lines) - 2 >= 10
    variables = {
        "AGGREGATOR_URL": site.url.rstrip("/"),
        "AGGREGATOR_TOKEN": token("read", "operate", "health"),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", "\n".join(f"{line} || exit; echo" for line in asked)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked)
    assert all("items" not in one or one["items"] for one in answers)


def test_the_page_names_every_call_and_every_way_to_fail(site: Site) -> None:
    described = json.loads(site.ask("/openapi.json", key="")[1])
    for path, operations in described["paths"].items():
        first, *more = path.replace("{digest_id}", "{digest}").strip("/").split("/")
        words = [first, *(word for word in more if not word.endswith("_id}"))]
        assert all(word in PAGE for word in words), path
        for operation in operations.values():
            assert all(status in PAGE for status in operation["responses"] if status >= "400"), path
            named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            assert [name for name in named if not re.search(rf"\b{name}\b", PAGE)] == [], path
