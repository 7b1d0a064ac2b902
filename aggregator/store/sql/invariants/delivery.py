"""What must hold of editions, signals, messages and notices."""

from __future__ import annotations

from aggregator.store.sql.invariants.rule import REPORT, RESTORE, Invariant, never_given

_TOLD = f"look at `aggregator editions`; {REPORT}"
OUTBOX = f"look at `aggregator outbox show ID`, then `outbox retry` or `outbox drop`; {REPORT}"

_OF_EDITIONS = (
    # A reader who moves takes along what was told (docs/decisions/0032).
    Invariant(
        "a match told in another digest's edition",
        "SELECT em.match_id FROM edition_matches em JOIN editions ed ON ed.id = em.edition_id "
        "JOIN digests d ON d.id = em.digest_id WHERE ed.digest_id != em.digest_id AND d.origin = 'config'",
        _TOLD,
    ),
    Invariant(
        "a digest that has settled matches to come",
        never_given("digests", "matches_after", "matches").replace("matches_after FROM", "id FROM"),
        f"its next matches would be told to nobody; {RESTORE}",
    ),
    # Only where its watchlist was out of the digest for a while is this as the operator wanted.
    Invariant(
        "a match passed over by a digest that told earlier and later ones",
        "WITH told AS (SELECT em.digest_id, m.watchlist_id, min(m.id) AS low, max(m.id) AS high FROM edition_matches em "
        "JOIN matches m ON m.id = em.match_id GROUP BY 1, 2) "
        "SELECT d.id, m.id FROM told t JOIN digests d ON d.id = t.digest_id AND d.removed_at IS NULL AND d.origin = 'config' "
        "JOIN digest_watchlists w ON w.digest_id = d.id AND w.watchlist_id = t.watchlist_id "
        "JOIN matches m ON m.watchlist_id = t.watchlist_id AND m.id BETWEEN t.low AND min(t.high, d.matches_after) "
        "WHERE m.reach = 'alert' AND m.matched_at >= d.added_at AND NOT EXISTS ("
        "SELECT 1 FROM edition_matches em WHERE em.digest_id = d.id AND em.match_id = m.id)",
        f"unless its watchlist was out of the digest then, nobody was told: `aggregator editions`; {REPORT}",
        "warning",
    ),
    Invariant(
        "a window that is none",
        "SELECT id FROM editions WHERE window_start > window_end OR (kind = 'alert' AND window_start != window_end)",
        _TOLD,
    ),
    # Editions for stricter readers share a window; a clock that jumped back composes earlier than what is there.
    Invariant(
        "windows that overlap",
        "SELECT b.digest_id, b.key FROM (SELECT *, lag(window_end) OVER w AS before, lag(window_start) OVER w AS began, "
        "lag(composed_at) OVER w AS earlier FROM editions WHERE kind = 'digest' AND window_start < window_end "
        "WINDOW w AS (PARTITION BY digest_id ORDER BY id)) b "
        "WHERE b.window_start < b.before AND b.composed_at >= b.earlier AND (b.window_start, b.window_end) != (b.began, b.before)",
        _TOLD,
    ),
    Invariant(
        "a digest whose next window begins inside its last",
        "SELECT d.id FROM digests d WHERE d.removed_at IS NULL AND d.next_at != d.covered_until AND d.covered_until < ("
        "SELECT e.window_end FROM editions e WHERE e.digest_id = d.id AND e.kind = 'digest' AND e.composed_at >= d.added_at "
        "ORDER BY e.id DESC LIMIT 1)",
        f"what it told may be told again; {_TOLD}",
    ),
    Invariant(
        "a signal told in another digest's edition",
        "SELECT t.signal_id FROM signal_tellings t JOIN editions e ON e.id = t.edition_id WHERE e.digest_id != t.digest_id",
        _TOLD,
    ),
    Invariant(
        "a burst or silence that lasts twice",
        "SELECT kind, coalesce(watchlist_id, feed_id) FROM signals WHERE ended_at IS NULL "
        "GROUP BY kind, watchlist_id, feed_id HAVING count(*) > 1",
        _TOLD,
    ),
)
_OF_MESSAGES = (
    Invariant(
        "a claimed message that nobody holds",
        "SELECT id FROM messages WHERE state = 'claimed' AND claimed_by IS NULL",
        OUTBOX,
    ),
    Invariant(
        "a message that is held and not claimed",
        "SELECT id FROM messages WHERE state != 'claimed' AND claimed_by IS NOT NULL",
        OUTBOX,
    ),
    Invariant(
        "a message that waits although its body may have been handed over",
        "SELECT id FROM messages WHERE state = 'waiting' AND phase = 'data'",
        OUTBOX,
    ),
    Invariant(
        "a message that is settled at no time",
        "SELECT id FROM messages WHERE (state IN ('sent', 'dead', 'cancelled')) != (settled_at IS NOT NULL)",
        OUTBOX,
    ),
    Invariant(
        "a message that was sent twice",
        "SELECT message_id FROM attempts WHERE outcome = 'sent' GROUP BY message_id HAVING count(*) > 1",
        f"its reader has two copies of one mail; {REPORT}",
    ),
    Invariant(
        "a message that no attempt has sent",
        "SELECT id FROM messages m WHERE state = 'sent' AND EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = m.id) "
        "AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'sent')",
        OUTBOX,
    ),
    Invariant(
        "a message that was tried more often than it says",
        "SELECT id FROM messages m WHERE attempts < (SELECT count(*) FROM attempts a WHERE a.message_id = m.id)",
        OUTBOX,
    ),
    Invariant(
        "a sent message that keeps its token",
        "SELECT id FROM messages WHERE state = 'sent' AND token != ''",
        f"keep the file to yourself; {REPORT}",
    ),
    Invariant(
        "a message in the outbox without a token",
        # Of a reader who was erased it is cancelled when its claim is next looked at.
        "SELECT m.id FROM messages m JOIN subscriptions s ON s.id = m.subscription_id AND s.state != 'ended' "
        "WHERE m.state IN ('waiting', 'claimed', 'unknown') AND (m.token = '' OR m.address = '')",
        OUTBOX,
    ),
    Invariant(
        "a letter without a message",
        "SELECT id FROM letters WHERE id NOT IN (SELECT letter_id FROM messages WHERE letter_id IS NOT NULL)",
        f"whoever asked gets no answer, and may ask again; {REPORT}",
    ),
    Invariant(
        "a message of another kind than what it carries",
        "SELECT m.id FROM messages m LEFT JOIN editions e ON e.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id "
        "WHERE m.kind != coalesce(e.kind, l.kind)",
        OUTBOX,
    ),
    Invariant(
        "a message whose mail is not there",
        "SELECT id FROM messages m WHERE variant != '' AND NOT EXISTS ("
        "SELECT 1 FROM edition_mails v WHERE v.edition_id = m.edition_id AND v.variant = m.variant)",
        OUTBOX,
    ),
    Invariant(
        "a late message that was not given up",
        "SELECT id FROM messages WHERE late = 1 AND state != 'dead'",
        f"what it said may be told twice; {REPORT}",
    ),
    Invariant(
        "a late message that nobody will be told of",
        "SELECT m.id FROM messages m JOIN subscriptions s ON s.id = m.subscription_id "
        "WHERE m.late = 1 AND m.told_in IS NULL AND s.state = 'ended'",
        OUTBOX,
    ),
    Invariant(
        "a late message told to somebody else",
        "SELECT m.id FROM messages m JOIN messages t ON t.id = m.told_in JOIN subscriptions a ON a.id = m.subscription_id "
        "JOIN subscriptions b ON b.id = t.subscription_id WHERE a.subscriber_id != b.subscriber_id",
        OUTBOX,
    ),
    Invariant(
        "a notice that says nothing",
        "SELECT about FROM notices WHERE about = '' OR what = ''",
        f"`aggregator doctor` tells what is wrong; {REPORT}",
    ),
)
DELIVERY = (*_OF_EDITIONS, *_OF_MESSAGES)
