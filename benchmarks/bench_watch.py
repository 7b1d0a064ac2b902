"""What matching an entry costs with 1, 1,000, 10,000 and 100,000 watchlists, beside a loop over compiled regular expressions.

CPU time. Every size runs in a process of its own, on the same entries of 230 words; each entry satisfies ten queries, by construction.
The loop asks the same queries of the same texts, a regular expression for each word or phrase, until one of them fails.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aggregator.cli import YOUNG
from aggregator.query import parse
from aggregator.tokens import document
from aggregator.watch import match
from aggregator.watch.index import WatchIndex

SIZES = (1, 1_000, 10_000, 100_000)
WORDS, VOCABULARY, ENTRIES, TRUE = 230, 50_000, 300, 10
MORE = (20, 50, 100, 200)
"""True matches an entry beyond those ten, to see what one of them costs."""
LOOPED = 5
"""Entries that the loop is given: it is slow."""
SYLLABLES = [a + b for a in "bdklmnrstv" for b in "aeiou"]


@dataclass(frozen=True)
class Asked:
    """A query, a text that satisfies it, and the same question in regular expressions: all of these, none of those."""

    text: str
    satisfied: str
    all_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()


class World:
    """Words as frequent as in a language (Zipf), and queries on names that stand in few entries."""

    def __init__(self, seed: int) -> None:
        self.die = random.Random(seed)
        words = {"".join(self.die.choices(SYLLABLES, k=self.die.randint(2, 4))) for _ in range(VOCABULARY * 2)}
        self.words = self.die.sample(sorted(words), min(VOCABULARY, len(words)))
        self.weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(self.words))))

    def asked(self, number: int) -> Asked:
        """One of eight shapes: words, phrases, AND, OR, exact, beginnings with NOT, NEAR, groups."""
        a, b = f"name{number:x}q", f"clan{number:x}q"
        c, d = (self.words[self.die.randint(50, 5_000)] for _ in range(2))
        return (
            Asked(a, a, (rf"(?i)\b{a}\b",)),
            Asked(f'"{a} {b}"', f"{a} {b}", (rf"(?i)\b{a}\W+{b}\b",)),
            Asked(f"{a} AND {c}", f"{a} {c}", (rf"(?i)\b{a}\b", rf"(?i)\b{c}\b")),
            Asked(f"{a} OR {b}", b, (rf"(?i)\b(?:{a}|{b})\b",)),
            Asked(f"={a.capitalize()}", a.capitalize(), (rf"\b{a.capitalize()}\b",)),
            Asked(f"{a}* NOT {b}", f"{a}om", (rf"(?i)\b{a}",), (rf"(?i)\b{b}\b",)),
            Asked(f"{a} NEAR/5 {b}", f"{b} {c} {a}", (rf"(?i)\b(?:{a}(?:\W+\w+){{0,5}}\W+{b}|{b}(?:\W+\w+){{0,5}}\W+{a})\b",)),
            Asked(f"({a} OR {b}) AND ({c} OR {d})", f"{a} {d}", (rf"(?i)\b(?:{a}|{b})\b", rf"(?i)\b(?:{c}|{d})\b")),
        )[number % 8]  # fmt: skip

    def entry(self, asked: Sequence[Asked], true: int) -> str:
        """A text that satisfies so many of the queries."""
        words = self.die.choices(self.words, cum_weights=self.weights, k=WORDS - 2 * TRUE)
        for each in self.die.sample(asked, min(true, len(asked))):
            words.insert(self.die.randint(0, len(words)), each.satisfied)
        return " ".join(words)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="measure one size and print it as JSON; without it, all of them")
    parser.add_argument("--seed", type=int, default=7)
    args, _ = parser.parse_known_args()
    gc.set_threshold(YOUNG, 10, 10)  # as the program does
    if args.size:
        print(json.dumps(measured(args.size, args.seed)))
        return 0
    rows = [run(size, args.seed) for size in SIZES]
    thousand, last = rows[1], rows[-1]
    facts = {
        "words_an_entry": WORDS,
        "true_matches_an_entry": TRUE,
        "at_100000_times_the_cost_at_1000": f"{last['ms'] / thousand['ms']:.2f} (wanted 4)",
        "part_of_the_loop_at_100000": f"1/{last['loop_ms'] / last['ms']:.0f} (wanted 1/50)",
        "us_a_further_true_match": f"{max(row['further_us'] for row in rows[1:]):.1f} at most (wanted 20)",
        "peak_mb_at_100000": f"{last['mb']:.0f} (wanted 300)",
    }
    head = ("watchlists", "tokens ms", "match ms", "p99 ms", "matches", "candidates", "regex loop ms", "loop/match", "further us", "add us", "remove us", "MB")  # fmt: skip
    table = [head, *(cells(row) for row in rows)]
    print(
        json.dumps({"promise": "what an entry costs hardly grows with the watchlists", "facts": facts, "table": table})
    )
    return 0


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    further = f"{row['further_us']:.1f}" if row["size"] > 1 else "-"
    return (
        f"{row['size']:,}", f"{row['tokens_ms']:.3f}", f"{row['ms']:.3f}", f"{row['p99_ms']:.3f}", f"{row['matches']:.1f}",
        f"{row['candidates']:.1f}", f"{row['loop_ms']:.2f}", f"{row['loop_ms'] / row['ms']:.0f}", further,
        f"{row['add_us']:.0f}", f"{row['remove_us']:.0f}", f"{row['mb']:.0f}",
    )  # fmt: skip


def run(size: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--size", str(size), "--seed", str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def measured(size: int, seed: int) -> dict[str, Any]:
    """One size, all in milliseconds an entry but where the name says otherwise."""
    world = World(seed)
    asked = [world.asked(number) for number in range(size)]
    index = WatchIndex((str(number), parse(each.text)) for number, each in enumerate(asked))
    texts = [world.entry(asked, TRUE) for _ in range(ENTRIES)]
    tokens, times, found, candidates = matched(index, texts)
    base, more = statistics.fmean(times), []
    for true in MORE if size > 1 else ():
        _, longer, many, _ = matched(index, [world.entry(asked, true) for _ in range(ENTRIES // 3)])
        more.append(1e3 * (statistics.fmean(longer) - base) / (many - found))
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the loop's expressions
    return {
        "size": size, "tokens_ms": tokens, "ms": base, "p99_ms": statistics.quantiles(times, n=100)[98], "matches": found,
        "candidates": candidates, "further_us": statistics.fmean(more) if more else 0.0, "mb": mb,
        "loop_ms": looped(asked, texts[:LOOPED]), **changed(index),
    }  # fmt: skip


def matched(index: WatchIndex, texts: Sequence[str]) -> tuple[float, list[float], float, float]:
    """Tokenising in ms, matching each entry in ms, true matches and candidates an entry; the second of two rounds."""
    gc.collect()
    gc.freeze()
    for _ in range(2):
        began = time.process_time()
        documents = [document(title=text[:60], body=text[60:]) for text in texts]
        for each in documents:
            assert len(each.title.distinct) + len(each.body.distinct) > WORDS // 2
        tokens = (time.process_time() - began) * 1e3 / len(texts)
        times, found = zip(*(timed(lambda each=each: match.find(each, index)) for each in documents), strict=True)
    candidates = statistics.fmean(len(index.candidates(each)) for each in documents)
    return tokens, list(times), statistics.fmean(map(len, found)), candidates


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    done = work()
    return (time.process_time() - began) * 1e3, done


def looped(asked: Sequence[Asked], texts: Sequence[str]) -> float:
    """Every query asked of every text by regular expressions; as many are found as were planted, at least."""
    re.purge()
    compiled = [([_compiled(e) for e in each.all_of], [_compiled(e) for e in each.none_of]) for each in asked]
    began = time.process_time()
    found = sum(
        all(each.search(text) for each in wanted) and not any(each.search(text) for each in unwanted)
        for text in texts
        for wanted, unwanted in compiled
    )
    assert found >= min(TRUE, len(asked)) * len(texts) * 0.9
    return (time.process_time() - began) * 1e3 / len(texts)


def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def changed(index: WatchIndex) -> dict[str, float]:
    """Adding and removing one watchlist, in microseconds; without parsing."""
    queries = [parse(f'"late{n} comer{n}" OR late{n}*') for n in range(200)]
    adding, _ = timed(lambda: [index.add(f"late{n}", query) for n, query in enumerate(queries)])
    removing, _ = timed(lambda: [index.remove(f"late{n}") for n in range(len(queries))])
    return {"add_us": adding * 1e3 / len(queries), "remove_us": removing * 1e3 / len(queries)}


if __name__ == "__main__":
    sys.exit(main())
