-- Politeness: why a feed is polled when it is, what its publisher asks for, its rhythm, its moves and its history.

-- 0: what the publisher asks for is not listened to
ALTER TABLE feeds ADD COLUMN use_hints INTEGER NOT NULL DEFAULT 1
;
-- why next_poll_at is when it is
ALTER TABLE feeds ADD COLUMN next_poll_reason TEXT NOT NULL DEFAULT ''
;
-- JSON: ttl, update (seconds), skip_hours, skip_days
ALTER TABLE feeds ADD COLUMN hints TEXT NOT NULL DEFAULT '{}'
;
-- when a poll last brought a new or a revised entry
ALTER TABLE feeds ADD COLUMN news_at TEXT
;
-- when a body last came, or was asked for without condition
ALTER TABLE feeds ADD COLUMN looked_at TEXT
;
-- when its validators were caught vouching for a changed document
ALTER TABLE feeds ADD COLUMN frozen_at TEXT
;
-- polls in a row without news
ALTER TABLE feeds ADD COLUMN quiet_polls INTEGER NOT NULL DEFAULT 0
;
-- the usual gap between entries
ALTER TABLE feeds ADD COLUMN rhythm_seconds INTEGER
;
-- how long an entry stays in the document at that rhythm
ALTER TABLE feeds ADD COLUMN window_seconds INTEGER
;
-- where it lives now; empty: where feeds.yaml says
ALTER TABLE feeds ADD COLUMN moved_url TEXT NOT NULL DEFAULT ''
;
-- where permanent redirects lead
ALTER TABLE feeds ADD COLUMN move_target TEXT NOT NULL DEFAULT ''
;
-- polls in a row that said so
ALTER TABLE feeds ADD COLUMN move_polls INTEGER NOT NULL DEFAULT 0
;
-- a target that a person took back
ALTER TABLE feeds ADD COLUMN move_refused TEXT NOT NULL DEFAULT ''
;
CREATE INDEX feeds_by_moved_url ON feeds (moved_url) WHERE moved_url != ''
;

-- What is known already: silence is counted from here, so that not every feed is looked at on the first day.
UPDATE feeds SET looked_at = last_ok_at,
       news_at = (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = feeds.id)
WHERE last_ok_at IS NOT NULL
;

-- One row: something that happened to a feed as a whole.
CREATE TABLE feed_events (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id  TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,                       -- moved, moved_onto, move_undone, gone, back, frozen_validators ...
  detail   TEXT NOT NULL                        -- for people
)
;
CREATE INDEX feed_events_by_feed ON feed_events (feed_id, id)
;
DROP VIEW feed_health
;

-- How is each feed doing?
CREATE VIEW feed_health AS
SELECT f.id AS feed_id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id) AS title, f.url, f.state,
       f.error_class, f.error, f.failures, f.failing_since, f.malformed, f.last_ok_at, f.next_poll_at,
       (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries,
       (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = f.id) AS newest_entry_at,
       f.next_poll_reason, f.moved_url, f.news_at, f.quiet_polls, f.rhythm_seconds
FROM feeds f WHERE f.removed_at IS NULL ORDER BY f.state = 'ok', f.id
;
