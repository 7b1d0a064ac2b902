"""One browser and one installation for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import chromium
from tests.browser.chromium import Chromium
from tests.browser.installation import Place, open_house
from tests.conftest import loopback_only


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    lack = chromium.missing()
    if lack and chromium.WANTED:
        pytest.fail(f"AGGREGATOR_BROWSER=1, but there is {lack}")
    if lack:
        pytest.skip(lack)
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def place(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:  # noqa: ARG001 - no house without a browser
    with loopback_only(), open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened
