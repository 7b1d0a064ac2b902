"""What must hold of feeds, entries, stories, and of what is counted."""

# ruff: noqa: S608 - tables and columns are our own words

from __future__ import annotations

from aggregator.store.sql.invariants.rule import REPORT, RESTORE, Invariant, half_claimed, never_given, sums

_FEED = f"the feed goes on being polled; {REPORT}"
_SHOWN_WRONG = f"nothing is lost, but pages may show less; {REPORT}"
_TOLD = f"look at `aggregator editions`; {REPORT}"
_NUMBERS = f"entries and matches are whole, but charts and bursts are reckoned from wrong numbers; {REPORT}"
_DAYS_OF = "SELECT watchlist_id || ' ' || {}, entries FROM {}"
# Nothing was ever removed, and no id given to other news, which counts again: then the counts are exact.
_EXACT = """NOT EXISTS (SELECT 1 FROM entries WHERE story_revision > 1) AND (SELECT sum(seq) FROM sqlite_sequence
  WHERE name IN ('entries', 'matches')) = (SELECT count(*) FROM entries) + (SELECT count(*) FROM matches)"""

_OF_POLLING = (
    Invariant(
        "validators without a body that was parsed",
        "SELECT id FROM feeds WHERE (etag != '' OR last_modified != '') AND last_ok_at IS NULL",
        "entries may hide behind them; `aggregator feeds resume ID` asks for the whole document",
    ),
    Invariant(
        "what a document held, of a feed that was never read",
        "SELECT d.feed_id FROM documents d JOIN feeds f ON f.id = d.feed_id WHERE f.last_ok_at IS NULL",
        _FEED,
    ),
    Invariant(
        "a claim without an end",
        " UNION ALL ".join(
            half_claimed(table, key) for table, key in (("feeds", "id"), ("articles", "entry_id"), ("messages", "id"))
        ),
        f"whatever it is waits for ever; {RESTORE}, {REPORT}",
    ),
    Invariant(
        "an entry without a key",
        "SELECT id FROM entries WHERE id NOT IN (SELECT entry_id FROM entry_keys WHERE entry_id IS NOT NULL)",
        f"it would be stored again when its feed shows it; {REPORT}",
    ),
    Invariant(
        "a key of another feed's entry",
        "SELECT k.feed_id, e.id FROM entry_keys k JOIN entries e ON e.id = k.entry_id WHERE e.feed_id != k.feed_id",
        f"a new entry may be taken for one that is known; {REPORT}",
    ),
    Invariant(
        "an id that was never given",
        " UNION ALL ".join(never_given(t, "entry_id", "entries") for t in ("entry_keys", "story_keys"))
        + " UNION ALL SELECT 'documents', d.feed_id FROM documents d, json_each(d.fresh) j WHERE CAST(json_extract(j.value, '$[1]') AS BIGINT) > "
        "(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries')",
        f"an entry to come could be taken for a known one; {RESTORE}",
    ),
    Invariant(
        "a number that would be given twice",
        " UNION ALL ".join(
            f"SELECT '{t}', max(id) FROM {t} HAVING max(id) > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{t}')"
            for t in ("entries", "stories", "matches", "editions", "messages")
        ),
        RESTORE,
    ),
)
_OF_ENTRIES = (
    Invariant(
        "a revised entry without its earlier text",
        "SELECT id FROM entries WHERE revision > 1 AND id NOT IN (SELECT entry_id FROM entry_revisions)",
        _SHOWN_WRONG,
    ),
    Invariant(
        "an earlier text that is not earlier",
        "SELECT r.entry_id, r.revision FROM entry_revisions r JOIN entries e ON e.id = r.entry_id WHERE r.revision >= e.revision",
        _SHOWN_WRONG,
    ),
    Invariant(
        "a match of a revision that never was",
        "SELECT m.id FROM matches m JOIN entries e ON e.id = m.entry_id WHERE m.revision > e.revision",
        _TOLD,
    ),
    Invariant(
        "a match whose text is not kept",
        "SELECT m.id FROM matches m JOIN entries e ON e.id = m.entry_id WHERE m.revision < e.revision AND NOT EXISTS ("
        "SELECT 1 FROM entry_revisions r WHERE r.entry_id = m.entry_id AND r.revision = m.revision)",
        _SHOWN_WRONG,
    ),
    Invariant(
        "a story without entries", "SELECT id FROM stories WHERE id NOT IN (SELECT story_id FROM entries)", _SHOWN_WRONG
    ),
    Invariant(
        "a story that is there and merged into another",
        "SELECT id FROM story_aliases WHERE id IN (SELECT id FROM stories)",
        f"`aggregator stories show ID` tells which; {REPORT}",
    ),
    Invariant(
        "an entry of a merged story that is not its story's",
        "SELECT id FROM entries e WHERE merged_from IS NOT NULL AND NOT EXISTS ("
        "SELECT 1 FROM story_aliases a WHERE a.id = e.merged_from AND a.story_id = e.story_id)",
        f"later copies may begin a story of their own; {REPORT}",
    ),
    Invariant(
        "a new search index that is half there",
        "SELECT name FROM facts WHERE name IN ('reindexed_to', 'reindexed_by') AND ((SELECT count(*) FROM facts WHERE name IN "
        "('reindexed_to', 'reindexed_by')) != 2 OR NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'entry_index_next'))",
        RESTORE,
    ),
)
_OF_COUNTS = (
    Invariant(
        "a count of all that is not the sum of its parts",
        sums(
            ("SELECT day, entries FROM day_counts", "SELECT day, entries FROM entry_counts"),
            ("SELECT substr(day, 1, 7), entries FROM day_counts", "SELECT month, entries FROM entry_months"),
        ),
        _NUMBERS,
    ),
    Invariant(
        "a watchlist's count that is not the sum of its parts",
        sums(
            (_DAYS_OF.format("day", "match_days"), _DAYS_OF.format("substr(hour, 1, 10)", "match_counts")),
            (_DAYS_OF.format("substr(hour, 1, 7)", "match_counts"), _DAYS_OF.format("month", "match_months")),
        ),
        _NUMBERS,
    ),
    # What is pruned stays counted, and a language may be corrected: at least what is there is counted on its day.
    Invariant(
        "entries that are not counted",
        "SELECT feed_id, day FROM (SELECT feed_id, substr(sort_at, 1, 10) AS day, count(*) AS n FROM entries GROUP BY 1, 2) e "
        "WHERE n > (SELECT coalesce(sum(c.entries), 0) FROM entry_counts c WHERE c.feed_id = e.feed_id AND c.day = e.day)",
        _NUMBERS,
    ),
    Invariant(
        "more entries counted than came",
        f"SELECT sum(entries) FROM day_counts HAVING sum(entries) > (SELECT count(*) FROM entries) AND {_EXACT}",
        _NUMBERS,
    ),
    Invariant(
        "matches that are not counted",
        "SELECT watchlist_id, hour FROM (SELECT m.watchlist_id, e.feed_id, substr(e.sort_at, 1, 13) AS hour, count(DISTINCT e.id) AS n "
        "FROM matches m JOIN entries e ON e.id = m.entry_id AND m.revision >= e.story_revision GROUP BY 1, 2, 3) f "
        "WHERE n > (SELECT coalesce(sum(c.entries), 0) FROM match_counts c "
        "WHERE c.watchlist_id = f.watchlist_id AND c.hour = f.hour AND c.feed_id = f.feed_id)",
        _NUMBERS,
    ),
    Invariant(
        "more matches counted than there are",
        "SELECT watchlist_id FROM match_days d GROUP BY watchlist_id HAVING sum(entries) > ("
        f"SELECT count(DISTINCT entry_id) FROM matches m WHERE m.watchlist_id = d.watchlist_id) AND {_EXACT}",
        _NUMBERS,
    ),
    Invariant(
        "more answers than polls",
        "SELECT feed_id, day FROM feed_days WHERE answered > polls UNION ALL "
        "SELECT 'all', hour FROM poll_hours WHERE answered > polls",
        _NUMBERS,
    ),
    # Of the day at which retention cuts, hours are left where the day is not.
    Invariant(
        "polls of a day that are not the sum of its hours",
        "SELECT key FROM ("
        + sums(("SELECT day, polls FROM feed_days", "SELECT substr(hour, 1, 10), polls FROM poll_hours"))
        + ") d WHERE key > (SELECT substr(min(hour), 1, 10) FROM poll_hours)",
        _NUMBERS,
    ),
)
NEWS = (*_OF_POLLING, *_OF_ENTRIES, *_OF_COUNTS)
