"""The query language: any text is a query or a fault inside it, and all who work on a query agree about every entry.

An input is a query, a line end, and the text of an entry.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

from aggregator import search, tokens
from aggregator.errors import QueryError
from aggregator.model import Entry
from aggregator.query import Query, canon, check_aliases, leaves, parse, proposal
from aggregator.querytext import MAX_CHARS
from aggregator.store.sqlite import SqliteStores
from aggregator.stores import Stores
from aggregator.tokens import Document
from aggregator.watch import documents, lint, match
from aggregator.watch.explain import explain, lines
from aggregator.watch.index import WatchIndex
from tests import emptydb
from tests.conformance.stores import Scene, new, parsed

DATA = Path(__file__).parents[1] / "data"
ALIASES = {
    "csto": ["=CSTO", "=ОДКБ", '"Collective Security Treaty Organi*"'],
    "all": ["@csto", "=НАТО"],
    "sites": ["belta.by", "tass.ru"],
}
SIGNS = (
    "(", ")", '"', " ", " AND ", " OR ", " NOT ", " -", " NEAR/2 ", " ONEAR ", " NEAR/1000 ", "=", "*", "~", "@csto", "@all", "title:", "body:", "source:", "author:",
    "category:", "url:", "lang:ru", "url:@sites", ":", "/", "word", "CSTO", "ОДКБ", "U.S.", "post-Soviet", "集体", "«", "»", "“", "C++", "3.5", "?", "[", "]", "|", "&&", "!",
    "\u200b", "\u00ad", "\u202e", "\ufeff", "\u0301", "ё", "ﬁ", "ß", "İ", "ſ", "сям’я", "=US", "12:30", "AT&T", "minsk~", "=Минск~", "mins*", "a.b.c", "\n", "\x00", "\ud800", "'",
    "\u1100\u1161", "\U0001f600", "_", "x_y", "#", "e\u0301", "Ⅷ", "½", "٣", "\u0e01\u0e33",
)  # fmt: skip
TEXTS = (
    ("CSTO summit in Minsk", "Лидеры ОДКБ собрались в Минске. The U.S. said: let us go. CSTO's post-Soviet members met."),
    ("AT&T pays 3.5", "to C++ and C# users; 集体安全条约组织 word word word title body"),
    ("Straße İstanbul ſ ﬁne", "e\u0301 cafe\u0301 ё е сям’я x_y 12:30 NEAR and OR not"),
    ("", ""),
)  # fmt: skip
WORDS = tuple(sign.encode("utf-8", "surrogatepass") for sign in SIGNS)


def samples() -> list[bytes]:
    """The queries of the labels, and some of every operator, each with an entry."""
    rows = [json.loads(line) for line in (DATA / "queries.jsonl").read_text("utf-8").splitlines()]
    found = [str(row.get("query", "")) for row in rows]
    found += [
        "@csto NEAR/3 (minsk OR минск~) -title:(nato OR brussels)",
        '="Collective Security" ONEAR/2 us lang:ru',
        "a",
        "url:https://belta.by/x?y=1 source:bel* author:(x NOT y)",
    ]
    return [f"{query}\n{title}\n{body}".encode() for query in dict.fromkeys(found) for title, body in TEXTS[:3]]


def query_any(data: bytes) -> None:
    """A text is a query or a fault; of a query everything agrees."""
    text, _, written = data.decode("utf-8", "surrogatepass" if _is_text(data) else "replace").partition("\n")
    try:
        query = parse(text, ALIASES)
    except QueryError as error:
        is_told(error, text)
        check_aliases({"own": [text], **ALIASES})
        return
    assert not check_aliases({"own": [text], **ALIASES})
    in_one_spelling(query)
    for advice in lint.lint(query):
        assert 0 <= advice.pos < len(text), advice
        assert advice.message
    for leaf in leaves(query.tree):
        assert 0 <= leaf.pos < len(text)
    title, _, body = written.partition("\n")
    agree(
        query,
        tokens.document(
            title=title,
            body=body,
            source=title,
            author=body[:80],
            url=title,
            language=body[:5],
            categories=(title, body[-80:]),
        ),
    )
    stored(query)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def is_told(error: QueryError, text: str) -> None:
    """A fault stands inside the text and is told on one line, with a caret under it."""
    assert error.query == text
    assert 0 <= error.pos <= len(text), error.pos
    assert error.message
    assert "\n" not in str(error)
    assert len(error.caret().splitlines()[-1]) >= 1


def in_one_spelling(query: Query) -> None:
    """The canonical text reads back as the same tree."""
    written = canon(query)
    if len(written) > MAX_CHARS:
        return  # where letters have no spaces between them it is longer; a query of 500 characters, as readers may have, stays below
    again = parse(written, ALIASES)
    assert again == query, written
    assert canon(again) == written


def agree(query: Query, document: Document) -> None:
    """Evaluator, explanation and index say the same of an entry."""
    found = match.evaluate(query, document)
    for span in found or ():
        assert 0 <= span.start <= span.end <= len(document.text(span.field)), span
    told = explain(query, document)
    assert told.matched == (found is not None)
    assert bool(told.missing) != told.matched
    assert len(lines(told)) > 1
    index = WatchIndex([("x", query)])
    assert [(one.watchlist_id, one.spans) for one in match.find(document, index)] == (
        [] if found is None else [("x", found)]
    )
    index.remove("x")
    assert not index.candidates(document)


# -- what is stored ------------------------------------------------------------------------------------------------------


@cache
def library() -> tuple[Stores, tuple[Entry, ...]]:
    """A real database with a few entries."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stores = SqliteStores(emptydb.put(folder / "aggregator.db"), secret=b"s" * 32, synchronous="OFF")
    atexit.register(stores.upkeep.close)
    scene = Scene(stores).furnished()
    entries = [parsed(title, body, guid=str(n)) for n, (title, body) in enumerate(TEXTS)]
    scene.poll("a", *(new(entry=entry) for entry in entries if entry.title))
    return stores, tuple(stores.entries.entries())


def stored(query: Query) -> None:
    """The search finds exactly the stored entries that satisfy the query."""
    stores, entries = library()
    found = {result.id for result in search.search(stores, query)}
    wanted = {entry.id for entry in entries if match.evaluate(query, documents.of_entry(entry)) is not None}
    assert found == wanted, proposal(query)
