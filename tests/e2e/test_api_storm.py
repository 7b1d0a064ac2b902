"""schemathesis over the description of the interface, against the real server: no 5xx, no status that is not described,
every answer as described, whatever is asked and by whom."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests  # noqa: TID251 - what schemathesis asks with
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests import counts
from tests.e2e import apisite
from tests.e2e.apisite import Site, token

ROUNDS = counts.count(4, 100)
"""For each operation with what its description allows, and as many with what it does not."""
EVERYTHING = token("read", "operate", "health")
KEYS = [*[EVERYTHING] * 12, token("read"), token("health"), "agg_" + "z" * 26, "nonsense"]
THERE = {"entry_id": 1, "story_id": 1, "watchlist_id": "csto", "digest_id": "daily", "feed_id": "wire"}
"""What of an address names a thing that is there; half of the time it does."""
OPERATIONS = [
    "list_entries", "get_entry", "list_stories", "get_story", "search_entries", "list_watchlists", "get_watchlist", "get_attention",
    "list_matches", "list_editions", "get_edition", "list_feeds", "get_feed", "pause_feed", "resume_feed", "poll_feed", "get_health",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with apisite.site(tmp_path_factory.mktemp("storm")) as made:
        yield made


@pytest.fixture(scope="module")
def schema(site: Site) -> Any:
    document = site.read("/openapi.json", "")
    found = schemathesis.openapi.from_dict(document)
    found.config.update(base_url=site.url + "api/v1")
    return found


def test_every_operation_is_stormed(schema: Any) -> None:
    assert [one.ok().definition.raw["operationId"] for one in schema.get_all_operations()] == OPERATIONS


@pytest.fixture(scope="module")
def answered() -> Iterator[dict[str, Counter[int]]]:
    """Mode -> how often each status was answered; a row of the table at the end."""
    found: dict[str, Counter[int]] = {mode.value: Counter() for mode in GenerationMode}
    yield found
    for mode, statuses in found.items():
        told = ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items()))
        counts.report(f"api, {mode}", statuses.total(), statuses[500], told)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_asked_is_answered_as_described(
    schema: Any, answered: dict[str, Counter[int]], name: str, mode: GenerationMode
) -> None:
    operation = schema.find_operation_by_id(name)
    if mode.is_negative and not (operation.query or operation.path_parameters):
        pytest.skip("there is nothing to get wrong but the token")
    dice = random.Random(counts.seed())
    # What satisfies the description need not be a query that parses.
    excluded = [positive_data_acceptance] if name == "search_entries" else []
    there = {one.name: THERE[one.name] for one in operation.path_parameters if one.name in THERE}
    # The token is ours to choose: where schemathesis left it out, that would be what is wrong with the request.
    fixed: dict[str, Any] = {"generation_mode": mode, "headers": {"Authorization": f"Bearer {EVERYTHING}"}}
    asked = operation.as_strategy(**fixed)
    if there and mode.is_positive:
        asked |= operation.as_strategy(**fixed, path_parameters=there)

    with requests.Session() as session:

        @seed(counts.seed())
        @settings(max_examples=ROUNDS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=asked)
        def storm(case: Any) -> None:
            headers = {"Authorization": f"Bearer {dice.choice(KEYS)}"}
            response = case.call(session=session, headers=headers)
            answered[mode.value][response.status_code] += 1
            case.validate_response(response, headers=headers, excluded_checks=excluded)

        storm()
