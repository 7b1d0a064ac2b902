-- 1: what the publisher asks for (ttl, sy:, skipHours, Cache-Control) is heard; 0: it is not
ALTER TABLE feeds ADD COLUMN use_hints INTEGER NOT NULL DEFAULT 1
;
-- why `next_poll_at` is when it is, in a sentence
ALTER TABLE feeds ADD COLUMN next_poll_reason TEXT NOT NULL DEFAULT ''
;
-- what the last document asks for, JSON: `ttl` and `update` in seconds, `skip_hours` (GMT), `skip_days` (Monday is 0)
ALTER TABLE feeds ADD COLUMN hints TEXT NOT NULL DEFAULT '{}'
;
-- when a poll last brought a new or a revised entry
ALTER TABLE feeds ADD COLUMN news_at TEXT
;
-- when the server last sent a body, or was last asked for one without condition
ALTER TABLE feeds ADD COLUMN looked_at TEXT
;
-- when its validators were caught vouching for a document that had changed
ALTER TABLE feeds ADD COLUMN frozen_at TEXT
;
-- polls in a row that were answered and brought nothing new
ALTER TABLE feeds ADD COLUMN quiet_polls INTEGER NOT NULL DEFAULT 0
;
-- the usual gap between two entries; NULL while unknown
ALTER TABLE feeds ADD COLUMN rhythm_seconds INTEGER
;
-- how long an entry stays in the document at that rhythm; NULL while unknown
ALTER TABLE feeds ADD COLUMN window_seconds INTEGER
;
-- where it lives now by its own permanent redirects; empty: at `url`
ALTER TABLE feeds ADD COLUMN moved_url TEXT NOT NULL DEFAULT ''
;
-- where permanent redirects lead
ALTER TABLE feeds ADD COLUMN move_target TEXT NOT NULL DEFAULT ''
;
-- polls in a row that agreed on that; at three the feed moves
ALTER TABLE feeds ADD COLUMN move_polls INTEGER NOT NULL DEFAULT 0
;
-- an address that `feeds undo` took back; it is not moved to again
ALTER TABLE feeds ADD COLUMN move_refused TEXT NOT NULL DEFAULT ''
;
CREATE INDEX feeds_by_moved_url ON feeds (moved_url) WHERE moved_url != ''
;

-- What is known already: silence is counted from here, so that not every feed is looked at on the first day.
UPDATE feeds SET looked_at = last_ok_at,
       news_at = (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = feeds.id)
WHERE last_ok_at IS NOT NULL
;

-- One row: Something that happened to a feed as a whole. Newest last.
CREATE TABLE feed_events (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id  TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,                       -- `moved`, `moved_onto` (redirects lead to another feed of yours), `move_undone`, `gone`, `back`, `frozen_validators`, `format_changed`
  detail   TEXT NOT NULL                        -- the same in a sentence
)
;
CREATE INDEX feed_events_by_feed ON feed_events (feed_id, id)
;
DROP VIEW feed_health
;

-- How is each feed doing? The troubled ones come first.
-- title: the name people see
-- entries: how many we keep
-- Example: SELECT feed_id, state, error, failing_since FROM feed_health WHERE state != 'ok';
CREATE VIEW feed_health AS
SELECT f.id AS feed_id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id) AS title, f.url, f.state,
       f.error_class, f.error, f.failures, f.failing_since, f.malformed, f.last_ok_at, f.next_poll_at,
       (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries,
       (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = f.id) AS newest_entry_at,
       f.next_poll_reason, f.moved_url, f.news_at, f.quiet_polls, f.rhythm_seconds
FROM feeds f WHERE f.removed_at IS NULL ORDER BY f.state = 'ok', f.id
;
