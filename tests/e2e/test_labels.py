"""The labelled sets: every query is decided as people decided, live and through the index; nearly every pair of entries."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.model import ParsedEntry
from aggregator.stories import assign
from tests.e2e.program import done

NOON = datetime(2023, 2, 2, 12, tzinfo=UTC)
FILE = Path(__file__).parent.parent / "data" / "queries.jsonl"


def agrees(case: dict[str, Any], answer: dict[str, Any]) -> bool:
    if "match" in case:
        return answer.get("match") is case["match"]
    return "error" in answer and case["error"] in (None, answer["error"]["pos"])


@pytest.mark.parametrize("options", [[], ["--history"]], ids=["live", "history"])
def test_every_labelled_query_is_decided_as_labelled(tmp_path: Path, options: list[str]) -> None:
    cases = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    answers = done(tmp_path, "match", "--cases", str(FILE), *options).lines
    wrong = [(case["id"], answer) for case, answer in zip(cases, answers, strict=True) if not agrees(case, answer)]
    assert len(cases) >= 300
    assert wrong == []


def test_pairs_are_one_story_or_two_as_labelled() -> None:
    pairs = [json.loads(line) for line in (FILE.parent / "story-pairs.jsonl").read_text("utf-8").splitlines()]
    counts = Counter((pair["same"], joined(pair["first"], pair["second"])) for pair in pairs)
    hits = counts[True, True]
    assert len(pairs) >= 300
    assert hits / (hits + counts[False, True]) >= 0.97
    assert hits / (hits + counts[True, False]) >= 0.95


def joined(first: dict[str, str], second: dict[str, str]) -> bool:
    fresh = [
        (
            told["feed"],
            ParsedEntry(guid=told["link"], link=told["link"], title=told["title"], body=told["body"]),
            NOON + at,
        )
        for told, at in ((first, timedelta(0)), (second, timedelta(hours=1)))
    ]
    one, other = assign.assign(fresh, [])
    return one.draft == other.draft
