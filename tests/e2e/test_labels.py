"""The labelled queries: every one is decided as people decided, live and through the index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import done

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
