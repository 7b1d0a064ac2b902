"""One furnished home for all that damage or starve one, and one process that forks those which are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import loopback_only
from tests.faults.furnished import copy, furnish
from tests.faults.newsroom import Zygote


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be touched."""
    with loopback_only():
        return furnish(tmp_path_factory.mktemp("furnished") / "home")


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy(furnished, tmp_path / "home")


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """It keeps nothing from one fork to the next."""
    started = Zygote()
    yield started
    started.close()
