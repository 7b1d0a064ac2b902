"""Live = history: what a search finds is what live matching would have found, whatever was stored and whatever is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aggregator import query, tokens
from aggregator.errors import QueryError
from aggregator.model import ArticleOutcome, EntryKey, NewEntry, ParsedEntry, RevisedEntry, StoredChange
from aggregator.query import Query
from aggregator.reading import Selection
from aggregator.search import portion, search, word_counts
from aggregator.stores import Stores
from aggregator.watch import documents, match
from tests import counts
from tests.conformance.stores import HOUR, ME, NOW, Scene, first, prune

ALIASES = {"csto": ["=CSTO", "=ОДКБ", '"collective secur*"'], "talks": ["talk~ OR переговор~", "@csto NEAR/3 minsk"]}
ENTRIES, QUERIES = 30, 60
WORDS = [
    "CSTO",
    "csto",
    "Csto",
    "ОДКБ",
    "одкб",
    "ОДКБ-2023",
    "АДКБ",
    "CS\xadTO",
    "ＣＳＴＯ",
    "U.S.",
    "us",
    "US",
    "AT&T",
    "at",
    "t",
    "C++",
    "c",
    "3.5",
    "3",
    "1,000",
    "Minsk",
    "minsk",
    "minskaya",
    "Мінск",
    "Мінску",
    "минск",
    "Минске",
    "сям'я",
    "сям’я",
    "сямя",
    "учений",
    "ученья",
    "учения",
    "бяспека",
    "бяспецы",
    "talk",
    "talks",
    "talking",
    "переговоры",
    "переговоров",
    "collective",
    "security",
    "secure",
    "Straße",
    "strasse",
    "ёлка",
    "елка",
    "集体安全条约",
    "集体",
    "条约",
    "한국",
    "café",
    "cafe",
    "post-Soviet",
    '"quoted"',
    "it's",
    "ﬁnd",
    "find",
    "№",
    "don’t",
    "NEAR",
    "OR",
    "a-b",
    "_x_",
    "x",
    "ё́",
    "#CSTO",
    "@csto",
]
PHRASES = [
    "collective security",
    "CSTO talks",
    "U.S. talks",
    "минск переговор*",
    "集体安全",
    "post-soviet",
    "3.5 minsk",
]


class Dice:
    """Random entries and random queries over the same words."""

    def __init__(self, seed: int) -> None:
        self.die = random.Random(seed)

    def text(self, most: int) -> str:
        return self.die.choice(("", " ")).join(
            self.die.choice(WORDS) + self.die.choice((" ", " ", ", ", ". ", "\n", "-", "/"))
            for _ in range(self.die.randint(0, most))
        )

    def entry(self, number: int) -> ParsedEntry:
        return ParsedEntry(
            guid=str(number),
            link=self.die.choice(("", "https://belta.by/csto", "https://x.example/Minsk")),
            title=self.text(6),
            body=self.text(25),
            author=self.text(2),
            categories=tuple(self.text(2) for _ in range(self.die.randint(0, 2))),
            language=self.die.choice(("", "en", "ru-RU", "be", "uk", "de")),
        )

    def query(self, depth: int = 3) -> str:
        if depth and self.die.random() < 0.6:
            one, two = self.query(depth - 1), self.query(depth - 1)
            shape = self.die.choice(
                ("{0} {1}", "{0} OR {1}", "({0} OR {1}) {0}", "{0} NOT {1}", "({0}) OR ({1})", "title:({0})", "body:({0} {1})")
            )  # fmt: skip
            return shape.format(one, two)
        return self.atom()

    def atom(self) -> str:
        word = self.die.choice(WORDS)
        start = word[: self.die.randint(2, 5)]
        other = self.die.choice(WORDS)
        near = f"{other} {self.die.choice(('NEAR', 'ONEAR'))}/{self.die.randint(0, 6)} {word}"
        terms = (
            word,
            word,
            f"={word}",
            f"{start}*",
            f"{word}~",
            f'"{self.die.choice(PHRASES)}"',
            near,
            "@csto",
            "@talks",
        )
        phrases = (f'"{other} {word}"', f'"{other} {start}*"', f'="{word} {word}"')
        fields = (
            f"title:{word}",
            f"body:{start}*",
            f"author:{word}",
            f"category:{word}",
            "source:a",
            "lang:ru",
            "url:belta",
        )
        return self.die.choice((*terms, *phrases, *fields))


def stored(scene: Scene, dice: Dice, feed: str = "a", now: datetime = NOW, start: int = 0) -> None:
    """Entries of a feed, numbered from `start` on, some of them revised, some with the text of their page."""
    ids = scene.poll(feed, *(_change(dice, number) for number in range(start, start + ENTRIES)), now=now)
    revised = enumerate(dice.die.sample(ids, ENTRIES // 5), start + ENTRIES)
    scene.poll(feed, *(_change(dice, number, entry_id) for number, entry_id in revised), now=now)
    outcomes = []
    tasks = scene.stores.entries.claim_articles(ME, ENTRIES, now)
    for task in tasks:
        text = dice.text(20)
        body = tokens.index_text(tokens.tokenize(text))
        outcomes.append(ArticleOutcome(task.entry.id, task.entry.revisions, text, body, (), "done"))
    scene.stores.entries.commit_articles(outcomes, ME, now)


def _change(dice: Dice, number: int, entry_id: int = 0) -> StoredChange:
    entry = dice.entry(number)
    document = tokens.document(title=entry.title, body=entry.body)
    keys = (EntryKey("id", str(number)),)
    change: NewEntry | RevisedEntry = NewEntry(entry, keys, str(number))
    if entry_id:
        change = RevisedEntry(entry_id, 2, entry, keys, str(number))
    more: dict[str, Any] = {} if entry_id else {"story": first(number), "article": dice.die.choice(("", "", "digest"))}
    texts = tokens.index_text(document.title), tokens.index_text(document.body)
    return StoredChange(change, NOW, *texts, entry.language, **more)


def asked(dice: Dice) -> Query:
    while True:
        try:
            return query.parse(dice.query(), ALIASES)
        except QueryError:
            continue


def test_history_answers_as_live_matching_does(fresh_stores: Callable[[], Stores]) -> None:
    rounds, found, alone = counts.count(10, 600), 0, 0
    for number in range(rounds):
        dice = Dice(counts.seed() + number)
        scene = Scene(fresh_stores()).furnished()
        stored(scene, dice)
        entries = list(scene.stores.entries.entries())
        for _ in range(QUERIES):
            wanted = asked(dice)
            live = {
                e.id: spans for e in entries if (spans := match.evaluate(wanted, documents.of_entry(e))) is not None
            }
            results = list(search(scene.stores, wanted))
            assert [r.id for r in results] == sorted(live, reverse=True), (
                f"seed {counts.seed() + number}: {wanted.text}"
            )
            assert {r.id: r.spans for r in results} == live, f"seed {counts.seed() + number}: {wanted.text}"
            found += len(live)
            alone += query.is_decided(wanted)
    remark = f"{ENTRIES} entries each; {found:,} found, {alone:,} queries decided by the index alone"
    counts.report("queries live and over history", rounds * QUERIES, 0, remark)
    assert found
    assert alone


def test_both_engines_answer_alike(both: tuple[Stores, Stores]) -> None:
    """Of a few hundred entries: all from a moment on, or a portion of one feed, perhaps in one language, behind any entry."""
    dice, rounds = Dice(counts.seed()), counts.count(600, 30_000)
    for stores in both:
        words = Dice(counts.seed())
        scene = Scene(stores).furnished()
        for hour in range(8):
            stored(scene, words, "ab"[hour % 2], NOW + hour * HOUR, 100 * hour)
        stores.stories.merge(1, [3, 5, 200], NOW)
        prune(stores, NOW + 9 * HOUR, 8 * HOUR)
    ids, *others = [[e.id for e in stores.entries.entries()] for stores in both]
    assert others == [ids]
    found = 0
    for _ in range(rounds):
        wanted, roll = asked(dice), dice.die
        since = roll.choice((None, NOW + roll.randint(0, 9) * HOUR))
        part = Selection(
            roll.randint(1, 9), roll.choice(ids), since, feed_id=roll.choice("ab"), language=roll.choice(("", "en"))
        )
        is_whole = roll.random() < 0.5
        ours, theirs = (
            [(r.id, r.spans) for r in search(stores, wanted, since)]
            if is_whole
            else [(r.id, r.spans) for r in portion(stores, wanted, part, lambda: False).items]
            for stores in both
        )
        assert ours == theirs, f"seed {counts.seed()}: {wanted.text} of {part}"
        found += len(ours)
    assert word_counts(both[0]) == word_counts(both[1])
    counts.report("queries to SQLite and PostgreSQL", rounds, 0, f"{len(ids)} entries; {found:,} found")
    assert found > rounds


def test_what_the_index_alone_decides_is_still_found_through_nul_and_surrogates(scene: Scene) -> None:
    scene.entry("csto\0minsk")
    for text in ("csto", "minsk", '"csto minsk"', "cst*"):
        # PostgreSQL's text holds no NUL; what stands for it parts words as well.
        (found,) = search(scene.stores, query.parse(text))
        assert found.entry.title in ("csto\0minsk", "csto\N{REPLACEMENT CHARACTER}minsk")


def test_words_are_counted_in_ten_thousand_entries(scene: Scene) -> None:
    assert word_counts(scene.stores) == {}
    for title in ("csto talks", "talks about talks", "nothing"):
        scene.entry(title)
    counted = word_counts(scene.stores)
    assert round(counted["talks"]) == 6667
    assert round(counted["csto"]) == 3333
    assert "odkb" not in counted
    assert round(word_counts(scene.stores, 1)["nothing"]) == 10_000
