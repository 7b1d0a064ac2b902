"""The labelled sets in tests/data, and whether an answer agrees with a label; `python -m tests.labels` prints how many do.

The labels were written, from the specification, before anything was run on them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator import query, tokens
from aggregator.model import ParsedEntry
from aggregator.stories import assign
from aggregator.watch import match

DATA = Path(__file__).parent / "data"
NOON = datetime(2023, 2, 2, 12, tzinfo=UTC)


def lines(name: str) -> list[dict[str, Any]]:
    """A set, one case a line."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines() if line.strip()]


def queries(name: str, *options: str) -> tuple[int, list[str]]:
    """How many cases a set has, and the ids of those decided otherwise than labelled."""
    cases = lines(name)
    command = [sys.executable, "-m", "aggregator", "match", "--cases", str(DATA / name), *options]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    wrong = [case["id"] for case, answer in zip(cases, answers, strict=True) if not agrees(case, answer)]
    return len(cases), wrong


def agrees(case: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether a query was decided as people decided."""
    if "match" in case:
        return answer.get("match") is case["match"]
    return "error" in answer and case["error"] in (None, answer["error"]["pos"])


def _entry(told: dict[str, Any]) -> ParsedEntry:
    return ParsedEntry(guid=told["link"], link=told["link"], title=told["title"], body=told["body"])


def joined(pair: dict[str, Any]) -> bool:
    """Whether the two entries of a pair become one story when one comes an hour after the other."""
    fresh = [
        (pair[side]["feed"], _entry(pair[side]), NOON + timedelta(hours=hours))
        for hours, side in enumerate(("first", "second"))
    ]
    one, other = assign.assign(fresh, [])
    return (one.story_id, one.draft) == (other.story_id, other.draft)


QUERIES = ("queries.jsonl", "queries-held-out.jsonl")
PAIRS = ("story-pairs.jsonl", "story-pairs-held-out.jsonl")
"""The second of each was written from the specification by somebody who had seen neither the rules nor the first."""


def pairs(name: str = PAIRS[0]) -> tuple[list[list[str]], list[str]]:
    """Precision and recall, by language and in all; the ids of the pairs decided otherwise than labelled."""
    counts: dict[str, Counter[tuple[bool, bool]]] = {"all": Counter()}
    wrong = []
    for pair in lines(name):
        found = joined(pair)
        language = pair["id"].split("-")[-2]
        for each in (language, "all"):
            counts.setdefault(each, Counter())[pair["same"], found] += 1
        if found is not pair["same"]:
            wrong.append(pair["id"])
    rows = [[name.removesuffix(".jsonl"), "pairs", "precision", "recall", "wrong joins"]]
    for each, count in sorted(counts.items()):
        hits, misses, joins = count[True, True], count[True, False], count[False, True]
        precision, recall = hits / max(1, hits + joins), hits / max(1, hits + misses)
        rows.append([each, str(count.total()), f"{precision:.3f}", f"{recall:.3f}", str(joins)])
    return rows, wrong


def unrelated() -> tuple[int, list[str]]:
    """How many entries there are that have nothing to do with each other, and the titles of those that joined another."""
    entries = lines("unrelated.jsonl")
    batch = [(told["feed"], _entry(told), NOON + timedelta(minutes=5 * at)) for at, told in enumerate(entries)]
    choices = assign.assign(batch, [], texts=assign.said(batch, lambda _: ()))
    wrong = [told["title"] for told, choice in zip(entries, choices, strict=True) if choice.reason != "first"]
    return len(entries), wrong


def forms() -> tuple[list[list[str]], list[str]]:
    """Of forms.tsv: the share of forms that `word~` finds, and how many look-alikes; what was decided otherwise than labelled."""
    counts: dict[str, Counter[tuple[bool, bool]]] = {"be": Counter(), "uk": Counter()}
    wrong = []
    for line in (DATA / "forms.tsv").read_text("utf-8").splitlines()[1:]:
        language, word, own, others = line.split("\t")
        asked = query.parse(f"{word}~")
        for text, label in [*((form, True) for form in own.split()), *((other, False) for other in others.split())]:
            found = match.evaluate(asked, tokens.document(title=text, body="", language=language)) is not None
            counts[language][label, found] += 1
            if found is not label:
                wrong.append(f"{word}:{text}")
    rows = [["forms (word~)", "forms", "found", "look-alikes", "found"]]
    for language, count in counts.items():
        hits, misses, joins = count[True, True], count[True, False], count[False, True]
        rows.append(
            [
                language,
                str(hits + misses),
                f"{hits / (hits + misses):.3f}",
                str(joins + count[False, False]),
                str(joins),
            ]
        )
    return rows, wrong


def main() -> None:
    """Measure and print one JSON document; with --wrong, the ids that disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default="", help="nobody to compare with")
    parser.add_argument("--wrong", action="store_true", help="name the cases that disagree with their labels")
    args = parser.parse_args()
    table = [["queries", "cases", "right", "share"]]
    wrong = {}
    for name, options in itertools.product(QUERIES, ([], ["--history"])):
        what = " ".join([name.removesuffix(".jsonl"), *options])
        count, wrong[what] = queries(name, *options)
        right = count - len(wrong[what])
        table.append([what, str(count), str(right), f"{right / count:.1%}"])
    rows: list[list[str]] = []
    for name in PAIRS:
        some, wrong[name] = pairs(name)
        rows += [*some, []]
    count, wrong["unrelated"] = unrelated()
    rows += [["unrelated", "entries", "wrong joins"], ["all", str(count), str(len(wrong["unrelated"]))]]
    spellings, wrong["forms"] = forms()
    facts = {"sets": "tests/data"}
    if args.wrong:
        facts |= {f"wrong {name}": " ".join(ids) for name, ids in wrong.items()}
    promise = "what people say of a text and of a pair is what we say"
    sys.stdout.write(
        json.dumps({"promise": promise, "facts": facts, "table": [*table, [], *rows, [], *spellings]}) + "\n"
    )


if __name__ == "__main__":
    main()
