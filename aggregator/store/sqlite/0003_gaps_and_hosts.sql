-- Scheme, name and port of the URL: what politeness is counted by.
ALTER TABLE feeds ADD COLUMN host TEXT NOT NULL DEFAULT ''
;
-- The host whose own word (429 or 503 with Retry-After) `held_until` is; empty when it is another's, or nobody's.
ALTER TABLE feeds ADD COLUMN held_by TEXT NOT NULL DEFAULT ''
;
-- How many items the last document held.
ALTER TABLE feeds ADD COLUMN items INTEGER NOT NULL DEFAULT 0
;
CREATE INDEX feeds_by_host ON feeds (host)
;

-- One row: a host two of whose URLs asked to be left alone: none of its feeds is polled before `held_until`.
CREATE TABLE hosts (
  host        TEXT PRIMARY KEY,
  held_until  TEXT NOT NULL,
  said_by     TEXT NOT NULL,                    -- the feed whose poll was told so last
  said_at     TEXT NOT NULL
) WITHOUT ROWID
;

-- One row: a time in which a feed may have told what we never saw, for its document held nothing that was known.
CREATE TABLE gaps (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id    TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  after_at   TEXT NOT NULL,                     -- the last sight of what was known
  before_at  TEXT NOT NULL,                     -- the oldest entry of the document
  found_at   TEXT NOT NULL
)
;
CREATE INDEX gaps_by_feed ON gaps (feed_id, found_at)
;
