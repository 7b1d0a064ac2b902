"""CredentialStore: a link is used once, what is over is not found, and only hashes are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.reading import Right
from tests.conformance.stores import HOUR, NOW, Scene

RIGHTS: tuple[Right, ...] = ("link", "session", "api")


@pytest.mark.parametrize("right", RIGHTS)
def test_a_credential_is_found_by_what_it_is_for_until_it_runs_out(scene: Scene, right: Right) -> None:
    store = scene.stores.credentials
    number = store.issue(right, "token", "name", NOW, scopes=("read", "health"), expires_at=NOW + HOUR)
    found = store.find(right, "token", NOW)
    assert found
    assert (found.id, found.right, found.name, found.scopes) == (number, right, "name", ("read", "health"))
    assert (found.created_at, found.expires_at, found.used_at, found.ended_at) == (NOW, NOW + HOUR, None, None)
    assert store.find(right, "token", NOW + HOUR) is None
    assert store.find(right, "Token", NOW) is None
    assert [store.find(other, "token", NOW) for other in RIGHTS if other != right] == [None, None]


def test_a_link_is_used_once_and_a_token_as_often_as_wished(scene: Scene) -> None:
    store = scene.stores.credentials
    link, token = store.issue("link", "l", "", NOW), store.issue("api", "t", "", NOW)
    assert [store.use(link, NOW), store.use(link, NOW), store.find("link", "l", NOW)] == [True, False, None]
    assert [store.use(token, NOW), store.use(token, NOW + HOUR)] == [True, True]
    found = store.find("api", "t", NOW)
    assert found
    assert found.used_at == NOW + HOUR
    assert not store.use(99, NOW)


def test_what_is_ended_is_over_at_once(scene: Scene) -> None:
    store = scene.stores.credentials
    number = store.issue("session", "s", "", NOW)
    assert [store.end(number, NOW), store.end(number, NOW), store.end(99, NOW)] == [True, False, False]
    assert store.find("session", "s", NOW) is None
    assert not store.use(number, NOW)


def test_only_what_is_not_over_is_listed(scene: Scene) -> None:
    store = scene.stores.credentials
    link = store.issue("link", "l", "", NOW, expires_at=NOW + HOUR)
    used, ended = store.issue("link", "u", "", NOW), store.issue("api", "e", "", NOW)
    token = store.issue("api", "t", "", NOW)
    store.use(used, NOW)
    store.end(ended, NOW)
    assert [one.id for one in store.list(NOW)] == [link, token]
    assert [one.id for one in store.list(NOW, "api")] == [token]
    assert [one.id for one in store.list(NOW + HOUR)] == [token]


def test_what_was_over_a_week_ago_is_forgotten(scene: Scene) -> None:
    store, week = scene.stores.credentials, timedelta(days=7)
    store.issue("link", "l", "", NOW, expires_at=NOW)
    store.end(store.issue("api", "e", "", NOW), NOW)
    store.issue("api", "t", "", NOW)
    assert store.tidy(NOW + week) == 0
    assert store.tidy(NOW + week + HOUR) == 2
    assert store.find("api", "t", NOW + week + HOUR)


def test_no_two_credentials_share_a_token(scene: Scene) -> None:
    scene.stores.credentials.issue("session", "s", "", NOW)
    with pytest.raises(Exception, match=r"(?i)unique"):
        scene.stores.credentials.issue("api", "s", "", NOW)
    assert scene.stores.credentials.find("api", "s", NOW) is None
