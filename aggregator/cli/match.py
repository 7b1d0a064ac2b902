"""`aggregator match`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import click

from aggregator.cli import output
from aggregator.cli.context import Context, pass_context
from aggregator.errors import QueryError, UsageError
from aggregator.tokens import Document


@click.command("match")
@click.argument("query", required=False)
@click.option("--text", default=None, metavar="TEXT", help="The text to match; - reads it from standard input.")
@click.option("--cases", type=click.File("r", encoding="utf-8-sig"), help="JSON Lines {id, query, entry, aliases}.")
@click.option("--history", is_flag=True, help="Decide the cases through a stored index, as search does.")
@pass_context
def command(context: Context, query: str | None, text: str | None, cases: IO[str] | None, history: bool) -> int:
    """Try a query on a text, like grep: exit 0 when it matches, 1 when not, 2 for a bad query.

    \b
    Examples:
      echo "ОДКБ проведёт учения" | aggregator match '=ОДКБ' --text -
      aggregator match --cases cases.jsonl

    A case's entry has title, body, html, lang, source, url, author, categories; the answer is {id, match} or
    {id, error: {pos, message}}.
    """
    if cases is not None:
        if query is not None or text is not None:
            raise UsageError("give either QUERY with --text, or --cases")
        return _cases(cases, history=history)
    if query is None or text is None:
        raise UsageError("give QUERY with --text TEXT (or --text -), or --cases FILE")
    return _one(context, query, sys.stdin.read() if text == "-" else text)


def _one(context: Context, query: str, text: str) -> int:
    from aggregator import settings, tokens
    from aggregator.query import parse
    from aggregator.watch import match

    # The home's aliases are needed only when the query names one.
    aliases: Mapping[str, Any] = settings.load(context.home, {}).aliases if "@" in query else {}
    spans = match.evaluate(parse(query, aliases), tokens.document(title="", body=text))
    if spans is None:
        return 1
    click.echo(output.highlighted(text, spans, "body").rstrip("\n"))
    return 0


def _cases(file: IO[str], *, history: bool) -> int:
    try:
        cases = [_read(line, number, file.name) for number, line in enumerate(file, 1) if line.strip()]
    except UnicodeDecodeError as e:
        raise UsageError(f"{file.name}: not UTF-8 text ({e.reason})") from None
    answers = _through_history(cases) if history else _live(cases)
    for answer in answers:
        output.line(answer)
    return 0


def _read(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise UsageError(f"{name}:{number}: not JSON: {e}") from None
    entry = case.get("entry", {}) if isinstance(case, dict) else None
    if not isinstance(case, dict) or not isinstance(case.get("query"), str) or not isinstance(entry, dict):
        raise UsageError(f"{name}:{number}: a case is {{id, query, entry, aliases}} with a text as query")
    aliases = case.get("aliases") or {}
    lists = aliases.values() if isinstance(aliases, dict) else [0]
    if not all(isinstance(v, str) or (isinstance(v, list) and all(isinstance(q, str) for q in v)) for v in lists):
        raise UsageError(f"{name}:{number}: aliases is a mapping from a name to a list of queries")
    categories = entry.get("categories") or []
    if not isinstance(categories, str | list):
        raise UsageError(f"{name}:{number}: categories is a list of texts")
    return case


def _aliases(case: Mapping[str, Any]) -> dict[str, list[str]]:
    """Aliases of a case; a single text serves as a list of one."""
    found = case.get("aliases") or {}
    return {str(k): [v] if isinstance(v, str) else [str(q) for q in v] for k, v in found.items()}


def _text(value: Any) -> str:
    """A value as text; a lone surrogate becomes U+FFFD, as in a feed's text."""
    return str(value or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _entry(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case's entry as plain texts: title and body may hold HTML, as in a feed; `html` is HTML, or says that `body` is."""
    from aggregator.feeds import sanitize

    entry = case.get("entry", {})
    markup, body = entry.get("html"), _text(entry.get("body"))
    body = sanitize.text(body) if markup is True else sanitize.lenient(body)
    if isinstance(markup, str) and markup:
        body = "\n".join(t for t in (body, sanitize.text(markup)) if t)
    categories = entry.get("categories") or ()
    return {
        "title": sanitize.title(_text(entry.get("title"))),
        "body": _text(body),
        "source": _text(entry.get("source")),
        "language": _text(entry.get("lang")),
        "url": _text(entry.get("url")),
        "author": _text(entry.get("author")),
        "categories": (_text(categories),) if isinstance(categories, str) else tuple(map(_text, categories)),
    }


def _error(case: Mapping[str, Any], error: QueryError) -> dict[str, Any]:
    return {"id": case.get("id"), "error": {"pos": error.pos, "message": error.message}}


def _live(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from aggregator import tokens
    from aggregator.query import parse
    from aggregator.watch import match

    for case in cases:
        try:
            query = parse(case["query"], _aliases(case))
        except QueryError as e:
            yield _error(case, e)
            continue
        document: Document = tokens.document(**_entry(case))
        yield {"id": case.get("id"), "match": match.evaluate(query, document) is not None}


def _through_history(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Store every case's entry, then ask the index and the evaluator."""
    from aggregator.query import parse
    from aggregator.search import search
    from aggregator.store.sqlite import SqliteStores

    with tempfile.TemporaryDirectory(prefix="aggregator-match-") as folder:
        stores = SqliteStores(Path(folder) / "cases.db", secret=b"", synchronous="OFF")
        try:
            ids = _store(stores, [_entry(c) for c in cases])
            for case, entry_id in zip(cases, ids, strict=True):
                try:
                    query = parse(case["query"], _aliases(case))
                except QueryError as e:
                    yield _error(case, e)
                    continue
                yield {"id": case.get("id"), "match": any(r.id == entry_id for r in search(stores, query))}
        finally:
            stores.upkeep.close()


def _store(stores: Any, entries: list[dict[str, Any]]) -> list[int]:
    """One feed per entry, so that each keeps its own source; returns the entry ids in order."""
    from aggregator import tokens
    from aggregator.clock import SystemClock
    from aggregator.model import EntryKey, FeedSpec, NewEntry, ParsedEntry, PollOutcome, PollState, StoredChange

    now = SystemClock().now()
    specs = [FeedSpec(f"case{i}", f"case:{i}", title=e["source"] or f"case{i}") for i, e in enumerate(entries)]
    stores.feeds.sync(specs, now)
    stores.feeds.claim_due("match", len(specs), now)
    outcomes = []
    for i, e in enumerate(entries):
        document = tokens.document(**e)
        parsed = ParsedEntry(
            guid=str(i),
            link=e["url"],
            title=e["title"],
            body=e["body"],
            author=e["author"],
            categories=e["categories"],
        )
        change = StoredChange(
            NewEntry(parsed, (EntryKey("id", str(i)),), ""),
            now,
            tokens.index_text(document.title),
            tokens.index_text(document.body),
            e["language"],
        )
        outcomes.append(PollOutcome(f"case{i}", PollState(now), (change,)))
    stored = stores.polls.commit_polls(outcomes, "match", now)
    return [stored[f"case{i}"][0] for i in range(len(entries))]
