"""A client that a generator makes of the description, against the real server: what the description says is true for programs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e import apisite
from tests.e2e.apisite import Site, token

NAME = "generated_aggregator_client"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with apisite.site(tmp_path_factory.mktemp("client")) as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated package; `client("list_entries", ...)` calls an operation and gives its parsed answer."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(site.ask("/openapi.json", key="")[1])
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(folder / "openapi.json")]
    command += ["--meta", "none", "--output-path", str(folder / NAME), "--fail-on-warning"]
    (folder / "config.yaml").write_text("post_hooks: []")  # how its code is laid out concerns nobody
    command += ["--config", str(folder / "config.yaml")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        package = importlib.import_module(NAME)
        signed = package.AuthenticatedClient(f"{site.url}api/v1", token("read", "operate", "health"))

        def call(name: str, *given: Any, scope: str = "read", **more: Any) -> Any:
            operation = importlib.import_module(f"{NAME}.api.{scope}.{name}")
            return operation.sync(*given, client=signed, **more)

        with signed:
            yield call


def test_a_generated_client_walks_through_all_entries(site: Site, client: Any) -> None:
    found: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        portion = client("list_entries", limit=3, cursor=cursor)
        assert type(portion).__name__ == "EntryPortion"
        found += [entry.id for entry in portion.items]
        cursor = portion.next_
    assert found == [entry.id for entry in site.app.stores.entries.entries()][::-1]
    newest = client("list_entries", limit=1).items[0]
    stored = site.app.stores.entries.get(newest.id)
    assert stored is not None
    assert newest.first_seen_at == stored.first_seen_at
    assert client("list_entries", since=newest.first_seen_at + timedelta(seconds=1)).items == []


def test_it_searches_and_is_told_what_is_wrong_with_a_query(client: Any) -> None:
    found = client("search_entries", q="@csto minsk")
    assert "CSTO soldiers begin a drill near Minsk" in {entry.title for entry in found.items}
    assert found.items[0].spans[0].alias == "csto"
    problem = client("search_entries", q="csto AND")
    assert (type(problem).__name__, problem.status, problem.pos) == ("Problem", 400, 8)


def test_it_pauses_a_feed_and_resumes_it(site: Site, client: Any) -> None:
    assert client("pause_feed", "echo", scope="operate").state == "paused"
    paused = site.app.stores.feeds.get("echo")
    assert paused is not None
    assert paused.poll.state == "paused"
    assert client("poll_feed", "echo", scope="operate").status == 409
    assert client("resume_feed", "echo", scope="operate").state == "ok"
    assert client("get_health", scope="health").feeds == 2


def test_it_reads_editions_stories_and_attention(site: Site, client: Any) -> None:
    [edition] = client("list_editions").items
    whole = client("get_edition", edition.digest_id, edition.key)
    assert whole.told.to_dict()["digest_id"] == "daily"
    assert client("get_story", 1).entries[0].lag_seconds == 0
    assert client("get_attention", "csto", days=3).days[-1].day == site.clock.now().date()
    assert json.dumps(client("get_feed", "wire").to_dict())
