"""The labelled sets: every query is decided as people decided, live and through the index; nearly every pair of entries."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.program import done
from tests.labels import DATA, PAIRS, QUERIES, agrees, forms, joined, lines, unrelated


@pytest.mark.parametrize("options", [[], ["--history"]], ids=["live", "history"])
@pytest.mark.parametrize("name", QUERIES)
def test_every_labelled_query_is_decided_as_labelled(tmp_path: Path, name: str, options: list[str]) -> None:
    cases = lines(name)
    answers = done(tmp_path, "match", "--cases", str(DATA / name), *options).lines
    wrong = [(case["id"], answer) for case, answer in zip(cases, answers, strict=True) if not agrees(case, answer)]
    assert len(cases) >= 300
    assert wrong == []


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_are_one_story_or_two_as_labelled(name: str) -> None:
    pairs = lines(name)
    counts = Counter((pair["same"], joined(pair)) for pair in pairs)
    hits = counts[True, True]
    assert len(pairs) >= 240
    assert hits / (hits + counts[False, True]) >= 0.97
    assert hits / (hits + counts[True, False]) >= 0.95


def test_of_400_entries_that_have_nothing_in_common_hardly_two_are_one_story() -> None:
    count, wrong = unrelated()
    assert count >= 400
    assert len(wrong) <= 5, wrong


def test_forms_of_belarusian_and_ukrainian_words_are_found() -> None:
    rows, wrong = forms()
    for _, count, found, alike, joins in rows[1:]:
        assert int(count) >= 300
        assert float(found) >= 0.99, wrong
        assert int(joins) <= 0.1 * int(alike), wrong
