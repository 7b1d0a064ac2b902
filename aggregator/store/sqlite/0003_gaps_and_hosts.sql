-- scheme, name and port of `url`
ALTER TABLE feeds ADD COLUMN host TEXT NOT NULL DEFAULT ''
;
-- the host whose own word (429 or 503 with Retry-After) `held_until` is, else empty
ALTER TABLE feeds ADD COLUMN held_by TEXT NOT NULL DEFAULT ''
;
-- how many items the last document held
ALTER TABLE feeds ADD COLUMN items INTEGER NOT NULL DEFAULT 0
;
CREATE INDEX feeds_by_host ON feeds (host)
;

-- One row: A host two of whose URLs asked to be left alone: none of its feeds is polled meanwhile.
CREATE TABLE hosts (
  host        TEXT PRIMARY KEY,                 -- scheme, name and port
  held_until  TEXT NOT NULL,                    -- not before this
  said_by     TEXT NOT NULL,                    -- the feed whose poll was told so last
  said_at     TEXT NOT NULL
) WITHOUT ROWID
;

-- One row: A time in which a feed may have told what we never saw: its document held nothing that was known.
CREATE TABLE gaps (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id    TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  after_at   TEXT NOT NULL,                     -- the last sight of what was known
  before_at  TEXT NOT NULL,                     -- the time of the oldest entry of the document
  found_at   TEXT NOT NULL
)
;
CREATE INDEX gaps_by_feed ON gaps (feed_id, found_at)
;
